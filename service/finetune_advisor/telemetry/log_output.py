"""Logs: one JSON object per line on standard output, without profile values."""

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
"""Attributes that every record has; all others were passed as `extra`."""

_ExceptionInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)


class AccessLogRecord(logging.LogRecord):
    """The log record of a request: its own fields, and everything else from a template.

    Requests are logged in batches. Looking up the process and the thread for each record would take longer
    than writing its line.
    """

    def __init__(self, template: logging.LogRecord, created: float, fields: dict[str, Any]) -> None:
        # The base class isn't initialized: it would look up what the template has.
        self.__dict__ = {**vars(template), **fields}
        self.message, self.created, self.msecs = template.msg, created, created % 1 * 1000
        self.fields = fields


def template_record(logger: str, message: str) -> logging.LogRecord:
    """Make a record of this process and thread, with whatever the record factory in use adds."""
    return logging.getLogRecordFactory()(logger, logging.INFO, "", 0, message, None, None)


class _PrivacyFormatter(logging.Formatter):
    """Formats an exception as its frames and type, without its message, which may quote a profile."""

    def formatException(self, ei: _ExceptionInfo) -> str:  # noqa: N802  # logging's name
        exception_type, _, trace = ei
        if exception_type is None:
            return ""
        frames = "".join(traceback.format_tb(trace))
        return f"{frames}{exception_type.__module__}.{exception_type.__qualname__}"


class JsonLogFormatter(_PrivacyFormatter, OrjsonFormatter):
    """Formats a record as a JSON object, for machines."""

    def format(self, record: logging.LogRecord) -> str:
        if isinstance(record, AccessLogRecord):
            # Its fields are known: the base class would search all attributes of the record for them.
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
    """Formats a record as a line of text, for people, with its fields as `name=value` after the message."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        words = (f"{key}={value}" for key, value in _extra_fields(record).items())
        return " ".join([super().formatMessage(record), *words])


class BufferedStreamHandler(logging.StreamHandler[Any]):
    """Writes lines to standard output in batches. A warning or an error is written at once, with all before.

    Each write lets another thread run. If each request wrote its own line, threads would delay each other's
    answers. A process that is killed loses the lines of its last batch. A process that stops loses none.
    """

    def __init__(self) -> None:
        super().__init__(sys.stdout)
        self._lines: list[str] = []
        deferred.register(self.flush)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = f"{self.format(record)}\n"
            line.encode()  # one line that can't be encoded would lose the whole batch
        except Exception:  # noqa: BLE001  # as in logging's own handlers, no request fails because of its line
            self.handleError(record)
            return
        self._lines.append(line)
        if record.levelno > logging.INFO:
            self.flush()
        else:
            deferred.schedule()

    def flush(self) -> None:
        """Write all waiting lines in order."""
        with self.lock:  # type: ignore[union-attr]  # a handler always has one
            lines, self._lines = self._lines, []
            try:
                self.stream.write("".join(lines))
                self.stream.flush()
            except Exception:  # noqa: BLE001  # as above
                if lines:
                    self.handleError(template_record(__name__, f"{len(lines)} lines lost"))


def build_logging_config(level: str, style: str) -> dict[str, Any]:
    """Build the configuration of logging for a level such as `info`, and the style `json` or `text`."""
    formatter = JsonLogFormatter if style == "json" else TextLogFormatter
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": formatter}},
        "handlers": {"stdout": {"()": BufferedStreamHandler, "formatter": "lines"}},
        "root": {"level": level.upper(), "handlers": ["stdout"]},
        # gunicorn gives this logger a handler of its own, with another format.
        "loggers": {"gunicorn.error": {"propagate": True, "handlers": []}},
    }
