"""Spreadsheets and CSV → pipe tables."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time
from itertools import groupby
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from rag.readers.archives import Package, drawing_text
from rag.readers.cleaning import clean
from rag.readers.decoding import decode
from rag.readers.faults import Fault, Kind, check_length
from rag.schema import Page

# calamine holds a sheet as a full rectangle: with two cells in far corners that would be 17 billion cells.
_MAX_CELLS = 20_000_000
# A cell element with content: <c r="AB12" …> that isn't closed at once. Columns are letters, rows are numbers.
_FILLED_CELL = re.compile(rb"""<(?:\w+:)?c\s(?:[^<>]*\s)?r\s*=\s*["']([A-Z]{1,3})(\d{1,7})["'][^<>]*(?<!/)>""")
_A_WORKBOOK = "an XLSX workbook"


def table(rows: Iterable[Sequence[str]]) -> str:
    """A pipe table with its first row as header. Rows of a single cell before it become plain lines: its caption."""
    # Each row is kept as the line that it becomes: its cells would take many times the memory. A single cell is kept as
    # it is, since it may be a caption.
    filled = [(width, row[0] if width == 1 else _line(row[:width])) for row in rows if (width := _width(row))]
    width = max((width for width, _ in filled), default=0)
    # Rows aren't filled up where one long row among short rows would make a huge table of empty cells.
    padded = width if width * len(filled) <= _MAX_CELLS else 0
    captions = next((n for n, (cells, _) in enumerate(filled[:-1]) if cells > 1), max(len(filled) - 1, 0))
    if width == 1:
        captions = len(filled)
    lines = [cell for _, cell in filled[:captions]]
    for number, (cells, line) in enumerate(filled[captions:]):
        if number == 0 and lines:
            lines.append("")
        lines.append((_line([line]) if cells == 1 else line) + "  |" * (padded - cells))
        if number == 0:
            lines.append("|" + " --- |" * width)
    return "\n".join(lines)


def _width(row: Sequence[str]) -> int:
    return max((index + 1 for index, cell in enumerate(row) if cell), default=0)


def _line(row: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in row) + " |"


def read_csv(data: bytes) -> str:
    """A CSV or TSV file as one pipe table. Raises Fault if `data` isn't text."""
    text = clean(decode(data))
    csv.field_size_limit(2**31 - 1)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    return table([cell.strip() for cell in row] for row in rows)


def _delimiter(text: str) -> str:
    """The sign that splits each of the first lines into the same number of cells, and into the most cells.

    csv.Sniffer isn't used: it takes seconds for long lines, and may choose letters.
    """
    best, best_cells = ",", 1
    for delimiter in ",;\t|":
        counts = [
            len(row) for _, row in zip(range(20), csv.reader(io.StringIO(text), delimiter=delimiter), strict=False)
        ]
        if counts and min(counts) == max(counts) > best_cells:
            best, best_cells = delimiter, counts[0]
    if best_cells == 1:
        first = text.partition("\n")[0]
        best = max(",;\t|", key=first.count)
    return best


def read_xlsx(data: bytes, progress: Callable[[int, int], None]) -> list[Page]:
    """A page for each sheet with text, numbered by the sheet's place. Notes on cells and text boxes come last. Raises
    Fault if the workbook is damaged or too large."""
    package = Package(data, _A_WORKBOOK)
    for name in package.matching(r"xl/worksheets/[^/]+\.xml"):
        _refuse_vast(package.read(name))
    try:
        workbook = CalamineWorkbook.from_filelike(package.repack())
    except CalamineError as error:
        raise Fault(Kind.DAMAGED, _A_WORKBOOK) from error
    names = workbook.sheet_names
    parts = _sheet_parts(package)
    pages: list[Page] = []
    length = 0
    for index, name in enumerate(names):
        try:
            rows: Iterable[list[Any]] = workbook.get_sheet_by_index(index).iter_rows()
        except CalamineError:  # a chart sheet has no cells
            rows = []
        texts = [_tables(rows, len(data)), *_remarks(package, parts.get(name, ""))]
        text = clean("\n\n".join(filter(None, texts)))
        length += len(text)
        check_length(length, len(data))
        if text.strip():
            pages.append(Page(f"# {name}\n\n{text}", index + 1))
        progress(index + 1, len(names))
    return pages


def _refuse_vast(sheet: bytes) -> None:
    """Raise Fault if the rectangle around the filled cells of a sheet's XML is too large."""
    columns = rows = 0
    for match in _FILLED_CELL.finditer(sheet):
        number = 0
        for letter in match[1]:
            number = number * 26 + letter - 64
        columns, rows = max(columns, number), max(rows, int(match[2]))
    if columns * rows > _MAX_CELLS:
        raise Fault(Kind.TOO_LARGE, f"a sheet spans {rows} rows and {columns} columns")


def _tables(rows: Iterable[list[Any]], size: int) -> str:
    """The rows of a sheet as tables. An empty row ends a table. `size` is the file's size in bytes."""
    # Rows are converted one by one: a sheet may be vast, with cells in two corners only.
    shown = ([_shown(cell) for cell in row] for row in rows)
    tables: list[str] = []
    for is_filled, adjacent in groupby(_counted(shown, size), any):
        if is_filled:
            tables.append(table(_without_empty_columns(list(adjacent))))
    return "\n\n".join(tables)


def _counted(rows: Iterable[list[str]], size: int) -> Iterator[list[str]]:
    """The same rows. Raises Fault once their text is too long for a file of `size` bytes."""
    length = 0
    for row in rows:
        length += sum(map(len, row))
        check_length(length, size)
        yield row


def _without_empty_columns(rows: list[list[str]]) -> list[list[str]]:
    kept = [index for index in range(len(rows[0])) if any(row[index] for row in rows)]
    return [[row[index] for index in kept] for row in rows]


def _shown(value: Any) -> str:
    """A cell's value as a spreadsheet shows it: whole numbers without .0, dates without midnight."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(round(value, 10))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "minutes")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value).strip()


def _sheet_parts(package: Package) -> dict[str, str]:
    """The name of each sheet → the name of its part."""
    root = package.xml("xl/workbook.xml")
    related = package.related("xl/workbook.xml")
    sheets = () if root is None else root.iter("{*}sheet")
    ids = (
        (sheet.get("name", ""), next((v for k, v in sheet.items() if str(k).endswith("}id")), "")) for sheet in sheets
    )
    return {name: related[key][1] for name, key in ids if key in related}


def _remarks(package: Package, part: str) -> Iterator[str]:
    """The notes and comments on cells, and the text boxes. calamine leaves them out."""
    for relation, name in package.related(part).values() if part else ():
        root = package.xml(name) if relation in {"comments", "drawing", "threadedComment"} else None
        if root is None:
            continue
        if relation == "drawing":
            yield from drawing_text(root)
            continue
        for note in [*root.iter("{*}comment"), *root.iter("{*}threadedComment")]:
            text = " ".join("".join(t.text or "" for t in [*note.iter("{*}t"), *note.iter("{*}text")]).split())
            if text and not text.startswith("[Threaded comment]"):
                yield f"Note on {note.get('ref', 'a cell')}: {text}"
