"""The files in which several processes share their metrics, as each of the processes sees them.

prometheus_client keeps a file for each process and type of metric, with a number of the process in its name.
The server numbers its processes: the first one is 0, and a worker takes the lowest number that no living
worker has. A worker that replaces another one goes on counting in its files, so that no count is lost and the
files don't become more.
"""

from __future__ import annotations

import os
from pathlib import Path

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
OLD_FOLDER_VARIABLE = "prometheus_multiproc_dir"

_process_number: int | None = None
_identities: dict[Path, tuple[int, int]] = {}


def get_metrics_folder() -> Path | None:
    """The folder that the environment names, or None; an empty variable counts as unset."""
    named = os.environ.get(FOLDER_VARIABLE) or os.environ.get(OLD_FOLDER_VARIABLE)
    return Path(named) if named else None


def set_metrics_folder(folder: Path | None) -> None:
    """Name the folder in the environment, where prometheus_client looks for it, or name none."""
    for name in (FOLDER_VARIABLE, OLD_FOLDER_VARIABLE):
        os.environ.pop(name, None)
    if folder:
        os.environ[FOLDER_VARIABLE] = str(folder)


def get_process_number() -> int:
    """The number that names this process's files; outside of our server, its process id."""
    return os.getpid() if _process_number is None else _process_number


def set_process_number(number: int) -> None:
    """Number this process, before it counts anything."""
    global _process_number  # noqa: PLW0603  # one for the whole process
    _process_number = number


def remember_file(path: Path) -> None:
    """Expect a file to stay what it is now, in this process and those that it forks."""
    _identities[path] = _identity(path)


def enlarge_files(kind: str, size: int) -> None:
    """Give the workers' files of a kind at least so many bytes.

    Raises OSError where there is no room; then they are what they were.
    """
    sizes = {
        path: path.stat().st_size
        for path in _identities
        if path.name.startswith(f"{kind}_") and path.name != f"{kind}_0.db"
    }
    try:
        for path, before in sizes.items():
            with path.open("ab") as file:
                file.write(bytes(max(0, size - before)))
    except OSError:
        for path, before in sizes.items():
            os.truncate(path, before)
        raise


def find_missing_file() -> Path | None:
    """A remembered file that was removed or replaced, or None. What was counted in it is lost."""
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
