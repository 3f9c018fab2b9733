"""No change of the contract breaks its callers, unless its version says so."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from semver import Version

from tests.conftest import ROOT
from tests.contract.differ import breaks

COMMITTED = ROOT / "openapi" / "openapi.yaml"
RELEASED = ROOT / "openapi" / "released"
RELEASE_COMMAND = runpy.run_path(str(ROOT / ".ci" / "release.py"))
UNRELEASED, BREAKING = RELEASE_COMMAND["UNRELEASED"], RELEASE_COMMAND["BREAKING"]
find_unreleased_entries: Callable[[str], str] = RELEASE_COMMAND["find_unreleased_entries"]
announces_a_break: Callable[[Version, Version], bool] = RELEASE_COMMAND["announces_a_break"]
Contract = dict[str, Any]
Mutation = Callable[[Contract], None]


def read(path: Path) -> Contract:
    contract: Contract = YAML(typ="safe").load(path)
    return contract


def test_nothing_breaks_unannounced() -> None:
    """Since the last release, nothing has changed that callers rely on, or the changelog announces it.

    In a release, which has no unreleased entries, the version announces it.
    """
    present = read(COMMITTED)["info"]["version"]
    earlier = sorted(RELEASED.glob("*.yaml"), key=lambda path: Version.parse(path.stem))
    if entries := find_unreleased_entries((ROOT / "CHANGELOG.md").read_text("utf-8")):
        last, announced = earlier[-1], BREAKING in entries
    else:
        last = [path for path in earlier if path.stem != present or len(earlier) == 1][-1]
        announced = announces_a_break(Version.parse(last.stem), Version.parse(present))

    assert announced or breaks(last, COMMITTED) == set()


def test_unreleased_entries_are_told_from_released_ones() -> None:
    """Those of a version that was released announce nothing any more."""
    released = f"## [1.0.0] - 2026-11-28\n\n- {BREAKING}: all.\n"

    assert find_unreleased_entries(f"{UNRELEASED}\n- Something.\n\n{released}") == "\n- Something.\n"
    assert find_unreleased_entries(f"{UNRELEASED}\n{released}") == ""


def test_a_released_contract_bears_its_version() -> None:
    """Each file in openapi/released is named after the contract's version, none newer than the present."""
    versions = {path.stem: read(path)["info"]["version"] for path in RELEASED.glob("*.yaml")}
    present = Version.parse(read(COMMITTED)["info"]["version"])

    assert versions
    assert versions == {name: name for name in versions}
    assert [name for name in versions if Version.parse(name) > present] == []


@pytest.mark.parametrize(
    ("before", "after", "announced"),
    [
        ("1.0.0", "1.0.1", False),
        ("1.0.0", "1.1.0", False),
        ("1.9.0", "2.0.0", True),
        ("0.1.0", "0.1.1", False),
        ("0.1.0", "0.2.0", True),
        ("0.9.0", "1.0.0", True),
        ("2.0.0", "1.0.0", False),
    ],
)
def test_a_break_takes_a_new_major(before: str, after: str, announced: bool) -> None:
    """Or a new minor, before 1.0.0."""
    assert announced == announces_a_break(Version.parse(before), Version.parse(after))


def schema(contract: Contract, name: str) -> Any:
    return contract["components"]["schemas"][name]


def post(contract: Contract, path: str = "/assess") -> Any:
    return contract["paths"][path]["post"]


def _path_gone(contract: Contract) -> None:
    del contract["paths"]["/assess/explain"]


def _method_gone(contract: Contract) -> None:
    contract["paths"]["/tree"]["put"] = contract["paths"]["/tree"].pop("get")


def _operation_renamed(contract: Contract) -> None:
    post(contract)["operationId"] = "evaluate"


def _retagged(contract: Contract) -> None:
    post(contract)["tags"] = ["explanations"]


def _schema_renamed(contract: Contract) -> None:
    text = json.dumps(contract).replace('schemas/Assessment"', 'schemas/Verdict"')
    contract.clear()
    contract.update(json.loads(text))
    contract["components"]["schemas"]["Verdict"] = contract["components"]["schemas"].pop("Assessment")


def _slug_gone(contract: Contract) -> None:
    schema(contract, "ProblemSlug")["enum"].remove("not-acceptable")


def _request_field_gone(contract: Contract) -> None:
    del schema(contract, "ExplainRequest")["properties"]["limit"]


def _request_field_required(contract: Contract) -> None:
    schema(contract, "AssessRequest")["required"].append("tree_version")


def _request_field_retyped(contract: Contract) -> None:
    schema(contract, "Profile")["properties"]["data_sensitive"]["type"] = "string"


def _request_value_gone(contract: Contract) -> None:
    schema(contract, "Input_rag_status")["enum"].pop()


def _range_narrowed(contract: Contract) -> None:
    schema(contract, "Profile")["properties"]["kb_tokens"]["maximum"] = 10


def _list_shortened(contract: Contract) -> None:
    schema(contract, "ExplainRequest")["properties"]["frozen"]["maxItems"] = 1


def _media_type_gone(contract: Contract) -> None:
    content = post(contract)["requestBody"]["content"]
    content["text/json"] = content.pop("application/json")


def _parameter_gone(contract: Contract) -> None:
    del contract["paths"]["/tree/versions/{version}/diagram"]["get"]["parameters"][0]


def _parameter_required(contract: Contract) -> None:
    contract["paths"]["/tree/versions/{version}/diagram"]["get"]["parameters"][0]["required"] = True


def _response_field_gone(contract: Contract) -> None:
    del schema(contract, "Assessment")["properties"]["receipt"]
    schema(contract, "Assessment")["required"].remove("receipt")


def _optional_response_field_gone(contract: Contract) -> None:
    del schema(contract, "Assessment")["properties"]["ignored"]


def _response_field_retyped(contract: Contract) -> None:
    schema(contract, "Assessment")["properties"]["receipt"]["type"] = "number"


def _response_field_optional(contract: Contract) -> None:
    schema(contract, "Assessment")["required"].remove("receipt")


def _response_value_new(contract: Contract) -> None:
    schema(contract, "AssessmentStatus")["enum"].append("deferred")


def _success_gone(contract: Contract) -> None:
    post(contract)["responses"]["201"] = post(contract)["responses"].pop("200")


def _error_gone(contract: Contract) -> None:
    del post(contract)["responses"]["413"]


def _header_gone(contract: Contract) -> None:
    del contract["paths"]["/tree"]["get"]["responses"]["200"]["headers"]["ETag"]


def _response_media_type_gone(contract: Contract) -> None:
    del contract["paths"]["/tree/versions/{version}/diagram"]["get"]["responses"]["200"]["content"][
        "text/vnd.mermaid"
    ]


def _security_asked(contract: Contract) -> None:
    contract["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    contract["security"] = [{"key": []}]


BREAKS: dict[Mutation, str] = {
    _path_gone: "api-path-removed-without-deprecation",
    _method_gone: "api-removed-without-deprecation",
    _operation_renamed: "api-operation-id-removed",
    _retagged: "api-tag-removed",
    _schema_renamed: "api-schema-removed",
    _slug_gone: "request-parameter-enum-value-removed",
    _request_field_gone: "request-property-removed",
    _request_field_required: "request-property-became-required",
    _request_field_retyped: "request-property-type-changed",
    _request_value_gone: "request-property-enum-value-removed",
    _range_narrowed: "request-property-max-decreased",
    _list_shortened: "request-property-max-items-decreased",
    _media_type_gone: "request-body-media-type-removed",
    _parameter_gone: "request-parameter-removed",
    _parameter_required: "request-parameter-became-required",
    _response_field_gone: "response-required-property-removed",
    _optional_response_field_gone: "response-optional-property-removed",
    _response_field_retyped: "response-property-type-changed",
    _response_field_optional: "response-property-became-optional",
    _response_value_new: "response-property-enum-value-added",
    _success_gone: "response-success-status-removed",
    _error_gone: "response-non-success-status-removed",
    _header_gone: "optional-response-header-removed",
    _response_media_type_gone: "response-media-type-removed",
    _security_asked: "api-security-anonymous-access-removed",
}


def changed(mutate: Mutation, place: Path) -> Path:
    """The contract after a change."""
    contract = read(COMMITTED)
    mutate(contract)
    (place / "openapi.json").write_text(json.dumps(contract), encoding="utf-8")
    return place / "openapi.json"


@pytest.mark.parametrize("mutate", BREAKS, ids=lambda one: one.__name__.strip("_"))
def test_each_kind_of_break_is_caught(tmp_path: Path, mutate: Mutation) -> None:
    """A contract with this one change fails."""
    assert BREAKS[mutate] in breaks(COMMITTED, changed(mutate, tmp_path))


def _request_field_new(contract: Contract) -> None:
    schema(contract, "Profile")["properties"]["new"] = {"type": "boolean"}


def _response_field_new(contract: Contract) -> None:
    schema(contract, "Assessment")["properties"]["new"] = {"type": "boolean"}
    schema(contract, "Assessment")["required"].append("new")


def _request_value_new(contract: Contract) -> None:
    schema(contract, "TreeVersion")["enum"].append("3.0.0")


def _range_widened(contract: Contract) -> None:
    schema(contract, "Profile")["properties"]["kb_tokens"]["maximum"] *= 2


def _path_new(contract: Contract) -> None:
    contract["paths"]["/new"] = {"get": {**contract["paths"]["/tree"]["get"], "operationId": "getNew"}}


def _reworded(contract: Contract) -> None:
    post(contract)["summary"] = post(contract)["description"] = "Other words."


GROWTH = (
    _request_field_new,
    _response_field_new,
    _request_value_new,
    _range_widened,
    _path_new,
    _reworded,
)


@pytest.mark.parametrize("mutate", GROWTH, ids=lambda one: one.__name__.strip("_"))
def test_growth_is_no_break(tmp_path: Path, mutate: Mutation) -> None:
    """A contract that only grows passes."""
    assert breaks(COMMITTED, changed(mutate, tmp_path)) == set()
