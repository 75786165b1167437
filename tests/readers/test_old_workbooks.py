"""Old Excel workbooks and OpenDocument spreadsheets: formats, merged cells, hidden parts, comments."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import xlwt

from rag.readers.read import read
from tests.readers.test_read import packed

HIDDEN = 'table:visibility="collapse"'


def xls(build: Callable[[Any], None]) -> bytes:
    book = xlwt.Workbook()
    build(book)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def fill(sheet: Any, *rows: list[Any]) -> None:
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            if value is not None:
                sheet.write(number, column, value)


def test_an_old_workbook_is_read_as_excel_shows_it() -> None:
    def build(book: Any) -> None:
        sheet = book.add_sheet("Prices")
        fill(sheet, ["Article", "Cost", "Margin", "Since"], ["Kettle", 21], ["Toaster", 18], ["Blender", 30])
        sheet.write(1, 2, 0.075, xlwt.easyxf(num_format_str="0.0%"))
        sheet.write(3, 2, 0.5, xlwt.easyxf(num_format_str="0.0%"))
        sheet.write(3, 3, 45356, xlwt.easyxf(num_format_str="dd/mm/yyyy"))
        sheet.col(1).hidden = True
        sheet.row(2).hidden = True
        book.add_sheet("Scratch").write(0, 0, "secret")
        book.get_sheet(1).visibility = 1
        book.add_sheet("Last").write(0, 0, "Just a line")

    pages = read("a.xls", xls(build))
    assert [page.number for page in pages] == [1, 3]
    head = "| Article | Margin | Since |\n| --- | --- | --- |"
    assert pages[0].text == f"# Prices\n\n{head}\n| Kettle | 7.5% |  |\n| Blender | 50.0% | 05/03/2024 |"


def test_an_old_workbook_has_its_merged_cells_and_struck_texts() -> None:
    def build(book: Any) -> None:
        sheet = book.add_sheet("S")
        fill(sheet, [], ["Depot", "Q1", "Q2", "Q1", "Q2"], ["Porto", 120, 99, 134, 160])
        sheet.write_merge(0, 0, 1, 2, 2023)
        sheet.write_merge(0, 0, 3, 4, 2024)
        raised, struck = xlwt.easyfont("escapement superscript"), xlwt.easyfont("struck_out on")
        sheet.write_rich_text(3, 0, ["Turnover", ("1", raised), " ", ("old", struck)])
        sheet.write(3, 1, 7)

    (page,) = read("a.xls", xls(build))
    assert page.text.startswith("# S\n\n| Depot | 2023 Q1 | 2023 Q2 | 2024 Q1 | 2024 Q2 |\n| --- |")
    assert page.text.endswith("| Turnover[^1] ~~old~~ | 7 |  |  |  |")


def test_a_web_page_that_is_named_xls_is_read_as_one() -> None:
    (page,) = read("a.xls", b"<html><body><table><tr><th>Item</th></tr><tr><td>Pen</td></tr></table></body></html>")
    assert page.text == "| Item |\n| --- |\n| Pen |"


def ods(*sheets: str, styles: str = "") -> bytes:
    names = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "text", "table", "style", "fo")
    )
    body = f"<office:body><office:spreadsheet>{''.join(sheets)}</office:spreadsheet></office:body>"
    content = f"<office:document-content {names} xmlns:dc='http://purl.org/dc/elements/1.1/'>"
    return packed(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": "<manifest/>",
            "styles.xml": f"<office:document-styles {names}/>",
            "content.xml": f"{content}<office:automatic-styles>{styles}</office:automatic-styles>{body}"
            "</office:document-content>",
        }
    )


def sheet(*rows: str, name: str = "S", columns: str = "", style: str = "") -> str:
    return f'<table:table table:name="{name}" table:style-name="{style}">{columns}{"".join(rows)}</table:table>'


def row(*cells: str, attributes: str = "") -> str:
    return f"<table:table-row {attributes}>{''.join(cells)}</table:table-row>"


def cell(text: str, attributes: str = "") -> str:
    return f"<table:table-cell {attributes}><text:p>{text}</text:p></table:table-cell>"


def number(value: float, text: str) -> str:
    return cell(text, f'office:value-type="float" office:value="{value}"')


def test_a_spreadsheet_has_its_cells_as_they_are_shown() -> None:
    rows = [
        row(cell("Article"), cell("Cost"), cell("Margin")),
        row(cell("Kettle"), number(21, "21"), number(0.075, "7,5 %")),
        row(cell("Toaster"), number(18, "18"), number(0.5, "50 %"), attributes=HIDDEN),
        row(cell("Blender"), number(30, "30"), '<table:table-cell office:value-type="float" office:value="0.25"/>'),
        row(
            '<table:table-cell table:number-columns-repeated="16384"/>',
            attributes='table:number-rows-repeated="999999"',
        ),
    ]
    columns = f"<table:table-column/><table:table-column {HIDDEN}/><table:table-column/>"
    hidden = '<style:style style:name="ta2" style:family="table"><style:table-properties table:display="false"/>'
    data = ods(
        sheet(row(cell("secret")), name="Vault", style="ta2"),
        sheet(*rows, name="Prices", columns=columns),
        styles=f"{hidden}</style:style>",
    )
    (page,) = read("a.ods", data)
    table = "| Article | Margin |\n| --- | --- |\n| Kettle | 7,5 % |\n| Blender | 0.25 |"
    assert (page.number, page.text) == (2, f"# Prices\n\n{table}")


def test_a_spreadsheet_has_its_merged_and_repeated_cells() -> None:
    covered = "<table:covered-table-cell/>"
    rows = [
        row(cell("Region"), cell("Branch"), cell("Staff")),
        row(cell("South", 'table:number-rows-spanned="2"'), cell("Lyon"), number(22, "22")),
        row(covered, cell("Nice"), number(9, "9")),
        row(cell("none", 'table:number-columns-repeated="2"'), number(1, "1")),
    ]
    (page,) = read("a.ods", ods(sheet(*rows)))
    assert page.text.endswith("| South | Lyon | 22 |\n| South | Nice | 9 |\n| none | none | 1 |")


def test_a_spreadsheet_has_its_comments_and_struck_texts() -> None:
    styles = (
        '<style:style style:name="T1" style:family="text">'
        '<style:text-properties style:text-line-through-style="solid"/></style:style>'
        '<style:style style:name="T2" style:family="text"><style:text-properties '
        'style:text-position="super 58%"/></style:style>'
    )
    note = "<office:annotation><dc:creator>Anna</dc:creator><dc:date>2024</dc:date><text:p>until May</text:p>"
    commented = f"<table:table-cell>{note}</office:annotation><text:p>Pen</text:p></table:table-cell>"
    raised = 'Turnover<text:span text:style-name="T2">1</text:span> <text:span text:style-name="T1">old</text:span>'
    rows = [row(cell("Item"), cell("Price")), row(commented, number(5, "5")), row(cell(raised), number(6, "6"))]
    (page,) = read("a.ods", ods(sheet(*rows), styles=styles))
    assert page.text.endswith("| Pen; Comment (Anna): until May | 5 |\n| Turnover[^1] ~~old~~ | 6 |")


def test_deleted_cells_and_formulas_of_a_spreadsheet() -> None:
    deleted = f"<table:tracked-changes><table:deletion>{cell('gone')}</table:deletion></table:tracked-changes>"
    formula = '<table:table-cell table:formula="of:=SUM([.B2:.B3])"/>'
    (page,) = read("a.ods", ods(deleted, sheet(row(cell("Item"), cell("Sum")), row(cell("All"), formula))))
    assert page.text == "# S\n\n| Item | Sum |\n| --- | --- |\n| All | =SUM([.B2:.B3]) |"
