"""Finds citation markers such as [2] and [1, 3] in a text, and recognises each again after the text was parsed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from rag import marker_pattern

# (number, place) → trusted Markdown, or None if no passage has this number. The place is the marker's number in
# `placed`, or None if `placed` didn't number it.
Marker = Callable[[int, int | None], str | None]

# A marker's place is written in noncharacters, since the parser turns no entity into one.
_PLACE = re.compile("[\ufde0-\ufde9]+")
_PLACE_DIGITS = str.maketrans("0123456789", "".join(map(chr, range(0xFDE0, 0xFDEA))))
_PLAIN_DIGITS = {place: digit for digit, place in _PLACE_DIGITS.items()}
_MARKER = re.compile(marker_pattern(_PLACE.pattern))


def placed(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """`text` in which the markers at the half-open `spans` are numbered from 0.

    The number, a marker's place, survives parsing. So each marker is recognised, and no other text passes for one.
    """
    out, done = [], 0
    for place, (start, end) in enumerate(spans):
        out += [_PLACE.sub("", text[done:start]), text[start : end - 1], str(place).translate(_PLACE_DIGITS), "]"]
        done = end
    return "".join([*out, _PLACE.sub("", text[done:])])


def without_places(text: str) -> str:
    """`text` without places of markers, written by `placed` or forged."""
    return _PLACE.sub("", text)


def find_markers(text: str) -> Iterator[tuple[int, int, list[int], int | None]]:
    """Each marker's start and end (half-open), the numbers in it, and its place."""
    for match in _MARKER.finditer(text):
        place = int(match[2].translate(_PLAIN_DIGITS)) if match[2] else None
        yield match.start(), match.end(), [int(number) for number in match[1].split(",")], place


def is_marker(words: str) -> bool:
    """Whether `words` are a single number, which would be a marker in brackets."""
    match = _MARKER.fullmatch(f"[{words}]")
    return bool(match) and "," not in words
