"""The paths that answers leave, as bits in words that fit into a signed 64-bit integer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from math import ceil
from operator import itemgetter
from typing import Any

from finetune_advisor.engine.evaluation.path_table import (
    InputGroup,
    PathSet,
    PathTable,
    union_of_paths,
)
from finetune_advisor.engine.model.conditions import ABOVE, BELOW, EQUAL, Bound, InChoices, InRange
from finetune_advisor.engine.model.domain import Position, adjacent_positions
from finetune_advisor.engine.model.inputs import Input, normalize_number
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats.explicit_branches import SYMBOL_BY_RELATIONS, ComparedBySymbol

PATHS_PER_WORD = 62
"""Bits of a word that stand for paths. With fewer than 63, no word is negative, and neither is a mask."""
POSITIONS_IN_RELATION = {BELOW: (0, 1), EQUAL: (0, 0), ABOVE: (1, 0)}
"""Positions of two inputs that have a relation."""

AnswerTest = InChoices | InRange | ComparedBySymbol
Cases = Iterator[tuple[AnswerTest, PathSet]]
Answers = Sequence[tuple[Any, PathSet]]
"""Answers with the paths that each leaves. An answer is a choice, a relation, or all numbers that are above
the bound before it, and not above its own; the last numbers have no bound.
"""


@dataclass(frozen=True)
class AnswerMasks:
    """For each answer to an input, or relation to another input, the paths of a word that are still possible.

    `cases` are tests with the paths of the answers that pass. The first test that an answer passes counts. An
    unknown answer, and one that passes no test, leaves all paths.
    """

    name: str
    cases: tuple[tuple[AnswerTest, PathSet], ...]


@dataclass(frozen=True)
class PathWord:
    """Some of a tree's paths as the bits of a number.

    A path is still possible for a profile if it is in `all_paths` and none of `masks` excludes it.
    """

    all_paths: PathSet
    masks: tuple[AnswerMasks, ...]
    paths_by_recommendation: Mapping[str, PathSet]


def split_into_words(table: PathTable) -> list[PathWord]:
    """Split the paths of a tree into words. No group of the table may have more than two inputs."""
    answers = [*_list_answers(table)]
    return [
        _build_word(table, answers, first_path)
        for first_path in range(0, table.all_paths.bit_length(), PATHS_PER_WORD)
    ]


def _build_word(
    table: PathTable, answers: Sequence[tuple[str, Callable[..., Cases], Answers]], first_path: int
) -> PathWord:
    all_paths = (table.all_paths >> first_path) & ((1 << PATHS_PER_WORD) - 1)

    def in_word(paths: PathSet) -> PathSet:
        return (paths >> first_path) & all_paths

    masks = (
        AnswerMasks(name, tuple(merge([(answer, in_word(left)) for answer, left in answers], all_paths)))
        for name, merge, answers in answers
    )
    return PathWord(
        all_paths,
        tuple(mask for mask in masks if mask.cases),
        {name: in_word(paths) for name, paths in table.paths_by_recommendation.items()},
    )


def _list_answers(table: PathTable) -> Iterator[tuple[str, Callable[..., Cases], Answers]]:
    """List the answers to each input, and the relations of each two compared inputs.

    Each comes with the function that makes cases of them.
    """
    for group in table.input_groups:
        for name in group.names:
            input_ = table.tree.inputs[name]
            if input_.is_numeric:
                yield name, _merge_ranges, [*_list_ranges(table, group, input_)]
            else:
                yield name, _merge_choices, [*_list_choices(table, group, input_)]
        # Two known answers leave what each of them leaves by itself and what their relation allows.
        # A group has two inputs at most: with three, an unknown one could tie the two others together.
        for other in group.names[1:]:
            yield group.names[0], partial(_merge_relations, other), [*_list_relations(group)]


def _list_choices(table: PathTable, group: InputGroup, input_: Input) -> Iterator[tuple[Any, PathSet]]:
    for position in range(int(input_.axis.greatest) + 1):
        excluded = group.excluded_by_answer(input_.name, position)
        yield input_.value(position), table.all_paths & ~excluded


def _list_ranges(table: PathTable, group: InputGroup, input_: Input) -> Iterator[tuple[Any, PathSet]]:
    # A cell of an integer can start between two integers, at the edge of a number that it is compared with.
    round_up = ceil if input_.type == "integer" else float
    starts = {max(round_up(start), input_.axis.least) for start in group.cell_starts[input_.name]}
    ascending = sorted(start for start in starts if start in input_.axis)
    bounds = _find_authored_bounds(table.tree, input_)
    upper_bounds = [bounds.get(start) or _make_bound_below(input_, start) for start in ascending[1:]]
    for start, upper in zip(ascending, [*upper_bounds, None], strict=True):
        yield upper, table.all_paths & ~group.excluded_by_answer(input_.name, start)


def _find_authored_bounds(tree: Tree, input_: Input) -> Mapping[Position, Bound]:
    """Return the bounds that branches name, each as an upper bound, by the first position above it."""
    tests = [
        branch.test
        for question in tree.questions.values()
        for branch in question.branches
        if question.input == input_.name and isinstance(branch.test, InRange)
    ]
    uppers = [test.upper for test in tests if test.upper]
    uppers += [Bound(lower.value, not lower.inclusive) for test in tests if (lower := test.lower)]
    above = [(input_.axis.from_(upper.value, strict=upper.inclusive), upper) for upper in uppers]
    return {domain.least: upper for domain, upper in above if domain}


def _make_bound_below(input_: Input, start: Position) -> Bound:
    """Return the upper bound of the positions below a position: the one with fewer digits."""
    before, _ = adjacent_positions(start, dense=input_.axis.dense)
    bounds = (
        Bound(normalize_number(start), inclusive=False),
        Bound(normalize_number(before), inclusive=True),
    )
    # `< 0.1` reads better than `<= 0.09999999999999999`, and both separate the same numbers.
    return min(bounds, key=lambda bound: len(repr(bound.value)))


def _list_relations(group: InputGroup) -> Iterator[tuple[Any, PathSet]]:
    for relation, numbers in POSITIONS_IN_RELATION.items():
        at = dict(zip(group.names, numbers, strict=True))
        yield (
            relation,
            union_of_paths(
                paths
                for region, paths in group.constraints
                if all(order.holds(at[order.low], at[order.high]) for order in region.orders)
            ),
        )


def _merge_choices(choices: Answers, all_paths: PathSet) -> Cases:
    for paths, values in _group_by_paths(choices, all_paths):
        yield InChoices(tuple(values)), paths


def _merge_relations(other: str, relations: Answers, all_paths: PathSet) -> Cases:
    for paths, together in _group_by_paths(relations, all_paths):
        yield ComparedBySymbol(SYMBOL_BY_RELATIONS[frozenset(together)], other), paths


def _group_by_paths(answers: Answers, all_paths: PathSet) -> Iterator[tuple[PathSet, list[Any]]]:
    """Yield the answers that leave the same paths together, without those that leave all."""
    # Answers that leave all paths are left to the ELSE of the case, as NULL is.
    grouped: dict[PathSet, list[Any]] = {}
    for answer, paths in answers:
        grouped.setdefault(paths, []).append(answer)
    return ((paths, together) for paths, together in grouped.items() if paths != all_paths)


def _merge_ranges(ranges: Answers, all_paths: PathSet) -> Cases:
    # Adjacent ranges that leave the same paths are one range, whose upper bound is that of the last.
    merged = [([*members][-1][0], paths) for paths, members in groupby(ranges, itemgetter(1))]
    for index, (upper, paths) in enumerate(merged):
        if upper is not None:
            # The last case has a lower bound, so it needs no case before it that leaves all paths.
            if paths != all_paths or index < len(merged) - 2:
                yield InRange(upper=upper), paths
        elif paths != all_paths:
            before, _ = merged[index - 1]
            yield InRange(lower=Bound(before.value, not before.inclusive)), paths
