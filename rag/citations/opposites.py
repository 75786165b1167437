"""Words of opposite meaning, from data/opposites.txt."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rag.text.terms import terms
from rag.text.word_lists import read_lines


@dataclass(frozen=True, slots=True)
class Group:
    """Words of one meaning: English stems in `words`, and Korean words, which may be parts of longer words."""

    words: frozenset[str]
    korean: re.Pattern[str] | None

    def is_in(self, stems: Set[str], text: str) -> bool:
        """Whether `text`, which has these `stems`, has a word of the group."""
        if not self.words.isdisjoint(stems):
            return True
        return bool(self.korean and not text.isascii() and self.korean.search(text))


@cache
def opposite_groups() -> tuple[tuple[Group, Group], ...]:
    """Each group with its opposite, both ways round."""
    pairs = [(_group(one), _group(other)) for one, other, _ in _lines()]
    return tuple(pair for one, other in pairs for pair in ((one, other), (other, one)))


@cache
def opposite_forms() -> dict[str, str]:
    """Maps a word form to the form that reverses a sentence's meaning when put in its place."""
    forms = {}
    for _, _, pairs in _lines():
        for pair in pairs.split():
            word, both, opposite = re.split("(<?>)", pair)
            forms[word] = opposite
            if both == "<>":
                forms[opposite] = word
    return forms


def _lines() -> Iterator[tuple[str, str, str]]:
    for line in read_lines(Path(__file__).parent / "data" / "opposites.txt"):
        groups, _, forms = line.partition(" : ")
        one, _, other = groups.partition(" / ")
        yield one, other, forms


def _group(words: str) -> Group:
    korean = [word for word in words.split() if not word.isascii()]
    # "불", "비" and "미" before a word negate it.
    pattern = re.compile(rf"(?<![불비미])(?:{'|'.join(korean)})") if korean else None
    return Group(frozenset(word if word in korean else terms(word)[0] for word in words.split()), pattern)
