"""Rows of a sheet → its blocks: tables with their titles and heads, lines between them, and labelled fields.

A sheet doesn't say where its tables are. That is told by empty rows and columns, and by rows with a single text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from rag.readers.faults import check_length
from rag.readers.sheet_heads import MOST_HEAD_ROWS, Hints, filled_right, head_rows, is_group, looks_like_data
from rag.readers.sheet_rows import COVERED, TEXT, Row, Rows
from rag.text.blocks import Field, table_lines, written

# A table with so many columns is wide. The rows by which the width of a table is told.
_WIDE = 4
_ROWS_LOOKED_AT = 20
# The most characters of a line that is taken for the title of a table below it, and of all lines of a title.
_TITLE_LINE = 150
_TITLE = 400
# A line below a table with more characters is a remark on the table, no row of it.
_SHORT_LABEL = 40
_REMARK = re.compile(
    r"[*†‡§¹²³]|\(?\d\)|\[?\^|(?i:notes?|source|quelle|anmerkung|fuente|fonte|注|출처|자료|주)\b.{0,20}[:：]"
)


def sheet_text(rows: Iterable[Row], size: int, hints: Hints) -> str:
    """The text of a sheet or CSV file as light Markdown. Raises Fault if it is too long for a file of `size` bytes."""
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
        yield from filled_right([row.spread(columns, index) for row in self.rows[: self.head]])
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
            if parts := _side_by_side(region, hints):
                yield from ([line] for line in [title] if line)
                yield from (_whole_table(part, hints, size).lines() for part in parts)
                lines, held = [], []
                continue
            table = _Table(size, head_rows(region, hints), title)
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


def _whole_table(region: list[Row], hints: Hints, size: int) -> _Table:
    table = _Table(size, head_rows(region, hints), "")
    table.add(region)
    return table


def _side_by_side(region: list[Row], hints: Hints) -> list[list[Row]]:
    """The tables that stand side by side in a region, with an empty column between them; [] if it is one table.

    Each has at least two columns, labels in its first row, and texts in its first column. An empty column within a
    table, as before each year of a statement, parts nothing.
    """
    columns = sorted({column for row in region for column in row.columns})
    starts = [0] + [
        number
        for number in range(1, len(columns))
        if any(not _is_hidden(hints, gap) for gap in range(columns[number - 1] + 1, columns[number])[:_WIDE])
    ]
    groups = [columns[begin:end] for begin, end in zip(starts, [*starts[1:], len(columns)], strict=True)]
    if len(groups) < 2 or any(len(group) < 2 for group in groups):
        return []
    make = Rows()
    parts: list[list[Row]] = []
    for group in groups:
        first, last = group[0], group[-1]
        part: list[Row] = []
        for row in region:
            cells = zip(row.columns, row.kinds, row.texts, strict=True)
            if taken := make.row(row.place, False, [cell for cell in cells if first <= cell[0] <= last]):
                part.append(taken)
        labels = [row.kinds[0].lower() == TEXT and row.columns[0] == first for row in part]
        if len(part) < 2 or len(part[0].columns) < len(group) or set(part[0].kinds.lower()) != {TEXT}:
            return []
        if sum(labels) < 0.8 * len(labels):
            return []
        parts.append(part)
    return parts


def _is_hidden(hints: Hints, column: int) -> bool:
    return column < len(hints.hidden) and bool(hints.hidden[column])


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
    filled = row.filled
    if len(filled) == 2 and filled[0].endswith((":", "：")):
        return written(Field(filled[0].rstrip("："), filled[1]))
    return " ".join(", ".join(filled).split())


def _title(lines: list[str]) -> str:
    """The last paragraphs that are short enough for a title. They are taken out of `lines`."""
    title: list[str] = []
    while lines and max(map(len, lines[-1].split("\n"))) <= _TITLE_LINE and not _is_sentence(lines[-1]):
        if sum(map(len, title)) + len(lines[-1]) > _TITLE:
            break
        title.insert(0, lines.pop())
    return "\n".join(title)


def _is_sentence(text: str) -> bool:
    return text[-1:] in ".!?。" and len(text) > _SHORT_LABEL


def _first_table_row(region: list[Row]) -> int | None:
    """The first row of a region that belongs to a table, below title lines; None if all are lines.

    Above a wide table, a row of two cells is a label with its entry, no row of the table.
    """
    widths = Counter(len(row.columns) for row in region[:_ROWS_LOOKED_AT])
    is_wide = max(widths, key=lambda width: widths[width]) >= _WIDE
    for index, row in enumerate(region):
        is_pair = len(row.columns) == 2 and row.columns[1] == row.columns[0] + 1 and row.kinds[0].lower() == TEXT
        if is_pair and (is_wide or _begins_with_head(region[index + 1 :])):
            continue
        if len(row.filled) > 1 or (is_group(row) and index + 1 < len(region) and len(region[index + 1].columns) > 1):
            return index
    return None


def _begins_with_head(rows: Sequence[Row]) -> bool:
    """Whether the first of these rows is a head of at least three labels over amounts."""
    if len(rows) < 2 or len(rows[0].own_columns) < _WIDE - 1:
        return False
    return not looks_like_data(rows[0]) and looks_like_data(rows[1]) and rows[0].own_columns[0] == rows[1].columns[0]


def _continues(table: _Table, region: list[Row], hints: Hints) -> bool:
    """Whether rows below an empty row go on with the table: they have no head of their own."""
    at = _first_table_row(region)
    if at is None or not all(column in table.columns for row in region[: at + 2] for column in row.columns):
        return False
    if any(row.place in hints.last_head_rows for row in region[: at + MOST_HEAD_ROWS]):
        return False
    if any(len(row.joined) > _SHORT_LABEL or row.columns[0] != min(table.columns) for row in region[:at]):
        return False
    first = region[at]
    if not hints.gaps_part and not at:
        return looks_like_data(first) or len(region) == 1 or not looks_like_data(region[1])
    return looks_like_data(first) and not first.kinds.isupper()


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
