"""The plot: throughput to plain Flask as bars, and latency against load as lines, in one SVG."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import log10
from xml.sax.saxutils import escape

from bench.contestants import FLOOR, OWN
from bench.results import Results
from bench.spread import figure, spread

WIDTH, ROW, LEFT, RIGHT, LINES = 760, 26, 150, 130, 220
STYLE = """
svg{font:13px sans-serif;--ink:#1f2328;--grid:#d0d7de;--own:#0969da;--other:#8c959f;--slow:#bc4c00}
@media(prefers-color-scheme:dark){svg{--ink:#e6edf3;--grid:#3d444d;--own:#4493f8;--other:#7d8590;--slow:#f0883e}}
text{fill:var(--ink)}.grid{stroke:var(--grid)}.own{fill:var(--own)}.other{fill:var(--other)}
.whisker{stroke:var(--ink);stroke-width:1.5}.title{font-weight:bold}.end{text-anchor:end}.mid{text-anchor:middle}
.p50{stroke:var(--own);fill:none;stroke-width:2}.p99{stroke:var(--slow);fill:none;stroke-width:2}
"""


def render(results: Results) -> str:
    """The picture of a run."""
    bars = list(_bars(results))
    top = 60 + ROW * len(results.throughput)
    lines = list(_lines(results, top + 40)) if results.latency else []
    height = top + (LINES + 110 if lines else 0)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
    title = "<title>Throughput to plain Flask, and latency against load</title>"
    return "\n".join([head, title, f"<style>{STYLE}</style>", *bars, *lines, "</svg>"]) + "\n"


def _bars(results: Results) -> Iterator[str]:
    yield _text(10, 24, "Requests a second on one core, to plain Flask", "title")
    medians = {name: spread(one.rates).median for name, one in results.throughput.items()}
    order = sorted(medians, key=lambda name: -medians[name])
    shares = {name: results.to(FLOOR.name, name) for name in order}
    most = max(one.greatest for one in shares.values() if one)
    scale = (WIDTH - LEFT - RIGHT) / most
    for row, name in enumerate(order):
        ratio, y = shares[name], 40 + row * ROW
        if ratio is None:
            continue
        kind = "own" if name == OWN.name else "other"
        yield _text(LEFT - 8, y + 14, name, "end")
        size = f'width="{ratio.median * scale:.1f}" height="{ROW - 8}"'
        yield f'<rect class="{kind}" x="{LEFT}" y="{y}" {size}/>'
        ends = [f"{LEFT + end * scale:.1f}" for end in (ratio.least, ratio.greatest)]
        middle = y + (ROW - 8) / 2
        yield f'<path class="whisker" d="M{ends[0]} {middle}H{ends[1]}"/>'
        label = f"{figure(ratio.median)} × · {figure(medians[name])}/s"
        yield _text(LEFT + ratio.greatest * scale + 8, y + 14, label)
    one = LEFT + scale
    yield f'<path class="grid" stroke-dasharray="4" d="M{one:.1f} 34V{40 + len(order) * ROW}"/>'


def _lines(results: Results, top: float) -> Iterator[str]:
    yield _text(10, top, f"Latency of {OWN.name} against its load, in ms (logarithmic)", "title")
    low = min(one.p50.least for one in results.latency)
    high = max(one.p99.greatest for one in results.latency)
    first, last = log10(low * 0.8), log10(high * 1.2)
    bottom = top + 20 + LINES

    def x(share: float) -> float:
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(milliseconds: float) -> float:
        return bottom - (log10(milliseconds) - first) / (last - first) * LINES

    for tick in _ticks(low, high):
        yield f'<path class="grid" d="M{LEFT} {y(tick):.1f}H{x(1):.1f}"/>'
        yield _text(LEFT - 8, y(tick) + 4, f"{tick:g}", "end")
    for found in results.latency:
        yield _text(x(found.share), bottom + 18, f"{found.share:.0%}", "mid")
    yield _text(x(0.5), bottom + 40, "of the peak, at a fixed rate", "mid")
    for name, values in (
        ("p50", [(one.share, one.p50.median) for one in results.latency]),
        ("p99", [(one.share, one.p99.median) for one in results.latency]),
    ):
        yield _line(name, values, x, y)


def _line(
    name: str,
    values: Sequence[tuple[float, float]],
    x: Callable[[float], float],
    y: Callable[[float], float],
) -> str:
    path = "L".join(f"{x(share):.1f} {y(value):.1f}" for share, value in values)
    share, value = values[-1]
    return f'<path class="{name}" d="M{path}"/>' + _text(x(share) + 8, y(value) + 4, name)


def _ticks(low: float, high: float) -> list[float]:
    steps = [digit * 10.0**power for power in range(-3, 5) for digit in (1, 2, 5)]
    return [one for one in steps if low * 0.8 <= one <= high * 1.2]


def _text(x: float, y: float, words: str, kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(words)}</text>'
