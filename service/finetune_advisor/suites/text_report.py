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
    """Render the failures with file and line, the numbers of passed and failed cases, and the coverage."""
    all_results = [*results]
    failed = [result for result in all_results if result.mismatches]
    lines = [line for result in failed for line in _failure_lines(result)]
    total = format_count(len(all_results), "case")
    lines.append(f"{total}: {len(all_results) - len(failed)} passed, {len(failed)} failed")
    lines.extend(line for tree_coverage in trees for line in _coverage_lines(tree_coverage))
    return "\n".join(lines)


def format_mismatch(mismatch: Mismatch) -> str:
    """Format a mismatch as `field: expected value, got value`."""
    expected, actual = map(_format_value, (mismatch.expected, mismatch.actual))
    return f"{mismatch.field}: expected {expected}, got {actual}"


def _failure_lines(result: CaseResult) -> Iterator[str]:
    yield f"FAILED {result.suite.path}:{result.case.line}: {result.case.name}"
    for mismatch in result.mismatches:
        yield f"  {format_mismatch(mismatch)}"


def _coverage_lines(tree_coverage: TreeCoverage) -> Iterator[str]:
    tree, coverage = tree_coverage.tree, tree_coverage.coverage
    missed = coverage.missed_branches
    branches = _format_share(coverage.branches - len(missed), coverage.branches, "branches")
    if coverage.paths is None:
        yield f"Tree {tree.version}: {branches}; it has too many paths to count them"
    else:
        covered = coverage.paths - len(coverage.uncovered)
        paths = _format_share(covered, coverage.paths, "paths")
        yield f"Tree {tree.version}: {branches}, {paths}"
    if missed:
        yield "  branches not covered:"
        yield from (f"    {format_branch(tree, edge)}" for edge in missed)
    # Where paths aren't counted, `uncovered` has examples for the missed branches, which are listed already.
    if coverage.paths is not None and coverage.uncovered:
        yield "  paths not covered:"
        yield from (f"    {_path(tree, path)}" for path in coverage.uncovered)


def _format_share(part: int, whole: int, noun: str) -> str:
    return f"{part} of {whole} {noun} ({format_percentage(part, whole)})"


def format_percentage(part: int, whole: int) -> str:
    """Format a share as a percentage, rounded down."""
    # Rounding up could show 100 % although something is missing.
    return f"{100 * part // whole} %"


def format_branch(tree: Tree, edge: Edge) -> str:
    """Format a branch as `question test -> target`."""
    return f"{_step(tree, edge)} -> {tree.questions[edge[0]].branches[edge[1]].to}"


def _path(tree: Tree, path: CoveragePath) -> str:
    return f"{', '.join(_step(tree, edge) for edge in path.steps)} -> {path.end}"


def _step(tree: Tree, edge: Edge) -> str:
    return f"{edge[0]} {tree.questions[edge[0]].branches[edge[1]].test}"


def _format_value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return "none" if value is None else str(value)
