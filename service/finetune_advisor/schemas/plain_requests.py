"""Decodes requests that are plainly valid, by types that msgspec parses and checks at once."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from finetune_advisor.schemas.fields import RequestSchema
from finetune_advisor.schemas.strict_json import count_names


class PlainRequest(dict[str, Any]):
    """A request that `PlainRequestSchema.decode` has found valid."""


class PlainRequestSchema(RequestSchema):
    """A base with a fast path: JSON that msgspec decodes as `plain_type` skips marshmallow.

    `plain_type` allows only what marshmallow accepts. A whole number may be 12.0 where marshmallow gives 12:
    the engine normalizes answers later.
    """

    plain_type: ClassVar[Any]
    _decoder: ClassVar[msgspec.json.Decoder[Any]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # Not an attribute of instances: apispec copies these, and a decoder can't be copied.
        cls._decoder = msgspec.json.Decoder(cls.plain_type)

    def decode(self, text: bytes) -> PlainRequest | None:
        """Return the request in a JSON text, or None if marshmallow has to look at it."""
        # An escape may hide a colon, or write a name in another way.
        if b"\\" in text:
            return None
        try:
            request = self._decoder.decode(text)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        # A colon follows each name. More colons than names mean names that the type doesn't have, or repeated
        # ones, of which msgspec kept only the last value, or just a choice with a colon.
        return PlainRequest(request) if text.count(b":") == count_names(request) else None

    def load(self, data: Any, **options: Any) -> Any:
        return data if data.__class__ is PlainRequest else super().load(data, **options)
