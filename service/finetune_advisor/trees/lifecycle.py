"""The lifecycle: what becomes of a version once another one succeeds it."""

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
    """What a document says wrongly of its version's end. That its successor is served, a catalog knows."""
    ending = tree.status in END_OF_LIFE
    unfit = (
        f"not for a {tree.status} version",
        f"remove it, or set the status to {' or '.join(END_OF_LIFE)}",
    )
    for field, remedy in REMEDY_BY_LIFECYCLE_FIELD.items():
        given = bool(getattr(tree, field))
        if ending and not given:
            yield TreeFault((field,), f"missing from a {tree.status} version", remedy)
        if given and not ending:
            yield TreeFault((field,), *unfit)
    if tree.sunset and tree.sunset < tree.deprecated:
        problem = f"before {tree.deprecated}, the day of deprecation"
        yield TreeFault(("sunset",), problem, "give that day or a later one")
    if tree.successor and Version.parse(tree.successor) <= Version.parse(tree.version):
        yield TreeFault(("successor",), f"not later than {tree.version}", "name a later version")


def describe_status(tree: Tree) -> str:
    """A version's status in words, with what comes after it."""
    after = f"; its successor is {tree.successor}"
    if tree.status == "deprecated":
        return f"deprecated, to be retired on {tree.sunset}{after}"
    return f"retired{after}" if tree.status == "retired" else tree.status
