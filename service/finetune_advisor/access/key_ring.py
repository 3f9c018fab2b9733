"""The API keys that hold now, as their file has them."""

from __future__ import annotations

import logging
from hmac import compare_digest
from pathlib import Path
from threading import Lock
from time import monotonic

from finetune_advisor.access.key_file import KeyFileError, hash_key, parse_keys, read_key_file

REREAD_SECONDS = 0.5
"""Least time between two readings of the file."""

log = logging.getLogger("finetune_advisor.api_keys")


class KeyRing:
    """The keys of a file, which is read again while requests come. Threads may share it.

    Raises KeyFileError if the file is wrong at first. Once it turns wrong later, the last good keys hold.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._content = read_key_file(path)
        self._hashes = tuple(parse_keys(self._content, path).items())
        self._fault = ""
        self._reading = Lock()
        self._next_reading = monotonic() + REREAD_SECONDS

    def find_name(self, key: str) -> str | None:
        """Return the name of a key, or None if no line has its hash.

        The time that it takes depends on the length of `key` and on the number of lines only: every hash is
        compared to its end.
        """
        self.refresh_if_due()
        given = hash_key(key)
        names = [name for name, hash_ in self._hashes if compare_digest(given, hash_)]
        return names[0] if names else None

    def is_up_to_date(self) -> bool:
        """Tell whether the keys are those of the file now. If not, the last good ones hold."""
        self.refresh_if_due()
        return not self._fault

    def refresh_if_due(self) -> None:
        """Take the file's keys if it was last read `REREAD_SECONDS` ago or earlier."""
        if monotonic() >= self._next_reading:
            self.refresh()

    def refresh(self) -> None:
        """Take the file's keys now if it has changed. Other threads go on with the old ones meanwhile.

        A forked process begins with the keys of its parent. So the parent calls this before it forks.
        """
        if not self._reading.acquire(blocking=False):
            return
        try:
            self._take_keys()
        finally:
            self._next_reading = monotonic() + REREAD_SECONDS
            self._reading.release()

    def _take_keys(self) -> None:
        # The content tells what no time stamp, size or inode does in every file system; it takes 20 µs.
        try:
            content = read_key_file(self._path)
            if content == self._content and not self._fault:
                return
            hashes = tuple(parse_keys(content, self._path).items())
        except KeyFileError as error:
            if str(error) != self._fault:
                log.error("API keys: %s; the last good keys hold", error)  # noqa: TRY400  # no traceback
            self._fault = str(error)
            return
        self._content, self._hashes, self._fault = content, hashes, ""
        log.info("API keys: read again", extra={"api_keys": [name for name, _ in hashes]})
