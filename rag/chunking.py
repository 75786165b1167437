"""Pages to chunks: whole sentences up to a number of tokens, each with its page, its span and its headings.

A chunk never crosses a page, so that its page number and its span are exact. A change here changes VERSION, which is
part of a collection's fingerprint.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from rag.headings import page_headings
from rag.schema import Chunk, Page

VERSION = "1"

TARGET_TOKENS = 200
OVERLAP_TOKENS = 40
UNITS_TOGETHER = 20_000
CHARACTERS_TOGETHER = 500_000
CONTEXT_CHARACTERS = 160
# A tokenizer takes a "word" of a million letters (a hash, base64, Korean without blanks) for one unknown token; text
# that is longer than this for each of its tokens isn't prose.
CHARACTERS_PER_TOKEN = 16
# Special tokens, and the blanks between the parts, that the model sees beside context and text.
RESERVED_TOKENS = 8

CountTokens = Callable[[list[str]], list[int]]

_BLOCK = re.compile(r"\n[ \t]*\n+")
_HEADING = re.compile(r"(#{1,6})[ \t]+(\S.*)")
_TABLE_ROW = re.compile(r"[ \t]*\|.*\|[ \t]*")
_LIST_ITEM = re.compile(r"[ \t]*(?:[-*+•‣▪]|\d{1,3}[.)])[ \t]+\S")
# The end of a sentence: closing marks, then white space; ideographic full stops need no space after them. A blank
# line ends one too, and so does a line before a heading, a list item or a table row.
_SENTENCE_END = re.compile(
    r"(?<=[.!?…])[\"'”’»)\]]*\s+(?=[\"'“‘«(\[]*[^\sa-z])"
    r"|(?<=[。！？])[」』”’）]*\s*"
    r"|\n[ \t]*\n\s*"
    r"|\n(?=[ \t]*(?:#{1,6}[ \t]|\||[-*+•‣▪][ \t]|\d{1,3}[.)][ \t]))"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|Sr|Jr|St|vs|etc|e\.g|i\.e|cf|al|Fig|Figs|Eq|No|Nos|Vol|pp|Inc|Ltd|Co|Corp"
    r"|approx|dept|est|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)|\.[A-Za-z])\.$"
)


@dataclass(slots=True)
class _Unit:
    """The smallest thing that isn't cut: a sentence, a table row, a list item, a heading."""

    start: int
    end: int
    context: str
    tokens: int = 0
    is_row: bool = False


def sentence_spans(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """The half-open spans of the sentences of `text[start:end]`, without the white space around them."""
    end = len(text) if end is None else end
    spans: list[tuple[int, int]] = []
    begin = start
    for match in _SENTENCE_END.finditer(text, start, end):
        # "e.g. the" and "U.S. dollars" go on: look at the few characters before the full stop.
        if _ABBREVIATION.search(text, max(begin, match.start() - 8), match.start()):
            continue
        _append_trimmed(spans, text, begin, match.end())
        begin = match.end()
    _append_trimmed(spans, text, begin, end)
    return spans


def chunk_pages(
    pages: Sequence[Page], file_name: str, count_tokens: CountTokens, max_tokens: int = 256
) -> Iterator[Chunk]:
    """The chunks of a document, in order, none longer than `max_tokens` together with its context.

    `count_tokens` gives the number of tokens of each text; `max_tokens` is the embedding model's window.
    """
    title = document_title(file_name)
    headings: list[str] = []
    # Pages of marked-up formats have their headings in the text.
    marked = any(_HEADING.match(page.text) for page in pages)
    found = [""] * len(pages) if marked else page_headings(pages)
    for page, heading in zip(pages, found, strict=True):
        if page.number is not None and (not marked or _HEADING.match(page.text)):
            headings.clear()  # a slide, a sheet or a page with a heading of its own begins anew
            headings += [heading] if heading else []
        # A long text is taken in parts, without an overlap between them: its units take more memory than itself.
        units = _units(page.text, title, headings)
        while part := list(itertools.islice(units, UNITS_TOGETHER)):
            for chunk in _pack(page, part, count_tokens, max_tokens):
                if re.search(r"\w", chunk.text):  # a rule or a bullet alone is no evidence of anything
                    yield chunk


def document_title(file_name: str) -> str:
    """What a file name says about its content: its words, without the ending; empty for a bare number or code."""
    stem = PurePath(file_name.replace("\\", "/")).stem
    words = re.sub(r"[_\-.\s]+", " ", stem).strip()
    return words if re.search(r"[^\W\d_]{3,}", words) else ""


def _units(text: str, title: str, headings: list[str]) -> Iterator[_Unit]:
    """Cut `text` into units; `headings` is the path so far and is carried on to the next page."""
    position = 0
    for block_end in [match.start() for match in _BLOCK.finditer(text)] + [len(text)]:
        begin = position
        while begin < block_end and text[begin].isspace():
            begin += 1
        position = block_end
        if begin >= block_end:
            continue
        yield from _block_units(text, begin, block_end, title, headings)


def _block_units(text: str, begin: int, end: int, title: str, headings: list[str]) -> Iterator[_Unit]:
    header = ""  # the first row of the table that is being read
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
            yield _Unit(start, stop, _context(title, headings[:-1]))
        elif is_row:
            yield _Unit(start, stop, _context(title, headings, header), is_row=True)
            header = header or re.sub(r"\s+", " ", line).strip(" |")
        else:
            header = ""
            if prose_from is None:
                prose_from = start
    if prose_from is not None:
        yield from _sentences(text, prose_from, end, _context(title, headings))


def _sentences(text: str, start: int, end: int, context: str) -> Iterator[_Unit]:
    for begin, stop in sentence_spans(text, start, end):
        yield _Unit(begin, stop, context)


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


def _pack(page: Page, units: list[_Unit], count_tokens: CountTokens, max_tokens: int) -> Iterator[Chunk]:
    """Fill chunks with units up to the target, beginning each with the last sentences of the one before."""
    # A long context must leave the text at least half of the window.
    most = max(max_tokens // 2 - RESERVED_TOKENS, 0)
    contexts = {context: _shortened(context, most, count_tokens) for context in {unit.context for unit in units}}
    room = max_tokens - RESERVED_TOKENS - max((tokens for _, tokens in contexts.values()), default=0)
    limit = min(TARGET_TOKENS, room) if max_tokens <= 512 else min(2 * TARGET_TOKENS, room)
    for unit, tokens in zip(units, _sizes(page.text, [(u.start, u.end) for u in units], count_tokens), strict=True):
        unit.context, unit.tokens = contexts[unit.context][0], tokens
    units = [piece for unit in units for piece in _split(page.text, unit, count_tokens, limit)]

    current: list[_Unit] = []
    size = 0
    for unit in units:
        # A megabyte of blanks between two sentences takes no tokens, but it is in the chunk's text.
        far = bool(current) and unit.end - current[0].start > limit * CHARACTERS_PER_TOKEN
        new_section = bool(current) and unit.context != current[-1].context and not (unit.is_row or current[-1].is_row)
        # A heading change ends a chunk that is already worth standing alone.
        if current and (far or size + unit.tokens > limit or (new_section and size > limit // 2)):
            yield _chunk(page, current)
            current = [] if far or new_section else _tail(current, limit - unit.tokens)
            size = sum(kept.tokens for kept in current)
        current.append(unit)
        size += unit.tokens
    if current:
        yield _chunk(page, current)


def _shortened(context: str, most: int, count_tokens: CountTokens) -> tuple[str, int]:
    """The beginning of `context` that takes at most `most` tokens, and how many it takes."""
    tokens = count_tokens([context])[0] if context else 0
    while tokens > most:
        context = context[: len(context) * most // tokens]
        tokens = count_tokens([context])[0] if context else 0
    return context, tokens


def _sizes(text: str, spans: Sequence[tuple[int, int]], count_tokens: CountTokens) -> list[int]:
    """What each span of `text` takes of a chunk, in tokens."""
    counts = [0] * len(spans)
    owners: list[int] = []
    pieces: list[str] = []
    characters = 0
    for owner, (start, end) in enumerate(spans):
        for begin, stop in _short_spans(text, start, end):
            owners.append(owner)
            pieces.append(text[begin:stop])
            characters += stop - begin
            if characters > CHARACTERS_TOGETHER:
                _add_counts(counts, owners, count_tokens(pieces))
                owners, pieces, characters = [], [], 0
    _add_counts(counts, owners, count_tokens(pieces))
    return [max(n, -(-(b - a) // CHARACTERS_PER_TOKEN)) for n, (a, b) in zip(counts, spans, strict=True)]


def _add_counts(counts: list[int], owners: list[int], found: list[int]) -> None:
    for owner, count in zip(owners, found, strict=True):
        counts[owner] += count


def _short_spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The span cut at white space into parts that a tokenizer can take: it needs a hundred bytes for a character."""
    while end - start > CHARACTERS_TOGETHER:
        blank = text.rfind(" ", start + CHARACTERS_TOGETHER // 2, start + CHARACTERS_TOGETHER)
        stop = blank if blank > 0 else start + CHARACTERS_TOGETHER
        yield start, stop
        start = stop
    yield start, end


def _tail(units: list[_Unit], room: int) -> list[_Unit]:
    """The last whole sentences that the next chunk repeats; rows aren't repeated, each stands for itself."""
    kept: list[_Unit] = []
    size = 0
    for unit in reversed(units[1:]):
        size += unit.tokens
        if unit.is_row or size > min(OVERLAP_TOKENS, room):
            break
        kept.insert(0, unit)
    return kept


def _chunk(page: Page, units: list[_Unit]) -> Chunk:
    start, end = units[0].start, units[-1].end
    return Chunk(page.text[start:end], page.number, start, end, units[0].context)


def _split(text: str, unit: _Unit, count_tokens: CountTokens, limit: int) -> Iterator[_Unit]:
    """Cut a unit that is longer than a chunk at white space, or anywhere where there is none."""
    if unit.tokens <= limit:
        yield unit
        return
    pieces = -(-unit.tokens // limit)
    width = max((unit.end - unit.start) // pieces, 1)
    spans: list[tuple[int, int]] = []
    begin = unit.start
    while begin < unit.end:
        stop = min(begin + width, unit.end)
        if stop < unit.end:
            blank = max(text.rfind(" ", begin, stop), text.rfind("\n", begin, stop), text.rfind("\t", begin, stop))
            stop = blank + 1 if blank > begin + width // 2 else stop
        _append_trimmed(spans, text, begin, stop)
        begin = stop
    for (a, b), tokens in zip(spans, _sizes(text, spans, count_tokens), strict=True):
        piece = _Unit(a, b, unit.context, tokens, unit.is_row)
        if tokens > limit and b - a > 1:
            yield from _split(text, piece, count_tokens, limit)
        else:
            yield piece


def _append_trimmed(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        spans.append((start, end))
