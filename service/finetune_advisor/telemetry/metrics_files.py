"""The files through which the processes of one instance share their metrics.

prometheus_client keeps a file for each process and type of metric, with a number of the process in its name.
The server numbers its processes: the first process is 0, and a worker takes the lowest number that no living
worker has. A worker that replaces a dead one goes on counting in the files of the dead one. So no count is
lost, and the number of files stays the same.
"""

from __future__ import annotations

import os
from pathlib import Path

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
OLD_FOLDER_VARIABLE = "prometheus_multiproc_dir"
"""A deprecated name that prometheus_client still reads."""

_process_number: int | None = None
_identities: dict[Path, tuple[int, int]] = {}
"""For each remembered file, its device and its inode, which a replaced file doesn't keep."""


def get_metrics_folder() -> Path | None:
    """Return the folder that the environment names, or None. An empty variable counts as unset."""
    folder = os.environ.get(FOLDER_VARIABLE) or os.environ.get(OLD_FOLDER_VARIABLE)
    return Path(folder) if folder else None


def set_metrics_folder(folder: Path | None) -> None:
    """Set the variable from which prometheus_client takes the folder, or unset it if `folder` is None."""
    for name in (FOLDER_VARIABLE, OLD_FOLDER_VARIABLE):
        os.environ.pop(name, None)
    if folder:
        os.environ[FOLDER_VARIABLE] = str(folder)


def get_process_number() -> int:
    """Return the number in the names of this process's files. Outside of our server it is the process id."""
    return os.getpid() if _process_number is None else _process_number


def set_process_number(number: int) -> None:
    """Set the number of this process. Call it before the process counts anything."""
    global _process_number  # noqa: PLW0603  # one for the whole process
    _process_number = number


def remember_file(path: Path) -> None:
    """Have `find_missing_file` watch a file, in this process and in those that it forks."""
    _identities[path] = _identity(path)


def enlarge_files(kind: str, size: int) -> None:
    """Enlarge the workers' files of a kind, such as `counter`, to at least `size` bytes each.

    Raises OSError if there is no room. The files then keep their old sizes.
    """
    sizes = {
        path: path.stat().st_size
        for path in _identities
        # File 0 belongs to the process that starts the workers, which counts no decision.
        if path.name.startswith(f"{kind}_") and path.name != f"{kind}_0.db"
    }
    try:
        for path, before in sizes.items():
            with path.open("ab") as file:
                # Zeros take the room at once, unlike a hole in the file.
                file.write(bytes(max(0, size - before)))
    except OSError:
        for path, before in sizes.items():
            os.truncate(path, before)
        raise


def find_missing_file() -> Path | None:
    """Find a remembered file that was removed or replaced, and its counts with it. None if all are there."""
    for path, identity in _identities.items():
        try:
            if _identity(path) != identity:
                return path
        except OSError:
            return path
    return None


def _identity(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_dev, status.st_ino
