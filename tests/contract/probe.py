"""A probe: one request, byte for byte, and what must come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.contract.wire import request

JSON = "application/json"
PROBLEM = "application/problem+json"
SVG = "image/svg+xml; charset=utf-8"
MERMAID = "text/vnd.mermaid; charset=utf-8"
EMPTY = b'{"profile":{}}'
ETAG = "$ETAG"
"""Stands for the ETag that the path answers with, in requests and in expected headers."""

Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Probe:
    """A request and its promised answer, with the clause that the promise rests on.

    `slug` names the problem type, and so asks for a problem body; `pointers` and `parameters` are where
    its errors are. `media` is the type of any other body. `by_server` marks the answers that
    are given before the application sees the request. `finish` ends the sending side early;
    `empty` asks for no content, and `any_media` leaves the Content-Type open.
    """

    name: str
    clause: str
    sent: bytes
    status: int
    slug: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    pointers: tuple[str, ...] | None = None
    parameters: tuple[str, ...] | None = None
    media: str = JSON
    path: str = ""
    operation: str = ""
    by_server: bool = False
    finish: bool = False
    empty: bool = False
    any_media: bool = False
    interim: tuple[int, ...] = ()

    @property
    def media_type(self) -> str:
        return PROBLEM if self.slug else self.media


OPERATIONS = {
    "/tree": "getTree",
    "/tree/versions": "listVersions",
    "/tree/versions/1.0.0": "getVersion",
    "/tree/versions/1.0.0/changes": "getChanges",
    "/tree/versions/1.0.0/diagram": "getDiagram",
    "/problems/invalid-request": "explainProblem",
}
CHANGES, DIAGRAM = "/tree/versions/1.0.0/changes", "/tree/versions/1.0.0/diagram"
WORKSHEET = "/tree/versions/1.0.0/worksheets/data_sensitive"
"""A worksheet that there isn't: what comes before it is found out is the same for all."""
NEEDED = {CHANGES: "since=1.0.0"}
"""The query that a path can't do without."""
MEDIA = {DIAGRAM: SVG}
"""What a path answers with unless Accept asks for something else, where it isn't JSON."""

SLUGS = {
    400: "malformed-request",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    410: "retired-version",
    412: "precondition-failed",
    413: "body-too-large",
    414: "uri-too-long",
    415: "unsupported-media-type",
    422: "invalid-request",
}


def target(path: str, query: str = "") -> str:
    """A path with the query that it needs, and with more of one."""
    parts = [part for part in (NEEDED.get(path, ""), query.removeprefix("?")) if part]
    return f"{path}?{'&'.join(parts)}" if parts or query else path


def get(name: str, clause: str, path: str, status: int, *fields: tuple[str, str], **more: Any) -> Probe:
    """A GET of a path that may carry a query."""
    return ask(name, clause, "GET", path, status, *fields, **more)


def ask(
    name: str, clause: str, method: str, path: str, status: int, *fields: tuple[str, str], **more: Any
) -> Probe:
    """Any method on any path, without a body."""
    sent = request(method, path, fields)
    bare = path.partition("?")[0]
    known = {"path": bare, "slug": SLUGS.get(status, ""), "operation": OPERATIONS.get(bare, "")}
    known |= {"media": MEDIA.get(bare, JSON)}
    return Probe(name, clause, sent, status, **{**known, **more})


def post(
    name: str,
    clause: str,
    status: int,
    body: bytes = EMPTY,
    fields: Fields = (("Content-Type", JSON),),
    **more: Any,
) -> Probe:
    """A POST to /assess, or to another `target`, with a Content-Length."""
    sized = (*fields, ("Content-Length", str(len(body))))
    sent = request("POST", more.pop("target", "/assess"), sized, body)
    known = {"slug": SLUGS.get(status, ""), "operation": "assess"}
    return Probe(name, clause, sent, status, **{**known, **more})
