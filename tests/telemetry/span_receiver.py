"""A receiver of OTLP over HTTP, which keeps the spans that an exporter sends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

WAIT_SECONDS = 30
SERVER_KIND, ERROR_CODE = "SPAN_KIND_SERVER", "STATUS_CODE_ERROR"


@dataclass(frozen=True)
class ReceivedSpan:
    """A span with its ids in hexadecimal, and its attributes."""

    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, object]
    service: dict[str, object]
    is_error: bool
    events: int


@dataclass
class Receiver:
    """The received spans, and each body as it came."""

    url: str
    spans: list[ReceivedSpan] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def wait_for(self, count: int, among: Callable[[ReceivedSpan], bool] = bool) -> list[ReceivedSpan]:
        """Wait for so many spans, and return those that are there, the first to begin first."""
        deadline = time.monotonic() + WAIT_SECONDS
        while len(found := [*filter(among, self.spans)]) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return found

    def take(self, body: bytes) -> None:
        """Keep the spans of a request's body."""
        self.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = _attributes(resource.resource)
            for scope in resource.scope_spans:
                self.spans += [_read(span, service) for span in scope.spans]


def _read(span: object, service: dict[str, object]) -> ReceivedSpan:
    parts = MessageToDict(span)  # type: ignore[arg-type]  # protobuf's messages are made at run time
    return ReceivedSpan(
        parts["name"],
        parts["kind"],
        span.trace_id.hex(),  # type: ignore[attr-defined]
        span.span_id.hex(),  # type: ignore[attr-defined]
        span.parent_span_id.hex(),  # type: ignore[attr-defined]
        _attributes(span),
        service,
        parts.get("status", {}).get("code") == ERROR_CODE,
        len(parts.get("events", ())),
    )


def _attributes(holder: object) -> dict[str, object]:
    listed = MessageToDict(holder).get("attributes", ())  # type: ignore[arg-type]
    found = {one["key"]: next(iter(one["value"].items())) for one in listed}
    return {key: int(value) if kind == "intValue" else value for key, (kind, value) in found.items()}


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_address[1]}")
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield receiver
        server.shutdown()
