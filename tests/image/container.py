"""The image in a container, as a strict orchestrator runs it: read-only, any user, no capabilities."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import requests

UID = 48_151
"""Nobody in the image; the group is root's, as OpenShift does it."""
URL = "http://127.0.0.1:8080"
CRUN = ["crun", "--cgroup-manager=disabled"]
NO_CAPABILITIES: dict[str, list[str]] = {
    kind: [] for kind in ("bounding", "effective", "inheritable", "permitted", "ambient")
}


@dataclass(frozen=True)
class Image:
    """An image: a folder with its manifest and blobs, and its files unpacked."""

    folder: Path
    root: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "manifest.json").read_text())
        return found

    @cached_property
    def config(self) -> dict[str, Any]:
        blob = self.manifest["config"]["digest"].removeprefix("sha256:")
        found: dict[str, Any] = json.loads((self.folder / blob).read_text())["config"]
        return found


@dataclass
class Container:
    """A container of an image, whose network is this process's. `folder` takes its bundle and its log."""

    image: Image
    folder: Path
    command: Sequence[str] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: Sequence[Mapping[str, Any]] = ()
    entrypoint: Sequence[str] | None = None
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Start it, without waiting for anything."""
        subprocess.run(["crun", "spec"], cwd=self.folder, check=True)
        bundle = json.loads((self.folder / "config.json").read_text())
        (self.folder / "config.json").write_text(json.dumps(self._restricted(bundle)))
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*self._crun("run"), "--bundle", self.folder, self.name], stdout=log, stderr=log
            )

    def _restricted(self, bundle: dict[str, Any]) -> dict[str, Any]:
        """The runtime's default bundle, which is read-only already, with this image and fewer rights."""
        config = self.image.config
        command = config["Cmd"] if self.command is None else self.command
        entrypoint = self.entrypoint or config["Entrypoint"]
        namespaces = [one for one in bundle["linux"]["namespaces"] if one["type"] != "network"]
        given = [f"{name}={value}" for name, value in self.environment.items()]
        return bundle | {
            "root": {"path": str(self.image.root), "readonly": True},
            "mounts": [
                *(one for one in bundle["mounts"] if one["type"] != "cgroup"),
                *self.mounts,
            ],
            "linux": bundle["linux"] | {"namespaces": namespaces},
            "process": bundle["process"]
            | {
                "terminal": False,
                "user": {"uid": UID, "gid": 0},
                "args": [*entrypoint, *command],
                "env": [*config["Env"], *given],
                "capabilities": NO_CAPABILITIES,
            },
        }

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def logged(self) -> str:
        return self.log.read_text()

    def wait_until_ready(self, url: str = URL) -> None:
        """Wait for /readyz; fails with the log if it ends before."""
        deadline = time.monotonic() + 60
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                if requests.get(f"{url}/readyz", timeout=5).ok:
                    return
            except requests.ConnectionError:
                time.sleep(0.1)
        raise AssertionError(f"it isn't ready:\n{self.logged}")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command inside, as its own user."""
        inside = [*self._crun("exec"), self.name, *command]
        return subprocess.run(inside, capture_output=True, text=True, timeout=60)

    def first_process(self) -> Path:
        """What /proc has on its process 1."""
        state = subprocess.run([*self._crun("state"), self.name], capture_output=True, check=True)
        return Path("/proc") / str(json.loads(state.stdout)["pid"])

    def terminate(self) -> None:
        """Send SIGTERM to its process 1."""
        os.kill(int(self.first_process().name), signal.SIGTERM)

    def stop(self) -> int:
        """End it as an orchestrator would, and give its exit code."""
        if self.process.poll() is None:
            self.terminate()
        try:
            return self.process.wait(45)
        except subprocess.TimeoutExpired:
            subprocess.run([*self._crun("kill"), self.name, "KILL"], check=True)
            self.process.wait(10)
            raise

    def _crun(self, command: str) -> list[str]:
        return [*CRUN, "--root", str(self.folder / "state"), command]


def bind(source: Path, destination: str) -> dict[str, Any]:
    """A folder that can only be read."""
    return {
        "destination": destination,
        "type": "bind",
        "source": str(source),
        "options": ["rbind", "ro"],
    }
