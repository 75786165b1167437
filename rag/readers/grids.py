"""Tables with merged cells: puts each cell's text into every cell that it covers, and finds the head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.readers.faults import Fault, Kind
from rag.text.blocks import Block, Code, Heading, Item, Paragraph, Table, written

# Cells of a table, and characters that merged cells add by being repeated. Only a hostile file has more.
_MOST_CELLS = 2_000_000
_MOST_REPEATED = 4_000_000
# The most columns that one cell covers: more than any program draws.
_MOST_COLUMNS = 1024


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell with its blocks, its 0-based place, and the rows and columns that it covers."""

    row: int
    column: int
    blocks: Sequence[Block]
    rows: int = 1
    columns: int = 1


def table_blocks(cells: Sequence[Cell], header_rows: int = 0) -> list[Block]:
    """The table of the cells, and after it the tables that were within its cells. `header_rows` is 0 if the document
    doesn't say which rows are the head.

    A table of one cell is a frame around text, as is a row in which one cell has text: its blocks are returned. A row
    with gaps is a paragraph. Raises Fault if the table is too large.
    """
    cells = [cell for cell in cells if cell.row >= 0 and cell.column >= 0]
    if not cells:
        return []
    if all(cell.row == cells[0].row for cell in cells) and sum(bool(cell.blocks) for cell in cells) <= 1:
        return [block for cell in cells for block in cell.blocks]
    rows, inner = _filled(cells)
    if len(rows) == 1 and not inner and any(not text.strip() for text in rows[0]):
        # A banner, such as a number and a heading with a gap between them.
        return [Paragraph(" ".join(" ".join(rows[0]).split()))]
    title = ""
    first = [cell for cell in cells if cell.row == 0]
    if len(first) == 1 and first[0].columns > 1 and first[0].columns >= len(rows[0]) and first[0].rows == 1:
        # One cell over all columns is the table's title.
        title, rows = rows[0][0], rows[1:]
        cells = [Cell(c.row - 1, c.column, c.blocks, c.rows, c.columns) for c in cells if c.row]
        header_rows = max(header_rows - 1, 0)
    return [Table(rows, header_rows or _head(cells, rows), title), *inner]


def _filled(cells: Sequence[Cell]) -> tuple[list[list[str]], list[Block]]:
    rows: list[list[str]] = []
    inner: list[Block] = []
    count = repeated = 0
    last = max(cell.row for cell in cells)
    for cell in cells:
        text, tables = _cell_text(cell.blocks)
        inner += tables
        high, wide = min(max(cell.rows, 1), last + 1 - cell.row), min(max(cell.columns, 1), _MOST_COLUMNS)
        covered = high * wide
        repeated += len(text) * (covered - 1)
        shown = text if repeated <= _MOST_REPEATED else ""
        for row in range(cell.row, cell.row + high):
            if row >= len(rows):
                count += row + 1 - len(rows)
                _check(count)
                rows += [[] for _ in range(row + 1 - len(rows))]
            line = rows[row]
            width = cell.column + wide
            if len(line) < width:
                count += width - len(line)
                _check(count)
                line += [""] * (width - len(line))
            line[cell.column : width] = [shown] * wide
        rows[cell.row][cell.column] = text
    return rows, inner


def _check(count: int) -> None:
    if count > _MOST_CELLS:
        raise Fault(Kind.TOO_LARGE, f"a table in it has more than {_MOST_CELLS // 10**6} million cells")


def _cell_text(blocks: Sequence[Block]) -> tuple[str, list[Block]]:
    """The text of a cell, and the tables within it."""
    texts: list[str] = []
    tables: list[Block] = []
    for block in blocks:
        match block:
            case Table():
                tables.append(block)
            case Heading(text) | Paragraph(text):
                texts.append(text)
            case Code(text):
                texts.append(text)
            case Item(text, "-"):
                texts.append(text)
            case _:
                texts.append(written(block))
    return "\n".join(text for text in texts if text.strip()), tables


def _head(cells: Sequence[Cell], rows: Sequence[Sequence[str]]) -> int:
    """The rows of the head, by the merged cells in the first row: "2023" over "Q1" and "Q2", beside "Region" over both
    rows."""
    first = [cell for cell in cells if cell.row == 0]
    most = len(rows) - 1
    if not first or most < 1:
        return 1
    tallest, lowest = max(cell.rows for cell in first), min(cell.rows for cell in first)
    if any(cell.columns > 1 for cell in first):
        if tallest > 1:
            return max(1, min(tallest, most, 4))
        # Group heads have no label beside them, or there are several of them; their columns' heads aren't figures, and
        # figures come next.
        is_group = not rows[0][0].strip() or sum(cell.columns > 1 for cell in first) > 1
        second = [text for text in rows[1] if text.strip()]
        is_head = is_group and bool(second) and not any(map(_is_figure, second))
        return 2 if is_head and most > 1 and any(map(_is_figure, rows[2])) else 1
    return max(1, min(lowest, most, 4))


def _is_figure(text: str) -> bool:
    """Whether a cell holds an amount, and not a year or a name such as "Q1"."""
    digits = sum(char.isdigit() for char in text)
    letters = sum(char.isalpha() for char in text)
    is_year = text.strip().isdigit() and len(text.strip()) == 4 and text.strip()[:2] in ("19", "20")
    return digits > letters and not is_year
