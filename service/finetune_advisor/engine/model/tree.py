"""Decision trees as values: questions, branches, recommendations and warnings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from typing import Any, Literal, NamedTuple

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
from finetune_advisor.engine.model.references import Reference

LIFECYCLE_FIELDS = frozenset({"status", "deprecated", "sunset", "successor"})
"""Fields that may change in a released document: they tell how to treat a tree, not what the tree says."""

FinetuneVerdict = Literal["no", "not_yet", "partly", "yes"]
"""The answers of a recommendation to "should we fine-tune?"."""
TreeStatus = Literal["candidate", "current", "deprecated", "retired"]


@dataclass(frozen=True)
class Branch:
    """An edge: a test of the answer and the node that it leads to; a recommendation also needs a reason."""

    test: Test
    to: str
    reason: str = ""

    @cached_property
    def test_label(self) -> str:
        """The test as a short text. Metrics use it as the name of the branch."""
        return str(self.test)


@dataclass(frozen=True)
class Question:
    """An inner node, which asks about one input or compares it with another one."""

    id: str
    text: str
    input: str
    branches: tuple[Branch, ...]
    help: str = ""

    @cached_property
    def compared_to(self) -> str | None:
        """The name of the other input if this question compares two, else None."""
        return next((b.test.input for b in self.branches if isinstance(b.test, ComparedWith)), None)

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The names of the one or two inputs that this question asks about."""
        return (self.input,) if self.compared_to is None else (self.input, self.compared_to)


class OpenQuestion(NamedTuple):
    """A question that a profile doesn't answer completely, and an input that it lacks."""

    question: Question
    input: Input


@dataclass(frozen=True)
class Alternative:
    """Another recommendation of the same tree, and when it is the better choice."""

    id: str
    when: str


@dataclass(frozen=True)
class Recommendation:
    """A leaf: what to do, and what to know before and during it.

    Recommendations of the same `family` give the same kind of advice, even in different versions.
    """

    id: str
    title: str
    finetune: FinetuneVerdict
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
    """A test of a known answer, by itself or in comparison with another known answer."""

    input: str
    test: Test

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the one or two inputs that the test needs."""
        return (self.input, self.test.input) if isinstance(self.test, ComparedWith) else (self.input,)


@dataclass(frozen=True)
class WarningRule:
    """A warning, which goes with an assessment without changing its outcome.

    It is active if all conditions in `when` are known to hold. If it names `recommendations`, one of them
    must also be the outcome.
    """

    id: str
    when: tuple[WarningCondition, ...]
    text: str
    recommendations: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()

    def applies_to(self, outcome: str | None) -> bool:
        """Return whether the warning may go with an outcome, which is a recommendation's id or None."""
        return not self.recommendations or outcome in self.recommendations


@dataclass(frozen=True)
class Situation:
    """A situation in which fine-tuning often pays, with a caveat and the questions that ask about it."""

    id: str
    title: str
    text: str
    caveat: str
    questions: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class Tree:
    """One version of the decision tree. It is sound if `validation.find_faults` finds nothing.

    `released`, `deprecated` and `sunset` are dates in ISO 8601, and `successor` is a version. The last three
    are empty unless the tree is deprecated or retired.
    """

    version: str
    status: TreeStatus
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

    def __repr__(self) -> str:
        return f"<Tree {self.version} {self.digest}>"

    @cached_property
    def canonical(self) -> Mapping[str, Any]:
        """The tree as plain JSON data in the shape of its document."""
        plain: dict[str, Any] = to_plain(self)
        return plain

    @cached_property
    def digest(self) -> str:
        """`sha256:` and the hash of the canonical form without the lifecycle fields."""
        return sha256_digest(
            {key: value for key, value in self.canonical.items() if key not in LIFECYCLE_FIELDS}
        )

    @cached_property
    def warning_inputs(self) -> tuple[str, ...]:
        """The names of the inputs that warnings test, each once."""
        conditions = (condition for rule in self.warnings for condition in rule.when)
        return tuple(dict.fromkeys(name for condition in conditions for name in condition.inputs))

    @cached_property
    def input_names(self) -> frozenset[str]:
        """The names of all inputs."""
        return frozenset(self.inputs)

    @cached_property
    def axes(self) -> Mapping[str, Domain]:
        """The axis of each input: the domain of all its positions."""
        return {name: input_.axis for name, input_ in self.inputs.items()}

    @cached_property
    def branch_conditions(self) -> Mapping[str, tuple[tuple[Condition, Branch], ...]]:
        """The branches of each question, with the exact condition of each branch."""
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
    def open_questions(self) -> Mapping[str, tuple[OpenQuestion, ...]]:
        """Each question with each of its inputs, as it is when a profile lacks this input."""
        return {
            question.id: tuple(OpenQuestion(question, self.inputs[name]) for name in question.inputs)
            for question in self.questions.values()
        }

    @cached_property
    def compared_pairs(self) -> frozenset[frozenset[str]]:
        """The pairs of inputs that questions compare."""
        return frozenset(frozenset(q.inputs) for q in self.questions.values() if q.compared_to)

    @cached_property
    def input_groups(self) -> tuple[tuple[str, ...], ...]:
        """The inputs in groups: a group has inputs that are compared, directly or through others.

        An input that isn't compared has a group of its own. The order is that of the tree's inputs.
        """
        remaining = dict.fromkeys(self.inputs)
        groups = []
        while remaining:
            names = {next(iter(remaining))}
            # Each round reaches one comparison further, and no chain is longer than all pairs together.
            for _ in self.compared_pairs:
                names.update(*(pair for pair in self.compared_pairs if pair & names))
            groups.append(tuple(name for name in self.inputs if name in names))
            remaining = {name: None for name in remaining if name not in names}
        return tuple(groups)

    @cached_property
    def thresholds(self) -> Mapping[str, frozenset[Position]]:
        """The positions where the cells of each input start, as `partition` cuts them.

        These are all positions of a boolean or enum. For a number, they are the starts of the spans in the
        conditions of branches; comparisons with another input don't count.
        """
        starts = {name: {axis.least} for name, axis in self.axes.items()}
        for name, input_ in self.inputs.items():
            if not input_.is_numeric:
                starts[name].update(range(int(input_.axis.greatest) + 1))
        conditions = (
            condition for branches in self.branch_conditions.values() for condition, _ in branches
        )
        for condition in conditions:
            # The branches of a question cover the axis, so the end of a span is the start of another one.
            if isinstance(condition, InDomain):
                starts[condition.input].update(low for low, _ in condition.domain.spans)
        return {name: frozenset(positions) for name, positions in starts.items()}

    @cached_property
    def partition(self) -> Mapping[str, tuple[Domain, ...]]:
        """The axis of each input in cells: no test of this input alone separates positions of a cell."""
        return {name: axis.split_at(self.thresholds[name]) for name, axis in self.axes.items()}

    @cached_property
    def topological_index(self) -> Mapping[str, int]:
        """The place of each node in tree order, from 0.

        A node comes after all nodes that lead to it. Where this leaves a choice, the nodes of an earlier
        branch come first. Raises graphlib.CycleError if the questions form a cycle.
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
            # The last one is taken first, so the first branch goes in last.
            waiting.extend(reversed(targets))
        return {node: index for index, node in enumerate(order)}

    @cached_property
    def ordered_questions(self) -> tuple[Question, ...]:
        """The questions in tree order. Raises the same error as `topological_index`."""
        return tuple(self.questions[node] for node in self.topological_index if node in self.questions)

    @cached_property
    def inputs_below(self) -> Mapping[str, frozenset[str]]:
        """The names of the inputs that questions ask about at each node or anywhere below it."""
        names: dict[str, frozenset[str]] = {node: frozenset() for node in self.recommendations}
        # In reverse tree order, all nodes below a question come before it.
        for question in reversed(self.ordered_questions):
            names_below = (names[branch.to] for branch in question.branches)
            names[question.id] = frozenset(question.inputs).union(*names_below)
        return names
