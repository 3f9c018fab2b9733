"""The contract itself: committed as generated, valid, pinned, strict, and true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from openapi_spec_validator import OpenAPIV31SpecValidator
from ruamel.yaml import YAML

from finetune_advisor.settings import Settings
from tests.conftest import ROOT, Server

COMMITTED = ROOT / "openapi" / "openapi.yaml"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
OPERATIONS = {
    "assess": ("post", "/assess"),
    "assessBatch": ("post", "/assess/batch"),
    "explain": ("post", "/assess/explain"),
    "getTree": ("get", "/tree"),
    "listVersions": ("get", "/tree/versions"),
    "getVersion": ("get", "/tree/versions/{version}"),
    "getChanges": ("get", "/tree/versions/{version}/changes"),
    "getDiagram": ("get", "/tree/versions/{version}/diagram"),
    "workOutInput": ("post", "/tree/versions/{version}/worksheets/{input}"),
    "explainProblem": ("get", "/problems/{slug}"),
}
SLUGS = [
    "malformed-request",
    "unauthorized",
    "not-found",
    "unknown-version",
    "unknown-worksheet",
    "method-not-allowed",
    "not-acceptable",
    "retired-version",
    "precondition-failed",
    "body-too-large",
    "uri-too-long",
    "unsupported-media-type",
    "invalid-request",
    "internal-error",
]
UNIONS = ("anyOf", "oneOf", "nullable")


def operations(contract: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in contract["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def parameters(contract: dict[str, Any], path: str) -> list[dict[str, Any]]:
    item = contract["paths"][path]
    own = [one for method in METHODS for one in item.get(method, {}).get("parameters", [])]
    return [*item.get("parameters", []), *own]


def everything(part: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every value in a contract, with its place."""
    yield place, part
    entries = (
        part.items() if isinstance(part, dict) else enumerate(part if isinstance(part, list) else [])
    )
    for key, inner in entries:
        yield from everything(inner, f"{place}/{key}")


def objects_within(contract: dict[str, Any], roots: list[Any]) -> dict[str, dict[str, Any]]:
    """The object schemas that some schemas reach, by reference or nested."""
    found: dict[str, dict[str, Any]] = {}
    waiting = [(f"root {number}", root) for number, root in enumerate(roots)]
    seen = set()
    while waiting:
        name, part = waiting.pop()
        for place, value in everything(part, name):
            if not isinstance(value, dict):
                continue
            if "properties" in value:
                found[place] = value
            reference = value.get("$ref", "")
            if reference.startswith("#/components/") and reference not in seen:
                seen.add(reference)
                _, _, section, key = reference.split("/")
                waiting.append((key, contract["components"][section][key]))
    return found


@pytest.mark.parametrize("seed", ["0", "1", "2"])
def test_the_committed_contract_is_the_generated_one(seed: str) -> None:
    """`finetune-advisor openapi` prints the committed file, byte for byte, however hashes fall."""
    command = [sys.executable, "-m", "finetune_advisor.cli", "openapi"]
    environment = {**os.environ, "PYTHONHASHSEED": seed}

    printed = subprocess.run(
        command, env=environment, capture_output=True, timeout=60, check=True
    ).stdout

    assert COMMITTED.read_bytes().decode() == printed.decode()


def test_the_contract_served_is_the_committed_one(server: Server, contract: dict[str, Any]) -> None:
    """GET /openapi.json answers what is committed, with a server that is relative to where it is."""
    answer = requests.get(f"{server.url}/openapi.json", timeout=10)
    [committed_server] = contract["servers"]

    assert answer.headers["Content-Type"] == "application/json"
    assert "/" == committed_server["url"]
    assert {**contract, "servers": [{**committed_server, "url": "."}]} == answer.json()


def test_the_contract_reads_alike_for_every_yaml_parser(contract: dict[str, Any]) -> None:
    """YAML 1.1, which many tools still speak, reads the same: no bare `no` that turns into false."""
    older = YAML(typ="safe", pure=True)
    older.version = (1, 1)

    assert contract == older.load(COMMITTED)


def test_an_enum_stands_in_one_place(contract: dict[str, Any]) -> None:
    """What refers to a component of choices doesn't list them once more beside the reference."""
    twice = [
        place
        for place, one in everything(contract)
        if isinstance(one, dict) and {"$ref", "enum"} <= one.keys()
    ]

    assert twice == []


def test_the_contract_is_valid(contract: dict[str, Any]) -> None:
    """It is OpenAPI 3.1 to the letter."""
    assert contract["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(contract).validate()


def test_operations_are_pinned(contract: dict[str, Any]) -> None:
    """Generated clients call methods by operationId: neither these nor their paths change."""
    found = {one["operationId"]: (method, path) for path, method, one in operations(contract)}

    assert found == OPERATIONS


def test_problem_types_are_pinned(contract: dict[str, Any]) -> None:
    """Callers tell errors apart by type: slugs don't change."""
    (slug,) = parameters(contract, "/problems/{slug}")

    assert slug["schema"]["$ref"] == "#/components/schemas/ProblemSlug"
    assert contract["components"]["schemas"]["ProblemSlug"]["enum"] == SLUGS


def test_every_operation_says_what_it_is_for(contract: dict[str, Any]) -> None:
    """Each has a summary, a description, one tag that is declared, and no catch-all response."""
    tags = [tag["name"] for tag in contract["tags"]]
    for _, _, one in operations(contract):
        assert one["operationId"]
        assert one["summary"]
        assert len(one["description"]) > len(one["summary"])
        assert [tag in tags for tag in one["tags"]] == [True]
        assert "default" not in one["responses"]


def test_the_limits_in_words_hold(server: Server, contract: dict[str, Any]) -> None:
    """The description's numbers are those of a server with its defaults."""
    text = " ".join(contract["info"]["description"].split())
    assert f"up to {Settings().max_body_bytes >> 20} MiB" in text
    [levels] = re.findall(r"nested more than about (\d+) levels deep", text)
    around, arrays = '{"profiles":[%s]}', int(levels) - 2
    statuses = []
    for depth in (arrays, 2 * arrays):
        body = around % ("[" * depth + "]" * depth)
        headers = {"Content-Type": "application/json"}
        answer = requests.post(f"{server.url}/assess/batch", data=body, headers=headers, timeout=10)
        statuses.append(answer.status_code)

    assert statuses == [200, 400]


def test_every_error_is_a_problem(contract: dict[str, Any]) -> None:
    """4xx responses are application/problem+json with the one schema, and nothing else."""
    for name, one in contract["components"]["responses"].items():
        media = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        assert media == one["content"], name
    for path, _, operation in operations(contract):
        for status, one in operation["responses"].items():
            assert status.startswith("4") == one.get("$ref", "").startswith("#/components/responses/"), (
                path
            )


def test_request_schemas_are_closed(contract: dict[str, Any]) -> None:
    """Every object in a request, nested ones too, refuses what it doesn't know."""
    requests_ = [one["requestBody"] for _, _, one in operations(contract) if "requestBody" in one]
    closed = objects_within(contract, requests_)

    assert {"AssessRequest", "ExplainRequest", "Profile"} <= closed.keys()
    assert [name for name, one in closed.items() if one.get("additionalProperties") is not False] == []


def test_response_schemas_are_open(contract: dict[str, Any]) -> None:
    """Every object in a response may grow, so a client must not refuse new fields."""
    responses = [one["responses"] for _, _, one in operations(contract)]
    opened = objects_within(contract, responses)

    named = {"Assessment", "Tree", "Problem", "NextQuestion", "Explanation", "Changes", "Move"}
    assert named <= opened.keys()
    assert [name for name, one in opened.items() if "additionalProperties" in one] == []


def test_every_component_is_used(contract: dict[str, Any]) -> None:
    """Nothing is described that no operation refers to."""
    used = {value for place, value in everything(contract) if place.endswith("/$ref")}
    components = {
        f"#/components/{section}/{name}"
        for section, ones in contract["components"].items()
        for name in ones
    }

    assert components == used


def test_only_an_answer_may_have_several_types(contract: dict[str, Any]) -> None:
    """No lists of types, unions or nulls, which keeps generated clients clean. An answer is the exception,
    as a union of three types that don't overlap: generators for Go and Rust make nothing of a list of types.
    """
    unions = {}
    for place, value in everything(contract):
        assert value is not None, place
        assert not (place.endswith("/type") and isinstance(value, list)), place
        if place.rpartition("/")[2] in UNIONS:
            unions[place] = [one["type"] for one in value]

    assert unions == {"/components/schemas/Answer/oneOf": ["boolean", "string", "number"]}


def test_numbers_say_how_wide_they_are(contract: dict[str, Any]) -> None:
    """Languages with several types of numbers get one that holds every value."""
    schemas = [one for _, one in everything(contract) if isinstance(one, dict)]
    numbers = [one for one in schemas if one.get("type") == "number"]
    wide = [one for one in schemas if one.get("type") == "integer" and one.get("maximum", 0) > 2**31 - 1]
    integers = [one for one in schemas if one.get("type") == "integer"]

    assert [one for one in numbers if one.get("format") != "double"] == []
    assert [one for one in integers if one.get("format") not in {"int32", "int64"}] == []
    assert [one for one in wide if one.get("format") != "int64"] == []
    assert len(wide) == 4  # kb_tokens and corpus_tokens, in the profile and in a diagram's query
    for counting in ("Move", "Changes"):
        assert contract["components"]["schemas"][counting]["properties"]["profiles"]["format"] == "int64"


def shown(parameter: dict[str, Any]) -> Any:
    """A parameter's example, its own or its schema's."""
    return parameter.get("example", parameter["schema"].get("example"))


def test_every_request_body_and_needed_parameter_has_an_example(contract: dict[str, Any]) -> None:
    """Without examples, neither people nor schemathesis have anything to start from.

    Only an input that has a worksheet has none: no schema says which quantities go with it.
    """
    for path, _, one in operations(contract):
        bodies = one.get("requestBody", {}).get("content", {})
        assert [media for media, body in bodies.items() if not body.get("examples")] == []
        needed = [each for each in parameters(contract, path) if each.get("required")]
        assert [each["name"] for each in needed if shown(each) is None] == (
            ["input"] if one["operationId"] == "workOutInput" else []
        )
        assert path.count("{") == len([each for each in needed if each["in"] == "path"])


def place_of_worksheet(contract: dict[str, Any]) -> dict[str, str]:
    """The path's values in the example of a worksheet, if a tree that is served has one."""
    example = contract["components"]["examples"].get("worksheet", {"value": {}})["value"]
    return {"version": example["tree"]["version"], "input": example["input"]} if example else {}


def format_path(path: str, contract: dict[str, Any]) -> str:
    """A path that is sent to, with the worksheet of the example where it has a place for one."""
    return path.format_map({"version": "", "input": "", **place_of_worksheet(contract)})


def test_every_example_is_accepted(server: Server, contract: dict[str, Any]) -> None:
    """What the contract shows, the server takes."""
    for path, method, one in operations(contract):
        needed = [each for each in parameters(contract, path) if each.get("required")]
        values = {each["name"]: shown(each) for each in needed} | (
            place_of_worksheet(contract) if one["operationId"] == "workOutInput" else {}
        )
        query = {each["name"]: shown(each) for each in needed if each["in"] == "query"}
        url = server.url + path.format_map(values)
        bodies = one.get("requestBody", {}).get("content", {}).get("application/json", {})
        for example in bodies.get("examples", {"none": {}}).values():
            answer = requests.request(method, url, params=query, json=example.get("value"), timeout=10)
            without = one["operationId"] == "workOutInput" and not place_of_worksheet(contract)
            assert answer.status_code == (404 if without else 200), (url, example, answer.text)


def test_every_example_of_an_answer_is_the_answer(server: Server, contract: dict[str, Any]) -> None:
    """What the contract shows beside a request is what the server answers it with; each POST shows some."""
    shown_ = {}
    for path, _, one in operations(contract):
        if "requestBody" not in one:
            continue
        requests_ = one["requestBody"]["content"]["application/json"]["examples"]
        answers = one["responses"]["200"]["content"]["application/json"].get("examples", {})
        url = server.url + format_path(path, contract)
        for name, reference in answers.items():
            assert reference == {"$ref": f"#/components/examples/{name}"}
            answer = requests.post(url, json=requests_[name]["value"], timeout=10)
            assert contract["components"]["examples"][name]["value"] == answer.json()
        shown_[one["operationId"]] = list(answers)

    assert shown_ == {
        "assess": ["decided", "undecided"],
        "assessBatch": ["defaults"],
        "explain": ["narrowed"],
        "workOutInput": ["worksheet"] if place_of_worksheet(contract) else [],
    }


def test_the_example_of_a_problem_is_one(server: Server, contract: dict[str, Any]) -> None:
    """It is what a body without a profile is answered with."""
    [example] = contract["components"]["schemas"]["Problem"]["examples"]

    assert example == requests.post(f"{server.url}/assess", json={}, timeout=10).json()


def test_the_decided_example_is_decided_and_the_others_are_not(
    server: Server, contract: dict[str, Any]
) -> None:
    """The examples are what they are called."""
    body = contract["paths"]["/assess"]["post"]["requestBody"]["content"]["application/json"]
    found = {
        name: requests.post(f"{server.url}/assess", json=example["value"], timeout=10).json()["status"]
        for name, example in body["examples"].items()
    }

    assert found == {"decided": "decided", "undecided": "undecided", "nothing": "undecided"}


def test_every_field_of_a_200_is_described_by_the_contract(contract: dict[str, Any]) -> None:
    """Every required name is a property, and every property has a type or a reference."""
    responses = [one["responses"] for _, _, one in operations(contract)]
    for name, one in objects_within(contract, responses).items():
        assert set(one.get("required", [])) <= one["properties"].keys(), name
        untyped = [key for key, each in one["properties"].items() if not {"type", "$ref"} & each.keys()]
        assert untyped == [], name


def test_cacheable_answers_document_their_validators(contract: dict[str, Any]) -> None:
    """A tree's 200 and 304 both document ETag and Cache-Control, a picture's Vary too, and what a deprecated
    tree is told by. If-None-Match is unconstrained, and If-Match isn't there: a made-up one is refused.
    """
    for path, method, one in operations(contract):
        if path.startswith("/tree") and method == "get":
            for status in ("200", "304"):
                validators = ["Cache-Control", "ETag"]
                varied = ["Vary"] if path.endswith("/diagram") else []
                ending = [] if path == "/tree/versions" else ["Deprecation", "Sunset", "Link"]
                assert {*validators, *varied, *ending} == one["responses"][status]["headers"].keys()
            named = {each["name"]: each for each in parameters(contract, path)}
            assert named["If-None-Match"]["schema"] == {"type": "string"}
            assert "If-Match" not in named


def test_a_picture_comes_in_two_kinds(contract: dict[str, Any]) -> None:
    """Both media types are documented, without a schema, as they aren't JSON. Every input may be given as a
    query parameter; none has to.
    """
    path = "/tree/versions/{version}/diagram"
    given = [each for each in parameters(contract, path) if each["in"] == "query"]
    profile = contract["components"]["schemas"]["Profile"]["properties"]

    content = contract["paths"][path]["get"]["responses"]["200"]["content"]
    assert content == {"image/svg+xml": {}, "text/vnd.mermaid": {}}
    assert list(profile) == [each["name"] for each in given]
    assert [each["name"] for each in given if each.get("required")] == []
    kinds = {each["name"]: _kind(each["schema"]) for each in given}
    assert {name: _kind(one) for name, one in profile.items()} == kinds


def _kind(schema: dict[str, Any]) -> str:
    """The type of a plain value, or the reference to an enum's."""
    kind: str = schema.get("type") or schema["$ref"]
    return kind


def test_changes_need_a_version_to_compare_with(contract: dict[str, Any]) -> None:
    """`since` is the one query parameter; it is required, and one of the versions that are served."""
    path = "/tree/versions/{version}/changes"
    given = [each for each in parameters(contract, path) if each["in"] == "query"]

    assert [("since", True)] == [(each["name"], each["required"]) for each in given]
    assert given[0]["schema"]["$ref"] == "#/components/schemas/TreeVersion"


def test_a_link_leads_from_the_versions_to_a_version(server: Server, contract: dict[str, Any]) -> None:
    """The documented link's expression finds a version that is served."""
    link = contract["paths"]["/tree/versions"]["get"]["responses"]["200"]["links"]["version"]
    assert link["operationId"] == "getVersion"
    assert link["parameters"] == {"version": "$response.body#/versions/0/version"}

    listed = requests.get(f"{server.url}/tree/versions", timeout=10).json()
    version = listed["versions"][0]["version"]

    assert requests.get(f"{server.url}/tree/versions/{version}", timeout=10).json()["version"] == version
