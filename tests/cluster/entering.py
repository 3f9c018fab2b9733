"""What becomes the `unshare` of a cluster: joins the control groups that a file names, and makes namespaces.

Usage: `python -m tests.cluster.entering DESCRIPTOR FILE`. The descriptor is for `inside.py`.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tests.cluster import control_groups, namespaces


def main() -> None:
    """Replace this process by `unshare`, whose child is the first process of the cluster."""
    ready, groups = sys.argv[1:]
    signal.pthread_sigmask(
        signal.SIG_SETMASK, ()
    )  # as it was in the parent before it started this process
    control_groups.join(Path(line) for line in Path(groups).read_text(encoding="utf-8").splitlines())
    command = [*namespaces.CREATE, sys.executable, "-m", "tests.cluster.inside", ready]
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
