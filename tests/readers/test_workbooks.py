"""Excel workbooks as Excel shows them: number formats, merged cells, heads, hidden parts, comments."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
import xlsxwriter

from rag.readers.notices import collecting
from rag.readers.read import read
from tests.readers.test_bombs import xlsx as bare_workbook
from tests.readers.test_read import packed


def workbook(build: Callable[[Any, Any], None]) -> str:
    """The text of the only sheet that `build` fills."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target)
    sheet = book.add_worksheet("S")
    build(book, sheet)
    book.close()
    (page,) = read("a.xlsx", target.getvalue())
    return page.text.removeprefix("# S\n\n")


def fill(sheet: Any, *rows: list[Any], at: int = 0) -> None:
    for number, row in enumerate(rows, at):
        for column, value in enumerate(row):
            if value is not None:
                sheet.write(number, column, value)


def test_cells_of_a_workbook_have_their_formats() -> None:
    def build(book: Any, sheet: Any) -> None:
        fill(sheet, ["Product", "Margin", "Code"], ["Bench"])
        sheet.write(1, 1, 0.312, book.add_format({"num_format": "0.0%"}))
        sheet.write(1, 2, 42, book.add_format({"num_format": "0000"}))

    assert workbook(build).endswith("| Bench | 31.2% | 0042 |")


def test_a_formula_without_a_value_and_an_error_are_shown() -> None:
    rows = '<row r="1"><c r="A1" t="inlineStr"><is><t>Total</t></is></c><c r="B1"><f>SUM(B2:B3)</f></c></row>'
    rows += (
        '<row r="2"><c r="A2"><v>7</v></c><c r="B2" t="e"><v>#DIV/0!</v></c><c r="C2" t="str"><f>A1</f><v/></c></row>'
    )
    with collecting() as notices:
        (page,) = read("a.xlsx", bare_workbook(f"<sheetData>{rows}</sheetData>"))
    assert page.text == "# S0\n\n| Total | =SUM(B2:B3) |\n| --- | --- |\n| 7 | #DIV/0! |"
    assert len(notices) == 1 and "S0" in notices[0]


def test_a_number_beyond_all_limits_and_a_text_that_isnt_there_lose_no_other_cell() -> None:
    row = '<row r="1"><c r="A1"><v>1e999</v></c><c r="B1" t="s"><v>99</v></c><c r="C1"><v>x7</v></c></row>'
    (page,) = read("a.xlsx", bare_workbook(f"<sheetData>{row}</sheetData>"))
    assert page.text == "# S0\n\n| inf | x7 |\n| --- | --- |"


def test_a_formula_that_its_program_couldnt_compute_is_shown() -> None:
    def build(book: Any, sheet: Any) -> None:
        fill(sheet, ["Item", "Amount"], ["Wages", 1200])
        sheet.write_row(2, 0, ["Total", "=SUM(B2:B2)"])
        sheet.write_formula(3, 1, "=B2*2", None, 2400)

    assert workbook(build).endswith("| Total | =SUM(B2:B2) |\n|  | 2400 |")


def test_hidden_sheets_rows_and_columns_are_left_out() -> None:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target)
    sheets = [book.add_worksheet(name) for name in ("Prices", "Scratch", "Vault", "Last")]
    for sheet in sheets:
        fill(sheet, ["Article", "Cost", "Price"], ["Kettle", 21, 49], ["Toaster", 18, 39], ["Blender", 30, 79])
    sheets[0].set_column("B:B", None, None, {"hidden": True, "level": 1})
    sheets[0].set_row(2, None, None, {"hidden": True})
    sheets[1].hide()
    sheets[2].very_hidden()
    book.close()
    pages = read("a.xlsx", target.getvalue())
    assert [page.number for page in pages] == [1, 4]
    assert pages[0].text == "# Prices\n\n| Article | Price |\n| --- | --- |\n| Kettle | 49 |\n| Blender | 79 |"


def test_merged_cells_are_filled_into_each_cell_that_they_cover() -> None:
    def build(book: Any, sheet: Any) -> None:
        fill(sheet, ["Region", "Branch", "Staff"], [None, "Lyon", 22], [None, "Nice", 9], ["North", "Lille", 17])
        sheet.merge_range("A2:A3", "South")

    assert workbook(build).endswith("| South | Lyon | 22 |\n| South | Nice | 9 |\n| North | Lille | 17 |")


def test_a_merged_cell_is_read_where_its_first_column_is_hidden() -> None:
    def build(book: Any, sheet: Any) -> None:
        fill(sheet, [None, None, "Staff"], ["x", "Lyon", 22])
        sheet.merge_range("A1:B1", "Branch")
        sheet.set_column("A:A", None, None, {"hidden": True})

    assert workbook(build) == "| Branch | Staff |\n| --- | --- |\n| Lyon | 22 |"


def test_two_head_rows_are_told_by_merged_cells() -> None:
    def build(book: Any, sheet: Any) -> None:
        fill(sheet, [], ["Depot", "Q1", "Q2", "Q1", "Q2"], ["Porto", 120, 99, 134, 160])
        sheet.merge_range("B1:C1", 2023)
        sheet.merge_range("D1:E1", 2024)

    assert workbook(build).startswith("| Depot | 2023 Q1 | 2023 Q2 | 2024 Q1 | 2024 Q2 |\n| --- |")


def test_two_head_rows_are_told_by_gaps_between_groups() -> None:
    def build(book: Any, sheet: Any) -> None:
        fill(sheet, [None, 2023, None, 2024], ["Depot", "Q1", "Q2", "Q1", "Q2"], ["Porto", 120, 99, 134, 160])

    assert workbook(build).startswith("| Depot | 2023 Q1 | 2023 Q2 | 2024 Q1 | 2024 Q2 |\n| --- |")


def test_a_head_of_three_rows_stands_over_labels_of_sections() -> None:
    def build(book: Any, sheet: Any) -> None:
        fill(sheet, [], [None, "2024", "2023", "2024", "2023"], [None, "kEUR", "kEUR", "kEUR", "kEUR"], ["Revenue:"])
        fill(sheet, ["Products", 5, 4, 15, 12], at=4)
        sheet.merge_range("B1:C1", "Quarter")
        sheet.merge_range("D1:E1", "Nine months")

    text = workbook(build)
    assert text.startswith("|  | Quarter 2024 kEUR | Quarter 2023 kEUR | Nine months 2024 kEUR |")
    assert text.endswith("| Revenue: |  |  |  |  |\n| Products | 5 | 4 | 15 | 12 |")


def test_a_row_of_units_belongs_to_the_head() -> None:
    def build(book: Any, sheet: Any) -> None:
        fill(sheet, ["Part", "Weight", "Price"], [None, "kg", "EUR"], ["Bolt", 2, 3], ["Nut", 1, 4])

    assert workbook(build).startswith("| Part | Weight kg | Price EUR |\n| --- |")


@pytest.mark.parametrize("mark", ["filter", "panes", "table"])
def test_two_head_rows_are_told_by_a_filter_frozen_panes_or_a_named_table(mark: str) -> None:
    def build(book: Any, sheet: Any) -> None:
        fill(sheet, ["Who", "Where"], ["Name", "City"], ["Ann", "Graz"], ["Bo", "Brno"])
        if mark == "filter":
            sheet.autofilter("A2:B4")
        elif mark == "panes":
            sheet.freeze_panes(2, 0)
        else:
            sheet.add_table("A2:B4", {"columns": [{"header": "Name"}, {"header": "City"}]})

    assert workbook(build).startswith("| Who Name | Where City |\n| --- |")


def test_a_first_row_of_labels_over_labels_is_the_only_head_row() -> None:
    def build(book: Any, sheet: Any) -> None:
        fill(sheet, ["Part", "Price"], ["Lamp", "on request"], ["Chair", 5])

    assert workbook(build).startswith("| Part | Price |\n| --- | --- |\n| Lamp | on request |")


def test_amounts_are_no_head() -> None:
    def build(book: Any, sheet: Any) -> None:
        fill(sheet, ["Bolt", 12, 0.5], ["Nut", 40, 0.25])

    assert workbook(build) == "|  |  |  |\n| --- | --- | --- |\n| Bolt | 12 | 0.5 |\n| Nut | 40 | 0.25 |"


def test_title_and_units_stand_above_their_table_and_remarks_below_it() -> None:
    def build(book: Any, sheet: Any) -> None:
        fill(
            sheet, ["Balance sheet"], ["in thousands of EUR"], [], ["Item", 2023, 2024], ["Cash", 5, 6], ["Debt", 7, 8]
        )
        fill(sheet, ["* Debt without leases"], at=6)

    table = "| Item | 2023 | 2024 |\n| --- | --- | --- |\n| Cash | 5 | 6 |\n| Debt | 7 | 8 |"
    assert workbook(build) == f"Balance sheet\nin thousands of EUR\n\n{table}\n\n* Debt without leases"


def test_a_table_goes_on_below_an_empty_row_and_a_label() -> None:
    def build(book: Any, sheet: Any) -> None:
        fill(sheet, ["Item", 2023, 2024], ["Cash", 5, 6], [], ["Liabilities"], ["Debt", 7, 8])

    assert workbook(build).endswith("| Cash | 5 | 6 |\n| Liabilities |  |  |\n| Debt | 7 | 8 |")


def test_a_second_table_has_its_own_head() -> None:
    def build(book: Any, sheet: Any) -> None:
        fill(sheet, ["Item", "Price"], ["Pen", 5], [], ["Staff"], ["Name", "Desk"], ["Ann", 7])

    _, title, second = workbook(build).split("\n\n")
    assert (title, second) == ("Staff", "| Name | Desk |\n| --- | --- |\n| Ann | 7 |")


def test_tables_side_by_side_are_two_tables() -> None:
    def build(book: Any, sheet: Any) -> None:
        fill(sheet, ["Item", "Price", None, "Name", "Desk"], ["Pen", 5, None, "Ann", 7], ["Ink", 6, None, "Bo", 8])

    first, second = workbook(build).split("\n\n")
    assert first == "| Item | Price |\n| --- | --- |\n| Pen | 5 |\n| Ink | 6 |"
    assert second == "| Name | Desk |\n| --- | --- |\n| Ann | 7 |\n| Bo | 8 |"


def test_an_empty_column_before_amounts_parts_no_table() -> None:
    def build(book: Any, sheet: Any) -> None:
        fill(sheet, ["Item", "Note", None, 2023, 2024], ["Cash", "a", None, 5, 6], ["Debt", "b", None, 7, 8])

    assert workbook(build).endswith("| Cash | a | 5 | 6 |\n| Debt | b | 7 | 8 |")


def test_labels_with_entries_above_a_wide_table_are_its_title() -> None:
    def build(book: Any, sheet: Any) -> None:
        fill(sheet, ["Account", "DE12"], ["Day", "Payee", "Purpose", "Amount"], ["1 May", "Ann", "Rent", 700])
        fill(sheet, ["2 May", "Bo", "Food", 20], at=3)

    assert workbook(build).startswith("Account, DE12\n\n| Day | Payee | Purpose | Amount |\n| --- |")


def test_labels_with_colons_are_fields() -> None:
    def build(book: Any, sheet: Any) -> None:
        fill(sheet, ["Client:", "Acme"], ["Period:", 2024], [], ["Item", "Hours"], ["Plan", 7])

    assert workbook(build).startswith("Client: Acme\nPeriod: 2024\n\n| Item | Hours |")


def test_struck_text_and_raised_figures_are_marked() -> None:
    def build(book: Any, sheet: Any) -> None:
        raised, struck = book.add_format({"font_script": 1}), book.add_format({"font_strikeout": True})
        fill(sheet, ["Item", "Value"])
        sheet.write_rich_string(1, 0, "Turnover", raised, "1")
        sheet.write_rich_string(1, 1, "10", raised, "6", " units ", struck, "sold")
        sheet.write(2, 0, "Old offer", struck)

    assert workbook(build).endswith("| Turnover[^1] | 10^6 units ~~sold~~ |\n| ~~Old offer~~ |  |")


def test_a_comment_stands_at_its_cell() -> None:
    def build(book: Any, sheet: Any) -> None:
        fill(sheet, ["Item", "Price"], ["Pen", 5])
        sheet.write_comment("B2", "until May", {"author": "Anna"})
        sheet.write_comment("A9", "below all", {"author": "Anna"})

    assert workbook(build).endswith("| Pen | 5; Comment (Anna): until May |\n\nComment (Anna): below all")


OFFICE = "http://schemas.openxmlformats.org"


def package(sheet: str, prefix: str = "", **parts: str) -> bytes:
    """A workbook with one sheet. `parts` are the parts that the sheet names, by the word for their relation."""
    main = f"{OFFICE}/spreadsheetml/2006/main"
    space = f'xmlns{f":{prefix[:-1]}" if prefix else ""}="{main}"'
    links = "".join(
        f'<Relationship Id="r{number}" Type="{OFFICE}/{kind}" Target="../{kind}.xml"/>'
        for number, kind in enumerate(parts)
    )
    book = f'<workbook xmlns="{main}" xmlns:r="{OFFICE}/officeDocument/2006/relationships"><sheets>'
    relations = f'<Relationships xmlns="{OFFICE}/package/2006/relationships">'
    return packed(
        {
            "[Content_Types].xml": f'<Types xmlns="{OFFICE}/package/2006/content-types"/>',
            "xl/workbook.xml": f'{book}<sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'{relations}<Relationship Id="r1" Type="{OFFICE}/worksheet" '
            'Target="worksheets/sheet1.xml"/></Relationships>',
            "xl/worksheets/sheet1.xml": f"<{prefix}worksheet {space}>{sheet}</{prefix}worksheet>",
            "xl/worksheets/_rels/sheet1.xml.rels": f"{relations}{links}</Relationships>",
            **{f"xl/{kind}.xml": part for kind, part in parts.items()},
            "xl/persons/person.xml": '<personList><person displayName="Anna" id="{1}"/></personList>',
        }
    )


def inline(place: str, text: str, prefix: str = "") -> str:
    p = prefix
    return f'<{p}c r="{place}" t="inlineStr"><{p}is><{p}t>{text}</{p}t></{p}is></{p}c>'


def test_a_thread_of_comments_stands_at_its_cell_with_its_authors() -> None:
    sheet = f'<sheetData><row r="1">{inline("A1", "Item")}{inline("B1", "Price")}</row>'
    sheet += f'<row r="2">{inline("A2", "Pen")}<c r="B2"><v>5</v></c></row></sheetData>'
    thread = '<ThreadedComments><threadedComment ref="B2" personId="{1}"><text>Still so?</text></threadedComment>'
    thread += '<threadedComment ref="B2" personId="{2}"><text>Yes</text></threadedComment></ThreadedComments>'
    old = '<comments><authors><author>tc={9}</author></authors><commentList><comment ref="B2" authorId="0"><text>'
    old += "<t>[Threaded comment] Still so?</t></text></comment></commentList></comments>"
    (page,) = read("a.xlsx", package(sheet, threadedComment=thread, comments=old))
    assert page.text.endswith("| Pen | 5; Comment (Anna): Still so?; Comment: Yes |")


def test_a_workbook_whose_xml_has_prefixes_is_read() -> None:
    rows = f'<x:row r="1">{inline("A1", "Region", "x:")}{inline("B1", "Staff", "x:")}</x:row>'
    rows += f'<x:row r="2">{inline("A2", "South", "x:")}<x:c r="B2"><x:v>22</x:v></x:c></x:row>'
    rows += '<x:row r="3"><x:c r="B3"><x:v>9</x:v></x:c><x:c r="C3" t="s"><x:v>7</x:v></x:c></x:row>'
    merged = '<x:mergeCells><x:mergeCell ref="A2:A3"/></x:mergeCells>'
    (page,) = read("a.xlsx", package(f"<x:sheetData>{rows}</x:sheetData>{merged}", "x:"))
    assert page.text == "# S\n\n| Region | Staff |\n| --- | --- |\n| South | 22 |\n| South | 9 |"
