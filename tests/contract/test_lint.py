"""Linters that others wrote find nothing to object to in the contract, and would."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.conftest import ROOT
from tests.contract import linters
from tests.contract.linters import redocly, spectral

COMMITTED = ROOT / "openapi" / "openapi.yaml"
RULES = (linters.SOURCES / "spectral.mjs").read_text(encoding="utf-8")
EXCEPTION = re.compile(r'^    "((?:owasp|oas3|operation)[^"]*)":', re.MULTILINE)
Contract = dict[str, Any]
Mutation = Callable[[Contract], None]


def test_spectral_finds_nothing() -> None:
    """All rules for OpenAPI, all of OWASP's and our own, down to hints: 0 findings."""
    assert [set()] == spectral(COMMITTED)


def test_redocly_finds_nothing() -> None:
    """The recommended rules at their strictest: 0 findings."""
    assert [set()] == redocly(COMMITTED)


def test_each_exception_is_needed(tmp_path: Path) -> None:
    """The rules that we override are those that the untouched rule sets find broken, and no more."""
    (tmp_path / "node_modules").symlink_to(linters.installed() / "node_modules")
    plain = tmp_path / "plain.yaml"
    plain.write_text('extends: ["spectral:oas", "@stoplight/spectral-owasp-ruleset"]')

    assert [set(EXCEPTION.findall(RULES))] == spectral(COMMITTED, rules=plain)


def test_each_exception_stands_under_its_reason() -> None:
    """Each group of overrides begins with a comment."""
    _, _, rules = RULES.partition("rules: {\n")
    groups = [group for group in rules.split("\n\n") if EXCEPTION.search(group)]

    assert groups
    assert [group for group in groups if not group.startswith("    // ")] == []


def _default_response(contract: Contract) -> None:
    contract["paths"]["/assess"]["post"]["responses"]["default"] = {"description": "Anything"}


def _open(name: str) -> Mutation:
    """A mutant that leaves a schema of requests open."""

    def opened(contract: Contract) -> None:
        del contract["components"]["schemas"][name]["additionalProperties"]

    return opened


def _nested_open(contract: Contract) -> None:
    nested = {"type": "object", "properties": {"one": {"type": "boolean"}}}
    contract["components"]["schemas"]["Profile"]["properties"]["nested"] = nested


def _unlimited_array(contract: Contract) -> None:
    del contract["components"]["schemas"]["ExplainRequest"]["properties"]["frozen"]["maxItems"]


def _unlimited_integer(contract: Contract) -> None:
    del contract["components"]["schemas"]["Profile"]["properties"]["kb_tokens"]["maximum"]


def _free_string(contract: Contract) -> None:
    contract["components"]["schemas"]["Profile"]["properties"]["note"] = {"type": "string"}


def _free_parameter(contract: Contract) -> None:
    note = {"name": "note", "in": "query", "schema": {"type": "string"}, "description": "Anything."}
    contract["paths"]["/tree/versions/{version}/diagram"]["get"]["parameters"].append(note)


def _credential(contract: Contract) -> None:
    token = {"name": "api_token", "in": "query", "schema": {"type": "boolean"}, "description": "Who."}
    contract["paths"]["/tree/versions/{version}/diagram"]["get"]["parameters"].append(token)


def _formatless(contract: Contract) -> None:
    del contract["components"]["schemas"]["Problem"]["properties"]["status"]["format"]


def _undescribed(contract: Contract) -> None:
    del contract["paths"]["/assess"]["post"]["description"]


def _wrong_example(contract: Contract) -> None:
    body = contract["paths"]["/assess"]["post"]["requestBody"]["content"]["application/json"]
    body["examples"]["nothing"]["value"] = {"profile": 1}


def _unanswerable(contract: Contract) -> None:
    responses = contract["paths"]["/assess"]["post"]["responses"]
    for status in [status for status in responses if status.startswith("4")]:
        del responses[status]


def _twins(contract: Contract) -> None:
    contract["paths"]["/assess"]["post"]["operationId"] = "explain"


BY_SPECTRAL = (
    (_default_response, "no-default-response"),
    (_open("AssessRequest"), "closed-request-schema"),
    (_open("Profile"), "closed-request-schema"),
    (_nested_open, "closed-request-schema"),
    (_unlimited_array, "owasp:api4:2023-array-limit"),
    (_unlimited_integer, "owasp:api4:2023-integer-limit"),
    (_free_string, "owasp:api4:2023-string-limit"),
    (_free_string, "owasp:api4:2023-string-restricted"),
    (_free_parameter, "owasp:api4:2023-string-limit"),
    (_credential, "owasp:api2:2023-no-credentials-in-url"),
    (_formatless, "owasp:api4:2023-integer-format"),
    (_undescribed, "operation-description"),
    (_wrong_example, "oas3-valid-media-example"),
)
BY_REDOCLY = (
    (_unanswerable, "operation-4xx-response"),
    (_twins, "operation-operationId-unique"),
)


@pytest.mark.parametrize(("lint", "faults"), [(spectral, BY_SPECTRAL), (redocly, BY_REDOCLY)])
def test_a_fault_is_found(
    tmp_path: Path, lint: Callable[..., list[set[str]]], faults: Sequence[tuple[Mutation, str]]
) -> None:
    """A contract with one fault breaks the rule against it."""
    mutants = []
    for number, (mutate, _) in enumerate(faults):
        contract = YAML(typ="safe").load(COMMITTED)
        mutate(contract)
        mutants.append(tmp_path / f"{number}.json")
        mutants[-1].write_text(json.dumps(contract), encoding="utf-8")

    broken = lint(*mutants)

    expected = [rule for _, rule in faults]
    assert expected == [
        rule if rule in found else found for rule, found in zip(expected, broken, strict=True)
    ]
