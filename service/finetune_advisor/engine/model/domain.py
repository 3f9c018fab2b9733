"""Domains: exact sets of the values that an input can take.

Every input has an axis of positions: a boolean's are 0 and 1, an enum's are the indices of its choices, a
numeric input's are its values. Integers and IEEE doubles are both finite and ordered, so a set of
positions is a list of closed spans and every operation on it is exact; `0.8 < x` starts at the double
that follows 0.8.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, copysign, floor, inf, nextafter

Position = int | float

MAX_SAFE_INTEGER = 2**53 - 1
"""The largest magnitude of a number: beyond it JSON does not carry integers exactly (RFC 8259, 6)."""


@dataclass(frozen=True, slots=True)
class Domain:
    """A set of positions: disjoint closed spans, ascending; `dense` says doubles rather than integers."""

    spans: tuple[tuple[Position, Position], ...]
    dense: bool = False

    @classmethod
    def of(cls, positions: Iterable[Position]) -> Domain:
        """The domain of some whole-number positions, neighbours in one span."""
        spans: list[tuple[Position, Position]] = []
        for position in sorted(positions):
            if spans and position <= spans[-1][1] + 1:
                spans[-1] = (spans[-1][0], position)
            else:
                spans.append((position, position))
        return cls(tuple(spans))

    def split_at(self, starts: Iterable[Position]) -> tuple[Domain, ...]:
        """The domain cut at some starts, of which its least position is one."""
        ordered = sorted(starts)
        inner = (self.from_(start).up_to(end, strict=True) for start, end in pairwise(ordered))
        return (*inner, self.from_(ordered[-1]))

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
        left = self
        for low, high in other.spans:
            left = Domain(
                (*left.up_to(low, strict=True).spans, *left.from_(high, strict=True).spans),
                self.dense,
            )
        return left

    @property
    def least(self) -> Position:
        return self.spans[0][0]

    @property
    def greatest(self) -> Position:
        return self.spans[-1][1]

    @property
    def simplest(self) -> Position:
        """The position with the fewest decimals; of those, the nearest to zero."""
        if 0 in self:
            return 0
        nearest = min((end for span in self.spans for end in span), key=abs)
        for decimals in range(17 if self.dense else 0):
            rounded = copysign(ceil(abs(nearest) * 10**decimals) / 10**decimals, nearest)
            if rounded in self:
                return rounded
        return nearest

    def from_(self, bound: Position, *, strict: bool = False) -> Domain:
        """The positions at or (`strict`) after a bound, which may lie on an axis of the other kind."""
        start = _following(bound, self.dense) if strict else (bound if self.dense else ceil(bound))
        return Domain(
            tuple((max(low, start), high) for low, high in self.spans if high >= start), self.dense
        )

    def up_to(self, bound: Position, *, strict: bool = False) -> Domain:
        """The positions at or (`strict`) before a bound, which may lie on an axis of the other kind."""
        end = _preceding(bound, self.dense) if strict else (bound if self.dense else floor(bound))
        return Domain(tuple((low, min(high, end)) for low, high in self.spans if low <= end), self.dense)


def adjacent_positions(bound: Position, *, dense: bool) -> tuple[Position, Position]:
    """The positions right before and right after a bound, on an axis of doubles or of integers."""
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
