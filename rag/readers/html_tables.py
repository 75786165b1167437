"""The tables of an HTML page: rows and cells with their spans, heads, and tables that only lay out a page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from lxml import etree

from rag.readers.grids import Cell, table_blocks
from rag.text.blocks import Block, Field, Heading, Paragraph, Table, Tick

# A browser takes no more columns and rows for a cell.
_MOST_COLUMNS = 1000
_MOST_ROWS = 65_534
# The columns that all cells of a table cover together. Only a hostile file has more.
_MOST_COVERED = 1_000_000
# A cell with more characters is a part of the page, not of a table.
_LONGEST_CELL = 1500


@dataclass(slots=True)
class OpenCell:
    """A cell: its blocks, once it has ended, and what it covers. `rows` is 0 for all rows below."""

    is_head: bool
    rows: int
    columns: int
    blocks: Sequence[Block] = ()

    @property
    def is_simple(self) -> bool:
        """Whether it has one short text at most."""
        return not self.blocks or (len(self.blocks) == 1 and isinstance(self.blocks[0], Paragraph | Field))


@dataclass(slots=True)
class OpenRow:
    """A row: its cells, and the part of the table in which it stands: "thead", "tbody" or "tfoot"."""

    part: str
    cells: list[OpenCell] = field(default_factory=list)

    @property
    def is_head(self) -> bool:
        """Whether it belongs to the table's head if no row without a head is before it."""
        filled = [cell for cell in self.cells if cell.blocks]
        return bool(filled) and (self.part == "thead" or all(cell.is_head for cell in filled))


@dataclass(slots=True)
class OpenTable:
    """A table in the making."""

    for_layout: bool = False
    part: str = "tbody"
    title: Sequence[Block] = ()
    rows: list[OpenRow] = field(default_factory=list)
    covered: int = 0

    def add_row(self) -> None:
        """Begin a row."""
        self.rows.append(OpenRow(self.part))

    def add_cell(self, element: etree._Element, is_head: bool) -> OpenCell:
        """Begin a cell in the last row, with the spans that its element names."""
        if not self.rows:
            self.add_row()
        columns = min(max(_count(element.get("colspan") or element.get("aria-colspan"), 1), 1), _MOST_COLUMNS)
        rows = min(_count(element.get("rowspan") or element.get("aria-rowspan"), 1), _MOST_ROWS)
        self.covered += columns
        cell = OpenCell(is_head, rows, columns if self.covered <= _MOST_COVERED else 1)
        self.rows[-1].cells.append(cell)
        return cell


def blocks_of(table: OpenTable) -> list[Block]:
    """The blocks of a table that has ended."""
    rows = [row for row in table.rows if row.part != "tfoot" and row.cells]
    rows += [row for row in table.rows if row.part == "tfoot" and row.cells]
    title = [*table.title]
    if _is_layout(table, rows):
        return title + _laid_out(rows)
    if fields := _fields(rows):
        return title + fields
    width = max((sum(cell.columns for cell in row.cells) for row in rows), default=0)
    last: list[Block] = []
    while len(rows) > 1 and width > 1 and _is_line(rows[-1], width):
        last[:0] = rows.pop().cells[0].blocks
    head = 0
    while head < len(rows) - 1 and rows[head].is_head:
        head += 1
    blocks = table_blocks(_placed(rows), head)
    if blocks and isinstance(blocks[0], Table) and all(isinstance(block, Paragraph) for block in title):
        above = [block.text for block in title if isinstance(block, Paragraph)]
        first = blocks[0]
        blocks[0] = Table(first.rows, first.header_rows, "\n".join(filter(None, [*above, first.title])))
        title = []
    return [*title, *blocks, *last]


def _is_layout(table: OpenTable, rows: Sequence[OpenRow]) -> bool:
    """Whether a table only puts parts of the page side by side or below each other."""
    if table.for_layout:
        return True
    if table.title or any(cell.is_head for row in rows for cell in row.cells):
        return False
    if all(len(row.cells) == 1 for row in rows):
        return True
    return any(
        isinstance(block, Table | Heading) or len(getattr(block, "text", "")) > _LONGEST_CELL
        for row in rows
        for cell in row.cells
        for block in cell.blocks
    )


def _laid_out(rows: Sequence[OpenRow]) -> list[Block]:
    """The blocks of all cells. Rows of short texts stay rows."""
    blocks: list[Block] = []
    together: list[OpenRow] = []
    for row in [*rows, OpenRow("")]:
        if len([cell for cell in row.cells if cell.blocks]) > 1 and all(cell.is_simple for cell in row.cells):
            together.append(row)
            continue
        if len(together) == 1:
            blocks += [block for cell in together[0].cells for block in cell.blocks]
        elif together:
            blocks += table_blocks(_placed(together))
        together = []
        blocks += [block for cell in row.cells for block in cell.blocks]
    return blocks


def _fields(rows: Sequence[OpenRow]) -> list[Block]:
    """The rows of a table whose first column names what the second one has, as fields; none for any other table."""
    blocks: list[Block] = []
    count = 0
    # In a form the second column has the entries.
    is_form = any(len(row.cells) == 2 and any(isinstance(b, Field | Tick) for b in row.cells[1].blocks) for row in rows)
    for row in rows:
        match row.cells:
            case [OpenCell(rows=1) as name, OpenCell(is_head=False) as value] if name.is_simple and (
                name.is_head or is_form
            ):
                label = " ".join(block.text for block in name.blocks if isinstance(block, Paragraph))
                match value.blocks:
                    case [Paragraph(text)] | [Field("", text)]:
                        blocks.append(Field(label, text))
                    case [Tick("", ticked)]:
                        blocks.append(Tick(label, ticked))
                    case []:
                        continue
                    case _:
                        blocks += [Paragraph(label), *value.blocks]
                count += 1
            case [OpenCell(columns=2) as only]:
                blocks += only.blocks
            case _:
                return []
    return blocks if count else []


def _is_line(row: OpenRow, width: int) -> bool:
    return len(row.cells) == 1 and row.cells[0].columns >= width and not row.is_head


def _placed(rows: Sequence[OpenRow]) -> list[Cell]:
    """The cells at their places: a cell that reaches down from a row above takes its columns."""
    cells: list[Cell] = []
    taken: list[int] = []  # for each column, the first row that is free again
    for number, row in enumerate(rows):
        column = 0
        for cell in row.cells:
            while column < len(taken) and taken[column] > number:
                column += 1
            high = min(cell.rows or len(rows), len(rows) - number)
            cells.append(Cell(number, column, cell.blocks, high, cell.columns))
            end = column + cell.columns
            if high > 1:
                taken += [0] * (end - len(taken))
                taken[column:end] = [number + high] * cell.columns
            column = end
    return cells


def _count(text: str | None, otherwise: int) -> int:
    match = re.match(r"\s*(\d{1,6})", text or "")
    return int(match[1]) if match else otherwise
