"""Inputs: the named, typed attributes of a profile, and the positions of their values on an axis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from finetune_advisor.engine.model.domain import MAX_SAFE_INTEGER, Domain, Position
from finetune_advisor.engine.model.worksheets import Worksheet, WorksheetQuantity

Value = bool | int | float | str
Profile = Mapping[str, Value]
InputType = Literal["boolean", "enum", "integer", "number"]
MEANING_FIELDS = ("type", "unit", "choices", "minimum", "maximum")
"""The fields of an input that say what its answers mean. The others are words for people."""


@dataclass(frozen=True)
class Input:
    """A named, typed attribute of a profile.

    A numeric input has a range, and may have a unit and a worksheet. The author may give words of their own
    to the answers: `choice_labels` and `choice_help` to choices of an enum, `true_label` and `false_label` to
    the answers of a boolean.
    """

    name: str
    type: InputType
    label: str
    help: str = ""
    unit: str = ""
    choices: tuple[str, ...] = ()
    choice_labels: Mapping[str, str] = field(default_factory=dict)
    choice_help: Mapping[str, str] = field(default_factory=dict)
    true_label: str = ""
    false_label: str = ""
    minimum: int | float | None = None
    maximum: int | float | None = None
    worksheet: Worksheet | None = None

    @property
    def is_numeric(self) -> bool:
        """Whether the values are integers or numbers."""
        return self.type in ("integer", "number")

    @property
    def lowest(self) -> int | float:
        """The lowest valid number."""
        return -MAX_SAFE_INTEGER if self.minimum is None else self.minimum

    @property
    def highest(self) -> int | float:
        """The highest valid number."""
        return MAX_SAFE_INTEGER if self.maximum is None else self.maximum

    def means_the_same(self, other: Input) -> bool:
        """Whether another input takes the same answers with the same meaning; the words may differ."""
        return all(getattr(self, name) == getattr(other, name) for name in MEANING_FIELDS)

    @cached_property
    def axis(self) -> Domain:
        """The domain of all positions of this input."""
        # Doubles and integers need axes of their own: what follows 1 is 2 only among integers.
        if self.type == "number":
            return Domain(((float(self.lowest), float(self.highest)),), dense=True)
        if self.type == "integer":
            return Domain(((int(self.lowest), int(self.highest)),))
        return Domain(((0, len(self.choices or (False, True)) - 1),))

    @cached_property
    def axis_length(self) -> int | float:
        """The distance from the least to the greatest position."""
        return self.axis.greatest - self.axis.least

    def position(self, value: Value) -> Position:
        """Return the position of a value on the axis.

        Raises TypeError for a value of another type, and ValueError for a value that the input can't have.
        """
        if self.type == "enum":
            return self.choices.index(value)
        # In Python, True equals 1, so a range check alone would accept booleans as numbers.
        if isinstance(value, str) or isinstance(value, bool) != (self.type == "boolean"):
            raise TypeError(f"{self.name} takes a value of type {self.type}")
        if value not in self.axis or (value != int(value) and self.type != "number"):
            raise ValueError(f"{self.name} can't be {value}")
        return float(value) if self.type == "number" else int(value)

    def value(self, position: Position) -> Value:
        """Return the value at a position of the axis. Whole numbers are ints, whatever the input's type."""
        if self.type == "boolean":
            return bool(position)
        if self.type == "enum":
            return self.choices[int(position)]
        return normalize_number(position)


def normal_answers(profile: Profile, names: Iterable[str]) -> dict[str, Value]:
    """Return a profile's answers to some inputs, in one form for equal numbers: 12 for 12.0, 0 for -0.0.

    Inputs that the profile doesn't answer are left out. The answers must be valid.
    """
    # `__class__ is` costs less than isinstance(), and every assessment comes through here.
    return {
        name: int(value) if value.__class__ is float and value.is_integer() else value
        for name in names
        if (value := profile.get(name)) is not None
    }


def normalize_number(number: int | float) -> int | float:
    """Return a whole number as an int, so that equal numbers are written alike, as in RFC 8785."""
    return int(number) if number == int(number) else number


def input_of_quantity(quantity: WorksheetQuantity) -> Input:
    """Return a worksheet's quantity as an input, for code that describes inputs or reads answers to them."""
    return Input(
        name=quantity.name,
        type="number",
        label=quantity.label,
        help=quantity.help,
        unit=quantity.unit,
        minimum=quantity.minimum,
        maximum=quantity.maximum,
    )
