"""What others wrote, each built once at a pinned version into `.tools/`, which git ignores."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from fcntl import LOCK_EX, flock
from hashlib import sha256
from pathlib import Path
from subprocess import PIPE

HERE = Path(__file__).parent
ROOT = HERE.parent
TOOLS = ROOT / ".tools"
DEPENDENCIES = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
VEGETA = "github.com/tsenart/vegeta/v12"
PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
INSTALL = (*PIP, "--require-hashes", "-r", "requirements.txt")
OPA = "github.com/open-policy-agent/opa"
END_SECONDS = 10
"""How long the processes of a build may clean up when it is interrupted."""


class UnavailableError(Exception):
    """Something can't be had here; the message says why."""


def vegeta() -> Path:
    """The load generator."""
    return built("vegeta", HERE / "vegeta", ["go"], lambda at: go_build(at, VEGETA)) / "vegeta"


def opa() -> Path:
    """Open Policy Agent's own command."""
    return built("opa", HERE / "peers" / "opa", ["go"], lambda at: go_build(at, OPA)) / "opa"


def drools() -> Path:
    """The folder with Drools and the service around it."""

    def build(at: Path) -> None:
        run(["mvn", "-B", "-q", DEPENDENCIES, "-DoutputDirectory=lib", "-DincludeScope=runtime"], at)
        run(["javac", "-cp", "lib/*", "Service.java"], at)

    return built("drools", HERE / "peers" / "drools", ["java", "javac", "mvn"], build)


def go_build(at: Path, package: str) -> None:
    """Build a command of the Go module in a folder."""
    run(["go", "build", "-trimpath", "-ldflags=-s -w", "-o", ".", package], at)


def in_venv(at: Path) -> None:
    """Install a folder's requirements.txt into an environment of its own."""
    run([sys.executable, "-m", "venv", "venv"], at)
    run(["venv/bin/python", *INSTALL], at)


def built(
    name: str,
    source: Path,
    needed: Sequence[str],
    build: Callable[[Path], None],
    *,
    group: str = "bench",
) -> Path:
    """Where something is built, once for each state of its sources."""
    for tool in needed:
        if shutil.which(tool) is None:
            raise UnavailableError(f"{name} needs {tool}, which isn't installed here")
    files = sorted(one for one in source.iterdir() if one.is_file())

    def build_copy(at: Path) -> None:
        shutil.copytree(source, at, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        build(at)

    return built_from(files, name, build_copy, group=group)


def built_from(files: Sequence[Path], name: str, build: Callable[[Path], None], *, group: str) -> Path:
    """Where something is built, once for each state of some files, beginning with an empty folder."""
    base = os.path.commonpath([file.parent for file in files])
    parts = [(os.fsencode(file.relative_to(base)), file.read_bytes()) for file in files]
    state = sha256(b"\0".join(part for pair in parts for part in pair))
    place = TOOLS / f"{group}-{name}-{state.hexdigest()[:12]}"
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / f"{group}-{name}.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not place.is_dir():
            print(f"building {name}, once", file=sys.stderr, flush=True)
            _build_aside(place, build)
    return place


def _build_aside(place: Path, build: Callable[[Path], None]) -> None:
    """Build in a folder beside the place, which it takes only when it is whole."""
    building = place.with_name(f"{place.name}.{os.getpid()}")
    building.mkdir()
    try:
        build(building)
        building.rename(place)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def run(command: Sequence[str], at: Path, *, seconds: float = 900, **environment: str) -> str:
    """Run a step of a build, and return what it printed. Raises UnavailableError with what it said last."""
    given = {**os.environ, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0", **environment}
    try:
        step = subprocess.Popen(
            command, cwd=at, stdout=PIPE, stderr=PIPE, text=True, env=given, start_new_session=True
        )
    except OSError as error:
        raise UnavailableError(f"{command[0]} failed: {error}") from error
    try:
        said, complained = step.communicate(timeout=seconds)
    except BaseException as error:
        _end(step)
        if isinstance(error, subprocess.TimeoutExpired):
            raise UnavailableError(f"{command[0]} failed: {error}") from error
        raise
    if step.returncode:
        reason = complained[-300:].strip() or f"exit status {step.returncode}"
        raise UnavailableError(f"{command[0]} failed: {reason}")
    return said


def _end(step: subprocess.Popen[str]) -> None:
    """End a step with all processes that it has started, after some time in which they may clean up."""
    for end in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(step.pid, end)
        with suppress(subprocess.TimeoutExpired):
            step.communicate(timeout=END_SECONDS)
