"""GET /tree and /tree/versions: documents that a client can verify, cache and walk by itself."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest
from flask.testing import FlaskClient

from finetune_advisor.trees import catalog
from tests.api import guide

PATHS = ["/tree", "/tree/versions", "/tree/versions/1.0.0"]


def digest(body: dict[str, Any]) -> str:
    """The digest that a client works out from a tree's body alone."""
    form = {name: value for name, value in body.items() if name not in ("digest", "status")}
    text = json.dumps(form, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f"sha256:{sha256(text.encode()).hexdigest()}"


@pytest.mark.parametrize("path", ["/tree", "/tree/versions/1.0.0"])
def test_a_client_can_recompute_the_digest(client: FlaskClient, path: str) -> None:
    """Drop digest and status, sort the keys, leave out white space, hash the UTF-8."""
    body = client.get(path).json

    assert digest(body) == body["digest"]


def test_a_client_can_recompute_the_digest_of_a_typed_tree(typed: FlaskClient) -> None:
    """Numbers, ranges and comparisons keep their form on the way through JSON."""
    body = typed.get("/tree/versions/9.0.0-typed").json

    assert digest(body) == body["digest"]


def test_every_place_names_the_same_digest(typed: FlaskClient) -> None:
    """The list of versions, each tree and its assessments agree on the digest."""
    for one in typed.get("/tree/versions").json["versions"]:
        tree = typed.get(f"/tree/versions/{one['version']}").json
        assessed = typed.post("/assess", json={"profile": {}, "tree_version": one["version"]}).json

        assert one["digest"] == tree["digest"]
        assert {"version": one["version"], "digest": one["digest"]} == assessed["tree"]
        assert {name: one[name] for name in ("status", "released", "title")} == {
            name: tree[name] for name in ("status", "released", "title")
        }


def test_versions_come_oldest_first_with_one_default(typed: FlaskClient) -> None:
    """Every version served is listed; exactly one is the default, the newest current one."""
    listed = [(one["version"], one["default"]) for one in typed.get("/tree/versions").json["versions"]]

    default = catalog.load_catalog().default.version
    expected = [
        (version, version == default) for version in (*catalog.load_catalog().trees, "9.0.0-typed")
    ]
    assert expected == listed


def test_the_default_version_says_why(typed: FlaskClient) -> None:
    """The version that answers when none is named says in words why; no other one does."""
    versions = typed.get("/tree/versions").json["versions"]

    assert {True: catalog.REASON_NEWEST_BUNDLED, False: None} == {
        one["default"]: one.get("default_reason") for one in versions
    }


def test_the_default_tree_is_the_one_of_its_version(client: FlaskClient) -> None:
    """GET /tree is the default version's document, byte for byte."""
    default = catalog.load_catalog().default.version

    assert client.get("/tree").data == client.get(f"/tree/versions/{default}").data


def test_the_tree_is_the_guide_s_flowchart(client: FlaskClient) -> None:
    """Questions, inputs and branches are the guide's, so a client can walk the tree by itself."""
    tree = client.get("/tree/versions/1.0.0").json
    flowchart = {
        name: (one["input"], *(branch["to"] for branch in one["branches"]))
        for name, one in tree["questions"].items()
    }

    assert tree["root"] == "prompt_engineering"
    assert flowchart == guide.FLOWCHART
    assert list(tree["inputs"]) == guide.INPUTS
    tests = {tuple(branch["is"] for branch in one["branches"]) for one in tree["questions"].values()}
    assert tests == {(True, False)}


def test_typed_questions_say_how_they_branch(typed: FlaskClient) -> None:
    """Each kind of test has a plain form: is, in, bounds, comparisons of two inputs, otherwise."""
    questions = typed.get("/tree/versions/9.0.0-typed").json["questions"]
    tests = {
        name: [
            {k: v for k, v in branch.items() if k not in ("to", "reason")} for branch in one["branches"]
        ]
        for name, one in questions.items()
    }

    assert tests == {
        "staffing": [{"in": ["solo"]}, {"in": ["small", "large"]}],
        "size": [{"lt": 1000}, {"gte": 1000}],
        "quality": [{"gte_input": "needed_score"}, {"lt_input": "needed_score"}],
        "stability": [{"lt": -0.5}, {"otherwise": True}],
        "hosted": [{"is": True}, {"is": False}],
    }


@pytest.mark.parametrize("path", PATHS)
def test_a_client_that_has_it_gets_304(client: FlaskClient, path: str) -> None:
    """The ETag is strong, and sent back it gives 304 with the same ETag, as long as nothing changes."""
    first = client.get(path)
    etag = first.headers["ETag"]
    second = client.get(path, headers={"If-None-Match": etag})

    assert (first.status_code, second.status_code, second.data) == (200, 304, b"")
    assert etag.startswith('"')
    assert etag == second.headers["ETag"]
    assert first.headers["Cache-Control"] == "public, max-age=60"
    assert first.headers["Cache-Control"] == second.headers["Cache-Control"]


CODED_ETAGS = ['"%s-gzip"', '"%s-br"', '"%s--gzip"', '"%s;gzip"', 'W/"%s-zstd"', '"other-gzip", W/"%s"']


@pytest.mark.parametrize("path", ["/tree", "/tree/versions/1.0.0/diagram", "/docs/swagger-ui.css"])
@pytest.mark.parametrize("coded", CODED_ETAGS)
def test_an_etag_that_a_proxy_changed_is_known(client: FlaskClient, path: str, coded: str) -> None:
    """Servers that compress answers append the coding to an ETag, or weaken it, and pass it back."""
    first = client.get(path)
    etag = first.headers["ETag"]
    second = client.get(path, headers={"If-None-Match": coded % etag.strip('"')})

    assert (304, etag) == (second.status_code, second.headers["ETag"])
    first.close()
    second.close()


@pytest.mark.parametrize(
    ("condition", "coded", "status"),
    [
        ("If-None-Match", '"other-gzip"', 200),
        ("If-None-Match", '"%s-v2"', 200),
        ("If-None-Match", '"%s"-gzip', 200),
        ("If-Match", '"%s-gzip"', 200),
        ("If-Match", 'W/"%s-gzip"', 412),
        ("If-Match", '"%s-v2"', 412),
    ],
)
def test_another_etag_stays_another_one(
    client: FlaskClient, condition: str, coded: str, status: int
) -> None:
    """Nothing but the name of a coding is taken off, and If-Match is held against what is left."""
    etag = client.get("/tree").headers["ETag"].strip('"')
    value = coded % etag if "%s" in coded else coded

    assert status == client.get("/tree", headers={condition: value}).status_code


def test_different_bodies_have_different_etags(typed: FlaskClient) -> None:
    """No two documents share a validator."""
    paths = ["/tree", "/tree/versions", "/tree/versions/9.0.0-typed"]

    assert len({typed.get(path).headers["ETag"] for path in paths}) == 3


@pytest.mark.parametrize("version", ["9.9.9", "1.0", "latest", "1.0.0-rc.1", "é", "%00"])
def test_an_unknown_version_is_404_and_names_those_served(client: FlaskClient, version: str) -> None:
    """The problem lists what there is, and doesn't repeat what was asked."""
    answer = client.get(f"/tree/versions/{version}")

    assert (answer.status_code, answer.json["type"]) == (404, "../../problems/unknown-version")
    served = ", ".join(catalog.load_catalog().trees)
    assert answer.json["detail"] == f"no such tree version is served; served are {served}"
