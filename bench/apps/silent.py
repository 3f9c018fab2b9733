"""The same service without its telemetry: no request is timed, counted, traced or logged."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from finetune_advisor import app


class Deaf:
    """Stands in for whatever hears of decisions."""

    log = False

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __call__(self, *_: Any, **__: Any) -> None: ...

    def __getattr__(self, _: str) -> Any:
        return self


with (
    patch.object(app, "Observed", lambda application, *_: application),
    patch.object(app, "Decisions", Deaf),
):
    application = app.create_app()
