"""Rows of a PDF's page that form a table → the table's cells, by the columns in which its runs stand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.readers.pdf_layout import SIGN, Row
from rag.readers.pdf_runs import Run
from rag.text.blocks import Table

# Shares of the type size: rows of a table are no farther apart, and a line in a cell goes on within the second.
_FARTHEST = 4.5
_CLOSE = 1.65
_MOST_HEADER_ROWS = 5
_MOST_COLUMNS = 60
# Rows with at least this share of the most cells of a row tell the columns.
_TELLING = 0.6
# The widest row with one run within a table, as a share of the table's width.
_HEADING_WIDTH = 0.72

_CURRENCY = re.compile(r"(?:US|A|C|HK|NT|S)?[$€£¥₩]")
_AFTER_NUMBER = re.compile(r"[)%]{1,2}|\)\s?%|pts?\.?|bps|x")
NUMBER = re.compile(
    r"[~≈<>≤≥]?\s*[(\[]?\s*[+−–-]?\s*(?:US|A|C)?[$€£¥₩]?\s*[(\[]?[+−–-]?\s*\d[\d.,'\s]*\s*(?:%|x|bps|pts?)?\s*[)\]]?\s*%?"
    r"(?:\s?\[\^\w+\])*(?:\s?[\^*†‡]\w*)*"
)
_NO_NUMBER = re.compile(r"[-–—―*]{1,3}%?|[$€£¥₩]\s?[-–—―]|n/?[am]\.?|N/?[AM]\.?|NM|[-–—]\s?%")
_YEAR = re.compile(r"(?:FY|CY|Q[1-4])?\s?'?(?:19|20)\d\d\s?(?:[AEFP]|년|年)?(?:\s?\[\^\w+\]|\s?\(\w\))*")


@dataclass(slots=True)
class Found:
    """A table, and the half-open span of the rows that it takes."""

    table: Table
    start: int
    stop: int


def is_number(text: str) -> bool:
    """Whether a cell's text is a number, or stands for none (a dash)."""
    return bool(NUMBER.fullmatch(text) or _NO_NUMBER.fullmatch(text))


def is_value(text: str) -> bool:
    """Whether a cell's text is a number and no year: it is no head of a column."""
    return is_number(text) and not _YEAR.fullmatch(text.strip())


def find_tables(rows: Sequence[Row]) -> list[Found]:
    """The tables among the rows of a region."""
    tables: list[Found] = []
    cells = [_cells(row) for row in rows]
    width = max((row.x1 for row in rows), default=0.0) - min((row.x0 for row in rows), default=0.0)
    index = 0
    while index < len(rows):
        if len(cells[index]) < 2:
            index += 1
            continue
        stop = _end(rows, cells, index, width)
        start = index
        table = None
        if sum(len(row) > 1 for row in cells[start:stop]) >= 2:
            start = _begin(rows, cells, index, tables[-1].stop if tables else 0)
            table = _table(rows[start:stop], cells[start:stop])
        if table:
            tables.append(Found(table, start, stop))
        index = stop if table else index + 1
    return tables


def _cells(row: Row) -> list[Run]:
    """The row's runs, with a currency's sign joined to the number after it, and a percent sign to the one before it."""
    cells: list[Run] = []
    for run in row.runs:
        last = cells[-1] if cells else None
        if last is not None and _CURRENCY.fullmatch(last.text) and is_number(run.text):
            cells[-1] = _both(last, run, " ")
        elif (
            last is not None
            and _AFTER_NUMBER.fullmatch(run.text)
            and any(map(str.isdigit, last.text))
            and _adjoin(last, run)
        ):
            cells[-1] = _both(last, run, "")
        else:
            cells.append(run)
    return cells


def _adjoin(left: Run, right: Run) -> bool:
    return right.x0 - left.x1 < 2.5 * right.size


def _both(left: Run, right: Run, blank: str) -> Run:
    return Run(f"{left.text}{blank}{right.text}", left.x0, right.x1, right.base, right.size, left.bold and right.bold)


def _end(rows: Sequence[Row], cells: Sequence[list[Run]], start: int, width: float) -> int:
    """The end of the span of rows from `start` that may be a table."""
    stop = start + 1
    single = 0
    for index in range(start + 1, len(rows)):
        if rows[index].base - rows[index - 1].base > _FARTHEST * rows[index].size:
            break
        if len(cells[index]) > 1:
            stop, single = index + 1, 0
            continue
        single += 1
        run = cells[index][0]
        edges = [edge for cell in cells[stop - 1] for edge in (cell.x0, cell.x1)]
        if run.x0 > rows[start].x0 + 4 * run.size and all(
            min(abs(run.x0 - x), abs(run.x1 - x)) > run.size for x in edges
        ):
            break
        if run.table or single > 3 or run.x1 - run.x0 > _HEADING_WIDTH * width or len(run.text) > 110:
            break
    # The rest of a last cell's text.
    while stop < len(rows) and _continues(cells[stop], rows[stop - 1], rows[stop]):
        stop += 1
    return stop


def _continues(cells: Sequence[Run], above: Row, row: Row) -> bool:
    return (
        len(cells) == 1
        and cells[0].text[:1].islower()
        and row.base - above.base < _CLOSE * row.size
        and row.x0 > above.x0 - 1
        and row.x1 < above.x1
    )


def _begin(rows: Sequence[Row], cells: Sequence[list[Run]], start: int, first: int) -> int:
    """The first row of the table's head above `start`: rows of one run that stands over the columns of numbers."""
    over = min(run.x0 for run in cells[start][1:])
    if cells[start][0].x0 > min(row.x0 for row in rows) + 3 * rows[start].size:
        over = cells[start][0].x0
    while start > first and len(cells[start - 1]) == 1:
        run = cells[start - 1][0]
        if run.table or run.x0 < over - 2 * run.size or rows[start].base - rows[start - 1].base > 2.2 * run.size:
            break
        start -= 1
    return start


def _table(rows: Sequence[Row], cells: Sequence[list[Run]]) -> Table | None:
    columns = _columns(cells)
    if not 2 <= len(columns) <= _MOST_COLUMNS:
        return None
    placed = [_placed(row, columns) for row in cells]
    shared = sum(sum(bool(row[column]) for row in placed) > 1 for column in range(len(columns)))
    if shared < 2 or not _aligned(cells, columns):
        return None
    head = _header_rows(rows, cells, placed)
    if head:
        for index in range(head):
            placed[index] = _spread(cells[index], columns, placed, head)
    body = _joined_lines(rows[head:], placed[head:])
    if sum(sum(map(bool, row)) > 1 for row in body) + bool(head) < 2:
        return None
    return Table([*placed[:head], *body], head)


def _columns(cells: Sequence[list[Run]]) -> list[tuple[float, float]]:
    """The columns' extents: where the runs of the telling rows stand, with gaps between them."""
    most = max(map(len, cells))
    telling = [row for row in cells if len(row) >= max(2, _TELLING * most)]
    least = 0 if len(telling) < 8 else int(0.1 * len(telling))
    columns = _covered([(run.x0, run.x1) for row in telling for run in row], least)
    others = [
        (run.x0, run.x1)
        for row in cells
        if len(row) > 1
        for run in row
        if not any(run.x0 < right and run.x1 > left for left, right in columns)
    ]
    return sorted(columns + _covered(others, 0))


def _covered(extents: Sequence[tuple[float, float]], least: int) -> list[tuple[float, float]]:
    """The intervals that more than `least` of the extents cover."""
    edges = sorted([(x0, 1) for x0, _ in extents] + [(x1, -1) for _, x1 in extents])
    columns: list[tuple[float, float]] = []
    depth, begin = 0, 0.0
    for x, step in edges:
        if step > 0 and depth == least:
            begin = x
        elif step < 0 and depth == least + 1 and x > begin:
            columns.append((begin, x))
        depth += step
    merged: list[tuple[float, float]] = []
    for left, right in columns:
        if merged and left - merged[-1][1] < 1.5:
            merged[-1] = (merged[-1][0], right)
        else:
            merged.append((left, right))
    return merged


def _placed(row: Sequence[Run], columns: Sequence[tuple[float, float]]) -> list[str]:
    """The row's texts in their columns."""
    texts = [""] * len(columns)
    for run in row:
        column = _column(run, columns)
        text = f"[^{run.mark}] {run.text}" if run.mark else run.text
        texts[column] = f"{texts[column]} {text}".strip()
    return texts


def _column(run: Run, columns: Sequence[tuple[float, float]]) -> int:
    """The column that the run stands in. A text that begins in a column and is wider belongs there."""

    def fit(index: int) -> tuple[float, float]:
        left, right = columns[index]
        shared = min(run.x1, right) - max(run.x0, left)
        if shared > 0 and left - 2 <= run.x0 < right and not is_number(run.text):
            return (2, shared)
        return (1, shared) if shared > 0 else (0, shared)

    return max(range(len(columns)), key=fit)


def _aligned(cells: Sequence[Sequence[Run]], columns: Sequence[tuple[float, float]]) -> bool:
    """Whether the runs of most columns share an edge or their middle, as the words of prose don't."""
    places: list[list[Run]] = [[] for _ in columns]
    for row in cells:
        if len(row) > 1:
            for run in row:
                places[_column(run, columns)].append(run)
    several = [runs for runs in places if len(runs) > 1]
    return sum(map(_share_edge, several)) > max(1, 0.5 * len(several))


def _share_edge(runs: Sequence[Run]) -> bool:
    for edges in ([run.x0 for run in runs], [run.x1 for run in runs], [(run.x0 + run.x1) / 2 for run in runs]):
        middle = sorted(edges)[len(edges) // 2]
        if sum(abs(edge - middle) < 0.5 * runs[0].size for edge in edges) >= max(2, 0.6 * len(edges)):
            return True
    return False


def _header_rows(rows: Sequence[Row], cells: Sequence[list[Run]], placed: Sequence[list[str]]) -> int:
    """How many rows from the top are the table's head: those above the first row with values."""
    limit = min(_MOST_HEADER_ROWS, len(placed) - 1)
    first_value = next((index for index, row in enumerate(placed) if any(map(is_value, row[1:]))), len(placed))
    years = [
        index for index in range(min(first_value, limit)) if sum(bool(_YEAR.fullmatch(c)) for c in placed[index]) > 0
    ]
    if first_value == 0:
        return 0
    if first_value <= limit or years:
        head = min(first_value, limit)
        # A heading of a group of rows is no part of the head.
        while head > 1 and len(cells[head - 1]) == 1 and placed[head - 1][0] and not _is_units(placed[head - 1][0]):
            head -= 1
        if head == 1 and len(cells[0]) == 1 and placed[0][0]:
            return 0
        return head
    if first_value < len(placed) and first_value > limit:
        return 1 if rows[0].bold and not rows[1].bold else 0
    if rows[0].bold and not rows[1].bold:
        return 1
    return 1 if len(placed[0]) > 2 and all(placed[0]) else 0


def _is_units(text: str) -> bool:
    return text.startswith("(") or (":" not in text and bool(re.search(r"(?i)\b(?:in|단위)\b", text)))


def _spread(
    row: Sequence[Run], columns: Sequence[tuple[float, float]], placed: Sequence[list[str]], head: int
) -> list[str]:
    """A row of the head, with each text in all columns that it stands over."""
    texts = [""] * len(columns)
    centres = [(left + right) / 2 for left, right in columns]
    for number, run in enumerate(row):
        covered = [index for index, (left, right) in enumerate(columns) if run.x0 < right and run.x1 > left]
        covered = covered or [min(range(len(columns)), key=lambda index: abs(centres[index] - (run.x0 + run.x1) / 2))]
        first, last = covered[0], covered[-1]
        if first > 0:
            from_x = row[number - 1].x1 if number else columns[0][1]
            to_x = row[number + 1].x0 if number + 1 < len(row) else float("inf")
            first, last = _around(run, columns, first, last, from_x, to_x)
        for index in range(first, last + 1):
            texts[index] = f"{texts[index]} {run.text}".strip()
    return texts


def _around(
    run: Run, columns: Sequence[tuple[float, float]], first: int, last: int, from_x: float, to_x: float
) -> tuple[int, int]:
    """The columns, among those between `from_x` and `to_x`, in whose middle a heading stands that is above several."""
    centre = (run.x0 + run.x1) / 2
    best = (first, last)
    if first == last and columns[first][0] - run.size <= run.x0 and run.x1 <= columns[first][1] + run.size:
        lone = (
            abs(centre - sum(columns[first]) / 2) < 0.5 * run.size or abs(run.x1 - columns[first][1]) < 0.5 * run.size
        )
        if lone:
            return best
    for begin in range(first, 0, -1):
        if columns[begin][0] < from_x - 1:
            break
        for end in range(last, len(columns)):
            if columns[end][1] > to_x + 1:
                break
            middle = (columns[begin][0] + columns[end][1]) / 2
            if abs(middle - centre) < 1.5 * run.size and end - begin > best[1] - best[0]:
                best = (begin, end)
    return best


def _joined_lines(rows: Sequence[Row], placed: Sequence[list[str]]) -> list[list[str]]:
    """The rows of a table's body, with the lines of a cell's text joined."""
    body: list[list[str]] = []
    waiting = False  # the row before is the beginning of a label
    before: Row | None = None
    left = min((row.x0 for row in rows), default=0.0)
    labels = [row.runs[0].x1 for row, texts in zip(rows, placed, strict=True) if texts[0]]
    edge = max(labels, default=0.0)
    for index, (row, texts) in enumerate(zip(rows, placed, strict=True)):
        close = before is not None and row.base - before.base < _CLOSE * row.size
        label = texts[0]
        below = rows[index + 1] if index + 1 < len(rows) else None
        if waiting and close and label:
            body[-1] = [_after(old, new) for old, new in zip(body[-1], texts, strict=True)]
        elif body and close and label[:1].islower() and not any(texts[1:]) and not SIGN.match(label):
            body[-1][0] = _after(body[-1][0], label)
        elif (
            body
            and close
            and not label
            and any(texts)
            and not any(map(is_number, filter(None, texts)))
            and _has_text(body[-1])
        ):
            body[-1] = [_after(old, new) for old, new in zip(body[-1], texts, strict=True)]
        else:
            body.append(list(texts))
        alone = bool(label) and not any(texts[1:]) and not label.rstrip().endswith(":")
        goes_on = (
            below is not None and placed[index + 1][0][:1].islower() and below.base - row.base < _CLOSE * below.size
        )
        long = (
            row.runs[0].x1 - left > 0.85 * (edge - left)
            and below is not None
            and below.base - row.base < 1.35 * below.size
        )
        has_more = below is not None and any(placed[index + 1][1:]) and placed[index + 1][0] != ""
        waiting = alone and (
            goes_on or (long and has_more and row.runs[0].bold == (below or row).runs[0].bold and len(label) > 30)
        )
        before = row
    return body


def _has_text(texts: Sequence[str]) -> bool:
    return any(text and not is_number(text) for text in texts[1:]) or bool(texts[0])


def _after(old: str, new: str) -> str:
    return f"{old} {new}".strip()
