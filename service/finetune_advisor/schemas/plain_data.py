"""Assessments, explanations, comparisons and trees as plain JSON data, in the shapes of the API's answers."""

from __future__ import annotations

from typing import Any

from finetune_advisor.engine.analysis.comparison import Comparison
from finetune_advisor.engine.analysis.explanation import Explanation
from finetune_advisor.engine.evaluation.exact import Assessment
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.schemas.assessments import AssessmentSchema
from finetune_advisor.schemas.changes import ChangesSchema
from finetune_advisor.schemas.explanations import ExplanationSchema
from finetune_advisor.schemas.trees import TreeSchema

SCHEMA_BY_TYPE = {
    Assessment: AssessmentSchema,
    Comparison: ChangesSchema,
    Explanation: ExplanationSchema,
    Tree: TreeSchema,
}


def to_dict(value: Assessment | Comparison | Explanation | Tree) -> dict[str, Any]:
    """Return the JSON data that the API answers: POST /assess for an assessment, /assess/explain for an
    explanation, GET /tree for a tree, and /tree/versions/{version}/changes for a comparison.

    Raises TypeError for any other value.
    """
    try:
        schema = SCHEMA_BY_TYPE[type(value)]
    except KeyError:
        takes = ", ".join(sorted(known.__name__ for known in SCHEMA_BY_TYPE))
        raise TypeError(f"to_dict takes {takes}, not {type(value).__name__}") from None
    plain: dict[str, Any] = schema().dump(value)
    return plain
