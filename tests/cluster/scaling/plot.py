"""The plot of the runs: ready pods and latencies against time, for each setting of the scaler."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import log10
from typing import Any
from xml.sax.saxutils import escape

from tests.cluster.scaling.load_step import HIGH_RATE, HIGH_SECONDS, LOW_RATE, LOW_SECONDS

WIDTH, LEFT, RIGHT, PANEL, GAP = 820, 60, 300, 200, 70
COLORS = ("#0969da", "#bc4c00", "#1a7f37", "#8250df", "#bf3989", "#57606a")
STYLE = """
svg{font:13px sans-serif;--ink:#1f2328;--grid:#d0d7de}
@media(prefers-color-scheme:dark){svg{--ink:#e6edf3;--grid:#3d444d}}
text{fill:var(--ink)}.grid{stroke:var(--grid)}.title{font-weight:bold}.end{text-anchor:end}.mid{text-anchor:middle}
.line{fill:none;stroke-width:2}
"""
LATENCIES_MS = (1, 10, 100, 1_000, 10_000)
WINDOW_SECONDS = 5

Courses = Mapping[str, Mapping[str, Any]]


def render(courses: Courses) -> str:
    """The picture of all runs."""
    height = 2 * (PANEL + GAP) + 20
    title = "Ready pods, and the 99th percentile of latencies, around a step of load"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
    parts = [*_draw_pods(courses, 40), *_draw_latencies(courses, 40 + PANEL + GAP)]
    return (
        "\n".join([head, f"<title>{title}</title>", f"<style>{STYLE}</style>", *parts, "</svg>"]) + "\n"
    )


def _draw_pods(courses: Courses, top: float) -> Iterator[str]:
    most = max(pods for course in courses.values() for pods in course["ready_pods"].values())
    yield _text(10, top - 16, f"Ready pods; from {LOW_RATE} to {HIGH_RATE} requests/s at 0 s", "title")
    for pods in range(0, most + 1, 2):
        yield from _draw_grid_line(top + PANEL * (1 - pods / most), str(pods))
    yield from _draw_seconds(top)
    for course, color in zip(courses.values(), COLORS, strict=False):
        points = [
            (_x(now), top + PANEL * (1 - pods / most))
            for now, pods in _during_load(course["ready_pods"])
        ]
        yield _draw_line(points, color)
    for row, ((name, course), color) in enumerate(zip(courses.items(), COLORS, strict=False)):
        y = top + 14 + 34 * row
        yield f'<path class="line" stroke="{color}" d="M{WIDTH - RIGHT + 12} {y - 4}h16"/>'
        yield _text(WIDTH - RIGHT + 34, y, name)
        yield _text(WIDTH - RIGHT + 34, y + 15, _describe(course))


def _draw_latencies(courses: Courses, top: float) -> Iterator[str]:
    yield _text(10, top - 16, "99th percentile of latencies, in ms (logarithmic)", "title")
    least, most = log10(LATENCIES_MS[0]), log10(LATENCIES_MS[-1])

    def y(milliseconds: float) -> float:
        return top + PANEL * (1 - (log10(max(milliseconds, 1)) - least) / (most - least))

    for milliseconds in LATENCIES_MS:
        yield from _draw_grid_line(y(milliseconds), f"{milliseconds:,}")
    yield from _draw_seconds(top)
    for course, color in zip(courses.values(), COLORS, strict=False):
        windows: dict[int, float] = {}
        for now, latency in _during_load(course["p99_ms"]):
            start = now // WINDOW_SECONDS * WINDOW_SECONDS
            windows[start] = max(windows.get(start, 0), latency)
        yield _draw_line([(_x(now), y(latency)) for now, latency in sorted(windows.items())], color)


def _during_load(values: Mapping[str | int, float]) -> Iterator[tuple[int, float]]:
    """Values by the second of the run, without those after the load; JSON has made text of the seconds."""
    for second, value in values.items():
        if int(second) < LOW_SECONDS + HIGH_SECONDS:
            yield int(second), value


def _describe(course: Mapping[str, Any]) -> str:
    after = course["settled_after"]
    settled = "not settled" if after is None else f"settled after {after} s"
    return f"{settled}, {course['pods']} pods, {course['slow_seconds']} s slow"


def _x(second: float) -> float:
    return LEFT + second / (LOW_SECONDS + HIGH_SECONDS) * (WIDTH - LEFT - RIGHT)


def _draw_seconds(top: float) -> Iterator[str]:
    yield f'<path class="grid" d="M{_x(LOW_SECONDS):.1f} {top}v{PANEL}"/>'
    for second in range(-LOW_SECONDS, HIGH_SECONDS + 1, 40):
        yield _text(_x(second + LOW_SECONDS), top + PANEL + 18, f"{second} s", "mid")


def _draw_grid_line(y: float, label: str) -> Iterator[str]:
    yield f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
    yield _text(LEFT - 8, y + 4, label, "end")


def _draw_line(points: list[tuple[float, float]], color: str) -> str:
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path class="line" stroke="{color}" d="M{path}"/>'


def _text(x: float, y: float, words: str, kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(words)}</text>'
