"""Errors of a wrong path or method name the right one."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from flask.testing import FlaskClient

from finetune_advisor.app import create_app
from finetune_advisor.settings import Settings

NEAR = {
    "/assess/": "/assess",
    "/Assess": "/assess",
    "/ASSESS/BATCH/": "/assess/batch",
    "/assess//": "/assess",
    "/assess//batch": "/assess/batch",
    "/v1/assess": "/assess",
    "/api/v1/assess/explain": "/assess/explain",
    "/advisor/tree/versions": "/tree/versions",
    "/asess": "/assess",
    "/assessment": "/assess",
    "/explain": "/assess/explain",
    "/trees": "/tree",
    "/versions": "/tree/versions",
    "/tree/1.0.0": "/tree/versions/{version}",
    "/tree/version/1.0.0": "/tree/versions/{version}",
    "/tree/versions/1.0.0/": "/tree/versions/{version}",
    "/Tree/Versions/2.0.0-acme.1/Diagram": "/tree/versions/{version}/diagram",
    "/tree/versions/1.0.0/diagrams": "/tree/versions/{version}/diagram",
    "/tree/2.0.0/changes": "/tree/versions/{version}/changes",
    "/problem/not-found": "/problems/{slug}",
    "/openapi.yaml": "/openapi.json",
    "/docs/": "/docs",
    "/health": "/healthz",
    "/ready": "/readyz",
}


@cache
def serving(**settings: Any) -> FlaskClient:
    """One client of an application with these settings."""
    return create_app(Settings(log_level="error", **settings)).test_client()


@pytest.mark.parametrize(("path", "meant"), NEAR.items())
def test_a_path_that_is_nearly_right_gets_the_right_one(
    client: FlaskClient, path: str, meant: str
) -> None:
    """Whatever the slashes and the case, with a segment too many, too few or misspelt."""
    answer = client.get(path)

    assert 404 == answer.status_code
    assert f"there is nothing at this path; did you mean {meant}?" == answer.json["detail"]


@pytest.mark.parametrize("path", ["/wp-login.php", "/%00", "/" + "a/" * 3000, "/" + "/" * 3000 + "x"])
def test_a_path_like_no_other_gets_the_places_that_list_them(client: FlaskClient, path: str) -> None:
    """Where nothing is near, the contract and its page are named."""
    answer = client.get(path)

    assert 404 == answer.status_code
    assert answer.json["detail"].endswith("see /docs or /openapi.json for the paths that exist")


def test_what_was_asked_is_not_repeated(client: FlaskClient) -> None:
    """The detail names what is served, and nothing of the request."""
    assert "s3cret" not in client.get("/tree/versions/1.0.0-s3cret/diagrams").json["detail"]


@pytest.mark.parametrize(
    ("method", "path", "methods"),
    [
        ("GET", "/assess", "POST"),
        ("PUT", "/assess/batch", "POST"),
        ("POST", "/tree", "GET or HEAD"),
        ("DELETE", "/tree/versions/1.0.0", "GET or HEAD"),
    ],
)
def test_a_wrong_method_gets_the_right_ones(
    client: FlaskClient, method: str, path: str, methods: str
) -> None:
    """In the detail, too, which people read; the Allow header has OPTIONS besides."""
    answer = client.open(path, method=method)

    assert (405, f"the path doesn't allow this method; send {methods}") == (
        answer.status_code,
        answer.json["detail"],
    )


@pytest.mark.parametrize(
    ("port", "path", "said"),
    [
        (8080, "/health", "see /docs or /openapi.json"),
        (8080, "/healthz", "have moved to the port for operations; ask the operator"),
        (8080, "/readyz", "have moved to the port for operations; ask the operator"),
        (8080, "/metrics", "have moved to the port for operations; ask the operator"),
        (8080, "/assess/", "did you mean /assess?"),
        (9090, "/assess", "this port serves only /healthz, /readyz and /metrics"),
        (9090, "/assess/", "this port serves only /healthz, /readyz and /metrics"),
    ],
)
def test_only_what_the_port_serves_is_named(port: int, path: str, said: str) -> None:
    """With a port for operations, neither port leads to paths of the other; who asks for one is told of the
    port, and not its number.
    """
    answer = serving(metrics_port=9090).get(path, base_url=f"http://localhost:{port}")

    assert 404 == answer.status_code
    assert said in answer.json["detail"]
    assert "9090" not in answer.json["detail"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/advisor/assess/", "did you mean /advisor/assess?"),
        ("/advisor/tree/1.0.0", "did you mean /advisor/tree/versions/{version}?"),
        ("/advisor/nix", "see /advisor/docs or /advisor/openapi.json for the paths that exist"),
        ("/assess/", "did you mean /assess?"),
        ("/nix", "see /docs or /openapi.json for the paths that exist"),
    ],
)
def test_hints_have_the_prefix_that_the_request_had(path: str, said: str) -> None:
    """What is named can be asked where the request went, behind a proxy that leaves the prefix."""
    answer = serving(path_prefix="/advisor").get(path)

    assert 404 == answer.status_code
    assert answer.json["detail"].endswith(said)
