"""Units of measure: products of words with integer powers, such as USD/month."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

UNIT_PATTERN = r"(1|[A-Za-z][A-Za-z0-9_]*(\^[1-9])?)( ?[*/] ?[A-Za-z][A-Za-z0-9_]*(\^[1-9])?)*"
"""A unit as text. The JSON Schema of tree documents has the same pattern."""
MAX_UNIT_LENGTH = 64


@dataclass(frozen=True)
class MeasurementUnit:
    """A unit: the power of each of its words, sorted by word. A plain number has no words.

    A word is the same in the singular and in the plural: month and months.
    """

    powers: tuple[tuple[str, int], ...] = ()

    @classmethod
    def parse(cls, text: str) -> MeasurementUnit:
        """Parse a unit such as `USD/month`, `GB`, `m^2` or `1`. An empty text is the unit of plain numbers.

        Raises ValueError for any other text.
        """
        if len(text) > MAX_UNIT_LENGTH or not re.fullmatch(UNIT_PATTERN, text or "1"):
            raise ValueError(f"{text[:MAX_UNIT_LENGTH]} is not a unit")
        powers: Counter[str] = Counter()
        for sign, word, power in re.findall(r"(^|[*/]) ?([A-Za-z]\w*)\^?([1-9]?)", text, re.ASCII):
            powers[_singular(word)] += int(power or 1) * (-1 if sign == "/" else 1)
        return cls._of(powers)

    @classmethod
    def _of(cls, powers: Counter[str]) -> MeasurementUnit:
        return cls(tuple(sorted((word, power) for word, power in powers.items() if power)))

    def __mul__(self, other: MeasurementUnit) -> MeasurementUnit:
        powers = Counter(dict(self.powers))
        powers.update(dict(other.powers))
        return self._of(powers)

    def __truediv__(self, other: MeasurementUnit) -> MeasurementUnit:
        return self * MeasurementUnit(tuple((word, -power) for word, power in other.powers))

    def __str__(self) -> str:
        above = [_write_power(word, power) for word, power in self.powers if power > 0]
        below = [f"/{_write_power(word, -power)}" for word, power in self.powers if power < 0]
        return "*".join(above or ["1"]) + "".join(below)


def _singular(word: str) -> str:
    # Short words are symbols, such as ms for milliseconds, and not plurals.
    return word.removesuffix("s") if len(word) > 3 else word


def _write_power(word: str, power: int) -> str:
    return word if power == 1 else f"{word}^{power}"
