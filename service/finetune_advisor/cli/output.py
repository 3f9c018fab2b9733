"""What commands print: text for people, and bytes for machines."""

from __future__ import annotations

import io
import sys
from typing import Any

import click
import orjson


def tolerate_encodings() -> None:
    """Let text for people lose characters, not the command, where the terminal's encoding lacks them."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_utf8(text: str) -> None:
    """Print a text that a machine reads: the same bytes, in UTF-8, in every locale and on every platform."""
    click.echo(text.encode(), nl=False)


def print_json(value: Any) -> None:
    """Print a value as a line of JSON, in UTF-8."""
    click.echo(orjson.dumps(value))


def print_note(note: str) -> None:
    """Print advice apart from results that a machine reads; nothing if there is none."""
    if note:
        click.echo(note, err=True)
