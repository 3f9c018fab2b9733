"""Values and commands as docs/deploy.md shows them, for a release in a namespace of its own."""

from __future__ import annotations

import re
import shlex
from typing import Any

import yaml

from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
NAMESPACE = "advice"
"""The namespace of the guide's commands."""


def values_after(sentence: str, number: int = 1) -> dict[str, Any]:
    """The values of an example after a sentence, counted from 1. Raises AssertionError without either."""
    place = re.search(r"\s+".join(re.escape(word) for word in sentence.split()), PAGE)
    assert place, f"the guide doesn't say {sentence!r}"
    examples = EXAMPLE.findall(PAGE, place.end())
    assert len(examples) >= number, f"no example {number} comes after {sentence!r}"
    values: dict[str, Any] = yaml.safe_load(examples[number - 1])
    return values


def inline_command(beginning: str, namespace: str) -> list[str]:
    """The words of a command in the guide's text, for another namespace. Raises ValueError if it has none."""
    [command] = re.findall(rf"`({re.escape(beginning)} [^`]*)`", PAGE)
    return [namespace if word == NAMESPACE else word for word in shlex.split(command)]
