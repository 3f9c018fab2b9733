"""Numbers as text."""

from __future__ import annotations

from decimal import Decimal


def format_decimal(number: int | float) -> str:
    """Format a number in digits, without an exponent."""
    # Not every notation has exponents. str() gives the shortest digits that identify a float.
    return f"{Decimal(str(number)):f}"


def group_digits(number: int | float | str) -> str:
    """Format a number, or the digits of one, for people, with commas: 10,000,000 for 10000000."""
    return f"{Decimal(str(number)):,f}"


def format_count(count: int, noun: str) -> str:
    """Format a count with its noun: 1 case, 2 cases."""
    return f"{count} {noun if count == 1 else f'{noun}s'}"
