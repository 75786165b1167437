"""Ranked rows → the pieces that become passages. Neighbouring rows are joined, repetitions left out, and cut paragraphs
completed.

The ranking alone decides which rows are joined and where a piece ends. So a smaller `top_k` gives the first passages
that a larger `top_k` would give.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from rag.retrieval.fusion import Ranked
from rag.text.written import table_start

# Rows up to this rank may be joined. Later rows are too far from the question to lengthen a passage.
JOINED_RANK = 20
# The most characters of a joined passage, about two chunks.
JOINED_CHARACTERS = 1800
# The most characters that are added on each side to complete the paragraph.
COMPLETED_CHARACTERS = 240
# The most characters that are added before a table's rows, so that the passage begins with the table's title and head.
TABLE_CHARACTERS = 1500
# A shorter text is no repetition; it may mean something else in each document: "Status: approved."
REPEATED_CHARACTERS = 100

_PARAGRAPH = re.compile(r"\n[ \t]*\n")

# (document id, page number or None for a document without pages) → the page's text, or None if it isn't at hand.
PageText = Callable[[str, int | None], str | None]


@dataclass(slots=True)
class Piece:
    """A passage in the making: `text` is the page's text from `start` to `end`, `said` its words in comparable form.

    `context` is that of the row with which the passage begins. `best` is its row of the highest rank, `joined` are the
    other rows that became part of it, and `repeats` are rows that say nothing new.
    """

    best: Ranked
    text: str
    start: int
    end: int
    context: str
    said: str = field(repr=False)
    joined: list[Ranked] = field(default_factory=list, repr=False)
    repeats: list[Ranked] = field(default_factory=list, repr=False)

    def set_span(self, page: str, start: int, end: int) -> None:
        self.text, self.start, self.end = page[start:end], start, end
        self.said = _said(self.text)

    def is_on_page_of(self, other: Piece) -> bool:
        hit, other_hit = self.best.hit, other.best.hit
        return (hit.doc_id, hit.page) == (other_hit.doc_id, other_hit.page)


def choose(ranked: Sequence[Ranked], top_k: int, page_text: PageText) -> list[Piece]:
    """The `top_k` best pieces, best first. Sets `left_out` of every row to the reason why it is no passage."""
    near = _join_rows(ranked[:JOINED_RANK], page_text)
    chosen = near[:top_k]
    for piece in chosen:
        _complete(piece, near, page_text)
    for row in ranked[JOINED_RANK:]:
        if len(chosen) >= top_k:
            break
        piece = _piece(row)
        repeated = next((better for better in chosen if _repeats(piece, better)), None)
        repeated = repeated or _cut_shown(piece, chosen, page_text)
        if repeated:
            repeated.repeats.append(row)
            continue
        _complete(piece, chosen, page_text)
        chosen.append(piece)
    _note(ranked, chosen)
    return chosen


def _join_rows(rows: Iterable[Ranked], page_text: PageText) -> list[Piece]:
    """Join the first rows to pieces, in the order of each piece's best row."""
    pieces: list[Piece] = []
    for row in rows:
        new = _piece(row)
        if repeated := next((piece for piece in pieces if _repeats(new, piece)), None):
            repeated.repeats.append(row)
        elif longer := next((piece for piece in pieces if _join(piece, new, page_text)), None):
            # The row may have closed the gap between two pieces.
            pieces = [piece for piece in pieces if piece is longer or not _join(longer, piece, page_text)]
        else:
            pieces.append(new)
    return pieces


def _note(ranked: Sequence[Ranked], chosen: Sequence[Piece]) -> None:
    for row in ranked:
        row.left_out = "ranked too low"
    for number, piece in enumerate(chosen, 1):
        piece.best.left_out = ""
        for row in piece.joined:
            row.left_out = f"joined with passage {number}"
        for row in piece.repeats:
            row.left_out = f"repeats passage {number}"


def _repeats(new: Piece, piece: Piece) -> bool:
    """Whether `new` says nothing that the better `piece` doesn't: it is a part of `piece`, or has the same words in the
    same order. Another number, another name or a "not" makes another statement."""
    if piece.is_on_page_of(new) and piece.start <= new.start and new.end <= piece.end:
        return True
    if piece.best.hit.doc_id == new.best.hit.doc_id and piece.said == new.said:
        return True
    return len(new.said) >= REPEATED_CHARACTERS and f" {new.said} " in f" {piece.said} "


def _join(piece: Piece, other: Piece, page_text: PageText) -> bool:
    """Extend `piece` by `other`. False if the two neither overlap nor adjoin, or would be too long together."""
    start, end = min(piece.start, other.start), max(piece.end, other.end)
    if not piece.is_on_page_of(other) or end - start > JOINED_CHARACTERS:
        return False
    text = _text_around(piece, page_text)
    if text is None or text[other.start : other.end] != other.text:
        return False
    if text[min(piece.end, other.end) : max(piece.start, other.start)].strip():
        return False
    if other.start < piece.start:
        piece.context = other.context
    piece.set_span(text, start, end)
    piece.joined += [other.best, *other.joined]
    piece.repeats += other.repeats
    return True


def _cut_shown(piece: Piece, chosen: Sequence[Piece], page_text: PageText) -> Piece | None:
    """Cut off the ends of `piece` that better pieces show already. If nothing is left, return the better piece."""
    text = _text_around(piece, page_text)
    if text is None:
        return None
    for better in chosen:
        if not better.is_on_page_of(piece):
            continue
        start = better.end if better.start <= piece.start < better.end else piece.start
        end = better.start if better.start < piece.end <= better.end else piece.end
        if (start, end) != (piece.start, piece.end):
            if not text[start:end].strip():
                return better
            piece.set_span(text, *_trimmed(text, start, end, end, start))
    return None


def _complete(piece: Piece, others: Sequence[Piece], page_text: PageText) -> None:
    """Extend a piece to the ends of its paragraph if they are near, but not into any of the `others`."""
    text = _text_around(piece, page_text)
    if text is None:
        return
    beside = [other for other in others if other is not piece and other.is_on_page_of(piece)]
    # An overlapping piece leaves no room on its side.
    floor = max((min(other.end, piece.start) for other in beside if other.start < piece.start), default=0)
    ceiling = min((max(other.start, piece.end) for other in beside if other.end > piece.end), default=len(text))
    table = table_start(text, piece.start)
    if table is not None and max(floor, piece.start - TABLE_CHARACTERS) <= table < piece.start:
        start = table
        # The table's title and head are in the text now, each a line of it.
        shown = {" ".join(line.split()) for line in text[start : piece.end].split("\n")}
        piece.context = "\n".join(line for line in piece.context.split("\n") if " ".join(line.split()) not in shown)
    else:
        start = _paragraph_start(text, floor, piece.start)
    end = _paragraph_end(text, piece.end, ceiling)
    piece.set_span(text, *_trimmed(text, start, end, piece.start, piece.end))


def _paragraph_start(text: str, floor: int, start: int) -> int:
    """Where the paragraph around `start` begins; `start` itself if that is too far off, or before `floor`."""
    window = max(floor, start - COMPLETED_CHARACTERS)
    # A blank line may begin before the window.
    blank_lines = list(_PARAGRAPH.finditer(text, max(floor, window - COMPLETED_CHARACTERS), start))
    if blank_lines and blank_lines[-1].end() >= window:
        return blank_lines[-1].end()
    return 0 if window == 0 else start


def _paragraph_end(text: str, end: int, ceiling: int) -> int:
    """Where the paragraph around `end` ends; `end` itself if that is too far off, or behind `ceiling`."""
    window = min(ceiling, end + COMPLETED_CHARACTERS)
    blank_line = _PARAGRAPH.search(text, end, min(ceiling, window + COMPLETED_CHARACTERS))
    if blank_line and blank_line.start() <= window:
        return blank_line.start()
    return len(text) if window == len(text) else end


def _trimmed(text: str, start: int, end: int, last_start: int, first_end: int) -> tuple[int, int]:
    """The span without white space at its ends. It never begins after `last_start`, nor ends before `first_end`."""
    while start < last_start and text[start].isspace():
        start += 1
    while end > first_end and text[end - 1].isspace():
        end -= 1
    return start, end


def _text_around(piece: Piece, page_text: PageText) -> str | None:
    """The text of the piece's page; None if it isn't at hand, or the piece's text isn't at its span."""
    text = page_text(piece.best.hit.doc_id, piece.best.hit.page)
    return text if text is not None and text[piece.start : piece.end] == piece.text else None


def _piece(row: Ranked) -> Piece:
    return Piece(row, row.hit.text, row.hit.start, row.hit.end, row.hit.context, _said(row.hit.text))


def _said(text: str) -> str:
    """The words of a text, without case, line breaks, emphasis, and the punctuation after a word. Bars, dashes and
    signs stay: in a table they show to which column a number belongs."""
    words = (word.strip("*_\"'“”‘’«»").rstrip(".,;:") for word in text.casefold().split())
    return " ".join(word for word in words if word)
