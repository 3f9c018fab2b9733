"""Test results as text for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from finetune_advisor.engine.analysis.coverage import CoveragePath
from finetune_advisor.engine.evaluation.path_table import Edge
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats.numbers import format_count
from finetune_advisor.suites.runner import CaseResult, Mismatch, TreeCoverage


def render_text_report(results: Iterable[CaseResult], trees: Iterable[TreeCoverage]) -> str:
    """Each failure with its place, the figures, and what isn't covered."""
    every = [*results]
    failed = [result for result in every if result.mismatches]
    lines = [line for result in failed for line in _failure_lines(result)]
    lines.append(
        f"{format_count(len(every), 'case')}: {len(every) - len(failed)} passed, {len(failed)} failed"
    )
    lines.extend(line for one in trees for line in _coverage_lines(one))
    return "\n".join(lines)


def format_mismatch(mismatch: Mismatch) -> str:
    """`field: expected this, got that`."""
    expected, actual = map(_format_value, (mismatch.expected, mismatch.actual))
    return f"{mismatch.field}: expected {expected}, got {actual}"


def _failure_lines(result: CaseResult) -> Iterator[str]:
    yield f"FAILED {result.suite.path}:{result.case.line}: {result.case.name}"
    for mismatch in result.mismatches:
        yield f"  {format_mismatch(mismatch)}"


def _coverage_lines(one: TreeCoverage) -> Iterator[str]:
    found = one.coverage
    missed = [*found.missed_branches]
    taken = found.branches - len(missed)
    branches = f"{taken} of {found.branches} branches ({format_percentage(taken, found.branches)})"
    if found.paths is None:
        yield f"Tree {one.tree.version}: {branches}; it has too many paths to count them"
    else:
        walked = found.paths - len(found.uncovered)
        paths = f"{walked} of {found.paths} paths ({format_percentage(walked, found.paths)})"
        yield f"Tree {one.tree.version}: {branches}, {paths}"
    if missed:
        yield "  branches not covered:"
        yield from (f"    {format_branch(one.tree, edge)}" for edge in missed)
    if found.paths is not None and found.uncovered:
        yield "  paths not covered:"
        yield from (f"    {_path(one.tree, path)}" for path in found.uncovered)


def format_percentage(part: int, whole: int) -> str:
    """A percentage, rounded down, so that 100 % is all."""
    return f"{100 * part // whole} %"


def format_branch(tree: Tree, edge: Edge) -> str:
    """`question test -> where it leads`."""
    return f"{_step(tree, edge)} -> {tree.questions[edge[0]].branches[edge[1]].to}"


def _path(tree: Tree, path: CoveragePath) -> str:
    return f"{', '.join(_step(tree, edge) for edge in path.steps)} -> {path.end}"


def _step(tree: Tree, edge: Edge) -> str:
    return f"{edge[0]} {tree.questions[edge[0]].branches[edge[1]].test}"


def _format_value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return "none" if value is None else str(value)
