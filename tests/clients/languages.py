"""The languages that clients are generated in, each with its tools at pinned versions."""

from __future__ import annotations

import os
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from subprocess import CompletedProcess
from typing import ClassVar

from tests.conftest import ROOT
from tests.tools import NPM_CI, built, run

HERE = Path(__file__).parent
SERVED_AT = "http://127.0.0.1:8080"
GUIDE = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
NO_CONFIGURATION = {"NPM_CONFIG_USERCONFIG": "/dev/null", "NO_COLOR": "1"}


class Language(ABC):
    """A language as docs/clients.md shows it. The words of its example's file name stand for a program."""

    heading: ClassVar[str]
    fence: ClassVar[str]
    example: ClassVar[str]
    driver: ClassVar[str]
    needed: ClassVar[Sequence[str]]
    announced: ClassVar[Sequence[str]] = ()
    """What the generator warns of in any contract."""

    def __init__(self, at: Path, contract: str) -> None:
        """Take a folder, and have the tools there beside a contract."""
        self.at = at
        (at / "openapi.yaml").write_text(contract, encoding="utf-8")
        name = self.heading.lower()
        self.lay_out(built(f"client-{name}", HERE / "tools" / name, self.needed, self.install))

    @staticmethod
    @abstractmethod
    def install(place: Path) -> None:
        """Install the tools into a folder that has their lock file."""

    @abstractmethod
    def lay_out(self, tools: Path) -> None:
        """Have the tools where the guide's commands look for them."""

    def shown(self, fence: str) -> str:
        """The block in a fence, in the language's section of the guide."""
        return _block(self.heading, fence)

    @property
    def commands(self) -> list[str]:
        """The guide's commands but for those that install."""
        lines = self.shown("sh").replace("\\\n", "").splitlines()
        return [
            line for line in lines if not line.startswith(("pip ", "npm ", "mvn ", "go mod ", "go get "))
        ]

    def generate(self) -> str:
        """Generate the client; what the generator says."""
        generated = self._run(self.commands[0])
        return generated.stdout + generated.stderr

    def execute(self, program: str, text: str, url: str) -> str:
        """Compile a program strictly beside the client and run it against a server; what it prints."""
        (self.at / program).write_text(text.replace(SERVED_AT, url), encoding="utf-8")
        stem, example = Path(program).stem, Path(self.example).stem
        *compiling, running = [re.sub(rf"\b{example}\b", stem, line) for line in self.commands[1:]]
        for line in compiling:
            self._run(line)
        return self._run(running).stdout

    def _run(self, line: str) -> CompletedProcess[str]:
        path = os.pathsep.join([str(self.at / "bin"), os.environ["PATH"]])
        return run(["bash", "-ec", line], self.at, PATH=path, **NO_CONFIGURATION)


class Python(Language):
    """openapi-python-client, which ends with an error where it warns, and mypy."""

    heading, fence, example, driver = "Python", "python", "example.py", "round_trip.py"
    needed = ()

    @staticmethod
    def install(place: Path) -> None:
        run([sys.executable, "-m", "venv", "venv"], place)
        install = ["venv/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run([*install, "--require-hashes", "-r", "requirements.txt"], place)

    def lay_out(self, tools: Path) -> None:
        """The scripts of an environment name the folder that it was made in, so they are called anew."""
        there = self.at / "bin"
        there.mkdir()
        (there / "ruff").symlink_to(tools / "venv" / "bin" / "ruff")
        for name, module in (("openapi-python-client", "-m openapi_python_client"), ("mypy", "-m mypy")):
            _script(there / name, f'exec {tools}/venv/bin/python {module} "$@"')
        _script(there / "python", f'exec {tools}/venv/bin/python "$@"')


class TypeScript(Language):
    """openapi-typescript with openapi-fetch, and tsc."""

    heading, fence, example, driver = "TypeScript", "ts", "example.mts", "round_trip.mts"
    needed = ("node", "npm")

    @staticmethod
    def install(place: Path) -> None:
        run(NPM_CI, place)

    def lay_out(self, tools: Path) -> None:
        (self.at / "node_modules").symlink_to(tools / "node_modules")


class Java(Language):
    """OpenAPI Generator's client on Java's own HTTP client, and javac."""

    heading, fence, example, driver = "Java", "java", "Example.java", "RoundTrip.java"
    needed = ("java", "javac", "mvn")
    announced = (
        "OpenAPI 3.1 support is still in beta",
        "Failed to get the schema name: null",  # pictures have none, as they aren't JSON
        "Ignoring complex example on request body",
    )

    @staticmethod
    def install(place: Path) -> None:
        for line in re.findall(r"^mvn .*", _block(Java.heading, "sh"), re.MULTILINE):
            run(["bash", "-ec", line], place)

    def lay_out(self, tools: Path) -> None:
        for name in ("openapi-generator-cli.jar", "lib"):
            (self.at / name).symlink_to(tools / name)


class Go(Language):
    """oapi-codegen, as a tool of the module, and go vet."""

    heading, fence, example, driver = "Go", "go", "example.go", "round_trip.go"
    needed = ("go",)

    @staticmethod
    def install(place: Path) -> None:
        run(["go", "mod", "download"], place)

    def lay_out(self, tools: Path) -> None:
        for name in ("go.mod", "go.sum"):
            (self.at / name).symlink_to(tools / name)


class Rust(Language):
    """OpenAPI Generator's blocking client on reqwest, and cargo, for which a warning is an error."""

    heading, fence, example, driver = "Rust", "rust", "example.rs", "round_trip.rs"
    needed = ("cargo", "java", "mvn")
    announced = (*Java.announced[:2], "cannot be used as a")

    @staticmethod
    def install(place: Path) -> None:
        for line in re.findall(r"^mvn .*", _block(Rust.heading, "sh"), re.MULTILINE):
            run(["bash", "-ec", line], place)

    def lay_out(self, tools: Path) -> None:
        """What cargo compiled once is kept beside the tools."""
        (self.at / "openapi-generator-cli.jar").symlink_to(tools / "openapi-generator-cli.jar")
        (self.at / "target").symlink_to(tools / "target")
        (tools / "target").mkdir(exist_ok=True)
        for name in ("Cargo.toml", "Cargo.lock"):
            (self.at / name).write_bytes((tools / name).read_bytes())
        (self.at / "src" / "bin").mkdir(parents=True)

    def execute(self, program: str, text: str, url: str) -> str:
        """As in other languages; cargo looks for programs in src/bin."""
        return super().execute(f"src/bin/{program}", text, url)


LANGUAGES: list[type[Language]] = [Python, TypeScript, Java, Go, Rust]


def _block(heading: str, fence: str) -> str:
    """The block in a fence, in a section of the guide."""
    section = GUIDE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    [block] = re.findall(rf"^```{fence}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return str(block)


def _script(at: Path, line: str) -> None:
    at.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    at.chmod(0o755)
