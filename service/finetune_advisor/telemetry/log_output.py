"""Logs: one JSON object a line on standard output, without profile values."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.orjson import OrjsonFormatter

from finetune_advisor.telemetry import deferred

RESERVED = frozenset({*RESERVED_ATTRS, "facts"})

_Exception = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Facts(logging.LogRecord):
    """A routine record that says some facts and has all else in common with another record.

    Many requests are logged together, and finding out the process and the thread takes longer than the line.
    """

    def __init__(self, common: logging.LogRecord, created: float, facts: dict[str, Any]) -> None:
        self.__dict__ = {**vars(common), **facts}
        self.message, self.created = common.msg, created
        self.msecs = created % 1 * 1000
        self.facts = facts


def common_record(name: str, message: str) -> logging.LogRecord:
    """What routine records that are written now have in common, with what a record factory adds to it."""
    return logging.getLogRecordFactory()(name, logging.INFO, "", 0, message, None, None)


class _Discreet(logging.Formatter):
    """Shows where an exception came from and its type, not its message: that may quote a profile."""

    def formatException(self, ei: _Exception) -> str:  # noqa: N802  # logging's name
        kind, _, trace = ei
        frames = "".join(traceback.format_tb(trace))
        return f"{frames}{kind.__module__}.{kind.__qualname__}" if kind else ""


class JsonLines(_Discreet, OrjsonFormatter):
    """For machines."""

    def format(self, record: logging.LogRecord) -> str:
        if isinstance(record, Facts):
            return self.serialize_log_record(_line(record, record.facts))
        return super().format(record)

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        facts = {key: value for key, value in vars(record).items() if key not in RESERVED}
        log_data |= _line(record, message_dict | facts)


def _line(record: logging.LogRecord, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "level": record.levelname,
        "logger": record.name,
        "message": record.message,
        **facts,
        "timestamp": datetime.fromtimestamp(record.created, UTC),
    }


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
        self._lines: list[str] = []
        deferred.each(self.flush)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = f"{self.format(record)}\n"
            line.encode()  # one that can't be written takes no other with it
        except Exception:  # noqa: BLE001  # as logging's own handlers: no request fails for its line
            self.handleError(record)
            return
        self._lines.append(line)
        if record.levelno > logging.INFO:
            self.flush()
        else:
            deferred.ask()

    def flush(self) -> None:
        """Write what is kept, in its order."""
        self.acquire()
        try:
            lines, self._lines = self._lines, []
            self.stream.write("".join(lines))
            self.stream.flush()
        except Exception:  # noqa: BLE001  # as above
            if lines:
                self.handleError(common_record(__name__, f"{len(lines)} lines lost"))
        finally:
            self.release()


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
