"""Where sentences of a page's stored text stand among the characters of the page as it is drawn.

The text that was stored and cited isn't pdfium's own: words split at a line's end are rejoined, ligatures and
invisible characters are gone. So a sentence is looked for by its letters and digits alone, which are the same in both.
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

# How much of a sentence must be found for it to be highlighted, and in pieces of at least how many letters.
_MOST = 0.8
_SHORTEST_PIECE = 4
# Comparing takes time that grows with the square of the letters.
_LONGEST_COMPARED = 2_000


def find_spans(text: str, spans: Iterable[Span], drawn: str) -> list[Span]:
    """Where `spans` of the stored `text` are in `drawn`, the same page's characters as they are drawn.

    What is there several times is taken where it is expected. What isn't there as a whole is taken in pieces if they
    make up most of it.
    """
    letters, places = _letters(text)
    drawn_letters, drawn_places = _letters(drawn)
    found: list[Span] = []
    for start, end in spans:
        first, last = bisect_left(places, start), bisect_left(places, end)
        if first >= last:
            continue
        wanted = letters[first:last]
        before, after = _marks(text[start : places[first]]), _marks(text[places[last - 1] + 1 : end])
        for begin, stop in _whole(wanted, drawn_letters, first) or _pieces(wanted, drawn_letters, first):
            found.append(_with_marks(drawn, drawn_places[begin], drawn_places[stop - 1] + 1, before, after))
    return found


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
    # Beyond the basic plane pdfium counts two characters, of which neither is a letter.
    if char > "\uffff":
        return ""
    return "".join(letter for letter in unicodedata.normalize("NFKC", char).casefold() if letter.isalnum())


def _whole(wanted: str, letters: str, expected: int) -> list[Span]:
    """The occurrence of `wanted` that is nearest to the place `expected`."""
    found = []
    at = letters.find(wanted)
    while at >= 0:
        found.append(at)
        at = letters.find(wanted, at + 1)
    if not found:
        return []
    nearest = min(found, key=lambda at: abs(at - expected))
    return [(nearest, nearest + len(wanted))]


def _pieces(wanted: str, letters: str, expected: int) -> list[Span]:
    """The parts of `wanted` that are there in the same order near the place `expected`, if they are most of it."""
    if len(wanted) > _LONGEST_COMPARED:
        return []
    slack = len(wanted) + 200
    begin = max(0, expected - slack)
    window = letters[begin : expected + len(wanted) + slack]
    blocks = SequenceMatcher(None, window, wanted, autojunk=False).get_matching_blocks()
    found = [(begin + block.a, begin + block.a + block.size) for block in blocks if block.size >= _SHORTEST_PIECE]
    if sum(stop - start for start, stop in found) < _MOST * len(wanted):
        return []
    # What stands between two parts on the page is highlighted with them, unless it is more than a few words.
    merged: list[Span] = found[:1]
    for (_, stop), (start, end) in pairwise(found):
        merged[-1:] = [(merged[-1][0], end)] if start - stop <= 20 else [merged[-1], (start, end)]
    return merged


def _marks(text: str) -> int:
    """How many visible characters there are."""
    return sum(not char.isspace() for char in text)


def _with_marks(drawn: str, start: int, end: int, before: int, after: int) -> Span:
    """`drawn[start:end]` with at most so many punctuation marks before and after it."""
    while before and start and _is_mark(drawn[start - 1]):
        start, before = start - 1, before - 1
    while after and end < len(drawn) and _is_mark(drawn[end]):
        end, after = end + 1, after - 1
    return start, end


def _is_mark(char: str) -> bool:
    return char.isprintable() and not char.isspace() and not char.isalnum()
