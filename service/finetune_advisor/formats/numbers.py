"""Numbers as text."""

from __future__ import annotations

from decimal import Decimal


def format_decimal(number: int | float) -> str:
    """A number in digits, without an exponent, which not every notation has."""
    return f"{Decimal(str(number)):f}"


def group_digits(number: int | float) -> str:
    """The same for people: 10,000,000 for 10000000."""
    return f"{Decimal(str(number)):,f}"


def format_count(count: int, noun: str) -> str:
    """So many of what a noun names."""
    return f"{count} {noun if count == 1 else f'{noun}s'}"
