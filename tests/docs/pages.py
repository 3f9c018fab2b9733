"""The pages for people, and how their examples are read."""

from __future__ import annotations

import json
import re
import shlex
from itertools import pairwise
from typing import Any

from flask.testing import FlaskClient

from tests.conftest import ROOT

PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md")
    for page in ROOT.glob(pattern)
    if page.name != "CHANGELOG.md"
)
CUT = "…"
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SERVED_AT = "http://127.0.0.1:8080"
PRINTED = ["|", "python3", "-m", "json.tool"]


def read(name: str) -> str:
    """A page's text."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """A page's code blocks in a language."""
    return [block for fence, block in FENCED.findall(text) if fence == language]


def section(text: str, heading: str) -> str:
    """What stands below a heading, up to the next one of the same level."""
    [level] = re.findall(rf"^(#+) {re.escape(heading)}$", text, re.MULTILINE)
    _, _, below = text.partition(f"{level} {heading}\n")
    return below.partition(f"\n{level} ")[0]


def requests(text: str) -> list[tuple[str, Any]]:
    """Each curl command with the JSON block that follows it: the command and the answer shown."""
    fenced = FENCED.findall(text)
    return [
        (command, json.loads(shown))
        for (shell, command), (language, shown) in pairwise(fenced)
        if shell == "sh" and command.startswith("curl ") and language == "json"
    ]


def send(client: FlaskClient, command: str) -> Any:
    """What the service answers to a curl command, as JSON."""
    words = shlex.split(command)
    assert words[-4:] == PRINTED
    [url] = [word for word in words if word.startswith(SERVED_AT)]
    target = url.removeprefix(SERVED_AT)
    if "-d" not in words:
        return client.get(target).get_json()
    assert words[words.index("-H") + 1] == "Content-Type: application/json"
    return client.post(target, json=json.loads(words[words.index("-d") + 1])).get_json()


def printed_as_shown(printed: str, shown: str) -> bool:
    """Whether a command printed what a page shows, which may be cut within lines and at its end."""
    *lines, last = [re.escape(line).replace(CUT, ".*") for line in shown.splitlines()]
    end = "(?s:.*)" if last == ".*" else f"{last}\n"
    return bool(re.fullmatch("".join(f"{line}\n" for line in lines) + end, printed))


def shortened(value: Any, shown: Any) -> Any:
    """A value, cut in the places where a page cuts what it shows."""
    if isinstance(shown, str) and isinstance(value, str) and shown.endswith(CUT):
        return shown if value.startswith(shown.removesuffix(CUT)) else value
    if isinstance(shown, dict) and isinstance(value, dict):
        cut = {CUT: CUT} if CUT in shown else {}
        kept = {key: item for key, item in value.items() if key in shown or not cut}
        return {key: shortened(item, shown.get(key)) for key, item in kept.items()} | cut
    if isinstance(shown, list) and isinstance(value, list):
        cut = shown[-1:] == [CUT]
        kept = value[: len(shown) - 1] if cut else value
        others = shown[: len(kept)]
        if len(others) < len(kept):
            return value
        pairs = zip(kept, others, strict=True)
        return [*(shortened(item, other) for item, other in pairs), *([CUT] if cut else [])]
    return value
