"""Trace context: which traceparent is continued, with which flags, and whose span is the active one."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from finetune_advisor.telemetry import tracing
from finetune_advisor.telemetry.tracing import Span, TraceContext, make_trace_context

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CONTINUED = {
    f"00-{TRACE}-{SPAN}-00": "00",
    f"00-{TRACE}-{SPAN}-01": "01",
    f"00-{TRACE}-{SPAN}-03": "03",  # random, of Level 2
    f"00-{TRACE}-{SPAN}-fd": "01",  # all others are reserved
    f"01-{TRACE}-{SPAN}-01": "01",
    f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like": "01",
    f"cc-{TRACE}-{SPAN}-01-": "01",
    f"fe-{TRACE}-{SPAN}-ff": "01",
}
RESTARTED = [
    f"ff-{TRACE}-{SPAN}-01",
    f"ff-{TRACE}-{SPAN}-01-more",
    f"00-{TRACE}-{SPAN}-01-",
    f"00-{TRACE}-{SPAN}-01-more",
    f"01-{TRACE}-{SPAN}-01more",
    f"01-{TRACE}-{SPAN}-01.more",
    f"01-{TRACE}-{SPAN}-0",
    f"01-{TRACE}-{SPAN}",
    f"01-{'0' * 32}-{SPAN}-01-more",
    f"01-{TRACE}-{'0' * 16}-01-more",
    f"01-{TRACE.upper()}-{SPAN}-01-more",
    f"0-{TRACE}-{SPAN}-01",
    f"xx-{TRACE}-{SPAN}-01",
]


@pytest.mark.parametrize(("given", "flags"), CONTINUED.items())
def test_a_valid_traceparent_is_continued(given: str, flags: str) -> None:
    """W3C Trace Context, Versioning of traceparent: the first four fields count, whatever is behind them.

    Flags that version 00 doesn't know are sent as zero.
    """
    found = make_trace_context(None, given)

    assert (TRACE, flags) == (found.trace_id, found.flags)
    assert found.span_id != SPAN
    assert f"00-{TRACE}-{found.span_id}-{flags}" == dict(found.headers)["traceparent"]


@pytest.mark.parametrize("given", RESTARTED)
def test_an_invalid_traceparent_begins_a_new_trace(given: str) -> None:
    """W3C Trace Context, Versioning of traceparent: what can't be parsed is ignored."""
    found = make_trace_context(None, given)

    assert found.trace_id != TRACE
    assert found.flags == "00"


def otel(
    trace_id: int, span_id: int, flags: int, provider: type[object] = SimpleNamespace
) -> SimpleNamespace:
    """The part of `opentelemetry.trace` that is asked, with an active span."""
    context = SimpleNamespace(trace_id=trace_id, span_id=span_id, trace_flags=flags)
    return SimpleNamespace(
        get_current_span=lambda: SimpleNamespace(get_span_context=lambda: context),
        get_tracer_provider=provider,
        ProxyTracerProvider=Proxy,
    )


class Proxy:
    """What OpenTelemetry's API has for a provider as long as nobody sets one."""


def datadog(context: object) -> SimpleNamespace:
    """The part of `ddtrace.trace` that is asked, with an active context."""
    return SimpleNamespace(tracer=SimpleNamespace(current_trace_context=lambda: context))


def context(trace_id: int | None, span_id: int | None, sampling_priority: int | None) -> SimpleNamespace:
    return SimpleNamespace(trace_id=trace_id, span_id=span_id, sampling_priority=sampling_priority)


def test_without_a_tracer_nothing_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests pay for a tracer only where one is loaded."""
    for module in ("opentelemetry.trace", "ddtrace.trace"):
        monkeypatch.delitem(sys.modules, module, raising=False)

    assert tracing.make_active_span_lookup() is None


def test_an_api_without_a_provider_is_no_tracer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries import OpenTelemetry's API in case somebody wants their spans."""
    monkeypatch.delitem(sys.modules, "ddtrace.trace", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", otel(1, 2, 1, Proxy))

    assert tracing.make_active_span_lookup() is None


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        ({"opentelemetry.trace": otel(1, 2, 1)}, Span(f"{1:032x}", f"{2:016x}", "01")),
        ({"opentelemetry.trace": otel(1, 2, 0xFF)}, Span(f"{1:032x}", f"{2:016x}", "03")),
        ({"opentelemetry.trace": otel(0, 0, 0)}, None),
        ({"ddtrace.trace": datadog(context(1, 2, 2))}, Span(f"{1:032x}", f"{2:016x}", "01")),
        ({"ddtrace.trace": datadog(context(1, 2, None))}, Span(f"{1:032x}", f"{2:016x}", "00")),
        ({"ddtrace.trace": datadog(context(None, None, 1))}, None),
        ({"ddtrace.trace": datadog(None)}, None),
        (
            {"opentelemetry.trace": otel(0, 0, 0), "ddtrace.trace": datadog(context(3, 4, -1))},
            Span(f"{3:032x}", f"{4:016x}", "00"),
        ),
    ],
)
def test_the_active_span_is_found(
    monkeypatch: pytest.MonkeyPatch, modules: dict[str, SimpleNamespace], expected: Span | None
) -> None:
    """The first tracer that has an active span is believed; one that has none is passed over."""
    for name in ("opentelemetry.trace", "ddtrace.trace"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    lookup = tracing.make_active_span_lookup()

    assert lookup
    assert expected == lookup()


def test_a_request_keeps_its_id_within_a_span() -> None:
    """Trace, span and flags are the tracer's; the request's own id stays."""
    own = make_trace_context("mine", f"00-{TRACE}-{SPAN}-01")

    assert TraceContext("mine", "a", "b", "01") == own.within(Span("a", "b", "01"))
