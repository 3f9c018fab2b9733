"""A tree as a DMN 1.3 model: a decision with a decision table for each question, and one for the outcome.

Engines disagree on what a decision with several outputs hands to the decision that requires it: by the
standard a context under the decision's name, in Camunda 7 a variable for each output. They agree where
there is one output that bears the decision's name. So a question's table gives the name of the last branch
alone, and the table of `outcome` turns that into the recommendation and the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from finetune_advisor.engine.model.conditions import OPERATOR_SYMBOLS, Bound, InChoices, InRange
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.engine.model.tree import Branch, Question, Tree
from finetune_advisor.formats.explicit_branches import Compared, Explicit, cases
from finetune_advisor.formats.graphics.layout import Line, layout
from finetune_advisor.formats.graphics.typesetting import xml_text
from finetune_advisor.formats.numbers import decimal

SPACES = {
    "xmlns": "https://www.omg.org/spec/DMN/20191111/MODEL/",
    "xmlns:dmndi": "https://www.omg.org/spec/DMN/20191111/DMNDI/",
    "xmlns:dc": "http://www.omg.org/spec/DMN/20180521/DC/",
    "xmlns:di": "http://www.omg.org/spec/DMN/20180521/DI/",
}
KEYWORDS = frozenset(
    (
        *("and", "between", "else", "every", "external", "false", "for", "function", "if", "in"),
        *("instance", "not", "null", "of", "or", "return", "satisfies", "some", "then", "true"),
    )
)
TYPES = {"boolean": "boolean", "enum": "string", "integer": "number", "number": "number"}
ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})
PARTS = ("recommendation", "reason")
DECISION, INPUT = (200.0, 70.0), (200.0, 45.0)


def render(tree: Tree) -> str:
    """A DMN model whose decision `outcome` has the recommendation's id and the reason why."""
    names = input_names(tree)
    root = Element("definitions", SPACES, id="tree", name=xml_text(tree.title))
    root.set("namespace", f"urn:finetune-advisor:tree:{tree.version}")
    _add(root, "description", f"{tree.title} (version {tree.version}, {tree.digest})")
    outcome = _add(root, "itemDefinition", name="t_outcome")
    for part in PARTS:
        _add(_add(outcome, "itemComponent", name=part), "typeRef", "string")
    for name, one in tree.inputs.items():
        _item(root, names[name], one)
    for name, one in tree.inputs.items():
        _input_data(root, names[name], one)
    _outcome(root, tree)
    for question in tree.ordered_questions:
        _decision(root, tree, question, names)
    _diagram(root, tree)
    ElementTree.indent(root, " ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def input_names(tree: Tree) -> Mapping[str, str]:
    """What the inputs are called in the model: those that FEEL can't take as they are end in `_`."""
    taken = {*KEYWORDS, "outcome", *map(_name, tree.questions)}
    names = {}
    for name in tree.inputs:
        free = name
        while free in taken or (free != name and free in tree.inputs):
            free += "_"
        names[name] = free
        taken.add(free)
    return names


def _item(root: Element, name: str, one: Input) -> None:
    item = _add(root, "itemDefinition", name=f"t_{name}")
    _add(item, "typeRef", TYPES[one.type])
    ends = [None if end is None else Bound(end, inclusive=True) for end in (one.minimum, one.maximum)]
    allowed = ", ".join(map(_text, one.choices)) or _range(InRange(*ends))
    if allowed:
        _add(_add(item, "allowedValues"), "text", allowed)


def _input_data(root: Element, name: str, one: Input) -> None:
    data = _add(root, "inputData", id=f"i_{one.name}", name=name)
    unit = f" ({one.unit})" if one.unit else ""
    _add(data, "description", f"{one.label}{unit}. {one.help}".strip())
    _add(data, "variable", name=name, typeRef=f"t_{name}")


def _outcome(root: Element, tree: Tree) -> None:
    decision = _add(root, "decision", id="outcome", name="outcome")
    _add(decision, "question", tree.title)
    _add(decision, "variable", name="outcome", typeRef="t_outcome")
    _requirements(decision, tree)
    rules = [
        ([_text(_last_branch(question, branch))], [_text(branch.to), _text(branch.reason)])
        for question in tree.ordered_questions
        for branch in question.branches
        if branch.to in tree.recommendations
    ]
    _table(decision, (_name(tree.root), "string"), PARTS, rules)


def _decision(root: Element, tree: Tree, question: Question, names: Mapping[str, str]) -> None:
    decision = _add(root, "decision", id=f"q_{question.id}", name=_name(question.id))
    if question.help:
        _add(decision, "description", question.help)
    _add(decision, "question", question.text)
    _add(decision, "variable", name=_name(question.id), typeRef="string")
    _requirements(decision, tree)
    answer = names[question.input], TYPES[tree.inputs[question.input].type]
    rules = [
        ([_unary(test, names)], [_entry(tree, question, branch)])
        for test, branch in cases(tree, question)
    ]
    _table(decision, answer, [_name(question.id)], rules)


def _table(
    decision: Element,
    asked: tuple[str, str],
    outputs: Sequence[str],
    rules: Sequence[tuple[Sequence[str], Sequence[str]]],
) -> None:
    """A table of an input, as an expression and its type, and some outputs; a rule has entries for both."""
    table = _add(decision, "decisionTable", hitPolicy="UNIQUE")
    expression, kind = asked
    _add(_add(_add(table, "input"), "inputExpression", typeRef=kind), "text", expression)
    for output in outputs:
        _add(table, "output", name=output, typeRef="string")
    for tests, entries in rules:
        rule = _add(table, "rule")
        for tag, texts in (("inputEntry", tests), ("outputEntry", entries)):
            for text in texts:
                _add(_add(rule, tag), "text", text)
    parts = [part for part in table.iter() if part.tag not in ("text", "decisionTable")]
    for number, part in enumerate(parts):
        part.set("id", f"{decision.get('id')}.{number}")


def _entry(tree: Tree, question: Question, branch: Branch) -> str:
    """What a question's table gives for a branch: the decision that it leads to, or its own name."""
    return _name(branch.to) if branch.to in tree.questions else _text(_last_branch(question, branch))


def _last_branch(question: Question, branch: Branch) -> str:
    """A name for a branch that ends in a recommendation."""
    return f"{question.id} {question.branches.index(branch) + 1}: {branch.to}"


def _unary(test: Explicit, names: Mapping[str, str]) -> str:
    match test:
        case InChoices(values):
            return ", ".join(_text(v) if isinstance(v, str) else str(v).lower() for v in values)
        case Compared(symbol, other):
            return names[other] if symbol == "=" else f"{symbol} {names[other]}"
        case _:
            return ", ".join(map(_range, test.ranges))


def _range(one: InRange) -> str:
    if one.lower and one.upper:
        start, end = "[" if one.lower.inclusive else "(", "]" if one.upper.inclusive else ")"
        return f"{start}{decimal(one.lower.value)}..{decimal(one.upper.value)}{end}"
    return "".join(f"{OPERATOR_SYMBOLS[operator]} {decimal(end)}" for operator, end in one.ends)


def _diagram(root: Element, tree: Tree) -> None:
    boxes = {f"i_{name}": INPUT for name in tree.inputs} | {
        f"q_{node}": DECISION for node in tree.questions
    }
    boxes["outcome"] = DECISION
    needs = list(_needs(tree))
    drawing = layout(boxes, [Line(owner, other) for owner, other in needs], 20)
    page = _add(_add(root, "dmndi:DMNDI"), "dmndi:DMNDiagram", id="diagram")
    for name, (width, height) in boxes.items():
        x, y = drawing.centres[name]
        shape = _add(page, "dmndi:DMNShape", id=f"shape.{name}", dmnElementRef=name)
        bounds = {"x": x - width / 2, "y": y - height / 2, "width": width, "height": height}
        _add(shape, "dc:Bounds", **{key: f"{value:g}" for key, value in bounds.items()})
    for (owner, other), line in zip(needs, drawing.lines, strict=True):
        need = _need(owner, other)
        edge = _add(page, "dmndi:DMNEdge", id=f"edge.{need}", dmnElementRef=need)
        for x, y in reversed(line.points):
            _add(edge, "di:waypoint", x=f"{x:g}", y=f"{y:g}")


def _needs(tree: Tree) -> Iterator[tuple[str, str]]:
    """Which decision needs which input or other decision, by their ids."""
    yield "outcome", f"q_{tree.root}"
    for question in tree.questions.values():
        for name in question.inputs:
            yield f"q_{question.id}", f"i_{name}"
        for node in dict.fromkeys(branch.to for branch in question.branches):
            if node in tree.questions:
                yield f"q_{question.id}", f"q_{node}"


def _need(owner: str, other: str) -> str:
    return f"needs.{owner}-{other}"


def _requirements(decision: Element, tree: Tree) -> None:
    for owner, other in _needs(tree):
        if owner == decision.get("id"):
            need = _add(decision, "informationRequirement", id=_need(owner, other))
            _add(
                need, "requiredInput" if other.startswith("i_") else "requiredDecision", href=f"#{other}"
            )


def _name(node: str) -> str:
    return f"question_{node}"


def _text(text: str) -> str:
    """A string of FEEL."""
    return f'"{text.translate(ESCAPES)}"'


def _add(parent: Element, tag: str, text: str = "", /, **attributes: str) -> Element:
    element = ElementTree.SubElement(parent, tag, {k: xml_text(v) for k, v in attributes.items()})
    element.text = xml_text(text) or None
    return element
