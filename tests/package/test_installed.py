"""The archives, each installed in an environment of its own with its dependencies from the package index."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest
import requests

from finetune_advisor import __version__
from tests.conftest import Server, plain_environment, start
from tests.package.archives import Archives
from tests.package.pythons import find_python
from tests.package.test_contents import PROJECT

PYTHONS = [
    name.rpartition(" ")[2]
    for name in PROJECT["classifiers"]
    if name.startswith("Programming Language :: Python :: 3.")
]
PROFILE = {"prompt_engineering_sufficient": True}
EXPECTED = "use_prompt_engineering"


@dataclass(frozen=True)
class Environment:
    """A virtual environment without pip; this one's installs into it."""

    folder: Path

    def bin(self, name: str) -> str:
        """The path of a command in it."""
        return str(self.folder / "bin" / name)

    def pip(self, *words: str) -> str:
        """What pip prints."""
        command = ["pip", "--python", self.bin("python"), "--disable-pip-version-check", *words]
        return self.run(sys.executable, "-m", *command)

    def run(self, *command: str, given: str = "") -> str:
        """What a command prints, away from the checkout and without settings."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=plain_environment(),
            input=given,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert 0 == done.returncode, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout


@pytest.fixture(scope="module", params=product(PYTHONS, ["wheel", "source"]), ids=" ".join)
def installed(
    request: pytest.FixtureRequest, archives: Archives, tmp_path_factory: pytest.TempPathFactory
) -> Environment:
    """Each archive on each Python that the project names."""
    version, kind = request.param
    python = find_python(version)
    environment = Environment(tmp_path_factory.mktemp(f"python{version}-{kind}"))
    environment.run(str(python), "-m", "venv", "--without-pip", str(environment.folder))
    environment.pip("install", "--quiet", str(getattr(archives, kind)))
    return environment


@pytest.fixture(scope="module")
def serving(installed: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The installed service, as its command starts it."""
    log = tmp_path_factory.mktemp("serving") / "log"
    started = start(log, [installed.bin("finetune-advisor"), "serve"])
    yield started
    started.stop()


def test_its_dependencies_agree(installed: Environment) -> None:
    """pip finds nothing missing or of a wrong version."""
    assert "No broken requirements found." in installed.pip("check")


def test_the_command_assesses(installed: Environment) -> None:
    """It comes from the environment, and reads the bundled trees."""
    where = installed.run(
        installed.bin("python"), "-c", "import finetune_advisor as it; print(it.__file__)"
    )
    assert where.startswith(str(installed.folder))

    answer = installed.run(installed.bin("finetune-advisor"), "assess", "-", given=json.dumps(PROFILE))
    assert EXPECTED in answer


def test_the_service_answers(serving: Server) -> None:
    """Over HTTP: an assessment, the contract of this version, and a page."""
    answer = requests.post(f"{serving.url}/assess", json={"profile": PROFILE}, timeout=30)
    assert (200, EXPECTED) == (answer.status_code, answer.json()["recommendation"]["id"])

    contract = requests.get(f"{serving.url}/openapi.json", timeout=30).json()
    assert __version__ == contract["info"]["version"]

    page = requests.get(f"{serving.url}/interview", timeout=30)
    assert (200, "text/html") == (page.status_code, page.headers["Content-Type"].partition(";")[0])


def test_the_service_ends_when_told(serving: Server) -> None:
    """With exit code 0, and without an error in its log."""
    assert 0 == serving.stop()
    levels = {
        json.loads(line)["level"] for line in serving.log.read_text().splitlines() if line[0] == "{"
    }
    assert {"INFO"} == levels


def test_every_extra_can_be_installed(installed: Environment, archives: Archives) -> None:
    """pip finds wheels of everything that an extra needs for this Python."""
    extras = ",".join(PROJECT["optional-dependencies"])
    wanted = f"finetune-advisor[{extras}] @ {archives.wheel.resolve().as_uri()}"
    resolved = installed.pip("install", "--dry-run", "--only-binary", ":all:", wanted)
    assert "Would install" in resolved
