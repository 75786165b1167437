"""From ranked rows to passages: what belongs together is joined, repetitions are shown once, cut ends are completed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rag.fusion import Ranked

# Rows up to this rank may join: what comes later is too far from the question to lengthen a passage.
JOINED_RANK = 20
# A joined passage stays this short, in characters (about two chunks).
JOINED_CHARACTERS = 1800
# A paragraph that goes on beyond a passage is completed by at most this many characters on each side.
COMPLETED_CHARACTERS = 240
# The share of words that two pieces have in common (Jaccard) above which one repeats the other.
REPEATED_SHARE = 0.9

_PARAGRAPH = re.compile(r"\n[ \t]*\n")

# The text of a document's page (None: of a document without pages), or None where it isn't at hand.
PageText = Callable[[str, int | None], str | None]


@dataclass(slots=True)
class Piece:
    """A passage in the making: `text` is the page's from `start` to `end`, `best` the row that ranked highest."""

    best: Ranked
    text: str
    start: int
    end: int
    words: set[str] = field(repr=False)

    def is_on_page_of(self, other: Ranked | Piece) -> bool:
        mine, its = self.best.hit, other.best.hit if isinstance(other, Piece) else other.hit
        return (mine.doc_id, mine.page) == (its.doc_id, its.page)


def choose(ranked: Sequence[Ranked], top_k: int, page_text: PageText) -> list[Piece]:
    """The best `top_k` pieces, best first. Notes in `left_out` why a row isn't one of them."""
    pieces: list[Piece] = []
    for rank, row in enumerate(ranked, 1):
        if len(pieces) == top_k and rank > JOINED_RANK:
            break
        words = _words(row.hit.text)
        number = next((n for n, piece in enumerate(pieces, 1) if _repeats(words, row, piece)), 0)
        if number:
            row.left_out = f"repeats passage {number}"
            continue
        if rank <= JOINED_RANK:
            number = next((n for n, piece in enumerate(pieces, 1) if _join(piece, row, page_text)), 0)
            if number:
                row.left_out = f"joined with passage {number}"
                continue
        if len(pieces) < top_k:
            pieces.append(Piece(row, row.hit.text, row.hit.start, row.hit.end, words))
    for row in ranked:
        if not row.left_out and all(piece.best is not row for piece in pieces):
            row.left_out = "ranked too low"
    for piece in pieces:
        _complete(piece, pieces, page_text)
    return pieces


def _repeats(words: set[str], row: Ranked, piece: Piece) -> bool:
    within = piece.is_on_page_of(row) and piece.start <= row.hit.start and row.hit.end <= piece.end
    both = len(words & piece.words)
    return within or both >= REPEATED_SHARE * (len(words) + len(piece.words) - both)


def _join(piece: Piece, row: Ranked, page_text: PageText) -> bool:
    """Extend a piece by a row that overlaps or adjoins it; False where it doesn't, or would make it too long."""
    hit = row.hit
    start, end = min(piece.start, hit.start), max(piece.end, hit.end)
    if not piece.is_on_page_of(row) or end - start > JOINED_CHARACTERS:
        return False
    if max(piece.start, hit.start) - min(piece.end, hit.end) > JOINED_CHARACTERS:
        return False
    text = page_text(hit.doc_id, hit.page)
    if text is None or text[hit.start : hit.end] != hit.text:
        return False
    if text[min(piece.end, hit.end) : max(piece.start, hit.start)].strip():
        return False
    piece.text, piece.start, piece.end = text[start:end], start, end
    piece.words = _words(piece.text)
    return True


def _complete(piece: Piece, pieces: Sequence[Piece], page_text: PageText) -> None:
    """Extend a piece to the ends of its paragraph where they are near, but not into another piece."""
    hit = piece.best.hit
    text = page_text(hit.doc_id, hit.page)
    if text is None or text[piece.start : piece.end] != piece.text:
        return
    others = [other for other in pieces if other is not piece and other.is_on_page_of(piece)]
    floor = max((other.end for other in others if other.end <= piece.start), default=0)
    ceiling = min((other.start for other in others if other.start >= piece.end), default=len(text))
    before = text[floor : piece.start]
    breaks = list(_PARAGRAPH.finditer(before[-COMPLETED_CHARACTERS - 2 :]))
    if breaks:
        start = piece.start - (len(before[-COMPLETED_CHARACTERS - 2 :]) - breaks[-1].end())
    else:
        start = 0 if floor == 0 and piece.start <= COMPLETED_CHARACTERS else piece.start
    after = text[piece.end : ceiling][: COMPLETED_CHARACTERS + 2]
    if found := _PARAGRAPH.search(after):
        end = piece.end + found.start()
    else:
        end = len(text) if ceiling == len(text) and len(text) - piece.end <= COMPLETED_CHARACTERS else piece.end
    while start < piece.start and text[start].isspace():
        start += 1
    while end > piece.end and text[end - 1].isspace():
        end -= 1
    piece.text, piece.start, piece.end = text[start:end], start, end


def _words(text: str) -> set[str]:
    return set(text.casefold().split())
