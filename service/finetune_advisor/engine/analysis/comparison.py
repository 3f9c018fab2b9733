"""Comparison of two trees: what differs, and which profiles get another outcome."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finetune_advisor.engine.analysis.representatives import ProfileClasses, partition_against
from finetune_advisor.engine.model.conditions import Condition, InDomain
from finetune_advisor.engine.model.inputs import Input, Profile
from finetune_advisor.engine.model.region import Region
from finetune_advisor.engine.model.tree import LIFECYCLE_FIELDS, Tree

WORKSHEET_FIELDS = frozenset({"formula", "value", "default", "decimals"})
"""Fields that determine which answer a worksheet gives. Its units and ranges do so, too."""

DECISION_FIELDS = WORKSHEET_FIELDS | {
    *("to", "input", "root", "type", "unit", "choices", "minimum", "maximum", "finetune")
}
"""Fields of the canonical form that determine how a tree decides."""

DECISION_LISTS = ("/branches", "/when", "/recommendations")
"""Ends of pointers to lists that determine it as a whole, by their items and their order."""

WORDS_OF_CHOICES = re.compile(r"/inputs/[^/]+/choice_(labels|help)/")
"""Beginnings of pointers to texts whose last part is a choice, which may be called like a field."""

MAX_COMPARISON_STEPS = 80_000
"""Steps that the walks of a comparison may take. A step counts as one, and as one more for each order
constraint and for each condition of a private input that it carries along.

Without a limit, trees that share questions or compare many inputs could take arbitrarily long.
"""

VERSION_FIELDS = LIFECYCLE_FIELDS | {"version", "released"}
"""Fields that tell versions apart, and so differ even if the content is the same."""

_OutcomePair = tuple[str | None, str | None]
_RegionOutcomes = tuple[Region, str | None, str | None]


@dataclass(frozen=True)
class Rewording:
    """A changed text. `pointer` is its JSON pointer in the canonical form."""

    pointer: str
    before: str
    after: str


@dataclass(frozen=True)
class Move:
    """Profiles whose outcome changes in the same way, with one of them as a witness.

    An outcome is the id of a recommendation, or None for an undecided profile. `profiles` is the number of
    profile classes: numbers that no test of either tree separates count as one.
    """

    before: str | None
    after: str | None
    profiles: int
    witness: Profile


@dataclass(frozen=True)
class Reversal:
    """A recommendation of both trees that answers "should we fine-tune?" differently in each of them."""

    recommendation: str
    before: str
    after: str


@dataclass(frozen=True)
class Comparison:
    """The differences between a tree and an older one.

    `added`, `removed` and `rewired` are JSON pointers in the canonical forms. `shared` has the inputs that
    mean the same in both trees. `profiles` is the number of classes of profiles of these inputs, with all
    other inputs unknown; `undecided` is the number of those that are undecided in both trees, and `moves`
    has those that change.

    `truncated` says that a limit was met: the numbers are lower bounds then, and moves may be missing.
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
        """Whether only texts differ. It is False if the comparison is truncated."""
        same = {*self.shared} == self.older.inputs.keys() == self.newer.inputs.keys()
        return same and not (self.moves or self.reversals or self.truncated)

    @property
    def exact(self) -> bool:
        """Whether each class is a single profile, because no shared input is a number."""
        return not any(self.newer.inputs[name].is_numeric for name in self.shared)


def compare_trees(older: Tree, newer: Tree, max_steps: int = MAX_COMPARISON_STEPS) -> Comparison:
    """Return how `newer` differs from `older`, with all changes of outcomes.

    Both trees must be sound. The comparison is truncated if it takes more than `max_steps`.
    """
    shared = [
        name for name, input_ in newer.inputs.items() if _mean_the_same(older.inputs.get(name), input_)
    ]
    classes = ProfileClasses([older, newer], shared)
    differences = [*_differences(_content(older), _content(newer), "")]
    budget = _StepBudget(max_steps)
    # If the trees differ only in texts, all outcomes are the same, so they aren't computed.
    is_reworded_only = all(d.in_both and not d.decides for d in differences)
    outcomes = () if is_reworded_only else _outcomes_of_both(older, newer, frozenset(shared), budget)
    counts, witnesses = _count_changes(newer, shared, classes, outcomes)
    # A count that met its limit can be lower than the sum over the regions.
    profiles = max(classes.count(Region(newer.axes, {})), sum(counts.values()))
    undecided = counts.pop((None, None), 0)
    return Comparison(
        older=older,
        newer=newer,
        added=tuple(d.pointer for d in differences if d.before is None),
        removed=tuple(d.pointer for d in differences if d.after is None),
        rewired=tuple(dict.fromkeys(d.pointer for d in differences if d.in_both and d.decides)),
        reworded=tuple(
            Rewording(d.pointer, d.before, d.after) for d in differences if d.in_both and not d.decides
        ),
        shared=tuple(shared),
        profiles=profiles,
        undecided=undecided,
        moves=tuple(
            Move(*pair, count, witnesses[pair])
            for pair, count in sorted(counts.items(), key=lambda item: [*map(str, item[0])])
        ),
        reversals=tuple(_reversals(older, newer)),
        truncated=budget.exhausted or classes.exhausted,
    )


def comparison_is_truncated(tree: Tree, max_steps: int = MAX_COMPARISON_STEPS) -> bool:
    """Return whether a comparison of a tree with a very similar one would be truncated."""
    names, budget = list(tree.inputs), _StepBudget(max_steps)
    classes = ProfileClasses([tree], names)
    classes.count(Region(tree.axes, {}))
    for region, _, _ in _outcomes_of_both(tree, tree, frozenset(names), budget):
        if classes.exhausted:
            return True
        classes.count(region)
    return budget.exhausted or classes.exhausted


def _count_changes(
    newer: Tree, shared: Sequence[str], classes: ProfileClasses, outcomes: Iterable[_RegionOutcomes]
) -> tuple[dict[_OutcomePair, int], Mapping[_OutcomePair, Profile]]:
    """Return the number of profile classes and a witness for each pair of outcomes, before and after.

    The pairs are those in which the outcome changes, and (None, None) for undecided in both trees.
    """
    counts: dict[_OutcomePair, int] = {}
    witnesses: dict[_OutcomePair, Profile] = {}
    for region, before, after in outcomes:
        if before is None or before != after:
            counts[before, after] = counts.get((before, after), 0) + classes.count(region)
            if (before, after) not in witnesses:
                positions = region.simplest_positions(shared)
                witnesses[before, after] = {
                    name: newer.inputs[name].value(positions[name]) for name in shared
                }
    return counts, witnesses


def _reversals(older: Tree, newer: Tree) -> Iterator[Reversal]:
    for name, after in newer.recommendations.items():
        before = older.recommendations.get(name, after)
        if before.finetune != after.finetune:
            yield Reversal(name, before.finetune, after.finetune)


def _mean_the_same(older: Input | None, newer: Input) -> bool:
    """Return whether an input means the same in both trees: only its texts may differ."""
    return older is not None and older.means_the_same(newer)


def _outcomes_of_both(
    older: Tree, newer: Tree, shared: frozenset[str], budget: _StepBudget
) -> Iterator[_RegionOutcomes]:
    """Yield disjoint regions of profiles, with their outcomes in the older and in the newer tree."""
    for region, before in _outcomes(older, shared, Region(older.axes, {}), budget):
        # The domains and constraints are those of shared inputs, which have the same axis in both trees.
        region_of_newer = Region(newer.axes, region.domains, region.orders)
        for narrowed, after in _outcomes(newer, shared, region_of_newer, budget):
            yield narrowed, before, after


class _StepBudget:
    """A limit on the steps of walks."""

    def __init__(self, steps: int) -> None:
        self._steps_left = steps
        self.exhausted = False

    def take_step(self, walk: _Walk) -> bool:
        """Count the next step of a walk, and return whether it is within the limit."""
        # Conditions and constraints make a step slower, so they count, too.
        carried = sum(len(conditions) for _, conditions in walk.pending)
        self._steps_left -= 1 + len(walk.region.orders) + carried
        self.exhausted = self._steps_left < 0
        return not self.exhausted


def _outcomes(
    tree: Tree, shared: frozenset[str], region: Region, budget: _StepBudget
) -> Iterator[tuple[Region, str | None]]:
    """Yield disjoint parts of a region with their outcomes, for profiles of the shared inputs.

    All other inputs are private to one of the trees, and unknown.
    """
    waiting: list[_Walk] = [_Walk(((tree.root, ()),), region, frozenset())]
    while waiting and budget.take_step(waiting[-1]):
        walk = waiting.pop()
        # Two recommendations make a profile undecided, whatever the pending nodes lead to.
        if len(walk.ends) > 1 or not walk.pending:
            yield walk.region, next(iter(walk.ends)) if len(walk.ends) == 1 else None
        else:
            waiting.extend(_steps(tree, shared, walk))


@dataclass(frozen=True)
class _Walk:
    """A region of profiles with what is known of its walk through a tree.

    `pending` are the nodes where the walk has to go on, each with the conditions of private inputs that lead
    there. `ends` are the recommendations that it has reached.
    """

    pending: tuple[tuple[str, tuple[Condition, ...]], ...]
    region: Region
    ends: frozenset[str]


def _steps(tree: Tree, shared: frozenset[str], walk: _Walk) -> Iterator[_Walk]:
    """Yield the walks that follow a walk after a step from its first pending node."""
    (node, conditions), *others = walk.pending
    rest = tuple(others)
    if not _is_possible(walk.region, conditions):
        yield _Walk(rest, walk.region, walk.ends)
    elif node in tree.recommendations:
        yield _Walk(rest, walk.region, walk.ends | {node})
    elif shared.issuperset(tree.questions[node].inputs):
        for condition, branch in tree.branch_conditions[node]:
            narrowed = walk.region.narrow(condition)
            if narrowed:
                yield _Walk(((branch.to, conditions), *rest), narrowed, walk.ends)
    else:
        # Without an answer, the completions of a profile take every branch.
        branches = tuple(
            (branch.to, (*conditions, condition)) for condition, branch in tree.branch_conditions[node]
        )
        for region in _split_region(tree, shared, node, walk.region):
            yield _Walk((*branches, *rest), region, walk.ends)


def _split_region(tree: Tree, shared: frozenset[str], node: str, region: Region) -> Iterator[Region]:
    """Yield a region in parts, all of whose profiles compare alike with each cell of a private input."""
    question = tree.questions[node]
    known = [name for name in question.inputs if name in shared]
    if not known:
        yield region
        return
    # A comparison has two inputs, so only one of each kind is left here.
    [known_name], [private] = known, [name for name in question.inputs if name not in shared]
    parts = (
        region.narrow(InDomain(known_name, part))
        for part in partition_against(tree, known_name, private)
    )
    yield from filter(None, parts)


def _is_possible(region: Region, conditions: Sequence[Condition]) -> bool:
    narrowed: Region | None = region
    for condition in conditions:
        narrowed = narrowed.narrow(condition) if narrowed else None
    return narrowed is not None


@dataclass(frozen=True)
class _Difference:
    """A difference of two canonical forms. It `decides` if it can change how the tree decides."""

    pointer: str
    before: Any
    after: Any
    decides: bool = False

    @property
    def in_both(self) -> bool:
        return self.before is not None and self.after is not None


def _differences(before: Any, after: Any, pointer: str) -> Iterator[_Difference]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            yield from _differences(before.get(key), after.get(key), f"{pointer}/{key}")
    elif isinstance(before, list) and isinstance(after, list) and pointer.endswith(DECISION_LISTS):
        if [_without_reason(item) for item in before] != [_without_reason(item) for item in after]:
            yield _Difference(pointer, before, after, decides=True)
        else:
            yield from _differences(dict(enumerate(before)), dict(enumerate(after)), pointer)
    # Choices decide as a list, and DECISION_FIELDS says so below.
    elif isinstance(before, list) and isinstance(after, list) and not pointer.endswith("/choices"):
        yield from _differences(dict(enumerate(before)), dict(enumerate(after)), pointer)
    elif before != after:
        # A number, a name or a list of choices can decide; titles, texts and reasons don't.
        is_field = not WORDS_OF_CHOICES.match(pointer)
        decides = is_field and pointer.rpartition("/")[2] in DECISION_FIELDS
        yield _Difference(pointer, before, after, decides=decides)


def _content(tree: Tree) -> dict[str, Any]:
    """Return the canonical form of a tree without the fields that tell versions apart."""
    return {key: value for key, value in tree.canonical.items() if key not in VERSION_FIELDS}


def _without_reason(item: Any) -> Any:
    # The reason of a branch is only text. Names and conditions of warnings have none.
    if isinstance(item, Mapping):
        return {key: value for key, value in item.items() if key != "reason"}
    return item
