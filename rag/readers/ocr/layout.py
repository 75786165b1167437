"""Recognised words → the blocks of a page: columns one after the other, lines joined to paragraphs, tables by rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from rag.readers.ocr.words import Recognition, Word
from rag.text.blocks import Block, Heading, Item, Paragraph, Table, page_text

# Shares of the height of a line: words farther apart stand in different cells; lines farther apart, and lines that are
# so much higher than others, are paragraphs of their own or headings.
_CELL_GAP = 0.9
_PARAGRAPH_GAP = 0.75
_HEADING_HEIGHT = 1.4
_LONGEST_HEADING = 120
# Columns of prose have at least so many lines each, which fill this share of their width.
_FEWEST_LINES = 4
_FILLED = 0.6
_DEEPEST = 6
_MOST_GUTTERS = 8
_MOST_COLUMNS = 40
# A line that ends before this share of its column's width ends a paragraph.
_FULL_LINE = 0.8
_SIGN = re.compile(r"([•‣▪◦●○■□▶►·*–—-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,4})[.)]|\(?[가-하][.)]|[①-⑳])\s+(?=\S)")
_BULLET = re.compile(r"[•‣▪◦●○■□▶►·*–—-]")
_NO_BLANKS = "\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uff5e"
_BETWEEN = re.compile(f"(?<=[{_NO_BLANKS}]) (?=[{_NO_BLANKS}])")


@dataclass(slots=True)
class _Cell:
    """Words beside each other without a wide gap."""

    text: str
    left: float
    right: float
    words: list[Word]


@dataclass(slots=True)
class _Row:
    """The cells of a line from left to right, and its upper and lower edge."""

    cells: list[_Cell]
    top: float
    bottom: float

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def left(self) -> float:
        return self.cells[0].left

    @property
    def right(self) -> float:
        return self.cells[-1].right

    @property
    def text(self) -> str:
        return " ".join(cell.text for cell in self.cells)


def laid_out(recognition: Recognition) -> tuple[str, list[Word]]:
    """The text of a page as light Markdown, and the words in the same order: that in which a person reads them."""
    rows = _rows(recognition.words)
    if not rows:
        return "", []
    usual = median(row.height for row in rows)
    regions = list(_regions(rows))
    words = [word for region in regions for row in region for cell in row.cells for word in cell.words]
    return page_text(block for region in regions for block in _blocks(region, usual)), words


def _rows(words: Sequence[Word]) -> list[_Row]:
    lines: list[list[Word]] = []
    centre = height = 0.0
    for word in sorted(words, key=_centre):
        tall = word.box[3] - word.box[1]
        if lines and abs(_centre(word) - centre) < 0.5 * min(height, max(tall, 0.5 * height)):
            lines[-1].append(word)
        else:
            lines.append([word])
        line = lines[-1]
        centre = sum(map(_centre, line)) / len(line)
        height = median(each.box[3] - each.box[1] for each in line)
    return [_row(line) for line in lines]


def _centre(word: Word) -> float:
    return (word.box[1] + word.box[3]) / 2


def _row(line: list[Word]) -> _Row:
    line.sort(key=lambda word: word.box[0])
    height = median(word.box[3] - word.box[1] for word in line)
    cells: list[_Cell] = []
    for word in line:
        left, _, right, _ = word.box
        if cells and left - cells[-1].right < _CELL_GAP * height:
            cells[-1].text = _BETWEEN.sub("", f"{cells[-1].text} {word.text}")
            cells[-1].right = max(right, cells[-1].right)
            cells[-1].words.append(word)
        else:
            cells.append(_Cell(word.text, left, right, [word]))
    # A sign and its item.
    if len(cells) > 1 and _SIGN.match(cells[0].text + " x") and cells[1].left - cells[0].right < 3 * height:
        sign, item = cells[:2]
        cells[:2] = [_Cell(f"{sign.text} {item.text}", sign.left, item.right, sign.words + item.words)]
    return _Row(cells, median(word.box[1] for word in line), median(word.box[3] for word in line))


def _regions(rows: list[_Row], depth: int = 0) -> Iterator[list[_Row]]:
    """The rows in groups in reading order: columns of prose are groups of their own."""
    best: tuple[int, int, int, float] | None = None
    if depth < _DEEPEST and len(rows) >= _FEWEST_LINES:
        for edge in _gutters(rows):
            for start, stop in _bands(rows, edge):
                left, right = _sides(rows[start:stop], edge)
                if (best is None or stop - start > best[0]) and _is_prose(left) and _is_prose(right):
                    best = (stop - start, start, stop, edge)
    if best is None:
        yield rows
        return
    _, start, stop, edge = best
    for part in (rows[:start], *_sides(rows[start:stop], edge), rows[stop:]):
        if part:
            yield from _regions(part, depth + 1)


def _gutters(rows: Sequence[_Row]) -> list[float]:
    """Places just before left edges that several rows share, the most common first."""
    height = median(row.height for row in rows)
    edges = sorted(cell.left for row in rows for cell in row.cells[1:] or row.cells)
    groups: list[list[float]] = []
    for edge in edges:
        if groups and edge - groups[-1][0] < height:
            groups[-1].append(edge)
        else:
            groups.append([edge])
    groups.sort(key=len, reverse=True)
    leftmost = min(row.left for row in rows)
    return [
        group[0] - height / 4
        for group in groups[:_MOST_GUTTERS]
        if len(group) >= _FEWEST_LINES and group[0] > leftmost + 3 * height
    ]


def _bands(rows: Sequence[_Row], edge: float) -> Iterator[tuple[int, int]]:
    """The spans of rows without a cell across the edge."""
    start = 0
    for index in range(len(rows) + 1):
        if index == len(rows) or any(cell.left < edge < cell.right for cell in rows[index].cells):
            if index - start >= _FEWEST_LINES:
                yield start, index
            start = index + 1


def _sides(rows: Sequence[_Row], edge: float) -> tuple[list[_Row], list[_Row]]:
    sides: tuple[list[_Row], list[_Row]] = ([], [])
    for row in rows:
        for side, cells in zip(
            sides,
            ([cell for cell in row.cells if cell.left < edge], [cell for cell in row.cells if cell.left >= edge]),
            strict=True,
        ):
            if cells:
                side.append(_Row(cells, row.top, row.bottom))
    return sides


def _is_prose(rows: Sequence[_Row]) -> bool:
    """Whether the rows are lines of running text, not the column of a table."""
    if len(rows) < _FEWEST_LINES:
        return False
    letters = "".join(row.text for row in rows)
    width = max(row.right for row in rows) - min(row.left for row in rows)
    return (
        sum(char.isdigit() for char in letters) < 0.25 * len(letters)
        and median(len(row.text) for row in rows) >= 12
        and median(row.right - row.left for row in rows) >= _FILLED * width
        and sum(len(row.cells) > 1 for row in rows) < 0.4 * len(rows)
    )


def _blocks(rows: Sequence[_Row], usual: float) -> Iterator[Block]:
    right = max(row.right for row in rows)
    index = 0
    while index < len(rows):
        stop = index
        while stop < len(rows) and len(rows[stop].cells) > 1:
            stop += 1
        if stop - index > 1 and (table := _table(rows[index:stop])):
            yield table
            index = stop
            continue
        stop = index + 1
        while stop < len(rows) and len(rows[stop].cells) == 1 and _goes_on(rows[stop - 1], rows[stop], right):
            stop += 1
        yield _prose(rows[index:stop], usual)
        index = stop


def _goes_on(above: _Row, below: _Row, right: float) -> bool:
    """Whether a line continues the paragraph of the line above it."""
    height = max(above.height, below.height)
    return (
        len(above.cells) == 1
        and below.top - above.bottom < _PARAGRAPH_GAP * height
        and min(above.height, below.height) > height / _HEADING_HEIGHT
        and not _SIGN.match(below.text)
        and below.left < above.left + 4 * height
        and (above.right - above.left > _FULL_LINE * (right - above.left) or below.text[:1].islower())
    )


def _prose(rows: Sequence[_Row], usual: float) -> Block:
    text = rows[0].text
    for row in rows[1:]:
        if re.search(r"[^\W\d_]-$", text) and row.text[:1].islower():
            text = text[:-1] + row.text
        else:
            text = _BETWEEN.sub("", f"{text} {row.text}")
    if median(row.height for row in rows) > _HEADING_HEIGHT * usual and len(text) < _LONGEST_HEADING:
        return Heading(text, 2)
    sign = _SIGN.match(text)
    if sign:
        return Item(text[sign.end() :], "-" if _BULLET.fullmatch(sign[1]) else sign[1])
    return Paragraph(text)


def _table(rows: Sequence[_Row]) -> Table | None:
    columns = _columns([(cell.left, cell.right) for row in rows for cell in row.cells])
    if not 2 <= len(columns) <= _MOST_COLUMNS:
        return None
    cells = [[""] * len(columns) for _ in rows]
    for row, texts in zip(rows, cells, strict=True):
        for cell in row.cells:
            at = next(n for n, (left, right) in enumerate(columns) if cell.left >= left and cell.right <= right)
            texts[at] = f"{texts[at]} {cell.text}".strip()
    has_head = not any(re.search(r"\d", text) and not re.search(r"(19|20)\d\d", text) for text in cells[0][1:])
    return Table(cells, 1 if has_head else 0)


def _columns(extents: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The intervals that the extents cover together."""
    columns: list[tuple[float, float]] = []
    for left, right in sorted(extents):
        if columns and left < columns[-1][1]:
            columns[-1] = (columns[-1][0], max(right, columns[-1][1]))
        else:
            columns.append((left, right))
    return columns
