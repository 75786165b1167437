"""Cuts a text into the units of which chunks are made: sentences, table rows, list items and headings.

A change here may change the chunks: then change the version of `rag.text.chunking`, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rag.text.sentences import sentence_spans

# The most characters of a context.
CONTEXT_CHARACTERS = 160

# A blank line, which ends a paragraph, a list or a table.
_BLANK_LINES = re.compile(r"\n[ \t]*\n+")
_HEADING = re.compile(r"(#{1,6})[ \t]+(\S.*)")
_TABLE_ROW = re.compile(r"[ \t]*\|.*\|[ \t]*")
_LIST_ITEM = re.compile(r"[ \t]*(?:[-*+•‣▪]|\d{1,3}[.)])[ \t]+\S")


@dataclass(slots=True)
class Unit:
    """A sentence, a table row, a list item or a heading: its half-open span in the text, its context (the title and the
    headings above it), and its length in tokens, once they are counted."""

    start: int
    end: int
    context: str
    tokens: int = 0
    is_row: bool = False


@dataclass(slots=True)
class Place:
    """A place in a document: the document's title, the path of headings, and the first row of the table around the
    place. It moves on while text is cut."""

    title: str
    headings: list[str] = field(default_factory=list)
    header: str = ""


def cut_units(text: str, place: Place) -> Iterator[Unit]:
    """Cut `text`, which begins at `place`, into units. Moves `place` to the end of the text."""
    position = 0
    for number, block_end in enumerate([match.start() for match in _BLANK_LINES.finditer(text)] + [len(text)]):
        if number:
            place.header = ""
        begin = position
        while begin < block_end and text[begin].isspace():
            begin += 1
        position = block_end
        if begin >= block_end:
            continue
        yield from _block_units(text, begin, block_end, place)


def begins_with_heading(text: str) -> bool:
    """Whether the text begins with a heading in Markdown."""
    return bool(_HEADING.match(text))


def _block_units(text: str, begin: int, end: int, place: Place) -> Iterator[Unit]:
    title, headings = place.title, place.headings
    prose_from: int | None = None
    for start, stop in _lines(text, begin, end):
        line = text[start:stop]
        heading = _HEADING.match(line)
        is_row = bool(_TABLE_ROW.fullmatch(line))
        ends_prose = bool(heading or is_row or _LIST_ITEM.match(line))
        if ends_prose and prose_from is not None:
            yield from _sentences(text, prose_from, start, _context(title, headings))
            prose_from = None
        if heading:
            level = len(heading[1])
            del headings[level - 1 :]
            headings.extend([""] * (level - 1 - len(headings)))
            headings.append(heading[2].strip("# *\t"))
            yield Unit(start, stop, _context(title, headings[:-1]))
        elif is_row:
            yield Unit(start, stop, _context(title, headings, place.header), is_row=True)
            place.header = place.header or re.sub(r"\s+", " ", line).strip(" |")
        else:
            place.header = ""
            if prose_from is None:
                prose_from = start
    if prose_from is not None:
        yield from _sentences(text, prose_from, end, _context(title, headings))


def _sentences(text: str, start: int, end: int, context: str) -> Iterator[Unit]:
    for begin, stop in sentence_spans(text, start, end):
        yield Unit(begin, stop, context)


def _lines(text: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
    while begin < end:
        stop = text.find("\n", begin, end)
        stop = end if stop < 0 else stop
        yield begin, stop
        begin = stop + 1


def _context(title: str, headings: Sequence[str], header: str = "") -> str:
    parts = [part for part in (title, *headings, header) if part]
    joined = " > ".join(dict.fromkeys(parts))
    return joined if len(joined) <= CONTEXT_CHARACTERS else joined[: CONTEXT_CHARACTERS - 1] + "…"
