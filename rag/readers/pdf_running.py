"""What belongs to a PDF's pages and not to its text: running headers and footers, folios, and breaks between pages."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from rag.readers.pdf_blocks import Placed
from rag.readers.pdf_layout import Row
from rag.text.blocks import Footnote, Item, Paragraph, Table
from rag.text.sentences import sentence_spans

# A running line is among this many rows at an edge of the page, and on as many pages at the same height (points).
_EDGE_ROWS = 4
_FEWEST_PAGES = 3
_SAME_HEIGHT = 4.0
_NEAR_PAGES = 12
# Rows at an edge of two pages alone must stand farther from the text than its lines, in shares of their size.
_APART = 1.7
_LONGEST_REST = 600

_LONG = 100
_DIGITS = re.compile(r"\d+")
_NUMBER = re.compile(r"\d+|\b[ivxlc]+\b")
_FOLIO = re.compile(
    r"(?i)[^\w]*(?:(?:page|p\.|seite|pagina|página|쪽|페이지)\s*)?#(?:\s*(?:of|/|von|de|sur|-)\s*#)?\s*(?:쪽|페이지|頁|页)?[^\w]*"
)
_SENTENCE_ENDS = re.compile(r"[.!?…:;。！？：；][\"'”’»)\]]*(?:\[\^\w+\])*$")
_FEWEST_LETTERS = 12


@dataclass(slots=True)
class RunningLines:
    """The lines at the edges of the pages so far, by their words without numbers, and those that were kept once."""

    places: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    pages: int = 0

    def add(self, number: int, rows: Sequence[Row], height: float) -> None:
        """Count the rows at the edges of page `number`."""
        self.pages += 1
        for row, y in _edges(rows, height):
            self.places.setdefault(key(row.text), []).append((number, y))
            if shift := _folio_shift(row.text, number):
                self.places.setdefault(shift, []).append((number, 0.0))

    def split(self, number: int, rows: Sequence[Row], height: float) -> tuple[list[Row], list[str], list[str]]:
        """The rows of page `number` without its running lines, and the running lines above and below that were in no
        page before. Folios are in neither."""
        first, last = 0, len(rows)
        while first < min(last, _EDGE_ROWS) and self._runs(number, rows, first, 1, height):
            first += 1
        while last > first and len(rows) - last < _EDGE_ROWS and self._runs(number, rows, last - 1, -1, height):
            last -= 1
        if first >= last:  # nothing else is on the page
            return list(rows), [], []
        return list(rows[first:last]), self._first_seen(rows[:first]), self._first_seen(rows[last:])

    def _runs(self, number: int, rows: Sequence[Row], index: int, step: int, height: float) -> bool:
        row = rows[index]
        words = key(row.text)
        y = _height(row, height, below=step < 0)
        near = {
            page
            for page, other in self.places.get(words, ())
            if page != number and abs(page - number) <= _NEAR_PAGES and abs(other - y) < _SAME_HEIGHT
        }
        if (shift := _folio_shift(row.text, number)) and len(
            {page for page, _ in self.places.get(shift, ())}
        ) >= _FEWEST_PAGES:
            return True
        if not near or row.runs[0].table:
            return False
        if _FOLIO.fullmatch(words) or len(near) + 1 >= _FEWEST_PAGES:
            return True
        inner = index + step
        if not 0 <= inner < len(rows):
            return True
        return abs(rows[inner].base - row.base) > _APART * max(rows[inner].size, row.size) and len(row.runs) < 4

    def _first_seen(self, rows: Sequence[Row]) -> list[str]:
        lines = []
        for row in rows:
            words = key(row.text)
            if words not in self.kept and not _FOLIO.fullmatch(words):
                self.kept.add(words)
                lines.append(row.text)
        return lines


@lru_cache(maxsize=4096)
def key(text: str) -> str:
    """The words of a line, with a sign for each number, since numbers change from page to page."""
    text = text.casefold()
    # Most long lines are prose, and Roman numbers are looked for slowly.
    return (_DIGITS if len(text) > _LONG else _NUMBER).sub("#", text)


def _folio_shift(text: str, number: int) -> str:
    """How far the printed number of a page is from its place in the file, if the text is just that number."""
    if len(text) > _LONG:
        return ""
    found = re.findall(r"\d{1,5}", text)
    return f"folio {int(found[0]) - number}" if len(found) == 1 and _FOLIO.fullmatch(key(text)) else ""


def _edges(rows: Sequence[Row], height: float) -> list[tuple[Row, float]]:
    top = [(row, _height(row, height, below=False)) for row in rows[:_EDGE_ROWS]]
    return top + [(row, _height(row, height, below=True)) for row in rows[-_EDGE_ROWS:]]


def _height(row: Row, height: float, *, below: bool) -> float:
    """The row's place from the nearer edge; places at the lower edge are negative."""
    return row.base - height - 1000 if below else row.base


def join_pages(pages: Sequence[tuple[int, list[Placed]]]) -> None:
    """Make sentences and tables whole that a break between pages divides, in the lists of blocks of consecutive pages.

    The rest of a sentence moves to the page on which it began. The rest of a table stays, and gets the table's head.
    """
    for (number, blocks), (following, rest) in itertools.pairwise(pages):
        if following == number + 1 and blocks and rest:
            _carry_head(blocks, rest)
            _move_rest(blocks, rest)


def _carry_head(blocks: list[Placed], rest: list[Placed]) -> None:
    last = next((placed.block for placed in reversed(blocks) if not isinstance(placed.block, Footnote)), None)
    first = rest[0].block
    if not (isinstance(last, Table) and isinstance(first, Table)) or first.header_rows or not last.header_rows:
        return
    width = max(map(len, last.rows))
    if width == max(map(len, first.rows)):
        rest[0] = Placed(Table([*last.rows[: last.header_rows], *first.rows], last.header_rows, first.title))


def _move_rest(blocks: list[Placed], rest: list[Placed]) -> None:
    """Move the rest of the last sentence of `blocks` from the beginning of `rest`."""
    at = next((index for index in range(len(blocks) - 1, -1, -1) if not isinstance(blocks[index].block, Footnote)), -1)
    last, first = blocks[at].block if at >= 0 else None, rest[0].block
    if not isinstance(last, Paragraph | Item) or not isinstance(first, Paragraph):
        return
    begun = last.text.rstrip()
    if len(begun) < _FEWEST_LETTERS or _SENTENCE_ENDS.search(begun):
        return
    end = sentence_spans(first.text)[0][1] if first.text.strip() else 0
    is_rest = first.text[:1].islower() or (blocks[at].full and _SENTENCE_ENDS.search(first.text[:end]))
    # A page keeps its text if that is all it has.
    is_all = len(rest) == 1 and not first.text[end:].strip()
    if not end or end > _LONGEST_REST or not is_rest or is_all:
        return
    blocks[at] = Placed(replace(last, text=f"{begun}\n{first.text[:end]}"))
    if remaining := first.text[end:].strip():
        rest[0] = Placed(Paragraph(remaining), rest[0].full)
    else:
        del rest[0]
