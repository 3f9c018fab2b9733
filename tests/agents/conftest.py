"""The tools for the bundled trees, and the MCP server that has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from finetune_advisor.agents.tool import ToolAnswer
from finetune_advisor.agents.tools import ToolError, Tools
from finetune_advisor.trees import catalog

Call = Callable[..., ToolAnswer]


@pytest.fixture(scope="session")
def tools() -> Tools:
    """The tools, with the bundled trees behind them."""
    return Tools(catalog.load_catalog())


@pytest.fixture(scope="session")
def call(tools: Tools) -> Call:
    """Calls a tool that answers, and checks the answer against the schema that agents are shown."""

    def call_tool(name: str, **arguments: Any) -> ToolAnswer:
        answer = tools.call(name, arguments)
        assert isinstance(answer, ToolAnswer), answer.text
        Draft202012Validator(tools.by_name[name].output_schema).validate(answer.data)
        return answer

    return call_tool


@pytest.fixture(scope="session")
def refusal(tools: Tools) -> Callable[[str, Any], list[str]]:
    """Calls a tool that refuses, and returns the faults that it names."""

    def call_wrongly(name: str, arguments: Any) -> list[str]:
        answer = tools.call(name, arguments)
        assert isinstance(answer, ToolError), answer.text
        first, *faults, last = answer.text.splitlines()
        assert f"{name} got wrong arguments, and answers nothing yet:" == first
        assert last.startswith(f"Correct this and call {name} again")
        return [fault.removeprefix("- ") for fault in faults]

    return call_wrongly
