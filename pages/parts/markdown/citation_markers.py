"""Citation markers in text, such as [2] and [1, 3], and how each is known again after the text has been parsed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

# Turns the number of a citation marker, and its place among those that `placed` has noted (None: it isn't one of them),
# into trusted Markdown, or None where there is no such passage.
Marker = Callable[[int, int | None], str | None]

# The digits of a marker's place: noncharacters, of which the parser makes none of an entity.
_PLACE = re.compile("[\ufde0-\ufde9]+")
_PLACE_DIGITS = str.maketrans("0123456789", "".join(map(chr, range(0xFDE0, 0xFDEA))))
_PLAIN_DIGITS = {place: digit for digit, place in _PLACE_DIGITS.items()}
_MARKER = re.compile(rf"\[(\d{{1,3}}(?:\s*,\s*\d{{1,3}})*)({_PLACE.pattern})?\]")


def placed(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """`text` with the markers at these half-open spans numbered from 0, so that whatever the parser makes of the text,
    each is known again, and nothing else passes for one of them."""
    out, done = [], 0
    for place, (start, end) in enumerate(spans):
        out += [_PLACE.sub("", text[done:start]), text[start : end - 1], str(place).translate(_PLACE_DIGITS), "]"]
        done = end
    return "".join([*out, _PLACE.sub("", text[done:])])


def without_places(text: str) -> str:
    """`text` without the places of markers, noted by `placed` or forged."""
    return _PLACE.sub("", text)


def find_markers(text: str) -> Iterator[tuple[int, int, list[int], int | None]]:
    """Each marker's half-open span, the numbers in it, and its place."""
    for hit in _MARKER.finditer(text):
        place = int(hit[2].translate(_PLAIN_DIGITS)) if hit[2] else None
        yield hit.start(), hit.end(), [int(number) for number in hit[1].split(",")], place


def is_marker(words: str) -> bool:
    """Whether `words` are one number, which in brackets would be a marker."""
    return bool(re.fullmatch(rf"\d{{1,3}}(?:{_PLACE.pattern})?", words))
