"""docs/from-2.0.0-to-3.0.0.md: its figures, and its profile for both versions."""

from __future__ import annotations

import json
import re

import pytest
from flask.testing import FlaskClient

from tests.docs import pages

PAGE = pages.read("docs/from-2.0.0-to-3.0.0.md")
VERSIONS = ("2.0.0", "3.0.0")


@pytest.mark.parametrize("version", VERSIONS)
def test_one_profile_fits_both(client: FlaskClient, version: str) -> None:
    """Both versions answer as the page says, and ignore what only the other one knows."""
    [block] = pages.blocks(PAGE, "json")
    answer = client.post("/assess", json=json.loads(block) | {"tree_version": version}).get_json()

    assert "Both answer `use_rag`" in PAGE
    assert "use_rag" == answer["recommendation"]["id"]
    assert answer["ignored"]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_trees_have_the_sizes_shown(client: FlaskClient, version: str) -> None:
    """Questions, branches and recommendations are those of the trees served."""
    tree = client.get(f"/tree/versions/{version}").get_json()
    [sizes] = re.findall(r"^\| questions, branches \| (.*) \| (.*) \|$", PAGE, re.MULTILINE)
    [outcomes] = re.findall(r"^\| recommendations \| (.*) \| (.*) \|$", PAGE, re.MULTILINE)
    questions = tree["questions"].values()
    column = VERSIONS.index(version)

    assert sizes[column] == f"{len(questions)}, {sum(len(one['branches']) for one in questions)}"
    assert outcomes[column] == str(len(tree["recommendations"]))


def test_each_recommendation_keeps_its_family(client: FlaskClient) -> None:
    """What 2.0.0 recommends is in 3.0.0 of the same family, and the table names the additions once."""
    families = [
        {name: one["family"] for name, one in tree["recommendations"].items()}
        for tree in (client.get(f"/tree/versions/{version}").get_json() for version in VERSIONS)
    ]
    table = PAGE.partition("| family |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \| (.*) \|$", table, re.MULTILINE)
    named = {name: row[0] for row in rows for cell in row[1:] for name in re.findall(r"`(\w+)`", cell)}

    assert families[0] == {name: families[1][name] for name in families[0]}
    assert families[1] == named


def test_every_input_of_both_versions_is_named(client: FlaskClient) -> None:
    """The page says of each input what becomes of it, or where it comes from."""
    trees = [client.get(f"/tree/versions/{version}").get_json() for version in VERSIONS]
    named = set(re.findall(r"`(\w+)`", pages.section(PAGE, "Inputs")))

    assert set() == {name for tree in trees for name in tree["inputs"]} - named
