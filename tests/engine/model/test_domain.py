"""Domains are exact sets: their algebra against Python's own sets."""

from __future__ import annotations

from itertools import pairwise
from math import inf, nextafter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_advisor.engine.model.domain import MAX_SAFE_INTEGER, Domain
from tests.strategies import steps

WHOLE = range(-6, 7)
DOUBLES = sorted({d for at in (-1.0, 0.0, 0.3, 1.0, 2.0) for d in steps(at, 3, 3)})

integers = st.sets(st.sampled_from(WHOLE))
bounds = st.sampled_from([*WHOLE, *(n + 0.5 for n in WHOLE)])
double_bounds = st.sampled_from([*DOUBLES, -2, -1, 0, 1, 2, 3])


def _members(domain: Domain) -> set[int]:
    return {position for position in WHOLE if position in domain}


@st.composite
def dense_domains(draw: st.DrawFn) -> Domain:
    """Spans between doubles that are neighbours or nearly so."""
    ends = sorted(draw(st.sets(st.sampled_from(DOUBLES), max_size=6)))
    return Domain(tuple(zip(ends[::2], ends[1::2], strict=False)), dense=True)


def _doubles(domain: Domain) -> set[float]:
    return {position for position in DOUBLES if position in domain}


@given(integers)
def test_a_domain_has_the_positions_that_it_was_made_of(positions: set[int]) -> None:
    """Domain.of has exactly its positions, says whether there are any, and knows the least and greatest."""
    domain = Domain.of(positions)
    assert _members(domain) == positions
    assert bool(domain) == bool(positions)
    if positions:
        assert (domain.least, domain.greatest) == (min(positions), max(positions))


@given(integers)
def test_neighbours_share_a_span(positions: set[int]) -> None:
    """Spans are ascending with a gap between them, so that equal sets are equal domains."""
    spans = Domain.of(positions).spans
    assert all(low <= high for low, high in spans)
    assert all(before[1] + 1 < after[0] for before, after in pairwise(spans))


@given(integers, integers)
def test_intersection_and_difference_of_integers(ours: set[int], theirs: set[int]) -> None:
    """& and - give the set that Python's sets give, as the same domain as if made of it."""
    assert Domain.of(ours) & Domain.of(theirs) == Domain.of(ours & theirs)
    assert Domain.of(ours) - Domain.of(theirs) == Domain.of(ours - theirs)


@given(integers, bounds)
def test_bounds_on_integers(positions: set[int], bound: float) -> None:
    """from_ and up_to keep what lies at or beyond a bound, whole or not, strictly if asked to."""
    domain = Domain.of(positions)
    assert domain.from_(bound) == Domain.of(p for p in positions if p >= bound)
    assert domain.from_(bound, strict=True) == Domain.of(p for p in positions if p > bound)
    assert domain.up_to(bound) == Domain.of(p for p in positions if p <= bound)
    assert domain.up_to(bound, strict=True) == Domain.of(p for p in positions if p < bound)


@given(dense_domains(), dense_domains())
def test_intersection_and_difference_of_doubles(ours: Domain, theirs: Domain) -> None:
    """& and - keep exactly the doubles that both, or that the first alone, has."""
    assert _doubles(ours & theirs) == _doubles(ours) & _doubles(theirs)
    assert _doubles(ours - theirs) == _doubles(ours) - _doubles(theirs)
    assert ((ours & theirs).dense, (ours - theirs).dense) == (True, True)


@given(dense_domains(), double_bounds)
def test_bounds_on_doubles(domain: Domain, bound: float) -> None:
    """A bound that is left out takes nothing else with it: the next double is the first that remains."""
    members = _doubles(domain)
    assert _doubles(domain.from_(bound)) == {d for d in members if d >= bound}
    assert _doubles(domain.from_(bound, strict=True)) == {d for d in members if d > bound}
    assert _doubles(domain.up_to(bound)) == {d for d in members if d <= bound}
    assert _doubles(domain.up_to(bound, strict=True)) == {d for d in members if d < bound}


@given(dense_domains(), dense_domains())
def test_difference_and_intersection_make_up_the_whole(ours: Domain, theirs: Domain) -> None:
    """What is taken away and what is left don't meet, and nothing is left of a set without itself."""
    assert not (ours - theirs) & theirs
    assert not ours - ours
    assert _doubles(ours - theirs) | _doubles(ours & theirs) == _doubles(ours)


@pytest.mark.parametrize(("dense", "after"), [(False, 1), (True, nextafter(0, inf))])
def test_what_follows_a_bound(*, dense: bool, after: float) -> None:
    """After 0 comes 1 on an axis of integers and the smallest double on one of doubles."""
    axis = Domain(((-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER),), dense)
    assert axis.from_(0, strict=True).least == after
    assert axis.up_to(0, strict=True).greatest == -after
