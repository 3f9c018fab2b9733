"""A tree as a GoRules JSON Decision Model: a switch node for each question."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.engine.model.conditions import OPERATOR_SYMBOLS, InChoices, InRange
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
    arrange_in_grid,
    can_be_laid_out,
    lay_out_boxes,
)
from finetune_advisor.formats.numbers import format_decimal

# Words of ZEN's expression language, which can't be used as names.
ZEN_KEYWORDS = frozenset(("and", "false", "in", "not", "null", "or", "true"))
# ZEN's numbers are decimals of 28 places; a longer one would silently become another number.
MAX_ZEN_DECIMALS, MAX_ZEN_DIGITS = 28, 28
NODE_SIZE = (300.0, 110.0)
JSON_SCHEMA_TYPES = {"boolean": "boolean", "enum": "string", "integer": "integer", "number": "number"}

JsonObject = dict[str, Any]


class InexpressibleNumberError(FinetuneAdvisorError):
    """A tree compares with a number that has more digits than the ZEN engine keeps."""


def render_jdm(tree: Tree) -> str:
    """Render a sound tree as a JSON Decision Model.

    The result of the model has the recommendation's id and the reason. Raises InexpressibleNumberError for a
    bound with more than 28 digits or decimals.
    """
    nodes, edges = list(_nodes(tree)), list(_edges(tree))
    positions = _node_positions(nodes, edges)
    for node in nodes:
        x, y = positions[node["id"]]
        node["position"] = {"x": round(x), "y": round(y)}
    model = {
        "contentType": "application/vnd.gorules.decision",
        "metadata": {"title": tree.title, "version": tree.version, "digest": tree.digest},
        "nodes": nodes,
        "edges": edges,
    }
    return json.dumps(model, ensure_ascii=False, indent=2) + "\n"


def _nodes(tree: Tree) -> Iterator[JsonObject]:
    # The format has the schema as a text of JSON inside JSON.
    content = {"schema": json.dumps(_schema(tree), ensure_ascii=False)}
    description = f"{tree.title} (version {tree.version}, {tree.digest})"
    yield _node("profile", "inputNode", "Profile", content) | {"description": description}
    for question in tree.ordered_questions:
        switch = _node(f"q_{question.id}", "switchNode", question.id, _switch_content(tree, question))
        yield switch | {"description": question.text}
        for index, branch in enumerate(question.branches):
            if branch.to in tree.recommendations:
                yield _recommendation_node(tree, question, index, branch)
    yield _node("outcome", "outputNode", "Outcome", {})


def _node(name: str, kind: str, title: str, content: Mapping[str, Any]) -> JsonObject:
    return {"id": name, "type": kind, "name": title, "content": content}


def _schema(tree: Tree) -> JsonObject:
    properties = {name: _property_schema(input_) for name, input_ in tree.inputs.items()}
    return {"type": "object", "properties": properties}


def _property_schema(input_: Input) -> JsonObject:
    schema: JsonObject = {"type": JSON_SCHEMA_TYPES[input_.type], "title": input_.label}
    if input_.choices:
        schema["enum"] = list(input_.choices)
    if words := answer_words.explain_own_words(input_):
        schema["description"] = words
    for field in ("minimum", "maximum"):
        if getattr(input_, field) is not None:
            schema[field] = getattr(input_, field)
    return schema


def _switch_content(tree: Tree, question: Question) -> JsonObject:
    # No statement is the default, since ZEN would choose that for a missing answer, too.
    statements = [
        {"id": f"q_{question.id}.{index}", "condition": _condition(question, test), "isDefault": False}
        for index, (test, _) in enumerate(list_explicit_branches(tree, question))
    ]
    return {"hitPolicy": "first", "statements": statements}


def _recommendation_node(tree: Tree, question: Question, index: int, branch: Branch) -> JsonObject:
    name = f"r_{question.id}.{index}"
    fields = {"recommendation": branch.to, "reason": branch.reason}
    expressions = [
        {"id": f"{name}.{key}", "key": key, "value": _string(text)} for key, text in fields.items()
    ]
    content = {"expressions": expressions}
    return _node(name, "expressionNode", tree.recommendations[branch.to].title, content)


def _edges(tree: Tree) -> Iterator[JsonObject]:
    yield _edge("profile", f"q_{tree.root}")
    for question in tree.ordered_questions:
        for index, branch in enumerate(question.branches):
            leads_to_question = branch.to in tree.questions
            target = f"q_{branch.to}" if leads_to_question else f"r_{question.id}.{index}"
            yield _edge(f"q_{question.id}", target, f"q_{question.id}.{index}")
            if not leads_to_question:
                yield _edge(target, "outcome")


def _edge(source: str, target: str, handle: str = "") -> JsonObject:
    edge = {
        "id": f"{handle or source} -> {target}",
        "type": "edge",
        "sourceId": source,
        "targetId": target,
    }
    return edge | ({"sourceHandle": handle} if handle else {})


def _node_positions(
    nodes: list[JsonObject], edges: list[JsonObject]
) -> Mapping[str, tuple[float, float]]:
    lines = [LayoutLine(edge["sourceId"], edge["targetId"]) for edge in edges]
    boxes = {node["id"]: NODE_SIZE for node in nodes}
    # A model needs positions even if its tree is too large for a layout; an engine doesn't read them.
    if not can_be_laid_out(lines):
        return arrange_in_grid(boxes, lines)
    return lay_out_boxes(boxes, lines, 0).centers


def _condition(question: Question, test: ExplicitTest) -> str:
    answer = _input(question.input)
    match test:
        case InChoices((bool(value),)):
            return f"{answer} == {str(value).lower()}"
        case InChoices((str(value),)):
            return f"{answer} == {_string(value)}"
        case InChoices(values):
            texts = [_string(v) if isinstance(v, str) else str(v).lower() for v in values]
            return f"{answer} in [{', '.join(texts)}]"
        case ComparedBySymbol(symbol, other):
            return f"{answer} {'==' if symbol == '=' else symbol} {_input(other)}"
        case _:
            return " or ".join(_range(question, answer, range_) for range_ in test.ranges)


def _range(question: Question, answer: str, range_: InRange) -> str:
    comparisons = [
        f"{answer} {OPERATOR_SYMBOLS[operator]} {_number(question, value)}"
        for operator, value in range_.ends
    ]
    return comparisons[0] if len(comparisons) == 1 else f"({' and '.join(comparisons)})"


def _number(question: Question, number: int | float) -> str:
    _, digits, exponent = Decimal(str(number)).as_tuple()
    if -int(exponent) > MAX_ZEN_DECIMALS or len(digits) > MAX_ZEN_DIGITS:
        problem = f"question {question.id} compares with {number}, which has more than"
        raise InexpressibleNumberError(
            f"{problem} {MAX_ZEN_DECIMALS} decimals; round it, or choose another notation"
        )
    return format_decimal(number)


def _input(name: str) -> str:
    # $root is the whole profile, where a keyword can be looked up as a text.
    return f"$root['{name}']" if name in ZEN_KEYWORDS else name


def _string(text: str) -> str:
    """Format a text as a string of ZEN's language; a text with both kinds of quotes becomes a sum."""
    # ZEN's strings have no escapes.
    for quote in "'\"":
        if quote not in text:
            return f"{quote}{text}{quote}"
    return " + ".join(_string(part) for part in re.findall(r"[^']+|'+", text))
