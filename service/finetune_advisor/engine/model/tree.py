"""The decision tree as values: questions, branches and recommendations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from typing import Any, Literal

from finetune_advisor.engine.model.canonical import sha256_digest, to_plain
from finetune_advisor.engine.model.conditions import (
    ComparedWith,
    Condition,
    InDomain,
    Test,
    exclusive_conditions,
)
from finetune_advisor.engine.model.domain import Domain, Position
from finetune_advisor.engine.model.inputs import Input

LIFECYCLE_FIELDS = frozenset({"status", "deprecated", "sunset", "successor"})
"""What may change in a released document: it says how to treat a tree, not what the tree says."""


@dataclass(frozen=True)
class Branch:
    """An edge: a test on the answer, the node it leads to and, at a recommendation, the reason why."""

    test: Test
    to: str
    reason: str = ""

    @cached_property
    def test_label(self) -> str:
        """The test in a few characters, as metrics name the branch."""
        return str(self.test)


@dataclass(frozen=True)
class Question:
    """An inner node: asks about one input, or compares it with another."""

    id: str
    text: str
    input: str
    branches: tuple[Branch, ...]
    help: str = ""

    @cached_property
    def compared_to(self) -> str | None:
        """The other input, where this question compares two."""
        return next((b.test.input for b in self.branches if isinstance(b.test, ComparedWith)), None)

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        return (self.input,) if self.compared_to is None else (self.input, self.compared_to)


@dataclass(frozen=True)
class Reference:
    """A public page that a claim rests on."""

    title: str
    url: str


@dataclass(frozen=True)
class Alternative:
    """Another recommendation of the same tree, and when it is the better one."""

    id: str
    when: str


@dataclass(frozen=True)
class Recommendation:
    """A leaf: what to do, and what to know before and while doing it.

    A family groups recommendations that mean the same kind of thing, across versions too.
    """

    id: str
    title: str
    finetune: Literal["no", "not_yet", "partly", "yes"]
    summary: str
    family: str = ""
    prerequisites: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()
    data_needed: tuple[str, ...] = ()
    evaluation: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True)
class WarningCondition:
    """A test of a known answer, by itself or against another one."""

    input: str
    test: Test

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.input, self.test.input) if isinstance(self.test, ComparedWith) else (self.input,)


@dataclass(frozen=True)
class WarningRule:
    """What belongs in an answer without changing its outcome: said when every circumstance is known to
    hold and, if `recommendations` are named, one of them is the outcome.
    """

    id: str
    when: tuple[WarningCondition, ...]
    text: str
    recommendations: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()

    def applies_to(self, outcome: str | None) -> bool:
        """Whether the rule may warn of an outcome, None while there is none."""
        return not self.recommendations or outcome in self.recommendations


@dataclass(frozen=True)
class Situation:
    """A situation where fine-tuning tends to pay, with its caveat and the questions that ask about it."""

    id: str
    title: str
    text: str
    caveat: str
    questions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tree:
    """One version of the decision tree. Sound only once `validation.faults` has found nothing.

    A deprecated or retired version has the days of its deprecation and its sunset, in ISO 8601, and the
    version that succeeds it.
    """

    version: str
    status: Literal["candidate", "current", "deprecated", "retired"]
    released: str
    title: str
    source: Reference
    inputs: Mapping[str, Input]
    root: str
    questions: Mapping[str, Question]
    recommendations: Mapping[str, Recommendation]
    summary: str = ""
    situations: tuple[Situation, ...] = ()
    cautions: tuple[str, ...] = ()
    limitations: tuple[str, ...] = ()
    warnings: tuple[WarningRule, ...] = ()
    deprecated: str = ""
    sunset: str = ""
    successor: str = ""

    @cached_property
    def canonical(self) -> Mapping[str, Any]:
        """The tree as plain JSON data in the shape of its document."""
        form: dict[str, Any] = to_plain(self)
        return form

    @cached_property
    def digest(self) -> str:
        """`sha256:` and the hash of the canonical form without its lifecycle."""
        return sha256_digest(
            {key: form for key, form in self.canonical.items() if key not in LIFECYCLE_FIELDS}
        )

    @cached_property
    def warning_inputs(self) -> tuple[str, ...]:
        """The inputs that warnings look at."""
        return tuple(dict.fromkeys(n for rule in self.warnings for one in rule.when for n in one.inputs))

    @cached_property
    def axes(self) -> Mapping[str, Domain]:
        """Every position of each input."""
        return {name: one.axis for name, one in self.inputs.items()}

    @cached_property
    def branch_conditions(self) -> Mapping[str, tuple[tuple[Condition, Branch], ...]]:
        """The branches of each question, each with the condition under which it is taken."""
        return {
            question.id: tuple(
                zip(
                    exclusive_conditions(
                        self.inputs[question.input],
                        question.compared_to,
                        [branch.test for branch in question.branches],
                    ),
                    question.branches,
                    strict=True,
                )
            )
            for question in self.questions.values()
        }

    @cached_property
    def compared_pairs(self) -> frozenset[frozenset[str]]:
        """The pairs of inputs that some question compares."""
        return frozenset(frozenset(q.inputs) for q in self.questions.values() if q.compared_to)

    @cached_property
    def blocks(self) -> tuple[tuple[str, ...], ...]:
        """The inputs that are compared with each other, directly or through others; one alone otherwise."""
        left = dict.fromkeys(self.inputs)
        found = []
        while left:
            names = {next(iter(left))}
            for _ in self.compared_pairs:
                names.update(*(pair for pair in self.compared_pairs if pair & names))
            found.append(tuple(name for name in self.inputs if name in names))
            left = {name: None for name in left if name not in names}
        return tuple(found)

    @cached_property
    def thresholds(self) -> Mapping[str, frozenset[Position]]:
        """Where the cells of each input's axis start: at each value of a boolean or enum, and at each span
        of a number that some test of it alone takes.
        """
        starts = {name: {axis.least} for name, axis in self.axes.items()}
        for name, one in self.inputs.items():
            if not one.is_numeric:
                starts[name].update(range(int(one.axis.greatest) + 1))
        for condition, _ in (case for cases in self.branch_conditions.values() for case in cases):
            if isinstance(condition, InDomain):
                starts[condition.input].update(low for low, _ in condition.domain.spans)
        return {name: frozenset(positions) for name, positions in starts.items()}

    @cached_property
    def partition(self) -> Mapping[str, tuple[Domain, ...]]:
        """Each input's axis, cut so that the tests of it alone tell no two positions of a cell apart."""
        return {name: axis.split_at(self.thresholds[name]) for name, axis in self.axes.items()}

    @cached_property
    def topological_index(self) -> Mapping[str, int]:
        """Each node's place in tree order: a node comes after every node that leads to it, and the
        nodes of an earlier branch before those of a later one where that leaves a choice.

        Raises graphlib.CycleError if the questions form a cycle.
        """
        parents = TopologicalSorter({self.root: ()})
        for question in self.questions.values():
            for branch in question.branches:
                parents.add(branch.to, question.id)
        parents.prepare()
        order: list[str] = []
        waiting = [*parents.get_ready()]
        while waiting:
            node = waiting.pop()
            order.append(node)
            parents.done(node)
            ready = set(parents.get_ready())
            branches = self.questions[node].branches if node in self.questions else ()
            targets = dict.fromkeys(b.to for b in branches if b.to in ready)
            waiting.extend(reversed(targets))
        return {node: place for place, node in enumerate(order)}

    @cached_property
    def ordered_questions(self) -> tuple[Question, ...]:
        """The questions in tree order. Raises as `rank` does."""
        return tuple(self.questions[node] for node in self.topological_index if node in self.questions)

    @cached_property
    def inputs_below(self) -> Mapping[str, frozenset[str]]:
        """The inputs that are asked about at a node or anywhere below it."""
        found: dict[str, frozenset[str]] = {node: frozenset() for node in self.recommendations}
        for question in reversed(self.ordered_questions):
            asked = (found[branch.to] for branch in question.branches)
            found[question.id] = frozenset(question.inputs).union(*asked)
        return found
