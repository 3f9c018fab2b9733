"""The same service without its metrics: requests are traced and logged, and nothing is counted."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from flask import Flask

from finetune_advisor import app
from finetune_advisor.telemetry.metrics import Metrics


class Unmetered(Metrics):
    """Counts nothing."""

    def _nothing(self, *_: Any, **__: Any) -> None: ...

    record = record_batch = record_request = request_started = request_finished = flush = _nothing


def create_app() -> Flask:
    """The application, with settings from the environment."""
    with patch.object(app, "Metrics", Unmetered):
        return app.create_app()
