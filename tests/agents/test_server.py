"""The MCP server, asked by the SDK's own client in the same process, in both eras of the protocol."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError
from mcp_types import INVALID_PARAMS, TextContent, TextResourceContents

from finetune_advisor import load_catalog, to_dict
from finetune_advisor.agents.interview_prompt import MAX_KNOWN_LENGTH
from finetune_advisor.agents.server import build_server
from finetune_advisor.formats.mermaid import render_mermaid

CATALOG = load_catalog()
MAX_LIST_BYTES = 12_000
ERAS = ("legacy", "auto")


Question = Callable[[Client], Awaitable[Any]]


def ask(question: Question, *, mode: str = "auto", default: str | None = None) -> Any:
    """Ask a server of the bundled trees."""

    async def connect() -> Any:
        async with Client(build_server(load_catalog(default=default)), mode=mode) as client:
            return await question(client)

    return anyio.run(connect)


def refusal(question: Question) -> MCPError:
    """The error of the protocol that a question gets."""

    async def refused(client: Client) -> MCPError:
        with pytest.raises(MCPError) as error:
            await question(client)
        return error.value

    error: MCPError = ask(refused)
    return error


@pytest.mark.parametrize("default", CATALOG.trees)
def test_the_list_of_tools_is_small(default: str) -> None:
    """It stands in every conversation, with the inputs of the default tree."""
    listed = ask(lambda client: client.list_tools(), default=default)
    sent = listed.model_dump(by_alias=True, mode="json", exclude_none=True)

    assert ["assess", "explain", "compare_trees", "describe_input"] == [
        tool.name for tool in listed.tools
    ]
    assert len(json.dumps(sent, separators=(",", ":")).encode()) < MAX_LIST_BYTES
    assert all(tool.annotations.read_only_hint for tool in listed.tools)
    assert {*CATALOG.pick(default).inputs} == {
        *listed.tools[0].input_schema["properties"]["profile"]["properties"]
    }


@pytest.mark.parametrize("mode", ERAS)
def test_a_call_is_answered_with_text_and_data(mode: str) -> None:
    """The client checks the data against the schema of the tool's output."""
    profile = {"prompt_engineering_sufficient": True}
    result = ask(lambda client: client.call_tool("assess", {"profile": profile}), mode=mode)

    assert not result.is_error
    assert "use_prompt_engineering" == result.structured_content["recommendation"]["id"]
    [content] = result.content
    assert isinstance(content, TextContent)
    assert content.text.startswith("Stay with prompt engineering")


def test_an_unknown_tool_is_an_error_of_the_protocol() -> None:
    """As the specification wants it, with the nearest name."""
    error = refusal(lambda client: client.call_tool("asess", {}))

    assert (INVALID_PARAMS, "there is no such tool; did you mean assess?") == (error.code, error.message)


def test_the_instructions_say_how_to_work() -> None:
    """A host may put them in front of its model."""

    async def instructions(client: Client) -> Any:
        return client.instructions

    assert "Never guess an answer" in ask(instructions, mode="legacy")


def test_the_prompt_leads_an_interview() -> None:
    """With the version and what is known, or the default version and nothing."""

    async def prompts(client: Client) -> Any:
        [prompt] = (await client.list_prompts()).prompts
        known = {"tree_version": "2.0.0", "known": "We have no budget."}
        return prompt, [
            (await client.get_prompt(prompt.name, arguments)).messages[0].content.text
            for arguments in (known, None)
        ]

    prompt, (given, plain) = ask(prompts)
    assert ["tree_version", "known"] == [argument.name for argument in prompt.arguments]
    assert "by tree 2.0.0" in given
    assert "What is known so far:\nWe have no budget." in given
    assert "by tree 1.0.0" in plain
    assert "Nothing is known so far." in plain


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("zzz", {}, "there is no such prompt; known is interview"),
        ("interview", {"tree_version": "9"}, "no such tree version is served; served are 1.0.0"),
        (
            "interview",
            {"known": "x" * (MAX_KNOWN_LENGTH + 1)},
            "known: more than 10,000 characters; say it in fewer",
        ),
    ],
)
def test_a_wrong_prompt_says_what_is_known(name: str, arguments: dict[str, str], message: str) -> None:
    """Prompts have no errors of their own, so these are errors of the protocol."""
    assert message in refusal(lambda client: client.get_prompt(name, arguments)).message


def test_trees_are_resources() -> None:
    """Each as the document that the API answers, and as a picture."""

    async def resources(client: Client) -> Any:
        listed = (await client.list_resources()).resources
        return {one.uri: (one, (await client.read_resource(one.uri)).contents[0]) for one in listed}

    read = ask(resources)
    for version, tree in CATALOG.trees.items():
        uri = f"finetune-advisor://trees/{version}"
        document, diagram = read.pop(uri)[1], read.pop(f"{uri}/diagram")[1]
        assert isinstance(document, TextResourceContents)
        assert json.loads(document.text) == json.loads(json.dumps(to_dict(tree)))
        assert "text/vnd.mermaid" == diagram.mime_type
        assert render_mermaid(tree) == diagram.text
    assert {} == read


@pytest.mark.parametrize(
    "uri",
    [
        "finetune-advisor://trees/9.9.9",
        "finetune-advisor://trees/../../../etc/passwd",
        "file:///etc/passwd",
    ],
)
def test_no_other_uri_leads_anywhere(uri: str) -> None:
    """A version is a name in a list, and never a path."""
    assert "there is no such name here" in refusal(lambda client: client.read_resource(uri)).message
