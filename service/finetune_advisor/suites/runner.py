"""Runs test suites of trees, measures what they cover, and proposes cases for the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune_advisor.engine.analysis.coverage import Coverage, CoveragePath, measure_coverage
from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.evaluation.path_table import Edge
from finetune_advisor.engine.model.inputs import Profile
from finetune_advisor.engine.model.tree import Tree


@dataclass(frozen=True)
class Case:
    """A profile, and the expected value of some fields of its assessment.

    `line` is the line of the case in its file, counted from 1.
    """

    name: str
    line: int
    profile: Profile
    expect: Mapping[str, Any]


@dataclass(frozen=True)
class Suite:
    """The cases of a file and the tree that they test.

    `reference` is the tree as the file names it: a version, or the path of a document.
    """

    path: Path
    reference: str
    tree: Tree
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Mismatch:
    """A field of an assessment with an unexpected value; None stands for a missing one."""

    field: str
    expected: Any
    actual: Any


@dataclass(frozen=True)
class CaseResult:
    """The result of a case, which passes if it has no mismatches."""

    suite: Suite
    case: Case
    mismatches: tuple[Mismatch, ...]


@dataclass(frozen=True)
class TreeCoverage:
    """A tree, the suites that test it, and what their cases cover together."""

    tree: Tree
    suites: tuple[Suite, ...]
    coverage: Coverage


def run_suite(suite: Suite) -> list[CaseResult]:
    """Run the cases of a suite in order."""
    return [CaseResult(suite, case, tuple(_find_mismatches(suite.tree, case))) for case in suite.cases]


def measure_coverage_by_tree(suites: Iterable[Suite]) -> list[TreeCoverage]:
    """Measure for each tree what all its suites cover together."""
    # By digest: one suite may name a version, and another one the path of the same tree.
    suites_by_digest: dict[str, list[Suite]] = {}
    for suite in suites:
        suites_by_digest.setdefault(suite.tree.digest, []).append(suite)
    return [_measure_tree_coverage(tree_suites) for tree_suites in suites_by_digest.values()]


def _measure_tree_coverage(suites: Sequence[Suite]) -> TreeCoverage:
    tree = suites[0].tree
    profiles = [case.profile for suite in suites for case in suite.cases]
    return TreeCoverage(tree, tuple(suites), measure_coverage(tree, profiles))


def propose_suite(tree_coverage: TreeCoverage) -> dict[str, Any]:
    """Propose a suite, as plain data, with a case for each path that isn't covered.

    A case is named after the path's recommendation and the steps that no other such path has together.
    """
    questions, uncovered = tree_coverage.tree.questions, tree_coverage.coverage.uncovered
    taken_names = {case.name for suite in tree_coverage.suites for case in suite.cases}
    cases = []
    for path, steps in zip(uncovered, _find_distinguishing_steps(uncovered), strict=True):
        tests = (f"{question} {questions[question].branches[index].test}" for question, index in steps)
        name = _make_unused_name(f"{path.end} after {', '.join(tests)}", taken_names)
        taken_names.add(name)
        expect = {"status": "decided", "recommendation": path.end, "path": list(path.questions)}
        cases.append({"name": name, "profile": dict(path.witness), "expect": expect})
    return {"tree": tree_coverage.suites[0].reference, "cases": cases}


def _find_distinguishing_steps(paths: Sequence[CoveragePath]) -> Iterator[list[Edge]]:
    """Find for each path a few steps, its last one among them, that no other path has together."""
    # A set of paths is an int with a bit for each path: trees may have 10,000 paths.
    paths_by_step: dict[Edge, int] = {}
    for index, path in enumerate(paths):
        for step in path.steps:
            paths_by_step[step] = paths_by_step.get(step, 0) | 1 << index
    for index, path in enumerate(paths):
        chosen = {path.steps[-1]}
        others = paths_by_step[path.steps[-1]] ^ 1 << index
        # Each round adds the step that the fewest remaining paths share, so that names stay short.
        while others:
            sharing = {step: others & paths_by_step[step] for step in path.steps}
            rarest = min(sharing, key=lambda step: sharing[step].bit_count())
            chosen.add(rarest)
            others = sharing[rarest]
        yield [step for step in path.steps if step in chosen]


def _make_unused_name(name: str, taken_names: set[str]) -> str:
    number = 1
    while (candidate := name if number == 1 else f"{name} ({number})") in taken_names:
        number += 1
    return candidate


def _find_mismatches(tree: Tree, case: Case) -> Iterator[Mismatch]:
    # The exact evaluation defines what a tree answers; the faster ones only reproduce it.
    assessment = evaluate(tree, case.profile)
    recommendation, open_question = assessment.recommendation, assessment.next_question
    actual = {
        "status": assessment.status,
        "recommendation": recommendation.id if recommendation else None,
        "path": [step.question.id for step in assessment.path],
        "candidates": list(assessment.candidates),
        "next_question": open_question.question.id if open_question else None,
    }
    for field, expected in case.expect.items():
        # Authors may list candidates in any order; an assessment has them in tree order.
        if field == "candidates":
            expected_value = sorted(set(expected), key=tree.topological_index.__getitem__)
        else:
            expected_value = expected
        if expected_value != actual[field]:
            yield Mismatch(field, expected_value, actual[field])
