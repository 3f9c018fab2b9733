"""The command that raises the version, run in a copy of this checkout, and the places of the version."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from semver import Version

from finetune_advisor import __version__
from tests.checkout import copy_checkout, tracked_files
from tests.conftest import ROOT

SCRIPT = ".ci/release.py"
PLACES: dict[str, list[str]] = runpy.run_path(str(ROOT / SCRIPT))["VERSION_PLACES"]
ENTRIES = "## [Unreleased]\n\n### Added\n\n- A thing.\n"
NEW = "97.98.99"


def git(at: Path, *words: str) -> str:
    """What git says in a folder, as somebody with a name."""
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *words]
    return subprocess.run(command, cwd=at, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the files of this one, and with an entry in the changelog."""
    copy = copy_checkout(tmp_path_factory.mktemp("repository"))
    add_entry(copy)
    git(copy, "init", "--quiet")
    commit(copy)
    git(copy, "tag", "start")
    return copy


@pytest.fixture
def checkout(repository: Path) -> Path:
    """That repository as it was at the start."""
    git(repository, "reset", "--quiet", "--hard", "start")
    git(repository, "clean", "--quiet", "--force", "-d", "-x")
    return repository


def add_entry(at: Path) -> None:
    """Write an entry into the changelog's section for the next release."""
    changelog = at / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8").replace("## [Unreleased]\n", ENTRIES)
    changelog.write_text(text, encoding="utf-8")


def commit(at: Path) -> None:
    """Commit whatever is there."""
    git(at, "add", "--all")
    git(at, "commit", "--quiet", "--message", "Now")


def release(at: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command in a checkout."""
    return subprocess.run([sys.executable, SCRIPT, *words], cwd=at, capture_output=True, text=True)


def refusal(at: Path, version: str) -> str:
    """Why the command refuses a version; nothing has changed then."""
    before = git(at, "status", "--porcelain")
    done = release(at, version)
    assert (1, "") == (done.returncode, done.stdout)
    assert before == git(at, "status", "--porcelain")
    return done.stderr.removeprefix("Nothing was changed: ").strip()


def test_package_chart_and_contract_have_one_version() -> None:
    """The chart and its application, the contract, and the images that the guide names have the package's."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    chart = yaml.safe_load((ROOT / "helm/finetune-advisor/Chart.yaml").read_text(encoding="utf-8"))
    contract = yaml.safe_load((ROOT / "openapi/openapi.yaml").read_text(encoding="utf-8"))

    versions = {project["version"], chart["version"], chart["appVersion"], contract["info"]["version"]}
    assert {__version__} == versions


def test_no_other_file_names_the_image_by_its_version() -> None:
    """Files that name an image and its version are those that the command changes, and the guide to it."""
    named = {
        str(file): set(versions)
        for file in tracked_files() - {Path("docs/releasing.md")}
        if file.suffix in {"", ".md", ".yaml", ".yml", ".tpl", ".gotmpl", ".json", ".toml", ".txt"}
        and (
            versions := re.findall(r"finetune-advisor:(\d+\.\d+\.\d+)", (ROOT / file).read_text("utf-8"))
        )
    }

    assert set(named) <= set(PLACES)
    assert {__version__} == set.union(*named.values())


def test_the_changelog_begins_with_the_present_version() -> None:
    """Below what is unreleased; each version has its date, and the newest comes first."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    first, *headings = re.findall(r"^## (.*)$", changelog, re.MULTILINE)
    dated = [re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d", heading) for heading in headings]
    versions = [match[1] for match in dated if match]

    assert "[Unreleased]" == first
    assert len(headings) == len(versions)
    assert sorted(versions, key=Version.parse, reverse=True) == versions
    assert versions[:1] in ([], [__version__])  # nothing was released as 0.1.0


def test_it_raises_every_place_and_keeps_the_contract(checkout: Path) -> None:
    """Only these places change; the contract is kept as the one of this release."""
    done = release(checkout, NEW)

    assert (0, "") == (done.returncode, done.stderr)
    assert f"Raised the version from {__version__} to {NEW}." in done.stdout
    git(checkout, "add", "--all")
    changed = {*git(checkout, "diff", "--cached", "--name-only").split()}
    assert {*PLACES, "CHANGELOG.md", f"openapi/released/{NEW}.yaml"} == changed
    contract = (checkout / "openapi" / "openapi.yaml").read_bytes()
    assert contract == (checkout / "openapi" / "released" / f"{NEW}.yaml").read_bytes()
    lines = git(checkout, "diff", "--cached", "--unified=0", "--", *PLACES).splitlines()
    added = [line[1:] for line in lines if line.startswith("+") and not line.startswith("+++")]
    removed = [line[1:] for line in lines if line.startswith("-") and not line.startswith("---")]
    assert removed == [line.replace(NEW, __version__) for line in added]


def test_the_entries_get_the_version_and_the_date(checkout: Path) -> None:
    """An empty section for what comes next stays above them."""
    release(checkout, NEW)

    changelog = (checkout / "CHANGELOG.md").read_text(encoding="utf-8")
    dated = re.sub(rf"(\[{re.escape(NEW)}\]) - \d{{4}}-\d\d-\d\d\n", r"\1 - DATE\n", changelog)
    assert f"## [Unreleased]\n\n## [{NEW}] - DATE\n\n### Added\n\n- A thing.\n" in dated


def test_one_release_follows_another(checkout: Path) -> None:
    """The second finds every place that the first has written."""
    assert 0 == release(checkout, NEW).returncode
    add_entry(checkout)
    commit(checkout)

    assert 0 == release(checkout, "98.0.0").returncode
    assert [] == [path for path in PLACES if NEW in (checkout / path).read_text(encoding="utf-8")]


@pytest.mark.parametrize(
    "version", ["1", "97.98", "v97.98.99", "97.98.99-rc.1", "97.98.099", "97.98.99 "]
)
def test_what_is_no_version_is_refused(checkout: Path, version: str) -> None:
    """Pre-releases too, which registries of Python and of Helm write in two ways."""
    assert f"{version!r} is no version of three numbers, such as 1.2.0" == refusal(checkout, version)


@pytest.mark.parametrize("version", ["0.0.1", __version__])
def test_an_older_version_is_refused(checkout: Path, version: str) -> None:
    """And the present one."""
    expected = f"{version} isn't newer than {__version__}, the version in pyproject.toml"
    assert expected == refusal(checkout, version)


def test_a_checkout_with_changes_is_refused(checkout: Path) -> None:
    """New files count; each is named."""
    (checkout / "notes.txt").write_text("")

    assert "commit or remove these changes first:\n?? notes.txt" == refusal(checkout, NEW)


def test_a_changelog_without_entries_is_refused(checkout: Path) -> None:
    """A release that nobody can tell from the last one."""
    changelog = checkout / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8").replace("- A thing.\n", "\n## [0.0.1]\n\n- Another.\n")
    changelog.write_text(text, encoding="utf-8")
    commit(checkout)

    expected = "CHANGELOG.md has no entry below '## [Unreleased]': write what users get"
    assert expected == refusal(checkout, NEW)


def test_a_break_takes_a_new_first_number(checkout: Path) -> None:
    """Or a new second one before 1.0.0."""
    changelog = checkout / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8").replace("- A thing.\n", "- **Breaking**: a thing.\n")
    changelog.write_text(text, encoding="utf-8")
    commit(checkout)
    present = Version.parse(__version__)

    assert "raise the first" in refusal(checkout, str(present.bump_patch()))
    assert 0 == release(checkout, str(present.bump_major())).returncode


def test_a_place_without_the_version_is_refused(checkout: Path) -> None:
    """A file that was reworded is named, and isn't left behind."""
    chart = checkout / "helm" / "finetune-advisor" / "Chart.yaml"
    text = chart.read_text(encoding="utf-8")
    chart.write_text(text.replace(f"appVersion: {__version__}", "appVersion: 0.0.3"), encoding="utf-8")
    commit(checkout)

    assert f"helm/finetune-advisor/Chart.yaml doesn't have {__version__} where" in refusal(checkout, NEW)


def test_without_a_version_it_asks_for_one(checkout: Path) -> None:
    """With the command to type."""
    done = release(checkout)

    assert (1, "Name the new version: make release VERSION=1.2.0\n") == (done.returncode, done.stderr)
