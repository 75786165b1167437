"""Rows of a sheet or a CSV file, kept compactly: a workbook may have millions of cells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

# The kind of a cell, one letter each: a text, a number, a number that may be a year, and a cell that a merged cell
# covers. A capital letter means bold.
TEXT, NUMBER, YEAR, COVERED = "tnym"

_SEPARATOR = "\x1f"
_YEAR = re.compile(r"(?:FY ?)?(?:19|20)\d\d")
_NUMBER = re.compile(
    r"[-+−(]{0,2}\s?(?:[$€£¥₩%]|[A-Z]{3}\s)?\s?[-+−]?[.,]?\d[\d.,'’\s]*(?:[eE][+-]?\d+)?\s?(?:[%€£¥₩]|[A-Z]{3})?\)?"
    r"|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T]\d{1,2}:\d{2}(?::\d{2})?Z?)?|\d+:\d{2}(?::\d{2})?"
)
_DIGIT = re.compile(r"\d")
# A number is shorter.
_LONGEST_NUMBER = 40


@dataclass(slots=True)
class Row:
    """A row with at least one filled cell: its 0-based place, whether an empty row comes before it, the places of its
    cells and their kinds, and their texts in one string."""

    place: int
    after_gap: bool
    columns: tuple[int, ...]
    kinds: str
    joined: str

    @property
    def texts(self) -> list[str]:
        return self.joined.split(_SEPARATOR)

    @property
    def filled(self) -> list[str]:
        """The texts of the cells, those of merged cells once."""
        return [text for text, kind in zip(self.texts, self.kinds, strict=True) if kind != COVERED]

    @property
    def own_columns(self) -> list[int]:
        """The places of the cells, without those that a merged cell covers."""
        return [column for column, kind in zip(self.columns, self.kinds, strict=True) if kind != COVERED]

    def spread(self, columns: Sequence[int], index: Mapping[int, int]) -> list[str]:
        """The texts at these places, "" for empty cells, up to its last cell. `index` has the number of each place."""
        if columns == self.columns:
            return self.texts
        cells: list[str] = []
        for column, text in zip(self.columns, self.texts, strict=True):
            at = index.get(column)
            if at is not None:
                cells.extend([""] * (at - len(cells)))
                cells.append(text)
        return cells


class Rows:
    """Makes rows. Rows with the same places and kinds share them."""

    def __init__(self) -> None:
        self._columns: dict[tuple[int, ...], tuple[int, ...]] = {}
        self._kinds: dict[str, str] = {}

    def row(self, place: int, after_gap: bool, cells: Iterable[tuple[int, str, str]]) -> Row | None:
        """The row of these cells, (place, kind, text) each, in order, without blanks around the texts. None if no cell
        has text of its own."""
        kept = [cell for cell in cells if cell[2]]
        columns = tuple([column for column, _, _ in kept])
        kinds = "".join([kind for _, kind, _ in kept])
        if not kinds.strip(COVERED):
            return None
        joined = _SEPARATOR.join([text for _, _, text in kept])
        if joined.count(_SEPARATOR) >= len(kept):
            joined = _SEPARATOR.join(text.replace(_SEPARATOR, " ") for _, _, text in kept)
        return Row(
            place,
            after_gap,
            self._columns.setdefault(columns, columns),
            self._kinds.setdefault(kinds, kinds),
            joined,
        )


def rows_of_texts(rows: Iterable[Sequence[str]]) -> Iterator[Row]:
    """Rows of texts without blanks around them. Their kinds are told by the texts. Empty rows are gaps."""
    make = Rows()
    gap = False
    for place, texts in enumerate(rows):
        cells = [(column, kind_of_text(text), text) for column, text in enumerate(texts) if text]
        row = make.row(place, gap, cells)
        gap = row is None
        if row:
            yield row


def kind_of_text(text: str) -> str:
    """The kind of a cell of which only the text is known."""
    if len(text) > _LONGEST_NUMBER or not _DIGIT.search(text):
        return TEXT
    if text.isdecimal():
        return YEAR if len(text) == 4 and text[:2] in ("19", "20") else NUMBER
    if text[0].isalpha() and _YEAR.fullmatch(text):
        return YEAR
    return NUMBER if _NUMBER.fullmatch(text) else TEXT


def is_year(value: float) -> bool:
    """Whether a number may be a year in a head, rather than an amount."""
    return 1900 <= value <= 2100 and value == int(value)
