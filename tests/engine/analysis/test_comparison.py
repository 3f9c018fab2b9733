"""Comparisons of two trees, against brute force over all their profiles."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_advisor.engine.analysis.comparison import Comparison, compare_trees
from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.model.conditions import (
    Bound,
    ComparedWith,
    InChoices,
    InRange,
    Otherwise,
    Test,
)
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.engine.model.references import Reference
from finetune_advisor.engine.model.tree import (
    Branch,
    Question,
    Recommendation,
    Tree,
    WarningCondition,
    WarningRule,
)
from finetune_advisor.trees import loader
from tests import strategies
from tests.conftest import ROOT
from tests.mutants import retargeted, swapped, with_question, without_question
from tests.strategies import Known, completions, walk


def outcome(tree: Tree, profile: Known, shared: list[str]) -> str | None:
    """Where the completions of a profile of the shared inputs end, if all end in one place."""
    unknown = [name for name in tree.inputs if name not in shared]
    ends = {
        walk(tree, profile | dict(zip(unknown, values, strict=True)))[1]
        for values in product((False, True), repeat=len(unknown))
    }
    return ends.pop() if len(ends) == 1 else None


def found_moves(comparison: Comparison) -> Counter[Any]:
    """How many profiles move from where to where."""
    return Counter({(move.before, move.after): move.profiles for move in comparison.moves})


@pytest.mark.exhaustive
@pytest.mark.parametrize("edit", [retargeted, swapped, without_question])
def test_every_single_edit_of_the_flowchart_has_its_exact_impact(tree: Tree, edit: Any) -> None:
    """For each mutant, all moves and their counts are those of all profiles, and each witness moves."""
    plain = {tuple(profile.values()): walk(tree, profile)[1] for profile in completions(tree, {})}
    for mutant in edit(tree):
        shared = list(mutant.inputs)
        comparison = compare_trees(tree, mutant)
        expected: Counter[Any] = Counter()
        for values in product((False, True), repeat=len(shared)):
            profile = dict(zip(shared, values, strict=True))
            before = plain[values] if len(shared) == 11 else outcome(tree, profile, shared)
            after = walk(mutant, profile)[1]
            expected[before, after] += 1
        assert comparison.undecided == expected[None, None]
        expected = Counter({ends: count for ends, count in expected.items() if ends[0] != ends[1]})
        assert +expected == found_moves(comparison)
        assert comparison.profiles == 2 ** len(shared)
        assert comparison.equivalent == (not +expected and len(shared) == 11)
        for move in comparison.moves:
            witness = dict(move.witness)
            assert (outcome(tree, witness, shared), outcome(mutant, witness, shared)) == (
                move.before,
                move.after,
            )


def kind(older: Tree, newer: Tree, profile: Known) -> tuple[Any, ...]:
    """What the tests of two trees can tell of a profile: brute force over every test of every question."""
    facts: list[Any] = []
    for one in (older, newer):
        for question in one.questions.values():
            value = profile[question.input]
            other = profile[question.compared_to] if question.compared_to else None
            if other is not None:
                facts.append((value > other) - (value < other))  # type: ignore[operator]
            elif one.inputs[question.input].is_numeric:
                facts.extend(
                    strategies._passes(b.test, value, profile)
                    for b in question.branches
                    if isinstance(b.test, InRange)
                )
    discrete = [profile[name] for name, one in older.inputs.items() if not one.is_numeric]
    return (*facts, *discrete)


@st.composite
def edited(draw: strategies.Draw) -> tuple[Tree, Tree]:
    """A typed tree, and the same with the targets of two branches of one question exchanged."""
    tree = draw(strategies.trees(wide=False))
    question = draw(st.sampled_from(list(tree.questions.values())))
    first, *others = question.branches
    *between, last = others
    branches = (replace(first, to=last.to), *between, replace(last, to=first.to))
    return tree, with_question(tree, replace(question, branches=branches))


@given(edited())
@settings(max_examples=60, deadline=None)
def test_typed_trees_have_their_exact_impact(pair: tuple[Tree, Tree]) -> None:
    """With numbers and comparisons too: all moves, counted by kind, and no others."""
    older, newer = pair
    comparison = compare_trees(older, newer)
    kinds: dict[Any, set[Any]] = {}
    every = set()
    for profile in completions(older, {}):
        ends = walk(older, profile)[1], walk(newer, profile)[1]
        every.add(kind(older, newer, profile))
        if ends[0] != ends[1]:
            kinds.setdefault(ends, set()).add(kind(older, newer, profile))

    assert {ends: len(found) for ends, found in kinds.items()} == dict(found_moves(comparison))
    assert comparison.profiles == len(every)
    for move in comparison.moves:
        assert walk(older, dict(move.witness))[1] == move.before
        assert walk(newer, dict(move.witness))[1] == move.after


def test_a_tree_is_equivalent_to_itself(tree: Tree) -> None:
    """Nothing is added, removed, rewired or reworded, and nobody moves."""
    comparison = compare_trees(
        tree, replace(tree, version="1.0.1", status="candidate", released="2030-01-01")
    )

    assert comparison.equivalent
    assert (comparison.added, comparison.removed, comparison.rewired, comparison.reworded) == (
        (),
        (),
        (),
        (),
    )


def test_words_and_wiring_are_told_apart(tree: Tree) -> None:
    """A new text is a rewording; a new target is a rewiring; a new question is an addition."""
    root = tree.questions[tree.root]
    reworded = replace(tree, questions={**tree.questions, tree.root: replace(root, text="Is it?")})
    [change] = compare_trees(tree, reworded).reworded
    more = replace(tree.questions["api_solutions"], id="again")
    extended = replace(tree, questions={**tree.questions, "again": more}, cautions=tree.cautions[:-1])
    comparison = compare_trees(tree, extended)

    assert (change.pointer, change.before, change.after) == (
        f"/questions/{tree.root}/text",
        root.text,
        "Is it?",
    )
    assert compare_trees(tree, next(swapped(tree))).rewired == (f"/questions/{tree.root}/branches",)
    assert comparison.added == ("/questions/again",)
    assert comparison.removed == (f"/cautions/{len(tree.cautions) - 1}",)


def test_the_tests_of_a_warning_are_wiring(tree: Tree) -> None:
    """When a warning is said is no matter of words; what it says is."""
    when = (WarningCondition("data_sensitive", InChoices((True,))),)
    rule = WarningRule("private", when, "Mind the law.", ("use_rag",))

    def changed(**fields: Any) -> Comparison:
        older, newer = (replace(tree, warnings=(one,)) for one in (rule, replace(rule, **fields)))
        return compare_trees(older, newer)

    other = (WarningCondition("data_sensitive", InChoices((False,))),)
    assert changed(when=other).rewired == ("/warnings/0/when",)
    assert changed(recommendations=("use_api",)).rewired == ("/warnings/0/recommendations",)
    assert [one.pointer for one in changed(text="Mind it.").reworded] == ["/warnings/0/text"]
    assert changed(when=other).reworded == changed(recommendations=("use_api",)).reworded == ()


def test_a_private_input_compared_with_a_shared_one_moves_nobody_who_stays() -> None:
    """Whoever is decided whatever the private input may be keeps an outcome that is compared exactly."""
    x = Input("x", "integer", "x", minimum=0, maximum=20)
    p = Input("p", "integer", "p", minimum=5, maximum=10)
    leaves = {end: Recommendation(end, end, "no", "s") for end in ("a", "b")}

    def tree_of(version: str, test: Test, inputs: tuple[Input, ...]) -> Tree:
        branches = (Branch(test, "a", "Above."), Branch(Otherwise(), "b", "Not."))
        question = Question("q", "?", "x", branches)
        named = {one.name: one for one in inputs}
        source = Reference("t", "u")
        return Tree(version, "current", "2026-11-22", "t", source, named, "q", {"q": question}, leaves)

    older = tree_of("1.0.0", ComparedWith("gt", "p"), (x, p))
    newer = tree_of("2.0.0", InRange(lower=Bound(11, inclusive=True)), (x,))
    moves = compare_trees(older, newer).moves

    assert [(move.before, move.after) for move in moves] == [(None, "b")]
    assert 6 <= int(moves[0].witness["x"]) <= 10


def test_an_input_of_another_type_is_not_shared(tree: Tree) -> None:
    """Outcomes are compared over the inputs that mean the same in both trees."""
    one = replace(tree.inputs["data_sensitive"], type="enum", choices=("a", "b"))
    question = tree.questions["data_sensitivity"]
    choices = (InChoices(("a",)), InChoices(("b",)))
    branches = tuple(replace(b, test=t) for b, t in zip(question.branches, choices, strict=True))
    other = with_question(tree, replace(question, branches=branches))
    comparison = compare_trees(tree, replace(other, inputs={**tree.inputs, "data_sensitive": one}))

    assert comparison.profiles == 1024
    assert evaluate(tree, {}).candidates == evaluate(tree, {"nobody_knows": True}).candidates


def test_a_comparison_that_grows_too_large_says_so(tree: Tree) -> None:
    """With few steps allowed it counts what it came to, and doesn't call the trees equivalent."""
    mutant = next(retargeted(tree))
    whole = compare_trees(tree, mutant)
    steps = next(most for most in range(1, 1_000) if not compare_trees(tree, mutant, most).truncated)
    cut = compare_trees(tree, mutant, steps - 1)

    assert whole == compare_trees(tree, mutant, steps)
    assert cut.truncated
    assert not compare_trees(tree, mutant, 1).equivalent
    assert sum(move.profiles for move in cut.moves) <= sum(move.profiles for move in whole.moves)


def test_trees_that_differ_in_words_alone_need_no_walk(tree: Tree) -> None:
    """They are equivalent, however many ways there are."""
    reworded = replace(tree, version="1.0.1", title="Another title")

    assert compare_trees(tree, reworded, 0).equivalent
    assert not compare_trees(tree, reworded, 0).truncated


def test_what_a_worksheet_gives_is_wiring_and_its_words_are_not() -> None:
    """A figure, a range or the formula can give another answer; nobody moves for it."""
    older = loader.load_tree(ROOT / "tests" / "api" / "typed.yaml")
    one = older.inputs["corpus_length"]
    assert one.worksheet
    length = replace(one.worksheet.quantities["length"], default=400, label="Words")
    worksheet = replace(
        one.worksheet,
        quantities={**one.worksheet.quantities, "length": length},
        formula="min(ceil(length * documents * rate), 1000000 tokens)",
    )
    inputs = {**older.inputs, one.name: replace(one, worksheet=worksheet)}
    comparison = compare_trees(older, replace(older, inputs=inputs))
    place = "/inputs/corpus_length/worksheet"

    assert {f"{place}/quantities/length/default", f"{place}/formula"} == {*comparison.rewired}
    assert [f"{place}/quantities/length/label"] == [one.pointer for one in comparison.reworded]
    assert comparison.equivalent
