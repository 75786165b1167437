"""Old Excel workbooks (XLS, to Excel 2003) → a page for each sheet, with the cells as Excel shows them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import xlrd

from rag.readers.cleaning import clean
from rag.readers.date_formats import is_date_code
from rag.readers.faults import Fault, Kind, check_length
from rag.readers.merged_cells import MOST_COLUMNS, Area, Merges
from rag.readers.number_formats import shown, shown_text
from rag.readers.sheet_heads import Hints
from rag.readers.sheet_rows import NUMBER, TEXT, YEAR, Row, Rows, is_year
from rag.readers.sheet_tables import sheet_text
from rag.schema import Page
from rag.text.blocks import lowered, raised, struck

_A_WORKBOOK = "an XLS workbook"
_BOLD = 700


def read_xls(data: bytes, progress: Callable[[int, int], None]) -> list[Page]:
    """A page for each sheet with text, numbered by the sheet's place. Hidden sheets are left out, but they count.

    Raises Fault if the workbook is protected, damaged or too large.
    """
    try:
        book = xlrd.open_workbook(
            file_contents=data, formatting_info=True, on_demand=True, ragged_rows=True, logfile=io.StringIO()
        )
    except xlrd.XLRDError as error:
        raise Fault(Kind.PROTECTED if "encrypted" in str(error).lower() else Kind.DAMAGED, _A_WORKBOOK) from error
    pages: list[Page] = []
    length = 0
    for index in range(book.nsheets):
        sheet = book.sheet_by_index(index)
        if not sheet.visibility:
            heads = [sheet.horz_split_pos - 1] if sheet.panes_are_frozen and sheet.horz_split_pos else []
            text = clean(sheet_text(_rows(book, sheet), len(data), Hints(frozenset(heads))))
            length += len(text)
            check_length(length, len(data))
            if text.strip():
                pages.append(Page(f"# {' '.join(sheet.name.split())}\n\n{text}", index + 1))
        book.unload_sheet(index)
        progress(index + 1, book.nsheets)
    return pages


def _rows(book: xlrd.Book, sheet: xlrd.sheet.Sheet) -> Iterator[Row]:
    """The rows that are shown and filled. Hidden rows are no gaps."""
    merges = Merges([Area(top, left, bottom - 1, right - 1) for top, bottom, left, right in sheet.merged_cells])
    hidden = bytearray(MOST_COLUMNS + 1)
    for column, info in sheet.colinfo_map.items():
        hidden[min(column, MOST_COLUMNS)] = bool(info.hidden)
    comments: dict[int, dict[int, str]] = {}
    for (row, column), note in sheet.cell_note_map.items():
        if text := " ".join(note.text.removeprefix(f"{note.author}:").split()):
            by = f" ({note.author})" if note.author else ""
            comments.setdefault(row, {})[column] = f"Comment{by}: {text}"
    make = Rows()
    gap = False
    for place in range(max(sheet.nrows, *(row + 1 for row in comments), 0) if comments else sheet.nrows):
        cells = _cells(book, sheet, place) if place < sheet.nrows else {}
        for column, comment in comments.get(place, {}).items():
            kind, text = cells.get(column, (TEXT, ""))
            cells[column] = (kind, f"{text}; {comment}" if text else comment)
        info = sheet.rowinfo_map.get(place)
        is_hidden = info is not None and bool(info.hidden)
        merges.fill(place, cells, hidden, is_hidden)
        kept = [(column, *cells[column]) for column in sorted(cells) if not hidden[column]]
        gap = gap or not (kept or is_hidden)
        if not is_hidden and (row := make.row(place, gap, kept)):
            yield row
            gap = False


def _cells(book: xlrd.Book, sheet: xlrd.sheet.Sheet, place: int) -> dict[int, tuple[str, str]]:
    """The filled cells of a row: kind and text by column."""
    cells: dict[int, tuple[str, str]] = {}
    for column in range(sheet.row_len(place)):
        kind_of_value, value = sheet.cell_type(place, column), sheet.cell_value(place, column)
        if kind_of_value in (xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK) or value == "":
            continue
        style = book.xf_list[sheet.cell_xf_index(place, column)]
        font = book.font_list[style.font_index]
        code = book.format_map[style.format_key].format_str
        kind = TEXT
        if kind_of_value in (xlrd.XL_CELL_NUMBER, xlrd.XL_CELL_DATE):
            may_be_head = is_date_code(code) or (is_year(value) and code in ("General", "0"))
            kind, text = YEAR if may_be_head else NUMBER, shown(value, code, from_1904=bool(book.datemode))
        elif kind_of_value == xlrd.XL_CELL_BOOLEAN:
            text = "TRUE" if value else "FALSE"
        elif kind_of_value == xlrd.XL_CELL_ERROR:
            text = xlrd.error_text_from_code.get(value, "#ERROR")
        else:
            runs = sheet.rich_text_runlist_map.get((place, column))
            text = shown_text(_rich(book, value, runs) if runs else value, code)
        if text:
            text = struck(text) if font.struck_out else text
            cells[column] = (kind.upper() if font.weight >= _BOLD else kind, text)
    return cells


def _rich(book: xlrd.Book, text: str, runs: list[tuple[int, int]]) -> str:
    """A text of which each run has its own font: (first character, number of the font)."""
    whole = text[: runs[0][0]]
    for (begin, font_number), (end, _) in zip(runs, [*runs[1:], (len(text), 0)], strict=True):
        font = book.font_list[font_number]
        piece = text[begin:end]
        if font.escapement == 1:
            piece = raised(whole[-40:], piece)
        elif font.escapement == 2:
            piece = lowered(whole[-40:], piece)
        whole += struck(piece) if font.struck_out else piece
    return whole
