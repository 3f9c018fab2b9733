"""Where the boxes and lines of a picture lie, laid out in layers so that few lines cross."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import graphlay

Point = tuple[float, float]

BOX_GAP = 30

MAX_CROSSED_LAYERS = 1_000
"""How many layers the lines of a picture may cross together; those of 2.0.0 cross 138."""

MAX_CROWDING = 20_000
"""How crowded the layers of a picture may be together: the sum, over all layers, of the square of how many
lines cross it. 2.0.0 has 1,198, and 141 branches of one question fit. Up to both bounds a layout takes half a
second at most; beyond, its time grows with the fourth power of the lines that lie side by side.
"""

GRAPHLAY_OPTIONS: Mapping[str, Any] = {
    "direction": "topbottom",
    "routing": {"bundle_parallel": False},
    "tuning": {"routing": {"step_flatten": 0}},  # else a line may run along the side of a box
}


@dataclass(frozen=True)
class LayoutLine:
    """A line from one box to another, with the size of its label; it bends at `points`."""

    source: str
    target: str
    label: tuple[float, float] = (0, 0)


@dataclass(frozen=True)
class RoutedLine:
    """Where a line goes, from border to border and under its label, and the label's centre."""

    points: tuple[Point, ...]
    label: Point


@dataclass(frozen=True)
class Drawing:
    """A picture's size, the centre of each box, and the way of each line, in the order given."""

    width: float
    height: float
    centers: Mapping[str, Point]
    lines: tuple[RoutedLine, ...]


def can_be_laid_out(lines: Sequence[LayoutLine]) -> bool:
    """Whether the lines cross few enough layers, and few enough of them the same one.

    The lines of a box have to come after those that lead to it.
    """
    crossing = _lines_across_each_layer(lines)
    return sum(crossing) <= MAX_CROSSED_LAYERS and sum(n * n for n in crossing) <= MAX_CROWDING


def _lines_across_each_layer(lines: Sequence[LayoutLine]) -> Sequence[int]:
    layers, begun = _assign_layers(lines), Counter[int]()
    for line in lines:
        begun[layers[line.source]] += 1
        begun[layers[line.target]] -= 1
    return [*accumulate(begun[layer] for layer in sorted(begun))]


def arrange_in_grid(
    boxes: Mapping[str, tuple[float, float]], lines: Sequence[LayoutLine]
) -> Mapping[str, Point]:
    """The centres of boxes that are too many for a layout: each layer is a row."""
    width, height = (max(sizes) + 2 * BOX_GAP for sizes in zip(*boxes.values(), strict=True))
    layers, filled = _assign_layers(lines), Counter[int]()
    centers = {}
    for box in boxes:
        centers[box] = filled[layers[box]] * width, layers[box] * height
        filled[layers[box]] += 1
    return centers


def _assign_layers(lines: Iterable[LayoutLine]) -> Mapping[str, int]:
    """How many lines the longest way to each box has."""
    layers = Counter[str]()
    for line in lines:
        layers[line.target] = max(layers[line.target], layers[line.source] + 1)
    return layers


def lay_out_boxes(
    boxes: Mapping[str, tuple[float, float]], lines: Sequence[LayoutLine], margin: float
) -> Drawing:
    """Lay out boxes of the given widths and heights; the margin is left free on every side.

    A label is laid out as a box of its own in the middle of its line, so that nothing comes to lie on it.
    """
    graph = graphlay.Graph()
    for name, (width, height) in boxes.items():
        graph.node(name, width=width, height=height)
    ways = [_add_line(graph, line, len(boxes) + number) for number, line in enumerate(lines)]
    gap = BOX_GAP if any(line.label[0] for line in lines) else 2 * BOX_GAP
    options = {**GRAPHLAY_OPTIONS, "spacing": {"layer_gap": gap, "stub": 17}}
    drawn = graphlay.layout(graph, options=options)
    low, high = drawn.bounds["min"], drawn.bounds["max"]

    def moved(point: Mapping[str, float]) -> Point:
        return round(point["x"] - low["x"] + margin, 1), round(point["y"] - low["y"] + margin, 1)

    centers = {name: moved(node["center"]) for name, node in zip(drawn.ids, drawn.nodes, strict=True)}
    return Drawing(
        width=round(high["x"] - low["x"] + 2 * margin, 1),
        height=round(high["y"] - low["y"] + 2 * margin, 1),
        centers=centers,
        lines=tuple(
            RoutedLine(
                tuple(moved(p) for edge in edges for p in drawn.edges[edge]["points"]), centers[label]
            )
            for label, edges in ways
        ),
    )


def _add_line(graph: graphlay.Graph, line: LayoutLine, number: int) -> tuple[Any, tuple[int, ...]]:
    """Adds a line to a graph: the box that has its label or else its source, and its parts."""
    width, height = line.label
    if not width:
        return line.source, (graph.edge(line.source, line.target),)
    graph.node(number, width=width, height=height)
    return number, (graph.edge(line.source, number), graph.edge(number, line.target))
