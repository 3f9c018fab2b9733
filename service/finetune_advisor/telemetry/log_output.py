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

RECORD_ATTRIBUTES = frozenset({*RESERVED_ATTRS, "fields"})

_ExceptionInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)


class AccessLogRecord(logging.LogRecord):
    """The record of a request: its own fields, and all else of a template.

    Requests are logged in batches. Finding out the process and the thread for each would take longer than its
    line.
    """

    def __init__(self, template: logging.LogRecord, created: float, fields: dict[str, Any]) -> None:
        self.__dict__ = {**vars(template), **fields}
        self.message, self.created, self.msecs = template.msg, created, created % 1 * 1000
        self.fields = fields


def template_record(logger: str, message: str) -> logging.LogRecord:
    """A record of this process and thread, with what a record factory adds to it."""
    return logging.getLogRecordFactory()(logger, logging.INFO, "", 0, message, None, None)


class _PrivacyFormatter(logging.Formatter):
    """Shows where an exception came from and its type, not its message: that may quote a profile."""

    def formatException(self, ei: _ExceptionInfo) -> str:  # noqa: N802  # logging's name
        kind, _, trace = ei
        frames = "".join(traceback.format_tb(trace))
        return f"{frames}{kind.__module__}.{kind.__qualname__}" if kind else ""


class JsonLogFormatter(_PrivacyFormatter, OrjsonFormatter):
    """For machines."""

    def format(self, record: logging.LogRecord) -> str:
        if isinstance(record, AccessLogRecord):
            return self.serialize_log_record(_line_fields(record, record.fields))
        return super().format(record)

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        log_data |= _line_fields(record, message_dict | _extra_fields(record))


def _extra_fields(record: logging.LogRecord) -> dict[str, Any]:
    return {key: value for key, value in vars(record).items() if key not in RECORD_ATTRIBUTES}


def _line_fields(record: logging.LogRecord, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "level": record.levelname,
        "logger": record.name,
        "message": record.message,
        **fields,
        "timestamp": datetime.fromtimestamp(record.created, UTC),
    }


class TextLogFormatter(_PrivacyFormatter):
    """For people: the same fields, as words behind the message."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        words = (f"{key}={value}" for key, value in _extra_fields(record).items())
        return " ".join([super().formatMessage(record), *words])


class BufferedStreamHandler(logging.StreamHandler[Any]):
    """Writes lines to standard output in batches; a warning or an error at once, with what waits.

    Each write lets another thread run, so that threads which write a line each delay each other's answers. A
    process that is killed loses the lines that wait; one that stops doesn't.
    """

    def __init__(self) -> None:
        super().__init__(sys.stdout)
        self._lines: list[str] = []
        deferred.register(self.flush)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = f"{self.format(record)}\n"
            line.encode()  # a line that can't be written would take the others with it
        except Exception:  # noqa: BLE001  # as logging's own handlers: no request fails for its line
            self.handleError(record)
            return
        self._lines.append(line)
        if record.levelno > logging.INFO:
            self.flush()
        else:
            deferred.schedule()

    def flush(self) -> None:
        """Write the lines that wait, in their order."""
        with self.lock:  # type: ignore[union-attr]  # a handler always has one
            lines, self._lines = self._lines, []
            try:
                self.stream.write("".join(lines))
                self.stream.flush()
            except Exception:  # noqa: BLE001  # as above
                if lines:
                    self.handleError(template_record(__name__, f"{len(lines)} lines lost"))


def build_logging_config(level: str, style: str) -> dict[str, Any]:
    """The configuration of logging for a level and a style: `json` or `text`."""
    formatter = JsonLogFormatter if style == "json" else TextLogFormatter
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": formatter}},
        "handlers": {"stdout": {"()": BufferedStreamHandler, "formatter": "lines"}},
        "root": {"level": level.upper(), "handlers": ["stdout"]},
        "loggers": {"gunicorn.error": {"propagate": True, "handlers": []}},
    }
