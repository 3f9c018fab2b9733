"""What there is of clusters in a folder: processes, namespaces, mounts, control groups, interfaces, files."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

KINDS = ("mnt", "net", "pid", "cgroup", "uts")


class Traces:
    """Finds what clusters in a folder have made, apart from other clusters on this machine."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._clusters: set[str] = set()
        self._namespaces: set[str] = set()
        self._interfaces = interfaces()

    def note(self) -> None:
        """Note the clusters that run now, and their namespaces, which can't be told by any name."""
        self._clusters |= {path.name for path in self.place.iterdir()}
        for process in Path("/proc").glob("[0-9]*"):
            if self._is_of_a_cluster(process):
                self._namespaces |= {_target(process / "ns" / kind) for kind in KINDS}
        self._namespaces -= {_target(Path("/proc/self/ns") / kind) for kind in KINDS}

    def find(self) -> list[str]:
        """What is there now, one line for each thing."""
        return [
            *(f"file {path}" for path in self.place.iterdir()),
            *(f"process {one}" for one in self._processes()),
            *(f"namespace {one}" for one in listed_namespaces() & self._namespaces),
            *(
                f"mount {line}"
                for line in _read(Path("/proc/mounts")).splitlines()
                if str(self.place) in line
            ),
            *(f"control group {path}" for path in self._control_groups()),
            *(f"interface {name}" for name in interfaces() - self._interfaces),
        ]

    def _processes(self) -> Iterator[str]:
        """Those that have the folder in command or environment, or are in a control group of a cluster."""
        for process in Path("/proc").glob("[0-9]*"):
            if self._is_of_a_cluster(process):
                yield f"{process.name} {_read(process / 'cmdline')[:80]!r}"

    def _is_of_a_cluster(self, process: Path) -> bool:
        said = _read(process / "cmdline") + _read(process / "environ")
        groups = _read(process / "cgroup")
        return str(self.place) in said or any(name in groups for name in self._clusters)

    def _control_groups(self) -> Iterator[str]:
        for folder, subfolders, _ in os.walk("/sys/fs/cgroup"):
            yield from (f"{folder}/{name}" for name in self._clusters.intersection(subfolders))


def listed_namespaces() -> set[str]:
    """All namespaces of processes, such as `net:[4026531840]`."""
    command = ["lsns", "--noheadings", "--raw", "--output", "TYPE,NS"]
    listed = subprocess.run(command, capture_output=True, text=True).stdout
    assert listed, "lsns lists no namespace, not even this process's"
    return {f"{kind}:[{number}]" for kind, number in (line.split() for line in listed.splitlines())}


def interfaces() -> set[str]:
    """The network interfaces that this process sees."""
    listed = subprocess.run(
        ["ip", "-oneline", "link"], capture_output=True, text=True, check=True
    ).stdout
    return {line.split()[1] for line in listed.splitlines()}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # the process has ended
        return ""


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""
