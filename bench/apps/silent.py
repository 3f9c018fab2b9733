"""The same service without its telemetry: no request is timed, counted, traced or logged."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from flask import Flask

from finetune_advisor import app


class Deaf:
    """Stands in for whatever hears of decisions."""

    log = False

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __call__(self, *_: Any, **__: Any) -> None: ...

    def __getattr__(self, _: str) -> Any:
        return self


def create_app() -> Flask:
    """The application, with settings from the environment."""
    with (
        patch.object(app, "TelemetryMiddleware", lambda application, *_, **__: application),
        patch.object(app, "TelemetryRecorder", Deaf),
    ):
        return app.create_app()
