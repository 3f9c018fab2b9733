"""Logs: one JSON object a line on standard output, without profile values."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections import deque
from datetime import UTC, datetime
from threading import RLock, Timer
from types import TracebackType
from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.orjson import OrjsonFormatter

RESERVED = frozenset(RESERVED_ATTRS)
SOON = 0.05
"""Seconds from a line to when it is written, with those that come meanwhile."""
MOST_KEPT = 1000
"""How many lines wait to be written; who logs one more waits for all of them."""

_Exception = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class _Discreet(logging.Formatter):
    """Shows where an exception came from and its type, not its message: that may quote a profile."""

    def formatException(self, ei: _Exception) -> str:  # noqa: N802  # logging's name
        kind, _, trace = ei
        frames = "".join(traceback.format_tb(trace))
        return f"{frames}{kind.__module__}.{kind.__qualname__}" if kind else ""


class JsonLines(_Discreet, OrjsonFormatter):
    """For machines."""

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        """As python-json-logger's, but for these fields alone: one goes through it for each request."""
        log_data |= {"level": record.levelname, "logger": record.name, "message": record.message}
        log_data |= message_dict
        log_data |= {key: value for key, value in vars(record).items() if key not in RESERVED}
        log_data["timestamp"] = datetime.fromtimestamp(record.created, UTC)


class TextLines(_Discreet):
    """For people: the same facts, as words behind the message."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        facts = {key: value for key, value in vars(record).items() if key not in RESERVED}
        said = (f"{key}={value}" for key, value in facts.items() if key not in ("message", "asctime"))
        return " ".join([super().formatMessage(record), *said])


class Together(logging.StreamHandler[Any]):
    """Writes lines together, soon after the first of them; at once, what is more than information.

    Each write lets another thread go on, so that requests which write a line each take turns before their
    answers. A process that is killed loses what it hasn't written yet; one that stops doesn't.
    """

    def __init__(self) -> None:
        super().__init__(sys.stdout)
        self._records: deque[logging.LogRecord] = deque()
        self._begin()
        os.register_at_fork(before=self.flush, after_in_child=self._begin)

    def _begin(self) -> None:
        """Have nothing to write, and nobody who does."""
        self._records.clear()
        self._writing, self._due = RLock(), False

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(record)
        if record.levelno > logging.INFO or len(self._records) >= MOST_KEPT:
            self.flush()
        elif not self._due:
            self._due = True
            self._write_soon()

    def _write_soon(self) -> None:
        later = Timer(SOON, self.flush)
        later.daemon = True
        try:
            later.start()
        except RuntimeError:  # no more threads can be had
            self.flush()

    def flush(self) -> None:
        """Write what is kept, in its order."""
        with self._writing:
            self._due = False  # whoever comes too late for this write sees to another
            records = [self._records.popleft() for _ in range(len(self._records))]
            lines = [line for record in records if (line := self._line(record))]
            try:
                self.stream.write("".join(lines))
                self.stream.flush()
            except Exception:  # noqa: BLE001  # as logging's own handlers: no request fails for its line
                if lines:
                    self.handleError(records[-1])

    def _line(self, record: logging.LogRecord) -> str:
        """A record's line; one that can't be written takes no other with it."""
        try:
            line = f"{self.format(record)}\n"
            line.encode()
        except Exception:  # noqa: BLE001  # as above
            self.handleError(record)
            return ""
        return line


def config(level: str, style: str) -> dict[str, Any]:
    """The configuration of logging for a level and a style: `json` or `text`."""
    formatter = JsonLines if style == "json" else TextLines
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": formatter}},
        "handlers": {
            "stdout": {
                "()": Together,
                "formatter": "lines",
            }
        },
        "root": {"level": level.upper(), "handlers": ["stdout"]},
        "loggers": {"gunicorn.error": {"propagate": True, "handlers": []}},
    }
