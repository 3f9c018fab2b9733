"""Finds out whether the documents in a directory have changed: by their metadata, and by their contents."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

from finetune_advisor.trees import catalog

SETTLING_SECONDS = 1.0
"""Time that a changed directory has to look the same before the change counts, so that it is whole."""

Fingerprint = tuple[tuple[object, ...], ...]


def take_fingerprint(directory: Path) -> Fingerprint:
    """Return name, device, inode, size and times of each document, without reading the documents.

    Symbolic links are followed. An error of the file system takes the place of what it hides.
    """
    try:
        return tuple((path.name, *_describe_file(path)) for path in catalog.find_documents(directory))
    except catalog.CatalogError as error:
        return ((str(error),),)


def _describe_file(path: Path) -> tuple[object, ...]:
    try:
        status = path.stat()
    except OSError as error:
        return (error.errno,)
    # The last one also changes when somebody corrects the permissions of a file that couldn't be read.
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def hash_documents(directory: Path | None) -> str:
    """Return a hash of the names and contents of all documents. None stands for a directory without any.

    An error of the file system takes the place of what it hides.
    """
    contents = hashlib.sha256()
    try:
        paths = catalog.find_documents(directory) if directory else []
    except catalog.CatalogError as error:
        return str(error)
    for path in paths:
        try:
            # Opening a pipe could block for ever.
            document = path.read_bytes() if path.is_file() else b"not a file"
        except OSError as error:
            document = repr(error).encode()
        contents.update(os.fsencode(path.name) + f"\0{len(document)}\0".encode())
        contents.update(document)
    return contents.hexdigest()


class FolderWatch:
    """Looks at the documents of a directory every `interval` seconds."""

    def __init__(self, directory: Path, interval: float) -> None:
        self._directory, self._interval = directory, interval
        self._known = take_fingerprint(directory)
        self._settling: Fingerprint | None = None
        self._looks_again_at = time.monotonic() + interval

    def has_changed(self) -> bool:
        """Look at the directory if it is time to. Returns True once for each change, when it has settled."""
        now = time.monotonic()
        if now < self._looks_again_at:
            return False
        seen = take_fingerprint(self._directory)
        has_settled = seen == self._settling
        if seen == self._known or has_settled:
            self._known, self._settling = seen, None
            self._looks_again_at = now + self._interval
        else:
            self._settling = seen
            self._looks_again_at = now + SETTLING_SECONDS
        return has_settled
