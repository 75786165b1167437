"""Tables with merged cells, whatever the format: their cells, heads and titles."""

from __future__ import annotations

import pytest

from rag.readers.faults import Fault
from rag.readers.grids import Cell, table_blocks
from rag.text.blocks import Block, Item, Paragraph, Table, page_text


def cells(*rows: str) -> list[Cell]:
    """Cells of rows such as "a|b*2|c/2": b covers two columns, and c two rows. A cell that is covered is "^"."""
    made: list[Cell] = []
    for row, line in enumerate(rows):
        column = 0
        for text in line.split("|"):
            name, _, wide = text.partition("*")
            name, _, high = name.partition("/")
            blocks: list[Block] = [Paragraph(name)] if name else []
            if name != "^":
                made.append(Cell(row, column, blocks, int(high or 1), int(wide or 1)))
            column += int(wide or 1)
    return made


def lines(*rows: str, header_rows: int = 0) -> list[str]:
    return page_text(table_blocks(cells(*rows), header_rows)).split("\n")


def test_a_merged_cell_is_in_each_cell_that_it_covers() -> None:
    assert lines("a|b|c", "x/2|1*2", "^|2|3")[2:] == ["| x | 1 | 1 |", "| x | 2 | 3 |"]


@pytest.mark.parametrize(
    ("rows", "head"),
    [
        (("Region/2|2023*2", "^|Q1|Q2", "North|7|8"), "| Region | 2023 Q1 | 2023 Q2 |"),
        (
            ("|2023*2|2024*2", "Region|Q1|Q2|Q1|Q2", "North|7|8|9|10"),
            "| Region | 2023 Q1 | 2023 Q2 | 2024 Q1 | 2024 Q2 |",
        ),
        (("Name|Part*2", "Ann|press|lathe", "Bob|saw|drill"), "| Name | Part | Part |"),
        (("East/2|Day", "^|Night"), "| East | Day |"),
    ],
)
def test_the_head_is_told_by_its_merged_cells(rows: tuple[str, ...], head: str) -> None:
    assert lines(*rows)[0] == head


def test_a_row_of_one_cell_at_the_top_is_the_title() -> None:
    assert lines("Sales in tons*2", "Region|2023", "North|7") == [
        "Sales in tons",
        "",
        "| Region | 2023 |",
        "| --- | --- |",
        "| North | 7 |",
    ]


def test_a_frame_around_text_is_no_table() -> None:
    assert table_blocks([Cell(0, 0, [Item("a", "1.")])]) == [Item("a", "1.")]
    assert table_blocks(cells("|Title|")) == [Paragraph("Title")]
    assert table_blocks(cells("3||Roads and bridges")) == [Paragraph("3 Roads and bridges")]
    assert table_blocks([]) == []


def test_a_table_that_is_too_large_is_refused_and_long_texts_are_not_repeated_without_end() -> None:
    with pytest.raises(Fault):
        table_blocks([Cell(row, 60_000, [Paragraph("x")]) for row in range(100)])
    tall = [
        Cell(0, 0, [Paragraph("word " * 10_000)], rows=9_000),
        *(Cell(row, 1, [Paragraph("9")]) for row in range(9_000)),
    ]
    (table,) = table_blocks(tall)
    assert isinstance(table, Table)
    assert sum(len(row[0]) for row in table.rows) < 5_000_000
