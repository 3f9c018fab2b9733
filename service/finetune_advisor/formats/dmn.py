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
from finetune_advisor.formats.explicit_branches import (
    ComparedBySymbol,
    ExplicitTest,
    list_explicit_branches,
)
from finetune_advisor.formats.graphics.layout import LayoutLine, lay_out_boxes
from finetune_advisor.formats.graphics.typesetting import replace_invalid_xml
from finetune_advisor.formats.numbers import format_decimal

XML_NAMESPACES = {
    "xmlns": "https://www.omg.org/spec/DMN/20191111/MODEL/",
    "xmlns:dmndi": "https://www.omg.org/spec/DMN/20191111/DMNDI/",
    "xmlns:dc": "http://www.omg.org/spec/DMN/20180521/DC/",
    "xmlns:di": "http://www.omg.org/spec/DMN/20180521/DI/",
}
FEEL_KEYWORDS = frozenset(
    (
        *("and", "between", "else", "every", "external", "false", "for", "function", "if", "in"),
        *("instance", "not", "null", "of", "or", "return", "satisfies", "some", "then", "true"),
    )
)
FEEL_TYPES = {"boolean": "boolean", "enum": "string", "integer": "number", "number": "number"}
FEEL_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})
OUTCOME_FIELDS = ("recommendation", "reason")
DECISION_SIZE, INPUT_SIZE = (200.0, 70.0), (200.0, 45.0)


def render_dmn(tree: Tree) -> str:
    """A DMN model whose decision `outcome` has the recommendation's id and the reason why."""
    names = choose_input_names(tree)
    root = Element("definitions", XML_NAMESPACES, id="tree", name=replace_invalid_xml(tree.title))
    root.set("namespace", f"urn:finetune-advisor:tree:{tree.version}")
    _add_element(root, "description", f"{tree.title} (version {tree.version}, {tree.digest})")
    outcome = _add_element(root, "itemDefinition", name="t_outcome")
    for part in OUTCOME_FIELDS:
        _add_element(_add_element(outcome, "itemComponent", name=part), "typeRef", "string")
    for name, one in tree.inputs.items():
        _add_item_definition(root, names[name], one)
    for name, one in tree.inputs.items():
        _add_input_data(root, names[name], one)
    _add_outcome(root, tree)
    for question in tree.ordered_questions:
        _add_decision(root, tree, question, names)
    _add_diagram(root, tree)
    ElementTree.indent(root, " ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def choose_input_names(tree: Tree) -> Mapping[str, str]:
    """What the inputs are called in the model: those that FEEL can't take as they are end in `_`."""
    taken = {*FEEL_KEYWORDS, "outcome", *map(_decision_name, tree.questions)}
    names = {}
    for name in tree.inputs:
        free = name
        while free in taken or (free != name and free in tree.inputs):
            free += "_"
        names[name] = free
        taken.add(free)
    return names


def _add_item_definition(root: Element, name: str, one: Input) -> None:
    item = _add_element(root, "itemDefinition", name=f"t_{name}")
    _add_element(item, "typeRef", FEEL_TYPES[one.type])
    ends = [None if end is None else Bound(end, inclusive=True) for end in (one.minimum, one.maximum)]
    allowed = ", ".join(map(_feel_string, one.choices)) or _range(InRange(*ends))
    if allowed:
        _add_element(_add_element(item, "allowedValues"), "text", allowed)


def _add_input_data(root: Element, name: str, one: Input) -> None:
    data = _add_element(root, "inputData", id=f"i_{one.name}", name=name)
    unit = f" ({one.unit})" if one.unit else ""
    _add_element(data, "description", f"{one.label}{unit}. {one.help}".strip())
    _add_element(data, "variable", name=name, typeRef=f"t_{name}")


def _add_outcome(root: Element, tree: Tree) -> None:
    decision = _add_element(root, "decision", id="outcome", name="outcome")
    _add_element(decision, "question", tree.title)
    _add_element(decision, "variable", name="outcome", typeRef="t_outcome")
    _add_requirements(decision, tree)
    rules = [
        (
            [_feel_string(_last_branch(question, branch))],
            [_feel_string(branch.to), _feel_string(branch.reason)],
        )
        for question in tree.ordered_questions
        for branch in question.branches
        if branch.to in tree.recommendations
    ]
    _add_table(decision, (_decision_name(tree.root), "string"), OUTCOME_FIELDS, rules)


def _add_decision(root: Element, tree: Tree, question: Question, names: Mapping[str, str]) -> None:
    decision = _add_element(root, "decision", id=f"q_{question.id}", name=_decision_name(question.id))
    if question.help:
        _add_element(decision, "description", question.help)
    _add_element(decision, "question", question.text)
    _add_element(decision, "variable", name=_decision_name(question.id), typeRef="string")
    _add_requirements(decision, tree)
    answer = names[question.input], FEEL_TYPES[tree.inputs[question.input].type]
    rules = [
        ([_unary_tests(test, names)], [_entry(tree, question, branch)])
        for test, branch in list_explicit_branches(tree, question)
    ]
    _add_table(decision, answer, [_decision_name(question.id)], rules)


def _add_table(
    decision: Element,
    asked: tuple[str, str],
    outputs: Sequence[str],
    rules: Sequence[tuple[Sequence[str], Sequence[str]]],
) -> None:
    """A table of an input, as an expression and its type, and some outputs; a rule has entries for both."""
    table = _add_element(decision, "decisionTable", hitPolicy="UNIQUE")
    expression, kind = asked
    _add_element(
        _add_element(_add_element(table, "input"), "inputExpression", typeRef=kind), "text", expression
    )
    for output in outputs:
        _add_element(table, "output", name=output, typeRef="string")
    for tests, entries in rules:
        rule = _add_element(table, "rule")
        for tag, texts in (("inputEntry", tests), ("outputEntry", entries)):
            for text in texts:
                _add_element(_add_element(rule, tag), "text", text)
    parts = [part for part in table.iter() if part.tag not in ("text", "decisionTable")]
    for number, part in enumerate(parts):
        part.set("id", f"{decision.get('id')}.{number}")


def _entry(tree: Tree, question: Question, branch: Branch) -> str:
    """What a question's table gives for a branch: the decision that it leads to, or its own name."""
    return (
        _decision_name(branch.to)
        if branch.to in tree.questions
        else _feel_string(_last_branch(question, branch))
    )


def _last_branch(question: Question, branch: Branch) -> str:
    """A name for a branch that ends in a recommendation."""
    return f"{question.id} {question.branches.index(branch) + 1}: {branch.to}"


def _unary_tests(test: ExplicitTest, names: Mapping[str, str]) -> str:
    match test:
        case InChoices(values):
            return ", ".join(_feel_string(v) if isinstance(v, str) else str(v).lower() for v in values)
        case ComparedBySymbol(symbol, other):
            return names[other] if symbol == "=" else f"{symbol} {names[other]}"
        case _:
            return ", ".join(map(_range, test.ranges))


def _range(one: InRange) -> str:
    if one.lower and one.upper:
        start, end = "[" if one.lower.inclusive else "(", "]" if one.upper.inclusive else ")"
        return f"{start}{format_decimal(one.lower.value)}..{format_decimal(one.upper.value)}{end}"
    return "".join(f"{OPERATOR_SYMBOLS[operator]} {format_decimal(end)}" for operator, end in one.ends)


def _add_diagram(root: Element, tree: Tree) -> None:
    boxes = {f"i_{name}": INPUT_SIZE for name in tree.inputs} | {
        f"q_{node}": DECISION_SIZE for node in tree.questions
    }
    boxes["outcome"] = DECISION_SIZE
    needs = list(_iter_requirements(tree))
    drawing = lay_out_boxes(boxes, [LayoutLine(owner, other) for owner, other in needs], 20)
    page = _add_element(_add_element(root, "dmndi:DMNDI"), "dmndi:DMNDiagram", id="diagram")
    for name, (width, height) in boxes.items():
        x, y = drawing.centers[name]
        shape = _add_element(page, "dmndi:DMNShape", id=f"shape.{name}", dmnElementRef=name)
        bounds = {"x": x - width / 2, "y": y - height / 2, "width": width, "height": height}
        _add_element(shape, "dc:Bounds", **{key: f"{value:g}" for key, value in bounds.items()})
    for (owner, other), line in zip(needs, drawing.lines, strict=True):
        need = _requirement_id(owner, other)
        edge = _add_element(page, "dmndi:DMNEdge", id=f"edge.{need}", dmnElementRef=need)
        for x, y in reversed(line.points):
            _add_element(edge, "di:waypoint", x=f"{x:g}", y=f"{y:g}")


def _iter_requirements(tree: Tree) -> Iterator[tuple[str, str]]:
    """Which decision needs which input or other decision, by their ids."""
    yield "outcome", f"q_{tree.root}"
    for question in tree.questions.values():
        for name in question.inputs:
            yield f"q_{question.id}", f"i_{name}"
        for node in dict.fromkeys(branch.to for branch in question.branches):
            if node in tree.questions:
                yield f"q_{question.id}", f"q_{node}"


def _requirement_id(owner: str, other: str) -> str:
    return f"needs.{owner}-{other}"


def _add_requirements(decision: Element, tree: Tree) -> None:
    for owner, other in _iter_requirements(tree):
        if owner == decision.get("id"):
            need = _add_element(decision, "informationRequirement", id=_requirement_id(owner, other))
            _add_element(
                need, "requiredInput" if other.startswith("i_") else "requiredDecision", href=f"#{other}"
            )


def _decision_name(node: str) -> str:
    return f"question_{node}"


def _feel_string(text: str) -> str:
    """A string of FEEL."""
    return f'"{text.translate(FEEL_ESCAPES)}"'


def _add_element(parent: Element, tag: str, text: str = "", /, **attributes: str) -> Element:
    element = ElementTree.SubElement(
        parent, tag, {k: replace_invalid_xml(v) for k, v in attributes.items()}
    )
    element.text = replace_invalid_xml(text) or None
    return element
