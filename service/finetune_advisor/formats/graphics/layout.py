"""Positions of boxes and lines in a diagram, laid out in layers so that few lines cross."""

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
"""The maximum of the sum, over all lines of a diagram, of the layers that a line crosses; 2.0.0 has 138."""

# Within both limits a layout takes half a second at most. Beyond them its time grows with the fourth power of
# the number of lines that lie side by side.
MAX_CROWDING = 20_000
"""The maximum of the sum, over all layers, of the squared number of lines that cross the layer.

2.0.0 has 1,198. A question with 141 branches is within this limit.
"""

GRAPHLAY_OPTIONS: Mapping[str, Any] = {
    "direction": "topbottom",
    "routing": {"bundle_parallel": False},
    "tuning": {"routing": {"step_flatten": 0}},  # otherwise a line may run along the side of a box
}


@dataclass(frozen=True)
class LayoutLine:
    """A line to lay out from one box to another, with the width and height of its label in pixels."""

    source: str
    target: str
    label: tuple[float, float] = (0, 0)


@dataclass(frozen=True)
class RoutedLine:
    """The position of a line: its points from one box's border to the other's, and its label's centre.

    The line runs behind its label.
    """

    points: tuple[Point, ...]
    label: Point


@dataclass(frozen=True)
class Drawing:
    """A laid-out diagram: its size in pixels, the centre of each box, and the lines in their given order."""

    width: float
    height: float
    centers: Mapping[str, Point]
    lines: tuple[RoutedLine, ...]


def can_be_laid_out(lines: Sequence[LayoutLine]) -> bool:
    """Whether a layout of the lines takes at most half a second.

    Lines that begin at a box must come after all lines that end at it.
    """
    counts = _lines_across_each_layer(lines)
    return sum(counts) <= MAX_CROSSED_LAYERS and sum(count**2 for count in counts) <= MAX_CROWDING


def _lines_across_each_layer(lines: Sequence[LayoutLine]) -> Sequence[int]:
    # Running totals of the lines that begin and end at each layer: no need to visit each layer of each line.
    layers, changes = _assign_layers(lines), Counter[int]()
    for line in lines:
        changes[layers[line.source]] += 1
        changes[layers[line.target]] -= 1
    return [*accumulate(changes[layer] for layer in sorted(changes))]


def arrange_in_grid(
    boxes: Mapping[str, tuple[float, float]], lines: Sequence[LayoutLine]
) -> Mapping[str, Point]:
    """Arrange boxes of the given widths and heights in a grid, with a row for each layer.

    Returns the centre of each box. This is fast for any number of boxes; lines may cross boxes.
    """
    width, height = (max(sizes) + 2 * BOX_GAP for sizes in zip(*boxes.values(), strict=True))
    layers, boxes_in_row = _assign_layers(lines), Counter[int]()
    centers = {}
    for box in boxes:
        row = layers[box]
        centers[box] = boxes_in_row[row] * width, row * height
        boxes_in_row[row] += 1
    return centers


def _assign_layers(lines: Iterable[LayoutLine]) -> Mapping[str, int]:
    """Assign to each box the number of lines on the longest path to it."""
    # One pass is enough, since the lines to a box come before those that begin there.
    layers = Counter[str]()
    for line in lines:
        layers[line.target] = max(layers[line.target], layers[line.source] + 1)
    return layers


def lay_out_boxes(
    boxes: Mapping[str, tuple[float, float]], lines: Sequence[LayoutLine], margin: float
) -> Drawing:
    """Lay out boxes of the given widths and heights, with a free margin on every side, all in pixels.

    The time has no limit; `can_be_laid_out` says whether it is short.
    """
    graph = graphlay.Graph()
    for name, (width, height) in boxes.items():
        graph.node(name, width=width, height=height)
    label_boxes_and_edges = [
        _add_line(graph, line, len(boxes) + number) for number, line in enumerate(lines)
    ]
    # Labels have layers of their own between those of the boxes, and a gap on both sides.
    gap = BOX_GAP if any(line.label[0] for line in lines) else 2 * BOX_GAP
    options = {**GRAPHLAY_OPTIONS, "spacing": {"layer_gap": gap, "stub": 17}}
    result = graphlay.layout(graph, options=options)
    low, high = result.bounds["min"], result.bounds["max"]

    def shift(point: Mapping[str, float]) -> Point:
        return round(point["x"] - low["x"] + margin, 1), round(point["y"] - low["y"] + margin, 1)

    centers = {name: shift(node["center"]) for name, node in zip(result.ids, result.nodes, strict=True)}
    return Drawing(
        width=round(high["x"] - low["x"] + 2 * margin, 1),
        height=round(high["y"] - low["y"] + 2 * margin, 1),
        centers=centers,
        lines=tuple(
            RoutedLine(
                tuple(shift(point) for edge in edges for point in result.edges[edge]["points"]),
                centers[label_box],
            )
            for label_box, edges in label_boxes_and_edges
        ),
    )


def _add_line(graph: graphlay.Graph, line: LayoutLine, number: int) -> tuple[Any, tuple[int, ...]]:
    """Add a line to a graph.

    Returns the box of its label, or its source if it has no label; and the edges that make up the line.
    """
    width, height = line.label
    if not width:
        return line.source, (graph.edge(line.source, line.target),)
    # A label is a box in the middle of its line, so that the layout keeps everything else off it.
    graph.node(number, width=width, height=height)
    return number, (graph.edge(line.source, number), graph.edge(number, line.target))
