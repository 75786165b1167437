"""The tables of an RTF document: rows whose cells are told by their right edges, and merged cells."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rag.readers.grids import Cell, table_blocks
from rag.text.blocks import Block

# Twips by which the edges of a column may differ from row to row.
_TOLERANCE = 40
# With more columns than these, edges don't tell columns.
_MOST_COLUMNS = 128


@dataclass(frozen=True, slots=True)
class Edge:
    """A cell's right edge in twips, and how it is merged: "" or one of "clmgf", "clmrg", "clvmgf", "clvmrg"."""

    at: int
    merges: frozenset[str] = frozenset()


@dataclass(slots=True)
class Rows:
    """A table that is being read. `blocks` are the paragraphs of its open cell, `cells` those of its open row."""

    blocks: list[Block] = field(default_factory=list)
    cells: list[list[Block]] = field(default_factory=list)
    rows: list[tuple[list[list[Block]], tuple[Edge, ...], bool]] = field(default_factory=list)

    def end_cell(self) -> None:
        """The open cell is complete."""
        self.cells.append(self.blocks)
        self.blocks = []

    def end_row(self, edges: Sequence[Edge], is_head: bool) -> None:
        """The open row is complete."""
        if self.cells:
            self.rows.append((self.cells, tuple(edges), is_head))
            self.cells = []

    def table(self) -> list[Block]:
        """The blocks of the table."""
        self.end_row((), False)
        columns = _columns([edges for _, edges, _ in self.rows])
        cells: list[Cell] = []
        above: dict[int, int] = {}  # column → place in `cells` of the last cell in it
        header_rows = 0
        for number, (row, edges, is_head) in enumerate(self.rows):
            header_rows += is_head and header_rows == number
            has_edges = bool(columns) and len(edges) >= len(row)
            column = 0
            for index, blocks in enumerate(row):
                merges = edges[index].merges if index < len(edges) else frozenset()
                end = max(_place(columns, edges[index].at) + 1, column + 1) if has_edges else column + 1
                if "clmrg" in merges and cells and cells[-1].row == number:
                    cells[-1] = replace(cells[-1], columns=end - cells[-1].column)
                elif "clvmrg" in merges and column in above:
                    over = above[column]
                    cells[over] = replace(cells[over], rows=number + 1 - cells[over].row)
                else:
                    above[column] = len(cells)
                    cells.append(Cell(number, column, blocks, 1, end - column))
                column = end
        return [*table_blocks(cells, header_rows if header_rows < len(self.rows) else 0), *self.blocks]


def _columns(rows: Sequence[Sequence[Edge]]) -> list[int]:
    """The right edges of all columns; none if the rows have too many."""
    columns: list[int] = []
    for edge in sorted({edge.at for edges in rows for edge in edges}):
        if not columns or edge - columns[-1] > _TOLERANCE:
            columns.append(edge)
    return columns if len(columns) <= _MOST_COLUMNS else []


def _place(columns: Sequence[int], edge: int) -> int:
    """The column that ends at an edge."""
    at = bisect_left(columns, edge)
    return at - 1 if at and (at == len(columns) or edge - columns[at - 1] <= _TOLERANCE) else at
