"""All 177,147 partial profiles of tree 1.0.0, against brute force over their completions.

The expected side never evaluates a tree: it walks the flowchart for the 2,048 complete profiles and derives
every incomplete profile from those that know one input more. A profile is a number in base 3 with one
digit an input: 0 for false, 1 for true, 2 for left out. Sets are bit masks: of questions, in the order of the
flowchart, or of recommendations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import pytest

from finetune_advisor.engine.evaluation.compiled import CompiledTree
from finetune_advisor.engine.evaluation.exact import Assessment, evaluate
from finetune_advisor.engine.model.tree import Tree
from tests.engine import flowchart

pytestmark = pytest.mark.exhaustive

QUESTIONS = tuple(flowchart.INPUTS)
NAMES = tuple(flowchart.INPUTS.values())
LEAVES = tuple(flowchart.FINETUNE)
PLACES = tuple(3**place for place in range(len(NAMES)))
PROFILES = 3 ** len(NAMES)
MISSING = 2


@dataclass(frozen=True)
class Expected:
    """What brute force over the completions of each profile gives."""

    candidates: list[int]
    asked: list[int]
    relevant: list[int]


@dataclass(frozen=True)
class Actual:
    """What evaluation gives for each profile, put into a few words."""

    status: list[str]
    candidates: list[tuple[str, ...]]
    recommendation: list[str | None]
    next_question: list[tuple[str, str] | None]
    not_needed: list[tuple[str, ...]]
    path: list[tuple[str, ...]]


def _digits(number: int) -> list[int]:
    return [number // place % 3 for place in PLACES]


def _profile(number: int) -> dict[str, bool]:
    digits = zip(NAMES, _digits(number), strict=True)
    return {name: digit == 1 for name, digit in digits if digit != MISSING}


@cache
def _members(mask: int, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for place, name in enumerate(names) if mask >> place & 1)


def _mask(names: tuple[str, ...], of: tuple[str, ...]) -> int:
    return sum(1 << of.index(name) for name in names)


@pytest.fixture(scope="module")
def expected() -> Expected:
    """Every profile's candidates and questions are those of the two profiles that know one input more.

    An input is relevant if it is in one of those, or if nothing else is missing and it changes the outcome;
    two missing inputs are looked at, since the first alone can't tell about itself.
    """
    candidates, asked, relevant = ([0] * PROFILES for _ in range(3))
    for number in range(PROFILES):
        missing = [place for place, digit in enumerate(_digits(number)) if digit == MISSING]
        if not missing:
            questions, leaf = flowchart.walk(_profile(number))
            candidates[number] = _mask((leaf,), LEAVES)
            asked[number] = _mask(questions, QUESTIONS)
            continue
        yes, no = number - PLACES[missing[0]], number - 2 * PLACES[missing[0]]
        candidates[number] = candidates[yes] | candidates[no]
        asked[number] = asked[yes] | asked[no]
        if len(missing) == 1:
            relevant[number] = (candidates[yes] != candidates[no]) << missing[0]
        for place in missing[:2]:
            known = relevant[number - PLACES[place]] | relevant[number - 2 * PLACES[place]]
            relevant[number] |= known
    return Expected(candidates, asked, relevant)


@pytest.fixture(scope="module", params=["by walks", "by paths"])
def actual(tree: Tree, request: pytest.FixtureRequest) -> Actual:
    """One pass of an evaluation over all profiles, for all tests of this module."""
    evaluation = partial(evaluate, tree) if request.param == "by walks" else CompiledTree(tree).partial
    seen = Actual([], [], [], [], [], [])
    for number in range(PROFILES):
        _note(seen, evaluation(_profile(number)))
    return seen


def _note(seen: Actual, assessment: Assessment) -> None:
    leaf, following = assessment.recommendation, assessment.next_question
    seen.status.append(assessment.status)
    seen.candidates.append(assessment.candidates)
    seen.recommendation.append(leaf.id if leaf else None)
    seen.next_question.append((following.question.id, following.input.name) if following else None)
    seen.not_needed.append(assessment.not_needed)
    seen.path.append(tuple(step.question.id for step in assessment.path))


def _wrong(actual: list[object], expected: Callable[[int], object]) -> list[tuple[object, ...]]:
    """The first few profiles for which the two differ: profile, expected, actual."""
    wrong = [n for n in range(PROFILES) if actual[n] != expected(n)]
    return [(_profile(n), expected(n), actual[n]) for n in wrong[:3]]


def _decided(candidates: int) -> bool:
    return candidates.bit_count() == 1


def _unanswered(number: int) -> int:
    return sum(1 << place for place, digit in enumerate(_digits(number)) if digit == MISSING)


def test_candidates_are_what_the_completions_end_in(actual: Actual, expected: Expected) -> None:
    """The candidates of a profile are exactly the recommendations of its completions."""
    found = [_mask(candidates, LEAVES) for candidates in actual.candidates]
    assert _wrong(found, expected.candidates.__getitem__) == []


def test_candidates_stand_in_tree_order(tree: Tree, actual: Actual) -> None:
    """Candidates are listed once each and in tree order, whatever the profile."""
    found = set(actual.candidates)
    assert found == {tuple(sorted(set(one), key=tree.topological_index.__getitem__)) for one in found}


def test_a_profile_is_decided_exactly_if_one_candidate_is_left(
    actual: Actual, expected: Expected
) -> None:
    """The status is decided exactly if all completions end in the same recommendation."""
    states = ("undecided", "decided")
    assert _wrong(actual.status, lambda n: states[_decided(expected.candidates[n])]) == []


def test_78997_incomplete_profiles_are_decided(actual: Actual) -> None:
    """Of the profiles that leave something out, exactly 78,997 are decided already."""
    decided = [number for number in range(PROFILES) if actual.status[number] == "decided"]
    assert len(decided) == 78_997 + 2_048
    assert sum(MISSING in _digits(number) for number in decided) == 78_997


def test_the_recommendation_is_the_one_candidate(actual: Actual, expected: Expected) -> None:
    """A decided profile is given the recommendation of all its completions, an undecided one none."""

    def recommendation(number: int) -> str | None:
        candidates = expected.candidates[number]
        return _members(candidates, LEAVES)[0] if _decided(candidates) else None

    assert _wrong(actual.recommendation, recommendation) == []


def test_the_next_question_is_the_first_open_one_that_matters(
    actual: Actual, expected: Expected
) -> None:
    """The next question is the first in tree order that some completion passes, that the profile leaves
    open, and whose answer alone changes the outcome of some completion; a decided profile has none.
    """

    def following(number: int) -> tuple[str, str] | None:
        useful = expected.relevant[number] & expected.asked[number]
        if _decided(expected.candidates[number]):
            return None
        question = _members(useful, QUESTIONS)[0]
        return question, flowchart.INPUTS[question]

    assert _wrong(actual.next_question, following) == []


def test_an_input_is_relevant_exactly_while_the_profile_is_undecided(expected: Expected) -> None:
    """Some missing input matters as long as more than one recommendation can come out, and none later."""
    found = [bool(relevant) for relevant in expected.relevant]
    assert _wrong(found, lambda n: not _decided(expected.candidates[n])) == []


def test_not_needed_are_the_unanswered_inputs_of_a_decided_profile(
    actual: Actual, expected: Expected
) -> None:
    """Once decided, exactly the missing inputs that some completion is asked about are not needed."""

    def not_needed(number: int) -> tuple[str, ...]:
        missing = _unanswered(number) & expected.asked[number]
        return _members(missing, NAMES) if _decided(expected.candidates[number]) else ()

    assert _wrong(actual.not_needed, not_needed) == []


def test_the_path_is_every_answered_question_on_the_way(actual: Actual, expected: Expected) -> None:
    """The path is exactly the answered questions that some completion passes, in tree order."""

    def path(number: int) -> tuple[str, ...]:
        return _members(expected.asked[number] & ~_unanswered(number), QUESTIONS)

    assert _wrong(actual.path, path) == []
