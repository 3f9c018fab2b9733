"""GET /tree/versions/{version}/changes: what a version says differently, and who moves where."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from ruamel.yaml import YAML

from finetune_advisor.app import create_app
from finetune_advisor.settings import Settings
from finetune_advisor.trees import catalog

OLD, SWAPPED, REWORDED, EXTENDED, SHORTENED = "1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0"
REVERSED = "1.5.0"
VERSIONS = [OLD, SWAPPED, REWORDED, EXTENDED, SHORTENED, REVERSED]
PAIRS = list(product(VERSIONS, repeat=2))
NOWHERE = object()
Document = dict[str, Any]


def swap(document: Document) -> None:
    """Data that changes is looked up if it is very large, and the other way round."""
    yes, no = document["questions"]["real_time_data"]["branches"]
    yes["is"], no["is"] = False, True


def reword(document: Document) -> None:
    """A question and the first step of a recommendation are put in other words."""
    document["questions"]["data_volume"]["text"] = "Is it a lot of data?"
    document["recommendations"]["use_rag"]["next_steps"][0] = "Start small."


def extend(document: Document) -> None:
    """Where data may not leave, a new question asks for the budget."""
    document["inputs"]["budget_available"] = {"type": "boolean", "label": "There is a budget"}
    _, no = document["questions"]["api_solutions"]["branches"]
    document["questions"]["budget"] = {
        "text": "Is there a budget?",
        "input": "budget_available",
        "branches": [
            {"is": True, "to": no["to"], "reason": no.pop("reason")},
            {"is": False, "to": "use_api", "reason": "Nothing else can be paid for."},
        ],
    }
    no["to"] = "budget"


def shorten(document: Document) -> None:
    """Nobody is asked whether data changes."""
    document["questions"]["knowledge_retrieval"]["branches"][0]["to"] = "data_volume"
    del document["questions"]["real_time_data"]
    del document["inputs"]["real_time_data_needed"]


def reverse(document: Document) -> None:
    """Who was to look things up is to fine-tune."""
    document["recommendations"]["use_rag"]["finetune"] = "yes"


EDITS: dict[str, Callable[[Document], None]] = {
    SWAPPED: swap,
    REWORDED: reword,
    EXTENDED: extend,
    SHORTENED: shorten,
    REVERSED: reverse,
}


@pytest.fixture(scope="module")
def edited_trees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of trees that differ from the bundled one by one edit each."""
    directory = tmp_path_factory.mktemp("edited")
    write_edited(directory)
    return directory


def write_edited(directory: Path) -> None:
    """Write a tree for each edit of the bundled one."""
    bundled = YAML(typ="safe").load(catalog.BUNDLED_TREES_DIR / "1.0.0.yaml")
    for version, edit in EDITS.items():
        document = deepcopy(bundled) | {"version": version, "status": "candidate"}
        edit(document)
        (directory / f"{version}.yaml").write_text(json.dumps(document, default=str))


@pytest.fixture(scope="module")
def edited(edited_trees: Path) -> FlaskClient:
    """A client of an application that serves them beside the bundled one."""
    return create_app(Settings(log_level="error", trees_dir=edited_trees)).test_client()


def changes(client: FlaskClient, newer: str, older: str) -> Document:
    answer = client.get(f"/tree/versions/{newer}/changes?since={older}")
    assert answer.status_code == 200, answer.text
    found: Document = answer.json
    return found


def moves(body: Document) -> list[tuple[str | None, str | None, int]]:
    return [(one.get("from"), one.get("to"), one["profiles"]) for one in body["moves"]]


def outcome(client: FlaskClient, version: str, profile: dict[str, Any]) -> str | None:
    """What POST /assess decides for, if it does."""
    answer = client.post("/assess", json={"profile": profile, "tree_version": version})
    assert answer.status_code == 200, answer.text
    recommended: str | None = answer.json.get("recommendation", {}).get("id")
    return recommended


def at(body: Any, pointer: str) -> Any:
    """What a JSON pointer finds in a body, or NOWHERE."""
    for step in pointer.split("/")[1:]:
        if isinstance(body, list):
            body = body[int(step)] if step.isdigit() and int(step) < len(body) else NOWHERE
        else:
            body = body.get(step, NOWHERE) if isinstance(body, dict) else NOWHERE
    return body


def test_swapped_answers_move_both_ways(edited: FlaskClient) -> None:
    """Two moves of 128 of 2,048 profiles each, and one question that decides differently."""
    body = changes(edited, SWAPPED, OLD)

    assert moves(body) == [("consider_hybrid", "use_rag", 128), ("use_rag", "consider_hybrid", 128)]
    assert [one["share"] for one in body["moves"]] == [0.0625, 0.0625]
    assert (body["profiles"], body["equivalent"]) == (2048, False)
    assert body["rewired"] == ["/questions/real_time_data/branches"]
    assert (body["added"], body["removed"], body["reworded"]) == ([], [], [])


def test_other_words_move_nobody(edited: FlaskClient) -> None:
    """Equivalent trees: the texts that differ are listed, each with both wordings."""
    body = changes(edited, REWORDED, OLD)

    assert (body["equivalent"], body["moves"], body["profiles"]) == (True, [], 2048)
    assert (body["added"], body["removed"], body["rewired"]) == ([], [], [])
    assert [(one["pointer"], one["after"]) for one in body["reworded"]] == [
        ("/questions/data_volume/text", "Is it a lot of data?"),
        ("/recommendations/use_rag/next_steps/0", "Start small."),
    ]


def test_reversed_advice_is_no_equivalence(edited: FlaskClient) -> None:
    """Nobody moves, but who stays is told the opposite."""
    body = changes(edited, REVERSED, OLD)

    assert (body["equivalent"], body["moves"]) == (False, [])
    assert body["reversals"] == [{"recommendation": "use_rag", "from": "no", "to": "yes"}]
    assert body["rewired"] == ["/recommendations/use_rag/finetune"]
    assert changes(edited, SWAPPED, OLD)["reversals"] == []


def test_a_new_input_leaves_undecided_who_depends_on_it(edited: FlaskClient) -> None:
    """The sixteen profiles that ended where the new question stands are undecided without its input."""
    body = changes(edited, EXTENDED, OLD)

    assert moves(body) == [("consider_finetuning", None, 16)]
    assert "to" not in body["moves"][0]
    assert body["moves"][0]["share"] == 16 / 2048
    assert (body["profiles"], body["equivalent"]) == (2048, False)
    assert sorted(body["added"]) == ["/inputs/budget_available", "/questions/budget"]
    assert (body["removed"], body["rewired"]) == ([], ["/questions/api_solutions/branches"])


def test_an_input_that_is_gone_counts_as_unknown(edited: FlaskClient) -> None:
    """Half of all profiles remain; who waited for the answer to the dropped question is decided now."""
    body = changes(edited, SHORTENED, OLD)

    assert moves(body) == [(None, "consider_hybrid", 128)]
    assert "from" not in body["moves"][0]
    assert "real_time_data_needed" not in body["moves"][0]["witness"]
    assert len(body["moves"][0]["witness"]) == 10
    assert (body["profiles"], body["equivalent"]) == (1024, False)
    assert sorted(body["removed"]) == ["/inputs/real_time_data_needed", "/questions/real_time_data"]
    assert (body["added"], body["rewired"]) == ([], ["/questions/knowledge_retrieval/branches"])


@pytest.mark.parametrize(("newer", "older"), PAIRS)
def test_every_witness_moves_as_it_says(edited: FlaskClient, newer: str, older: str) -> None:
    """Replayed through POST /assess in both versions, a witness goes from where to where it stands for."""
    for one in changes(edited, newer, older)["moves"]:
        assert one.get("from") == outcome(edited, older, one["witness"])
        assert one.get("to") == outcome(edited, newer, one["witness"])
        assert one.get("from") != one.get("to")


@pytest.mark.parametrize(("newer", "older"), PAIRS)
def test_shares_and_counts_agree(edited: FlaskClient, newer: str, older: str) -> None:
    """A share is a count of all; together they are at most all; no two moves are alike."""
    body = changes(edited, newer, older)
    ends = [(one.get("from"), one.get("to")) for one in body["moves"]]

    assert [one["profiles"] / body["profiles"] for one in body["moves"]] == [
        one["share"] for one in body["moves"]
    ]
    assert sum(one["profiles"] for one in body["moves"]) <= body["profiles"]
    assert len(set(ends)) == len(ends)
    assert not body["equivalent"] or not body["moves"]


@pytest.mark.parametrize(("newer", "older"), PAIRS)
def test_pointers_resolve_in_the_trees(edited: FlaskClient, newer: str, older: str) -> None:
    """What is added is in the newer body alone, what is removed in the older, the rest in both, different."""
    before, after = (edited.get(f"/tree/versions/{one}").json for one in (older, newer))
    body = changes(edited, newer, older)

    assert {"version": older, "digest": before["digest"]} == body["older"]
    assert {"version": newer, "digest": after["digest"]} == body["newer"]
    assert [NOWHERE for _ in body["added"]] == [at(before, one) for one in body["added"]]
    assert NOWHERE not in [at(after, one) for one in body["added"]]
    assert [NOWHERE for _ in body["removed"]] == [at(after, one) for one in body["removed"]]
    assert NOWHERE not in [at(before, one) for one in body["removed"]]
    for one in body["rewired"]:
        assert NOWHERE not in (at(before, one), at(after, one))
        assert at(before, one) != at(after, one)
    for one in body["reworded"]:
        assert (one["before"], one["after"]) == (at(before, one["pointer"]), at(after, one["pointer"]))
        assert one["before"] != one["after"]


@pytest.mark.parametrize(("newer", "older"), PAIRS)
def test_the_way_back_is_the_way_there(edited: FlaskClient, newer: str, older: str) -> None:
    """The other way round, everybody moves back, and what was added is removed."""
    there, back = changes(edited, newer, older), changes(edited, older, newer)

    reversed_moves = [(to, start, count) for start, to, count in moves(back)]
    assert sorted(reversed_moves, key=str) == sorted(moves(there), key=str)
    assert sorted(there["added"]) == sorted(back["removed"])
    assert sorted(there["rewired"]) == sorted(back["rewired"])
    assert [(one["before"], one["after"]) for one in there["reworded"]] == [
        (one["after"], one["before"]) for one in back["reworded"]
    ]
    assert there["equivalent"] == back["equivalent"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_version_is_equivalent_to_itself(edited: FlaskClient, version: str) -> None:
    """Since itself, nothing is different and nobody moves."""
    body = changes(edited, version, version)
    inputs = edited.get(f"/tree/versions/{version}").json["inputs"]

    assert body["older"] == body["newer"]
    assert (body["equivalent"], body["profiles"]) == (True, 2 ** len(inputs))
    assert [body[name] for name in [*body][4:]] == [0, [], [], False, [], [], [], []]


def test_members_have_a_fixed_order(edited: FlaskClient) -> None:
    """As the contract lists them."""
    body = changes(edited, SWAPPED, OLD)

    assert list(body) == [
        *("older", "newer", "equivalent", "profiles", "undecided"),
        *("moves", "reversals", "truncated"),
        *("added", "removed", "rewired", "reworded"),
    ]
    assert list(body["moves"][0]) == ["from", "to", "profiles", "share", "witness"]


def test_trees_with_other_inputs_are_compared_over_those_they_share(typed: FlaskClient) -> None:
    """Two trees with one input in common: two profiles, undecided in both, and no equivalence."""
    body = changes(typed, "9.0.0-typed", OLD)

    assert (body["profiles"], body["undecided"], body["moves"], body["equivalent"]) == (2, 2, [], False)
    assert "/inputs/team" in body["added"]
    assert "/inputs/data_sensitive" in body["removed"]
    assert "/root" in body["rewired"]


def test_numbers_are_counted_by_what_tests_tell_apart(typed: FlaskClient) -> None:
    """The typed tree has 3 teams, 2 sizes, 3 relations of two scores, 2 drifts and 2 answers: 72 kinds."""
    assert changes(typed, "9.0.0-typed", "9.0.0-typed")["profiles"] == 3 * 2 * 3 * 2 * 2


def test_since_is_one_of_the_versions(edited: FlaskClient) -> None:
    """An error lists them; the contract has them too."""
    answer = edited.get(f"/tree/versions/{OLD}/changes?since=9.9.9")
    schema = edited.get("/openapi.json").json["components"]["schemas"]["TreeVersion"]

    assert (answer.status_code, answer.json["errors"]) == (
        422,
        [
            {
                "parameter": "since",
                "detail": "not a known value; choose from "
                "1.0.0, 1.1.0, 1.2.0, 1.3.0, 1.4.0, 1.5.0, 2.0.0, 3.0.0",
            }
        ],
    )
    assert schema["enum"] == [*VERSIONS, "2.0.0", "3.0.0"]


def test_an_unknown_version_is_404(edited: FlaskClient) -> None:
    """In the path it is not found, and the problem says which are."""
    answer = edited.get("/tree/versions/9.9.9/changes?since=1.0.0")

    assert (answer.status_code, answer.json["type"]) == (404, "../../../problems/unknown-version")
    assert answer.json["detail"].endswith(
        "served are 1.0.0, 1.1.0, 1.2.0, 1.3.0, 1.4.0, 1.5.0, 2.0.0, 3.0.0"
    )


def test_each_pair_has_a_validator_of_its_own(edited: FlaskClient) -> None:
    """An ETag gives 304 for its own pair and 200 for any other."""
    urls = [f"/tree/versions/{newer}/changes?since={older}" for newer, older in PAIRS]
    etags = [edited.get(url).headers["ETag"] for url in urls]
    first = edited.get(urls[1], headers={"If-None-Match": etags[1]})

    assert len(set(etags)) == len(PAIRS)
    assert (first.status_code, first.data, first.headers["ETag"]) == (304, b"", etags[1])
    assert edited.get(urls[2], headers={"If-None-Match": etags[1]}).status_code == 200
