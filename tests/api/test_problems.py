"""Problems: what is wrong, where, and what to do; explained under their type."""

from __future__ import annotations

import gc
import json
from secrets import token_hex
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from marshmallow import ValidationError
from werkzeug.exceptions import default_exceptions

from finetune_advisor.api.http.problems import to_problem
from finetune_advisor.app import create_app
from finetune_advisor.schemas.fields import MAX_UNKNOWN_FIELDS
from finetune_advisor.schemas.requests import profile_schema
from finetune_advisor.settings import Settings
from finetune_advisor.trees import catalog
from tests.conftest import server_logging

STATUSES = {
    "malformed-request": 400,
    "not-found": 404,
    "unknown-version": 404,
    "method-not-allowed": 405,
    "not-acceptable": 406,
    "retired-version": 410,
    "body-too-large": 413,
    "unsupported-media-type": 415,
    "invalid-request": 422,
    "internal-error": 500,
}
MISSING = "there is no such name here; "


def errors(client: FlaskClient, body: Any) -> list[dict[str, str]]:
    answer = client.post("/assess", json=body)
    assert answer.status_code == 422
    found: list[dict[str, str]] = answer.json["errors"]
    return found


@pytest.mark.parametrize(("slug", "status"), STATUSES.items())
def test_each_type_is_explained(client: FlaskClient, slug: str, status: int) -> None:
    """Type, title, status, and a text of several words that says what it means and what to do."""
    answer = client.get(f"/problems/{slug}")

    assert answer.status_code == 200
    assert (answer.json["type"], answer.json["status"]) == (f"../problems/{slug}", status)
    assert len(answer.json["explanation"].split()) > 10
    assert "\n" not in answer.json["explanation"]


def test_titles_are_one_to_a_type(client: FlaskClient) -> None:
    """RFC 9457 §3.1.3: a title belongs to a type and doesn't change from occurrence to occurrence."""
    assert len({client.get(f"/problems/{slug}").json["title"] for slug in STATUSES}) == len(STATUSES)


def test_a_misspelt_input_gets_the_right_one(client: FlaskClient) -> None:
    """A near miss is answered with the name that was meant."""
    assert errors(client, {"profile": {"data_sensitve": True}}) == [
        {"pointer": "#/profile/data_sensitve", "detail": MISSING + "did you mean data_sensitive?"}
    ]


def test_a_misspelt_field_gets_the_right_one(client: FlaskClient) -> None:
    """So is a field of the body."""
    assert errors(client, {"profile": {}, "tree-version": "1.0.0"}) == [
        {"pointer": "#/tree-version", "detail": MISSING + "did you mean tree_version?"}
    ]


def test_an_unlike_name_gets_the_names_there_are(client: FlaskClient) -> None:
    """Where nothing is near, what is known is listed."""
    assert errors(client, {"profile": {}, "zzz": 1}) == [
        {"pointer": "#/zzz", "detail": MISSING + "remove it; known are: profile, tree_version"}
    ]


def test_of_very_many_unknown_names_only_the_first_are_looked_at(client: FlaskClient) -> None:
    """What is wrong with known ones is said all the same."""
    schema = profile_schema(catalog.load_catalog())()
    profile = {**{f"z{number}": 1 for number in range(10_000)}, "data_sensitive": 1}
    with pytest.raises(ValidationError) as refused:
        schema.load(profile)

    unknown = [f"z{number}" for number in range(MAX_UNKNOWN_FIELDS)]
    assert sorted(refused.value.messages_dict) == sorted([*unknown, "data_sensitive"])
    assert "#/profile/data_sensitive" in [one["pointer"] for one in errors(client, {"profile": profile})]


@pytest.mark.parametrize("body", ['{"profile":{"%s":[[]]}}', '{"profile":{"%s":[[]]},"a":1,"a":2}'])
def test_a_refused_body_is_not_kept(client: FlaskClient, body: str) -> None:
    """Errors refer to themselves: what they know would wait for a garbage collection."""
    mark = token_hex()
    gc.collect()
    gc.disable()
    try:
        answer = client.post("/assess", data=body % mark, content_type="application/json")
        kept = [one for one in gc.get_objects() if type(one) is dict and mark in one]
    finally:
        gc.enable()

    assert answer.status_code in (400, 422)
    assert kept == []


def test_a_missing_profile_is_pointed_at(client: FlaskClient) -> None:
    """A field that isn't there is named where it should be."""
    assert errors(client, {}) == [{"pointer": "#/profile", "detail": "this is missing; add it"}]


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/assess", {"profile": None}, "#/profile"),
        ("/assess/batch", {"profiles": None}, "#/profiles"),
        ("/assess/explain", {"profile": {}, "frozen": [None]}, "#/frozen/0"),
    ],
)
def test_null_where_a_value_is_needed(client: FlaskClient, path: str, body: Any, pointer: str) -> None:
    """Nobody is told to leave out what would then be missing."""
    [error] = client.post(path, json=body).json["errors"]

    assert error == {"pointer": pointer, "detail": "null is not allowed; give a value"}


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/assess", {"profile": {"data_sensitive": None}}, "#/profile/data_sensitive"),
        ("/assess", {"profile": {}, "tree_version": None}, "#/tree_version"),
        ("/assess/batch", {"profiles": [], "defaults": None}, "#/defaults"),
        ("/assess/explain", {"profile": {}, "frozen": None}, "#/frozen"),
        ("/assess/explain", {"profile": {}, "limit": None}, "#/limit"),
    ],
)
def test_null_where_none_is_needed(client: FlaskClient, path: str, body: Any, pointer: str) -> None:
    """What isn't known is left out."""
    [error] = client.post(path, json=body).json["errors"]

    assert error == {"pointer": pointer, "detail": "null is not allowed; leave the field out"}


def test_each_fault_is_listed(client: FlaskClient) -> None:
    """One answer lists every fault, so nobody mends them one request at a time."""
    body = {"profile": {"data_sensitive": 1, "api_usable": None, "nope": 1}, "tree_version": 2, "x": 1}

    assert sorted(one["pointer"] for one in errors(client, body)) == [
        "#/profile/api_usable",
        "#/profile/data_sensitive",
        "#/profile/nope",
        "#/tree_version",
        "#/x",
    ]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ('{"profile":{"api_usable":true,"api_usable":true}}', "#/profile/api_usable"),
        ('{"profile":{},"profile":{}}', "#/profile"),
        (
            '{"profiles":[{},{"api_usable":true},{"api_usable":true,"api_usable":true}]}',
            "#/profiles/2/api_usable",
        ),
        (
            '{"profiles":[{}],"defaults":{"api_usable":true,"api\\u005fusable":1}}',
            "#/defaults/api_usable",
        ),
        ('{"profiles":[[{}],[{"a/b":{"~ ":1,"~ ":2}}]]}', "#/profiles/1/0/a~1b/~0%20"),
    ],
)
def test_a_repeated_name_is_named(client: FlaskClient, body: str, pointer: str) -> None:
    """The error says which name is there twice, and where in the body."""
    answer = client.post("/assess/batch", data=body, content_type="application/json")

    assert (answer.status_code, answer.json["type"]) == (400, "../problems/malformed-request")
    name = pointer.rpartition("/")[2].replace("~0%20", "~ ")
    assert answer.json["detail"] == f"an object in the body has two members named {name!r}; keep one"
    assert answer.json["errors"] == [
        {"pointer": pointer, "detail": "two members have this name; keep one"}
    ]


def test_a_byte_that_is_no_utf8_is_told(client: FlaskClient) -> None:
    """By its place, counted from 0."""
    answer = client.post("/assess", data=b'{"profile":{"\xff":1}}', content_type="application/json")

    assert answer.json["detail"] == "the body is not UTF-8 (byte 13); encode it in UTF-8"


@pytest.mark.parametrize(
    "path", ["/tree", "/tree/versions", "/tree/versions/1.0.0", "/problems/not-found"]
)
def test_a_query_parameter_is_named(client: FlaskClient, path: str) -> None:
    """The error says which parameter there isn't, and has no pointer into a body."""
    answer = client.get(f"{path}?verbose=1")

    assert answer.status_code == 422
    assert answer.json["errors"] == [
        {"parameter": "verbose", "detail": "there is no such name here; remove it"}
    ]


@pytest.mark.parametrize("query", ["since=1&since=2", "since=1&%73ince=1", "a=1&since=&since="])
def test_a_repeated_query_parameter_is_named(client: FlaskClient, query: str) -> None:
    """Given twice, a parameter is refused as such, before anything asks whether there is one."""
    answer = client.get(f"/tree?{query}")

    assert answer.status_code == 422
    detail = "the parameter is given more than once; give it once"
    assert answer.json["errors"] == [{"parameter": "since", "detail": detail}]


@pytest.mark.parametrize("status", [408, 409, 411, 416, 417, 418, 428, 429, 431, 451])
def test_an_error_of_the_caller_s_is_never_one_of_ours(status: int) -> None:
    """A 4xx that a library raises, and that this API doesn't have, is a 400 (RFC 9110 §15)."""
    assert 400 == to_problem(default_exceptions[status]()).code


@pytest.fixture
def broken() -> Flask:
    """An application with a path that fails, as a fault of ours would."""
    app = create_app(Settings(log_level="error"))

    @app.get("/broken")
    def fail() -> str:
        raise RuntimeError("secret detail of the inside")

    return app


@server_logging()
def test_a_fault_of_ours_is_logged_under_the_id_of_its_answer(
    broken: Flask, capsys: pytest.CaptureFixture[str]
) -> None:
    """With where it came from, and without its message, which may quote a profile."""
    broken.test_client().get("/broken", headers={"X-Request-ID": "abc"})
    line = json.loads(capsys.readouterr().out)  # the request's own line waits

    assert (line["level"], line["request_id"]) == ("ERROR", "abc")
    assert line["exc_info"].endswith(
        'in fail\n    raise RuntimeError("secret detail of the inside")\nbuiltins.RuntimeError'
    )


def test_a_fault_of_ours_is_a_problem_that_gives_nothing_away(broken: Flask) -> None:
    """500 as problem details, identified for the log, with the security headers and without the cause."""
    answer = broken.test_client().get("/broken", headers={"X-Request-ID": "abc"})

    assert (answer.status_code, answer.content_type) == (500, "application/problem+json")
    assert answer.json["type"] == "problems/internal-error"
    assert "secret" not in answer.text
    assert answer.headers["X-Request-ID"] == "abc"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
