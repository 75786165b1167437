"""Excel workbooks (XLSX) → a page for each sheet, with the cells as Excel shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from rag.readers.archives import Package, drawing_text
from rag.readers.cleaning import clean
from rag.readers.faults import Fault, Kind, check_length
from rag.readers.notices import note
from rag.readers.sheet_tables import sheet_text
from rag.readers.workbook_parts import CellStyle, cell_comments, cell_styles, comment_authors, shared_strings
from rag.readers.worksheets import SheetReader, place_of
from rag.schema import Page

_A_WORKBOOK = "an XLSX workbook"


@dataclass(frozen=True, slots=True)
class _Workbook:
    """A workbook's package, with what its sheets share. `recalculates`: Excel computes all formulas when it opens the
    workbook, since the program that wrote it couldn't."""

    package: Package
    styles: list[CellStyle]
    strings: list[str]
    persons: Mapping[str, str]
    recalculates: bool


def read_xlsx(data: bytes, progress: Callable[[int, int], None]) -> list[Page]:
    """A page for each sheet with text, numbered by the sheet's place. Hidden sheets are left out, but they count.

    Raises Fault if the workbook is damaged or too large.
    """
    package = Package(data, _A_WORKBOOK)
    main = _main_part(package)
    root = package.xml(main)
    if root is None:
        raise Fault(Kind.DAMAGED, _A_WORKBOOK)
    related = package.related(main)
    part_of = dict(related.values())
    settings = root.find("{*}workbookPr")
    from_1904 = settings is not None and settings.get("date1904") in ("1", "true")
    calculation = root.find("{*}calcPr")
    workbook = _Workbook(
        package,
        cell_styles(package, part_of.get("styles", ""), from_1904),
        shared_strings(package, part_of.get("sharedStrings", "")),
        comment_authors(package),
        calculation is not None and calculation.get("fullCalcOnLoad") in ("1", "true"),
    )
    sheets = list(root.iterfind("{*}sheets/{*}sheet"))
    pages: list[Page] = []
    length = 0
    for number, sheet in enumerate(sheets, 1):
        key = next((value for name, value in sheet.items() if str(name).endswith("}id")), "")
        if sheet.get("state", "visible") == "visible" and key in related:
            name = " ".join(sheet.get("name", "").split())
            text = clean("\n\n".join(filter(None, _sheet(workbook, name, related[key][1], len(data)))))
            length += len(text)
            check_length(length, len(data))
            if text.strip():
                pages.append(Page(f"# {name}\n\n{text}", number))
        progress(number, len(sheets))
    return pages


def _main_part(package: Package) -> str:
    parts = [part for kind, part in package.related("").values() if kind == "officeDocument" and part in package]
    return next(iter([*parts, *package.matching(r"xl/workbook\d*\.xml")]), "")


def _sheet(workbook: _Workbook, name: str, part: str, size: int) -> Iterator[str]:
    """The text of a sheet: its tables and lines, comments beside them, and its text boxes."""
    package = workbook.package
    relations = list(package.related(part).values())
    comments = cell_comments(package, dict(relations), workbook.persons)
    reader = SheetReader(
        package.read(part), workbook.styles, workbook.strings, comments, _A_WORKBOOK, workbook.recalculates
    )
    heads = [row for kind, table in relations if kind == "table" for row in _table_heads(package, table)]
    yield sheet_text(reader.rows(), size, reader.hints(*heads))
    yield from reader.left_comments()
    for kind, drawing in relations:
        root = package.xml(drawing) if kind == "drawing" else None
        if root is not None:
            yield from drawing_text(root)
    if reader.formulas_shown:
        note(f"Sheet “{name}” has formulas without a saved value: they are read as formulas.")


def _table_heads(package: Package, part: str) -> Iterator[int]:
    """The 0-based place of the head row of a named table."""
    root = package.xml(part)
    place = None if root is None else place_of(root.get("ref", "").partition(":")[0])
    if root is not None and place and root.get("headerRowCount", "1") != "0":
        yield place[0]
