"""docs/agents.md: its configuration starts the server, and its calls get the answers that it shows."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, StdioServerParameters, stdio_client

from finetune_advisor.agents import transports
from finetune_advisor.agents.server import build_server
from finetune_advisor.trees.catalog import load_catalog
from tests.agents.test_transports import PROGRAM
from tests.docs import pages

PAGE = pages.read("docs/agents.md")
BLOCKS = [*pages.FENCED.findall(PAGE)]
CONFIGURATION = json.loads(pages.blocks(PAGE, "json")[0])["mcpServers"]["finetune-advisor"]


def calls() -> list[tuple[dict[str, Any], str]]:
    """Each call on the page, with the text that is shown below it."""
    return [
        (json.loads(call), shown)
        for (language, call), (below, shown) in pairwise(BLOCKS)
        if (language, below) == ("json", "text")
    ]


def answer_all() -> list[Any]:
    """The results of all calls, from a process as the configuration starts it."""
    assert CONFIGURATION["command"] == Path(PROGRAM).name
    parameters = StdioServerParameters(command=PROGRAM, args=CONFIGURATION["args"])

    async def ask() -> list[Any]:
        async with Client(stdio_client(parameters)) as client:
            return [await client.call_tool(**call) for call, _ in calls()]

    return anyio.run(ask)


@pytest.fixture(scope="module")
def results() -> list[Any]:
    return answer_all()


def test_each_call_gets_the_answer_that_is_shown(results: list[Any]) -> None:
    """From {} to a decision, its explanation, and a wrong call."""
    assert len(calls()) == len(results) == 7
    for (call, shown), result in zip(calls(), results, strict=True):
        assert pages.printed_as_shown(f"{result.content[0].text}\n", shown), call
    assert "decided" == results[4].structured_content["status"]
    assert [False] * 6 + [True] == [result.is_error for result in results]


def test_the_data_is_that_of_the_first_answer(results: list[Any]) -> None:
    """Cut where the page cuts it."""
    shown = json.loads(pages.blocks(PAGE, "json")[2])
    assert shown == pages.shortened(results[0].structured_content, shown)


def test_the_tools_and_limits_are_those_of_the_code() -> None:
    """The table names each tool, and the text the limits over HTTP."""
    server = build_server(load_catalog())

    async def names() -> list[str]:
        async with Client(server) as client:
            return [tool.name for tool in (await client.list_tools()).tools]

    table = pages.section(PAGE, "Tools")
    assert anyio.run(names) == [
        line.split("`")[1] for line in table.splitlines() if line.startswith("| `")
    ]
    assert f"at most {transports.MAX_REQUEST_BYTES // 1024} KiB" in PAGE
    assert f"{transports.MAX_CONCURRENT_REQUESTS} requests are answered at once" in PAGE


def test_the_page_says_that_keys_are_not_checked() -> None:
    """An operator who has keys for the service must not take them for a protection of this server."""
    assert "`finetune-advisor mcp` doesn't check [API keys](public.md#api-keys)" in " ".join(
        PAGE.split()
    )
