"""Pages → chunks: whole sentences, up to a number of tokens. Each chunk has its page, its span and its headings.

A chunk never crosses a page, so that its page number and its span are exact. Change VERSION with any change of the text
that is read or of chunks, in the readers, here, or in sentences and units: it is part of a collection's fingerprint.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from rag.schema import Chunk, Page
from rag.text.headings import page_headings
from rag.text.long_texts import texts_in_segments
from rag.text.sentences import append_trimmed
from rag.text.units import Place, Unit, begins_with_heading, cut_units, first_heading
from rag.text.written import as_words, marks_in, notes_by_mark

VERSION = "2"

# The most tokens of a chunk, and of the sentences that it repeats from the chunk before.
TARGET_TOKENS = 200
OVERLAP_TOKENS = 40
# A section ends at UNITS_TOGETHER units, or once it has more than SECTION_CHARACTERS characters.
UNITS_TOGETHER = 20_000
SECTION_CHARACTERS = 16_000_000
# Characters given to the tokenizer at a time.
CHARACTERS_TOGETHER = 500_000
# Prose has fewer characters for each token. A tokenizer takes a "word" of a million letters (a hash, base64, Korean
# without blanks) for one unknown token, so a text counts at least one token for this many characters.
CHARACTERS_PER_TOKEN = 16
# A heading that stands more pages back yields to a line at the top of a page that reads like a heading.
SECTION_PAGES = 1
# The notes that a chunk's context has at most.
MOST_NOTES = 5
# Tokens beside context and text: special tokens, and the line end between the two.
RESERVED_TOKENS = 8

CountTokens = Callable[[list[str]], list[int]]


def chunk_pages(
    pages: Sequence[Page], file_name: str, count_tokens: CountTokens, max_tokens: int = 256
) -> Iterator[Chunk]:
    """The chunks of a document, in order. No chunk has more than `max_tokens` tokens together with its context.

    `count_tokens` gives the number of tokens of each text. `max_tokens` is the embedding model's window.
    """
    place = Place(document_title(file_name))
    numbered = [page for page in pages if page.number is not None]
    # Slides and sheets begin with their title, of level 1, which PDFs don't have.
    titled = any(begins_with_heading(page.text, 1) for page in numbered)
    guesses = iter([""] * len(numbered) if titled else page_headings(numbered))
    for number, segments in texts_in_segments(pages):
        first = next(segments)
        if number is not None:
            _turn_page(place, first, next(guesses), titled)
        place.table, place.paragraph, place.fence = None, "", ""
        for section in _sections(number, itertools.chain([first], segments), place):
            for chunk in _pack(section, count_tokens, max_tokens):
                if re.search(r"\w", chunk.text):  # a rule or a bullet alone can't answer a question
                    yield chunk


def _turn_page(place: Place, text: str, guess: str, titled: bool) -> None:
    """Move `place` to the beginning of a page. `guess` is the line at its top that reads like a heading, if any.

    A section goes on over pages. But a page that begins with a heading is about this heading, also where another one of
    the same level follows; the headings before it don't reach into such a page, slide or sheet.
    """
    if place.guess and place.headings[:1] == [place.guess]:
        place.headings[0] = ""  # it says what its own page is about, and no more
    place.guess = ""
    place.pages += 1
    if begins_with_heading(text, 1 if titled else 6):
        place.headings = [] if titled else [first_heading(text)]
    elif guess and (place.pages > SECTION_PAGES or not any(place.headings)):
        place.headings, place.guess = [guess], guess


@dataclass(frozen=True, slots=True)
class _Section:
    """At most UNITS_TOGETHER units, and the piece of the page's text around them. `begin` is the piece's place in the
    page's text."""

    page: int | None
    begin: int
    text: str
    units: list[Unit]


def _sections(page: int | None, segments: Iterable[str], place: Place) -> Iterator[_Section]:
    """The sections of a page's text. They are chunked one by one, without an overlap, since units take more memory than
    their text."""
    begin, text = 0, ""
    units: list[Unit] = []
    for segment in segments:
        offset = len(text)
        text += segment
        for unit in cut_units(segment, place):
            unit.start += offset
            unit.end += offset
            units.append(unit)
            if len(units) == UNITS_TOGETHER:
                yield _Section(page, begin, text, units)
                begin, text, units, offset = begin + offset, segment, [], 0
        if not units:
            begin, text = begin + len(text), ""
        elif len(text) > SECTION_CHARACTERS:  # few but long units
            yield _Section(page, begin, text, units)
            begin, text, units = begin + len(text), "", []
    if units:
        yield _Section(page, begin, text, units)


def document_title(file_name: str) -> str:
    """The words of a file name without its suffix; empty for a bare number or code, which tells nothing."""
    stem = PurePath(file_name.replace("\\", "/")).stem
    words = re.sub(r"[_\-.\s]+", " ", stem).strip()
    return words if re.search(r"[^\W\d_]{3,}", words) else ""


def in_context(chunk: Chunk, file_name: str) -> str:
    """The text that is embedded and indexed for a chunk: as much of its context as fits, a line end, and its text."""
    context = chunk.embedded_context or document_title(file_name)
    text = f"{context}\n{chunk.text}" if context and not chunk.text.startswith(context) else chunk.text
    return as_words(text)


def _pack(section: _Section, count_tokens: CountTokens, max_tokens: int) -> Iterator[Chunk]:
    """Fill chunks with units up to the target. Each begins with the last sentences of the chunk before."""
    text, units = section.text, section.units
    # A long context must leave the text at least half of the window.
    most = max(max_tokens // 2 - RESERVED_TOKENS, 0)
    contexts = {context: _shortened(context, most, count_tokens) for context in {unit.context for unit in units}}
    target = TARGET_TOKENS if max_tokens <= 512 else 2 * TARGET_TOKENS
    limits = {context: min(target, max_tokens - RESERVED_TOKENS - tokens) for context, (_, tokens) in contexts.items()}
    for unit, tokens in zip(units, _sizes(text, [(u.start, u.end) for u in units], count_tokens), strict=True):
        unit.tokens = tokens
    units = [piece for unit in units for piece in _split(text, unit, count_tokens, limits[unit.context])]

    notes = notes_by_mark(text)
    current: list[Unit] = []
    size = 0
    for unit in units:
        # The chunk has the context of its first unit; the next chunk may begin with this unit.
        limit = min(limits[unit.context], limits[current[0].context]) if current else limits[unit.context]
        # A megabyte of blanks between two sentences takes no tokens, but it is in the chunk's text.
        far = bool(current) and unit.end - current[0].start > limit * CHARACTERS_PER_TOKEN
        new_section = bool(current) and unit.context != current[-1].context and not (unit.is_row or current[-1].is_row)
        # A new heading ends a chunk that is at least half full.
        if current and (far or size + unit.tokens > limit or (new_section and size > limit // 2)):
            yield _chunk(section, current, contexts, notes)
            current = [] if far or new_section else _tail(current, limit - unit.tokens)
            size = sum(kept.tokens for kept in current)
        current.append(unit)
        size += unit.tokens
    if current:
        yield _chunk(section, current, contexts, notes)


def _shortened(context: str, most: int, count_tokens: CountTokens) -> tuple[str, int]:
    """The beginning of `context` that takes at most `most` tokens, and its number of tokens."""
    context = as_words(context)
    tokens = count_tokens([context])[0] if context else 0
    while tokens > most:
        context = context[: len(context) * most // tokens]
        tokens = count_tokens([context])[0] if context else 0
    return context, tokens


def _sizes(text: str, spans: Sequence[tuple[int, int]], count_tokens: CountTokens) -> list[int]:
    """The tokens of each span of `text`, at least one for CHARACTERS_PER_TOKEN characters."""
    counts = [0] * len(spans)
    owners: list[int] = []
    pieces: list[str] = []
    characters = 0
    for owner, (start, end) in enumerate(spans):
        for begin, stop in _short_spans(text, start, end):
            owners.append(owner)
            pieces.append(as_words(text[begin:stop]))
            characters += stop - begin
            if characters > CHARACTERS_TOGETHER:
                _add_counts(counts, owners, count_tokens(pieces))
                owners, pieces, characters = [], [], 0
    _add_counts(counts, owners, count_tokens(pieces))
    return [max(n, -(-(b - a) // CHARACTERS_PER_TOKEN)) for n, (a, b) in zip(counts, spans, strict=True)]


def _add_counts(counts: list[int], owners: list[int], added: list[int]) -> None:
    for owner, count in zip(owners, added, strict=True):
        counts[owner] += count


def _short_spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The span, cut at blanks into pieces for the tokenizer. It needs a hundred bytes of memory for a character."""
    while end - start > CHARACTERS_TOGETHER:
        blank = text.rfind(" ", start + CHARACTERS_TOGETHER // 2, start + CHARACTERS_TOGETHER)
        stop = blank if blank > 0 else start + CHARACTERS_TOGETHER
        yield start, stop
        start = stop
    yield start, end


def _tail(units: list[Unit], room: int) -> list[Unit]:
    """The last sentences, which the next chunk repeats. Table rows aren't repeated: each makes sense alone."""
    kept: list[Unit] = []
    size = 0
    for unit in reversed(units[1:]):
        size += unit.tokens
        if unit.is_row or size > min(OVERLAP_TOKENS, room):
            break
        kept.insert(0, unit)
    return kept


def _chunk(
    section: _Section, units: list[Unit], contexts: Mapping[str, tuple[str, int]], notes: Mapping[str, str]
) -> Chunk:
    start, end, context = units[0].start, units[-1].end, units[0].context
    text = section.text[start:end]
    embedded = contexts[context][0]
    # The notes to which the text refers, as far as they stand elsewhere on the page.
    marks = [mark for mark in marks_in(text) if mark in notes and notes[mark] not in text] if notes else []
    context = "\n".join(filter(None, [context, *(notes[mark] for mark in marks[:MOST_NOTES])]))
    return Chunk(text, section.page, section.begin + start, section.begin + end, context, embedded)


def _split(text: str, unit: Unit, count_tokens: CountTokens, limit: int) -> Iterator[Unit]:
    """Cut a unit that is longer than a chunk: at white space, or anywhere if there is none."""
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
        append_trimmed(spans, text, begin, stop)
        begin = stop
    for (a, b), tokens in zip(spans, _sizes(text, spans, count_tokens), strict=True):
        piece = Unit(a, b, unit.context, tokens, unit.is_row)
        if tokens > limit and b - a > 1:
            yield from _split(text, piece, count_tokens, limit)
        else:
            yield piece
