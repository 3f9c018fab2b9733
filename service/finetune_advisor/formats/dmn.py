"""A tree as a DMN 1.3 model, with a decision table for each question and one for the outcome.

DMN engines disagree about a decision that has several outputs and is required by another one: the standard
passes a context under the decision's name, and Camunda 7 passes a variable for each output. They agree about
a single output with the decision's name. So a question's table returns only the name of the last branch, and
the table of `outcome` maps that name to the recommendation and the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from finetune_advisor.engine.model.conditions import OPERATOR_SYMBOLS, Bound, InChoices, InRange
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.engine.model.tree import Branch, Question, Tree
from finetune_advisor.formats import answer_words
from finetune_advisor.formats.explicit_branches import (
    ComparedBySymbol,
    ExplicitTest,
    list_explicit_branches,
)
from finetune_advisor.formats.graphics.layout import (
    LayoutLine,
    Point,
    arrange_in_grid,
    can_be_laid_out,
    lay_out_boxes,
)
from finetune_advisor.formats.graphics.typesetting import replace_invalid_xml
from finetune_advisor.formats.numbers import format_decimal

XML_NAMESPACES = {
    "xmlns": "https://www.omg.org/spec/DMN/20191111/MODEL/",
    "xmlns:dmndi": "https://www.omg.org/spec/DMN/20191111/DMNDI/",
    "xmlns:dc": "http://www.omg.org/spec/DMN/20180521/DC/",
    "xmlns:di": "http://www.omg.org/spec/DMN/20180521/DI/",
}
# FEEL, the expression language of DMN, can't use these words as names.
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
    """Render a sound tree as a DMN 1.3 model in XML.

    The decision `outcome` returns the recommendation's id and the reason.
    """
    names = choose_input_names(tree)
    root = Element("definitions", XML_NAMESPACES, id="tree", name=replace_invalid_xml(tree.title))
    root.set("namespace", f"urn:finetune-advisor:tree:{tree.version}")
    # With the digest, people can tell which tree a deployed model was made from.
    _add_element(root, "description", f"{tree.title} (version {tree.version}, {tree.digest})")
    outcome = _add_element(root, "itemDefinition", name="t_outcome")
    for part in OUTCOME_FIELDS:
        _add_element(_add_element(outcome, "itemComponent", name=part), "typeRef", "string")
    # DMN's XML schema wants all item definitions before inputs and decisions.
    for name, input_ in tree.inputs.items():
        _add_item_definition(root, names[name], input_)
    for name, input_ in tree.inputs.items():
        _add_input_data(root, names[name], input_)
    _add_outcome(root, tree)
    for question in tree.ordered_questions:
        _add_decision(root, tree, question, names)
    _add_diagram(root, tree)
    ElementTree.indent(root, " ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def choose_input_names(tree: Tree) -> Mapping[str, str]:
    """Choose the model's name for each input: its own, followed by `_` if FEEL or a decision uses that.

    Returns the model's names by the tree's names.
    """
    taken_names = {*FEEL_KEYWORDS, "outcome", *map(_decision_name, tree.questions)}
    model_names = {}
    for name in tree.inputs:
        candidate = name
        # Another input may have the longer name already.
        while candidate in taken_names or (candidate != name and candidate in tree.inputs):
            candidate += "_"
        model_names[name] = candidate
        taken_names.add(candidate)
    return model_names


def _add_item_definition(root: Element, name: str, input_: Input) -> None:
    item = _add_element(root, "itemDefinition", name=f"t_{name}")
    _add_element(item, "typeRef", FEEL_TYPES[input_.type])
    bounds = [
        None if limit is None else Bound(limit, inclusive=True)
        for limit in (input_.minimum, input_.maximum)
    ]
    allowed = ", ".join(map(_feel_string, input_.choices)) or _range(InRange(*bounds))
    if allowed:
        _add_element(_add_element(item, "allowedValues"), "text", allowed)


def _add_input_data(root: Element, name: str, input_: Input) -> None:
    data = _add_element(root, "inputData", id=f"i_{input_.name}", name=name)
    unit = f" ({input_.unit})" if input_.unit else ""
    words = (f"{input_.label}{unit}.", input_.help, answer_words.explain_own_words(input_))
    _add_element(data, "description", " ".join(filter(None, words)))
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
    input_expression: tuple[str, str],
    outputs: Sequence[str],
    rules: Sequence[tuple[Sequence[str], Sequence[str]]],
) -> None:
    """Add a decision table with one input.

    `input_expression` is the input's expression and its type. Each of `rules` has the tests of the input
    and an entry for each output.
    """
    # The branches of a sound tree are disjoint, and this policy has engines check it.
    table = _add_element(decision, "decisionTable", hitPolicy="UNIQUE")
    expression, type_ = input_expression
    input_element = _add_element(_add_element(table, "input"), "inputExpression", typeRef=type_)
    _add_element(input_element, "text", expression)
    for output in outputs:
        _add_element(table, "output", name=output, typeRef="string")
    for tests, entries in rules:
        rule = _add_element(table, "rule")
        for tag, texts in (("inputEntry", tests), ("outputEntry", entries)):
            for text in texts:
                _add_element(_add_element(rule, tag), "text", text)
    # Editors refer to the parts of a table by their ids.
    parts = [part for part in table.iter() if part.tag not in ("text", "decisionTable")]
    for number, part in enumerate(parts):
        part.set("id", f"{decision.get('id')}.{number}")


def _entry(tree: Tree, question: Question, branch: Branch) -> str:
    """Return a branch's output entry: the decision that it leads to, or its own name if it is a last one."""
    if branch.to in tree.questions:
        return _decision_name(branch.to)
    return _feel_string(_last_branch(question, branch))


def _last_branch(question: Question, branch: Branch) -> str:
    """Name a branch that leads to a recommendation."""
    return f"{question.id} {question.branches.index(branch) + 1}: {branch.to}"


def _unary_tests(test: ExplicitTest, names: Mapping[str, str]) -> str:
    match test:
        case InChoices(values):
            return ", ".join(_feel_string(v) if isinstance(v, str) else str(v).lower() for v in values)
        case ComparedBySymbol(symbol, other):
            return names[other] if symbol == "=" else f"{symbol} {names[other]}"
        case _:
            return ", ".join(map(_range, test.ranges))


def _range(range_: InRange) -> str:
    lower, upper = range_.lower, range_.upper
    if lower and upper:
        opening, closing = "[" if lower.inclusive else "(", "]" if upper.inclusive else ")"
        return f"{opening}{format_decimal(lower.value)}..{format_decimal(upper.value)}{closing}"
    return "".join(
        f"{OPERATOR_SYMBOLS[operator]} {format_decimal(value)}" for operator, value in range_.ends
    )


def _add_diagram(root: Element, tree: Tree) -> None:
    boxes = {f"i_{name}": INPUT_SIZE for name in tree.inputs}
    boxes |= {f"q_{node}": DECISION_SIZE for node in tree.questions}
    boxes["outcome"] = DECISION_SIZE
    requirements = list(_iter_requirements(tree))
    lines = [LayoutLine(decision, required) for decision, required in requirements]
    centers, points_of_lines = _place_boxes(boxes, lines)
    diagram = _add_element(_add_element(root, "dmndi:DMNDI"), "dmndi:DMNDiagram", id="diagram")
    for name, (width, height) in boxes.items():
        x, y = centers[name]
        shape = _add_element(diagram, "dmndi:DMNShape", id=f"shape.{name}", dmnElementRef=name)
        bounds = {"x": x - width / 2, "y": y - height / 2, "width": width, "height": height}
        _add_element(shape, "dc:Bounds", **{key: f"{value:g}" for key, value in bounds.items()})
    for (decision, required), points in zip(requirements, points_of_lines, strict=True):
        name = _requirement_id(decision, required)
        edge = _add_element(diagram, "dmndi:DMNEdge", id=f"edge.{name}", dmnElementRef=name)
        # DMN's arrows point at the decision that requires, where the layout's lines begin.
        for x, y in reversed(points):
            _add_element(edge, "di:waypoint", x=f"{x:g}", y=f"{y:g}")


def _place_boxes(
    boxes: Mapping[str, tuple[float, float]], lines: Sequence[LayoutLine]
) -> tuple[Mapping[str, Point], Sequence[Sequence[Point]]]:
    """Return the centre of each box, and the points of each line."""
    # Modelers need a diagram even if its tree is too large for a layout.
    if not can_be_laid_out(lines):
        centers = arrange_in_grid(boxes, lines)
        return centers, [(centers[line.source], centers[line.target]) for line in lines]
    drawing = lay_out_boxes(boxes, lines, 20)
    return drawing.centers, [line.points for line in drawing.lines]


def _iter_requirements(tree: Tree) -> Iterator[tuple[str, str]]:
    """Iterate over pairs of ids: a decision, and an input or decision that it requires."""
    yield "outcome", f"q_{tree.root}"
    for question in tree.ordered_questions:
        for name in question.inputs:
            yield f"q_{question.id}", f"i_{name}"
        # Several branches may lead to the same question.
        for node in dict.fromkeys(branch.to for branch in question.branches):
            if node in tree.questions:
                yield f"q_{question.id}", f"q_{node}"


def _requirement_id(decision: str, required: str) -> str:
    return f"needs.{decision}-{required}"


def _add_requirements(decision: Element, tree: Tree) -> None:
    for decision_id, required in _iter_requirements(tree):
        if decision_id == decision.get("id"):
            name = _requirement_id(decision_id, required)
            requirement = _add_element(decision, "informationRequirement", id=name)
            tag = "requiredInput" if required.startswith("i_") else "requiredDecision"
            _add_element(requirement, tag, href=f"#{required}")


def _decision_name(node: str) -> str:
    return f"question_{node}"


def _feel_string(text: str) -> str:
    """Format a text as a string literal of FEEL."""
    return f'"{text.translate(FEEL_ESCAPES)}"'


def _add_element(parent: Element, tag: str, text: str = "", /, **attributes: str) -> Element:
    element = ElementTree.SubElement(
        parent, tag, {k: replace_invalid_xml(v) for k, v in attributes.items()}
    )
    element.text = replace_invalid_xml(text) or None
    return element
