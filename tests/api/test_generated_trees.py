"""Generated trees, served from documents: every endpoint says of them what the engine says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import inf, nextafter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator
from werkzeug.test import TestResponse

from finetune_advisor.app import create_app
from finetune_advisor.engine.analysis.comparison import compare_trees
from finetune_advisor.engine.analysis.explanation import Explainer
from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.evaluation.path_table import PathTable
from finetune_advisor.engine.model.conditions import InRange
from finetune_advisor.engine.model.inputs import Input, normalize_number
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats import mermaid, svg
from finetune_advisor.schemas.assessments import AssessmentSchema
from finetune_advisor.schemas.changes import ChangesSchema
from finetune_advisor.schemas.explanations import ExplanationSchema
from finetune_advisor.settings import Settings
from finetune_advisor.trees import loader
from finetune_advisor.trees.catalog import BUNDLED_TREES_DIR
from tests import strategies
from tests.api import documents_of
from tests.strategies import Known, walk

pytestmark = pytest.mark.exhaustive

COMPLETE = 40
OFTEN = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def trees_and_profiles(draw: strategies.Draw) -> tuple[Tree, list[Known]]:
    """A tree with some profiles, whose numbers are at and next to thresholds."""
    tree = draw(strategies.trees())
    near = [draw(_near(tree)) for _ in range(3)]
    partial = [draw(strategies.partial_profiles(tree)) for _ in range(2)]
    return tree, [{}, *partial, *near]


@st.composite
def _near(draw: strategies.Draw, tree: Tree) -> Known:
    """A complete profile with each number at a threshold or an end, or next to one."""
    return {
        name: draw(
            st.sampled_from(_places(tree, one) if one.is_numeric else strategies.values(tree, one))
        )
        for name, one in tree.inputs.items()
    }


def _places(tree: Tree, one: Input) -> list[int | float]:
    tests = [b.test for q in tree.questions.values() if q.input == one.name for b in q.branches]
    bounds = [end.value for t in tests if isinstance(t, InRange) for end in (t.lower, t.upper) if end]
    ends = [one.lowest, one.highest, *bounds]
    step = {"integer": lambda e: (int(e) - 1, int(e), int(e) + 1)}.get(one.type, _neighbours)
    return sorted({place for end in ends for place in step(end) if one.lowest <= place <= one.highest})


def _neighbours(end: float) -> tuple[float, float, float]:
    return nextafter(end, -inf), float(end), nextafter(end, inf)


@pytest.fixture(scope="module", autouse=True)
def beside_the_first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Generated trees are served beside tree 1.0.0 alone: others would be proven sound anew each time."""
    bundled = tmp_path_factory.mktemp("bundled")
    (bundled / "1.0.0.yaml").write_bytes((BUNDLED_TREES_DIR / "1.0.0.yaml").read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("finetune_advisor.trees.catalog.BUNDLED_TREES_DIR", bundled)
        yield


def served(directory: str) -> FlaskClient:
    return create_app(Settings(log_level="error", trees_dir=Path(directory))).test_client()


def ok(answer: TestResponse) -> TestResponse:
    assert answer.status_code == 200, answer.text
    return answer


def plain(form: Any) -> Any:
    """A value as a client sees it, after its way through JSON."""
    return json.loads(json.dumps(form))


def written(profile: Known) -> str:
    """A profile as a query."""
    return urlencode({k: v if isinstance(v, str) else json.dumps(v) for k, v in profile.items()})


@OFTEN
@given(strategies.trees())
def test_a_document_holds_the_whole_tree(tree: Tree) -> None:
    """Written down and read again, a tree is itself, to the last bit of its numbers."""
    with TemporaryDirectory() as directory:
        assert tree == loader.load_tree(documents_of.write(tree, Path(directory)))


@OFTEN
@given(trees_and_profiles())
def test_every_endpoint_agrees_with_the_engine(drawn: tuple[Tree, list[Known]]) -> None:
    """/assess, /assess/explain, /tree and the pictures answer 200, with what the engine says directly."""
    with TemporaryDirectory() as directory:
        tree = loader.load_tree(documents_of.write(drawn[0], Path(directory)))
        client = served(directory)
        path = f"/tree/versions/{tree.version}"

        body = ok(client.get("/tree")).json
        assert {**plain(tree.canonical), "digest": tree.digest} == body
        assert svg.render_svg(tree) == ok(client.get(f"{path}/diagram")).text
        for profile in drawn[1]:
            _agrees(client, tree, profile)
        every = list(strategies.profiles_of(tree))
        for profile in every[:: 1 + len(every) // COMPLETE]:
            assessed = ok(client.post("/assess", json={"profile": profile})).json
            assert walk(tree, profile)[1] == assessed["recommendation"]["id"]


def _agrees(client: FlaskClient, tree: Tree, profile: Known) -> None:
    assessment = evaluate(tree, profile)
    explanation = Explainer(tree, PathTable.of(tree)).explain(profile)
    request = {"profile": profile}
    assert plain(AssessmentSchema().dump(assessment)) == ok(client.post("/assess", json=request)).json
    explained = ok(client.post("/assess/explain", json=request)).json
    assert plain(ExplanationSchema().dump(explanation)) == explained
    for one in explained["counterfactuals"]:
        replayed = profile | {change["input"]: change["to"] for change in one["changes"]}
        found = ok(client.post("/assess", json={"profile": replayed})).json["candidates"]
        assert [one["recommendation"]] == found
        for change in one["changes"]:
            before = profile.get(change["input"])
            assert (None if before is None else _same(tree, change["input"], before)) == change.get(
                "from"
            )
    query = written(profile)
    picture = client.get(
        f"/tree/versions/{tree.version}/diagram?{query}", headers={"Accept": "text/vnd.mermaid"}
    )
    assert mermaid.render_mermaid(tree, assessment if profile else None) == ok(picture).text


def _same(tree: Tree, name: str, value: Any) -> Any:
    """A value as answers have it: a whole number without a fraction."""
    return normalize_number(value) if tree.inputs[name].is_numeric else value


@OFTEN
@given(strategies.trees())
def test_the_contract_of_any_tree_is_valid(tree: Tree) -> None:
    """/openapi.json is OpenAPI 3.1 to the letter, and has each input's type, choices and range."""
    with TemporaryDirectory() as directory:
        documents_of.write(tree, Path(directory))
        contract = ok(served(directory).get("/openapi.json")).json

    OpenAPIV31SpecValidator(contract).validate()
    schemas = contract["components"]["schemas"]
    for name, one in tree.inputs.items():
        described = schemas["Profile"]["properties"][name]
        if one.type == "enum":
            described = schemas[described["$ref"].rpartition("/")[2]]
            assert described == {"type": "string", "enum": list(one.choices)}
        elif one.is_numeric:
            kept = {key: described[key] for key in ("type", "minimum", "maximum")}
            assert kept == {"type": one.type, "minimum": one.lowest, "maximum": one.highest}
        else:
            assert described["type"] == "boolean"


@OFTEN
@given(strategies.trees(), st.data())
def test_changes_agree_with_the_engine(tree: Tree, data: st.DataObject) -> None:
    """Two versions of a tree, and any tree and the bundled one: moves and witnesses are the engine's."""
    with TemporaryDirectory() as directory:
        older = loader.load_tree(documents_of.write(tree, Path(directory)))
        newer = loader.load_tree(documents_of.write(_edited(older, data), Path(directory)))
        bundled = loader.load_tree(BUNDLED_TREES_DIR / "1.0.0.yaml")
        client = served(directory)
        for one, other in ((older, newer), (newer, older), (bundled, newer), (newer, newer)):
            path = f"/tree/versions/{other.version}/changes?since={one.version}"
            body = ok(client.get(path)).json
            assert plain(ChangesSchema().dump(compare_trees(one, other))) == body
            for move in body["moves"]:
                for end, version in (("from", one.version), ("to", other.version)):
                    request = {"profile": move["witness"], "tree_version": version}
                    answer = ok(client.post("/assess", json=request)).json
                    assert move.get(end) == answer.get("recommendation", {}).get("id")


def _edited(tree: Tree, data: st.DataObject) -> Tree:
    """A tree of the next version, in which two recommendations have changed places."""
    leaves = sorted(tree.recommendations)
    one, other = data.draw(st.permutations(leaves))[:2] if len(leaves) > 1 else (leaves[0], leaves[0])
    swap = {one: other, other: one}
    form = json.loads(json.dumps(documents_of.document(tree)))
    for question in form["questions"].values():
        for branch in question["branches"]:
            branch["to"] = swap.get(branch["to"], branch["to"])
    with TemporaryDirectory() as directory:
        path = Path(directory) / "edited.yaml"
        path.write_text(json.dumps(form | {"version": "1.2.4"}))
        return loader.load_tree(path)


COLLIDING = {
    "a schema's name": {"tree": ["red", "green"]},
    "the profile's name": {"profile": ["red", "green"]},
    "another enum's name": {"finetune": ["red", "green"]},
    "the versions' name": {"tree_version": ["red", "green"]},
    "two names that differ in a line": {"size_": ["red", "green"], "size": ["small", "large"]},
    "the answer's name": {"answer": ["red", "green"]},
    "the recommendations' name": {"recommendation_id": ["red", "green"]},
}


@pytest.mark.parametrize("inputs", COLLIDING.values(), ids=list(COLLIDING))
def test_an_input_may_have_any_name(tmp_path: Path, inputs: dict[str, list[str]]) -> None:
    """An enum whose name is that of something else in the contract is served with its own choices."""
    names = list(inputs)
    nodes = [f"q_{name}" for name in names] + ["last"]
    document = {
        "version": "7.0.0",
        "status": "candidate",
        "released": "2026-11-22",
        "title": "Title",
        "source": {"title": "Source", "url": "https://example.org/"},
        "inputs": {n: {"type": "enum", "label": "Label", "choices": c} for n, c in inputs.items()},
        "root": nodes[0],
        "questions": {
            node: {
                "text": "Text?",
                "input": name,
                "branches": [
                    {"is": inputs[name][0], "to": "first", "reason": "Because."},
                    {"otherwise": True, "to": after} | ({"reason": "So."} if after == "last" else {}),
                ],
            }
            for name, node, after in zip(names, nodes, nodes[1:], strict=False)
        },
        "recommendations": {
            leaf: {"title": "Title", "finetune": "no", "summary": "Summary"}
            for leaf in ("first", "last")
        },
    }
    (tmp_path / "tree.yaml").write_text(json.dumps(document))

    contract = ok(served(str(tmp_path)).get("/openapi.json")).json
    schemas = contract["components"]["schemas"]

    OpenAPIV31SpecValidator(contract).validate()
    for name, choices in inputs.items():
        component = schemas["Profile"]["properties"][name]["$ref"].rpartition("/")[2]
        assert choices == schemas[component].get("enum")
    assert {"first", "last", "use_rag"} <= {*schemas["RecommendationId"]["enum"]}
    assert schemas["Finetune"]["enum"] == ["no", "not_yet", "partly", "yes"]
    assert [one["type"] for one in schemas["Answer"]["oneOf"]] == ["boolean", "string", "number"]
