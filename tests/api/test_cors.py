"""Cross-origin resource sharing: which answers pages of other origins may read."""

from __future__ import annotations

from functools import cache

import pytest
from flask.testing import FlaskClient

from finetune_advisor.app import create_app
from finetune_advisor.settings import Settings

APP, OTHER = "https://app.example.com", "https://other.example.com"
ASKED = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type,x-request-id",
}


@cache
def serving(*origins: str, **settings: str) -> FlaskClient:
    """One client of an application for pages of these origins."""
    return create_app(
        Settings(log_level="error", cors_origins=origins or None, **settings)
    ).test_client()


@pytest.fixture(scope="module")
def shared() -> FlaskClient:
    """A client of an application for pages of one origin, and of another on this machine."""
    return serving(APP, "http://localhost:3000")


def sharing(answer: object) -> dict[str, str]:
    """What an answer tells browsers of other origins."""
    return {name: value for name, value in answer.headers if name.startswith("Access-Control-")}  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", ["/assess", "/tree", "/nope"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_by_default_nothing_is_shared(client: FlaskClient, method: str, path: str) -> None:
    """Without the setting no answer has a header of CORS, nor varies by Origin."""
    answer = client.open(path, method=method, headers={"Origin": APP, **ASKED})

    assert {} == sharing(answer)
    assert "Vary" not in answer.headers


REQUESTS = {
    "assessment": ("POST", "/assess", {"json": {"profile": {}}}, 200),
    "batch": ("POST", "/assess/batch", {"json": {"profiles": []}}, 200),
    "tree": ("GET", "/tree", {}, 200),
    "not modified": ("GET", "/tree", {"headers": {"If-None-Match": "*"}}, 304),
    "invalid": ("POST", "/assess", {"json": {}}, 422),
    "malformed": ("POST", "/assess", {"data": "{", "content_type": "application/json"}, 400),
    "unknown path": ("GET", "/nope", {}, 404),
    "wrong method": ("GET", "/assess", {}, 405),
    "contract": ("GET", "/openapi.json", {}, 200),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_every_answer_can_be_read(shared: FlaskClient, name: str) -> None:
    """Answers and errors name the origin, the headers that scripts may read, and vary by Origin."""
    method, path, options, status = REQUESTS[name]
    headers = {"Origin": APP, **options.get("headers", {})}
    answer = shared.open(path, method=method, **{**options, "headers": headers})
    exposed = answer.headers["Access-Control-Expose-Headers"].lower().split(", ")

    assert (status, APP) == (answer.status_code, answer.headers["Access-Control-Allow-Origin"])
    assert {"etag", "link", "x-request-id", "deprecation", "sunset", "allow"} <= set(exposed)
    assert ["Origin"] == answer.headers.getlist("Vary")
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("origin", [None, OTHER, "null", "", f"{APP}.evil.example", f"{APP}:8443", "*"])
def test_other_origins_get_no_leave(shared: FlaskClient, origin: str | None) -> None:
    """The answer is the same, browsers keep it from the page, and caches keep it apart."""
    headers = {} if origin is None else {"Origin": origin}
    answer = shared.post("/assess", json={"profile": {}}, headers=headers)

    assert (200, {}) == (answer.status_code, sharing(answer))
    assert "Origin" == answer.headers["Vary"]


@pytest.mark.parametrize("path", ["/assess", "/assess/batch", "/tree", "/tree/versions/1.0.0/diagram"])
def test_a_preflight_is_granted(shared: FlaskClient, path: str) -> None:
    """OPTIONS tells the methods and the headers that a page may send, for ten minutes."""
    answer = shared.options(path, headers={"Origin": APP, **ASKED})

    assert (204, b"") == (answer.status_code, answer.data)
    assert {
        "Access-Control-Allow-Origin": APP,
        "Access-Control-Allow-Methods": "GET, HEAD, POST",
        "Access-Control-Allow-Headers": "*, Authorization",
        "Access-Control-Max-Age": "600",
    }.items() <= sharing(answer).items()


def test_a_preflight_of_another_origin_is_not_granted(shared: FlaskClient) -> None:
    """It gets no header, and the browser stops there."""
    assert {} == sharing(shared.options("/assess", headers={"Origin": OTHER, **ASKED}))


def test_options_without_a_method_is_no_preflight(shared: FlaskClient) -> None:
    """A plain OPTIONS tells nothing of what a page may send."""
    assert "Access-Control-Allow-Methods" not in sharing(
        shared.options("/tree", headers={"Origin": APP})
    )


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_operations_are_not_for_pages(path: str, method: str) -> None:
    """Whatever origins are set, and with a prefix, too."""
    client = serving("*", path_prefix="/advisor")
    for place in (path, f"/advisor{path}"):
        assert {} == sharing(client.open(place, method=method, headers={"Origin": APP, **ASKED}))


def test_any_origin_may_be_let_in() -> None:
    """The answer is then the same for all, and caches needn't tell origins apart."""
    answer = serving("*").get("/tree", headers={"Origin": OTHER})

    assert "*" == answer.headers["Access-Control-Allow-Origin"]
    assert "Vary" not in answer.headers


def test_the_picture_varies_by_both(shared: FlaskClient) -> None:
    """Accept chooses its form, and Origin who may read it."""
    answer = shared.get("/tree/versions/1.0.0/diagram", headers={"Origin": APP})

    assert ["Accept, Origin"] == answer.headers.getlist("Vary")
