"""The shapes of an HWP document: how characters look, and the heads of paragraphs with their numberings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rag.readers.hangul import KIND_NAMES, Head, Level
from rag.readers.hwp_records import CHAR_SHAPE, NUMBERING, PARA_SHAPE, Record, unpack, words
from rag.readers.lines import Place

_LONGEST_SIGN = 200
_HEADS = ("", "OUTLINE", "NUMBER", "BULLET")


@dataclass(frozen=True, slots=True)
class Look:
    """How characters look."""

    place: Place = Place.BASE
    is_struck: bool = False


class Shapes:
    """The shapes of the stream DocInfo, in the order of their numbers."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._looks: list[Look] = []
        self._heads: list[Head] = []
        self.numberings: dict[int, list[Level]] = {}
        for record in _all(records):
            if record.tag == CHAR_SHAPE:
                self._looks.append(_look(record.data))
            elif record.tag == PARA_SHAPE:
                (flags,) = unpack("I", record.data, 0)
                (numbering,) = unpack("H", record.data, 30)
                self._heads.append(Head(_HEADS[flags >> 23 & 3], numbering, flags >> 25 & 7))
            elif record.tag == NUMBERING:
                self.numberings[len(self.numberings) + 1] = _levels(record.data)

    def look(self, number: int) -> Look:
        """How characters of the shape look."""
        return self._looks[number] if 0 <= number < len(self._looks) else Look()

    def head(self, number: int) -> Head:
        """The head of paragraphs of the shape."""
        return self._heads[number] if 0 <= number < len(self._heads) else Head()


def _all(records: Iterable[Record]) -> Iterable[Record]:
    """The records, and those that belong to the first of them."""
    for record in records:
        yield record
        yield from record.inner


def _look(data: bytes) -> Look:
    (flags,) = unpack("I", data, 46)
    place = Place.RAISED if flags >> 15 & 1 else Place.LOWERED if flags >> 16 & 1 else Place.BASE
    # A line through the middle is a kind of underline, too.
    return Look(place, bool(flags >> 18 & 7) or flags >> 2 & 3 == 2)


def _levels(data: bytes) -> list[Level]:
    """The seven levels of a numbering: a head of 12 bytes and a text for each, then the first number of each."""
    levels: list[Level] = []
    at = 0
    for _ in range(7):
        (flags,) = unpack("I", data, at)
        kind = flags >> 5 & 15
        text, at = words(data, at + 12)
        levels.append(Level(KIND_NAMES[kind] if kind < len(KIND_NAMES) else "DIGIT", text[:_LONGEST_SIGN], 1))
    at += 2
    if at + 28 <= len(data):
        for level, start in zip(levels, unpack("7I", data, at), strict=True):
            level.start = start if start < 100_000 else 1
    return levels
