"""POST /tree/versions/{version}/worksheets/{input}: the answer that follows from quantities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from finetune_advisor.app import create_app
from finetune_advisor.settings import Settings
from finetune_advisor.trees import loader

TYPED = Path(__file__).parent / "typed.yaml"
TREE = loader.load_tree(TYPED)
WORKSHEET = f"/tree/versions/{TREE.version}/worksheets/corpus_length"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A client of an application whose own tree has a worksheet."""
    directory = tmp_path_factory.mktemp("trees")
    (directory / "typed.yaml").write_bytes(TYPED.read_bytes())
    return create_app(Settings(log_level="error", trees_dir=directory)).test_client()


def work_out(client: FlaskClient, quantities: Any, path: str = WORKSHEET) -> TestResponse:
    return client.post(path, json={"quantities": quantities})


def test_the_answer_has_what_it_follows_from(own: FlaskClient) -> None:
    """With defaults filled in, the formula, and the tree's version and digest; no cache stores it."""
    answer = work_out(own, {"documents": 3})

    assert answer.json == {
        "input": "corpus_length",
        "value": 1950,
        "unit": "tokens",
        "formula": "min(ceil(documents * length * rate), 1000000 tokens)",
        "quantities": {"documents": 3, "length": 500},
        "tree": {"version": TREE.version, "digest": TREE.digest},
    }
    assert "no-store" == answer.headers["Cache-Control"]


def test_the_answer_is_one_to_assess(own: FlaskClient) -> None:
    """A profile takes it."""
    value = work_out(own, {"documents": 100_000, "length": 10_000}).get_json()["value"]
    request = {"profile": {"corpus_length": value}, "tree_version": TREE.version}

    assert 1_000_000 == value
    assert 200 == own.post("/assess", json=request).status_code


def test_the_next_question_says_how_to_work_its_answer_out(own: FlaskClient) -> None:
    """As the tree does."""
    request = {"profile": {"team": "small"}, "tree_version": TREE.version}
    question = own.post("/assess", json=request).get_json()["next_question"]
    tree = own.get(f"/tree/versions/{TREE.version}").get_json()

    assert tree["inputs"]["corpus_length"]["worksheet"] == question["worksheet"]
    assert "worksheet" not in tree["inputs"]["drift"]


@pytest.mark.parametrize(
    ("quantities", "errors"),
    [
        ({}, {"#/quantities/documents": "this is missing; add it"}),
        (
            {"documents": None},
            {"#/quantities/documents": "null is not allowed; give a value"},
        ),
        (
            {"documents": "3", "length": True},
            {
                "#/quantities/documents": "not a number; give one such as 0.9, without quotes",
                "#/quantities/length": "not a number; give one such as 0.9, without quotes",
            },
        ),
        (
            {"documents": 100_000.5},
            {"#/quantities/documents": "out of range; give a value from 0 to 100000"},
        ),
        (
            {"documents": 1, "lenght": 1},
            {"#/quantities/lenght": "there is no such name here; did you mean length?"},
        ),
        ([1], {"#/quantities": "not an object; give one in braces"}),
        ({f"a{n}": 1 for n in range(21)}, {"#/quantities": "more than 20 names; give fewer"}),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    own: FlaskClient, quantities: Any, errors: dict[str, str]
) -> None:
    """Every fault with a pointer, and what to do."""
    answer = work_out(own, quantities)

    assert 422 == answer.status_code
    assert errors == {one["pointer"]: one["detail"] for one in answer.get_json()["errors"]}


@pytest.mark.parametrize(
    ("path", "slug", "detail"),
    [
        (
            f"/tree/versions/{TREE.version}/worksheets/team",
            "unknown-worksheet",
            "tree 9.0.0-typed has no worksheet for team; these inputs have one: corpus_length",
        ),
        (
            "/tree/versions/1.0.0/worksheets/nothing",
            "unknown-worksheet",
            "tree 1.0.0 has no input nothing; no input has one",
        ),
        (
            f"/tree/versions/1.0.0/worksheets/{'a' * 65}",
            "unknown-worksheet",
            f"tree 1.0.0 has no input {'a' * 64}…; no input has one",
        ),
        (
            "/tree/versions/9.9.9/worksheets/team",
            "unknown-version",
            "no such tree version is served; served are ",
        ),
    ],
)
def test_what_is_not_there_is_told(own: FlaskClient, path: str, slug: str, detail: str) -> None:
    """With the inputs that have a worksheet, or the versions that are served."""
    answer = work_out(own, {}, path)

    assert 404 == answer.status_code
    assert answer.get_json()["detail"].startswith(detail)
    assert answer.get_json()["type"].endswith(f"/problems/{slug}")


def test_the_contract_shows_a_worksheet_of_the_newest_tree(own: FlaskClient) -> None:
    """Its example is a request and the answer to it."""
    contract = own.get("/openapi.json").get_json()
    [path] = [path for path in contract["paths"] if "worksheets" in path]
    body = contract["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    expected = contract["components"]["examples"]["worksheet"]["value"]

    assert expected == own.post(WORKSHEET, json=body["examples"]["worksheet"]["value"]).json
    assert {"documents": 0, "length": 1} == expected["quantities"]


def test_a_name_that_goes_on_is_another_name(tmp_path: Path) -> None:
    """A name of the most characters and one more isn't taken for the input of the shorter name."""
    name = "a" * 64
    text = TYPED.read_text(encoding="utf-8").replace("corpus_length", name)
    (tmp_path / "own.yaml").write_text(text, encoding="utf-8")
    client = create_app(Settings(log_level="error", trees_dir=tmp_path)).test_client()
    path = f"/tree/versions/9.0.0-typed/worksheets/{name}"
    quantities = {"quantities": {"documents": 2000}}

    assert 200 == client.post(path, json=quantities).status_code
    assert 404 == client.post(f"{path}a", json=quantities).status_code
