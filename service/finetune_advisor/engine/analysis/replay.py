"""Replay of past decisions: what a candidate tree makes of them, even if their log lacks some answers.

A log has the answers that the deciding tree asked for, and rarely those that another tree asks for. So a
decision is judged for every complete profile that agrees with the logged answers: either tree gives it a
recommendation, and both agree or don't. If they agree for some of these profiles only, the decision depends
on inputs that the log lacks.

For each comparison, one agreement tree is built, whose recommendations are SAME and MOVED. A tree can be
evaluated exactly for any profile, so nothing here has to search.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Literal, NamedTuple

from finetune_advisor.engine.evaluation.compiled import CompiledTree
from finetune_advisor.engine.model.inputs import Input, Profile
from finetune_advisor.engine.model.tree import Question, Recommendation, Tree

SAME, MOVED = "= same", "= moved"
"""The recommendations of agreement trees. No node of a document can have such a name."""

CACHE_SIZE = 4096
"""The verdicts that each agreement tree keeps."""

VerdictKind = Literal["same", "moved", "depends"]


class ReplayVerdict(NamedTuple):
    """What a candidate tree makes of a past decision.

    It is `same` if both trees recommend the same for every complete profile that agrees with the logged
    answers, `moved` if they never do, and `depends` otherwise. `candidates` are the recommendations that the
    candidate tree can come to, in tree order.

    `depends_on` lists inputs, those of the candidate tree first. An input is listed if two such profiles
    differ in it alone, and the trees agree about only one of them. It is empty unless the verdict is
    `depends`.
    """

    kind: VerdictKind
    candidates: tuple[str, ...]
    depends_on: tuple[str, ...] = ()


class DecisionReplay:
    """Judges past decisions with a sound candidate tree."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self._compiled = CompiledTree(tree)
        self._by_recommendation: dict[str, _Agreement] = {}
        self._by_deciding_tree: dict[str, _Agreement] = {}

    def judge(
        self, answers: Profile, past: tuple[str, ...], deciding: Tree | None
    ) -> ReplayVerdict | None:
        """Judge a decision by its logged answers, which must be valid, and its candidates in the past.

        A decision with one candidate was decided, and any other one undecided. `deciding` is the tree that
        made the decision, or None if it is unknown; only undecided decisions need it. It must not conflict
        with the candidate tree, see `find_conflicting_inputs`.

        Returns None for an undecided decision that can't be judged without the tree that made it.
        """
        candidates = self._compiled.candidates(answers)
        # These two answer most decisions, without an agreement tree.
        if not {*candidates} & {*past}:
            return ReplayVerdict("moved", candidates)
        if candidates == past and len(past) == 1:
            return ReplayVerdict("same", candidates)
        if len(past) == 1:
            return self._agreement_with_recommendation(past[0]).judge(answers, candidates)
        if deciding is None:
            return None
        return self._agreement_with_tree(deciding).judge(answers, candidates)

    def _agreement_with_recommendation(self, recommendation: str) -> _Agreement:
        """Return the agreement of the candidate tree with this recommendation."""
        if recommendation not in self._by_recommendation:
            tree = build_agreement_with_recommendation(self.tree, recommendation)
            self._by_recommendation[recommendation] = _Agreement(tree)
        return self._by_recommendation[recommendation]

    def _agreement_with_tree(self, deciding: Tree) -> _Agreement:
        """Return the agreement of the candidate tree with the tree that made a decision."""
        if deciding.digest not in self._by_deciding_tree:
            tree = build_agreement_with_tree(deciding, self.tree)
            self._by_deciding_tree[deciding.digest] = _Agreement(tree)
        return self._by_deciding_tree[deciding.digest]


class _Agreement:
    """An agreement tree, prepared for many decisions."""

    def __init__(self, tree: Tree) -> None:
        self._compiled = CompiledTree(tree)
        # A comparison separates every two numbers, so that its inputs have no cells.
        compared = frozenset().union(*tree.compared_pairs)
        self._cell_starts = {
            name: sorted(tree.thresholds[name]) if input_.is_numeric and name not in compared else None
            for name, input_ in tree.inputs.items()
        }
        self._cache: dict[object, tuple[VerdictKind, tuple[str, ...]]] = {}

    def judge(self, answers: Profile, candidates: tuple[str, ...]) -> ReplayVerdict:
        """Judge a decision by its answers. `candidates` are those of the candidate tree."""
        key = self._key(answers)
        if key not in self._cache:
            if len(self._cache) >= CACHE_SIZE:
                self._cache.clear()
            self._cache[key] = self._find_agreement(answers)
        kind, depends_on = self._cache[key]
        return ReplayVerdict(kind, candidates, depends_on)

    def _key(self, answers: Profile) -> object:
        """Return a key of answers: for equal keys, the agreement is the same.

        No test separates the numbers of a cell, unless it compares them with those of another input.
        """
        return tuple(
            [
                (name, bisect_right(starts, answers[name]) if starts else answers[name])
                for name, starts in self._cell_starts.items()
                if name in answers
            ]
        )

    def _find_agreement(self, answers: Profile) -> tuple[VerdictKind, tuple[str, ...]]:
        """Find the kind of verdict, and the inputs that it depends on."""
        outcomes = self._compiled.candidates(answers)
        if len(outcomes) == 1:
            return "same" if outcomes == (SAME,) else "moved", ()
        unknown = [name for name in self._compiled.tree.inputs if name not in answers]
        return "depends", tuple(
            [name for name in unknown if self._compiled.decides_between(answers, name, SAME)]
        )


def find_conflicting_inputs(deciding: Tree, candidate: Tree) -> list[str]:
    """List the inputs that mean something else in each of the trees: another type, unit or range of values.

    A profile can't be given to both trees if it answers such an input.
    """
    return [
        name
        for name, input_ in candidate.inputs.items()
        if name in deciding.inputs and not deciding.inputs[name].means_the_same(input_)
    ]


def build_agreement_with_recommendation(candidate: Tree, recommendation: str) -> Tree:
    """Build the tree whose outcome is SAME for the profiles that get this recommendation, else MOVED."""

    def rename(node: str) -> str:
        return node if node in candidate.questions else _compare(node, recommendation)

    return _agreement_tree(candidate.inputs, candidate, candidate.root, _renamed(candidate, rename))


def build_agreement_with_tree(deciding: Tree, candidate: Tree) -> Tree:
    """Build the tree whose outcome is SAME for the profiles that get the same from both trees, else MOVED.

    It is the deciding tree with a copy of the candidate tree in place of each recommendation.
    """

    def continue_in_copy(node: str) -> str:
        return node if node in deciding.questions else f"{node}: {candidate.root}"

    questions = [*_renamed(deciding, continue_in_copy)]
    for recommendation in deciding.recommendations:
        # The colon keeps the names in copies apart from those of all documents.
        def rename(node: str, recommendation: str = recommendation) -> str:
            is_question = node in candidate.questions
            return f"{recommendation}: {node}" if is_question else _compare(node, recommendation)

        questions += _renamed(candidate, rename)
    inputs = {**candidate.inputs, **deciding.inputs}
    return _agreement_tree(inputs, candidate, deciding.root, questions)


def _compare(recommendation: str, other: str) -> str:
    return SAME if recommendation == other else MOVED


def _renamed(tree: Tree, rename: Callable[[str], str]) -> Iterator[Question]:
    """Yield the questions of a tree with other names for nodes."""
    for question in tree.questions.values():
        branches = tuple(replace(branch, to=rename(branch.to)) for branch in question.branches)
        yield replace(question, id=rename(question.id), branches=branches)


def _agreement_tree(
    inputs: Mapping[str, Input], candidate: Tree, root: str, questions: Iterable[Question]
) -> Tree:
    by_id = {question.id: question for question in questions}
    # A sound tree has no recommendation without a branch that leads to it.
    ends = {branch.to for question in by_id.values() for branch in question.branches}
    return replace(
        candidate,
        inputs=inputs,
        root=root,
        questions=by_id,
        recommendations={name: Recommendation(name, name, "no", name) for name in ends & {SAME, MOVED}},
        situations=(),
        warnings=(),
    )
