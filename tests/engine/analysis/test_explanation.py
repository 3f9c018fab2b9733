"""Explanations of tree 1.0.0 against brute force over all its profiles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

import pytest

from finetune_advisor.engine.analysis.explanation import Change, Counterfactual, Explainer
from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.evaluation.path_table import PathTable
from finetune_advisor.engine.model.conditions import ComparedWith, InChoices, Otherwise
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.engine.model.references import Reference
from finetune_advisor.engine.model.tree import Branch, Question, Recommendation, Tree
from tests.engine.flowchart import FINETUNE, INPUTS, walk

NAMES = list(INPUTS.values())
EVERY = range(1 << len(NAMES))


def profile_of(mask: int) -> dict[str, bool]:
    """The complete profile whose true answers are the bits of a mask."""
    return {name: bool(mask >> bit & 1) for bit, name in enumerate(NAMES)}


@cache
def outcomes() -> list[str]:
    """The recommendation of every complete profile, by mask."""
    return [walk(profile_of(mask))[1] for mask in EVERY]


@pytest.fixture(scope="module")
def explainer(tree: Tree) -> Explainer:
    """What explains tree 1.0.0."""
    return Explainer(tree, PathTable.of(tree))


@cache
def without_bit() -> list[int]:
    """For each input, the set of masks that lack its bit, as bits of a number."""
    return [sum(1 << mask for mask in EVERY if not mask >> bit & 1) for bit in range(len(NAMES))]


def minimal(reaching: int) -> set[int]:
    """Of a set of masks, given as bits of a number, those without a proper subset in it."""
    above = reaching
    for bit, lacking in enumerate(without_bit()):
        above |= (above & lacking) << (1 << bit)
    supersets = 0
    for bit, lacking in enumerate(without_bit()):
        supersets |= (above & lacking) << (1 << bit)
    least = reaching & ~supersets
    return {mask for mask in EVERY if least >> mask & 1}


def flips_to(mask: int) -> dict[str, set[int]]:
    """For a profile, the minimal sets of inputs to flip for each other recommendation: brute force."""
    reaching = dict.fromkeys(FINETUNE, 0)
    for flipped in EVERY:
        reaching[outcomes()[mask ^ flipped]] |= 1 << flipped
    return {end: minimal(found) for end, found in reaching.items() if end != outcomes()[mask]}


def found_flips(explainer: Explainer, mask: int) -> Iterator[tuple[str, int]]:
    """The counterfactuals of a profile, as masks, each checked to say where it starts and leads."""
    profile = profile_of(mask)
    for one in explainer.explain(profile).counterfactuals:
        assert all(profile[change.input] is change.before for change in one.changes)
        assert all(change.after is (not change.before) for change in one.changes)
        yield one.recommendation, sum(1 << NAMES.index(change.input) for change in one.changes)


@pytest.mark.exhaustive
def test_counterfactuals_are_minimal_and_complete(explainer: Explainer) -> None:
    """All 12,288 pairs of a profile and another recommendation have exactly the minimal sets of brute
    force; the largest has six changes, and nearer ones come first.
    """
    pairs, largest = 0, 0
    for mask in EVERY:
        found = list(found_flips(explainer, mask))
        expected = flips_to(mask)
        grouped: dict[str, set[int]] = {end: set() for end in expected}
        for end, flipped in found:
            grouped[end].add(flipped)
        sizes = [flipped.bit_count() for _, flipped in found]
        assert expected == grouped
        assert len(found) == sum(map(len, grouped.values()))
        assert sorted(sizes) == sizes
        pairs += sum(1 for sets in grouped.values() if sets)
        largest = max(largest, *(min(flip.bit_count() for flip in sets) for sets in grouped.values()))

    assert (12_288, 6) == (pairs, largest)


def forced(mask: int, kept: int) -> bool:
    """Whether all profiles that agree with one on some inputs end as it does."""
    free = len(EVERY) - 1 & ~kept
    completion = free
    while True:
        if outcomes()[mask & kept | completion] != outcomes()[mask]:
            return False
        if not completion:
            return True
        completion = completion - 1 & free


@pytest.mark.exhaustive
def test_sufficient_reasons_are_smallest(explainer: Explainer) -> None:
    """On all 2,048 profiles the reason forces the outcome, and no smaller set of answers does."""
    subsets = sorted(EVERY, key=int.bit_count)
    for mask in EVERY:
        reason = explainer.explain(profile_of(mask)).sufficient_reason
        assert reason is not None
        kept = sum(1 << NAMES.index(name) for name in reason)
        assert forced(mask, kept)
        smaller = (kept for kept in subsets if kept.bit_count() == len(reason) - 1)
        assert not any(forced(mask, kept) for kept in smaller)


def test_an_undecided_profile_has_no_sufficient_reason(explainer: Explainer) -> None:
    """There is no outcome to force."""
    assert explainer.explain({}).sufficient_reason is None


def test_an_unknown_answer_is_a_change_without_a_before(explainer: Explainer) -> None:
    """For an undecided profile, giving an answer is a change, and only what is needed is given."""
    [first, *_] = explainer.explain({}, target="use_prompt_engineering").counterfactuals
    answered = {"prompt_engineering_sufficient": False}
    found = explainer.explain(answered, target="use_rag").counterfactuals

    assert (
        Counterfactual(
            "use_prompt_engineering", (Change("prompt_engineering_sufficient", None, after=True),)
        )
        == first
    )
    assert [
        ["knowledge_retrieval_problem", "real_time_data_needed"],
        ["knowledge_retrieval_problem", "data_volume_very_large"],
    ] == sorted(([change.input for change in one.changes] for one in found), reverse=True)


def test_frozen_inputs_stay(explainer: Explainer) -> None:
    """No counterfactual touches a frozen input, and all that don't touch it are there."""
    profile = profile_of(0)
    frozen = {"prompt_engineering_sufficient", "narrow_specific_task"}
    expected = [
        one
        for one in explainer.explain(profile).counterfactuals
        if not frozen & {change.input for change in one.changes}
    ]

    assert expected == list(explainer.explain(profile, frozen=frozen).counterfactuals)


@pytest.mark.exhaustive
def test_sensitivity_gives_every_other_answer_alone(explainer: Explainer) -> None:
    """For each input of each of 2,048 profiles, the one other answer and what it leads to."""
    for mask in EVERY:
        profile = profile_of(mask)
        expected = {
            name: [(not profile[name], (outcomes()[mask ^ 1 << bit],))] for bit, name in enumerate(NAMES)
        }
        found = explainer.explain(profile).sensitivity
        assert expected == {
            name: [(one.answer, one.candidates) for one in answers] for name, answers in found.items()
        }


@pytest.mark.parametrize("profile", [{}, {"data_volume_very_large": False}, profile_of(0)])
def test_sensitivity_of_unanswered_inputs_gives_each_answer(
    tree: Tree, explainer: Explainer, profile: Mapping[str, bool]
) -> None:
    """An input that isn't answered has both answers, each with what it leaves."""
    for name, answers in explainer.explain(profile).sensitivity.items():
        for one in answers:
            assert evaluate(tree, {**profile, name: one.answer}).candidates == one.candidates
        given = {profile[name]} if name in profile else set()
        assert {False, True} - given == {one.answer for one in answers}


def _checklist(size: int) -> Tree:
    """A tree of yes/no questions in a row; every no goes on, every yes ends at once."""
    names = [f"q{number:02}" for number in range(size)]
    ends = [*names[1:], "all_no"]
    questions = {
        name: Question(
            name,
            "?",
            f"i_{name}",
            (Branch(InChoices((True,)), "some_yes", "Yes."), Branch(InChoices((False,)), end, "No.")),
        )
        for name, end in zip(names, ends, strict=True)
    }
    leaves = {end: Recommendation(end, end, "no", "s") for end in ("some_yes", "all_no")}
    inputs = {f"i_{name}": Input(f"i_{name}", "boolean", name) for name in names}
    return Tree(
        "1.0.0", "current", "2026-11-22", "t", Reference("t", "u"), inputs, names[0], questions, leaves
    )


def test_a_search_does_not_walk_through_every_combination() -> None:
    """A row of 40 questions has 41 minimal sets, found without meeting the bound on work."""
    tree = _checklist(40)
    explanation = Explainer(tree, PathTable.of(tree)).explain({})

    assert [len(one.changes) for one in explanation.counterfactuals] == [1] * 40 + [40]
    assert not explanation.truncated


def test_a_search_that_grows_too_large_says_so(tree: Tree) -> None:
    """With next to no work allowed, the search ends early, and says that sets may be missing."""
    explanation = Explainer(tree, PathTable.of(tree), max_states=3).explain({})
    assert explanation.truncated
    assert len(explanation.counterfactuals) < len(
        Explainer(tree, PathTable.of(tree)).explain({}).counterfactuals
    )

    assert (
        Explainer(tree, PathTable.of(tree), max_states=0).explain(profile_of(0)).sufficient_reason
        is None
    )


def test_a_search_does_not_try_every_combination_of_choices() -> None:
    """Twelve choices that may each be one of four have 16 million sets; the search ends, and says so."""
    names = [f"q{number:02}" for number in range(12)]
    ends = [*names[1:], "all_low"]
    inputs = {name: Input(name, "enum", name, choices=tuple("abcde")) for name in names}
    questions = {
        name: Question(
            name,
            "?",
            name,
            (Branch(InChoices(tuple("abcd")), end, "Low."), Branch(Otherwise(), "high", "E.")),
        )
        for name, end in zip(names, ends, strict=True)
    }
    leaves = {end: Recommendation(end, end, "no", "s") for end in ("high", "all_low")}
    source = Reference("t", "u")
    tree = Tree("1.0.0", "current", "2026-11-22", "t", source, inputs, names[0], questions, leaves)
    explanation = Explainer(tree, PathTable.of(tree)).explain({}, limit=1000)

    assert [len(one.changes) for one in explanation.counterfactuals[:12]] == [1] * 12
    assert explanation.truncated


def test_a_limit_keeps_the_nearest(explainer: Explainer) -> None:
    """A limit cuts the list behind the nearest, and says so exactly if something was cut."""
    every = explainer.explain({})
    assert not every.truncated
    for limit in range(1, len(every.counterfactuals) + 2):
        cut = explainer.explain({}, limit=limit)
        assert every.counterfactuals[:limit] == cut.counterfactuals
        assert cut.truncated is (limit < len(every.counterfactuals))


def test_a_tree_with_too_many_steps_is_not_explained(tree: Tree) -> None:
    """It is assessed all the same, and the explanation says that it is cut."""
    explanation = Explainer(tree, PathTable.of(tree, 55)).explain(profile_of(0))
    assert explanation.assessment == evaluate(tree, profile_of(0))
    assert explanation.truncated
    assert (None, (), {}) == (
        explanation.sufficient_reason,
        explanation.counterfactuals,
        explanation.sensitivity,
    )
    assert not Explainer(tree, PathTable.of(tree, 56)).explain(profile_of(0)).truncated


def test_compared_inputs_may_both_have_to_move() -> None:
    """Where the ends of its range keep either of two compared inputs from doing it alone, both change."""
    w = Input("w", "integer", "w", minimum=1, maximum=3)
    x = Input("x", "integer", "x", minimum=0, maximum=1)
    below = Branch(ComparedWith("lt", "w"), "c", "Below.")
    question = Question("q", "?", "x", (below, Branch(Otherwise(), "a", "Not below.")))
    leaves = {end: Recommendation(end, end, "no", "s") for end in ("a", "c")}
    source = Reference("t", "u")
    tree = Tree(
        "1.0.0", "current", "2026-11-22", "t", source, {"w": w, "x": x}, "q", {"q": question}, leaves
    )

    [one] = Explainer(tree, PathTable.of(tree)).explain({"w": 3, "x": 0}).counterfactuals
    assert {change.input: change.after for change in one.changes} == {"w": 1, "x": 1}
