"""Comparison: what a newer tree says differently, and for whom its outcome changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from finetune_advisor.engine.analysis.representatives import ProfileClasses, partition_against
from finetune_advisor.engine.model.conditions import Condition, InDomain
from finetune_advisor.engine.model.inputs import Input, Profile
from finetune_advisor.engine.model.region import Region
from finetune_advisor.engine.model.tree import LIFECYCLE_FIELDS, Tree

DECISION_FIELDS = frozenset(
    {"to", "input", "root", "type", "unit", "choices", "minimum", "maximum", "finetune"}
)
"""Fields of the canonical form that say how a tree decides."""

DECISION_LISTS = ("/branches", "/when", "/recommendations")
"""Ends of pointers to lists that do so as a whole."""

MAX_COMPARISON_STEPS = 80_000
"""How much a comparison's walks may take: a step counts as one, and as one more for each order between
inputs and for each answer to a private input that it carries along. Trees of shared questions or of many
comparisons can have more of them than anybody can wait for.
"""

VERSION_FIELDS = LIFECYCLE_FIELDS | {"version", "released"}
"""Fields that differ between versions whatever they say."""


@dataclass(frozen=True)
class Rewording:
    """A text that differs, by its JSON pointer in the canonical form."""

    pointer: str
    before: str
    after: str


@dataclass(frozen=True)
class Move:
    """Profiles whose outcome changes alike; an outcome is a recommendation, or None while undecided.

    `profiles` counts them, taking numbers that no test of either tree tells apart as one.
    """

    before: str | None
    after: str | None
    profiles: int
    witness: Profile


@dataclass(frozen=True)
class Reversal:
    """A recommendation of both trees that answers "should we fine-tune?" differently in each."""

    recommendation: str
    before: str
    after: str


@dataclass(frozen=True)
class Comparison:
    """How a tree differs from an older one. Pointers are into the canonical forms.

    `moves` cover all `profiles` of the inputs that both trees know, with the other inputs unknown; of them
    `undecided` are so in both. The trees are equivalent if they know the same inputs, nothing moves and no
    answer is reversed. `truncated` says that there were too many ways through both to walk them all, or too
    many profiles to count them all: there are at least so many of each as it counts, and there may be more.
    """

    older: Tree
    newer: Tree
    added: tuple[str, ...]
    removed: tuple[str, ...]
    rewired: tuple[str, ...]
    reworded: tuple[Rewording, ...]
    shared: tuple[str, ...]
    profiles: int
    undecided: int
    moves: tuple[Move, ...]
    reversals: tuple[Reversal, ...]
    truncated: bool

    @property
    def equivalent(self) -> bool:
        """Whether nothing differs but words; False where that isn't known."""
        same = {*self.shared} == self.older.inputs.keys() == self.newer.inputs.keys()
        return same and not (self.moves or self.reversals or self.truncated)

    @property
    def exact(self) -> bool:
        """Whether `profiles` counts every single one, as there is no number among the shared inputs."""
        return not any(self.newer.inputs[name].is_numeric for name in self.shared)


def compare_trees(older: Tree, newer: Tree, most: int = MAX_COMPARISON_STEPS) -> Comparison:
    """How `newer` differs from `older`, and every change of outcome that walks of `most` steps come to."""
    shared = [name for name, one in newer.inputs.items() if _mean_the_same(older.inputs.get(name), one)]
    kinds = ProfileClasses([older, newer], shared)
    counts: dict[tuple[str | None, str | None], int] = {}
    witnesses: dict[tuple[str | None, str | None], Profile] = {}
    differences = [*_differences(_content(older), _content(newer), "")]
    work = _StepBudget(most)
    same = all(d.both and not d.wiring for d in differences)
    outcomes = () if same else _outcomes_of_both(older, newer, frozenset(shared), work)
    walked = 0
    for region, before, after in outcomes:
        if before is None or before != after:
            count = kinds.count(region)
            walked += count
            counts[before, after] = counts.get((before, after), 0) + count
            if (before, after) not in witnesses:
                positions = region.simplest_positions(shared)
                witnesses[before, after] = {
                    name: newer.inputs[name].value(positions[name]) for name in shared
                }
    every = max(kinds.count(Region(newer.axes, {})), walked)
    undecided = counts.pop((None, None), 0)
    return Comparison(
        older=older,
        newer=newer,
        added=tuple(d.pointer for d in differences if d.before is None),
        removed=tuple(d.pointer for d in differences if d.after is None),
        rewired=tuple(dict.fromkeys(d.pointer for d in differences if d.both and d.wiring)),
        reworded=tuple(
            Rewording(d.pointer, d.before, d.after) for d in differences if d.both and not d.wiring
        ),
        shared=tuple(shared),
        profiles=every,
        undecided=undecided,
        moves=tuple(
            Move(*ends, count, witnesses[ends])
            for ends, count in sorted(counts.items(), key=lambda one: [str(end) for end in one[0]])
        ),
        reversals=tuple(_reversals(older, newer)),
        truncated=work.exhausted or kinds.exhausted,
    )


def comparison_is_truncated(tree: Tree, most: int = MAX_COMPARISON_STEPS) -> bool:
    """Whether a comparison of a tree with one much like it would be truncated."""
    names, work = list(tree.inputs), _StepBudget(most)
    kinds = ProfileClasses([tree], names)
    kinds.count(Region(tree.axes, {}))
    for region, _, _ in _outcomes_of_both(tree, tree, frozenset(names), work):
        if kinds.exhausted:
            return True
        kinds.count(region)
    return work.exhausted or kinds.exhausted


def _reversals(older: Tree, newer: Tree) -> Iterator[Reversal]:
    for name, leaf in newer.recommendations.items():
        before = older.recommendations.get(name, leaf)
        if before.finetune != leaf.finetune:
            yield Reversal(name, before.finetune, leaf.finetune)


def _mean_the_same(one: Input | None, other: Input) -> bool:
    """Whether an input means the same in both trees: only its words may differ."""
    return one is not None and replace(one, label=other.label, help=other.help) == other


def _outcomes_of_both(
    older: Tree, newer: Tree, shared: frozenset[str], work: _StepBudget
) -> Iterator[tuple[Region, str | None, str | None]]:
    for region, before in _outcomes(older, shared, Region(older.axes, {}), work):
        here = Region(newer.axes, region.domains, region.orders)
        for narrowed, after in _outcomes(newer, shared, here, work):
            yield narrowed, before, after


class _StepBudget:
    """So much of walks, and no more."""

    def __init__(self, steps: int) -> None:
        self._left = steps
        self.exhausted = False

    def another(self, walk: _Walk) -> bool:
        """Whether a walk may take another step; it is taken."""
        carried = sum(len(private) for _, private in walk.pending)
        self._left -= 1 + len(walk.region.orders) + carried
        self.exhausted = self._left < 0
        return not self.exhausted


def _outcomes(
    tree: Tree, shared: frozenset[str], region: Region, work: _StepBudget
) -> Iterator[tuple[Region, str | None]]:
    """Disjoint regions of profiles of the shared inputs that make up a region, each with its outcome.

    The other inputs are unknown, so a question about them sends a profile down every branch.
    """
    waiting: list[_Walk] = [_Walk(((tree.root, ()),), region, frozenset())]
    while waiting and work.another(waiting[-1]):
        walk = waiting.pop()
        if len(walk.ends) > 1 or not walk.pending:
            yield walk.region, next(iter(walk.ends)) if len(walk.ends) == 1 else None
        else:
            waiting.extend(_steps(tree, shared, walk))


@dataclass(frozen=True)
class _Walk:
    pending: tuple[tuple[str, tuple[Condition, ...]], ...]
    region: Region
    ends: frozenset[str]


def _steps(tree: Tree, shared: frozenset[str], walk: _Walk) -> Iterator[_Walk]:
    (node, private), *others = walk.pending
    rest = tuple(others)
    if not _possible(walk.region, private):
        yield _Walk(rest, walk.region, walk.ends)
    elif node in tree.recommendations:
        yield _Walk(rest, walk.region, walk.ends | {node})
    elif shared.issuperset(tree.questions[node].inputs):
        for condition, branch in tree.branch_conditions[node]:
            narrowed = walk.region.narrow(condition)
            if narrowed:
                yield _Walk(((branch.to, private), *rest), narrowed, walk.ends)
    else:
        ways = tuple(
            (branch.to, (*private, condition)) for condition, branch in tree.branch_conditions[node]
        )
        for region in _pieces(tree, shared, node, walk.region):
            yield _Walk((*ways, *rest), region, walk.ends)


def _pieces(tree: Tree, shared: frozenset[str], node: str, region: Region) -> Iterator[Region]:
    """A region, cut so that each piece compares alike with all of each cell of a private input."""
    question = tree.questions[node]
    known = [name for name in question.inputs if name in shared]
    if not known:
        yield region
        return
    [name], [private] = known, [one for one in question.inputs if one not in shared]
    pieces = (region.narrow(InDomain(name, piece)) for piece in partition_against(tree, name, private))
    yield from filter(None, pieces)


def _possible(region: Region, conditions: Sequence[Condition]) -> bool:
    here: Region | None = region
    for condition in conditions:
        here = here.narrow(condition) if here else None
    return here is not None


@dataclass(frozen=True)
class _Difference:
    pointer: str
    before: Any
    after: Any
    wiring: bool = False

    @property
    def both(self) -> bool:
        return self.before is not None and self.after is not None


def _differences(before: Any, after: Any, pointer: str) -> Iterator[_Difference]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            yield from _differences(before.get(key), after.get(key), f"{pointer}/{key}")
    elif isinstance(before, list) and isinstance(after, list) and pointer.endswith(DECISION_LISTS):
        if [_without_reason(item) for item in before] != [_without_reason(item) for item in after]:
            yield _Difference(pointer, before, after, wiring=True)
        else:
            yield from _differences(dict(enumerate(before)), dict(enumerate(after)), pointer)
    elif isinstance(before, list) and isinstance(after, list) and not pointer.endswith("/choices"):
        yield from _differences(dict(enumerate(before)), dict(enumerate(after)), pointer)
    elif before != after:
        yield _Difference(pointer, before, after, wiring=pointer.rpartition("/")[2] in DECISION_FIELDS)


def _content(tree: Tree) -> dict[str, Any]:
    """What a tree says, without what tells one version from another."""
    return {key: value for key, value in tree.canonical.items() if key not in VERSION_FIELDS}


def _without_reason(item: Any) -> Any:
    """A branch without its reason, which is but words; a name or a circumstance as it is."""
    if isinstance(item, Mapping):
        return {key: value for key, value in item.items() if key != "reason"}
    return item
