"""The tables of a Word document: rows and cells, with merged cells and header rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from lxml import etree

from rag.readers.docx_styles import W, switch, value
from rag.readers.grids import Cell, table_blocks
from rag.text.blocks import Block

# The most columns of a Word table.
_MOST_COLUMNS = 63
_WRAPPERS = frozenset({"sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag", "AlternateContent", "Choice"})


def word_table(table: etree._Element, blocks_of: Callable[[etree._Element], list[Block]]) -> list[Block]:
    """The blocks of a table (`w:tbl`). `blocks_of` reads the paragraphs of a cell."""
    cells: list[Cell] = []
    open_cells: dict[int, int] = {}  # column → place in `cells` of the merged cell that goes on below
    header_rows = row_number = 0
    for row in inside(table, "tr"):
        properties = row.find(f"{W}trPr")
        if properties is not None:
            if properties.find(f"{W}del") is not None or switch(properties, "hidden"):
                continue
            if switch(properties, "tblHeader") and header_rows == row_number:
                header_rows += 1
        column = min(_count(value(properties, "gridBefore"), 0), _MOST_COLUMNS)
        for cell in inside(row, "tc"):
            of_cell = cell.find(f"{W}tcPr")
            if of_cell is not None and of_cell.find(f"{W}cellDel") is not None:
                continue
            wide = min(_count(value(of_cell, "gridSpan"), 1), _MOST_COLUMNS)
            merge = None if of_cell is None else of_cell.find(f"{W}vMerge")
            goes_on = merge is not None and merge.get(f"{W}val", "continue") != "restart"
            blocks = blocks_of(cell)
            above = open_cells.get(column)
            if goes_on and above is not None:
                cells[above] = replace(cells[above], rows=row_number + 1 - cells[above].row)
            else:
                open_cells.pop(column, None)
                if merge is not None:
                    open_cells[column] = len(cells)
                cells.append(Cell(row_number, column, blocks, 1, wide))
            column += wide
        row_number += 1
    return table_blocks(cells, header_rows if header_rows < row_number else 0)


def inside(parent: etree._Element, name: str) -> Iterator[etree._Element]:
    """The rows of a table or the cells of a row, those in content controls and insertions too."""
    for child in parent:
        if not isinstance(child.tag, str):
            continue
        child_name = etree.QName(child).localname
        if child_name == name:
            yield child
        elif child_name in _WRAPPERS:
            yield from inside(child, name)


def _count(text: str | None, otherwise: int) -> int:
    return max(int(text), otherwise) if text is not None and re.fullmatch(r"\d{1,6}", text) else otherwise
