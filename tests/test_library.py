"""What `import finetune_advisor` promises."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import finetune_advisor
from finetune_advisor import (
    Advisor,
    ArrowAdvisor,
    BadColumnsError,
    Catalog,
    InvalidProfileError,
    compare_trees,
    load_catalog,
    load_tree,
    to_dict,
)
from finetune_advisor.app import create_app
from finetune_advisor.settings import Settings
from finetune_advisor.trees.catalog import BUNDLED_TREES_DIR

SIGNATURES = {
    "Advisor": "(tree: 'Tree', catalog: 'Catalog | None' = None) -> 'None'",
    "ArrowAdvisor": "(tree: 'Tree', catalog: 'Catalog | None' = None, *, defaults: 'Profile | None' = None, "
    "id_column: 'str | None' = None, pass_through: 'bool' = False) -> 'None'",
    "ArrowAdvisor.assess": "(self, rows: 'RowsType') -> 'RowsType'",
    "ArrowAdvisor.result_schema": "(self, schema: 'pa.Schema') -> 'pa.Schema'",
    "Advisor.assess": "(self, profile: 'Mapping[str, Any]') -> 'Assessment'",
    "Advisor.explain": "(self, profile: 'Mapping[str, Any]', *, target: 'str | None' = None, "
    "frozen: 'Collection[str]' = (), limit: 'int | None' = 20) -> 'Explanation'",
    "Advisor.next_question": "(self, profile: 'Mapping[str, Any]', *, skipped: 'Collection[str]' = ()) "
    "-> 'OpenQuestion | None'",
    "Catalog.pick": "(self, version: 'str | None' = None) -> 'Tree'",
    "compare_trees": "(older: 'Tree', newer: 'Tree', max_steps: 'int' = 80000) -> 'Comparison'",
    "load_catalog": "(directory: 'str | Path | None' = None, default: 'str | None' = None, "
    "digests: 'Collection[str] | None' = None) -> 'Catalog'",
    "load_tree": "(path: 'str | Path') -> 'Tree'",
    "to_dict": "(value: 'Assessment | Comparison | Explanation | Tree') -> 'dict[str, Any]'",
}
MEMBERS = {
    "Assessment": (
        *("answers", "candidates", "ignored", "next_question", "not_needed", "outcome", "path"),
        *("reasons", "receipt", "recommendation", "status", "tree", "unanswered", "warnings"),
    ),
    "Comparison": (
        *("added", "equivalent", "exact", "moves", "newer", "older", "profiles", "removed", "reversals"),
        *("reworded", "rewired", "shared", "truncated", "undecided"),
    ),
    "Explanation": (
        *("assessment", "counterfactuals", "profile", "sensitivity", "sufficient_reason", "tree"),
        "truncated",
    ),
    "OpenQuestion": ("input", "question"),
}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def test_the_public_names_stay() -> None:
    """A change of this list needs a new major version, except for an addition."""
    assert [
        *("Advisor", "ArrowAdvisor", "Assessment", "BadColumnsError", "Catalog", "CatalogError"),
        *("Comparison", "DocumentError"),
        *("Explanation", "FinetuneAdvisorError", "InvalidProfileError", "OpenQuestion"),
        *("RetiredVersionError", "Tree", "UnknownVersionError", "__version__", "compare_trees"),
        *("load_catalog", "load_tree", "to_dict"),
    ] == dir(finetune_advisor)
    assert all(hasattr(finetune_advisor, name) for name in dir(finetune_advisor))


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures_stay(name: str) -> None:
    """A program that calls the library keeps working."""
    value = finetune_advisor
    for part in name.split("."):
        value = getattr(value, part)
    assert SIGNATURES[name] == str(inspect.signature(value))


@pytest.mark.parametrize("name", MEMBERS)
def test_members_stay(name: str) -> None:
    """A program that reads results keeps working."""
    public = {
        member
        for member in {*dir(getattr(finetune_advisor, name)), *_fields(getattr(finetune_advisor, name))}
        if not member.startswith("_") and member not in {"count", "index"}  # a tuple's own
    }
    assert {*MEMBERS[name]} == public


def _fields(class_: type) -> list[str]:
    return [*getattr(class_, "__dataclass_fields__", getattr(class_, "_fields", ()))]


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        finetune_advisor.nothing  # noqa: B018  # asking is the test


def test_the_import_brings_nothing_but_itself() -> None:
    """`import finetune_advisor` is fast: what it promises is imported on first use."""
    script = (
        "import sys, finetune_advisor; print(sorted(n for n in sys.modules if 'finetune_advisor' in n))"
    )
    printed = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert "['finetune_advisor']\n" == printed.stdout


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0", "3.0.0"])
def test_the_library_answers_as_the_service(catalog: Catalog, version: str) -> None:
    """`to_dict` gives what the API answers."""
    client = create_app(Settings(log_level="error")).test_client()
    advisor = Advisor(catalog.pick(version), catalog)
    for profile in ({}, {"knowledge_retrieval_problem": False, "eval_examples": 12.0}):
        body = {"profile": profile, "tree_version": version}
        assert client.post("/assess", json=body).json == to_dict(advisor.assess(profile))
        assert client.post("/assess/explain", json=body).json == to_dict(advisor.explain(profile))
    assert client.get(f"/tree/versions/{version}").json == to_dict(advisor.tree)
    changes = client.get(f"/tree/versions/{version}/changes?since=1.0.0").json
    assert changes == to_dict(compare_trees(catalog.pick("1.0.0"), advisor.tree))


def test_errors_name_each_fault(catalog: Catalog) -> None:
    """An invalid profile gets the errors of the API, and its error can be sent to another process."""
    advisor = Advisor(catalog.default, catalog)
    with pytest.raises(InvalidProfileError) as caught:
        advisor.assess({"data_sensitive": 1, "eval_examples": -1})
    assert ["#/data_sensitive", "#/eval_examples"] == [e["pointer"] for e in caught.value.errors]
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(caught.value), caught.value.errors) == (str(copy), copy.errors)
    for wrong in (None, [], "x", 3):
        with pytest.raises(InvalidProfileError, match="#: "):
            advisor.assess(wrong)  # type: ignore[arg-type]  # callers without types


def test_without_a_catalog_other_inputs_are_refused(catalog: Catalog) -> None:
    """An advisor of one tree alone knows only its inputs."""
    tree = load_tree(str(BUNDLED_TREES_DIR / "1.0.0.yaml"))
    assert catalog.pick("1.0.0").digest == tree.digest
    with pytest.raises(InvalidProfileError, match="#/eval_examples: there is no such name here"):
        Advisor(tree).assess({"eval_examples": 1})
    assert ("eval_examples",) == Advisor(tree, catalog).assess({"eval_examples": 1}).ignored


@pytest.mark.parametrize(
    ("version", "reason"), [("1.0.0", "another tree 1.0.0"), ("1.0.0-acme.1", "no tree 1.0.0-acme.1")]
)
def test_a_catalog_has_to_have_the_tree(tmp_path: Path, version: str, reason: str) -> None:
    """Another catalog would refuse the tree's own inputs, or copy them as columns that are none."""
    text = (BUNDLED_TREES_DIR / "1.0.0.yaml").read_text(encoding="utf-8")
    changed = text.replace("version: 1.0.0", f"version: {version}").replace("label: ", "label: Own ")
    document = tmp_path / "own.yaml"
    document.write_text(changed, encoding="utf-8")

    with pytest.raises(ValueError, match=f"the catalog has {reason}; load the tree's directory"):
        Advisor(load_tree(document), load_catalog())
    # An equal tree of another catalog is the same tree.
    assert Advisor(load_catalog().pick("1.0.0"), load_catalog())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": "use_rga"}, "target: 'use_rga': there is no such name here; did you mean use_rag?"),
        ({"frozen": ["api_useable"]}, "frozen: 'api_useable': .* did you mean api_usable?"),
        ({"limit": 0}, "limit: 0 is too few; give at least 1, or None for no limit"),
    ],
)
def test_a_wrong_argument_is_a_value_error(
    catalog: Catalog, arguments: dict[str, object], message: str
) -> None:
    """The message says which argument, and what it may be."""
    with pytest.raises(ValueError, match=message):
        Advisor(catalog.default, catalog).explain({}, **arguments)  # type: ignore[arg-type]


def test_an_advisor_goes_to_other_processes_and_threads(catalog: Catalog) -> None:
    """A pickled advisor answers as the original does, and threads can share one."""
    advisor = Advisor(catalog.pick("2.0.0"), catalog)
    copy = pickle.loads(pickle.dumps(advisor))
    profiles = [{"eval_examples": count} for count in range(40)]
    with ThreadPoolExecutor(4) as pool:
        shared = [*pool.map(advisor.assess, profiles)]
    assert [to_dict(copy.assess(profile)) for profile in profiles] == [*map(to_dict, shared)]


def test_results_print_shortly(catalog: Catalog) -> None:
    """A result fits on a line of a console: it doesn't print the whole tree."""
    assessment = Advisor(catalog.default, catalog).assess({"prompt_engineering_sufficient": True})
    assert "<Assessment decided: use_prompt_engineering>" == repr(assessment)
    assert f"<Tree 1.0.0 {catalog.default.digest}>" == repr(catalog.default)


def test_to_dict_refuses_what_has_no_json_form() -> None:
    with pytest.raises(TypeError, match="takes Assessment, Comparison, Explanation, Tree, not str"):
        to_dict("tree")  # type: ignore[arg-type]


def test_paths_are_texts_or_paths(tmp_path: Path) -> None:
    """A folder of documents is given as a text or as a path."""
    text = (BUNDLED_TREES_DIR / "1.0.0.yaml").read_text(encoding="utf-8")
    (tmp_path / "own.yaml").write_text(
        text.replace("version: 1.0.0", "version: 9.0.0"), encoding="utf-8"
    )
    for directory in (tmp_path, str(tmp_path)):
        assert "9.0.0" == load_catalog(directory).default.version


def test_errors_keep_their_faults_in_other_processes() -> None:
    """An engine sends errors from its workers by pickling them."""
    error = BadColumnsError(["column 1 has no name", "there is no column 'id'"])
    copy = pickle.loads(pickle.dumps(error))
    assert (str(error), error.faults) == (str(copy), copy.faults)


def test_without_pyarrow_the_name_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """ArrowAdvisor needs an extra."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "finetune_advisor.assessing.columns", raising=False)
    with pytest.raises(
        ImportError, match=r"ArrowAdvisor needs .*pip install 'finetune-advisor\[arrow\]'"
    ):
        finetune_advisor.ArrowAdvisor  # noqa: B018  # asking is the test


@pytest.mark.parametrize("defaults", [{"eval_examples": "x"}, {"zzz": True}, {"success_metric": "zzz"}])
def test_defaults_are_checked_when_the_advisor_is_made(
    catalog: Catalog, defaults: dict[str, bool | str]
) -> None:
    """Whatever the types of the columns are."""
    with pytest.raises(InvalidProfileError, match=f"#/{next(iter(defaults))}: "):
        ArrowAdvisor(catalog.pick("2.0.0"), catalog, defaults=defaults)


@pytest.mark.parametrize("skipped", [["zzz"], "api_usable"])
def test_skipped_names_are_checked(catalog: Catalog, skipped: object) -> None:
    """A typing error would make an interview ask for ever."""
    with pytest.raises(ValueError, match="skipped: "):
        Advisor(catalog.default, catalog).next_question({}, skipped=skipped)  # type: ignore[arg-type]
