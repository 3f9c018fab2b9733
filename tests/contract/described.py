"""What the contract describes: whether an answer is one that an operation may give."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from tests.conftest import ROOT
from tests.contract.wire import Answer

COMMITTED = ROOT / "openapi" / "openapi.yaml"


@cache
def committed() -> dict[str, Any]:
    """The committed contract."""
    contract: dict[str, Any] = YAML(typ="safe").load(COMMITTED)
    return contract


@cache
def responses(operation: str) -> dict[str, Any]:
    """The responses that an operation documents, by status."""
    paths = committed()["paths"].values()
    found = [one for path in paths for one in path.values() if "responses" in one]
    documented: dict[str, Any] = next(
        one["responses"] for one in found if one["operationId"] == operation
    )
    return documented


def faults(operation: str, answer: Answer) -> Iterator[str]:
    """How an answer differs from what the contract says of an operation."""
    response = _response(operation, answer.status)
    if response is None:
        yield f"the status {answer.status} isn't documented"
        return
    content = response.get("content", {})
    media_type = answer.media_type.partition(";")[0]
    if media_type not in (content or {""}):
        yield f"the media type {media_type!r} isn't documented"
    elif media_type.endswith("json") and answer.body:
        yield from (
            error.message
            for error in _validator(operation, answer.status, media_type).iter_errors(answer.json())
        )


def _response(operation: str, status: int) -> dict[str, Any] | None:
    """What an operation documents for a status, None if nothing."""
    response: dict[str, Any] | None = responses(operation).get(str(status))
    if response and "$ref" in response:
        response = committed()["components"]["responses"][response["$ref"].rpartition("/")[2]]
    return response


@cache
def _validator(operation: str, status: int, media_type: str) -> Draft202012Validator:
    """What validates the bodies of an answer; cached, as it resolves its references only once."""
    response = _response(operation, status) or {}
    schema = {**response["content"][media_type]["schema"], "components": committed()["components"]}
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
