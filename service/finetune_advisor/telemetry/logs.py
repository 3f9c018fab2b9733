"""Logs: one JSON object a line on standard output, without profile values."""

from __future__ import annotations

import logging
import traceback
from types import TracebackType
from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.orjson import OrjsonFormatter

_Exception = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class _Discreet(logging.Formatter):
    """Shows where an exception came from and its type, not its message: that may quote a profile."""

    def formatException(self, ei: _Exception) -> str:  # noqa: N802  # logging's name
        kind, _, trace = ei
        frames = "".join(traceback.format_tb(trace))
        return f"{frames}{kind.__module__}.{kind.__qualname__}" if kind else ""


class JsonLines(_Discreet, OrjsonFormatter):
    """For machines."""

    def __init__(self) -> None:
        super().__init__(
            ["levelname", "name", "message"],
            timestamp=True,
            rename_fields={"levelname": "level", "name": "logger"},
        )


class TextLines(_Discreet):
    """For people: the same facts, as words behind the message."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        facts = {key: value for key, value in vars(record).items() if key not in RESERVED_ATTRS}
        said = (f"{key}={value}" for key, value in facts.items() if key not in ("message", "asctime"))
        return " ".join([super().formatMessage(record), *said])


def config(level: str, style: str) -> dict[str, Any]:
    """The configuration of logging for a level and a style: `json` or `text`."""
    formatter = JsonLines if style == "json" else TextLines
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": formatter}},
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "formatter": "lines",
            }
        },
        "root": {"level": level.upper(), "handlers": ["stdout"]},
        "loggers": {"gunicorn.error": {"propagate": True, "handlers": []}},
    }
