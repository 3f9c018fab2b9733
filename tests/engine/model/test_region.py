"""Regions: sets of profiles that are exact under ranges and orders, and can name one of their own."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_advisor.engine.model.conditions import Condition, InDomain, InRelation
from finetune_advisor.engine.model.domain import Domain
from finetune_advisor.engine.model.region import Region
from tests.strategies import steps

DOUBLES = steps(1.0, 2, 2)
AXES = {
    "i": Domain(((0, 3),)),
    "j": Domain(((0, 3),)),
    "x": Domain(((DOUBLES[0], DOUBLES[-1]),), dense=True),
    "y": Domain(((DOUBLES[0], DOUBLES[-1]),), dense=True),
}
POSITIONS = [
    dict(zip(AXES, values, strict=True)) for values in product(range(4), range(4), DOUBLES, DOUBLES)
]

relations = (
    st.sets(st.sampled_from("<=>"), min_size=1, max_size=2).filter({"<", ">"}.__ne__).map(frozenset)
)
related = st.builds(
    lambda names, relations: InRelation(names[0], relations, names[1]),
    st.permutations(list(AXES)),
    relations,
)
within = st.one_of(
    st.builds(
        lambda name, positions: InDomain(name, Domain.of(positions)),
        st.sampled_from("ij"),
        st.sets(st.integers(0, 3), min_size=1),
    ),
    st.builds(
        lambda name, ends: InDomain(name, Domain(((min(ends), max(ends)),), dense=True)),
        st.sampled_from("xy"),
        st.sets(st.sampled_from(DOUBLES), min_size=1, max_size=2),
    ),
)


def _holds(condition: Condition, profile: dict[str, float]) -> bool:
    value = profile[condition.input]
    if isinstance(condition, InDomain):
        return value in condition.domain
    other = profile[condition.other]
    return ("<" if value < other else ">" if value > other else "=") in condition.relations


def _narrowed(conditions: Iterable[Condition]) -> Region | None:
    region: Region | None = Region(AXES, {})
    for condition in conditions:
        region = region and region.narrow(condition)
    return region


@pytest.mark.exhaustive
@settings(deadline=None, max_examples=300)
@given(st.lists(st.one_of(related, within), max_size=5))
def test_a_region_is_empty_exactly_if_no_profile_is_in_it(conditions: list[Condition]) -> None:
    """Ranges and comparisons contradict each other exactly if no integers and doubles meet them all; each
    domain ends where those numbers end, and the witness is one of them.
    """
    inside = [p for p in POSITIONS if all(_holds(condition, p) for condition in conditions)]
    region = _narrowed(conditions)
    assert (region is not None) == bool(inside)
    if region:
        assert region.witness() in inside
        assert region.simplest_positions(AXES) in inside
        for name, axis in AXES.items():
            positions = DOUBLES if axis.dense else range(4)
            left = [position for position in positions if position in region.domain(name)]
            reached = {profile[name] for profile in inside}
            assert (left[0], left[-1]) == (min(reached), max(reached))
            assert reached <= set(left)
