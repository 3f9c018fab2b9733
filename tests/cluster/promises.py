"""Which sentences of the guides the tests on a cluster hold, by the words that their docstrings quote."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

PAGE_OR_QUOTE = re.compile(r'"([^"]+)"|\b([a-z-]+\.md|values\.yaml|NOTES\.txt)\b')
CHART = ROOT / "helm" / "finetune-advisor"
OF_THE_CHART = {"values.yaml": CHART / "values.yaml", "NOTES.txt": CHART / "templates" / "NOTES.txt"}
GAP = re.compile(r"\s*…\s*")
LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
SENTENCE_END = re.compile(r"(?<=[.:])\s+(?=[A-Z`*\"])")


@dataclass(frozen=True)
class Promise:
    """A test, a page that it names or "", and the words of it that it quotes."""

    test: str
    page: str
    words: tuple[str, ...]


def read_promises() -> Iterator[Promise]:
    """The promises of all tests on a cluster: one of a test for each page that it quotes."""
    for path in sorted(Path(__file__).parent.rglob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                quoted = _quotes_by_page(_in_one_line(ast.get_docstring(node) or ""))
                for page, words in quoted.items():
                    yield Promise(f"{path.stem}::{node.name}", page, tuple(words))


def _quotes_by_page(docstring: str) -> dict[str, list[str]]:
    """The words that a docstring quotes of each page. A quote is of the page that is named before it."""
    page, quoted = "", dict[str, list[str]]()
    for quote, name in PAGE_OR_QUOTE.findall(docstring):
        page = name or page
        quoted.setdefault(page, []).extend(part for part in GAP.split(quote) if part)
    return quoted or {"": []}


def read_page(name: str) -> str:
    """A page of docs/ or a file of the chart in one line, without targets of links, with single quotes."""
    text = OF_THE_CHART.get(name, ROOT / "docs" / name).read_text(encoding="utf-8")
    return _in_one_line(LINK.sub(r"\1", text)).replace('"', "'")


def sentences(name: str) -> list[str]:
    """The sentences of a page, without its examples of code."""
    text = FENCE.sub("", (ROOT / "docs" / name).read_text(encoding="utf-8"))
    prose = LINK.sub(
        r"\1", "\n".join(line for line in text.splitlines() if not line.startswith(("#", "|")))
    )
    paragraphs = re.split(r"\n\n+|\n(?=- |\d\. )", prose)
    texts = [_in_one_line(text).replace('"', "'") for text in paragraphs]
    return [one for text in texts for one in SENTENCE_END.split(text) if one]


def unheld_sentences(name: str) -> list[str]:
    """The sentences of a page of which no test quotes a word."""
    held = [words for promise in read_promises() if promise.page == name for words in promise.words]
    return [one for one in sentences(name) if not any(_are_of(words, one) for words in held)]


def _are_of(words: str, sentence: str) -> bool:
    """Whether enough words are those of a sentence, or all of the sentence is among them."""
    return (words in sentence and words.count(" ") >= 2) or sentence.strip("-.: ") in words


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    print("\n".join(unheld_sentences("deploy.md")))
