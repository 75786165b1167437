"""Finds sentences of a page's stored text among the characters of the page as pdfium draws it.

The stored and cited text differs from pdfium's characters: words split at a line's end are joined, ligatures and
invisible characters are gone. So a sentence is found by its letters and digits alone, which are the same in both.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Iterable
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import pairwise

# Half-open, in characters.
Span = tuple[int, int]

# The share of a sentence's letters that must be found to highlight it, and the fewest letters of a piece that counts.
_MOST = 0.8
_SHORTEST_PIECE = 4
# The most letters that are compared: the time grows with their square.
_LONGEST_COMPARED = 2_000


def find_spans(text: str, spans: Iterable[Span], drawn: str) -> list[Span]:
    """The spans of `drawn`, a page's characters as they are drawn, that show the `spans` of its stored `text`.

    If a sentence occurs several times, the nearest occurrence is taken. If it doesn't occur as a whole, its pieces are
    taken, provided that they make up most of it. Else it has no span.
    """
    letters, places = _letters(text)
    drawn_letters, drawn_places = _letters(drawn)
    drawn_spans: list[Span] = []
    for start, end in spans:
        first, last = bisect_left(places, start), bisect_left(places, end)
        if first >= last:
            continue
        wanted = letters[first:last]
        before, after = _marks(text[start : places[first]]), _marks(text[places[last - 1] + 1 : end])
        for begin, stop in _whole(wanted, drawn_letters, first) or _pieces(wanted, drawn_letters, first):
            drawn_spans.append(_with_marks(drawn, drawn_places[begin], drawn_places[stop - 1] + 1, before, after))
    return drawn_spans


def _letters(text: str) -> tuple[str, list[int]]:
    """The letters and digits of `text`, folded, and the place in `text` of each."""
    letters: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        for letter in _folded(char):
            letters.append(letter)
            places.append(place)
    return "".join(letters), places


@lru_cache(maxsize=65_536)
def _folded(char: str) -> str:
    # For a character beyond the basic plane pdfium has two characters, and neither is a letter.
    if char > "\uffff":
        return ""
    return "".join(letter for letter in unicodedata.normalize("NFKC", char).casefold() if letter.isalnum())


def _whole(wanted: str, letters: str, expected: int) -> list[Span]:
    """The occurrence of `wanted` that is nearest to the place `expected`."""
    places = []
    at = letters.find(wanted)
    while at >= 0:
        places.append(at)
        at = letters.find(wanted, at + 1)
    if not places:
        return []
    nearest = min(places, key=lambda at: abs(at - expected))
    return [(nearest, nearest + len(wanted))]


def _pieces(wanted: str, letters: str, expected: int) -> list[Span]:
    """The pieces of `wanted` in `letters`, in order and near the place `expected`, if they make up most of it."""
    if len(wanted) > _LONGEST_COMPARED:
        return []
    slack = len(wanted) + 200
    begin = max(0, expected - slack)
    window = letters[begin : expected + len(wanted) + slack]
    blocks = SequenceMatcher(None, window, wanted, autojunk=False).get_matching_blocks()
    pieces = [(begin + block.a, begin + block.a + block.size) for block in blocks if block.size >= _SHORTEST_PIECE]
    if sum(stop - start for start, stop in pieces) < _MOST * len(wanted):
        return []
    # A gap of a few words between two pieces is highlighted with them.
    merged: list[Span] = pieces[:1]
    for (_, stop), (start, end) in pairwise(pieces):
        merged[-1:] = [(merged[-1][0], end)] if start - stop <= 20 else [merged[-1], (start, end)]
    return merged


def _marks(text: str) -> int:
    """The number of characters that aren't white space."""
    return sum(not char.isspace() for char in text)


def _with_marks(drawn: str, start: int, end: int, before: int, after: int) -> Span:
    """The span `start`, `end` of `drawn`, extended by at most `before` and `after` punctuation marks."""
    while before and start and _is_mark(drawn[start - 1]):
        start, before = start - 1, before - 1
    while after and end < len(drawn) and _is_mark(drawn[end]):
        end, after = end + 1, after - 1
    return start, end


def _is_mark(char: str) -> bool:
    return char.isprintable() and not char.isspace() and not char.isalnum()
