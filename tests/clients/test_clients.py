"""Clients generated from the contract alone compile under the strictest settings, and work."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.clients import exchange
from tests.clients.languages import GUIDE, HERE, LANGUAGES, Language
from tests.conftest import ROOT, Server

CONTRACT = (ROOT / "openapi" / "openapi.yaml").read_text(encoding="utf-8")


@pytest.fixture(params=LANGUAGES, ids=lambda one: one.heading)
def language(request: pytest.FixtureRequest) -> type[Language]:
    """Each language in turn."""
    kind: type[Language] = request.param
    return kind


def test_a_round_trip(language: type[Language], server: Server, tmp_path: Path) -> None:
    """The generator warns of nothing in this contract; what the client reads is, to the last field, what
    the server sends; and every kind of error comes as a typed problem.
    """
    client = language(tmp_path, CONTRACT)
    assert warnings(client.generate()) == list(language.announced)
    driver = (HERE / "drivers" / language.driver).read_text(encoding="utf-8")

    seen = json.loads(client.execute(language.driver, driver, server.url))

    problems = {name: seen.pop(name) for name in exchange.REFUSALS}
    assert exchange.answers(server.url) == seen
    kinds = {name: one["type"].rpartition("/")[2] for name, one in problems.items()}
    assert exchange.REFUSALS == kinds


def test_the_guide_and_an_older_contract(
    language: type[Language], server: Server, tmp_path: Path
) -> None:
    """The guide's example prints what the guide says, even with a client that was generated before answers
    had all of today's fields.
    """
    client = language(tmp_path, older(CONTRACT))
    client.generate()

    printed = client.execute(language.example, client.shown(language.fence), server.url)

    [expected] = re.findall(r"^```text\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    assert expected == printed


def test_the_guide_installs_what_is_tested(language: type[Language]) -> None:
    """The versions in the guide are those of the lock files."""
    lock = "".join(one.read_text() for one in (HERE / "tools" / language.heading.lower()).iterdir())
    section = GUIDE.partition(f"\n## {language.heading}\n")[2].partition("\n## ")[0]
    for name, version in re.findall(r"([\w-]+)(?:==|@v?)(\d[\w.]*)", section):
        assert re.search(rf'{name}(==|": "|(/v\d+)? v){re.escape(version)}\b', lock), name


def warnings(said: str) -> list[str]:
    """What a generator warns of, as far as announced."""
    raised = [line for line in said.splitlines() if re.search(r"\bWARN|⚠|\bWarning\(", line)]
    known = [next((a for one in LANGUAGES for a in one.announced if a in line), line) for line in raised]
    return list(dict.fromkeys(known))


def older(contract: str) -> str:
    """A contract from before an assessment, its recommendation and a problem's error grew fields."""
    yaml = YAML(typ="safe")
    document: dict[str, Any] = yaml.load(contract)
    schemas = document["components"]["schemas"]
    for name, grown in (("Assessment", "path"), ("Recommendation", "summary"), ("Problem", "title")):
        del schemas[name]["properties"][grown]
        schemas[name]["required"].remove(grown)
    return json.dumps(document)
