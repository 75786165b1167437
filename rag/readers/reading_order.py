"""The order in which a person reads boxes that are placed freely on a slide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

# With more boxes the order is simply from top to bottom.
_MOST_BOXES = 200
# Boxes that lie over each other by no more than this share of their size are beside or below each other.
_OVERLAP = 0.15
# The file's order tells columns from rows only if it is this many times nearer to one of them.
_MUCH = 4


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its number in the file, and its place and size in any unit."""

    number: int
    x: float
    y: float
    width: float
    height: float


def in_reading_order(boxes: Sequence[Box]) -> list[Box]:
    """The boxes by rows; by columns if their order in the file is nearly that."""
    if len(boxes) > _MOST_BOXES:
        return sorted(boxes, key=lambda box: (box.y, box.x))
    by_rows, by_columns = _cut(boxes, rows_first=True), _cut(boxes, rows_first=False)
    return by_columns if _MUCH * _turned(by_columns) < _turned(by_rows) else by_rows


def _turned(boxes: Sequence[Box]) -> int:
    """How many pairs of boxes stand in the other order in the file."""
    return sum(first.number > second.number for first, second in combinations(boxes, 2))


def _cut(boxes: Sequence[Box], rows_first: bool) -> list[Box]:
    if len(boxes) < 2:
        return list(boxes)
    for is_row in (rows_first, not rows_first):
        parts = _parts(boxes, _down if is_row else _across)
        if len(parts) > 1:
            # Within a row come its columns, and within a column its rows.
            return [box for part in parts for box in _cut(part, rows_first=not is_row)]
    return sorted(boxes, key=lambda box: (box.y, box.x))


def _down(box: Box) -> tuple[float, float]:
    margin = box.height * _OVERLAP
    return box.y + margin, box.y + box.height - margin


def _across(box: Box) -> tuple[float, float]:
    margin = box.width * _OVERLAP
    return box.x + margin, box.x + box.width - margin


def _parts(boxes: Sequence[Box], extent: Callable[[Box], tuple[float, float]]) -> list[list[Box]]:
    """The boxes in groups between which a straight line can be drawn."""
    parts: list[list[Box]] = []
    end = 0.0
    for box in sorted(boxes, key=extent):
        begin, stop = extent(box)
        if not parts or begin >= end:
            parts.append([])
            end = stop
        parts[-1].append(box)
        end = max(end, stop)
    return parts
