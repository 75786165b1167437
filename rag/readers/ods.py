"""OpenDocument spreadsheets (ODS) → a page for each sheet, with the cells as they are shown.

The file has the text of each cell as it was shown when it was saved, so number formats needn't be applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from rag.readers.archives import Package
from rag.readers.cleaning import clean
from rag.readers.faults import Fault, Kind, check_length
from rag.readers.merged_cells import MOST_COLUMNS, Area, Merges
from rag.readers.number_formats import general
from rag.readers.sheet_heads import Hints
from rag.readers.sheet_rows import NUMBER, TEXT, YEAR, Row, Rows, kind_of_text
from rag.readers.sheet_tables import sheet_text
from rag.readers.workbook_parts import parse
from rag.schema import Page
from rag.text.blocks import lowered, raised, struck

_AN_ODS = "an ODS spreadsheet"
# The most rows that a filled row stands for. Empty rows are repeated up to the end of a sheet, filled ones hardly.
_MOST_REPEATED = 1_000
_SHAPES = frozenset(("shapes", "frame", "custom-shape", "rect", "ellipse", "line", "g"))


@dataclass(slots=True)
class _Look:
    """The looks of a style: of the text, and whether a sheet of this style is shown."""

    parent: str = ""
    is_struck: bool = False
    is_bold: bool = False
    position: str = ""
    is_shown: bool = True


@dataclass(slots=True)
class _Sheet:
    name: str
    is_shown: bool
    rows: list[Row] = field(default_factory=list)
    heads: set[int] = field(default_factory=set)
    lines: list[str] = field(default_factory=list)


def read_ods(data: bytes, progress: Callable[[int, int], None]) -> list[Page]:
    """A page for each sheet with text, numbered by the sheet's place. Hidden sheets are left out, but they count.

    Raises Fault if the spreadsheet is protected, damaged or too large.
    """
    package = Package(data, _AN_ODS)
    if b"encryption-data" in package.read("META-INF/manifest.xml"):
        raise Fault(Kind.PROTECTED)
    looks: dict[str, _Look] = {}
    for _ in _read(package, "styles.xml", _Reader(looks, len(data))):
        pass
    pages: list[Page] = []
    length = number = 0
    for number, sheet in enumerate(_read(package, "content.xml", _Reader(looks, len(data))), 1):
        if sheet.is_shown:
            parts = [sheet_text(sheet.rows, len(data), Hints(frozenset(sheet.heads))), *sheet.lines]
            text = clean("\n\n".join(filter(None, parts)))
            length += len(text)
            check_length(length, len(data))
            if text.strip():
                pages.append(Page(f"# {sheet.name}\n\n{text}", number))
        progress(number, number)
    if not number:
        raise Fault(Kind.DAMAGED, _AN_ODS)
    return pages


def _read(package: Package, part: str, reader: _Reader) -> Iterator[_Sheet]:
    for _ in parse(package.read(part), reader.start, reader.end, reader.text, _AN_ODS):
        yield from reader.sheets
        reader.sheets = []


class _Reader:
    """Reads the XML of a spreadsheet, and its styles into `looks`."""

    def __init__(self, looks: dict[str, _Look], size: int) -> None:
        self.sheets: list[_Sheet] = []
        self._looks = looks
        self._size = size
        self._length = 0
        self._style = _Look()
        self._sheet: _Sheet | None = None
        self._skipped = 0  # the depth within a part that isn't shown
        self._shapes = 0  # the depth within a drawing
        self._in_heads = False
        self._make = Rows()
        self._new_sheet()
        self._repeated_row = 1
        self._row_hidden = False
        self._cell: Mapping[str, str] = {}
        self._in_cell = False
        self._paragraphs: list[str] = []
        self._pieces: list[str] | None = None
        self._spans: list[tuple[int, str]] = []
        self._note: list[str] | None = None
        self._author: list[str] | None = None
        self._by = ""
        self._comments: list[str] = []

    def _new_sheet(self) -> None:
        self._place = self._column = self._next_column = 0
        self._gap = False
        self._hidden = bytearray(MOST_COLUMNS + 1)
        self._merges = Merges()
        self._cells: dict[int, tuple[str, str]] = {}

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        if self._skipped or name == "tracked-changes":
            self._skipped += 1
            return
        values = {key.rpartition(":")[2]: value for key, value in attributes.items()}
        if name in _SHAPES and self._sheet and not (name == "g" and not self._shapes):
            self._shapes += 1
        if name in ("p", "h"):
            self._pieces = []
        elif self._pieces is not None:
            self._start_in_text(name, values)
        elif name == "annotation":
            self._note, self._by = [], ""
        elif name == "creator" and self._note is not None:
            self._author = []
        elif self._sheet is None:
            self._start_outside(name, values)
        elif not self._shapes:
            self._start_in_sheet(name, values)

    def _start_outside(self, name: str, values: Mapping[str, str]) -> None:
        if name == "style":
            self._style = _Look(values.get("parent-style-name", ""))
            self._looks[values.get("name", "")] = self._style
        elif name == "text-properties":
            line = values.get("text-line-through-style", values.get("text-line-through-type", "none"))
            self._style.is_struck = line != "none"
            self._style.is_bold = values.get("font-weight") in ("bold", "600", "700", "800", "900")
            self._style.position = values.get("text-position", "").partition(" ")[0]
        elif name == "table-properties":
            self._style.is_shown = values.get("display") != "false"
        elif name == "table":
            self._new_sheet()
            shown = self._look(values.get("style-name", "")).is_shown
            self._sheet = _Sheet(" ".join(values.get("name", "").split()), shown)

    def _start_in_sheet(self, name: str, values: Mapping[str, str]) -> None:
        if name == "table-column":
            repeated = _count(values.get("number-columns-repeated"), MOST_COLUMNS)
            last = min(self._next_column + repeated, MOST_COLUMNS)
            if values.get("visibility", "visible") != "visible":
                self._hidden[self._next_column : last] = b"\1" * max(last - self._next_column, 0)
            self._next_column = last
        elif name == "table-header-rows":
            self._in_heads = True
        elif name == "table-row":
            self._repeated_row = _count(values.get("number-rows-repeated"), 2**20)
            self._row_hidden = values.get("visibility", "visible") != "visible"
            self._cells, self._column = {}, 0
        elif name in ("table-cell", "covered-table-cell"):
            self._cell, self._in_cell = values, True
            self._paragraphs, self._comments = [], []

    def _start_in_text(self, name: str, values: Mapping[str, str]) -> None:
        pieces = self._pieces
        if pieces is None:
            return
        if name == "s":
            pieces.append(" " * min(_count(values.get("c"), 100), 100))
        elif name in ("tab", "line-break"):
            pieces.append(" ")
        elif name == "span":
            self._spans.append((len(pieces), values.get("style-name", "")))

    def text(self, text: str) -> None:
        """Text within an element."""
        if self._skipped:
            return
        if self._pieces is not None:
            self._pieces.append(text)
        elif self._author is not None:
            self._author.append(text)

    def end(self, name: str) -> None:
        """An element ends."""
        if self._skipped:
            self._skipped -= 1
        elif name in ("p", "h"):
            self._end_paragraph("".join(self._pieces or ()))
            self._pieces, self._spans = None, []
        elif self._pieces is not None:
            if name == "span" and self._spans:
                self._end_span(*self._spans.pop())
        elif name == "creator" and self._author is not None:
            self._by, self._author = "".join(self._author).strip(), None
        elif name == "annotation" and self._note is not None:
            if text := " ".join(" ".join(self._note).split()):
                self._comments.append(f"Comment{f' ({self._by})' if self._by else ''}: {text}")
            self._note = None
        elif name in _SHAPES and self._shapes:
            self._shapes -= 1
        elif self._sheet and not self._shapes:
            self._end_in_sheet(name, self._sheet)

    def _end_paragraph(self, text: str) -> None:
        if self._note is not None:
            self._note.append(text)
        elif self._shapes and self._sheet:
            self._sheet.lines.append(text)
        elif self._in_cell:
            self._paragraphs.append(text)

    def _end_span(self, begin: int, style: str) -> None:
        pieces = self._pieces or []
        before, text = "".join(pieces[max(begin - 5, 0) : begin])[-40:], "".join(pieces[begin:])
        look = self._look(style)
        if look.position.startswith(("super", "1", "2", "3", "4", "5")):
            text = raised(before, text)
        elif look.position.startswith(("sub", "-")):
            text = lowered(before, text)
        pieces[begin:] = [struck(text) if look.is_struck else text]

    def _look(self, name: str) -> _Look:
        """The looks of a style with those of the style that it follows."""
        look = self._looks.get(name, _Look())
        parent = self._looks.get(look.parent, _Look())
        return _Look(
            "", look.is_struck or parent.is_struck, look.is_bold or parent.is_bold, look.position, look.is_shown
        )

    def _end_in_sheet(self, name: str, sheet: _Sheet) -> None:
        if name in ("table-cell", "covered-table-cell"):
            self._end_cell(name == "table-cell")
        elif name == "table-row":
            self._end_row(sheet)
        elif name == "table-header-rows":
            self._in_heads = False
            sheet.heads.add(self._place - 1)
        elif name == "table":
            self.sheets.append(sheet)
            self._sheet = None

    def _end_cell(self, is_shown: bool) -> None:
        self._in_cell = False
        values = self._cell
        repeated = _count(values.get("number-columns-repeated"), MOST_COLUMNS)
        first = self._column
        self._column = min(first + repeated, MOST_COLUMNS)
        kind, text = self._shown() if is_shown else (TEXT, "")
        if not text:
            return
        self._cells.update(dict.fromkeys(range(first, self._column), (kind, text)))
        across = _count(values.get("number-columns-spanned"), MOST_COLUMNS)
        down = _count(values.get("number-rows-spanned"), 2**20)
        if across > 1 or down > 1:
            self._merges.open(Area(self._place, first, self._place + down - 1, first + across - 1, text, kind))

    def _shown(self) -> tuple[str, str]:
        """The kind of the cell and its text."""
        values = self._cell
        look = self._look(values.get("style-name", ""))
        text = " ".join(filter(None, self._paragraphs))
        if not text:
            text = values.get("string-value") or values.get("date-value") or values.get("boolean-value", "").upper()
        if not text and values.get("value"):
            text = general(float(values["value"]))
        if not text and values.get("formula"):
            text = "=" + values["formula"].partition(":")[2].lstrip("=")
        kind = {"date": YEAR, "string": TEXT, "boolean": TEXT}.get(values.get("value-type", "string"), NUMBER)
        if kind == NUMBER and kind_of_text(text) == YEAR:
            kind = YEAR
        text = struck(text) if look.is_struck and text else text
        return kind.upper() if look.is_bold else kind, "; ".join(filter(None, [text, *self._comments]))

    def _end_row(self, sheet: _Sheet) -> None:
        repeated = self._repeated_row
        for _ in range(min(repeated, _MOST_REPEATED if self._cells else 1)):
            cells = dict(self._cells)
            self._merges.fill(self._place, cells, self._hidden, self._row_hidden)
            shown = [(column, *cells[column]) for column in sorted(cells) if not self._hidden[column]]
            self._gap = self._gap or not (shown or self._row_hidden)
            if not self._row_hidden and (row := self._make.row(self._place, self._gap, shown)):
                self._length += len(row.joined)
                check_length(self._length, self._size)
                sheet.rows.append(row)
                self._gap = False
            self._place += 1
            repeated -= 1
        self._place += repeated


def _count(text: str | None, most: int) -> int:
    """A number of repetitions or columns, which are 1 if the attribute is missing."""
    return min(int(text), most) if text and text.isdigit() else 1
