"""The tools, and what a call of one comes to: an answer, or an error that a model can act on."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from finetune_advisor.agents.argument_reading import WrongArgumentsError, read_arguments
from finetune_advisor.agents.assess_tool import build_assess_tool
from finetune_advisor.agents.compare_trees_tool import build_compare_trees_tool
from finetune_advisor.agents.describe_input_tool import build_describe_input_tool
from finetune_advisor.agents.explain_tool import build_explain_tool
from finetune_advisor.agents.served_trees import ServedTrees
from finetune_advisor.agents.tool import Tool, ToolAnswer
from finetune_advisor.formats.assessment_text import join_blocks
from finetune_advisor.trees.catalog import Catalog

log = logging.getLogger(__name__)

INTERNAL_ERROR_TEXT = "{name} failed by a fault of this server, not of the call. Tell the person so."


class UnknownToolError(LookupError):
    """There is no tool of this name."""


@dataclass(frozen=True)
class ToolError:
    """A call that got no answer. The text says what to do."""

    text: str


class Tools:
    """The tools for the trees of a catalog. Threads can share them."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        trees = ServedTrees(catalog)
        builders = (
            build_assess_tool,
            build_explain_tool,
            build_compare_trees_tool,
            build_describe_input_tool,
        )
        self.by_name: Mapping[str, Tool] = {
            tool.name: tool for tool in (build(trees) for build in builders)
        }

    def call(self, name: str, arguments: Any) -> ToolAnswer | ToolError:
        """Call a tool with arguments of any shape. Raises UnknownToolError."""
        tool = self.find(name)
        try:
            loaded, understood = read_arguments(tool, self._catalog, arguments)
            answer = tool.answer(loaded)
        except WrongArgumentsError as error:
            return ToolError(str(error))
        except Exception as error:  # noqa: BLE001  # a call must get an answer
            # Without the message and the traceback, which may have answers of the profile.
            log.error("tool %s failed: %s", name, type(error).__name__)  # noqa: TRY400
            return ToolError(INTERNAL_ERROR_TEXT.format(name=name))
        return _add_understood(answer, understood) if understood else answer

    def find(self, name: str) -> Tool:
        """Return a tool by name. Raises UnknownToolError."""
        try:
            return self.by_name[name]
        except KeyError:
            nearest = get_close_matches(name, self.by_name, 1)
            hint = f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(self.by_name)}"
            raise UnknownToolError(f"there is no such tool; {hint}") from None


def _add_understood(answer: ToolAnswer, understood: tuple[str, ...]) -> ToolAnswer:
    """Say first what was read in another way than it was written."""
    text = join_blocks(f"Understood: {'; '.join(understood)}.", answer.text)
    return replace(answer, text=text, data={**answer.data, "understood": [*understood]})
