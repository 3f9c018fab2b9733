"""The folder of the workers' metrics, made ready when the server starts."""

from __future__ import annotations

import atexit
import fcntl
import os
import re
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.telemetry import metrics_files

FOLDER_NAME_PREFIX = "finetune-advisor-metrics-"
METRICS_FILE_NAME = re.compile(
    r"(counter|histogram|summary|gauge_(live)?(all|min|max|sum|mostrecent))_\d+\.db"
)
"""The names that prometheus_client gives its files."""

COUNTER_FILE_BYTES, GAUGE_FILE_BYTES = 512 * 1024, 64 * 1024
FILE_BYTES = {
    "counter": COUNTER_FILE_BYTES,
    "histogram": COUNTER_FILE_BYTES,
    "gauge_max": GAUGE_FILE_BYTES,
    "gauge_livesum": GAUGE_FILE_BYTES,
}
"""The size of each of a worker's files."""
STALE_SECONDS = 60
"""The age of a folder from which on it counts as left over if it isn't locked; a new one isn't locked yet."""

_locks: list[int] = []


class MetricsFolderError(FinetuneAdvisorError):
    """The folder can't be used; the message names it and says what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{metrics_files.FOLDER_VARIABLE}: {reason}")


def prepare_metrics_folder(workers: int, parent: str | None) -> None:
    """Make the folder ready for so many workers, and name it in the environment.

    The folder is the one that the environment names. Otherwise it is made in `parent`, or where temporary
    folders go, and removed when this process ends, however far its start got.

    Raises MetricsFolderError if the folder holds anything but metrics, belongs to an instance that runs,
    can't be written or has too little room.
    """
    named = metrics_files.get_metrics_folder()
    folder = named.absolute() if named else _new_folder(parent)
    if not named:
        atexit.register(_remove, folder, os.getpid())
    try:
        if named:
            folder.mkdir(parents=True, exist_ok=True)
        _locks.append(_lock(folder))
        _delete_metrics(folder)
        _allocate(folder, workers)
    except FileExistsError as error:
        raise MetricsFolderError(f"{folder}: is a file; name a folder") from error
    except OSError as error:
        raise MetricsFolderError(
            f"{error.filename or folder}: {error.strerror}; name a folder that can be written"
        ) from error
    metrics_files.set_metrics_folder(folder)
    metrics_files.set_process_number(0)


def compute_needed_bytes(workers: int) -> int:
    """The room that so many workers need, with the process that starts them."""
    return workers * sum(FILE_BYTES.values()) + len(FILE_BYTES) * GAUGE_FILE_BYTES


def _new_folder(parent: str | None) -> Path:
    parent = parent or tempfile.gettempdir()
    try:
        _remove_stale(Path(parent))
        return Path(tempfile.mkdtemp(prefix=FOLDER_NAME_PREFIX, dir=parent))
    except OSError as error:
        raise MetricsFolderError(
            f"is unset, and no folder can be made in {parent}: {error.strerror}; name one"
        ) from error


def _remove(folder: Path, owner: int) -> None:
    """Remove a folder, if this is the process that made it and not one that it forked."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_stale(parent: Path) -> None:
    """Remove the folders of instances that were killed, and couldn't do it themselves."""
    for folder in parent.glob(f"{FOLDER_NAME_PREFIX}*"):
        with suppress(OSError, MetricsFolderError):
            if not folder.is_symlink() and time.time() - folder.stat().st_mtime > STALE_SECONDS:
                lock = _lock(folder)
                try:
                    _delete_metrics(folder)
                    folder.rmdir()
                finally:
                    os.close(lock)


def _lock(folder: Path) -> int:
    """Lock a folder while this process lives, or one that it forked."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise MetricsFolderError(
            f"{folder}: another instance uses it; give each one a folder of its own"
        ) from error
    except OSError:
        pass  # this file system has no locks
    return descriptor


def _delete_metrics(folder: Path) -> None:
    """Delete the metrics of an earlier start, or nothing if there is anything else."""
    with os.scandir(folder) as listing:
        entries = sorted(listing, key=lambda entry: entry.name)
    for entry in entries:
        if not (METRICS_FILE_NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)):
            raise MetricsFolderError(
                f"{folder}: holds {entry.name!r}, which isn't a file of metrics; name an empty or new folder"
            )
    for entry in entries:
        Path(entry).unlink()


def _allocate(folder: Path, workers: int) -> None:
    """Write all files in their full size, as a worker that finds no room later would be killed by SIGBUS."""
    free = shutil.disk_usage(folder).free
    try:
        for number in range(workers + 1):
            for kind, size in FILE_BYTES.items():
                path = folder / f"{kind}_{number}.db"
                path.write_bytes(bytes(size if number else GAUGE_FILE_BYTES))
                metrics_files.remember_file(path)
    except OSError as error:
        _delete_metrics(folder)
        raise MetricsFolderError(
            f"{folder}: {error.strerror}; {workers} workers need "
            f"{compute_needed_bytes(workers) // 1024} KiB for their metrics, and "
            f"{free // 1024} KiB are free; make room, name another folder, or lower "
            "FINETUNE_ADVISOR_WORKERS"
        ) from error
