"""Cuts a text into the units of which chunks are made: sentences, table rows, list items and headings.

A change here may change the chunks: then change the version of `rag.text.chunking`, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rag.text.sentences import sentence_spans
from rag.text.written import FULL_STOPS, TITLE_CHARACTERS

# The most characters of a context's first line (title and headings), and of its other lines (a table's title and head).
CONTEXT_CHARACTERS = 160
TABLE_CHARACTERS = 1_000
# A blank line, which ends a paragraph, a list or a table.
_BLANK_LINES = re.compile(r"\n[ \t]*\n+")
_HEADING = re.compile(r"(#{1,6})[ \t]+(\S.*)")
_TABLE_ROW = re.compile(r"[ \t]*\|.*\|[ \t]*")
_LIST_ITEM = re.compile(r"[ \t]*(?:[-*+•‣▪]|\d{1,3}[.)]|\([^\W_]{1,4}\))[ \t]+\S")
_FENCE = re.compile(r" {0,3}(`{3,})")


@dataclass(slots=True)
class Unit:
    """A sentence, a table row, a list item, a heading or a line of code: its half-open span in the text, its context,
    and its length in tokens, once they are counted.

    The first line of a context has the title and the headings above the unit. Further lines have the title and the head
    of the table around it.
    """

    start: int
    end: int
    context: str
    tokens: int = 0
    is_row: bool = False


@dataclass(slots=True)
class Place:
    """A place in a document: the document's title, the path of headings, the paragraph before, which may be a table's
    title, the title and head of the table around the place, and the fence of the code around it.

    It moves on while text is cut. `guess` is a heading of the path that isn't marked as one, and `pages` is the number
    of pages begun since the last marked heading.
    """

    title: str
    headings: list[str] = field(default_factory=list)
    paragraph: str = ""
    table: list[str] | None = None
    fence: str = ""
    guess: str = ""
    pages: int = 0


def cut_units(text: str, place: Place) -> Iterator[Unit]:
    """Cut `text`, which begins at `place`, into units. Moves `place` to the end of the text."""
    position = 0
    for number, block_end in enumerate([match.start() for match in _BLANK_LINES.finditer(text)] + [len(text)]):
        if number:
            place.table = None
        begin = position
        while begin < block_end and text[begin].isspace():
            begin += 1
        position = block_end
        if begin >= block_end:
            continue
        yield from _block_units(text, begin, block_end, place)


def begins_with_heading(text: str, lowest: int = 6) -> bool:
    """Whether the text begins with a heading in Markdown of level 1 to `lowest`."""
    heading = _HEADING.match(text)
    return bool(heading and len(heading[1]) <= lowest)


def first_heading(text: str) -> str:
    """The heading with which the text begins, without its marks; empty if it begins otherwise."""
    heading = _HEADING.match(text)
    return _without_marks(heading[2]) if heading else ""


def _without_marks(heading: str) -> str:
    return heading.strip("# *\t")


def _block_units(text: str, begin: int, end: int, place: Place) -> Iterator[Unit]:
    title, headings = place.title, place.headings
    prose_from: int | None = None
    for start, stop in _lines(text, begin, end):
        line = text[start:stop]
        fence = _FENCE.match(line)
        is_code = bool(place.fence or fence)
        heading = None if is_code else _HEADING.match(line)
        is_row = not is_code and bool(_TABLE_ROW.fullmatch(line))
        ends_prose = bool(is_code or heading or is_row or _LIST_ITEM.match(line))
        if ends_prose and prose_from is not None:
            yield from _prose(text, prose_from, start, place)
            prose_from = None
        if is_code:
            if fence:
                place.fence = _fence_after(place.fence, fence[1], line)
            place.paragraph = ""
            yield from _line_unit(text, start, stop, _context(title, headings))
        elif heading:
            level = len(heading[1])
            del headings[level - 1 :]
            headings.extend([""] * (level - 1 - len(headings)))
            headings.append(_without_marks(heading[2]))
            place.paragraph, place.pages = "", 0
            yield Unit(start, stop, _context(title, headings[:-1]))
        elif is_row:
            if place.table is None:
                place.table = [place.paragraph] if place.paragraph else []
                yield Unit(start, stop, _context(title, headings, place.table), is_row=True)
                place.table = [*place.table, " ".join(line.split())]
            else:
                yield Unit(start, stop, _context(title, headings, place.table), is_row=True)
            place.paragraph = ""
        else:
            place.table = None
            if prose_from is None:
                prose_from = start
    if prose_from is not None:
        yield from _prose(text, prose_from, end, place)


def _fence_after(open_fence: str, fence: str, line: str) -> str:
    """The fence of the code around the line after this one; empty outside of code."""
    if not open_fence:
        return fence
    closes = len(fence) >= len(open_fence) and line.strip() == fence
    return "" if closes else open_fence


def _line_unit(text: str, start: int, stop: int, context: str) -> Iterator[Unit]:
    while start < stop and text[start].isspace():
        start += 1
    while stop > start and text[stop - 1].isspace():
        stop -= 1
    if start < stop:
        yield Unit(start, stop, context)


def _prose(text: str, start: int, end: int, place: Place) -> Iterator[Unit]:
    """The sentences of running text. A short paragraph that ends without a full stop may be the title of a table."""
    paragraph = text[start:end].strip() if end - start <= 2 * TITLE_CHARACTERS else ""
    is_title = 0 < len(paragraph) <= TITLE_CHARACTERS and paragraph[-1] not in FULL_STOPS
    place.paragraph = paragraph if is_title else ""
    context = _context(place.title, place.headings)
    for begin, stop in sentence_spans(text, start, end):
        yield Unit(begin, stop, context)


def _lines(text: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
    while begin < end:
        stop = text.find("\n", begin, end)
        stop = end if stop < 0 else stop
        yield begin, stop
        begin = stop + 1


def _context(title: str, headings: Sequence[str], table: Sequence[str] = ()) -> str:
    parts = list(dict.fromkeys(part for part in (title, *headings) if part))
    # The title and the nearest headings say most.
    while len(parts) > 2 and len(" > ".join(parts)) > CONTEXT_CHARACTERS:
        del parts[1]
    path = " > ".join(parts)
    lines = "\n".join(line for line in table if re.search(r"\w", line))
    return "\n".join(filter(None, [_cut(path, CONTEXT_CHARACTERS), _cut(lines, TABLE_CHARACTERS)]))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
