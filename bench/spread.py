"""Spreads: the median of some measurements with the least and the greatest of them, or the quartiles."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """A median, and between what the measurements lie."""

    median: float
    least: float
    greatest: float

    def __str__(self) -> str:
        return f"{figure(self.median)} ({figure(self.least)}–{figure(self.greatest)})"


def spread(values: Sequence[float]) -> Spread:
    """Of one value or more."""
    return Spread(statistics.median(values), min(values), max(values))


def quartiles(values: Sequence[float]) -> Spread:
    """Of two values or more: the median with the quartiles, where single values stray far."""
    low, median, high = statistics.quantiles(values)
    return Spread(median, low, high)


def ratios(values: Sequence[float], floors: Sequence[float]) -> Spread:
    """The spread of ratios, each of two values of the same round."""
    return spread([value / floor for value, floor in zip(values, floors, strict=True)])


def figure(value: float) -> str:
    """A number with three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 10 else f"{value:.1f}"
