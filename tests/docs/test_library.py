"""The examples of the library's page."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import finetune_advisor
from tests.docs.pages import FENCED, read


def run_blocks(text: str) -> list[tuple[str, str]]:
    """What each Python block printed, with the text that the page shows below it, in the page's order."""
    namespace: dict[str, Any] = {}
    shown = []
    fenced = FENCED.findall(text)
    for (language, block), (below, expected) in zip(fenced, [*fenced[1:], ("", "")], strict=True):
        if language == "python":
            output = StringIO()
            with redirect_stdout(output):
                exec(compile(block, "library.md", "exec"), namespace)
            shown.append((output.getvalue(), expected if below == "text" else ""))
    return shown


def test_each_block_prints_what_stands_below_it() -> None:
    """The examples run in the page's order, and print what it shows."""
    shown = run_blocks(read("docs/library.md"))
    assert len(shown) >= 8
    assert [expected for _, expected in shown] == [printed for printed, _ in shown]


def test_the_page_names_every_public_name() -> None:
    """The page has each name that `import finetune_advisor` promises."""
    text = read("docs/library.md")
    missing = [
        name for name in finetune_advisor.__all__ if f"{name}" not in text and name != "__version__"
    ]
    assert [] == missing
