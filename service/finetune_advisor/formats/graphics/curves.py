"""Lines of an SVG picture."""

from __future__ import annotations

from finetune_advisor.formats.graphics.layout import Point

CORNER_RADIUS = 9.0


def round_corners(points: tuple[Point, ...]) -> str:
    """A way through points, its corners rounded; it ends where the arrow head begins."""
    *before, (x, y) = points
    way = [f"M{before[0][0]:g} {before[0][1]:g}"]
    for here, corner, after in zip(before, before[1:], [*before[2:], (x, y)], strict=False):
        near, far = _towards(corner, here), _towards(corner, after)
        way.append(f"L{near[0]:g} {near[1]:g}Q{corner[0]:g} {corner[1]:g} {far[0]:g} {far[1]:g}")
    return "".join((*way, f"L{x:g} {y - 6:g}"))


def _towards(start: Point, end: Point) -> Point:
    """The point on the way to another, a corner's radius or half the way along it."""
    (x, y), (other_x, other_y) = start, end
    length = max(abs(other_x - x), abs(other_y - y))
    share = min(CORNER_RADIUS, length / 2) / length if length else 0
    return round(x + (other_x - x) * share, 1), round(y + (other_y - y) * share, 1)
