"""Rows of a PDF's page → blocks: headings by size and weight, paragraphs, items, notes and tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from rag.readers.pdf_layout import SIGN, Row, page_rows, regions
from rag.readers.pdf_runs import Run
from rag.readers.pdf_tables import find_tables
from rag.text.blocks import Block, Footnote, Heading, Item, Paragraph, Table, Tick

# A heading's type is at least this much larger than the text's, or it is bold. It has this many characters and lines.
_LARGER = 1.15
_LONGEST_HEADING = 160
_LONGEST_BOLD = 110
_MOST_HEADING_LINES = 3
_LEVELS = 3
# Shares of the usual distance of lines, and of the type size.
_PARAGRAPH_GAP = 1.35
_SIZE_CHANGE = 0.12
_INDENT = 0.8
_FEWEST_ENTRIES = 3

_CAPTION = re.compile(r"(?i)(?:table|figure|fig\.|chart|exhibit|tabelle|tableau|표|그림|図|表)\s*\d")
_ENDS = re.compile(r"[.!?…。！？][\"'”’»)\]]*(?:\[\^\w+\])*$")
_NOTE = re.compile(r"\(?(\d{1,2}|[a-z*†‡])[.)]?\s+(?=\S)")
_LETTER = re.compile(r"[^\W\d_]")
_LEADERS = re.compile(r"\s*(?:[.·…_]\s?){4,}\s*")
_LEADER_SIGNS = ("..", ". .", "……", "··", "__", "· ·")
_PAGE = re.compile(r"(?:[A-Z]-?)?\d{1,4}|[ivxlc]{1,7}")
_CONTENTS = re.compile(
    r"(?i)(?:table of )?contents|index|inhalt(?:sverzeichnis)?|table des matières|índice|목\s*차|目\s*[次录]"
)
_TICK = re.compile(r"\[([x ])\] (.*)")


@dataclass(slots=True)
class Style:
    """The type of a document: the size of its running text, and the sizes of its headings, the largest first."""

    body: float = 10.0
    headings: list[float] = field(default_factory=list)
    bold_headings: bool = True

    def level(self, row: Row) -> int:
        """The level of a heading with the type of this row; 0 for other text."""
        if row.level < 0:
            row.level = self._level(row)
        return row.level

    def _level(self, row: Row) -> int:
        text = row.text
        if not _LETTER.search(text) or text[0] in "([" or _CAPTION.match(text) or row.runs[0].mark or "[^" in text[:4]:
            return 0
        if (
            len(row.runs) > 2
            or sum(map(str.isdigit, text)) > len(text) / 3
            or (SIGN.match(text) and text[0] in "•‣▪◦●○■□▶►➤*·")
        ):
            return 0
        if (
            row.size >= _LARGER * self.body
            and len(text) <= _LONGEST_HEADING
            and not (_ENDS.search(text) and len(text) > 60)
        ):
            return 1 + next(
                (index for index, size in enumerate(self.headings) if row.size > 0.95 * size), len(self.headings)
            )
        bold = self.bold_headings and row.bold and row.size >= 0.93 * self.body and len(text) <= _LONGEST_BOLD
        return len(self.headings) + (1 if text.isupper() else 2) if bold and text[-1] not in ".,;:" else 0


def document_style(pages: Iterable[Sequence[Row]]) -> Style:
    """The type of the document, from the rows of its pages."""
    characters: Counter[float] = Counter()
    bold: Counter[bool] = Counter()
    large: Counter[float] = Counter()
    for rows in pages:
        for row in rows:
            size, length = round(row.size * 2) / 2, len(row.text)
            characters[size] += length
            bold[row.bold] += length
            if length <= _LONGEST_HEADING and _LETTER.search(row.text):
                large[size] += 1
    if not characters:
        return Style()
    body = characters.most_common(1)[0][0]
    sizes: list[float] = []
    for size in sorted((size for size in large if size >= _LARGER * body), reverse=True):
        if not sizes or size < 0.92 * sizes[-1]:
            sizes.append(size)
    # Titles alone would take up all levels: the smaller sizes of many are one level.
    return Style(body, sizes[:_LEVELS], bold[True] < bold[False])


@dataclass(slots=True)
class Placed:
    """A block, and whether its last line is full, so that its text may go on elsewhere."""

    block: Block
    full: bool = False


def page_blocks(rows: list[Row], style: Style) -> list[Placed]:
    """The blocks of a page, or of what is left of it without its edges, in reading order."""
    runs = [run for row in rows for run in row.runs]
    if any(_has_leaders(run.text) for run in runs):
        rows = page_rows(_without_leaders(runs))
    if entries := _contents(rows, runs):
        return entries
    marks = set(re.findall(r"\[\^(\w+)\]", " ".join(run.text for run in runs)))
    placed: list[Placed] = []
    for group in regions(rows):
        position = 0
        for found in find_tables(group):
            placed += _prose(group[position : found.start], style, marks)
            placed.append(Placed(found.table))
            position = found.stop
        placed += _prose(group[position:], style, marks)
    return placed


def _has_leaders(text: str) -> bool:
    return any(sign in text for sign in _LEADER_SIGNS) and bool(_LEADERS.search(text))


def _without_leaders(runs: Sequence[Run]) -> list[Run]:
    """The runs without rows of dots; a run with such a row in it becomes the two runs on both sides."""
    kept: list[Run] = []
    for run in runs:
        match = _LEADERS.search(run.text) if _has_leaders(run.text) else None
        if match is None:
            kept.append(run)
            continue
        before, after = run.text[: match.start()], _LEADERS.sub(" ", run.text[match.end() :]).strip()
        if before.strip():
            width = (run.x1 - run.x0) * match.start() / max(len(run.text), 1)
            kept.append(Run(before, run.x0, run.x0 + width, run.base, run.size, run.bold, run.mark))
        if after:
            width = min(0.55 * run.size * len(after), run.x1 - run.x0)
            kept.append(Run(after, run.x1 - width, run.x1, run.base, run.size, run.bold))
    return kept


def _contents(rows: Sequence[Row], runs: Sequence[Run]) -> list[Placed]:
    """The entries of a page of contents, a line each; empty if the page is none."""
    if len(rows) < _FEWEST_ENTRIES or any(run.table for run in runs):
        return []
    entries = [
        (len(row.runs) > 1 and bool(_PAGE.fullmatch(row.runs[-1].text)) and not _PAGE.fullmatch(row.runs[0].text))
        or bool(re.search(r"\D\s+\d{1,4}$", row.text))
        for row in rows
    ]
    leaders = sum(_has_leaders(run.text) for run in runs)
    titled = any(_CONTENTS.fullmatch(row.text.strip(" :")) for row in rows[:4])
    pages = [
        int(found[0])
        for row, entry in zip(rows, entries, strict=True)
        if entry and (found := re.search(r"\d+$", row.text))
    ]
    ascending = sum(a <= b for a, b in pairwise(pages)) >= 0.8 * max(len(pages) - 1, 1)
    enough = sum(entries) >= max(_FEWEST_ENTRIES, (0.4 if leaders > _FEWEST_ENTRIES or titled else 2.0) * len(rows))
    if not (enough and ascending and (titled or leaders >= max(_FEWEST_ENTRIES, 0.5 * sum(entries)))):
        return []
    return [Placed(Paragraph("\n".join(row.text for row in rows)))]


def _prose(rows: Sequence[Row], style: Style, marks: set[str]) -> list[Placed]:
    """The blocks of rows that are no table."""
    placed: list[Placed] = []
    if not rows:
        return placed
    gaps = [below.base - above.base for above, below in pairwise(rows) if abs(below.size - above.size) < 1]
    usual = median([gap for gap in gaps if 0 < gap < 2.2 * style.body] or [1.2 * style.body])
    right = max((row.x1 for row in rows if len(row.text) > 30), default=max(row.x1 for row in rows))
    left = min(row.x0 for row in rows)
    part: list[Row] = []
    for row in rows:
        if row.runs[0].table is not None:
            placed += _block(part, style, marks, right, left)
            part = []
            placed.append(Placed(row.runs[0].table))
        elif part and _begins(part, row, style, marks, usual, right):
            placed += _block(part, style, marks, right, left)
            part = [row]
        else:
            part.append(row)
    return placed + _block(part, style, marks, right, left)


def _begins(part: Sequence[Row], row: Row, style: Style, marks: set[str], usual: float, right: float) -> bool:
    """Whether `row` begins a block, after the rows of `part`."""
    last, text = part[-1], row.text
    gap = row.base - last.base
    larger = max(row.size, last.size)
    if gap < 0 or gap > _PARAGRAPH_GAP * max(usual, 1.1 * larger) or abs(row.size - last.size) > _SIZE_CHANGE * larger:
        return True
    level = style.level(row)
    if level != style.level(last):
        return True
    if level and last.x1 < right - 0.25 * (right - last.x0) and row.size < 1.3 * style.body:
        return True
    if row.runs[0].mark or _note(row, style, marks) or _TICK.match(text):
        return True
    ended = bool(re.search(r"[.:;!?。,]$|\b(?:and|or)$", last.text)) or last.x1 < right - 0.15 * (right - last.x0)
    if SIGN.match(text) and (ended or abs(row.x0 - last.x0) > 3 or bool(SIGN.match(part[0].text))):
        return True
    if any(run.entry for run in (*row.runs, *last.runs)):
        return True
    # Short lines below each other, such as an address or a form, stay lines of a paragraph.
    indented = row.x0 > last.x0 + _INDENT * row.size and (len(part) == 1 or abs(last.x0 - part[-2].x0) < 2)
    return indented and bool(_ENDS.search(last.text)) and not SIGN.match(part[0].text)


def _note(row: Row, style: Style, marks: set[str]) -> str:
    """The mark of a note that begins with this row, if the mark stands in the page's text."""
    match = _NOTE.match(row.text)
    return match[1] if match and row.size < 0.95 * style.body and match[1] in marks else ""


def _block(part: Sequence[Row], style: Style, marks: set[str], right: float, left: float) -> list[Placed]:
    if not part:
        return []
    first = part[0]
    lines = [row.text for row in part]
    text = "\n".join(lines)
    full = part[-1].x1 > right - 0.12 * max(right - left, 1)
    if first.runs[0].mark:
        return [Placed(Footnote(first.runs[0].mark.strip("().[] "), text))]
    if mark := _note(first, style, marks):
        return [Placed(Footnote(mark, text[_NOTE.match(text).end() :]))]  # type: ignore[union-attr]
    if tick := _TICK.match(text):
        return [Placed(Tick(tick[2], tick[1] == "x"))]
    level = style.level(first)
    if level and len(part) <= _MOST_HEADING_LINES and len(text) <= _LONGEST_HEADING:
        return [Placed(Heading(" ".join(lines), 1 + level))]
    if (sign := SIGN.match(text)) and len(text) > sign.end() + 1:
        printed = sign[0] if any(map(str.isalnum, sign[0])) and sign[0] != "o" else "-"
        return [Placed(Item(text[sign.end() :].strip(), printed), full)]
    return [Placed(Paragraph(text), full)]


__all__ = ["Placed", "Style", "Table", "document_style", "page_blocks"]
