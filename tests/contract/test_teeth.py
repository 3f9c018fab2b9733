"""The harness has teeth: whichever bug is seeded, the tools that should catch it do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import signature
from pathlib import Path

import pytest

from tests import editions
from tests.conftest import Server, start
from tests.contract import seeds
from tests.contract.framing_probes import LIMIT
from tests.contract.tools import Tool, drift, lifecycle, pins, probes, schemas, schemathesis

CAUGHT: dict[Callable[[], None], tuple[str, tuple[Tool, ...]]] = {
    seeds.undocumented_status: ("assess", (probes, schemas, schemathesis)),
    seeds.boolean_from_words: ("assess", (probes, schemathesis)),
    seeds.boolean_from_numbers: ("assess", (probes,)),
    seeds.integer_with_a_fraction: ("explain", (probes,)),
    seeds.range_not_enforced: ("explain", (probes, schemathesis)),
    seeds.range_widened: ("explain", (probes, drift)),
    seeds.unknown_field_accepted: ("assess", (probes, schemathesis)),
    seeds.unknown_parameter_accepted: ("getTree", (probes,)),
    seeds.repeated_parameter_accepted: ("getChanges", (probes,)),
    seeds.repeated_name_accepted: ("assess", (probes,)),
    seeds.nan_accepted: ("assess", (probes,)),
    seeds.utf16_accepted: ("assess", (probes,)),
    seeds.digits_crash: ("assess", (probes, schemas)),
    seeds.nesting_crashes: ("assess", (probes, schemas)),
    seeds.media_type_not_enforced: ("assess", (probes,)),
    seeds.content_coding_not_enforced: ("assess", (probes,)),
    seeds.accept_not_enforced: ("getTree", (probes,)),
    seeds.size_not_enforced: ("assess", (probes,)),
    seeds.chunks_silently_cut: ("assess", (probes,)),
    seeds.host_not_required: ("", (probes,)),
    seeds.slash_forgiven: ("", (probes,)),
    seeds.allow_lost: ("", (probes,)),
    seeds.etag_lost: ("getTree", (probes,)),
    seeds.etag_lost_on_304: ("getTree", (probes,)),
    seeds.etag_weakened: ("getTree", (probes,)),
    seeds.never_unchanged: ("getTree", (probes,)),
    seeds.match_ignored: ("getTree", (probes,)),
    seeds.caching_forgotten: ("getTree", (probes,)),
    seeds.answers_stored: ("assess", (probes,)),
    seeds.vary_lost: ("getDiagram", (probes,)),
    seeds.sniffing_allowed: ("getTree", (probes,)),
    seeds.policy_lost: ("", (probes,)),
    seeds.traceback_leaked: ("assess", (probes,)),
    seeds.problem_without_type: ("explainProblem", (probes, schemas, schemathesis)),
    seeds.problem_as_plain_json: ("explainProblem", (probes, schemas)),
    seeds.pointer_not_escaped: ("assess", (probes,)),
    seeds.field_missing: ("assess", (schemas, schemathesis)),
    seeds.field_of_another_type: ("assess", (schemas, schemathesis)),
    seeds.field_of_another_kind: ("assess", (schemas,)),
    seeds.null_on_the_wire: ("assess", (schemas, schemathesis)),
    seeds.crash_on_a_rare_value: ("assess", (schemathesis,)),
    seeds.bad_item_fails_the_batch: ("assessBatch", (probes,)),
    seeds.deprecation_as_a_date: ("getVersion", (lifecycle,)),
    seeds.successor_lost: ("getVersion", (lifecycle,)),
    seeds.request_schemas_open: ("", (drift, pins)),
    seeds.response_schemas_closed: ("", (drift, pins)),
    seeds.default_response: ("", (drift, pins)),
    seeds.operation_renamed: ("", (drift, pins)),
    seeds.slug_removed: ("", (drift, pins)),
    seeds.slug_renamed: ("assess", (drift, pins, probes)),
    seeds.status_not_documented: ("", (drift, pins)),
    seeds.validators_not_documented: ("", (drift, pins)),
    seeds.examples_lost: ("", (drift, pins)),
    seeds.field_may_be_null: ("", (drift, pins)),
}
"""Each bug, the operation that it shows at, and the tools that catch it there."""
TOOLS = (drift, pins, probes, schemas, lifecycle, schemathesis)
SERVE = [sys.executable, "-m", "tests.contract.mutated"]


@contextmanager
def seeded(tmp_path: Path, *names: str, ending: bool = False) -> Iterator[Server]:
    """A real server with bugs, and with versions that end if it is asked about those."""
    settings = {"MAX_BODY_BYTES": str(LIMIT)}
    if ending:
        editions.write_ending(tmp_path)
        settings["TREES_DIR"] = str(tmp_path)
    server = start(tmp_path / "log", [*SERVE, *names], **settings)
    try:
        yield server
    finally:
        server.stop()


@pytest.mark.parametrize("seed", CAUGHT, ids=lambda seed: seed.__name__)
def test_each_bug_is_caught_by_its_tools(tmp_path: Path, seed: Callable[[], None]) -> None:
    """No seeded bug survives: each tool that is named for it finds it."""
    operation, tools = CAUGHT[seed]

    with seeded(tmp_path, seed.__name__, ending=lifecycle in tools) as server:
        caught = [tool.__name__ for tool in tools if tool(server, operation)]

    assert [tool.__name__ for tool in tools] == caught


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.__name__)
def test_without_a_bug_no_tool_complains(tmp_path: Path, tool: Tool) -> None:
    """In the same harness, each tool passes the service as it is, wherever it is to catch a bug."""
    operations = sorted({operation for operation, tools in CAUGHT.values() if tool in tools})

    with seeded(tmp_path, ending=tool is lifecycle) as server:
        complaints = [operation for operation in operations if tool(server, operation)]

    assert operations
    assert complaints == []


def test_every_bug_is_seeded() -> None:
    """No bug is forgotten: each function of seeds that takes nothing has its row."""
    own = [one for one in vars(seeds).values() if getattr(one, "__module__", "") == seeds.__name__]

    assert {one for one in own if not signature(one).parameters} == CAUGHT.keys()
