"""Deprecated and retired versions, over a real socket and in the contract."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Server
from tests.contract.lifecycle_probes import PROBES
from tests.contract.probe import Probe, get
from tests.contract.test_probes import problem_type
from tests.contract.wire import Answer, send
from tests.editions import HEADERS, RETIREMENT, resolve_link

REFUSED = [probe for probe in PROBES if probe.name.startswith("retired")]


def every(probes: list[Probe]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("probe", probes, ids=[probe.name for probe in probes])


def answer_to(server: Server, probe: Probe) -> Answer:
    return send(server.host, server.port, probe.sent)


@every(PROBES)
def test_each_probe_gets_its_promised_answer(ending_server: Server, probe: Probe) -> None:
    """Status, media type and headers are exactly those that the clause asks for."""
    answer = answer_to(ending_server, probe)

    assert (probe.status, probe.media_type) == (answer.status, answer.media_type), answer.body
    told = answer.headers
    if "link" in told:
        told["link"] = resolve_link(told["link"], probe.path or probe.sent.split()[1].decode())
    assert probe.headers == {name: told.get(name) for name in probe.headers}
    assert [name for name in probe.absent if name in answer.headers] == []


@every(REFUSED)
def test_each_refusal_names_the_successor(ending_server: Server, probe: Probe) -> None:
    """A retired version is told by a problem of its type, whose detail says what to use instead."""
    body = answer_to(ending_server, probe).json()
    errors = body.get("errors", [])

    assert f"/problems/{probe.slug}" == problem_type(probe, body)
    assert RETIREMENT in (body["detail"], *(one["detail"] for one in errors))
    if probe.pointers is not None:
        assert list(probe.pointers) == [one["pointer"] for one in errors]
    if probe.parameters is not None:
        assert list(probe.parameters) == [one["parameter"] for one in errors]


def test_the_problem_type_resolves_to_an_explanation(ending_server: Server) -> None:
    """GET of the type, as it stands in the body, explains it."""
    refused = next(probe for probe in PROBES if probe.status == 410)
    problem = answer_to(ending_server, refused).json()

    explained = get("", "", problem_type(refused, problem), 200)
    explanation = answer_to(ending_server, explained).json()

    assert (410, problem["title"]) == (explanation["status"], explanation["title"])


FROM_A_TREE = {
    "/assess": "post",
    "/assess/batch": "post",
    "/assess/explain": "post",
    "/tree": "get",
    "/tree/versions/{version}": "get",
    "/tree/versions/{version}/changes": "get",
    "/tree/versions/{version}/diagram": "get",
    "/tree/versions/{version}/worksheets/{input}": "post",
}


def test_answers_from_a_tree_may_tell_of_its_end(contract: dict[str, Any]) -> None:
    """Exactly these operations document the headers, as optional ones, for 200 and 304 alike."""
    for path, item in contract["paths"].items():
        operation = item.get(FROM_A_TREE.get(path, "get"), {})
        for status in {"200", "304"} & operation.get("responses", {}).keys():
            documented = operation["responses"][status].get("headers", {})
            assert (HEADERS.keys() <= documented.keys()) == (path in FROM_A_TREE), (path, status)
            assert [name for name in documented if documented[name].get("required")] == []


def test_paths_of_a_version_may_be_gone(contract: dict[str, Any]) -> None:
    """410 is documented where a path names a version, and nowhere else; it links to the successor."""
    gone = [
        path
        for path, item in contract["paths"].items()
        if any("410" in item.get(method, {}).get("responses", {}) for method in ("get", "post"))
    ]

    assert gone == [path for path in contract["paths"] if "{version}" in path]
    assert list(contract["components"]["responses"]["RetiredVersion"]["headers"]) == ["Link"]
