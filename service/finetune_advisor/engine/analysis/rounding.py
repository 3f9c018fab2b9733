"""Rounding: readable numbers beside a limit, instead of the double next to it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import inf, nextafter

from finetune_advisor.engine.model.domain import Position

MAX_DECIMALS = 17
"""Decimals of a rounded number; 17 significant digits tell all doubles apart."""


def rounder_numbers(number: Position, steps: int = 1) -> Iterator[float]:
    """Yield numbers with fewer decimals for a double next to a limit, those with the fewest first.

    For the double below 500, these are 499, 499.9, 499.99 and so on. A limit is a double with fewer decimals
    that is at most `steps` doubles away. The numbers lie on the same side of the limit as the double, and
    have at least as many decimals as the limit. Integers and doubles without a limit have none.
    """
    if isinstance(number, int):
        return
    max_decimals = min(_decimals(number), MAX_DECIMALS)
    below, above = (_fewest_decimals_beside(number, towards, steps) for towards in (-inf, inf))
    # A limit below the number allows numbers above it, so rounding goes away from the limit.
    for min_decimals, rounding in sorted([(below, ROUND_CEILING), (above, ROUND_FLOOR)]):
        for decimals in range(min_decimals, max_decimals):
            # Decimal rounds the digits as people read them, without another error in binary.
            yield float(Decimal(repr(number)).quantize(Decimal(1).scaleb(-decimals), rounding))


def _fewest_decimals_beside(number: float, towards: float, steps: int) -> int:
    """Return the fewest decimals among the next `steps` doubles in a direction."""
    decimals = []
    for _ in range(steps):
        number = nextafter(number, towards)
        decimals.append(_decimals(number))
    return min(decimals)


def _decimals(number: float) -> int:
    exponent = Decimal(repr(number)).normalize().as_tuple().exponent
    return max(0, -int(exponent))
