"""Rules that are drawn on a PDF's page → ruled tables: their cells are where the rules cross, merged cells included."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pypdfium2 import raw

from rag.readers.pdf_layout import page_rows
from rag.readers.pdf_runs import Run, View
from rag.readers.pdf_tables import is_value
from rag.readers.pdfium import bounds, objects_by_type, page_object
from rag.text.blocks import Table

# In points. A rule is no thicker; rules that meet are no farther apart.
_THICKEST = 2.6
_MEETING = 3.0
_SHORTEST = 6.0
_MOST_RULES = 600
_MOST_POINTS = 400
_MOST_CELLS = 5_000


@dataclass(slots=True)
class Rule:
    """A straight line along an axis: from `begin` to `end`, at the place `at` on the other axis."""

    at: float
    begin: float
    end: float


@dataclass(slots=True)
class Rules:
    """The level and the upright rules of a page, in its view."""

    level: list[Rule]
    upright: list[Rule]

    def between(self, left: float, right: float, y: float) -> bool:
        """Whether an upright rule stands at height `y` between two places."""
        return any(left <= rule.at <= right and rule.begin <= y <= rule.end for rule in self.upright)


def page_rules(page: Any, view: View) -> Rules:
    """The rules of a page: thin boxes, lines, and the edges of boxes that are drawn with a pen."""
    rules = Rules([], [])
    paths = [place for kind, place in objects_by_type(page) if kind == raw.FPDF_PAGEOBJ_PATH]
    for place, (x0, y0, x1, y1) in zip(paths, bounds(paths), strict=True):
        if min(x1 - x0, y1 - y0) <= _THICKEST:
            _add(rules, view, x0, y0, x1, y1)
        elif _is_stroked(path := page_object(place)):
            for line in _lines(path, (x0, y0, x1, y1)):
                _add(rules, view, *line)
        if len(rules.level) + len(rules.upright) > _MOST_RULES:
            return Rules([], [])
    return rules


def _add(rules: Rules, view: View, x0: float, y0: float, x1: float, y1: float) -> None:
    (x0, y0), (x1, y1) = view.place(x0, y0), view.place(x1, y1)
    x0, x1, y0, y1 = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
    if x1 - x0 > _SHORTEST and y1 - y0 <= _THICKEST:
        rules.level.append(Rule((y0 + y1) / 2, x0, x1))
    elif y1 - y0 > _SHORTEST and x1 - x0 <= _THICKEST:
        rules.upright.append(Rule((x0 + x1) / 2, y0, y1))


def _is_stroked(path: Any) -> bool:
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    return bool(raw.FPDFPath_GetDrawMode(path, fill, stroke)) and bool(stroke.value)


def _lines(path: Any, box: tuple[float, float, float, float]) -> Iterable[tuple[float, float, float, float]]:
    count = raw.FPDFPath_CountSegments(path)
    x0, y0, x1, y1 = box
    if count <= 5:
        yield from ((x0, y0, x1, y0), (x0, y1, x1, y1), (x0, y0, x0, y1), (x1, y0, x1, y1))
        return
    matrix = raw.FS_MATRIX()
    if not raw.FPDFPageObj_GetMatrix(path, matrix):
        return
    x, y = ctypes.c_float(), ctypes.c_float()
    before: tuple[float, float] | None = None
    for index in range(min(count, _MOST_POINTS)):
        segment = raw.FPDFPath_GetPathSegment(path, index)
        raw.FPDFPathSegment_GetPoint(segment, x, y)
        point = (
            matrix.a * x.value + matrix.c * y.value + matrix.e,
            matrix.b * x.value + matrix.d * y.value + matrix.f,
        )
        kind = raw.FPDFPathSegment_GetType(segment)
        if kind == raw.FPDF_SEGMENT_LINETO and before:
            yield (*before, *point)
        before = point


@dataclass(slots=True)
class Grid:
    """A ruled table: the places of its columns' and rows' edges, and for each cell the number of its merged cell."""

    xs: list[float]
    ys: list[float]
    merged: list[list[int]]


def grids(rules: Rules) -> list[Grid]:
    """The ruled areas with at least two columns and two rows."""
    if len(rules.upright) < 1 or len(rules.level) < 2:
        return []
    return [grid for level, upright in _connected(rules) if (grid := _grid(level, upright))]


def _connected(rules: Rules) -> list[tuple[list[Rule], list[Rule]]]:
    """Groups of rules that meet."""
    parents = list(range(len(rules.level) + len(rules.upright)))

    def root(index: int) -> int:
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    for first, level in enumerate(rules.level):
        for second, upright in enumerate(rules.upright, len(rules.level)):
            across = level.begin - _MEETING <= upright.at <= level.end + _MEETING
            if across and upright.begin - _MEETING <= level.at <= upright.end + _MEETING:
                parents[root(second)] = root(first)
    groups: dict[int, tuple[list[Rule], list[Rule]]] = {}
    for index, rule in enumerate((*rules.level, *rules.upright)):
        groups.setdefault(root(index), ([], []))[index >= len(rules.level)].append(rule)
    return [group for group in groups.values() if group[0] and group[1]]


def _grid(level: Sequence[Rule], upright: Sequence[Rule]) -> Grid | None:
    xs = _places([rule.at for rule in upright] + [min(r.begin for r in level), max(r.end for r in level)])
    ys = _places([rule.at for rule in level] + [min(r.begin for r in upright), max(r.end for r in upright)])
    columns, rows = len(xs) - 1, len(ys) - 1
    if columns < 2 or rows < 2 or columns * rows > _MOST_CELLS:
        return None
    right_of = _walls(upright, xs, ys)
    below = _walls(level, ys, xs)
    merged = [[row * columns + column for column in range(columns)] for row in range(rows)]
    for row in range(rows):
        for column in range(columns):
            if column and not right_of[column][row]:
                merged[row][column] = merged[row][column - 1]
            if row and not below[row][column]:
                merged[row][column] = merged[row - 1][column]
    return Grid(xs, ys, merged)


def _places(values: Iterable[float]) -> list[float]:
    """The values in order, with those that are close to each other as one."""
    places: list[float] = []
    for value in sorted(values):
        if not places or value - places[-1] > 2 * _MEETING:
            places.append(value)
    return places


def _walls(rules: Sequence[Rule], places: Sequence[float], along: Sequence[float]) -> list[list[bool]]:
    """For each place, and each interval of `along`: whether a rule stands there."""
    covered = [[0.0] * (len(along) - 1) for _ in places]
    for rule in rules:
        at = min(range(len(places)), key=lambda index: abs(places[index] - rule.at))
        for number, (begin, end) in enumerate(pairwise(along)):
            covered[at][number] += max(0.0, min(end, rule.end) - max(begin, rule.begin))
    return [[length > 0.5 * (b - a) for length, (a, b) in zip(row, pairwise(along), strict=True)] for row in covered]


def ruled_tables(rules: Rules, runs: list[Run]) -> list[Run]:
    """The runs of a page in which a run that holds a table takes the place of the runs within each ruled table."""
    for grid in grids(rules):
        inside: dict[int, list[Run]] = {}
        outside: list[Run] = []
        for run in runs:
            number = _cell_of(grid, run) if run.table is None else None
            if number is None:
                outside.append(run)
            else:
                inside.setdefault(number, []).append(run)
        table = _table(grid, inside)
        if table:
            size = max(run.size for cell in inside.values() for run in cell)
            place = Run("", grid.xs[0], grid.xs[-1], grid.ys[0] + size, size, table=table)
            place.bottom = grid.ys[-1]
            runs = [*outside, place]
    return runs


def _cell_of(grid: Grid, run: Run) -> int | None:
    x, y = run.x0 + min(run.size / 2, (run.x1 - run.x0) / 2), run.base - 0.3 * run.size
    if not (grid.xs[0] <= x <= grid.xs[-1] and grid.ys[0] <= y <= grid.ys[-1]):
        return None
    column = sum(edge <= x for edge in grid.xs[1:-1])
    row = sum(edge <= y for edge in grid.ys[1:-1])
    return grid.merged[row][column]


def _table(grid: Grid, inside: dict[int, list[Run]]) -> Table | None:
    texts = {number: " ".join(row.text for row in page_rows(cell)) for number, cell in inside.items()}
    rows: list[list[str]] = []
    for numbers in grid.merged:
        row = [texts.get(number, "") for number in numbers]
        if len(set(numbers)) == 1:  # a heading across the table
            row[1:] = [""] * (len(row) - 1)
        if any(row):
            rows.append(row)
    filled = [column for column in range(len(grid.xs) - 1) if any(row[column] for row in rows)]
    rows = [[row[column] for column in filled] for row in rows]
    if len(filled) < 2 or len(rows) < 2:
        return None
    title = ""
    if rows[0][0] and not any(rows[0][1:]) and len(rows) > 2:
        title = rows.pop(0)[0]
    head = next((index for index, row in enumerate(rows) if any(map(is_value, row[1:]))), 1)
    return Table(rows, 1 if head > 3 else head if head else 0, title)
