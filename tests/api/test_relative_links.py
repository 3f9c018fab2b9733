"""Links relative to the request: they lead to the same place below any prefix."""

from __future__ import annotations

from urllib.parse import urljoin

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder

from finetune_advisor.api.http.relative_links import relative_link
from finetune_advisor.app import create_app
from finetune_advisor.settings import Settings

TARGET = "/problems/not-found"
PATHS = [
    *("/", "/tree", "/assess/batch", "/assess/", "/tree/versions/9.9.9/diagram", "/nope/nope/nope/"),
    *(
        "/tree?since=/a/b",
        "/a%2Fb/c",
        "/./tree",
        "/tree/../nope",
        "/a/b/../../c",
        "/../../x",
        "/a/.",
        "/a/..",
    ),
    *("/a?b#/c/d", "/a/b?/../.."),
]


@pytest.mark.parametrize("base", ["http://host", "https://host/advisor", "http://host/a/b.c"])
@pytest.mark.parametrize("path", PATHS)
def test_a_link_leads_there_below_any_prefix(base: str, path: str) -> None:
    """Whatever was asked, and wherever the proxy has the service, RFC 3986, 5 leads to the path."""
    stripped = {"RAW_URI": path, "SCRIPT_NAME": "", "PATH_INFO": "/unused"}
    link = relative_link(TARGET, stripped)

    assert not link.startswith("/")
    if (
        base == "http://host" or ".." not in path.partition("?")[0]
    ):  # a client leaves the prefix by itself
        assert base + TARGET == urljoin(base + path, link)


@pytest.mark.parametrize("path", ["/", "/tree", "/assess/batch", "/a%2Fb/c", "/tree/../nope"])
@pytest.mark.parametrize("prefix", ["/advisor", "/a/b.c"])
def test_a_link_leads_there_below_a_prefix_that_stays(prefix: str, path: str) -> None:
    """The prefix that the service knows of isn't one of its own folders."""
    kept = {"RAW_URI": prefix + path, "SCRIPT_NAME": prefix, "PATH_INFO": path}

    assert f"http://host{prefix}{TARGET}" == urljoin(
        f"http://host{prefix}{path}", relative_link(TARGET, kept)
    )


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ("", ""),
        ("?a=/b", ""),
        ("/../x", "/../x"),
        ("%2Ftree", "/tree"),
        ("/assess%2Fbatch", "/assess/batch"),
    ],
)
@pytest.mark.parametrize("prefix", ["/advisor", "/a/b.c"])
def test_a_link_leads_below_the_prefix_from_beside_it(prefix: str, raw: str, path: str) -> None:
    """A client that asks for the prefix itself, without a slash behind it, isn't below it."""
    environ = {"RAW_URI": prefix + raw, "SCRIPT_NAME": prefix, "PATH_INFO": path}

    assert f"http://host{prefix}{TARGET}" == urljoin(
        f"http://host{prefix}{raw}", relative_link(TARGET, environ)
    )


def test_an_escaped_prefix_is_the_prefix() -> None:
    """%61 is an a to the server, and a folder of the same name to the client."""
    environ = {
        "RAW_URI": "/%61dvisor/assess/batch",
        "SCRIPT_NAME": "/advisor",
        "PATH_INFO": "/assess/batch",
    }

    assert "../problems/not-found" == relative_link(TARGET, environ)


def test_a_whole_url_in_the_request_line_counts_from_its_path() -> None:
    """RFC 9112, 3.2.2: a request may name the host in its first line."""
    environ = {"RAW_URI": "http://host/assess/batch", "SCRIPT_NAME": "", "PATH_INFO": "/assess/batch"}

    assert "../problems/not-found" == relative_link(TARGET, environ)


@pytest.mark.parametrize(
    "environ", [{"RAW_URI": "*"}, {"RAW_URI": "host:1"}, {"RAW_URI": "http://host"}, {}]
)
def test_a_target_without_a_path_has_no_folders(environ: dict[str, str]) -> None:
    """OPTIONS * and what is stranger still get a link."""
    assert "problems/not-found" == relative_link(
        TARGET, {"SCRIPT_NAME": "", "PATH_INFO": "/x", **environ}
    )


@pytest.mark.parametrize(
    "path", ["/nope", "/assess/nope", "/tree/versions/9.9.9", "/tree/versions/9.9.9/diagram"]
)
def test_a_problem_s_type_is_explained_where_it_leads(client: FlaskClient, path: str) -> None:
    """GET of the type gives the explanation, whose own type leads to itself."""
    base = "http://host/advisor"
    answer = client.get(path)
    place = urljoin(base + path, answer.json["type"]).removeprefix(base)
    explained = client.get(place)

    assert (404, 200) == (answer.status_code, explained.status_code)
    assert answer.json["title"] == explained.json["title"]
    assert base + place == urljoin(base + place, explained.json["type"])


def test_a_deprecated_version_links_to_its_successor(ending: FlaskClient) -> None:
    """Link leads there from GET and POST, and from the refusal of a retired version."""
    asked = {version["version"]: version for version in ending.get("/tree/versions").json["versions"]}
    [(version, entry)] = [(name, one) for name, one in asked.items() if one["status"] == "deprecated"]
    answers = {
        f"/tree/versions/{version}": ending.get(f"/tree/versions/{version}"),
        f"/tree/versions/{version}/diagram": ending.get(f"/tree/versions/{version}/diagram"),
        "/assess": ending.post("/assess", json={"profile": {}, "tree_version": version}),
        "/assess/batch": ending.post("/assess/batch", json={"profiles": [], "tree_version": version}),
    }

    for path, answer in answers.items():
        link, _, relation = answer.headers["Link"].partition(">; ")
        place = urljoin(f"http://host/advisor{path}", link.removeprefix("<"))
        assert f"http://host/advisor/tree/versions/{entry['successor']}" == place
        assert 'rel="successor-version"' == relation


@pytest.fixture(scope="module")
def kept() -> FlaskClient:
    """A client of an application behind a proxy that leaves a prefix on paths."""
    return create_app(Settings(log_level="error", path_prefix="/advisor")).test_client()


def test_the_prefix_alone_is_the_start_page(kept: FlaskClient) -> None:
    """Its links lead on below the prefix, without a redirect that would need scheme and host."""
    answer = kept.get("/advisor")

    assert 200 == answer.status_code
    assert 'href="advisor/interview?tree=1.0.0"' in answer.text
    assert 'href="interview?tree=1.0.0"' in kept.get("/advisor/").text


def test_the_prefix_alone_is_explained_below_it() -> None:
    """Without pages, the type of the problem leads to its explanation, below the prefix."""
    settings = Settings(log_level="error", path_prefix="/advisor", pages=False)
    kept = create_app(settings).test_client()
    answer = kept.get("/advisor")
    place = urljoin("http://host/advisor", answer.json["type"]).removeprefix("http://host")

    assert (404, "/advisor/problems/not-found") == (answer.status_code, place)
    assert 200 == kept.get(place).status_code


@pytest.mark.parametrize("path", ["/tree", "/healthz", "/readyz", "/metrics", "/docs", "/openapi.json"])
def test_paths_are_answered_with_and_without_the_prefix(kept: FlaskClient, path: str) -> None:
    """A proxy asks with it, a probe without."""
    assert [200, 200] == [kept.get(prefix + path).status_code for prefix in ("", "/advisor")]


@pytest.mark.parametrize("path", ["/advisors/tree", "/advisor/advisor/tree", "/ADVISOR/tree"])
def test_no_other_path_is_answered(kept: FlaskClient, path: str) -> None:
    """The prefix is one whole beginning of the path, once."""
    assert 404 == kept.get(path).status_code


def asked_below(application: Flask, path: str) -> tuple[str, str]:
    """The prefix and the rest of a path, as the application is told by what stands before it."""
    environ = EnvironBuilder(method="OPTIONS").get_environ() | {"PATH_INFO": path, "RAW_URI": path}
    application(environ, lambda *_: lambda _: None)
    return environ["SCRIPT_NAME"], environ["PATH_INFO"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("*", ("", "*")),  # of the server as a whole (RFC 9110, 9.3.7)
        ("", ("", "")),
        ("/", ("", "/")),
        ("/advisor/*", ("/advisor", "/*")),
        ("/advisor", ("/advisor", "")),
        ("/advisor//", ("/advisor", "//")),
    ],
)
def test_only_the_prefix_is_taken_off(kept: FlaskClient, path: str, expected: tuple[str, str]) -> None:
    """What isn't below it is passed on as it is, the asterisk of OPTIONS included."""
    assert expected == asked_below(kept.application, path)
