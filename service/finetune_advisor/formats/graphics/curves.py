"""Lines with round corners, as SVG path data."""

from __future__ import annotations

from finetune_advisor.formats.graphics.layout import Point

CORNER_RADIUS = 9.0


def round_corners(points: tuple[Point, ...]) -> str:
    """Return SVG path data for a line through two or more points, with round corners.

    The line ends 6 pixels above the last point, behind the arrow head whose tip is there.
    """
    *before, (x, y) = points
    path = [f"M{before[0][0]:g} {before[0][1]:g}"]
    for previous, corner, following in zip(before, before[1:], [*before[2:], (x, y)], strict=False):
        start, end = _towards(corner, previous), _towards(corner, following)
        # The corner is the control point of a quadratic curve from one side to the other.
        path.append(f"L{start[0]:g} {start[1]:g}Q{corner[0]:g} {corner[1]:g} {end[0]:g} {end[1]:g}")
    return "".join((*path, f"L{x:g} {y - 6:g}"))


def _towards(start: Point, end: Point) -> Point:
    """Return the point a corner's radius from `start` towards `end`, but at most halfway."""
    # Beyond the middle, the curves of two corners would overlap.
    (x, y), (end_x, end_y) = start, end
    length = max(abs(end_x - x), abs(end_y - y))
    share = min(CORNER_RADIUS, length / 2) / length if length else 0
    return round(x + (end_x - x) * share, 1), round(y + (end_y - y) * share, 1)
