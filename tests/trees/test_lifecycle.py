"""The lifecycle: what a document has to say of its end, and what a catalog and the command make of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from finetune_advisor.app import create_app
from finetune_advisor.cli import main
from finetune_advisor.engine.model.tree import LIFECYCLE_FIELDS, Tree
from finetune_advisor.settings import Settings
from finetune_advisor.trees import catalog, lifecycle, loader
from tests import editions, strategies
from tests.conftest import ROOT
from tests.editions import DEPRECATED, ENDING, RETIRED, RETIREMENT, SUCCESSOR

SCHEMA = json.loads((ROOT / "docs" / "tree-document.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
STANDING = f"deprecated, to be retired on 2027-06-01; its successor is {SUCCESSOR}"


@pytest.fixture
def trees_dir(tmp_path: Path) -> Path:
    """A directory that holds a deprecated, a retired and a successive version."""
    editions.write_ending(tmp_path)
    return tmp_path


def refusal(path: Path) -> list[str]:
    """The lines of the message for a faulty document, without its path."""
    with pytest.raises(loader.DocumentError) as caught:
        loader.load_tree(path)
    return [line.removeprefix(f"{path}:") for line in str(caught.value).split("\n")]


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in ENDING.items() if name not in names}


def run(*arguments: str, stdin: str = "{}") -> Result:
    return CliRunner().invoke(main, arguments, input=stdin)


@pytest.mark.parametrize("status", lifecycle.END_OF_LIFE)
@pytest.mark.parametrize("sunset", ["2027-06-01", "2026-12-01"])
def test_an_ending_version_has_its_days_and_its_successor(
    tmp_path: Path, status: str, sunset: str
) -> None:
    """They are read as they are written, a sunset on the day of deprecation included."""
    ending = ENDING | {"sunset": sunset}
    tree = loader.load_tree(editions.write(tmp_path, DEPRECATED, status, **ending))

    assert (tree.deprecated, tree.sunset, tree.successor) == tuple(ending.values())
    assert {name: tree.canonical[name] for name in ENDING} == ending


MISSING = {
    "deprecated": "add the day since which the version is deprecated",
    "sunset": "add the day on which the version is retired",
    "successor": "add the version to use instead",
}
UNFIT = "remove it, or set the status to deprecated or retired"
FAULTS: dict[str, tuple[str, dict[str, str], list[str]]] = {
    "deprecated without anything": (
        "deprecated",
        {},
        [f"1: {name}: missing from a deprecated version; {MISSING[name]}" for name in MISSING],
    ),
    "retired without a sunset": (
        "retired",
        without("sunset"),
        [f"1: sunset: missing from a retired version; {MISSING['sunset']}"],
    ),
    "retired without a successor": (
        "retired",
        without("successor"),
        [f"1: successor: missing from a retired version; {MISSING['successor']}"],
    ),
    "deprecated without its day": (
        "deprecated",
        without("deprecated"),
        [f"1: deprecated: missing from a deprecated version; {MISSING['deprecated']}"],
    ),
    "current with all of it": (
        "current",
        ENDING,
        [f"{i}: {name}: not allowed for a current version; {UNFIT}" for i, name in enumerate(ENDING, 3)],
    ),
    "candidate with a sunset": (
        "candidate",
        without("deprecated", "successor"),
        [f"3: sunset: not allowed for a candidate version; {UNFIT}"],
    ),
    "sunset before deprecation": (
        "deprecated",
        ENDING | {"sunset": "2026-11-30"},
        ["4: sunset: before 2026-12-01, the day of deprecation; give that day or a later one"],
    ),
    "its own successor": (
        "deprecated",
        ENDING | {"successor": DEPRECATED},
        ["5: successor: not later than 7.1.0; name a later version"],
    ),
    "an earlier successor": (
        "retired",
        ENDING | {"successor": "7.1.0-rc.1"},
        ["5: successor: not later than 7.1.0; name a later version"],
    ),
    "a successor that is no version": (
        "deprecated",
        ENDING | {"successor": "latest"},
        ["5: successor: not a semantic version; write three numbers, such as 1.0.0"],
    ),
    "a day that is none": (
        "deprecated",
        ENDING | {"sunset": "soon", "deprecated": "2026"},
        [
            "3: deprecated: not a date; write one such as 2026-11-22",
            "4: sunset: not a date; write one such as 2026-11-22",
        ],
    ),
}


@pytest.mark.parametrize(("status", "ending", "expected"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_with_line_field_and_remedy(
    tmp_path: Path, status: str, ending: dict[str, str], expected: list[str]
) -> None:
    """Each has a line of its own: path, line, field, problem and what to do."""
    assert refusal(editions.write(tmp_path, DEPRECATED, status, **ending)) == [*expected]


def test_faults_of_the_end_are_told_beside_others(tmp_path: Path) -> None:
    """Who writes a document learns of both kinds at once."""
    path = editions.write(tmp_path, DEPRECATED, "retired", **without("sunset"))
    path.write_text(path.read_text().replace("root: start", "root: begin"))

    assert [line.split(": ")[1] for line in refusal(path)] == ["sunset", "root"]


def _data(status: str, ending: dict[str, str]) -> Any:
    quoted = {name: f'"{value}"' for name, value in ending.items()}
    text = editions.edition(DEPRECATED, status, **quoted)
    return YAML(typ="safe").load(text.replace("released: 2026-11-22", 'released: "2026-11-22"'))


@pytest.mark.parametrize("status", ["candidate", "current", "deprecated", "retired"])
@pytest.mark.parametrize("gone", [(), *((name,) for name in ENDING), tuple(ENDING)])
def test_the_json_schema_asks_for_the_same(tmp_path: Path, status: str, gone: tuple[str, ...]) -> None:
    """Editors mark what is missing or out of place exactly where the service refuses it."""
    path = editions.write(tmp_path, DEPRECATED, status, **without(*gone))
    try:
        sound = bool(loader.load_tree(path))
    except loader.DocumentError:
        sound = False

    assert VALIDATOR.is_valid(_data(status, without(*gone))) == sound


def test_the_json_schema_is_one() -> None:
    """It is valid itself."""
    Draft202012Validator.check_schema(SCHEMA)


@settings(deadline=None, max_examples=50)
@given(
    strategies.trees(wide=False),
    st.sampled_from(["candidate", "current", "deprecated", "retired"]),
    st.dates(),
    st.dates(),
    st.sampled_from(["1.2.4", SUCCESSOR, ""]),
)
def test_the_digest_leaves_out_the_lifecycle(
    tree: Tree, status: Any, deprecated: date, sunset: date, successor: str
) -> None:
    """Whatever becomes of a version, what it says stays the same, and so does its digest."""
    days = {"deprecated": deprecated.isoformat(), "sunset": sunset.isoformat()}
    other = replace(tree, status=status, successor=successor, **days)

    assert other.digest == tree.digest
    assert {name for name in other.canonical if name not in tree.canonical} <= LIFECYCLE_FIELDS


def test_a_deprecated_version_is_served_and_may_be_the_default(trees_dir: Path) -> None:
    """Deprecation changes what is said, not what is answered."""
    assert catalog.load_catalog(trees_dir, DEPRECATED).default.version == DEPRECATED
    assert catalog.load_catalog(trees_dir).pick(DEPRECATED).status == "deprecated"


def test_a_retired_version_is_kept_but_not_served(trees_dir: Path) -> None:
    """It is checked and known, and refused with the name of its successor."""
    loaded = catalog.load_catalog(trees_dir)

    assert RETIRED not in loaded.trees
    assert [*loaded.retired] == [RETIRED]
    with pytest.raises(catalog.RetiredVersionError) as caught:
        loaded.pick(RETIRED)
    assert (str(caught.value), caught.value.tree.version) == (RETIREMENT, RETIRED)


def test_a_retired_default_is_refused(trees_dir: Path) -> None:
    """The service doesn't start, and the message says what to set instead."""
    with pytest.raises(catalog.CatalogError) as caught:
        create_app(Settings(trees_dir=trees_dir, default_tree_version=RETIRED))
    remedy = "set FINETUNE_ADVISOR_DEFAULT_TREE_VERSION to that or leave it out"

    expected = f"the default version {RETIRED} is retired; its successor is {SUCCESSOR}; {remedy}"
    assert str(caught.value) == expected


def test_retired_versions_alone_have_no_default(trees_dir: Path) -> None:
    """A retired version never becomes the default by itself."""
    with pytest.raises(catalog.CatalogError) as caught:
        catalog.load_all(sorted(trees_dir.iterdir()))
    assert [f"{path}:{2}" for path in sorted(trees_dir.iterdir())] == [
        line.partition(": ")[0] for line in str(caught.value).splitlines()
    ]
    problem = "status: retired, and no tree is current; mark one as current, or set the default version"
    assert problem in str(caught.value)


def test_a_retired_version_stays_taken(trees_dir: Path) -> None:
    """A version that was retired is not given to another tree."""
    other = trees_dir / "other.yaml"
    other.write_text(editions.edition(RETIRED))
    with pytest.raises(catalog.CatalogError) as caught:
        catalog.load_catalog(trees_dir)
    taken = f"version: {RETIRED} is taken by {trees_dir / RETIRED}.yaml"
    assert str(caught.value) == f"{other}:1: {taken}; give this one another version"


@pytest.mark.parametrize("status", lifecycle.END_OF_LIFE)
@pytest.mark.parametrize("retired", [False, True])
def test_a_successor_that_is_not_served_is_refused(
    tmp_path: Path, status: str, *, retired: bool
) -> None:
    """Neither an unknown version nor a retired one can be asked instead; file, line and field are named."""
    path = editions.write(tmp_path, RETIRED, status, **ENDING)
    if retired:
        editions.write(tmp_path, SUCCESSOR, "retired", **ENDING | {"successor": "9.0.0"})
        editions.write(tmp_path, "9.0.0")
    with pytest.raises(catalog.CatalogError) as caught:
        catalog.load_catalog(tmp_path)
    remedy = "name a later version that is served, or add its document"

    assert str(caught.value) == f"{path}:5: successor: {SUCCESSOR} isn't served; {remedy}"


def test_each_successor_that_is_not_served_is_told(tmp_path: Path) -> None:
    """Two documents, two lines."""
    for version in (RETIRED, DEPRECATED):
        editions.write(tmp_path, version, "deprecated", **ENDING)
    with pytest.raises(catalog.CatalogError) as caught:
        catalog.load_catalog(tmp_path)

    assert len(str(caught.value).split("\n")) == 2


def test_a_deprecated_version_may_be_a_successor(tmp_path: Path) -> None:
    """It is served, so it can be asked."""
    editions.write(tmp_path, RETIRED, "retired", **ENDING | {"successor": DEPRECATED})
    editions.write(tmp_path, DEPRECATED, "deprecated", **ENDING)
    editions.write(tmp_path, SUCCESSOR)

    assert [*catalog.load_catalog(tmp_path).trees][-2:] == [DEPRECATED, SUCCESSOR]


def test_assess_refuses_a_retired_version(trees_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command names the successor and exits with 1."""
    monkeypatch.setenv("FINETUNE_ADVISOR_TREES_DIR", str(trees_dir))
    printed = run("assess", "--tree-version", RETIRED, "-")

    assert (printed.exit_code, printed.stderr) == (1, f"Error: {RETIREMENT}\n")


def test_assess_tells_of_a_deprecated_version(trees_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text ends with a line about it; of another version it doesn't."""
    monkeypatch.setenv("FINETUNE_ADVISOR_TREES_DIR", str(trees_dir))
    printed = run("assess", "--tree-version", DEPRECATED, "-").stdout

    assert printed.endswith(f"\n\nTree {DEPRECATED} is {STANDING}\n")
    assert f"Tree {SUCCESSOR} is" not in run("assess", "--tree-version", SUCCESSOR, "-").stdout


def test_json_says_what_the_api_says(trees_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --json the answer is the API's body and nothing more."""
    monkeypatch.setenv("FINETUNE_ADVISOR_TREES_DIR", str(trees_dir))
    asked = {"profile": {}, "tree_version": DEPRECATED}
    answer = create_app().test_client().post("/assess", json=asked)

    printed = run("assess", "--json", "--tree-version", DEPRECATED, "-")

    assert printed.stdout == f"{answer.text}\n"


def test_check_reports_the_end_of_each_version(trees_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """tree check shows what is deprecated and what is retired, with the successor; from files too."""
    monkeypatch.setenv("FINETUNE_ADVISOR_TREES_DIR", str(trees_dir))
    served = run("tree", "check")
    files = run("tree", "check", *map(str, sorted(trees_dir.iterdir())))

    assert (served.exit_code, files.exit_code) == (0, 0)
    assert served.stdout.splitlines()[:-1] == files.stdout.splitlines()[:-1]
    assert [line.partition(": ")[0] for line in served.stdout.splitlines()][-4:-1] == [
        f"{DEPRECATED} ({STANDING})",
        f"{SUCCESSOR} (candidate)",
        f"{RETIRED} (retired; its successor is {SUCCESSOR})",
    ]
