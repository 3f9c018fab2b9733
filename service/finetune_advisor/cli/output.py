"""Output of commands: text for people, bytes for machines."""

from __future__ import annotations

import io
import sys
from typing import Any

import click
import orjson


def tolerate_encodings() -> None:
    """Escape characters that the terminal's encoding lacks, which would make the command fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_utf8(text: str) -> None:
    """Print text for machines: the same UTF-8 bytes in every locale and on every platform."""
    click.echo(text.encode(), nl=False)


def print_json(value: Any) -> None:
    """Print a value as a line of JSON in UTF-8."""
    click.echo(orjson.dumps(value))


def print_note(note: str) -> None:
    """Print advice to standard error, away from results for machines. Prints nothing if `note` is empty."""
    if note:
        click.echo(note, err=True)
