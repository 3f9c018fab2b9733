"""What becomes the `unshare` of a cluster: joins the control groups that a file names, and makes namespaces.

Usage: `python -m tests.cluster.entering DESCRIPTOR FILE`. The descriptor is for `inside.py`.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tests.cluster import control_groups, namespaces

IN_GROUPS = "in-groups"


def main() -> None:
    """Replace this process by `unshare`, whose child is the first process of the cluster.

    It does so in two steps, as the root of a namespace of control groups is the group of its first process.
    """
    ready, file, *step = sys.argv[1:]
    groups = [Path(line) for line in Path(file).read_text(encoding="utf-8").splitlines()]
    if step == [IN_GROUPS]:
        control_groups.make_room(groups)
        command = [*namespaces.CREATE_OTHERS, sys.executable, "-m", "tests.cluster.inside", ready]
    else:
        # As it was in the parent before it started this process.
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        control_groups.join(groups)
        command = [
            *namespaces.CREATE_GROUPS,
            sys.executable,
            "-m",
            "tests.cluster.entering",
            ready,
            file,
            IN_GROUPS,
        ]
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
