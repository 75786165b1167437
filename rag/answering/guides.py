"""What a document is about: its opening, a section of it, and its headings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.answering.requests import opens_a_document
from rag.answering.table_rows import Reading, RowReader
from rag.schema import DocumentInfo, Page, Passage
from rag.text.chunking import document_title
from rag.text.sentences import sentence_spans
from rag.text.terms import content_terms, terms
from rag.text.written import cells_of, is_rule, without_notes

# The most characters of an opening or section that are said, and the most headings and columns that are named.
SAID_CHARACTERS = 500
MOST_HEADINGS = 12
# Of a longer document no headings are named.
MOST_PAGES = 40
# An opening is looked for in this share of a document's pages, or in this many.
OPENING_SHARE = 0.1
OPENING_PAGES = 8
# The fewest characters of a paragraph that may be an opening; those of Chinese, Japanese and Korean say more.
_OPENING_CHARACTERS = 80
_OPENING_CJK_CHARACTERS = 30

_HEADING = re.compile(r"^(#{1,6})[ \t]+(\S[^\n]*)$", re.MULTILINE)
# A heading that is worth naming begins with a capital, a figure or a letter without case, and is no sentence.
_TITLE = re.compile(r"[^\Wa-z_].{0,70}[^.,;☒☐]")
_BLANK = re.compile(r"\n[ \t]*\n")
_CJK = re.compile("[\u3040-\u9fff\uac00-\ud7af]")
_NO_PROSE = re.compile(r"[ \t]*(?:\||#|[-*+•□☐☒]|\d{1,3}[.)] |\[\^|```|\[[ x]\])")
_FIELD_LINE = re.compile(r"[^:.\n]{1,40}: \S")
_BOXES = re.compile("[□☐☑☒✓]")
_END = re.compile(r"[.!?。！？…]['\"”’)\]]*$|다\.?$")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a document: its half-open span in the text of a page, and the heading above it."""

    page: Page
    start: int
    end: int
    heading: str = ""

    def passage(self, document: DocumentInfo) -> Passage:
        """The part as a passage, for citations."""
        title = document_title(document.file_name)
        context = " > ".join(filter(None, [title, self.heading]))
        text = self.page.text[self.start : self.end]
        number = self.page.number
        return Passage(text, document.file_name, document.doc_id, number, self.start, self.end, 1.0, context=context)


def opening(pages: Sequence[Page]) -> Part | None:
    """The paragraph that says what a document is about: the one below a heading such as "Overview", or else the first.

    Only the first pages are read. A document without paragraphs has none.
    """
    first: Part | None = None
    for page in pages[: max(OPENING_PAGES, round(len(pages) * OPENING_SHARE))]:
        heading = ""
        for start, end in _paragraphs(page.text):
            if match := _HEADING.match(page.text, start, end):
                heading, start = match[2].strip(), _after(page.text, match.end(), end)
            if start < end and _is_prose(page.text[start:end]):
                part = Part(page, start, _whole_sentences(page.text, start, end), heading)
                if opens_a_document(heading):
                    return part
                first = first or part
    return first


def section(pages: Sequence[Page], topic: str) -> Part | None:
    """The part below the heading that has all words of a topic, and the fewest others, up to the next heading."""
    wanted = frozenset(content_terms(topic) or terms(topic))
    best: tuple[float, Part] | None = None
    for page in pages:
        headings = list(_HEADING.finditer(page.text))
        for match, following in zip(headings, [*headings, None][1:], strict=True):
            held = frozenset(content_terms(match[2]) or terms(match[2]))
            start = _after(page.text, match.end(), len(page.text))
            end = following.start() if following else len(page.text)
            if not wanted or not wanted <= held or not page.text[start:end].strip():
                continue
            fit = len(wanted) / len(held)
            if best is None or fit > best[0]:
                best = fit, Part(page, start, len(page.text[:end].rstrip()), match[2].strip())
    return best[1] if best else None


def headings(pages: Sequence[Page]) -> list[str]:
    """The headings of a document's main sections, without its title: those of the highest level that has several."""
    if len(pages) > MOST_PAGES:
        return []  # on so many pages there are too many, and some aren't headings
    found = [
        (len(match[1]), match[2].strip(": "))
        for page in pages
        for match in _HEADING.finditer(page.text)
        if _TITLE.fullmatch(match[2].strip())
    ]
    for level in range(1, 5):
        texts = list(dict.fromkeys(without_notes(text) for depth, text in found if depth == level))
        if len(texts) > 1:
            return texts[:MOST_HEADINGS]
    return []


def columns(pages: Sequence[Page]) -> tuple[Part, list[str]] | None:
    """The first table of a document, and the heads of its columns."""
    for page in pages[:OPENING_PAGES]:
        lines = page.text.split("\n")
        for index, line in enumerate(lines[:-1]):
            if line.startswith("|") and is_rule(lines[index + 1]):
                names = [name for name in cells_of(line) if name]
                start = sum(len(before) + 1 for before in lines[:index])
                if len(names) > 1:
                    return Part(page, start, start + len(line)), names[:MOST_HEADINGS]
    return None


def said(part: Part) -> list[str]:
    """The part in words: its first sentences as one paragraph, or, where there are none, the rows of its table."""
    sentences: list[str] = []
    length = 0
    text = part.page.text[part.start : part.end]
    for start, end in sentence_spans(text):
        sentence = " ".join(without_notes(text[start:end]).split())
        if _NO_PROSE.match(sentence) or not _END.search(sentence):
            if sentences:
                break
            continue
        if length and length + len(sentence) > SAID_CHARACTERS:
            break
        sentences.append(sentence)
        length += len(sentence)
    if sentences:
        return [" ".join(sentences)]
    return list(_rows(text))[:MOST_HEADINGS]


def _rows(text: str) -> Iterator[str]:
    reader = RowReader("", "")
    lines = text.split("\n")
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("|"):
            reader.read(line, following)
        elif re.search(r"\w", line) and not reader.rows:
            yield re.sub(r"^[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]+", "", without_notes(line)).strip()
    yield from (Reading(row, tuple(row.values()), False, ()).text() for row in reader.finished())


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    position = 0
    for match in [*_BLANK.finditer(text), None]:
        end = match.start() if match else len(text)
        start = _after(text, position, end)
        if start < end:
            yield start, end
        position = match.end() if match else end


def _after(text: str, start: int, end: int) -> int:
    while start < end and text[start].isspace():
        start += 1
    return start


def _is_prose(text: str) -> bool:
    lines = text.split("\n")
    if sum(bool(_FIELD_LINE.match(line)) for line in lines) * 2 > len(lines) or _BOXES.search(text):
        return False
    least = _OPENING_CJK_CHARACTERS if _CJK.search(text) else _OPENING_CHARACTERS
    return len(text) >= least and not _NO_PROSE.match(text) and bool(re.search(r"[.!?。！？다](?:\s|$)", text))


def _whole_sentences(text: str, start: int, end: int) -> int:
    """Where the first sentences of a paragraph end that are not more than SAID_CHARACTERS; at least one is."""
    last = start
    for _, stop in sentence_spans(text, start, end):
        if last > start and stop - start > SAID_CHARACTERS:
            break
        last = stop
    return last
