"""docs/api.md, held to the API that it describes."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from flask.testing import FlaskClient

from tests.conftest import Server
from tests.docs import pages

PAGE = pages.read("docs/api.md")
EXAMPLES = pages.requests(PAGE)


def test_every_block_is_an_example_that_runs() -> None:
    """No request of the page lacks an answer, and no answer a request."""
    assert len(EXAMPLES) == len(pages.blocks(PAGE, "sh")) == len(pages.blocks(PAGE, "json"))


@pytest.mark.parametrize(("command", "shown"), EXAMPLES, ids=lambda given: str(given)[:60])
def test_each_request_gets_the_answer_shown(client: FlaskClient, command: str, shown: object) -> None:
    """The page's requests, sent as they stand, get the page's answers."""
    assert shown == pages.shortened(pages.send(client, command), shown)


def test_the_interview_asks_what_is_shown(server: Server) -> None:
    """The page's program, given the page's replies, asks the page's questions and prints the outcome."""
    [program] = pages.blocks(PAGE, "python")
    [shown] = pages.blocks(PAGE, "text")
    replies = re.findall(r"\(y/n\) (\w)\n", shown)
    done = subprocess.run(
        [sys.executable, "-c", program.replace(pages.SERVED_AT, server.url)],
        input="\n".join(replies),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert re.sub(r"(\(y/n\) )\w\n", r"\1", shown) == done.stdout
    assert len([line for line in program.splitlines() if line]) <= 10


def test_every_endpoint_stands_in_the_table(client: FlaskClient) -> None:
    """With its method: those of the contract, and those that are outside of it."""
    contract = client.get("/openapi.json").get_json()
    rows = re.findall(r"^\| (`/.*`) \| ([A-Z]+) \|", pages.section(PAGE, "Endpoints"), re.MULTILINE)
    named = {(path, method) for paths, method in rows for path in re.findall("`(.*?)`", paths)}
    outside = {(path, "GET") for path in ("/openapi.json", "/docs", "/healthz", "/readyz", "/metrics")}
    inside = {
        (path, method.upper())
        for path, item in contract["paths"].items()
        for method in item.keys() - {"parameters"}
    }

    assert named == inside | outside


def test_every_error_stands_in_the_table(client: FlaskClient) -> None:
    """With its status: those that the service explains."""
    rows = re.findall(r"^\| (\d{3}) \| `(.*?)` \|", pages.section(PAGE, "Errors"), re.MULTILINE)
    contract = client.get("/openapi.json").get_json()
    slugs = contract["components"]["schemas"]["ProblemSlug"]["enum"]
    statuses = {slug: client.get(f"/problems/{slug}").get_json()["status"] for slug in slugs}

    assert statuses == {slug: int(status) for status, slug in rows}


def test_the_fields_of_an_assessment_are_the_contracts(client: FlaskClient) -> None:
    """The page explains each field of an assessment but `tree`."""
    contract = client.get("/openapi.json").get_json()
    fields = contract["components"]["schemas"]["Assessment"]["properties"]
    table = pages.section(PAGE, "Assess a profile")

    assert fields.keys() - {"tree"} == set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
