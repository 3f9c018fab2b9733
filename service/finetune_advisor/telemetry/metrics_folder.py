"""The folder of the workers' metrics: create, lock, empty and fill it when the server starts."""

from __future__ import annotations

import atexit
import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.telemetry import metrics_files

FOLDER_NAME_PREFIX = "finetune-advisor-metrics-"
METRICS_FILE_NAME = re.compile(
    r"(counter|histogram|summary|gauge_(live)?(all|min|max|sum|mostrecent))_\d+\.db"
)
"""Matches the names that prometheus_client gives its files."""

COUNTER_FILE_BYTES, GAUGE_FILE_BYTES = 512 * 1024, 64 * 1024
FILE_BYTES = {
    "counter": COUNTER_FILE_BYTES,
    "histogram": COUNTER_FILE_BYTES,
    "gauge_max": GAUGE_FILE_BYTES,
    "gauge_livesum": GAUGE_FILE_BYTES,
}
"""The size of each of a worker's files by its kind, in bytes."""
STALE_SECONDS = 60
"""Minimum age of an unlocked folder that counts as left over: a new folder isn't locked for a moment."""

_locks: list[int] = []
"""Open descriptors that hold locks; closing one would release its lock."""


class MetricsFolderError(FinetuneAdvisorError):
    """The folder can't be used; the message names it and says what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{metrics_files.FOLDER_VARIABLE}: {reason}")


def prepare_metrics_folder(workers: int, parent: str | None) -> None:
    """Prepare the folder for `workers` workers, and set the variable that names it.

    The folder is the one that the environment names. Otherwise a new one is made in `parent`, or among the
    temporary files, and removed when this process ends, even if its start fails.

    Raises MetricsFolderError if the folder holds anything but metrics, is in use by another instance, can't
    be written or has too little room.
    """
    configured = metrics_files.get_metrics_folder()
    folder = configured.absolute() if configured else _new_folder(parent)
    if not configured:
        atexit.register(_remove, folder, os.getpid())
    try:
        if configured:
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


def make_room_for_replacements(workers: int) -> None:
    """Make files for as many workers again, if workers share a folder: during a reload, both run.

    Raises MetricsFolderError if there is too little room. The other files stay as they are.
    """
    folder = metrics_files.get_metrics_folder()
    if not folder or _metrics_file(folder, "counter", 2 * workers).exists():
        return
    numbers = range(workers + 1, 2 * workers + 1)
    try:
        _write_files(folder, numbers)
    except OSError as error:
        for number in numbers:
            for kind in FILE_BYTES:
                _metrics_file(folder, kind, number).unlink(missing_ok=True)
        raise MetricsFolderError(
            f"{folder}: {error.strerror}; a reload needs {compute_needed_bytes(workers) // 1024} KiB more "
            "for the metrics of new workers; make room, name another folder, or lower "
            "FINETUNE_ADVISOR_WORKERS"
        ) from error
    _remember_files(folder, numbers)


def compute_needed_bytes(workers: int) -> int:
    """Return the bytes that the files of `workers` workers and of the process that starts them take."""
    return workers * sum(FILE_BYTES.values()) + len(FILE_BYTES) * GAUGE_FILE_BYTES


def _new_folder(parent: str | None) -> Path:
    """Make a folder with a name of its own. Raises MetricsFolderError."""
    parent = parent or tempfile.gettempdir()
    try:
        _remove_stale(Path(parent))
        return Path(tempfile.mkdtemp(prefix=FOLDER_NAME_PREFIX, dir=parent))
    except OSError as error:
        raise MetricsFolderError(
            f"is unset, and no folder can be made in {parent}: {error.strerror}; name one"
        ) from error


def _remove(folder: Path, owner: int) -> None:
    """Remove a folder, unless this process was forked from its owner: workers run `atexit` functions, too."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_stale(parent: Path) -> None:
    """Remove the folders that killed instances left behind."""
    for folder in parent.glob(f"{FOLDER_NAME_PREFIX}*"):
        with suppress(OSError, MetricsFolderError):
            # Anybody may write where temporary files go: a link could lead to the files of somebody else.
            if not folder.is_symlink() and time.time() - folder.stat().st_mtime > STALE_SECONDS:
                lock = _lock(folder)
                try:
                    _delete_metrics(folder)
                    folder.rmdir()
                finally:
                    os.close(lock)


def _lock(folder: Path) -> int:
    """Lock a folder until this process and all that it forks have ended. Returns the descriptor.

    Raises MetricsFolderError if another instance has locked the folder.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise MetricsFolderError(
            f"{folder}: another instance uses it; give each one a folder of its own"
        ) from error
    except OSError:
        pass  # this file system has no locks, and metrics work without
    return descriptor


def _delete_metrics(folder: Path) -> None:
    """Delete the metrics of an earlier start. If there are other files, raise MetricsFolderError instead."""
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
    """Write all files in full size. A worker that found no room later would be killed by SIGBUS."""
    free = shutil.disk_usage(folder).free
    numbers = range(workers + 1)
    try:
        _write_files(folder, numbers)
        _remember_files(folder, numbers)
    except OSError as error:
        _delete_metrics(folder)
        raise MetricsFolderError(
            f"{folder}: {error.strerror}; {workers} workers need "
            f"{compute_needed_bytes(workers) // 1024} KiB for their metrics, and "
            f"{free // 1024} KiB are free; make room, name another folder, or lower "
            "FINETUNE_ADVISOR_WORKERS"
        ) from error


def _write_files(folder: Path, numbers: Iterable[int]) -> None:
    """Write the files of processes with these numbers in full size. Raises OSError."""
    for number in numbers:
        for kind, size in FILE_BYTES.items():
            _metrics_file(folder, kind, number).write_bytes(bytes(size if number else GAUGE_FILE_BYTES))


def _remember_files(folder: Path, numbers: Iterable[int]) -> None:
    for number in numbers:
        for kind in FILE_BYTES:
            metrics_files.remember_file(_metrics_file(folder, kind, number))


def _metrics_file(folder: Path, kind: str, number: int) -> Path:
    return folder / f"{kind}_{number}.db"
