"""Spreadsheets and CSV to pipe tables."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time
from itertools import groupby
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from rag.archives import Package, drawing_text
from rag.decoding import clean, decode
from rag.faults import Fault, Kind
from rag.schema import Page

# calamine holds a sheet as a full rectangle: two cells in far corners would be 17 billion.
_MAX_CELLS = 20_000_000
_FILLED_CELL = re.compile(rb'<(?:\w+:)?c\s(?:[^<>]*\s)?r="([A-Z]{1,3})(\d{1,7})"[^<>]*(?<!/)>')
_A_WORKBOOK = "an XLSX workbook"


def table(rows: Sequence[Sequence[str]]) -> str:
    """A pipe table; the first row is its header. Lines with one cell before it stand as plain lines (a caption)."""
    filled = [list(row) for row in rows if any(row)]
    width = max((_width(row) for row in filled), default=0)
    lines: list[str] = []
    while filled and (width == 1 or (_width(filled[0]) == 1 and len(filled) > 1)):
        lines.append(next(cell for cell in filled.pop(0) if cell))
    if filled:
        if lines:
            lines.append("")
        cells = [[*row, *[""] * width][:width] for row in filled]
        lines.append(_line(cells[0]))
        lines.append("|" + " --- |" * width)
        lines += map(_line, cells[1:])
    return "\n".join(lines)


def _width(row: Sequence[str]) -> int:
    return max((index + 1 for index, cell in enumerate(row) if cell), default=0)


def _line(row: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in row) + " |"


def read_csv(data: bytes) -> str:
    """A CSV or TSV text as one pipe table. Raises Fault if `data` isn't text."""
    text = clean(decode(data))
    csv.field_size_limit(2**31 - 1)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)))
    return table([[cell.strip() for cell in row] for row in rows])


def _delimiter(text: str) -> str:
    """The sign that splits the first lines into the same number of cells, the more cells the better.

    csv.Sniffer takes seconds for long lines and guesses letters.
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
    """A page for each sheet with text, numbered by the sheet's place; notes on cells and text boxes come last."""
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
    for index, name in enumerate(names):
        try:
            rows = workbook.get_sheet_by_index(index).to_python()
        except CalamineError:  # a chart sheet has no cells
            rows = []
        blocks = [_rendered(rows), *_remarks(package, parts.get(name, ""))]
        text = clean("\n\n".join(filter(None, blocks)))
        if text.strip():
            pages.append(Page(f"# {name}\n\n{text}", index + 1))
        progress(index + 1, len(names))
    return pages


def _refuse_vast(sheet: bytes) -> None:
    columns = rows = 0
    for match in _FILLED_CELL.finditer(sheet):
        number = 0
        for letter in match[1]:
            number = number * 26 + letter - 64
        columns, rows = max(columns, number), max(rows, int(match[2]))
    if columns * rows > _MAX_CELLS:
        raise Fault(Kind.TOO_LARGE, f"a sheet spans {rows} rows and {columns} columns")


def _rendered(rows: list[list[Any]]) -> str:
    """The blocks of a sheet that empty rows keep apart, each as a table of its own."""
    shown = [[_shown(cell) for cell in row] for row in rows]
    blocks = [list(block) for filled, block in groupby(shown, any) if filled]
    return "\n\n".join(table(_without_empty_columns(block)) for block in blocks)


def _without_empty_columns(rows: list[list[str]]) -> list[list[str]]:
    kept = [index for index in range(len(rows[0])) if any(row[index] for row in rows)]
    return [[row[index] for index in kept] for row in rows]


def _shown(value: Any) -> str:
    """A cell's value as a reader would say it: whole numbers without .0, days without midnight."""
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
    """The part of each sheet by the sheet's name."""
    root = package.xml("xl/workbook.xml")
    related = package.related("xl/workbook.xml")
    sheets = () if root is None else root.iter("{*}sheet")
    ids = (
        (sheet.get("name", ""), next((v for k, v in sheet.items() if str(k).endswith("}id")), "")) for sheet in sheets
    )
    return {name: related[key][1] for name, key in ids if key in related}


def _remarks(package: Package, part: str) -> Iterator[str]:
    """What calamine leaves out: notes and comments on cells, text boxes."""
    for kind, name in package.related(part).values() if part else ():
        root = package.xml(name) if kind in {"comments", "drawing", "threadedComment"} else None
        if root is None:
            continue
        if kind == "drawing":
            yield from drawing_text(root)
            continue
        for note in [*root.iter("{*}comment"), *root.iter("{*}threadedComment")]:
            text = " ".join("".join(t.text or "" for t in [*note.iter("{*}t"), *note.iter("{*}text")]).split())
            if text and not text.startswith("[Threaded comment]"):
                yield f"Note on {note.get('ref', 'a cell')}: {text}"
