"""Answers that are ready to be sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from flask import Response

from finetune_advisor.api.parsing import JSON

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment


class Prepared(Response):
    """JSON in bytes under headers that are known to be well formed: the answer of a POST, sent as it is."""

    def __init__(self, body: bytes, headers: Mapping[str, str]) -> None:
        super().__init__(content_type=JSON)
        self._body, self._headers = body, headers

    def get_wsgi_response(
        self, environ: WSGIEnvironment
    ) -> tuple[Iterable[bytes], str, list[tuple[str, str]]]:
        length = str(len(self._body))
        own = ("Content-Type", JSON), ("Content-Length", length)
        return [self._body], self.status, [*own, *self._headers.items()]
