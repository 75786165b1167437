"""CSV dialects: the sign between cells, titles, stray quotes, short rows."""

from __future__ import annotations

import pytest

from rag.readers.csv_tables import read_csv

TABLE = "| Filiale | Umsatz | Quote |\n| --- | --- | --- |\n| Bremen | 1.234,50 | 3,2 |\n| Kassel | 987,00 | 1,75 |"
ROWS = "Filiale;Umsatz;Quote\nBremen;1.234,50;3,2\nKassel;987,00;1,75\n"


@pytest.mark.parametrize(
    "text",
    [
        ROWS,
        f"\ufeff{ROWS}",
        f"sep=;\n{ROWS}",
        ROWS.replace("\nKassel", "\n\nKassel"),
        ROWS.replace(";", "\t"),
        f"sep=\\t\n{ROWS}".replace(";", "\t"),
        ROWS.replace("\n", "\r\n"),
    ],
)
def test_cells_end_at_the_sign_of_the_file(text: str) -> None:
    assert read_csv(text.encode()) == TABLE


def test_lines_above_the_head_are_the_title() -> None:
    assert read_csv(f"Umsatzbericht 2024\nin EUR;;\n\n{ROWS}".encode()) == f"Umsatzbericht 2024\nin EUR\n\n{TABLE}"


def test_a_title_may_have_the_sign_that_parts_cells() -> None:
    text = read_csv(b"Sales report, 2024\nRegion,Q1,Q2\nNorth,5,6\nSouth,7,8\n")
    assert (
        text == "Sales report, 2024\n\n| Region | Q1 | Q2 |\n| --- | --- | --- |\n| North | 5 | 6 |\n| South | 7 | 8 |"
    )


def test_a_short_row_keeps_its_columns() -> None:
    assert read_csv(f"{ROWS}Summe;2.221,50\n".encode()) == f"{TABLE}\n| Summe | 2.221,50 |  |"


def test_decimal_commas_part_no_cells() -> None:
    assert read_csv(b"1,5;2,5\n3,5;4,5\n").endswith("| 1,5 | 2,5 |\n| 3,5 | 4,5 |")


def test_signs_within_cells_part_no_cells() -> None:
    text = read_csv(b"name,type,values\nthreads,int,1;2;3\nmode,text,fast;slow;auto\n")
    assert text.endswith("| threads | int | 1;2;3 |\n| mode | text | fast;slow;auto |")


def test_quoted_cells_may_have_lines_quotes_and_bars() -> None:
    text = read_csv(b'id,note\n7,"First\nsecond ""urgent"" | bar"\n8,"a, b"\n')
    assert text.endswith('| 7 | First second "urgent" \\| bar |\n| 8 | a, b |')


def test_a_quote_that_isnt_closed_is_an_inch() -> None:
    text = read_csv(b'Part\tNote\nValve\t1/2"\nClamp\t"quoted\nHose\t5\' long\n')
    assert text.endswith('| Valve | 1/2" |\n| Clamp | "quoted |\n| Hose | 5\' long |')


def test_amounts_stay_as_they_are_written() -> None:
    text = read_csv(b'Account,2023,2024\n"Rent","12,34,567","(45,300)"\nInterest,1\'250.75,1 300.50\n')
    assert text.endswith("| Rent | 12,34,567 | (45,300) |\n| Interest | 1'250.75 | 1 300.50 |")


def test_a_row_of_units_belongs_to_the_head() -> None:
    assert read_csv(b"Part,Weight,Price\n,kg,EUR\nBolt,2,3\n").startswith("| Part | Weight kg | Price EUR |\n| --- |")


def test_lines_below_a_table_are_remarks() -> None:
    text = read_csv(b"Part,Price\nBolt,2\nNut,3\nSource: the price list of May 2024 without taxes\n")
    assert text.endswith("| Nut | 3 |\n\nSource: the price list of May 2024 without taxes")
