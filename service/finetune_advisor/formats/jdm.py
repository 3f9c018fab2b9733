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

ZEN_KEYWORDS = frozenset(("and", "false", "in", "not", "null", "or", "true"))
MAX_ZEN_DECIMALS, MAX_ZEN_DIGITS = 28, 28
NODE_SIZE = (300.0, 110.0)
JSON_SCHEMA_TYPES = {"boolean": "boolean", "enum": "string", "integer": "integer", "number": "number"}

JsonObject = dict[str, Any]


class InexpressibleNumberError(FinetuneAdvisorError):
    """A tree compares with a number that has more digits than a JSON Decision Model can carry."""


def render_jdm(tree: Tree) -> str:
    """A decision model whose result has the recommendation's id and the reason why.

    Raises InexpressibleNumberError for a bound of more than 28 digits or decimals.
    """
    nodes, edges = list(_nodes(tree)), list(_edges(tree))
    places = _node_positions(nodes, edges)
    for node in nodes:
        x, y = places[node["id"]]
        node["position"] = {"x": round(x), "y": round(y)}
    model = {
        "contentType": "application/vnd.gorules.decision",
        "metadata": {"title": tree.title, "version": tree.version, "digest": tree.digest},
        "nodes": nodes,
        "edges": edges,
    }
    return json.dumps(model, ensure_ascii=False, indent=2) + "\n"


def _nodes(tree: Tree) -> Iterator[JsonObject]:
    schema = json.dumps(_schema(tree), ensure_ascii=False)
    description = f"{tree.title} (version {tree.version}, {tree.digest})"
    content = {"schema": schema}
    yield _node("profile", "inputNode", "Profile", content) | {"description": description}
    for question in tree.ordered_questions:
        yield _node(f"q_{question.id}", "switchNode", question.id, _switch_content(tree, question)) | {
            "description": question.text
        }
        for index, branch in enumerate(question.branches):
            if branch.to in tree.recommendations:
                yield _recommendation_node(tree, question, index, branch)
    yield _node("outcome", "outputNode", "Outcome", {})


def _node(name: str, kind: str, title: str, content: Mapping[str, Any]) -> JsonObject:
    return {"id": name, "type": kind, "name": title, "content": content}


def _schema(tree: Tree) -> JsonObject:
    return {"type": "object", "properties": {name: _property(one) for name, one in tree.inputs.items()}}


def _property(one: Input) -> JsonObject:
    form: JsonObject = {"type": JSON_SCHEMA_TYPES[one.type], "title": one.label}
    if one.choices:
        form["enum"] = list(one.choices)
    for field in ("minimum", "maximum"):
        if getattr(one, field) is not None:
            form[field] = getattr(one, field)
    return form


def _switch_content(tree: Tree, question: Question) -> JsonObject:
    statements = [
        {"id": f"q_{question.id}.{index}", "condition": _condition(question, test), "isDefault": False}
        for index, (test, _) in enumerate(list_explicit_branches(tree, question))
    ]
    return {"hitPolicy": "first", "statements": statements}


def _recommendation_node(tree: Tree, question: Question, index: int, branch: Branch) -> JsonObject:
    name = f"r_{question.id}.{index}"
    shown = {"recommendation": branch.to, "reason": branch.reason}
    expressions = [
        {"id": f"{name}.{key}", "key": key, "value": _string(text)} for key, text in shown.items()
    ]
    content = {"expressions": expressions}
    return _node(name, "expressionNode", tree.recommendations[branch.to].title, content)


def _edges(tree: Tree) -> Iterator[JsonObject]:
    yield _edge("profile", f"q_{tree.root}")
    for question in tree.ordered_questions:
        for index, branch in enumerate(question.branches):
            onwards = branch.to in tree.questions
            target = f"q_{branch.to}" if onwards else f"r_{question.id}.{index}"
            yield _edge(f"q_{question.id}", target, f"q_{question.id}.{index}")
            if not onwards:
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
    return (
        lay_out_boxes(boxes, lines, 0).centers
        if can_be_laid_out(lines)
        else arrange_in_grid(boxes, lines)
    )


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
            return " or ".join(_range(question, answer, one) for one in test.ranges)


def _range(question: Question, answer: str, one: InRange) -> str:
    ends = [
        f"{answer} {OPERATOR_SYMBOLS[operator]} {_number(question, end)}" for operator, end in one.ends
    ]
    return ends[0] if len(ends) == 1 else f"({' and '.join(ends)})"


def _number(question: Question, end: int | float) -> str:
    _, digits, exponent = Decimal(str(end)).as_tuple()
    if -int(exponent) > MAX_ZEN_DECIMALS or len(digits) > MAX_ZEN_DIGITS:
        problem = f"question {question.id} compares with {end}, which has more than"
        raise InexpressibleNumberError(
            f"{problem} {MAX_ZEN_DECIMALS} decimals; round it, or choose another notation"
        )
    return format_decimal(end)


def _input(name: str) -> str:
    return f"$root['{name}']" if name in ZEN_KEYWORDS else name


def _string(text: str) -> str:
    """A string of the ZEN language. It has no escapes, so a text with both quotes is put together."""
    for quote in "'\"":
        if quote not in text:
            return f"{quote}{text}{quote}"
    return " + ".join(_string(part) for part in re.findall(r"[^']+|'+", text))
