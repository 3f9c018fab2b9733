"""Domains: exact sets of the values that one input can take.

Every input has an axis of positions. The positions of a boolean are 0 and 1, those of an enum are the
indices of its choices, and those of a number are its values. Integers and IEEE 754 doubles are both finite
and ordered. So closed spans describe any set of positions, and every operation on them is exact: `0.8 < x`
starts at the double that follows 0.8.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, copysign, floor, inf, nextafter

Position = int | float

MAX_SAFE_INTEGER = 2**53 - 1
"""The largest magnitude of a number; JSON doesn't carry larger integers exactly (RFC 8259, section 6)."""


@dataclass(frozen=True, slots=True)
class Domain:
    """A set of positions, as disjoint closed spans in ascending order.

    The positions are doubles if the domain is `dense`, and integers otherwise.
    """

    spans: tuple[tuple[Position, Position], ...]
    dense: bool = False

    @classmethod
    def of(cls, positions: Iterable[Position]) -> Domain:
        """Return the domain of some integer positions; adjacent positions share a span."""
        spans: list[tuple[Position, Position]] = []
        for position in sorted(positions):
            # Equal sets need equal spans, because domains are compared and used as keys.
            if spans and position <= spans[-1][1] + 1:
                spans[-1] = (spans[-1][0], position)
            else:
                spans.append((position, position))
        return cls(tuple(spans))

    def split_at(self, starts: Iterable[Position]) -> tuple[Domain, ...]:
        """Return the domain in parts, each of which begins at one of `starts`.

        `starts` must contain the least position of the domain.
        """
        ordered = sorted(starts)
        all_but_last = (self.from_(start).up_to(end, strict=True) for start, end in pairwise(ordered))
        return (*all_but_last, self.from_(ordered[-1]))

    def __bool__(self) -> bool:
        return bool(self.spans)

    def __contains__(self, position: Position) -> bool:
        for low, high in self.spans:  # noqa: SIM110 - any() takes three times as long here
            if low <= position <= high:
                return True
        return False

    def __and__(self, other: Domain) -> Domain:
        return Domain(tuple(_overlaps(self.spans, other.spans)), self.dense)

    def __sub__(self, other: Domain) -> Domain:
        remaining = self
        for low, high in other.spans:
            below, above = remaining.up_to(low, strict=True), remaining.from_(high, strict=True)
            remaining = Domain((*below.spans, *above.spans), self.dense)
        return remaining

    @property
    def least(self) -> Position:
        return self.spans[0][0]

    @property
    def greatest(self) -> Position:
        return self.spans[-1][1]

    @property
    def simplest(self) -> Position:
        """The position with the fewest decimals, and the nearest to zero among these."""
        if 0 in self:
            return 0
        # Without zero, the nearest position to zero is the end of a span.
        nearest = min((end for span in self.spans for end in span), key=abs)
        # Seventeen digits tell all doubles apart, and integers have no decimals to drop.
        for decimals in range(17 if self.dense else 0):
            # Only a number that is rounded away from zero can lie in the same span.
            rounded = copysign(ceil(abs(nearest) * 10**decimals) / 10**decimals, nearest)
            if rounded in self:
                return rounded
        return nearest

    def from_(self, bound: Position, *, strict: bool = False) -> Domain:
        """Return the positions at or after a bound, or only those after it if `strict`."""
        # A fraction can be the bound of an integer, and an integer can be that of a double.
        start = _following(bound, self.dense) if strict else (bound if self.dense else ceil(bound))
        return Domain(
            tuple((max(low, start), high) for low, high in self.spans if high >= start), self.dense
        )

    def up_to(self, bound: Position, *, strict: bool = False) -> Domain:
        """Return the positions at or before a bound, or only those before it if `strict`."""
        end = _preceding(bound, self.dense) if strict else (bound if self.dense else floor(bound))
        return Domain(tuple((low, min(high, end)) for low, high in self.spans if low <= end), self.dense)


def adjacent_positions(bound: Position, *, dense: bool) -> tuple[Position, Position]:
    """Return the positions right before and right after a bound, among doubles (`dense`) or integers."""
    return _preceding(bound, dense), _following(bound, dense)


def _following(bound: Position, dense: bool) -> Position:
    return nextafter(bound, inf) if dense else floor(bound) + 1


def _preceding(bound: Position, dense: bool) -> Position:
    return nextafter(bound, -inf) if dense else ceil(bound) - 1


def _overlaps(
    ours: tuple[tuple[Position, Position], ...], theirs: tuple[tuple[Position, Position], ...]
) -> Iterator[tuple[Position, Position]]:
    for low, high in ours:
        for other_low, other_high in theirs:
            if max(low, other_low) <= min(high, other_high):
                yield max(low, other_low), min(high, other_high)
