"""The control groups of a cluster: in each hierarchy of version 1, one below the group of this process.

The cluster's control group namespace shows only what lies below them. Where all is version 2, there are none.
That is enough for a cluster without nodes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

MOUNTED = Path("/sys/fs/cgroup")
GONE_SECONDS = 10


def own_groups() -> dict[str, Path]:
    """The folder of this process's group in each hierarchy, by the hierarchy's controllers."""
    lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    names = [(controllers.removeprefix("name="), path) for _, controllers, path in lines if controllers]
    return {name: MOUNTED / name / path.lstrip("/") for name, path in names}


def new_groups(name: str) -> list[Path]:
    """The folders of a cluster's groups, which aren't made yet."""
    return [group / name for group in own_groups().values()]


def join(groups: Iterable[Path]) -> None:
    """Make groups, and put this process into them."""
    for group in groups:
        group.mkdir()
        for setting in (
            "cpuset.cpus",
            "cpuset.mems",
        ):  # are empty in a new group, which then takes nobody
            if (parent := group.parent / setting).exists():
                (group / setting).write_text(parent.read_text())
        (group / "cgroup.procs").write_text(str(os.getpid()))


def remove(groups: Iterable[Path]) -> None:
    """Remove groups whose processes have ended, and all below. Raises TimeoutError if one stays."""
    deadline = time.monotonic() + GONE_SECONDS
    remaining = [group for group in groups if not _is_removed(group)]
    while remaining and time.monotonic() < deadline:
        time.sleep(0.05)  # a process that has ended leaves its group a moment later
        remaining = [group for group in remaining if not _is_removed(group)]
    if remaining:
        raise TimeoutError(f"control groups stay: {', '.join(map(str, remaining))}")


def _is_removed(group: Path) -> bool:
    """Remove a group from its lowest ones up, as far as they have no process."""
    for folder, _, _ in os.walk(group, topdown=False):
        try:
            Path(folder).rmdir()
        except OSError:
            return False
    return True
