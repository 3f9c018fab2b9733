"""Texts of trees, logs and files, made safe for comments, terminals and Markdown."""

from __future__ import annotations


def one_line(text: str) -> str:
    """Return a text in one line, without control characters."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(printable.split())
