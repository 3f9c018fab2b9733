"""Explanations: which answers force an outcome, what would change it, and what each answer does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count, groupby

from finetune_advisor.engine.branching import Within
from finetune_advisor.engine.domain import Domain, Position
from finetune_advisor.engine.evaluation import Assessment, evaluate, moves, passages
from finetune_advisor.engine.inputs import Input, Profile, Value
from finetune_advisor.engine.region import Region, completions, single
from finetune_advisor.engine.tree import Question, Tree
from finetune_advisor.engine.values import alternatives, cells, stand_in

MOST_STATES = 4_000
"""How many states a search looks at before it gives up; some 0.1 s of work on a tree of 40 questions."""

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
    """What an answer alone would lead to: one candidate if it decides, several if not.

    A number stands for all from `minimum` to `maximum`, which lead to the same.
    """

    answer: Value
    candidates: tuple[str, ...]
    minimum: Value | None = None
    maximum: Value | None = None


@dataclass(frozen=True)
class Explanation:
    """An assessment, why it came out, and what would change it.

    `truncated` says that counterfactuals are left out, for the limit or because there are too many to
    search through.
    """

    assessment: Assessment
    sufficient_reason: tuple[str, ...] | None
    counterfactuals: tuple[Counterfactual, ...]
    truncated: bool
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
    search = Search(tree)
    reason = sufficient_reason(tree, profile, Search(tree))
    found = counterfactuals(tree, profile, target=target, frozen=frozen, search=search)
    return Explanation(
        assessment=evaluate(tree, profile),
        sufficient_reason=reason,
        counterfactuals=found[:limit],
        truncated=search.exhausted or len(found[:limit]) < len(found),
        sensitivity=sensitivity(tree, profile),
    )


def candidates(tree: Tree, profile: Profile) -> tuple[str, ...]:
    """The recommendations that some completion of a profile ends in, in tree order."""
    found = {branch.to for _, taken in passages(tree, completions(tree, profile)) for branch in taken}
    return tuple(sorted(found & tree.recommendations.keys(), key=tree.rank.__getitem__))


def sufficient_reason(
    tree: Tree, profile: Profile, search: Search | None = None
) -> tuple[str, ...] | None:
    """A smallest set of the given answers that alone forces the recommendation, in the tree's order.

    None for an undecided profile, and where the search ended without one.
    """
    ends = candidates(tree, profile)
    if len(ends) > 1:
        return None
    given = _positions(tree, profile)

    def options(name: str) -> tuple[None, Collection[Position]]:
        return None, [given[name]] if name in given else []

    smallest = next((search or Search(tree)).forcing(ends[0], options), None)
    return None if smallest is None else tuple(name for name in tree.inputs if name in smallest)


def counterfactuals(
    tree: Tree,
    profile: Profile,
    *,
    target: str | None = None,
    frozen: Collection[str] = (),
    search: Search | None = None,
) -> tuple[Counterfactual, ...]:
    """Every minimal set of changed answers that decides for another recommendation, nearest first.

    Minimal: no proper subset of the changes decides for the same one. Giving an answer that was unknown
    is a change too; what stays unknown then makes no difference. Sets that differ in numbers alone are
    one, with the nearest numbers that do it. `target` asks for one recommendation, `frozen` inputs stay.
    Some may be missing where the search is exhausted.
    """
    given = _positions(tree, profile)
    others = alternatives(cells(tree, given), given)
    search = search or Search(tree)

    def options(name: str) -> tuple[Position | None, Collection[Position]]:
        return given.get(name), () if name in frozen else others[name]

    current = candidates(tree, profile)
    targets = tree.recommendations if target is None else [target]
    found = [
        (end, answers)
        for end in targets
        if current != (end,)
        for answers in _nearest(tree, given, search.forcing(end, options))
    ]
    found.sort(key=lambda one: (len(one[1]), _distance(tree, given, one[1]), tree.rank[one[0]]))
    return tuple(Counterfactual(end, tuple(_changes(tree, given, answers))) for end, answers in found)


def sensitivity(tree: Tree, profile: Profile) -> Mapping[str, tuple[Outcome, ...]]:
    """For each input, what every other answer to it alone would lead to; numbers in ranges that lead to
    the same, without the range of the given one.
    """
    given = _positions(tree, profile)
    found = cells(tree, given)
    region = completions(tree, profile)
    way = {name for node, _ in passages(tree, region) for name in tree.questions[node].inputs}
    now = candidates(tree, profile)
    outcomes = {}
    for name, one in tree.inputs.items():
        spots = [stand_in(found[name], cell, given.get(name)) for cell in found[name]]
        ends = [
            candidates(tree, {**profile, name: one.value(spot)}) if name in way else now
            for spot in spots
        ]
        outcomes[name] = tuple(_outcomes(one, given.get(name), found[name], spots, ends))
    return outcomes


def _outcomes(
    one: Input,
    given: Position | None,
    all_: Sequence[Domain],
    spots: Sequence[Position],
    ends: Sequence[tuple[str, ...]],
) -> Iterator[Outcome]:
    """The outcomes of an input's cells, neighbouring cells of a number with the same one together."""
    places = range(len(all_))
    for _, run in groupby(places, key=lambda place: ends[place] if one.numeric else place):
        first, *others = run
        last = others[-1] if others else first
        low, high = all_[first].least, all_[last].greatest
        if given is None or not low <= given <= high:
            spot = spots[last] if given is not None and given > high else spots[first]
            limits = (one.value(low), one.value(high)) if one.numeric else (None, None)
            yield Outcome(one.value(spot), ends[first], *limits)


class Search:
    """A search for minimal sets of costly answers, with a bound on its work.

    There can be more minimal sets than anybody can wait for: with all inputs unknown, their number grows
    doubly with a tree's depth. `exhausted` says that the bound was met and sets may be missing.
    """

    def __init__(self, tree: Tree, work: int = MOST_STATES) -> None:
        self.tree, self.work, self.exhausted = tree, work, False

    def forcing(self, end: str, options: Options) -> Iterator[Answers]:
        """Every minimal set of costly answers that makes all profiles end in one recommendation, smaller
        ones first, and of one size those of earlier inputs.

        The search goes down the tree with a list of ways that all have to end there. At an input that is
        met for the first time it either takes the free option or pays for another answer; an input that
        stays open sends it down every branch. A state is dropped if another one got as far for less.
        """
        order = {name: place for place, name in enumerate(self.tree.inputs)}
        found: list[Answers] = []
        cheapest: dict[object, list[Answers]] = {}
        start = _State(((self.tree.root, Region(self.tree.axes, {})),), {}, frozenset())
        waiting: list[tuple[int, list[int], int, _State]] = [(0, [], 0, start)]
        ticket = count(1)
        while waiting:
            *_, state = heappop(waiting)
            if any(one.items() <= state.paid.items() for one in found):
                continue
            if not state.pending:
                found.append(state.paid)
                yield state.paid
                continue
            if self.work <= 0:
                self.exhausted = True
                return
            self.work -= 1
            rivals = cheapest.setdefault(state.key(self.tree), [])
            if any(one.items() <= state.paid.items() for one in rivals):
                continue
            rivals.append(state.paid)
            for following in _next_states(self.tree, end, options, state):
                places = sorted(order[name] for name in following.paid)
                heappush(waiting, (len(places), places, next(ticket), following))


@dataclass(frozen=True)
class _State:
    pending: tuple[tuple[str, Region], ...]
    paid: Answers
    free: frozenset[str]

    def key(self, tree: Tree) -> object:
        """What the rest of the search depends on: all but what was paid for and won't be asked again."""
        below = frozenset().union(*(tree.below[node] for node, _ in self.pending))
        ways = tuple((node, region.about(tree.below[node])) for node, region in self.pending)
        return ways, self.free & below, frozenset(p for p in self.paid.items() if p[0] in below)


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
    for one in filter(None, (here,)):
        yield from ((branch.to, narrowed) for branch, narrowed in moves(tree, question.id, one))


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
