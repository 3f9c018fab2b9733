"""Compiled trees: profiles are looked up by their trail, or by the paths that are left to them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from finetune_advisor.engine.branching import (
    ABOVE,
    BELOW,
    EQUAL,
    Against,
    Condition,
    Related,
    Within,
    conditions,
)
from finetune_advisor.engine.canonical import canonical_json, canonical_number
from finetune_advisor.engine.domain import Domain, Position
from finetune_advisor.engine.evaluation import Assessment, Step, evaluate
from finetune_advisor.engine.inputs import Input, Profile, Value, whole
from finetune_advisor.engine.partial import PartialProfiles
from finetune_advisor.engine.paths import PathTable
from finetune_advisor.engine.tree import (
    Branch,
    Circumstance,
    Question,
    Recommendation,
    Tree,
    WarningRule,
)

MOST_TURNS = 10_000
"""How many turns of trails are kept; those beyond, of trees with very many paths, are made anew. 2.0.0 has
981.
"""

Choose = Callable[[Profile], int]
"""The branch that a profile takes at a question. Raises KeyError if it doesn't answer it."""

Holds = Callable[[Profile], bool]
Stepping = Callable[[Profile], Step]
"""Makes the step of a path at a branch from the answers."""

Written = tuple[str, str, Callable[[Any], str]]
"""An input's name, its key in canonical JSON, and what writes its values so."""


@dataclass(frozen=True, eq=False)
class Trail:
    """A path as profiles take it that answer every question on it: all but their answers is settled.

    `names` are the inputs whose answers count: those on the path and those that warnings look at. `steps`
    and `written` belong to all trails of the tree: a trail is kept in some two kilobytes.
    """

    tree: Tree
    taken: tuple[tuple[Question, Branch], ...]
    steps: tuple[Stepping, ...]
    names: tuple[str, ...]
    written: Mapping[str, Written]
    warnings: tuple[tuple[WarningRule, Holds], ...]

    @property
    def branch(self) -> Branch:
        """The last branch, which leads to the recommendation."""
        return self.taken[-1][1]

    @cached_property
    def recommendation(self) -> Recommendation:
        return self.tree.recommendations[self.branch.to]

    def answers(self, profile: Profile) -> dict[str, Value]:
        """The answers of a profile that count, each in its normal form."""
        return {
            name: whole(profile[name]) if profile[name].__class__ is float else profile[name]  # type: ignore[arg-type]
            for name in self.names
            if name in profile
        }

    def assessment(self, profile: Profile) -> Assessment:
        """The assessment of a profile that takes the trail."""
        answers = self.answers(profile)
        return Assessment(
            tree=self.tree,
            path=tuple([step(answers) for step in self.steps]),
            answers=answers,
            unanswered=(),
            candidates=(self.branch.to,),
            reasons=(self.branch.reason,),
            next_question=None,
            warnings=tuple(self.warned(answers)),
            ignored=tuple(self.ignored(profile)),
            receipt=self.receipt(answers),
        )

    def receipt(self, answers: Profile) -> str:
        """The receipt for the answers that count: the hash of their canonical form, written by hand."""
        given = [f"{key}:{write(answers[name])}" for name, key, write in self._keys if name in answers]
        members = ",".join(given)
        text = f'{{"answers":{{{members}}},"digest":"{self.tree.digest}"}}'
        return f"sha256:{sha256(text.encode()).hexdigest()}"

    @cached_property
    def _keys(self) -> list[Written]:
        """The names in canonical order, with their keys and what writes their values."""
        return [self.written[name] for name in sorted(self.names)]

    def warned(self, answers: Profile) -> list[WarningRule]:
        """The warnings that belong to some answers."""
        return [rule for rule, holds in self.warnings if holds(answers)]

    def ignored(self, profile: Profile) -> list[str]:
        """The names in a profile that the tree doesn't have."""
        known = self.tree.inputs.keys()
        return [] if profile.keys() <= known else sorted(name for name in profile if name not in known)


@dataclass(frozen=True, eq=False, slots=True)
class _Turn:
    """A question on a trail; `onwards` has what follows each branch, as far as it is known."""

    choose: Choose
    taken: tuple[tuple[Question, Branch], ...]
    question: Question
    onwards: list[_Turn | Trail | None]


class CompiledTree:
    """A sound tree, ready to be asked often. Its assessments are those of `evaluate`."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self._choices = {node: _choice(tree, question) for node, question in tree.questions.items()}
        self._rules = [(rule, _all_hold(tree, rule)) for rule in tree.warnings]
        self._watched = tuple(n for rule in tree.warnings for one in rule.when for n in one.inputs)
        self._stepping: dict[tuple[str, int], Stepping] = {}
        self._written = {n: (n, canonical_json(n), _writer(one)) for n, one in tree.inputs.items()}
        self._left = MOST_TURNS
        self._root = self._turn(tree.root, ())

    def trail(self, profile: Profile) -> Trail | None:
        """The trail of a profile, None if it leaves a question on it open. The values must be valid."""
        here: _Turn | Trail = self._root
        try:
            while isinstance(here, _Turn):
                branch = here.choose(profile)
                here = here.onwards[branch] or self._onwards(here, branch)
        except KeyError:
            return None
        return here

    def evaluate(self, profile: Profile) -> Assessment:
        """As `evaluate` does, for valid values."""
        trail = self.trail(profile)
        return self.partial(profile) if trail is None else trail.assessment(profile)

    def partial(self, profile: Profile) -> Assessment:
        """As `evaluate` does, for valid values that leave some question open."""
        return self._partial.evaluate(profile) if self._partial else evaluate(self.tree, profile)

    @cached_property
    def table(self) -> PathTable | None:
        """The table of the tree's paths, made when it is asked for; None if there are too many."""
        return PathTable.of(self.tree)

    @cached_property
    def _partial(self) -> PartialProfiles | None:
        return PartialProfiles(self.table) if self.table else None

    def _turn(self, node: str, taken: tuple[tuple[Question, Branch], ...]) -> _Turn:
        question = self.tree.questions[node]
        return _Turn(self._choices[node], taken, question, [None] * len(question.branches))

    def _onwards(self, turn: _Turn, place: int) -> _Turn | Trail:
        """What follows a branch that nobody took before."""
        branch = turn.question.branches[place]
        taken = (*turn.taken, (turn.question, branch))
        found = self._turn(branch.to, taken) if branch.to in self.tree.questions else self._trail(taken)
        if self._left > 0:
            self._left -= 1
            turn.onwards[place] = found
        return found

    def _trail(self, taken: tuple[tuple[Question, Branch], ...]) -> Trail:
        end = taken[-1][1].to
        asked = [name for question, _ in taken for name in question.inputs]
        rules = (
            (rule, holds)
            for rule, holds in self._rules
            if end in rule.recommendations or not rule.recommendations
        )
        names = tuple(dict.fromkeys([*asked, *self._watched]))
        steps = tuple([self._steps_at(question, branch) for question, branch in taken])
        return Trail(self.tree, taken, steps, names, self._written, tuple(rules))

    def _steps_at(self, question: Question, branch: Branch) -> Stepping:
        """What makes steps at a branch, made once."""
        key = question.id, id(branch)
        if key not in self._stepping:
            self._stepping[key] = _stepping(self.tree, question, branch)
        return self._stepping[key]


RELATIONS = (EQUAL, ABOVE, BELOW)
"""How one number relates to another, by the sign of their difference: 0, 1 or -1."""


def _stepping(tree: Tree, question: Question, branch: Branch) -> Stepping:
    """What makes a step: those with one of a few answers are made once."""
    name, one = question.input, tree.inputs[question.input]
    if question.compared_to is not None:
        other = question.compared_to
        return lambda answers: Step(question, ((name, answers[name]), (other, answers[other])), branch)
    if one.numeric:
        return lambda answers: Step(question, ((name, answers[name]),), branch)
    values: tuple[Value, ...] = one.choices or (False, True)
    steps = {value: Step(question, ((name, value),), branch) for value in values}
    return lambda answers: steps[answers[name]]


def _writer(one: Input) -> Callable[[Any], str]:
    """What writes the values of an input in their canonical form."""
    if one.type == "integer":
        return repr
    if one.type == "number":
        return canonical_number
    return {value: canonical_json(value) for value in one.choices or (False, True)}.__getitem__


def _choice(tree: Tree, question: Question) -> Choose:
    """How a profile chooses among a question's branches."""
    name, other = question.input, question.compared_to
    found = [condition for condition, _ in tree.cases[question.id]]
    if other is not None:
        by_relation = {r: place for place, one in enumerate(found) for r in _relations(one)}
        return _comparison(name, other, [by_relation[relation] for relation in RELATIONS])
    one = tree.inputs[name]
    starts = {low: place for place, case in enumerate(found) for low, _ in _domain(case).spans}
    if one.numeric:
        return _range(name, sorted(starts), [starts[start] for start in sorted(starts)])
    table = {one.value(p): place for place, case in enumerate(found) for p in _members(_domain(case))}
    return lambda profile: table[profile[name]]


def _range(name: str, starts: Sequence[Position], places: Sequence[int]) -> Choose:
    return lambda profile: places[bisect_right(starts, profile[name]) - 1]


def _comparison(name: str, other: str, places: Sequence[int]) -> Choose:
    def choose(profile: Profile) -> int:
        one, two = profile[name], profile[other]
        return places[(one > two) - (one < two)]  # type: ignore[operator]  # compared inputs are numbers

    return choose


def _all_hold(tree: Tree, rule: WarningRule) -> Holds:
    """Whether every circumstance of a warning is known to hold."""
    tests = [_holds(tree, one) for one in rule.when]
    return tests[0] if len(tests) == 1 else lambda answers: all(test(answers) for test in tests)


def _holds(tree: Tree, one: Circumstance) -> Holds:
    asked, name = tree.inputs[one.input], one.input
    other = one.test.input if isinstance(one.test, Against) else None
    [condition] = conditions(asked, other, [one.test])
    if other is not None:
        choose = _comparison(name, other, [relation in _relations(condition) for relation in RELATIONS])
        return lambda answers: name in answers and other in answers and bool(choose(answers))
    domain = _domain(condition)
    if asked.numeric:
        low, high = domain.least, domain.greatest  # a test of a number takes one span
        return lambda answers: name in answers and low <= answers[name] <= high  # type: ignore[operator]
    allowed = {asked.value(position) for position in _members(domain)}
    return lambda answers: name in answers and answers[name] in allowed


def _domain(condition: Condition) -> Domain:
    return condition.domain if isinstance(condition, Within) else Domain(())


def _members(domain: Domain) -> Iterator[int]:
    """The positions of a boolean or an enum in a domain."""
    for low, high in domain.spans:
        yield from range(int(low), int(high) + 1)


def _relations(condition: Condition) -> frozenset[str]:
    return condition.relations if isinstance(condition, Related) else frozenset()
