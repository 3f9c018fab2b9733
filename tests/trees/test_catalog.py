"""The catalog: which trees are served together, and which one is the default."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from semver import Version

from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.trees import catalog, loader
from tests import editions

SMALL = (Path(__file__).parent / "small.yaml").read_text(encoding="utf-8")
DIGESTS = {
    "1.0.0": "sha256:b70c0b62c9ef05e19370ad99aa8e64ca179458e02f90173c054a70f1aaafe7ce",
    "2.0.0": "sha256:1802e101716677d52bb9a0dbb2ea93aded107c64cd4a93ea019188c38b483990",
    "3.0.0": "sha256:c3fd16391c6f7cd91af3266237d1ab2999f5d2751bc43a6bfc7aa7c0aaef2784",
}
"""The digests of the bundled trees: a released document never changes, a change is a new version."""


@pytest.fixture
def trees_dir(tmp_path: Path) -> Path:
    """An empty directory for an organisation's own trees."""
    directory = tmp_path / "trees"
    directory.mkdir()
    return directory


def _write(directory: Path, name: str, *changes: tuple[str, str]) -> Path:
    """The small tree as a file, with some of its text replaced."""
    text = SMALL
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path


def _version(version: str) -> tuple[str, str]:
    return "version: 7.0.0", f"version: {version}"


def _status(status: str) -> tuple[str, str]:
    return "status: candidate", f"status: {status}"


def _refusal(directory: Path | None = None, default: str | None = None) -> str:
    with pytest.raises(catalog.CatalogError) as caught:
        catalog.load_catalog(directory, default)
    return str(caught.value)


def test_bundled_digests_are_pinned() -> None:
    """The bundled trees are those that were released: each has the digest noted at its release."""
    assert {v: tree.digest for v, tree in catalog.load_catalog().trees.items()} == DIGESTS


def test_a_bundled_file_is_named_after_its_version() -> None:
    """Who looks for a version finds it by the name of its file."""
    versions = {
        path.stem: loader.load_tree(path).version for path in catalog.BUNDLED_TREES_DIR.glob("*.yaml")
    }
    assert versions == {name: name for name in versions}


def test_a_directory_adds_its_trees(trees_dir: Path) -> None:
    """The trees of a directory are served beside the bundled ones, whatever their files are called."""
    _write(trees_dir, "b.yaml", _version("4.0.0"))
    _write(trees_dir, "a.yml")
    _write(trees_dir, "notes.txt", _version("broken"))
    _write(trees_dir, ".hidden.yaml", _version("broken"))
    assert [*catalog.load_catalog(trees_dir).trees][-2:] == ["4.0.0", "7.0.0"]


def test_versions_are_served_oldest_first(trees_dir: Path) -> None:
    """Versions are ordered as semantic versions are, not as text, pre-releases before their release."""
    for version in ("10.0.0", "7.0.0", "9.0.0", "10.0.0-rc.1", "10.0.0-rc.10", "10.0.0-rc.9"):
        _write(trees_dir, f"{version}.yaml", _version(version))
    served = [*catalog.load_catalog(trees_dir).trees]
    assert served == sorted(served, key=Version.parse)
    assert served[-6:] == ["7.0.0", "9.0.0", "10.0.0-rc.1", "10.0.0-rc.9", "10.0.0-rc.10", "10.0.0"]


def test_the_default_is_the_newest_current_tree(trees_dir: Path) -> None:
    """Without a wish, the newest tree of status current is the default; candidates wait."""
    _write(trees_dir, "1.yaml", _version("10.0.0"), _status("current"))
    _write(trees_dir, "2.yaml", _version("9.0.0"), _status("current"))
    _write(trees_dir, "3.yaml", _version("11.0.0"))
    assert catalog.load_catalog(trees_dir).default.version == "10.0.0"


@pytest.mark.parametrize("status", ["candidate", "current"])
def test_any_served_tree_can_be_the_default(trees_dir: Path, status: str) -> None:
    """Whoever runs the service may choose any version that is served."""
    _write(trees_dir, "tree.yaml", _status(status))
    assert catalog.load_catalog(trees_dir, "7.0.0").default.version == "7.0.0"


def test_a_default_that_is_not_served_is_refused() -> None:
    """The message says which versions there are to choose from."""
    versions = ", ".join(catalog.load_catalog().trees)
    remedy = f"set FINETUNE_ADVISOR_DEFAULT_TREE_VERSION to one of {versions}"
    assert _refusal(None, "9.9.9") == f"the default version 9.9.9 isn't served; {remedy}"


def test_no_current_tree_is_refused(trees_dir: Path) -> None:
    """Without a tree of status current, someone has to say which is the default."""
    path = _write(trees_dir, "tree.yaml")
    with pytest.raises(catalog.CatalogError) as caught:
        catalog.load_all([path])
    problem = "candidate, and no tree is current; mark one as current, or set the default version"
    assert str(caught.value) == f"{path}:2: status: {problem}"
    assert catalog.load_all([path], "7.0.0").default.version == "7.0.0"


def test_a_directory_that_can_not_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message gives the system's reason."""

    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "iterdir", refuse)
        with pytest.raises(catalog.CatalogError, match="can't be read: Permission denied; check its"):
            catalog.load_catalog(tmp_path)


def test_a_directory_that_is_not_there_is_refused(trees_dir: Path) -> None:
    """A path to nowhere, or to a file, is no directory."""
    for path in (trees_dir / "none", _write(trees_dir, "tree.yaml")):
        expected = (
            f"{path}: not a directory; set FINETUNE_ADVISOR_TREES_DIR to one that holds tree documents"
        )
        assert _refusal(path) == expected


def test_a_directory_without_documents_is_refused(trees_dir: Path) -> None:
    """A directory that holds no YAML is a mistake, not a wish for the bundled trees alone."""
    (trees_dir / "notes.txt").touch()
    expected = f"{trees_dir}: holds no *.yaml or *.yml file; add a tree document"
    assert _refusal(trees_dir) == expected


def test_a_directory_named_like_a_document_is_refused(trees_dir: Path) -> None:
    """A directory called *.yaml is no document, and is told."""
    path = trees_dir / "tree.yaml"
    path.mkdir()
    with pytest.raises(loader.DocumentError) as caught:
        catalog.load_catalog(trees_dir)
    assert str(caught.value) == f"{path}: not a file; give the path of a tree document (YAML)"


def test_a_version_is_given_once(trees_dir: Path) -> None:
    """Two documents of one version are refused, bundled ones included; each later one is named."""
    first = _write(trees_dir, "a.yaml")
    second = _write(trees_dir, "b.yaml")
    third = _write(trees_dir, "c.yaml", _version("1.0.0"))
    bundled = catalog.BUNDLED_TREES_DIR / "1.0.0.yaml"
    assert _refusal(trees_dir).split("\n") == [
        f"{second}:1: version: 7.0.0 is taken by {first}; give this one another version",
        f"{third}:1: version: 1.0.0 is taken by {bundled}; give this one another version",
    ]


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ([("choices: [red, green, blue]", "choices: [red, blue, green]")], ["colour.choices"]),
        ([("    unit: rows\n", ""), ("    unit: rows\n", "")], ["needed.unit", "rows.unit"]),
        ([("minimum: 1\n", "minimum: 2\n")], ["needed.minimum"]),
        ([("maximum: 1\n", "maximum: 2\n")], ["score.maximum"]),
        ([("minimum: 0\n    maximum: 1", "minimum: -1")], ["score.minimum", "score.maximum"]),
        ([("type: integer", "type: number")], ["rows.type"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value[0], str) else "",
)
def test_an_input_keeps_its_type(
    trees_dir: Path, changes: list[tuple[str, str]], fields: list[str]
) -> None:
    """Trees that disagree about an input are refused: one profile has to fit every version."""
    first = _write(trees_dir, "a.yaml")
    second = _write(trees_dir, "b.yaml", _version("4.0.0"), *changes)
    assert sorted(re.sub(r":\d+: ", ": ", line) for line in _refusal(trees_dir).split("\n")) == [
        f"{second}: inputs.{field}: differs from {first}; an input keeps its {field.partition('.')[2]} "
        "for ever, so use another name"
        for field in sorted(fields)
    ]


def test_every_fault_of_the_catalog_has_its_line(trees_dir: Path) -> None:
    """What is wrong between documents is told with the line of the field, or of the nearest one around it."""
    first = _write(trees_dir, "a.yaml")
    changes = ("minimum: 0\n    maximum: 1\n", "maximum: 2\n"), ("minimum: 1\n", "minimum: 2\n")
    second = _write(trees_dir, "b.yaml", _version("4.0.0"), *changes)
    assert [
        f"{second}:24: inputs.needed.minimum: differs from {first}",
        f"{second}:25: inputs.score.minimum: differs from {first}",
        f"{second}:28: inputs.score.maximum: differs from {first}",
    ] == [line.partition(";")[0] for line in _refusal(trees_dir).split("\n")]


def test_an_own_current_tree_is_the_default(trees_dir: Path) -> None:
    """An own tree that is current goes before the bundled ones, even a pre-release of 1.0.0."""
    _write(trees_dir, "old.yaml", _version("0.9.0"), _status("current"))
    _write(trees_dir, "new.yaml", _version("1.0.0-acme.1"), _status("current"))
    _write(trees_dir, "next.yaml", _version("1.0.0-acme.2"))
    served = catalog.load_catalog(trees_dir)
    assert ("1.0.0-acme.1", catalog.REASON_NEWEST_OWN) == (served.default.version, served.default_reason)


def test_own_candidates_leave_the_default_alone(trees_dir: Path) -> None:
    """As long as no own tree is current, the newest current one of the bundled trees answers."""
    _write(trees_dir, "tree.yaml")
    served = catalog.load_catalog(trees_dir)
    assert (catalog.load_catalog().default.version, catalog.REASON_NEWEST_BUNDLED) == (
        served.default.version,
        served.default_reason,
    )


def test_the_setting_chooses_the_default(trees_dir: Path) -> None:
    """The version that the setting names is the default, beside an own tree that is current."""
    _write(trees_dir, "tree.yaml", _status("current"))
    served = catalog.load_catalog(trees_dir, "1.0.0")
    assert ("1.0.0", catalog.REASON_NAMED_BY_SETTING) == (served.default.version, served.default_reason)


def test_a_checked_document_counts_as_an_own_one(trees_dir: Path) -> None:
    """What is checked as a file is judged as it would be in the folder of own trees."""
    path = _write(trees_dir, "tree.yaml", _version("1.0.0-acme.1"), _status("current"))
    assert catalog.load_with_bundled([path]).default_reason == catalog.REASON_NEWEST_OWN


def test_an_input_may_be_worded_anew(trees_dir: Path) -> None:
    """Label and help may change; the catalog gives the newest wording of an input of several trees."""
    _write(trees_dir, "a.yaml", _version("9.0.0"), ("label: The colour", "label: Which colour"))
    _write(trees_dir, "b.yaml")
    inputs = catalog.load_catalog(trees_dir).inputs
    assert inputs["colour"].label == "Which colour"
    assert "prompt_engineering_sufficient" in inputs


def test_every_faulty_document_is_told(trees_dir: Path) -> None:
    """The faults of all documents come in one message, in the order of their names."""
    first = _write(trees_dir, "a.yaml", _version("two"))
    second = _write(trees_dir, "b.yaml", ("root: start", "root: begin"))
    with pytest.raises(loader.DocumentError) as caught:
        catalog.load_catalog(trees_dir)
    assert str(caught.value).split("\n") == [
        f"{first}:1: version: not a semantic version; write three numbers, such as 1.0.0",
        f"{second}:30: root: there is no question begin; name the first question",
    ]


def test_documents_are_checked_beside_the_bundled_ones(trees_dir: Path) -> None:
    """A document to check has to fit the bundled ones, and a bundled one fits itself."""
    path = _write(trees_dir, "tree.yaml")
    bundled = catalog.BUNDLED_TREES_DIR / ".." / "bundled" / "1.0.0.yaml"
    expected = [*catalog.load_catalog().trees, "7.0.0"]
    assert sorted(catalog.load_with_bundled([path, bundled]).trees) == sorted(expected)


def test_pick_gives_a_version_or_the_default(trees_dir: Path) -> None:
    """Asked for a version, it is given; asked for none, the default is."""
    _write(trees_dir, "tree.yaml")
    served = catalog.load_catalog(trees_dir)
    assert served.pick() is served.default
    assert served.pick("7.0.0").version == "7.0.0"


def test_pick_refuses_a_version_that_is_not_served(tree: Tree) -> None:
    """The message says which versions are served, and doesn't repeat what was asked for."""
    served = catalog.Catalog({"1.0.0": tree, "1.1.0": replace(tree, version="1.1.0")}, tree)
    expected = "no such tree version is served; served are 1.0.0, 1.1.0"
    with pytest.raises(catalog.UnknownVersionError, match=f"^{re.escape(expected)}$"):
        served.pick("<script>")


def test_only_listed_digests_are_served(tmp_path: Path) -> None:
    """Each own document needs one of them, bundled ones need none, and the message says what to do."""
    path = editions.write(tmp_path, "7.0.0")
    digest = loader.load_tree(path).digest
    other = f"sha256:{'0' * 64}"

    assert "7.0.0" in catalog.load_catalog(tmp_path, None, [other, digest]).trees
    assert "1.0.0" in catalog.load_catalog(None, None, [other]).trees
    with pytest.raises(catalog.CatalogError) as refused:
        catalog.load_catalog(tmp_path, None, [other])
    assert f"{path}:1: version: 7.0.0 has the digest {digest}, which isn't permitted; " in str(
        refused.value
    )
    assert "add it to FINETUNE_ADVISOR_TREE_DIGESTS, undo the change, or remove" in str(refused.value)
