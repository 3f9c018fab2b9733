"""Rounding: the number that people write beside a limit, where the nearest double is hard to read."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import inf, nextafter

from finetune_advisor.engine.model.domain import Position

MAX_DECIMALS = 17


def rounder_numbers(number: Position, steps: int = 1) -> Iterator[float]:
    """Rounder numbers that may stand for a double next to a limit, in order: 499, 499.9, 499.99 for the
    double below 500.

    The limit is a double with fewer decimals, at most `steps` doubles away; the numbers lie on the other
    side and have no fewer decimals than the limit. There are none for a number that is no such double.
    """
    if isinstance(number, int):
        return
    most = min(_decimals(number), MAX_DECIMALS)
    below, above = (_fewest_decimals_beside(number, towards, steps) for towards in (-inf, inf))
    for least, rounding in sorted([(below, ROUND_CEILING), (above, ROUND_FLOOR)]):
        for decimals in range(least, most):
            yield float(Decimal(repr(number)).quantize(Decimal(1).scaleb(-decimals), rounding))


def _fewest_decimals_beside(number: float, towards: float, steps: int) -> int:
    """The fewest decimals of the doubles that come next to a number."""
    found = []
    for _ in range(steps):
        number = nextafter(number, towards)
        found.append(_decimals(number))
    return min(found)


def _decimals(number: float) -> int:
    exponent = Decimal(repr(number)).normalize().as_tuple().exponent
    return max(0, -int(exponent))
