"""docs/glossary.md, and the pages that use its words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs import pages

GLOSSARY = pages.ROOT / "docs" / "glossary.md"
UNEXPLAINED = {GLOSSARY, pages.ROOT / "docs" / "architecture.md"}
"""Pages that need no links: the glossary itself, and the one for those who know the code."""
TERMS = {
    "counterfactual": r"counterfactuals?",
    "decision-table": r"decision tables?",
    "digest": r"(?<!image )digests?",
    "distillation": r"distillation",
    "dmn": r"DMN",
    "dpo": r"DPO",
    "family": r"famil(?:y|ies)",
    "jdm": r"JDM",
    "lora": r"Q?LoRA",
    "path": r"(?<!URL )(?<!file )paths?",
    "profile": r"profiles?",
    "rag": r"RAG",
    "receipt": r"receipts?",
    "rego": r"Rego",
    "reversal": r"reversals?",
    "rft": r"RFT",
    "sft": r"SFT",
    "situation": r"situations?",
    "sufficient-reason": r"sufficient reasons?",
    "witness": r"witness(?:es)?",
}
"""How a page uses each word, by the word's heading in the glossary. A URL path is something else."""
CODE = re.compile(r"`[^`\n]*`|^#.*$|^\| *-.*$", re.MULTILINE)
LINK = re.compile(r"\[([^\[\]]*)\]\(([^)]*)\)")


def prose(page: Path) -> str:
    """A page without its code and headings, with paragraphs in a line each."""
    return re.sub(r"[ \n]+", " ", CODE.sub(" … ", pages.FENCED.sub("", page.read_text("utf-8"))))


def is_explained(text: str, at: int, heading: str) -> bool:
    """Whether a use is a link to the word's entry, or stands in emphasis, where a page explains it."""
    for link in LINK.finditer(text):
        if link.start(1) <= at < link.end(1):
            return link[2].endswith(f"glossary.md#{heading}")
    return text[:at].count("**") % 2 == 1


def test_every_word_has_an_entry() -> None:
    """Each word that pages link to has a heading, and a sentence below it."""
    entries = dict(re.findall(r"^### (.*)\n\n(.+)$", GLOSSARY.read_text("utf-8"), re.MULTILINE))
    headings = {name.lower().replace(" ", "-") for name in entries}

    assert TERMS.keys() - headings == set()
    assert [name for name, text in entries.items() if len(text.split()) < 4] == []


@pytest.mark.parametrize(
    "page",
    [page for page in pages.PAGES if page not in UNEXPLAINED],
    ids=lambda page: str(page.relative_to(pages.ROOT)),
)
def test_a_word_is_explained_where_a_page_first_uses_it(page: Path) -> None:
    """The first use of each word in a page links to the glossary, or is the page's own explanation."""
    text = prose(page)
    # Where a link leads isn't prose: its letters are replaced, so that places stay.
    words = LINK.sub(lambda link: f"[{link[1]}]({'·' * len(link[2])})", text)
    first = {heading: re.search(rf"\b{form}\b(?!\.md)", words) for heading, form in TERMS.items()}
    missing = {
        heading: text[max(0, use.start() - 40) : use.end() + 20]
        for heading, use in first.items()
        if use and not is_explained(text, use.start(), heading)
    }

    assert missing == {}
