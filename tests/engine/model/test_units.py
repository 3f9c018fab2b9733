"""Units: products of words, in one form."""

from __future__ import annotations

import pytest

from finetune_advisor.engine.model.units import MeasurementUnit


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1"),
        ("1", "1"),
        ("GB", "GB"),
        ("USD/month", "USD/month"),
        ("USD / months", "USD/month"),
        ("1/s", "1/s"),
        ("months*USD/month", "USD"),
        ("m^2/m", "m"),
        ("GPU*hours/GPU^3", "hour/GPU^2"),
        ("ms", "ms"),
        ("bus*bus", "bus^2"),
    ],
)
def test_a_unit_has_one_form(text: str, expected: str) -> None:
    """Words are sorted and cancel out; the plural is the singular, except of symbols."""
    assert expected == str(MeasurementUnit.parse(text))
    assert MeasurementUnit.parse(text) == MeasurementUnit.parse(expected)


@pytest.mark.parametrize(
    "text",
    ["billion parameters", "%", "a//b", "a/", "/a", "2a", "a^0", "a^10", "a-b", "ä", "a" * 65, "a\n"],
)
def test_what_is_no_unit_is_refused(text: str) -> None:
    """Whatever isn't words with * and / between them."""
    with pytest.raises(ValueError, match="is not a unit"):
        MeasurementUnit.parse(text)


def test_units_are_multiplied_and_divided() -> None:
    """Powers add up, and a word whose power is 0 is gone."""
    dollars, rate = MeasurementUnit.parse("USD"), MeasurementUnit.parse("USD/month")
    assert MeasurementUnit.parse("month") == dollars / rate
    assert dollars == rate * MeasurementUnit.parse("months")
    assert MeasurementUnit() == rate / rate
