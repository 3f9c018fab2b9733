"""The machine of a run and the versions of what ran on it; no names of hosts or places."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.tools import HERE

PACKAGES = (
    *("finetune-advisor", "flask", "werkzeug", "flask-smorest", "marshmallow"),
    *("gunicorn", "msgspec", "orjson", "prometheus-client", "zen-engine"),
)


def description() -> dict[str, str]:
    """What it is, as it was when the run began."""
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return {
        "cpu": model[1] if model else platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{int(memory[1]) / 2**20:.1f} GiB" if memory else "unknown",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "load before the run": f"{os.getloadavg()[0]:.2f}",
    }


def versions() -> dict[str, str]:
    """Everything compared, and what it was built with."""
    found = {name: _package(name) for name in PACKAGES}
    pom = (HERE / "peers" / "drools" / "pom.xml").read_text()
    opa = (HERE / "peers" / "opa" / "go.mod").read_text()
    vegeta = (HERE / "vegeta" / "go.mod").read_text()
    return {
        **found,
        "OPA": _first(r"opa v(\S+)", opa),
        "Drools (kie-dmn-core)": _first(
            r"<artifactId>kie-dmn-core</artifactId>\s*<version>([^<]+)", pom
        ),
        "vegeta": _first(r"vegeta/v12 v(\S+)", vegeta),
        "go": _said(["go", "env", "GOVERSION"]).removeprefix("go"),
        "java": _first(r'version "([^"]+)"', _said(["java", "-version"])),
    }


def stolen() -> float:
    """Seconds that the host has taken from this machine's cores since it started, all cores together."""
    counts = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return int(counts[8]) / os.sysconf("SC_CLK_TCK")


def _package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else "missing"


def _said(command: list[str]) -> str:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    except OSError:
        return "missing"
    return (done.stdout + done.stderr).strip()
