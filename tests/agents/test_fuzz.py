"""Random calls: from the schemas that agents are shown, and mutated. None gets an error of the protocol."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from mcp import Client

from finetune_advisor import load_catalog
from finetune_advisor.agents.server import build_server
from finetune_advisor.agents.tools import Tools
from tests.conftest import IN_CI

CATALOG = load_catalog()
TOOLS = Tools(CATALOG).by_name
VALIDATORS = {name: Draft202012Validator(tool.output_schema) for name, tool in TOOLS.items()}
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**24)
    | st.floats()
    | st.sampled_from(
        ["", "yes", "No", "true", "12%", "unknown", "v2.0.0", "1,000", "null", "🙂", "/etc/passwd"]
    )
    | st.text(st.characters(codec="utf-8"), max_size=40)
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)


def _answers() -> st.SearchStrategy[dict[str, Any]]:
    """Profiles: of each input, a valid answer, a text of one, or anything."""
    valid = {
        name: st.just(input_.value(input_.axis.least)) | st.just(input_.value(input_.axis.greatest))
        for name, input_ in CATALOG.inputs.items()
    }
    texts = {name: answers.map(str) for name, answers in valid.items()}
    return st.lists(st.sampled_from([*valid]), max_size=12, unique=True).flatmap(
        lambda names: st.fixed_dictionaries(
            {name: valid[name] | texts[name] | SCALARS for name in names}
        )
    )


NAMES = st.lists(st.sampled_from([*CATALOG.inputs]) | SCALARS, max_size=3)
VERSIONS = st.sampled_from([*CATALOG.trees]) | SCALARS
ARGUMENTS: dict[str, st.SearchStrategy[Any]] = {
    "profile": _answers()
    | _answers().map(json.dumps)
    | _answers().map(lambda p: {"profile": p})
    | ANYTHING,
    "skipped": NAMES | ANYTHING,
    "frozen": NAMES | ANYTHING,
    "target": st.sampled_from([*CATALOG.default.recommendations]) | SCALARS,
    "limit": st.integers(-1, 25) | SCALARS,
    "tree_version": VERSIONS,
    "older": VERSIONS,
    "newer": VERSIONS,
    "input": st.sampled_from([*CATALOG.inputs]) | SCALARS,
}
EXTRA = st.dictionaries(st.sampled_from([*CATALOG.inputs]) | st.text(max_size=9), ANYTHING, max_size=2)


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, Any]:
    """A tool, and arguments that are its own, others, or no object at all."""
    name = draw(st.sampled_from([*TOOLS]))
    if draw(st.integers(0, 19)) == 0:
        return name, draw(ANYTHING.filter(lambda value: isinstance(value, dict)))
    own = TOOLS[name].input_schema["properties"]
    given_ = draw(st.fixed_dictionaries({}, optional={key: ARGUMENTS[key] for key in own}))
    extra = draw(EXTRA) if draw(st.integers(0, 9)) == 0 else {}
    return name, {**extra, **given_}


@pytest.mark.exhaustive
@pytest.mark.parametrize(("mode", "calls_made"), [("legacy", 500), ("auto", 2500)])
def test_random_calls_get_answers_or_help(
    mode: str, calls_made: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Random calls in each era get no error of the protocol, and answers have the promised shape."""
    seen = {"answers": 0, "errors": 0}

    @settings(
        max_examples=calls_made, deadline=None, suppress_health_check=[*HealthCheck], derandomize=IN_CI
    )
    @given(call=calls())
    def check(portal: BlockingPortal, client: Client, call: tuple[str, Any]) -> None:
        name, arguments = call
        result = portal.call(client.call_tool, name, arguments)
        [content] = result.content
        if result.is_error:
            seen["errors"] += 1
            assert content.text.startswith(f"{name} got wrong arguments, and answers nothing yet:\n- ")
            assert "Traceback" not in content.text
        else:
            seen["answers"] += 1
            VALIDATORS[name].validate(result.structured_content)

    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Client(build_server(CATALOG), mode=mode)) as client,
        caplog.at_level(logging.WARNING),
    ):
        check(portal, client)
    assert [] == [record.getMessage() for record in caplog.records if record.name.startswith("finetune")]
    assert min(seen.values()) > calls_made / 10
