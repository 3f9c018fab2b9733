"""The processes of a pod, as this process sees them from the cluster's namespace of processes."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.kubectl import Manifest


@dataclass(frozen=True)
class ServerProcesses:
    """Process IDs of a pod's server: the first process, and the workers that it has started."""

    first: int
    workers: list[int]


def server_processes(pod: Manifest) -> ServerProcesses:
    """Find them by the pod's control group. Raises ValueError if there isn't exactly one first process."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # processes end meanwhile
            if pod["metadata"]["uid"] in (folder / "cgroup").read_text() and _is_server(folder):
                parents[int(folder.name)] = _parent(folder)
    [first] = [process for process, parent in parents.items() if parent not in parents]
    return ServerProcesses(first, sorted(process for process in parents if process != first))


def _is_server(folder: Path) -> bool:
    command = (folder / "cmdline").read_bytes()
    return b"finetune-advisor" in command or b"gunicorn" in command


def _parent(folder: Path) -> int:
    # The name of the program, in brackets, may have spaces.
    return int((folder / "stat").read_text().rpartition(")")[2].split()[1])
