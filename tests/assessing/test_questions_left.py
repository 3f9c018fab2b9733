"""How many questions are left: exactly those of the shortest and of the longest interview from there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from itertools import combinations, product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_advisor.assessing.advisor import Advisor
from finetune_advisor.assessing.interview import Interviewer
from finetune_advisor.assessing.questions_left import QuestionCounter, QuestionsLeft
from finetune_advisor.engine.evaluation.path_table import PathTable, iter_paths
from finetune_advisor.engine.model.inputs import Profile, Value
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.trees import catalog, loader
from tests.families import row_of_questions
from tests.strategies import trees, values

TYPED = Path(__file__).parents[1] / "api" / "typed.yaml"
TREES = {
    name: loader.load_tree(path)
    for name, path in {
        "1.0.0": catalog.BUNDLED_TREES_DIR / "1.0.0.yaml",
        "2.0.0": catalog.BUNDLED_TREES_DIR / "2.0.0.yaml",
        "typed": TYPED,
    }.items()
}


def make_interviewer(tree: Tree) -> Interviewer:
    return Interviewer(Advisor(tree))


def complete_profiles(tree: Tree) -> list[Profile]:
    """A profile for each path of a tree, with an answer to every input."""
    profiles = []
    for path in iter_paths(tree):
        positions = path.region.simplest_positions(tree.inputs)
        profiles.append({name: one.value(positions[name]) for name, one in tree.inputs.items()})
    return profiles


Point = tuple[tuple[str, str], ...]


def list_points(interviewer: Interviewer, profile: Profile) -> list[tuple[Point, tuple[int, int]]]:
    """The branches that were taken at each question of an interview, and what is said to be left there."""
    known: dict[str, Value] = {}
    points = []
    while (state := interviewer.state(known, ())).question:
        assert state.left is not None
        taken = tuple((step.question.id, step.branch.test_label) for step in state.assessment.path)
        points.append((taken, tuple(state.left)))
        known |= {name: profile[name] for name in state.question.inputs}
    return points


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", TREES)
def test_the_count_is_that_of_all_interviews(name: str) -> None:
    """At each point, some interview needs the fewest that is said, another the most, and none less or more.

    Interviews that take the same branches so far are at the same point.
    """
    tree = TREES[name]
    interviewer = make_interviewer(tree)
    said: dict[Point, tuple[int, int]] = {}
    needed: dict[Point, set[int]] = defaultdict(set)
    for profile in complete_profiles(tree):
        points = list_points(interviewer, profile)
        for place, (point, left) in enumerate(points):
            said[point] = left
            needed[point].add(len(points) - place)

    assert len(said) > len(tree.questions) / 2
    assert {point: (min(counts), max(counts)) for point, counts in needed.items()} == said


@pytest.mark.exhaustive
def test_the_count_is_exact_where_one_answer_decides_twice() -> None:
    """Tree 3.0.0, whose later questions tell answers apart that an earlier branch takes together.

    Every interview is held, with one answer for each range that tests tell apart.
    """
    tree = loader.load_tree(catalog.BUNDLED_TREES_DIR / "3.0.0.yaml")
    interviewer = make_interviewer(tree)
    answers = {
        name: [one.value(cell.least) for cell in tree.partition[name]]
        for name, one in tree.inputs.items()
    }
    said_wrongly = []

    def walk(known: Profile) -> tuple[int, int]:
        state = interviewer.state(known, ())
        if state.question is None:
            return 0, 0
        [name] = state.question.inputs
        counts = [walk({**known, name: answer}) for answer in answers[name]]
        left = 1 + min(fewest for fewest, _ in counts), 1 + max(most for _, most in counts)
        if left != state.left:
            said_wrongly.append(known)
        return left

    assert (1, 12) == walk({})
    assert [] == said_wrongly


def test_skipped_questions_are_not_counted() -> None:
    """They aren't asked, and what they would decide stays open; the last one that is left says one."""
    tree = TREES["1.0.0"]
    interviewer = make_interviewer(tree)
    first = interviewer.state({}, ())
    after = interviewer.state({}, ["prompt_engineering_sufficient"])
    skipped = [name for name in tree.inputs if name != "api_usable"]
    last = interviewer.state({}, skipped)

    assert (1, 7) == first.left
    assert "knowledge_retrieval" == after.question.id  # type: ignore[union-attr]
    assert (2, 6) == after.left
    assert ("api_solutions", (1, 1)) == (last.question.id, last.left)  # type: ignore[union-attr]
    assert None is interviewer.state({}, [*tree.inputs]).question


def count_by_hand(
    interviewer: Interviewer,
    known: dict[str, Value],
    skipped: Collection[str],
    counts: dict[frozenset[tuple[str, Value]], tuple[int, int]],
) -> tuple[int, int]:
    """The fewest and the most questions that all interviews from a point on ask, by leading each of them.

    Compares it at each point with what is said to be left.
    """
    key = frozenset(known.items())
    if key not in counts:
        state = interviewer.state(known, skipped)
        if state.question is None:
            return 0, 0
        tree = interviewer.tree
        missing = [name for name in state.question.inputs if name not in known]
        after = [
            count_by_hand(interviewer, known | dict(zip(missing, answers, strict=True)), skipped, counts)
            for answers in product(*(values(tree, tree.inputs[name]) for name in missing))
        ]
        counts[key] = 1 + min(left[0] for left in after), 1 + max(left[1] for left in after)
        if asks_once(tree):
            assert counts[key] == state.left
        assert counts[key][1] <= state.left.most  # type: ignore[union-attr]
    return counts[key]


def asks_once(tree: Tree) -> bool:
    """Whether no input belongs to two questions."""
    asked = [name for question in tree.questions.values() for name in question.inputs]
    return len(asked) == len({*asked})


@pytest.mark.parametrize("skipped", [*combinations(TREES["1.0.0"].inputs, 2)], ids=" ".join)
def test_the_count_holds_where_questions_were_skipped(skipped: tuple[str, ...]) -> None:
    """In every interview about 1.0.0 in which any two inputs aren't known."""
    counts: dict[frozenset[tuple[str, Value]], tuple[int, int]] = {}
    count_by_hand(make_interviewer(TREES["1.0.0"]), {}, skipped, counts)

    assert counts


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_the_count_holds_in_trees_of_every_kind(data: st.DataObject) -> None:
    """Whatever is skipped: exactly if each input is asked about once, and never too few otherwise."""
    tree = data.draw(trees(wide=False))
    skipped = data.draw(st.sets(st.sampled_from(sorted(tree.inputs)), max_size=2))

    count_by_hand(make_interviewer(tree), {}, skipped, {})


def test_a_tree_without_a_table_gets_a_bound() -> None:
    """The shortest and the longest way down from the question."""
    tree = TREES["1.0.0"]
    counter = QuestionCounter(tree, None)

    assert (1, 7) == counter.count({}, (), tree.root)
    assert (1, 1) == counter.count({}, (), "api_solutions")
    assert (1, 7) == QuestionCounter(tree, PathTable.of(tree)).count({}, (), tree.root)


@pytest.mark.exhaustive
def test_a_count_that_would_take_long_is_a_bound() -> None:
    """Without the first answer of tree 3.0.0 there are too many ways to count; none is longer than said."""
    tree = loader.load_tree(catalog.BUNDLED_TREES_DIR / "3.0.0.yaml")
    interviewer = make_interviewer(tree)
    skipped = tree.questions[tree.root].inputs
    for profile in complete_profiles(tree)[::20]:
        known: dict[str, Value] = {}
        said = []
        while (state := interviewer.state(known, skipped)).question:
            assert state.left is not None
            said.append(state.left)
            known |= {name: profile[name] for name in state.question.inputs}

        assert QuestionsLeft(1, 20) == said[0]
        assert all(len(said) - place <= left.most for place, left in enumerate(said))


def test_a_tree_of_very_many_questions_gets_a_bound() -> None:
    """A count would go as deep as the tree, deeper than Python allows."""
    tree = row_of_questions(600)
    left = QuestionCounter(tree, PathTable.of(tree)).count({}, (), tree.root)

    assert QuestionsLeft(1, 600) == left
