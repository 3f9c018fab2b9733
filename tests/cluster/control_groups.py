"""The control groups of a cluster, which hold its programs and its pods, by either version of the kernel's.

Version 1 has a hierarchy for each controller: a group is made in each, below the group of this process.
Version 2 has one for all. Only its root may have both processes and groups with controllers below, so the
cluster's group is made there, and the cluster's programs are in a group below that one.

The cluster's control group namespace shows only what lies below its groups.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

MOUNTED = Path("/sys/fs/cgroup")
PROGRAMS = "programs"
"""The group of version 2 that the cluster's programs are in."""
CONTROLLERS_1 = {"cpu", "cpuset", "cpuacct", "memory", "pids", "devices", "freezer", "blkio"}
CONTROLLERS_2 = {"cpu", "cpuset", "memory", "pids", "io"}
"""What nodes need. Version 2 can stop processes and guard devices without controllers."""
GONE_SECONDS = 10


def is_version_2() -> bool:
    """Whether all controllers are in the hierarchy of version 2, and none has one of its own."""
    return (MOUNTED / "cgroup.controllers").exists()


def prepare_for_nodes() -> str:
    """What nodes need of control groups and don't find here, in words; empty if it is all there.

    In version 2, the controllers are enabled below the root, as container engines do, and stay so.
    """
    if is_version_2():
        absent = CONTROLLERS_2 - set((MOUNTED / "cgroup.controllers").read_text().split())
        return " and ".join(sorted(absent)) or _try_to_enable()
    absent = CONTROLLERS_1 - {one for names in own_groups() for one in names.split(",")}
    return " and ".join(sorted(absent))


def _try_to_enable() -> str:
    try:
        enable_below(MOUNTED)
    except OSError as error:  # a container's root isn't the kernel's, or may only be read
        return f"the right to enable controllers below {MOUNTED}: {error.strerror}"
    return ""


def enable_below(group: Path) -> None:
    """Let the groups below a group of version 2 have the controllers that nodes need. Raises OSError."""
    switch = group / "cgroup.subtree_control"
    if disabled := CONTROLLERS_2 - set(switch.read_text().split()):
        switch.write_text(" ".join(f"+{controller}" for controller in sorted(disabled)))


def own_groups() -> dict[str, Path]:
    """The folder of this process's group in each hierarchy of version 1, by the hierarchy's controllers."""
    lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    names = [(controllers.removeprefix("name="), path) for _, controllers, path in lines if controllers]
    return {name: MOUNTED / name / path.lstrip("/") for name, path in names}


def mounted_hierarchies() -> list[Path]:
    """The roots of all hierarchies."""
    return [MOUNTED] if is_version_2() else [*MOUNTED.iterdir()]


def new_groups(name: str, nodes: int) -> list[Path]:
    """The folders of a cluster's groups, which aren't made yet. Without nodes, version 2 needs none."""
    if is_version_2():
        return [MOUNTED / name] if nodes else []
    return [group / name for group in own_groups().values()]


def join(groups: Iterable[Path]) -> None:
    """Make groups, and put this process into them."""
    for group in groups:
        group.mkdir()
        # These are empty in a new group of version 1, which then takes nobody.
        for setting in ("cpuset.cpus", "cpuset.mems"):
            if not is_version_2() and (parent := group.parent / setting).exists():
                (group / setting).write_text(parent.read_text())
        (group / "cgroup.procs").write_text(str(os.getpid()))


def make_room(groups: Iterable[Path]) -> None:
    """Put this process below its groups of version 2, which with processes give no group controllers."""
    if is_version_2():
        join(group / PROGRAMS for group in groups)


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
