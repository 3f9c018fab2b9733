"""Verdicts about past decisions, against brute force over all completions of what a log holds."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, islice, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_advisor.engine.analysis import replay
from finetune_advisor.engine.analysis.replay import (
    DecisionReplay,
    ReplayVerdict,
    find_conflicting_inputs,
)
from finetune_advisor.engine.analysis.validation import find_faults
from finetune_advisor.engine.evaluation import compiled, partial
from finetune_advisor.engine.evaluation.compiled import CompiledTree
from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.evaluation.path_table import iter_paths
from finetune_advisor.engine.model.region import Region
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.trees.catalog import load_catalog
from tests import strategies
from tests.engine.analysis.test_comparison import edited
from tests.mutants import retargeted, swapped, without_question
from tests.strategies import Known, completions, values, walk

UNKNOWN = 2
MAX_REGIONS = 40
"""Regions of a log that are compared two by two: with more, brute force would take minutes."""
Digits = tuple[int, ...]
Facts = tuple[frozenset[str], frozenset[bool], frozenset[int]]
"""Of all completions: the candidate's recommendations, whether the trees agree, and the flipping inputs."""


def sound(trees: Iterator[Tree]) -> list[Tree]:
    """The mutants that could be served."""
    return [mutant for mutant in trees if not find_faults(mutant)]


def five_mutants(tree: Tree) -> list[tuple[Tree, Tree]]:
    """Five pairs of a deciding tree and a candidate: new targets, yes for no, an input gone, and one come."""
    targets = sound(retargeted(tree))
    shorter = sound(without_question(tree))[0]
    return [
        (tree, targets[3]),
        (tree, targets[-1]),
        (tree, sound(swapped(tree))[4]),
        (tree, shorter),
        (shorter, tree),
    ]


def facts_of_partial_profiles(deciding: Tree, candidate: Tree) -> dict[Digits, Facts]:
    """Brute force over the completions of every partial profile of two trees of booleans.

    A profile is a digit for each input: 0 and 1 are answers. The completions of a partial profile are those
    of the two profiles that answer its first unknown input, and both come before it in the product.
    """
    names = known_inputs(deciding, candidate)
    ends = {
        digits: tuple(
            walk(tree, dict(zip(names, map(bool, digits), strict=True)))[1]
            for tree in (deciding, candidate)
        )
        for digits in product((0, 1), repeat=len(names))
    }
    agrees = {digits: before == after for digits, (before, after) in ends.items()}
    facts: dict[Digits, Facts] = {}
    for digits in product((0, 1, UNKNOWN), repeat=len(names)):
        if UNKNOWN in digits:
            index = digits.index(UNKNOWN)
            halves = (facts[*digits[:index], digit, *digits[index + 1 :]] for digit in (0, 1))
            facts[digits] = tuple(one | other for one, other in zip(*halves, strict=True))  # type: ignore[assignment]
        else:
            flips = (i for i in range(len(names)) if agrees[flipped(digits, i)] != agrees[digits])
            facts[digits] = frozenset({ends[digits][1]}), frozenset({agrees[digits]}), frozenset(flips)
    return facts


def flipped(digits: Digits, index: int) -> Digits:
    """A complete profile with another answer to one input."""
    return (*digits[:index], 1 - digits[index], *digits[index + 1 :])


def known_inputs(deciding: Tree, candidate: Tree) -> list[str]:
    """The inputs of both trees, in the order of `depends_on`."""
    return [*{**candidate.inputs, **deciding.inputs}]


def verdict(
    candidate: Tree, ends: frozenset[str], agreed: frozenset[bool], flips: list[str]
) -> ReplayVerdict:
    """The verdict that brute force has found the reasons for."""
    in_order = tuple(sorted(ends, key=candidate.topological_index.__getitem__))
    if len(agreed) == 1:
        return ReplayVerdict("same" if True in agreed else "moved", in_order)
    return ReplayVerdict("depends", in_order, tuple(flips))


@pytest.mark.exhaustive
@pytest.mark.parametrize("pair", range(5))
def test_all_partial_profiles_of_the_flowchart_agree_with_brute_force(tree: Tree, pair: int) -> None:
    """For each of 177,147 logs, decided and undecided: the verdict, the candidates, the inputs it needs."""
    deciding, candidate = five_mutants(tree)[pair]
    names, decided = known_inputs(deciding, candidate), CompiledTree(deciding)
    judged, kinds = DecisionReplay(candidate), set()
    facts = facts_of_partial_profiles(deciding, candidate)
    for digits, (ends, agreed, flips) in facts.items():
        answers = {n: bool(digit) for n, digit in zip(names, digits, strict=True) if digit != UNKNOWN}
        past = decided.candidates(answers)
        unknown = [n for i, n in enumerate(names) if i in flips and n not in answers]
        expected = verdict(candidate, ends, agreed, unknown)
        assert expected == judged.judge(answers, past, deciding)
        # Who is decided needs no tree; of others, only those without a common candidate are judged.
        alone = judged.judge(answers, past, None)
        assert alone == (expected if len(past) == 1 or not ends & {*past} else None)
        kinds.add((expected.kind, len(past) == 1))
    assert 3**11 == len(facts)
    assert {(kind, is_decided) for kind in ("same", "depends") for is_decided in (True, False)} <= kinds


@pytest.mark.parametrize("pair", range(5))
def test_a_recommendation_that_the_answers_alone_do_not_give(tree: Tree, pair: int) -> None:
    """Answers that are missing from a log, as masked ones are, count as unknown."""
    deciding, candidate = five_mutants(tree)[pair]
    judged, draw = DecisionReplay(candidate), random.Random(21)
    for _ in range(300):
        profile = {name: draw.random() < 0.5 for name in known_inputs(deciding, candidate)}
        past = walk(deciding, profile)[1]
        answers = {name: value for name, value in profile.items() if draw.random() < 0.4}
        names = known_inputs(candidate, candidate)
        ends = {
            tuple(completion.values()): walk(candidate, completion)[1]
            for completion in completions(candidate, {n: v for n, v in answers.items() if n in names})
        }
        agrees = {bits: end == past for bits, end in ends.items()}
        flips = [
            name
            for index, name in enumerate(names)
            if any(
                agrees.get((*bits[:index], not bits[index], *bits[index + 1 :]), agree) != agree
                for bits, agree in agrees.items()
            )
        ]
        expected = verdict(candidate, frozenset(ends.values()), frozenset(agrees.values()), flips)
        assert expected == judged.judge(answers, (past,), None)


@pytest.mark.parametrize("way", ["table", "walks", "large groups"])
@given(pair=edited(), data=st.data())
@settings(max_examples=80, deadline=None)
def test_typed_trees_agree_with_brute_force(
    way: str, pair: tuple[Tree, Tree], data: st.DataObject
) -> None:
    """With numbers and comparisons too, and for trees that have too many paths for a table."""
    deciding, candidate = pair
    with pytest.MonkeyPatch.context() as patch:
        if way == "walks":
            patch.setattr(compiled.PathTable, "of", lambda _: None)
        if way == "large groups":
            patch.setattr(partial, "MAX_CONSTRAINTS", 0)
        judged = DecisionReplay(candidate)
        # Later logs meet what is cached of earlier ones.
        for _ in range(5):
            answers = data.draw(strategies.partial_profiles(deciding))
            past = evaluate(deciding, answers).candidates
            expected = verdict_of_completions(deciding, candidate, answers)
            assert expected == judged.judge(answers, past, deciding)


def verdict_of_completions(deciding: Tree, candidate: Tree, answers: Known) -> ReplayVerdict:
    """Brute force over the completions of a log, for trees of the same inputs."""
    found = [*completions(deciding, answers)]
    agrees = {
        tuple(profile.values()): walk(deciding, profile)[1] == walk(candidate, profile)[1]
        for profile in found
    }
    flips = [
        name
        for index, name in enumerate(deciding.inputs)
        if name not in answers
        and any(
            agrees[*bits[:index], value, *bits[index + 1 :]] != agree
            for bits, agree in agrees.items()
            for value in values(deciding, deciding.inputs[name])
        )
    ]
    ends = frozenset(walk(candidate, profile)[1] for profile in found)
    return verdict(candidate, ends, frozenset(agrees.values()), flips)


JointRegion = tuple[Region, str, str]


def joint_regions(deciding: Tree, candidate: Tree, answers: Known) -> list[JointRegion]:
    """The regions of profiles with these answers that take one path in each tree, and both ends."""
    axes = {**candidate.axes, **deciding.axes}
    inputs = {**candidate.inputs, **deciding.inputs}
    positions = {name: inputs[name].position(value) for name, value in answers.items()}
    paths = [
        [
            (Region(axes, path.region.domains, path.region.orders), path.node)
            for path in iter_paths(tree)
            if path.region.contains_answers({n: p for n, p in positions.items() if n in tree.inputs})
        ]
        for tree in (deciding, candidate)
    ]
    both = (
        (one.intersection(other), before, after) for (one, before), (other, after) in product(*paths)
    )
    return [
        (region, before, after)
        for region, before, after in both
        if region is not None and region.contains_answers(positions)
    ]


def flips_agreement(name: str, regions: list[JointRegion], positions: dict[str, float]) -> bool:
    """Whether two profiles exist that differ in one input, and the trees agree about only one of them."""
    twin = f"{name}'"
    return any(
        (both := one.with_twin(name, twin).intersection(other.renamed(name, twin))) is not None
        and both.contains_answers(positions)
        for (one, *ends), (other, *other_ends) in combinations(regions, 2)
        if (ends[0] == ends[1]) != (other_ends[0] == other_ends[1])
    )


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("deciding", "candidate"),
    [
        ("2.0.0", 40),
        ("2.0.0", 100),
        ("3.0.0", 40),
        ("3.0.0", 400),
        ("1.0.0", "2.0.0"),
        ("2.0.0", "3.0.0"),
    ],
)
def test_larger_trees_agree_with_regions(deciding: str, candidate: str | int) -> None:
    """For random logs of each: the verdict is what the regions of all profiles say, path by path."""
    served = load_catalog().trees
    old = served[deciding]
    new = (
        served[candidate]
        if isinstance(candidate, str)
        else next(
            mutant for mutant in islice(retargeted(old), candidate, None) if not find_faults(mutant)
        )
    )
    judged, draw, kinds = DecisionReplay(new), random.Random(7), Counter[str]()
    inputs = {**new.inputs, **old.inputs}
    while kinds.total() < 60:
        known = random_answers(draw, old, new)
        # Some logs have the answers on the path alone, and others those that nobody asked for, too.
        answers = dict(evaluate(old, known).answers) if draw.random() < 0.5 else known
        regions = joint_regions(old, new, answers)
        if len(regions) > MAX_REGIONS:
            continue
        agreed = frozenset(before == after for _, before, after in regions)
        positions = {name: inputs[name].position(value) for name, value in answers.items()}
        flips = [n for n in inputs if n not in answers and flips_agreement(n, regions, positions)]
        expected = verdict(new, frozenset(after for _, _, after in regions), agreed, flips)
        assert expected == judged.judge(answers, evaluate(old, answers).candidates, old)
        kinds[expected.kind] += 1
    assert len(kinds) > 1


def random_answers(draw: random.Random, *trees: Tree) -> Known:
    """Answers to most inputs of some trees; numbers are those at which cells begin."""
    cells = {
        name: (tree.inputs[name], cells) for tree in trees for name, cells in tree.partition.items()
    }
    return {
        name: input_.value(draw.choice(cells).least)
        for name, (input_, cells) in cells.items()
        if draw.random() < 0.9
    }


def test_inputs_that_mean_something_else_are_conflicts(tree: Tree) -> None:
    """A unit, a type or a range of its own makes an input another one; words don't."""
    old = load_catalog().trees["2.0.0"]
    of_days, words = old.inputs["payback_months"], old.inputs["kb_tokens"]
    inputs = {
        **old.inputs,
        of_days.name: replace(of_days, unit="days"),
        words.name: replace(words, label="?"),
    }
    assert ["payback_months"] == find_conflicting_inputs(old, replace(old, inputs=inputs))
    assert [] == find_conflicting_inputs(old, tree)


def test_verdicts_stay_when_their_cache_is_emptied(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache of an agreement tree is bounded, and only saves time."""
    candidate = sound(retargeted(tree))[3]
    logs = [{}, {"prompt_engineering_sufficient": False}, {"knowledge_retrieval_problem": False}]
    past = ("use_rag",)
    expected = [DecisionReplay(candidate).judge(answers, past, tree) for answers in logs]
    monkeypatch.setattr(replay, "CACHE_SIZE", 1)
    judge = DecisionReplay(candidate).judge
    assert expected * 2 == [judge(answers, past, tree) for answers in logs * 2]
    assert {"depends"} == {verdict.kind for verdict in expected[:2] if verdict}
