"""Where a Python of some version is: on the path, among pyenv's, or unpacked from Debian's packages."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench import tools

from tests.tools import built

DEBIAN_PYTHON = Path(__file__).parent / "debian_python"
DEBIAN_VERSION = "3.14"
"""The one that Debian's unstable suite has, and no stable one yet."""


def find_python(version: str) -> Path:
    """An interpreter of a version such as 3.12; skips where none can be had."""
    for candidate in _installed(version):
        if _version_of(candidate) == version:
            return candidate
    if version == DEBIAN_VERSION:
        return unpacked_python()
    pytest.skip(f"there is no Python {version} here, neither on the path nor among pyenv's")


def _installed(version: str) -> Iterator[Path]:
    """The commands of that name on the path, and what pyenv has below its shims."""
    for folder in os.get_exec_path():
        yield Path(folder) / f"python{version}"
    if shutil.which("pyenv"):
        found = subprocess.run(["pyenv", "prefix", version], capture_output=True, text=True)
        yield Path(found.stdout.strip()) / "bin" / "python"


def _version_of(python: Path) -> str:
    """The version of a command, or nothing if it isn't there or, as a shim may, refuses to run."""
    if not python.is_file():
        return ""
    script = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([python, "-c", script], capture_output=True, text=True).stdout.strip()


def unpacked_python() -> Path:
    """Debian's Python, unpacked once into `.tools/` with all that it needs; nothing is installed."""
    place = built("debian-python", DEBIAN_PYTHON, ["mmdebstrap", "apt-get"], _unpack)
    return place / "root" / "usr" / "bin" / f"python{DEBIAN_VERSION}"


def _unpack(at: Path) -> None:
    python = f"python{DEBIAN_VERSION}"
    # A mirror may be an old snapshot, whose index has expired. Its signature is checked all the same.
    options = ["--quiet", "--variant=extract", '--aptopt=Acquire::Check-Valid-Until "false"']
    tools.run(["mmdebstrap", *options, f"--include={python}", "unstable", "root", _mirror()], at)
    bin_folder = at / "root" / "usr" / "bin"
    (bin_folder / python).rename(bin_folder / f"{python}.program")
    (at / python).rename(bin_folder / python)


def _mirror() -> str:
    """The mirror that MIRROR names, or the one of this machine's apt, as in image/debian-base."""
    if named := os.environ.get("MIRROR"):
        return named
    wanted = ["Created-By: Packages", "Label: Debian", "Component: main"]
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", *wanted]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    if not listed:
        raise tools.UnavailableError("apt has no Debian mirror; name one: MIRROR=…")
    return listed[0]
