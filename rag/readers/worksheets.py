"""A sheet's XML in an Excel workbook → its rows, as they are shown: formatted, with merged cells filled, without hidden
rows and columns.

The XML is streamed, and only filled cells are kept: a sheet may be vast, with cells in two corners only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from rag.readers.merged_cells import MOST_COLUMNS, Area, Merges
from rag.readers.number_formats import general, shown_text
from rag.readers.sheet_heads import Hints
from rag.readers.sheet_rows import NUMBER, TEXT, YEAR, Row, Rows, is_year
from rag.readers.workbook_parts import PLAIN, Attributes, CellStyle, RichText, parse
from rag.text.blocks import struck

_REF = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7})")
_MERGED = re.compile(rb"""<(?:\w+:)?mergeCell\s[^<>]*?ref\s*=\s*["']([A-Z]{1,3}\d{1,7}):([A-Z]{1,3}\d{1,7})["']""")
_FILTER = re.compile(rb"""<(?:\w+:)?autoFilter\s[^<>]*?ref\s*=\s*["']\$?[A-Z]{1,3}\$?(\d{1,7})""")
_PANE = re.compile(rb"<(?:\w+:)?pane\s[^<>]*>")
# A whole number as Excel writes it; longer ones are written with an exponent.
_WHOLE = re.compile(r"-?[1-9]\d{0,17}|0")


class SheetReader:
    """Reads the rows of a sheet. `comments` has the comments by the names of cells.

    `recalculates`: a formula's value of 0 isn't its value yet.
    """

    def __init__(
        self,
        xml: bytes,
        styles: Sequence[CellStyle],
        strings: Sequence[str],
        comments: Mapping[str, Sequence[str]],
        noun: str,
        recalculates: bool = False,
    ) -> None:
        self._recalculates = recalculates
        self._xml = xml
        self._styles = styles
        self._strings = strings
        self._noun = noun
        self._comments: dict[int, dict[int, str]] = {}
        for ref, texts in comments.items():
            if place := place_of(ref):
                self._comments.setdefault(place[0], {})[place[1]] = "; ".join(texts)
        tail = xml[xml.rfind(b"sheetData") :]
        pairs = [(place_of(a.decode()), place_of(b.decode())) for a, b in _MERGED.findall(tail)]
        self._merges = Merges([Area(*first, *last) for first, last in pairs if first and last])
        self._hidden = bytearray(MOST_COLUMNS + 1)
        self._make = Rows()
        self._rows: list[Row] = []
        self._row = self._last = -1
        self._gap = False
        self._row_hidden = False
        self._cells: dict[int, tuple[str, str]] = {}
        self._column = -1
        self._type = ""
        self._style = PLAIN
        self._value: list[str] | None = None
        self._formula: list[str] | None = None
        self._target: list[str] | None = None
        self._rich: RichText | None = None
        self.formulas_shown = False

    def hints(self, *head_rows: int) -> Hints:
        """Where heads end, by the sheet's own marks, and by `head_rows` of its named tables."""
        rows = set(head_rows)
        rows.update(int(number) - 1 for number in _FILTER.findall(self._xml[self._xml.rfind(b"sheetData") :]))
        pane = _PANE.search(self._xml, 0, max(self._xml.find(b"sheetData"), 0))
        if pane and b"frozen" in pane[0] and (split := re.search(rb"""ySplit\s*=\s*["'](\d{1,7})""", pane[0])):
            rows.add(int(split[1]) - 1)
        return Hints(frozenset(rows), hidden=self._hidden)

    def rows(self) -> Iterator[Row]:
        """The rows that are shown and filled, from top to bottom. Hidden rows are no gaps."""
        for _ in parse(self._xml, self._start, self._end, self._text, self._noun):
            yield from self._rows
            self._rows = []

    def left_comments(self) -> list[str]:
        """The comments in rows that have no cells."""
        return [
            f"{column_name(column)}{row + 1}: {text}"
            for row, texts in sorted(self._comments.items())
            for column, text in sorted(texts.items())
            if not self._hidden[column]
        ]

    def _start(self, name: str, attributes: Attributes) -> None:
        if self._rich is not None:
            self._rich.start(name, attributes)
        elif name == "c":
            ref = attributes.get("r")
            self._column = _column(ref) if ref else self._column + 1
            self._type = attributes.get("t", "n")
            style = attributes.get("s")
            self._style = self._style_of(style) if style else PLAIN
            self._value = self._formula = None
        elif name == "v":
            self._target = self._value = []
        elif name == "f":
            self._target = self._formula = []
        elif name == "is":
            self._rich = RichText()
        elif name == "row":
            row = attributes.get("r")
            self._row = int(row) - 1 if row else self._row + 1
            self._row_hidden = _is_true(attributes.get("hidden")) or attributes.get("ht") == "0"
            self._cells = {}
            self._column = -1
        elif name == "col" and (_is_true(attributes.get("hidden")) or attributes.get("width") == "0"):
            first = max(int(attributes.get("min", "1")) - 1, 0)
            last = min(int(attributes.get("max", "1")), MOST_COLUMNS)
            self._hidden[first:last] = b"\1" * max(last - first, 0)

    def _style_of(self, number: str) -> CellStyle:
        index = int(number)
        return self._styles[index] if 0 <= index < len(self._styles) else PLAIN

    def _text(self, text: str) -> None:
        if self._target is not None:
            self._target.append(text)
        elif self._rich is not None:
            self._rich.text(text)

    def _end(self, name: str) -> None:
        if name in ("v", "f"):
            self._target = None
        elif name == "c":
            kind, text = self._shown_cell()
            if text:
                self._cells[self._column] = (kind, text)
        elif name == "is":
            self._value = [self._rich.take()] if self._rich else []
            self._rich = None
        elif self._rich is not None:
            self._rich.end(name)
        elif name == "row":
            self._finish_row()

    def _shown_cell(self) -> tuple[str, str]:
        value = "".join(self._value or ())
        kind = TEXT
        style = self._style
        if self._formula is not None and self._lacks_value(value):
            formula = "".join(self._formula).removeprefix("_xlfn.")
            text = f"={formula}" if formula else "(a formula without a value)"
            self.formulas_shown = True
        elif not value:
            return TEXT, ""
        elif self._type == "n":
            kind, text = self._number(value)
        elif self._type == "b":
            text = "FALSE" if value == "0" else "TRUE"
        elif self._type == "s":
            index = int(value)
            text = shown_text(self._strings[index], style.code) if 0 <= index < len(self._strings) else ""
        elif self._type == "d":
            kind, text = YEAR, value.replace("T00:00:00", "").replace("T", " ")
        else:
            text = shown_text(value, style.code) if self._type in ("str", "inlineStr") else value
        if style.is_struck:
            text = struck(text)
        return (kind.upper() if style.is_bold else kind), text

    def _lacks_value(self, value: str) -> bool:
        """Whether a formula has no value. Programs that can't compute write 0, and ask Excel to compute all."""
        if self._type == "n":
            return not value or (self._recalculates and value == "0")
        return self._value is None

    def _number(self, value: str) -> tuple[str, str]:
        style = self._style
        if style.code == "General" and _WHOLE.fullmatch(value):
            return (YEAR if len(value) == 4 and is_year(int(value)) else NUMBER), value
        try:
            number = float(value)
        except ValueError:
            return TEXT, value
        if style.is_date:
            return YEAR, style.number(number)
        kind = YEAR if is_year(number) and style.code in ("General", "0", "@") else NUMBER
        return kind, general(number) if style.code == "General" else style.number(number)

    def _finish_row(self) -> None:
        cells = self._cells
        for column, comment in self._comments.pop(self._row, {}).items():
            kind, text = cells.get(column, (TEXT, ""))
            cells[column] = (kind, f"{text}; {comment}" if text else comment)
        self._merges.fill(self._row, cells, self._hidden, self._row_hidden)
        shown = [(column, *cells[column]) for column in sorted(cells) if not self._hidden[column]]
        if not shown and not self._row_hidden:
            return
        self._gap = self._gap or self._row > self._last + 1
        self._last = self._row
        if not self._row_hidden and (row := self._make.row(self._row, self._gap, shown)):
            self._rows.append(row)
            self._gap = False


def place_of(ref: str) -> tuple[int, int] | None:
    """The 0-based row and column of a cell's name; None if it is no name of a cell."""
    match = _REF.fullmatch(ref)
    return (int(match[2]) - 1, _column(match[1])) if match else None


def column_name(column: int) -> str:
    """The letters of a column: 0 → A."""
    name = ""
    column += 1
    while column:
        column, letter = divmod(column - 1, 26)
        name = chr(65 + letter) + name
    return name


def _column(ref: str) -> int:
    number = 0
    for letter in ref:
        if not "A" <= letter <= "Z":
            break
        number = number * 26 + ord(letter) - 64
    if not 0 < number <= MOST_COLUMNS:
        raise ValueError(ref)
    return number - 1


def _is_true(value: str | None) -> bool:
    return value in ("1", "true", "on")
