"""The lifecycle of a tree version: which dates and successor its status requires."""

from __future__ import annotations

from collections.abc import Iterator

from semver import Version

from finetune_advisor.engine.analysis.validation import TreeFault
from finetune_advisor.engine.model.tree import Tree

END_OF_LIFE = ("deprecated", "retired")
REMEDY_BY_LIFECYCLE_FIELD = {
    "deprecated": "add the day since which the version is deprecated",
    "sunset": "add the day on which the version is retired",
    "successor": "add the version to use instead",
}


def find_lifecycle_faults(tree: Tree) -> Iterator[TreeFault]:
    """Find lifecycle fields that contradict the status or each other.

    A deprecated or retired version needs all three fields; any other version may have none.
    """
    # Whether the successor is served is checked by the catalog, which knows the other documents.
    is_ending = tree.status in END_OF_LIFE
    for field, remedy in REMEDY_BY_LIFECYCLE_FIELD.items():
        has_field = bool(getattr(tree, field))
        if is_ending and not has_field:
            yield TreeFault((field,), f"missing from a {tree.status} version", remedy)
        if has_field and not is_ending:
            problem = f"not allowed for a {tree.status} version"
            yield TreeFault(
                (field,), problem, f"remove it, or set the status to {' or '.join(END_OF_LIFE)}"
            )
    # Dates are ISO 8601 texts here, so their order as texts is their order in time.
    if tree.sunset and tree.sunset < tree.deprecated:
        problem = f"before {tree.deprecated}, the day of deprecation"
        yield TreeFault(("sunset",), problem, "give that day or a later one")
    # Only a later version may succeed, so successors can't form a cycle.
    if tree.successor and Version.parse(tree.successor) <= Version.parse(tree.version):
        yield TreeFault(("successor",), f"not later than {tree.version}", "name a later version")


def describe_status(tree: Tree) -> str:
    """Describe a version's status in words, with the sunset date and successor if it has them."""
    successor = f"; its successor is {tree.successor}"
    if tree.status == "deprecated":
        return f"deprecated, to be retired on {tree.sunset}{successor}"
    return f"retired{successor}" if tree.status == "retired" else tree.status
