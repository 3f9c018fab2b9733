"""What is in the wheel and in the source archive, and that the wheel runs from its own files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

from finetune_advisor import __version__
from tests.checkout import tracked_files
from tests.conftest import ROOT, plain_environment
from tests.package.archives import Archives, build

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NEEDED = {
    *("py.typed", "trees/bundled/1.0.0.yaml", "trees/bundled/3.0.0.yaml", "schemas/trees.py"),
    *("pages/templates/question.html", "pages/static/pages.css", "pages/static/docs.js"),
}


@pytest.fixture(scope="module")
def wheel(archives: Archives) -> Iterator[zipfile.ZipFile]:
    """The wheel, opened."""
    with zipfile.ZipFile(archives.wheel) as opened:
        yield opened


def package_files() -> set[str]:
    """The files of the package, by their paths in the folder of the service."""
    return {str(file.relative_to("service")) for file in tracked_files("service")}


def metadata(wheel: zipfile.ZipFile) -> Message:
    """What the wheel says of itself."""
    [name] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    return Parser().parsestr(wheel.read(name).decode())


def test_the_wheel_has_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    """Each file that git has: trees, pages, schemas and the mark of typed packages among them."""
    about = {name for name in wheel.namelist() if name.partition("/")[0].endswith(".dist-info")}

    assert package_files() == set(wheel.namelist()) - about
    assert {f"finetune_advisor/{name}" for name in NEEDED} <= set(wheel.namelist())
    assert {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"} == {
        name.partition("/")[2] for name in about
    }


def test_the_source_archive_has_what_the_wheel_is_made_of(archives: Archives) -> None:
    """The package, how it is built, what it says of itself, and no test, secret or leftover."""
    folder = f"finetune_advisor-{__version__}"
    with tarfile.open(archives.source) as opened:
        names = set(opened.getnames())

    wanted = {f"service/{file}" for file in package_files()}
    wanted |= {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "PKG-INFO", ".gitignore"}
    assert {f"{folder}/{name}" for name in wanted} == names


def test_the_metadata_is_that_of_the_project(wheel: zipfile.ZipFile) -> None:
    """Version, licence, Pythons and extras."""
    about = metadata(wheel)

    assert (__version__, "Apache-2.0", ">=3.11") == (
        about["Version"],
        about["License-Expression"],
        about["Requires-Python"],
    )
    assert sorted(PROJECT["optional-dependencies"]) == sorted(about.get_all("Provides-Extra", []))
    assert "text/markdown" == about["Description-Content-Type"]


def test_links_of_the_description_lead_to_the_files_of_this_version(wheel: zipfile.ZipFile) -> None:
    """The description is the README; on an index, a link without a host would lead nowhere."""
    shown = str(metadata(wheel).get_payload())
    link = re.compile(
        r"\]\(https://github\.com/finetune-advisor/finetune-advisor/(blob|raw)/v([\d.]+)/(.+?)[)#]"
    )
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\((?!https?:)(.+?)[)#]", readme))

    assert [] == re.findall(r"\]\((?!https?:).*?\)", shown)
    assert linked == {path for _, _, path in link.findall(shown)}
    assert {("blob", __version__), ("raw", __version__)} == {found[:2] for found in link.findall(shown)}


def test_the_same_files_give_the_same_archives(archives: Archives, tmp_path: Path) -> None:
    """Byte for byte, so that anybody can build a release again and compare."""
    again = build(tmp_path)

    assert archives.wheel.name == again.wheel.name
    assert archives.wheel.read_bytes() == again.wheel.read_bytes()
    assert archives.source.read_bytes() == again.source.read_bytes()


def test_the_wheel_runs_from_its_own_files(archives: Archives, tmp_path: Path) -> None:
    """Unpacked without this checkout, it assesses a profile and renders the contract."""
    with zipfile.ZipFile(archives.wheel) as opened:
        opened.extractall(tmp_path)
    command = [sys.executable, "-c", "import finetune_advisor as it; print(it.__file__)"]
    environment = plain_environment() | {"PYTHONPATH": str(tmp_path)}

    def run(*command: str, given: str = "") -> str:
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            input=given,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    assert str(tmp_path / "finetune_advisor" / "__init__.py") == run(*command).strip()
    advisor = [sys.executable, "-m", "finetune_advisor"]
    profile = json.dumps({"prompt_engineering_sufficient": True})
    assert "use_prompt_engineering" in run(*advisor, "assess", "-", given=profile)
    assert (ROOT / "openapi" / "openapi.yaml").read_text(encoding="utf-8") == run(*advisor, "openapi")
