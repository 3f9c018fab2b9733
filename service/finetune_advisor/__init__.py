"""Finetune Advisor: should we fine-tune an LLM, or do something cheaper first?

These names are the library. They follow semantic versioning; docs/library.md shows how to use them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finetune_advisor.assessing.advisor import Advisor, InvalidProfileError
    from finetune_advisor.assessing.column_names import BadColumnsError
    from finetune_advisor.assessing.columns import ArrowAdvisor
    from finetune_advisor.engine.analysis.comparison import Comparison, compare_trees
    from finetune_advisor.engine.analysis.explanation import Explanation
    from finetune_advisor.engine.errors import FinetuneAdvisorError
    from finetune_advisor.engine.evaluation.exact import Assessment
    from finetune_advisor.engine.model.tree import OpenQuestion, Tree
    from finetune_advisor.schemas.plain_data import to_dict
    from finetune_advisor.trees.catalog import (
        Catalog,
        CatalogError,
        RetiredVersionError,
        UnknownVersionError,
        load_catalog,
    )
    from finetune_advisor.trees.loader import DocumentError, load_tree

    __version__: str

_MODULE_BY_NAME = {
    "Advisor": "assessing.advisor",
    "ArrowAdvisor": "assessing.columns",
    "Assessment": "engine.evaluation.exact",
    "BadColumnsError": "assessing.column_names",
    "Catalog": "trees.catalog",
    "CatalogError": "trees.catalog",
    "Comparison": "engine.analysis.comparison",
    "DocumentError": "trees.loader",
    "Explanation": "engine.analysis.explanation",
    "FinetuneAdvisorError": "engine.errors",
    "InvalidProfileError": "assessing.advisor",
    "OpenQuestion": "engine.model.tree",
    "RetiredVersionError": "trees.catalog",
    "Tree": "engine.model.tree",
    "UnknownVersionError": "trees.catalog",
    "compare_trees": "engine.analysis.comparison",
    "load_catalog": "trees.catalog",
    "load_tree": "trees.loader",
    "to_dict": "schemas.plain_data",
}

__all__ = [
    "Advisor",
    "ArrowAdvisor",
    "Assessment",
    "BadColumnsError",
    "Catalog",
    "CatalogError",
    "Comparison",
    "DocumentError",
    "Explanation",
    "FinetuneAdvisorError",
    "InvalidProfileError",
    "OpenQuestion",
    "RetiredVersionError",
    "Tree",
    "UnknownVersionError",
    "__version__",
    "compare_trees",
    "load_catalog",
    "load_tree",
    "to_dict",
]


def __getattr__(name: str) -> Any:
    """Import a name on first use: a health check needs none of them, and the command line few."""
    if name == "__version__":
        # importlib.metadata takes as long to import as all of click.
        return import_module("importlib.metadata").version("finetune-advisor")
    if name not in _MODULE_BY_NAME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(f"{__name__}.{_MODULE_BY_NAME[name]}")
    except ModuleNotFoundError as error:
        # Only what is an extra can be missing.
        remedy = "pip install 'finetune-advisor[arrow]'"
        raise ImportError(f"{name} needs the library {error.name}: {remedy}") from error
    return getattr(module, name)


def __dir__() -> list[str]:
    return __all__
