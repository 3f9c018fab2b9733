"""Test suites of trees: cases, each a profile and what is expected of it; what came of them, and what not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune_advisor.engine.analysis.coverage import Coverage, measure_coverage
from finetune_advisor.engine.analysis.coverage import CoveragePath as Way
from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.evaluation.path_table import Edge
from finetune_advisor.engine.model.inputs import Profile
from finetune_advisor.engine.model.tree import Tree


@dataclass(frozen=True)
class Case:
    """A profile and what is expected of its assessment, by field; `line` is where the case starts."""

    name: str
    line: int
    profile: Profile
    expect: Mapping[str, Any]


@dataclass(frozen=True)
class Suite:
    """The cases of a file; `reference` is how the file names its tree."""

    path: Path
    reference: str
    tree: Tree
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Mismatch:
    """A field of an assessment that isn't as expected; None where it isn't there."""

    field: str
    expected: Any
    actual: Any


@dataclass(frozen=True)
class CaseResult:
    """What came of a case: passed if nothing mismatches."""

    suite: Suite
    case: Case
    mismatches: tuple[Mismatch, ...]


@dataclass(frozen=True)
class TreeCoverage:
    """A tree, the suites that test it, and what all their profiles take of it."""

    tree: Tree
    suites: tuple[Suite, ...]
    coverage: Coverage


def run_suite(suite: Suite) -> list[CaseResult]:
    """What comes of each case of a suite."""
    return [CaseResult(suite, case, tuple(_find_mismatches(suite.tree, case))) for case in suite.cases]


def measure_coverage_by_tree(suites: Iterable[Suite]) -> list[TreeCoverage]:
    """Each tree that some suites test, with what they cover of it together."""
    by_tree: dict[str, list[Suite]] = {}
    for suite in suites:
        by_tree.setdefault(suite.tree.digest, []).append(suite)
    return [
        TreeCoverage(
            some[0].tree,
            tuple(some),
            measure_coverage(some[0].tree, [case.profile for suite in some for case in suite.cases]),
        )
        for some in by_tree.values()
    ]


def propose_suite(one: TreeCoverage) -> dict[str, Any]:
    """A suite, as plain data, with a case for each path that isn't covered.

    A case is named after where it leads, and after the steps that tell it from the other ones.
    """
    taken = {case.name for suite in one.suites for case in suite.cases}
    cases = []
    for path, told in zip(
        one.coverage.uncovered, _find_distinguishing_steps(one.coverage.uncovered), strict=True
    ):
        tests = (f"{q} {one.tree.questions[q].branches[place].test}" for q, place in told)
        name = _make_unused_name(f"{path.end} after {', '.join(tests)}", taken)
        taken.add(name)
        expect = {"status": "decided", "recommendation": path.end, "path": list(path.questions)}
        cases.append({"name": name, "profile": dict(path.witness), "expect": expect})
    return {"tree": one.suites[0].reference, "cases": cases}


def _find_distinguishing_steps(paths: Sequence[Way]) -> Iterator[list[Edge]]:
    """For each path its last step and, where others end with that too, steps that no other has together.

    The step that most of the others lack is taken first. Sets of paths are bits of a number.
    """
    takers: dict[Edge, int] = {}
    for place, path in enumerate(paths):
        for step in path.steps:
            takers[step] = takers.get(step, 0) | 1 << place
    for place, path in enumerate(paths):
        told, others = {path.steps[-1]}, takers[path.steps[-1]] ^ 1 << place
        while others:
            shared = {step: others & takers[step] for step in path.steps}
            step = min(shared, key=lambda step: shared[step].bit_count())
            told.add(step)
            others = shared[step]
        yield [step for step in path.steps if step in told]


def _make_unused_name(name: str, taken: set[str]) -> str:
    number = 1
    while (shown := name if number == 1 else f"{name} ({number})") in taken:
        number += 1
    return shown


def _find_mismatches(tree: Tree, case: Case) -> Iterator[Mismatch]:
    assessment = evaluate(tree, case.profile)
    leaf, asked = assessment.recommendation, assessment.next_question
    actual = {
        "status": assessment.status,
        "recommendation": leaf.id if leaf else None,
        "path": [step.question.id for step in assessment.path],
        "candidates": list(assessment.candidates),
        "next_question": asked.question.id if asked else None,
    }
    for field, expected in case.expect.items():
        wanted = (
            sorted(set(expected), key=tree.topological_index.__getitem__)
            if field == "candidates"
            else expected
        )
        if wanted != actual[field]:
            yield Mismatch(field, wanted, actual[field])
