"""Runs of a PDF's page → rows, and rows → regions in the order in which a person reads them, column by column."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from rag.readers.pdf_runs import BLANK, WIDE, Run, between_numbers

# Shares of the type size.
_SAME_ROW = 0.35
_LEADING = 1.9
# A column of prose has this many lines, and this many characters a line.
_FEWEST_LINES = 3
_FEWEST_CHARACTERS = 14
_MOST_GUTTERS = 12
_DEEPEST = 12

SIGN = re.compile(
    r"(?:[•‣▪◦●○■□▶►➤–—*·∙⁃\uf0a7\uf0b7\uf0d8\uf0fc\uf0e0\uf06c\uf06e\uf076-]|o(?=\s|$)"
    r"|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)]|\(?[가-하][.)]|[①-⑳])(?=\s|$)"
)


@dataclass(slots=True)
class Row:
    """The runs on one line across a region, from left to right, with the line's baseline and largest type size.

    `level` is its level as a heading, -1 until that is known.
    """

    runs: list[Run]
    base: float
    size: float
    level: int = -1
    _text: str = ""

    @property
    def x0(self) -> float:
        """Its left edge."""
        return min(run.x0 for run in self.runs)

    @property
    def x1(self) -> float:
        """Its right edge."""
        return max(run.x1 for run in self.runs)

    @property
    def bold(self) -> bool:
        """Whether all of it is bold."""
        return all(run.bold for run in self.runs)

    @property
    def text(self) -> str:
        """Its text in reading order, with an entry of a form after its label."""
        if self._text:
            return self._text
        if len(self.runs) == 1:
            return self.runs[0].text
        parts: list[str] = []
        runs = self.runs
        if sum(run.right_to_left for run in runs) * 2 > len(runs):
            runs = runs[::-1]
        for run in runs:
            if run.entry == "value" and parts:
                parts[-1] = parts[-1].rstrip(": ") + ":"
            parts.append(run.text)
        self._text = " ".join(parts)
        return self._text


def page_rows(runs: Sequence[Run]) -> list[Row]:
    """The runs in rows from top to bottom. Pieces that adjoin are joined, and signs with their items."""
    rows: list[Row] = []
    for run in sorted(runs, key=lambda run: run.base):
        alone = run.table is not None or bool(rows and rows[-1].runs[0].table)
        if rows and not alone and abs(run.base - rows[-1].base) <= _SAME_ROW * min(run.size, rows[-1].size):
            row = rows[-1]
            row.runs.append(run)
            if run.size > row.size:
                row.size, row.base = run.size, run.base
        else:
            rows.append(Row([run], run.base, run.size))
    for row in rows:
        row.runs = _joined(sorted(row.runs, key=lambda run: run.x0))
    return rows


def _joined(runs: list[Run]) -> list[Run]:
    """Runs of a row from left to right, joined where they adjoin; from right to left in a row of such a script."""
    backwards = 2 * sum(run.right_to_left for run in runs) > len(runs)
    joined: list[Run] = []
    for run in reversed(runs) if backwards else runs:
        if not (joined and _join(joined[-1], run, backwards)):
            joined.append(run)
    return joined[::-1] if backwards else joined


def _join(last: Run, run: Run, backwards: bool) -> bool:
    """Append `run` to `last` if it adjoins, or if one of them is a sign or an entry of a form for the other."""
    gap = last.x0 - run.x1 if backwards else run.x0 - last.x1
    size = max(run.size, last.size)
    if run.entry == "tick" or (run.entry and gap < 30 * size):
        label = last.text.rstrip(": ")
        last.text = f"{label}: {run.text}" if label and not last.entry else f"{last.text} {run.text}"
    elif last.entry == "tick" and gap < 3 * size:
        last.text, last.entry = f"{last.text} {run.text}", ""
    elif -0.5 * size < gap < WIDE * size and not (
        last.entry or run.entry or between_numbers(last.text, run.text, gap, size)
    ):
        last.text += (" " if backwards or gap > BLANK * run.size else "") + run.text
    elif SIGN.fullmatch(last.text) and gap < 4 * size and not last.mark and not is_figure(run.text):
        last.text += " " + run.text
    else:
        return False
    last.x0, last.x1, last.bold = min(last.x0, run.x0), max(last.x1, run.x1), last.bold and run.bold
    return True


def is_figure(text: str) -> bool:
    """Whether a piece of a line is a number or a dash: then "(34)" or "—" before it is a cell and no item's sign."""
    return not any(map(str.isalpha, text)) and (any(map(str.isdigit, text)) or text.strip("-–—() ") == "")


def regions(rows: list[Row], depth: int = 0) -> Iterator[list[Row]]:
    """The rows in groups in reading order. The columns of a page are groups of their own, a table is in one group."""
    best: tuple[int, int, int, float] | None = None
    if depth < _DEEPEST and len(rows) >= _FEWEST_LINES:
        for x in _gutters(rows):
            for start, stop in _bands(rows, x):
                if (best is None or stop - start > best[0]) and _are_columns(rows[start:stop], x):
                    best = (stop - start, start, stop, x)
    if best is None:
        if rows:
            yield rows
        return
    _, start, stop, x = best
    left, right = _sides(rows[start:stop], x)
    if start:
        yield from regions(rows[:start], depth + 1)
    yield from regions(left, depth + 1)
    yield from regions(right, depth + 1)
    if stop < len(rows):
        yield from regions(rows[stop:], depth + 1)


def _gutters(rows: Sequence[Row]) -> list[float]:
    """Places just before left edges that several rows share, the most common first."""
    edges = Counter(round(run.x0) for row in rows for run in row.runs)
    common = [x for x, count in edges.most_common(3 * _MOST_GUTTERS) if count >= _FEWEST_LINES]
    leftmost = min(edges)
    return [x - 2.5 for x in common if x > leftmost + 40][:_MOST_GUTTERS]


def _bands(rows: Sequence[Row], x: float) -> Iterator[tuple[int, int]]:
    """The longest spans of rows without a run across `x`, that have runs on both sides of it."""
    start = 0
    for index in range(len(rows) + 1):
        crosses = index < len(rows) and any(run.x0 < x < run.x1 for run in rows[index].runs)
        if index < len(rows) and not crosses:
            continue
        if index - start >= _FEWEST_LINES:
            yield from _with_both_sides(rows, start, index, x)
        start = index + 1


def _with_both_sides(rows: Sequence[Row], start: int, stop: int, x: float) -> Iterator[tuple[int, int]]:
    """The span from the first row of its right column on; rows above it are no part of the columns."""
    right = [index for index in range(start, stop) if any(run.x0 > x for run in rows[index].runs)]
    left = [index for index in range(start, stop) if any(run.x0 < x for run in rows[index].runs)]
    if right and left:
        first = max(right[0], left[0])
        # Columns whose lines aren't level with each other begin at almost the same height.
        while first > start and rows[first].base - rows[first - 1].base < _LEADING * rows[first].size:
            first -= 1
        yield first, stop


def _sides(rows: Sequence[Row], x: float) -> tuple[list[Row], list[Row]]:
    sides: tuple[list[Row], list[Row]] = ([], [])
    for row in rows:
        for side, runs in zip(
            sides, ([r for r in row.runs if r.x0 < x], [r for r in row.runs if r.x0 >= x]), strict=True
        ):
            if runs:
                side.append(Row(runs, max(run.base for run in runs), max(run.size for run in runs)))
    return sides


def _are_columns(rows: Sequence[Row], x: float) -> bool:
    left, right = _sides(rows, x)
    fewest = max(_FEWEST_LINES, 0.15 * max(len(left), len(right)))
    return min(len(left), len(right)) >= fewest and _is_prose(left) and _is_prose(right)


def _is_prose(rows: Sequence[Row]) -> bool:
    """Whether rows are lines of running text: long, filled for the most part, and at regular distances."""
    texts = [row.text for row in rows]
    lengths = [len(text) if text.isascii() else sum(2 if char > "\u2e80" else 1 for char in text) for text in texts]
    characters = "".join(texts)
    if sum(char.isdigit() for char in characters) > 0.25 * len(characters) or median(lengths) < _FEWEST_CHARACTERS:
        return False
    width = max(row.x1 for row in rows) - min(row.x0 for row in rows)
    if median(row.x1 - row.x0 for row in rows) < 0.6 * width:
        return False
    if sum(len(row.runs) > 1 for row in rows) > 0.4 * len(rows):
        return False
    regular = sum(below.base - above.base < _LEADING * below.size for above, below in pairwise(rows))
    return regular >= 0.6 * (len(rows) - 1)


def nearest(places: Sequence[float], x: float) -> int:
    """The index of the number in the sorted `places` that is nearest to `x`."""
    at = bisect_left(places, x)
    if at and (at == len(places) or x - places[at - 1] <= places[at] - x):
        return at - 1
    return at
