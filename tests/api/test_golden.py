"""Golden cases: a request and its response, one file each; the file's name is the test's id.

Prose isn't pinned: of what people read, the cases keep only the names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from tests.api import guide
from tests.conftest import ROOT

CASES = sorted((ROOT / "tests" / "golden").glob("*/*.json"))
KEPT = {
    "recommendation": ("id", "finetune"),
    "path": ("question", "input", "answer", "branch"),
    "next_question": ("question", "input", "type", "choices", "unit", "minimum", "maximum"),
    "tree": ("version",),
}


def kept(response: dict[str, Any]) -> dict[str, Any]:
    """A response without its prose and hashes."""
    return {
        name: _names(value, KEPT[name]) if name in KEPT else value
        for name, value in response.items()
        if name != "receipt"
    }


def _names(value: Any, names: tuple[str, ...]) -> Any:
    if isinstance(value, list):
        return [_names(item, names) for item in value]
    form = {name: value[name] for name in names if name in value}
    if "branch" in form:
        form["branch"] = {name: test for name, test in form["branch"].items() if name != "text"}
    return form


@pytest.mark.parametrize("case", CASES, ids=[f"{case.parent.name}/{case.stem}" for case in CASES])
def test_the_response_is_the_golden_one(client: FlaskClient, case: Path) -> None:
    """The whole response, without its prose, is the one in the file."""
    golden = orjson.loads(case.read_bytes())

    answer = client.post("/assess", json=golden["request"])

    assert answer.status_code == 200
    assert golden["response"] == kept(answer.json)
    assert answer.json["receipt"].startswith("sha256:")


def test_the_golden_cases_walk_every_path() -> None:
    """Each of the twelve ways through the flowchart has a case, and some cases are partial."""
    ways = {guide.follow(profile)[0] for profile in guide.complete_profiles()}
    walked = []
    for case in (orjson.loads(one.read_bytes()) for one in CASES if one.parent.name == "1.0.0"):
        steps = case["response"]["path"]
        way = tuple((one["question"], one["input"], one["answer"]) for one in steps)
        if way in ways:
            walked.append(way)

    assert len(ways) == 12
    assert sorted(ways) == sorted(walked)
    assert len(CASES) >= 16
