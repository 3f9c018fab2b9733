"""Explanations: which answers force an outcome, what would change it, and what each answer does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from finetune_advisor.engine.branching import Within
from finetune_advisor.engine.domain import Position
from finetune_advisor.engine.evaluation import Assessment, evaluate, moves, passages
from finetune_advisor.engine.inputs import Input, Profile, Value
from finetune_advisor.engine.region import Region, completions, single
from finetune_advisor.engine.tree import Question, Tree
from finetune_advisor.engine.values import alternatives

Answers = Mapping[str, Position]
Options = Callable[[str], tuple[Position | None, Collection[Position]]]
"""For an input: the position it has for free (None: it stays open), and those that cost a change."""


@dataclass(frozen=True)
class Change:
    """An answer that changes; `before` is None where the input was unknown."""

    input: str
    before: Value | None
    after: Value


@dataclass(frozen=True)
class Counterfactual:
    """A minimal set of changed answers that leads to another recommendation."""

    recommendation: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Outcome:
    """What an answer alone would lead to: one candidate if it decides, several if not."""

    answer: Value
    candidates: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """An assessment, why it came out, and what would change it."""

    assessment: Assessment
    sufficient_reason: tuple[str, ...] | None
    counterfactuals: tuple[Counterfactual, ...]
    sensitivity: Mapping[str, tuple[Outcome, ...]]


def explain(
    tree: Tree,
    profile: Profile,
    *,
    target: str | None = None,
    frozen: Collection[str] = (),
    limit: int | None = None,
) -> Explanation:
    """The explanation of a profile, with at most `limit` counterfactuals."""
    return Explanation(
        assessment=evaluate(tree, profile),
        sufficient_reason=sufficient_reason(tree, profile),
        counterfactuals=counterfactuals(tree, profile, target=target, frozen=frozen)[:limit],
        sensitivity=sensitivity(tree, profile),
    )


def candidates(tree: Tree, profile: Profile) -> tuple[str, ...]:
    """The recommendations that some completion of a profile ends in, in tree order."""
    found = {branch.to for _, taken in passages(tree, completions(tree, profile)) for branch in taken}
    return tuple(sorted(found & tree.recommendations.keys(), key=tree.rank.__getitem__))


def sufficient_reason(tree: Tree, profile: Profile) -> tuple[str, ...] | None:
    """A smallest set of the given answers that alone forces the recommendation, in the tree's order.

    None for an undecided profile.
    """
    ends = candidates(tree, profile)
    if len(ends) > 1:
        return None
    given = _positions(tree, profile)

    def options(name: str) -> tuple[None, Collection[Position]]:
        return None, [given[name]] if name in given else []

    order = list(tree.inputs)
    places = min(
        (sorted(map(order.index, answers)) for answers in forcing(tree, ends[0], options)),
        key=lambda one: (len(one), one),
    )
    return tuple(order[place] for place in places)


def counterfactuals(
    tree: Tree, profile: Profile, *, target: str | None = None, frozen: Collection[str] = ()
) -> tuple[Counterfactual, ...]:
    """Every minimal set of changed answers that decides for another recommendation, nearest first.

    Minimal: no proper subset of the changes decides for the same one. Giving an answer that was unknown
    is a change too; what stays unknown then makes no difference. Sets that differ in numbers alone are
    one, with the nearest numbers that do it. `target` asks for one recommendation, `frozen` inputs stay.
    """
    given = _positions(tree, profile)
    others = alternatives(tree, given)

    def options(name: str) -> tuple[Position | None, Collection[Position]]:
        return given.get(name), () if name in frozen else others[name]

    current = candidates(tree, profile)
    targets = tree.recommendations if target is None else [target]
    found = [
        (end, answers)
        for end in targets
        if current != (end,)
        for answers in _nearest(tree, given, forcing(tree, end, options))
    ]
    found.sort(key=lambda one: (len(one[1]), _distance(tree, given, one[1]), tree.rank[one[0]]))
    return tuple(Counterfactual(end, tuple(_changes(tree, given, answers))) for end, answers in found)


def sensitivity(tree: Tree, profile: Profile) -> Mapping[str, tuple[Outcome, ...]]:
    """For each input, what every other answer to it alone would lead to.

    Numbers stand for all around them that no test tells apart.
    """
    given = _positions(tree, profile)
    others = alternatives(tree, given)
    region = completions(tree, profile)
    way = {name for node, _ in passages(tree, region) for name in tree.questions[node].inputs}
    now = candidates(tree, profile)
    outcomes = {}
    for name, one in tree.inputs.items():
        answers = [one.value(position) for position in sorted(others[name])]
        outcomes[name] = tuple(
            Outcome(answer, candidates(tree, {**profile, name: answer}) if name in way else now)
            for answer in answers
        )
    return outcomes


def forcing(tree: Tree, end: str, options: Options) -> list[Answers]:
    """Every minimal set of costly answers that makes all profiles end in one recommendation.

    The search goes down the tree with a list of ways that all have to end there. At an input that is met
    for the first time it either takes the free option or pays for another answer; an input that stays
    open sends it down every branch.
    """
    found: list[Answers] = []
    waiting: list[_State] = [_State(((tree.root, Region(tree.axes, {})),), {}, frozenset())]
    while waiting:
        state = waiting.pop()
        if any(one.items() <= state.paid.items() for one in found):
            continue
        if not state.pending:
            found = [one for one in found if not state.paid.items() <= one.items()]
            found.append(state.paid)
            continue
        waiting.extend(_next_states(tree, end, options, state))
    return found


@dataclass(frozen=True)
class _State:
    pending: tuple[tuple[str, Region], ...]
    paid: Answers
    free: frozenset[str]


def _next_states(tree: Tree, end: str, options: Options, state: _State) -> Iterator[_State]:
    (node, region), *rest = state.pending
    if node == end:
        yield _State(tuple(rest), state.paid, state.free)
        return
    question = tree.questions[node]
    for name in question.inputs:
        if name not in state.free and name not in state.paid:
            for position in options(name)[1]:
                yield _State(state.pending, {**state.paid, name: position}, state.free)
            yield _State(state.pending, state.paid, state.free | {name})
            return
    answers = {n: state.paid.get(n, options(n)[0]) for n in question.inputs}
    ways = tuple(_ways(tree, question, region, answers))
    if all(end in tree.ends[to] for to, _ in ways):
        yield _State((*ways, *rest), state.paid, state.free)


def _ways(
    tree: Tree, question: Question, region: Region, answers: Mapping[str, Position | None]
) -> Iterator[tuple[str, Region]]:
    here: Region | None = region
    for name, position in answers.items():
        if here and position is not None:
            here = here.narrow(Within(name, single(tree.inputs[name], position)))
    if here:
        yield from ((branch.to, narrowed) for branch, narrowed in moves(tree, question.id, here))


def _positions(tree: Tree, profile: Profile) -> dict[str, Position]:
    return {n: tree.inputs[n].position(v) for n, v in profile.items() if n in tree.inputs}


def _changes(tree: Tree, given: Answers, answers: Answers) -> Iterator[Change]:
    for name in tree.inputs:
        if name in answers:
            one = tree.inputs[name]
            before = one.value(given[name]) if name in given else None
            yield Change(name, before, one.value(answers[name]))


def _nearest(tree: Tree, given: Answers, found: Iterable[Answers]) -> Iterable[Answers]:
    """Of sets that differ in numbers alone, the one with the nearest; none that another one's inputs and
    choices are part of.
    """
    best: dict[frozenset[tuple[str, Position | None]], Answers] = {}
    for answers in sorted(found, key=lambda one: _distance(tree, given, one)):
        shape = frozenset((n, None if tree.inputs[n].numeric else p) for n, p in answers.items())
        best.setdefault(shape, answers)
    return [answers for shape, answers in best.items() if not any(other < shape for other in best)]


def _distance(tree: Tree, given: Answers, answers: Answers) -> float:
    """How far numbers move, each as a share of its range."""
    moved = ((tree.inputs[n], p, given[n]) for n, p in answers.items() if n in given)
    return sum(abs(p - q) / _width(one) for one, p, q in moved if one.numeric)


def _width(one: Input) -> float:
    return one.axis.greatest - one.axis.least
