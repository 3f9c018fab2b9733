"""README.md, held to what it describes."""

from __future__ import annotations

import re

from click.testing import CliRunner
from flask.testing import FlaskClient

from finetune_advisor.cli import main
from tests.docs import pages

README = pages.read("README.md")


def test_the_request_gets_the_answer_shown(client: FlaskClient) -> None:
    """The README's request, posted as it stands, gets the README's answer."""
    [(command, shown)] = pages.requests(README)
    answer = pages.send(client, command)

    assert shown == pages.shortened(answer, shown)


def test_the_picture_is_the_exported_tree() -> None:
    """The README's first picture is what `tree export` draws of tree 1.0.0; the other one is a screenshot."""
    picture, screenshot = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README)
    drawn = CliRunner().invoke(main, ["tree", "export", "--format", "svg", "1.0.0"])

    assert (picture, screenshot) == ("docs/images/tree-1.0.0.svg", "docs/images/interview.png")
    assert drawn.stdout == pages.read(picture)


def test_it_is_short() -> None:
    """Somebody with two minutes reads it to its end: 600 words beside its examples."""
    assert len(pages.FENCED.sub("", README).split()) <= 600


def test_every_page_is_within_reach() -> None:
    """The README links to each page of docs/ but one about a single decision."""
    linked = set(re.findall(r"\]\((docs/[^)#]+\.md)", README))

    assert linked == {str(page.relative_to(pages.ROOT)) for page in pages.ROOT.glob("docs/*.md")}
