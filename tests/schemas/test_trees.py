"""The tree on the wire, held to the documents that it comes from and to the values in between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields as dataclass_fields
from typing import get_args, get_type_hints

import pytest
from marshmallow import Schema, validate

from finetune_advisor.engine.model import inputs, references, tree, worksheets
from finetune_advisor.schemas import trees
from finetune_advisor.trees import document_schema
from tests.conftest import ROOT

PARTS: dict[str, tuple[type, type[Schema], type[Schema]]] = {
    "tree": (tree.Tree, document_schema.TreeDocument, trees.TreeSchema),
    "reference": (references.Reference, document_schema.ReferenceDocument, trees.ReferenceSchema),
    "input": (inputs.Input, document_schema.InputDocument, trees.InputSchema),
    "question": (tree.Question, document_schema.QuestionDocument, trees.QuestionSchema),
    "branch": (tree.Branch, document_schema.BranchDocument, trees.BranchSchema),
    "recommendation": (tree.Recommendation, document_schema.RecommendationDocument, trees.LeafSchema),
    "alternative": (tree.Alternative, document_schema.AlternativeDocument, trees.AlternativeSchema),
    "situation": (tree.Situation, document_schema.SituationDocument, trees.SituationSchema),
    "warning": (tree.WarningRule, document_schema.WarningDocument, trees.WarningRuleSchema),
    "condition": (
        tree.WarningCondition,
        document_schema.WarningConditionDocument,
        trees.CircumstanceSchema,
    ),
    "worksheet": (
        worksheets.Worksheet,
        document_schema.WorksheetDocument,
        trees.WorksheetSchema,
    ),
    "quantity": (worksheets.WorksheetQuantity, document_schema.QuantityDocument, trees.QuantitySchema),
    "constant": (worksheets.WorksheetConstant, document_schema.ConstantDocument, trees.ConstantSchema),
}
"""Each part of a tree: its value, the schema of its document, and its schema on the wire."""

JSON_SCHEMA = json.loads((ROOT / "docs" / "tree-document.schema.json").read_text(encoding="utf-8"))

TESTS = set(document_schema.TEST_OPERATORS)
COMPARISONS = {f"{operator}_input" for operator in trees.OPERATOR_WORDS}
KEYS = {
    "input": {"name"},
    "question": {"id"},
    "recommendation": {"id"},
    "quantity": {"name"},
    "constant": {"name"},
}
"""What documents and answers write as the key of a mapping."""
LISTS_THAT_HOLD_SOMETHING = {("question", "branches"), ("warning", "when")}
"""Required on the wire; that a document has them is checked with a message of its own."""


def _fields(part: str, schema: type[Schema]) -> Iterator[tuple[str, bool]]:
    for name, field in schema().fields.items():
        yield name, field.required or (part, name) in LISTS_THAT_HOLD_SOMETHING


@pytest.mark.parametrize("part", PARTS)
def test_the_wire_has_the_fields_of_the_document(part: str) -> None:
    """GET /tree gives every field that an author may write, and promises those that an author must write."""
    _, document, wire = PARTS[part]
    expected = dict(_fields(part, document))
    if part == "tree":
        expected["digest"] = True
    if expected.keys() >= TESTS:
        expected |= dict.fromkeys(COMPARISONS, False)

    assert expected == dict(_fields(part, wire))


@pytest.mark.parametrize("part", PARTS)
def test_the_document_has_the_fields_of_the_value(part: str) -> None:
    """An author may write every field that a tree has; the tests of a branch become one value."""
    value, document, _ = PARTS[part]
    expected = {field.name for field in dataclass_fields(value)} - KEYS.get(part, set())
    if "test" in expected:
        expected = expected - {"test"} | TESTS

    assert expected == document().fields.keys()


@pytest.mark.parametrize(
    ("part", "field", "on_the_wire"),
    [
        ("recommendation", "finetune", trees.FINETUNE_VALUES),
        ("input", "type", trees.INPUT_TYPES),
        ("tree", "status", [*trees.TREE_STATUSES, "retired"]),
    ],
)
def test_the_words_of_a_field_are_the_same_everywhere(
    part: str, field: str, on_the_wire: list[str]
) -> None:
    """The four definitions list the same words, except that no tree on the wire is retired."""
    value, document, _ = PARTS[part]
    [one_of] = [each for each in document().fields[field].validators if isinstance(each, validate.OneOf)]
    described = JSON_SCHEMA if part == "tree" else JSON_SCHEMA["$defs"][part]
    expected = list(get_args(get_type_hints(value)[field]))

    assert expected == list(one_of.choices)
    assert expected == on_the_wire
    assert expected == described["properties"][field]["enum"]
