"""Deprecated versions say so in every answer, retired ones answer no more, and both name the successor."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from finetune_advisor.api.http.relative_links import relative_link
from finetune_advisor.app import create_app
from finetune_advisor.settings import Settings
from tests.editions import (
    DEPRECATED,
    ENDING,
    HEADERS,
    RETIRED,
    RETIREMENT,
    SUCCESSOR,
    SUCCESSOR_LINK,
    resolve_link,
)

BELOW = ["", "/diagram", f"/changes?since={SUCCESSOR}", "/diagram?measured=false"]
ASSESS = {
    "/assess": {"profile": {}},
    "/assess/batch": {"profiles": [{}, None]},
    "/assess/explain": {"profile": {}},
}


def told(answer: Any) -> dict[str, str]:
    """What an answer says of its version's end."""
    said = {name: answer.headers[name] for name in HEADERS if name in answer.headers}
    links = {"Link": resolve_link(said["Link"], answer.request.path)} if "Link" in said else {}
    return said | links


@pytest.fixture(scope="module")
def by_default(ending_trees: Path) -> FlaskClient:
    """A client of an application whose default version is the deprecated one."""
    settings = Settings(log_level="error", trees_dir=ending_trees, default_tree_version=DEPRECATED)
    return create_app(settings).test_client()


@pytest.mark.parametrize("below", BELOW)
def test_a_deprecated_tree_says_so(ending: FlaskClient, below: str) -> None:
    """The tree, its picture and its changes carry the three headers, and so does a 304."""
    path = f"/tree/versions/{DEPRECATED}{below}"
    first = ending.get(path)
    second = ending.get(path, headers={"If-None-Match": first.headers["ETag"]})

    assert (first.status_code, second.status_code) == (200, 304)
    assert HEADERS == told(first) == told(second)


@pytest.mark.parametrize("path", ASSESS)
def test_an_answer_from_a_deprecated_tree_says_so(ending: FlaskClient, path: str) -> None:
    """An assessment and an explanation carry the headers, and are stored as little as any."""
    answer = ending.post(path, json=ASSESS[path] | {"tree_version": DEPRECATED})

    assert (answer.status_code, told(answer)) == (200, HEADERS)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ASSESS)
def test_a_deprecated_default_says_so(by_default: FlaskClient, path: str) -> None:
    """Without a version, the default one answers, and says that it is deprecated."""
    assert HEADERS == told(by_default.post(path, json=ASSESS[path]))
    assert HEADERS == told(by_default.get("/tree"))


@pytest.mark.parametrize("version", ["1.0.0", SUCCESSOR])
def test_other_trees_say_nothing_of_an_end(ending: FlaskClient, version: str) -> None:
    """A candidate and a current version carry none of the headers."""
    paths = ["", "/diagram", f"/changes?since={DEPRECATED}"]
    answers = [ending.get(f"/tree/versions/{version}{below}") for below in paths]
    answers += [ending.post(p, json=body | {"tree_version": version}) for p, body in ASSESS.items()]
    answers += [ending.get("/tree"), ending.get("/tree/versions")]

    assert [(one.status_code, told(one)) for one in answers] == [(200, {})] * 8


def test_a_refusal_says_nothing_of_an_end(ending: FlaskClient) -> None:
    """A deprecated version answers nothing where the request is refused."""
    answer = ending.post("/assess/explain", json={"tree_version": DEPRECATED})

    assert (answer.status_code, told(answer)) == (422, {})


@pytest.mark.parametrize("below", BELOW)
def test_a_retired_tree_is_gone(ending: FlaskClient, below: str) -> None:
    """Its paths answer 410 with a problem that names the successor, and link there."""
    answer = ending.get(f"/tree/versions/{RETIRED}{below}")

    assert (answer.status_code, answer.content_type) == (410, "application/problem+json")
    assert answer.json == {
        "type": relative_link("/problems/retired-version", answer.request.environ),
        "title": "The tree of this version is retired",
        "status": 410,
        "detail": RETIREMENT,
    }
    assert told(answer) == {"Link": SUCCESSOR_LINK}
    assert ending.get(SUCCESSOR_LINK.partition(">")[0][1:]).json["version"] == SUCCESSOR


@pytest.mark.parametrize("path", ASSESS)
def test_a_retired_version_in_a_body_is_refused(ending: FlaskClient, path: str) -> None:
    """It is a fault of the body like any other, whose detail names the successor."""
    answer = ending.post(path, json=ASSESS[path] | {"tree_version": RETIRED})

    kind = relative_link("/problems/invalid-request", answer.request.environ)
    assert (answer.status_code, answer.json["type"]) == (422, kind)
    assert answer.json["errors"] == [{"pointer": "#/tree_version", "detail": RETIREMENT}]


def test_a_retired_version_is_told_beside_other_faults(ending: FlaskClient) -> None:
    """One answer lists every fault, this one too."""
    answer = ending.post("/assess", json={"profile": {"measured": 1}, "tree_version": RETIRED})

    assert [one["pointer"] for one in answer.json["errors"]] == ["#/profile/measured", "#/tree_version"]


@pytest.mark.parametrize("version", [3, None, ["3.0.0"], {"3.0.0": 1}, "3.0.1", True])
def test_other_versions_are_refused_as_before(ending: FlaskClient, version: Any) -> None:
    """What is no served version and was none gets the list of those that are."""
    answer = ending.post("/assess", json={"profile": {}, "tree_version": version})
    [error] = answer.json["errors"]

    assert (answer.status_code, error["pointer"]) == (422, "#/tree_version")
    assert RETIREMENT not in error["detail"]


def test_a_retired_version_to_compare_with_is_refused(ending: FlaskClient) -> None:
    """It is a fault of the query, whose detail names the successor."""
    answer = ending.get(f"/tree/versions/{SUCCESSOR}/changes?since={RETIRED}")

    assert answer.status_code == 422
    assert answer.json["errors"] == [{"parameter": "since", "detail": RETIREMENT}]


def test_the_list_has_what_is_served_with_its_end(ending: FlaskClient) -> None:
    """A deprecated version is listed with its days and its successor, a retired one not at all."""
    listed = {one["version"]: one for one in ending.get("/tree/versions").json["versions"]}
    ends = {version: {k: one[k] for k in ENDING if k in one} for version, one in listed.items()}

    assert RETIRED not in listed
    assert listed[DEPRECATED]["status"] == "deprecated"
    assert {version: end for version, end in ends.items() if end} == {DEPRECATED: ENDING}


def test_the_contract_offers_what_is_served(ending: FlaskClient) -> None:
    """A retired version is no value for a version, in paths, bodies and queries."""
    contract = ending.get("/openapi.json").json
    offered = contract["components"]["schemas"]["TreeVersion"]["enum"]

    assert RETIRED not in offered
    assert DEPRECATED in offered
    given = contract["paths"]["/tree/versions/{version}"]["parameters"]
    [path] = [one for one in given if one["in"] == "path"]
    assert path["schema"] == {"$ref": "#/components/schemas/TreeVersion"}


def test_a_client_can_recompute_the_digest_of_a_deprecated_tree(ending: FlaskClient) -> None:
    """Drop the digest and the lifecycle; what is left is what was released."""
    body = ending.get(f"/tree/versions/{DEPRECATED}").json
    form = {k: v for k, v in body.items() if k not in ("digest", "status", *ENDING)}
    text = json.dumps(form, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    assert {k: body[k] for k in ENDING} == ENDING
    assert body["digest"] == f"sha256:{sha256(text.encode()).hexdigest()}"


def test_an_end_is_no_change(ending: FlaskClient) -> None:
    """Two versions that say the same have no changes, whatever becomes of them."""
    changes = ending.get(f"/tree/versions/{SUCCESSOR}/changes?since={DEPRECATED}").json

    assert changes["equivalent"]
    assert [changes[kind] for kind in ("added", "removed", "rewired", "reworded")] == [[], [], [], []]
