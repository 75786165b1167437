"""Rows of a sheet → its blocks: tables with their titles and heads, lines between them, and labelled fields.

A sheet doesn't say where its tables are, nor which rows are a head. Both are told by merged cells, types, bold print,
frozen panes and filters; in doubt a table has the first row as its head.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from rag.readers.faults import check_length
from rag.readers.sheet_rows import COVERED, NUMBER, TEXT, Row
from rag.text.blocks import Field, table_lines, written

# The most rows of a head.
_MOST_HEAD_ROWS = 4
# The most characters of a line that is taken for the title of a table below it, and of all lines of a title.
_TITLE_LINE = 150
_TITLE = 400
# A line below a table with more characters is a remark on the table, no row of it.
_SHORT_LABEL = 40
_REMARK = re.compile(
    r"[*†‡§¹²³]|\(?\d\)|\[?\^|(?i:notes?|source|quelle|anmerkung|fuente|fonte|注|출처|자료|주)\b.{0,20}[:：]"
)


@dataclass(frozen=True, slots=True)
class Hints:
    """What a sheet tells about its heads: 0-based places of rows that end a head (the row above a frozen pane's edge,
    the head row of a filter or of a named table)."""

    last_head_rows: frozenset[int] = frozenset()
    # Whether an empty row may end a table. In a CSV file it doesn't.
    gaps_part: bool = True


def sheet_text(rows: Iterable[Row], size: int, hints: Hints = Hints()) -> str:
    """The text of a sheet or CSV file: light Markdown. Raises Fault if it is too long for a file of `size` bytes."""
    parts: list[str] = []
    length = 0
    for lines in _blocks(rows, hints, size):
        block = "\n".join(lines)
        length += len(block)
        check_length(length, size)
        parts.append(block)
    return "\n\n".join(filter(None, parts))


@dataclass(slots=True)
class _Table:
    """A table that grows row by row."""

    size: int  # of the file, in bytes
    head: int
    title: str
    rows: list[Row] = field(default_factory=list)
    columns: set[int] = field(default_factory=set)

    def add(self, rows: Sequence[Row]) -> None:
        self.rows.extend(rows)
        for columns, kinds in {(row.columns, row.kinds) for row in rows}:
            for column, kind in zip(columns, kinds, strict=True):
                if kind != COVERED:
                    self.columns.add(column)

    def lines(self) -> Iterator[str]:
        return table_lines(self._cells(), self.head, self.title)

    def _cells(self) -> Iterator[list[str]]:
        columns = tuple(sorted(self.columns))
        index = {column: number for number, column in enumerate(columns)}
        yield from _filled_right([row.spread(columns, index) for row in self.rows[: self.head]])
        length = 0
        for row in self.rows[self.head :]:
            cells = row.spread(columns, index)
            length += len(row.joined) + 2 * len(cells)
            check_length(length, self.size)
            yield cells


def _blocks(rows: Iterable[Row], hints: Hints, size: int) -> Iterator[Iterable[str]]:
    """The blocks in order, each as its lines."""
    lines: list[str] = []  # paragraphs that may be the title of the next table
    table: _Table | None = None
    held: list[Row] = []  # lines below the table, which may be labels of rows below them
    for region in _regions(rows, size):
        at = _first_table_row(region)
        if at is None:
            held.extend(region if table else [])
            lines.append("\n".join(map(_line, region)))
            continue
        if table and _continues(table, held + region, hints):
            table.add(held)
            lines = []
        else:
            if table:
                yield table.lines()
                table = None
            if at:
                lines.append("\n".join(map(_line, region[:at])))
            region = region[at:]
            if fields := _fields(region):
                yield from ([line] for line in lines)
                yield fields
                lines, held = [], []
                continue
            title = _title(lines)
            yield from ([line] for line in lines)
            table = _Table(size, _head_rows(region, hints), title)
            lines = []
        held = []
        body, remarks = _without_remarks(region)
        table.add(body)
        if remarks:
            yield table.lines()
            table = None
            yield from ([line] for line in remarks)
    if table:
        yield table.lines()
    yield from ([line] for line in lines)


def _regions(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """The runs of rows without an empty row between them."""
    region: list[Row] = []
    length = 0
    for row in rows:
        length += len(row.joined)
        check_length(length, size)
        if region and row.after_gap:
            yield region
            region = []
        region.append(row)
    if region:
        yield region


def _line(row: Row) -> str:
    return " ".join(" ".join(row.filled).split())


def _title(lines: list[str]) -> str:
    """The last paragraphs that are short enough for a title. They are taken out of `lines`."""
    title: list[str] = []
    while lines and max(map(len, lines[-1].split("\n"))) <= _TITLE_LINE:
        if sum(map(len, title)) + len(lines[-1]) > _TITLE:
            break
        title.insert(0, lines.pop())
    return "\n".join(title)


def _first_table_row(region: list[Row]) -> int | None:
    """The first row of a region that belongs to a table, below title lines; None if all are lines."""
    for index, row in enumerate(region):
        if len(row.filled) > 1 or (_is_group(row) and index + 1 < len(region) and len(region[index + 1].columns) > 1):
            return index
    return None


def _is_group(row: Row) -> bool:
    """Whether a row with a single cell is a part of a head: merged over several columns, but not the first one."""
    return row.columns[0] > 0 and COVERED in row.kinds


def _looks_like_data(row: Row) -> bool:
    return NUMBER in row.kinds.lower()


def _continues(table: _Table, region: list[Row], hints: Hints) -> bool:
    """Whether rows below an empty row go on with the table: they have no head of their own."""
    at = _first_table_row(region)
    if at is None or not all(column in table.columns for row in region[: at + 2] for column in row.columns):
        return False
    if any(row.place in hints.last_head_rows for row in region[: at + _MOST_HEAD_ROWS]):
        return False
    if any(len(row.joined) > _SHORT_LABEL or row.columns[0] != min(table.columns) for row in region[:at]):
        return False
    first = region[at]
    if not hints.gaps_part and not at:
        return _looks_like_data(first) or len(region) == 1 or not _looks_like_data(region[1])
    return _looks_like_data(first) and not first.kinds.isupper()


def _without_remarks(region: list[Row]) -> tuple[list[Row], list[str]]:
    """The rows, and the lines below them that are remarks on the table."""
    end = len(region)
    while end > 2 and len(region[end - 1].filled) == 1 and _is_remark(region[end - 1]):
        end -= 1
    return region[:end], [_line(row) for row in region[end:]]


def _is_remark(row: Row) -> bool:
    text = row.filled[0]
    return row.kinds[0].lower() == TEXT and (len(text) > _SHORT_LABEL or bool(_REMARK.match(text)))


def _fields(region: list[Row]) -> list[str]:
    """The lines of a region of labels that end with a colon, each with its entry."""
    if any(len(row.filled) > 2 or not row.texts[0].endswith((":", "：")) for row in region):
        return []
    return [written(Field(row.filled[0].rstrip("：").rstrip(), " ".join(row.filled[1:]))) for row in region]


def _head_rows(rows: Sequence[Row], hints: Hints) -> int:
    """The number of head rows of a table that begins with these rows."""
    first = rows[: _MOST_HEAD_ROWS + 1]
    for count, row in enumerate(first[:_MOST_HEAD_ROWS], 1):
        if _looks_like_data(row):
            break
        if row.place in hints.last_head_rows:
            return count
    count = _merged_head_rows(first) or _told_head_rows(first)
    if count == 1 and _is_headless(first):
        return 0
    return min(count, max(len(rows) - 1, 1))


def _is_headless(rows: Sequence[Row]) -> bool:
    """Whether the first row is like the second, with an amount in it."""
    if len(rows) < 2 or _looks_like_data(rows[0]) is False or any(kind.isupper() for kind in rows[0].kinds):
        return False
    return rows[0].columns == rows[1].columns and rows[0].kinds == rows[1].kinds


def _merged_head_rows(rows: Sequence[Row]) -> int:
    """The head rows that merged cells tell: a row with cells merged over columns stands over another head row. 0 if
    none tell it."""
    count = 0
    for index, row in enumerate(rows[: _MOST_HEAD_ROWS - 1]):
        if index + 1 >= len(rows) or _looks_like_data(row) or not _is_merged_across(row):
            break
        count = index + 2
    if count and _looks_like_data(rows[count - 1]):
        count -= 1
    if count < 2:
        return 0
    first, last, below = rows[0], rows[count - 1], rows[count : count + 1]
    covered_from_above = last.kinds[0] == COVERED or any(
        kind == COVERED and column in first.own_columns for column, kind in zip(last.columns, last.kinds, strict=True)
    )
    told = (
        any(map(_looks_like_data, below))
        or covered_from_above
        or min(first.columns) != min(last.columns)
        or (last.kinds.isupper() and not any(row.kinds.isupper() for row in below))
    )
    return count if told else 0


def _is_merged_across(row: Row) -> bool:
    """Whether a cell of the row covers cells at its right, but not the whole row."""
    texts, kinds = row.texts, row.kinds
    across = any(kinds[i] == COVERED and texts[i] == texts[i - 1] for i in range(1, len(kinds)))
    return across and (len(row.filled) > 1 or _is_group(row))


def _told_head_rows(rows: Sequence[Row]) -> int:
    """The head rows that types and bold print tell. Two, if a second row of labels or units stands over amounts."""
    if len(rows) < 3 or any(_looks_like_data(row) for row in rows[:2]) or not _looks_like_data(rows[2]):
        return 1
    first, second, third = rows[:3]
    amounts = [c for c, kind in zip(third.columns, third.kinds, strict=True) if kind.lower() == NUMBER]
    if sum(column in second.own_columns for column in amounts) < max(len(amounts) / 2, 1):
        return 1
    bold = first.kinds.isupper() and second.kinds.isupper() and not third.kinds.isupper()
    # The second row leaves the first column to the first row, or the first row has groups with gaps between them.
    is_lower = second.own_columns[0] > third.columns[0]
    has_groups = first.columns[0] > third.columns[0] or len(first.columns) <= first.columns[-1] - first.columns[0]
    return 2 if bold or is_lower or has_groups else 1


def _filled_right(head: list[list[str]]) -> list[list[str]]:
    """The head with groups filled over the columns at their right, where the row below repeats its labels: "2023" over
    Q1 and Q2, "2024" over Q1 and Q2."""
    width = max(map(len, head), default=0)
    for row in head:
        row.extend([""] * (width - len(row)))
    for upper, lower in itertools.pairwise(head):
        counts = Counter(filter(None, lower[1:]))
        if any(count > 1 for count in counts.values()):
            for index in range(2, width):
                if not upper[index] and lower[index]:
                    upper[index] = upper[index - 1]
    return head
