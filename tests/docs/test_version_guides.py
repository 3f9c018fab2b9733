"""The guides from one tree version to the next: their figures, and a profile for both versions."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.docs import pages

VERSION_PAIRS = [("1.0.0", "2.0.0"), ("2.0.0", "3.0.0")]
guides = pytest.mark.parametrize("pair", VERSION_PAIRS, ids="-".join)


def read_guide(pair: tuple[str, str]) -> str:
    """The page about two versions."""
    older, newer = pair
    return pages.read(f"docs/from-{older}-to-{newer}.md")


def get_trees(client: FlaskClient, pair: tuple[str, str]) -> list[Mapping[str, Any]]:
    """The trees of both versions, as they are served."""
    return [client.get(f"/tree/versions/{version}").get_json() for version in pair]


@guides
def test_one_profile_fits_both(client: FlaskClient, pair: tuple[str, str]) -> None:
    """Both versions answer as the page says, and ignore what only the other one knows."""
    page = read_guide(pair)
    [block] = pages.blocks(page, "json")
    assert "Both answer `use_rag`" in page
    for version in pair:
        answer = client.post("/assess", json=json.loads(block) | {"tree_version": version}).get_json()
        assert "use_rag" == answer["recommendation"]["id"]
        assert answer["ignored"]


@guides
def test_the_trees_have_the_sizes_shown(client: FlaskClient, pair: tuple[str, str]) -> None:
    """Questions, branches and recommendations are those of the trees served."""
    page = read_guide(pair)
    [sizes] = re.findall(r"^\| questions, branches \| (.*) \| (.*) \|$", page, re.MULTILINE)
    [outcomes] = re.findall(r"^\| recommendations \| (.*) \| (.*) \|$", page, re.MULTILINE)
    for tree, size, outcome in zip(get_trees(client, pair), sizes, outcomes, strict=True):
        questions = tree["questions"].values()
        assert size == f"{len(questions)}, {sum(len(question['branches']) for question in questions)}"
        assert outcome == str(len(tree["recommendations"]))


def test_the_families_of_one_and_two_are_listed(client: FlaskClient) -> None:
    """The table of families names every recommendation of both versions once."""
    rows = list_family_rows(read_guide(VERSION_PAIRS[0]))
    for column, tree in enumerate(get_trees(client, VERSION_PAIRS[0]), 1):
        named = {name: row[0] for row in rows for name in re.findall(r"`(\w+)`", row[column])}
        families = {name: item["family"] for name, item in tree["recommendations"].items()}
        assert families == {name: named[name] for name in named if name in families}


def test_each_recommendation_of_two_keeps_its_family_in_three(client: FlaskClient) -> None:
    """What 2.0.0 recommends is in 3.0.0 of the same family, and the table names the additions once."""
    older, newer = (
        {name: item["family"] for name, item in tree["recommendations"].items()}
        for tree in get_trees(client, VERSION_PAIRS[1])
    )
    rows = list_family_rows(read_guide(VERSION_PAIRS[1]))
    named = {name: row[0] for row in rows for cell in row[1:] for name in re.findall(r"`(\w+)`", cell)}

    assert older == {name: newer[name] for name in older}
    assert newer == named


def list_family_rows(page: str) -> list[tuple[str, ...]]:
    """The rows of the table of families: a family, and the recommendations of it in two cells."""
    table = page.partition("| family |")[2].partition("\n\n")[0]
    return re.findall(r"^\| `(\w+)` \| (.*) \| (.*) \|$", table, re.MULTILINE)


def test_every_input_of_two_and_three_is_named(client: FlaskClient) -> None:
    """The page says of each input what becomes of it, or where it comes from."""
    named = set(re.findall(r"`(\w+)`", pages.section(read_guide(VERSION_PAIRS[1]), "Inputs")))
    inputs = {name for tree in get_trees(client, VERSION_PAIRS[1]) for name in tree["inputs"]}

    assert set() == inputs - named
