"""Versions of the small tree in every state of their lifecycle, as documents."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urljoin

SMALL = (Path(__file__).parent / "trees" / "small.yaml").read_text(encoding="utf-8")
RETIRED, DEPRECATED, SUCCESSOR = "7.0.0", "7.1.0", "8.0.0"
ENDING = {"deprecated": "2026-12-01", "sunset": "2027-06-01", "successor": SUCCESSOR}
SUCCESSOR_LINK = f'</tree/versions/{SUCCESSOR}>; rel="successor-version"'
HEADERS = {
    "Deprecation": "@1796083200",
    "Sunset": "Tue, 01 Jun 2027 00:00:00 GMT",
    "Link": SUCCESSOR_LINK,
}
"""What a deprecated version with this ending answers with."""
RETIREMENT = f"tree {RETIRED} is retired; its successor is {SUCCESSOR}"


def resolve_link(link: str, path: str) -> str:
    """A Link header whose target is relative to a request's path, with that target in full."""
    return re.sub("(?<=<).*?(?=>)", lambda target: urljoin(path, target[0]), link)


def edition(version: str, status: str = "candidate", **ending: str) -> str:
    """The small tree as another version, with these lifecycle fields in the lines after its status."""
    lines = [f"version: {version}", f"status: {status}", *(f"{k}: {v}" for k, v in ending.items())]
    text, found = re.subn(r"\Aversion: .*\nstatus: .*$", "\n".join(lines), SMALL, flags=re.MULTILINE)
    assert found
    return text


def write(directory: Path, version: str, status: str = "candidate", **ending: str) -> Path:
    """Write an edition into a directory, under its version."""
    path = directory / f"{version}.yaml"
    path.write_text(edition(version, status, **ending), encoding="utf-8")
    return path


def write_ending(directory: Path) -> None:
    """Write a retired version, a deprecated one, and the successor of both."""
    write(directory, RETIRED, "retired", **ENDING)
    write(directory, DEPRECATED, "deprecated", **ENDING)
    write(directory, SUCCESSOR)
