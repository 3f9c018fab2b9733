"""docs/from-1.0.0-to-2.0.0.md: its figures, and its profile for both versions."""

from __future__ import annotations

import json
import re

import pytest
from flask.testing import FlaskClient

from tests.docs import pages

PAGE = pages.read("docs/from-1.0.0-to-2.0.0.md")


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
def test_one_profile_fits_both(client: FlaskClient, version: str) -> None:
    """Both versions answer as the page says, and ignore what only the other one knows."""
    [block] = pages.blocks(PAGE, "json")
    answer = client.post("/assess", json=json.loads(block) | {"tree_version": version}).get_json()

    assert "Both answer `use_rag`" in PAGE
    assert "use_rag" == answer["recommendation"]["id"]
    assert answer["ignored"]


@pytest.mark.parametrize(("column", "version"), [(0, "1.0.0"), (1, "2.0.0")])
def test_the_trees_have_the_sizes_shown(client: FlaskClient, column: int, version: str) -> None:
    """Questions, branches and recommendations are those of the trees served."""
    tree = client.get(f"/tree/versions/{version}").get_json()
    [sizes] = re.findall(r"^\| questions, branches \| (.*) \| (.*) \|$", PAGE, re.MULTILINE)
    [outcomes] = re.findall(r"^\| recommendations \| (.*) \| (.*) \|$", PAGE, re.MULTILINE)
    questions = tree["questions"].values()

    assert sizes[column] == f"{len(questions)}, {sum(len(one['branches']) for one in questions)}"
    assert outcomes[column] == str(len(tree["recommendations"]))


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
def test_each_recommendation_stands_in_its_family(client: FlaskClient, version: str) -> None:
    """The table of families names every recommendation of both versions once."""
    tree = client.get(f"/tree/versions/{version}").get_json()
    rows = re.findall(r"^\| `(\w+)` \| (.*) \| (.*) \|$", PAGE.partition("| family |")[2], re.MULTILINE)
    column = 1 if version == "1.0.0" else 2
    named = {name: row[0] for row in rows for name in re.findall(r"`(\w+)`", row[column])}

    assert {name: one["family"] for name, one in tree["recommendations"].items()} == {
        name: family for name, family in named.items() if name in tree["recommendations"]
    }
