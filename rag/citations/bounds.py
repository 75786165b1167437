"""Checks that a passage says it of as much as the claim does: at least or at most, of all or of some."""

from __future__ import annotations

import re
from pathlib import Path

from rag.citations.check import NO_OBJECTION, Comparison, Verdict
from rag.citations.numbers import Number
from rag.citations.stated_numbers import is_stated
from rag.text.terms import normalize
from rag.text.word_lists import read_lists

# The characters before and after a number in which its bound is looked for.
_BEFORE, _AFTER = 24, 6


def _pattern(words: frozenset[str], before: str = "", after: str = "") -> re.Pattern[str]:
    # Words of Latin letters are whole words.
    written = [word.replace("_", " ") for word in sorted(words, key=len, reverse=True)]
    return re.compile(
        before + "(?:" + "|".join(rf"\b{word}\b" if word[0] < "\u1100" else word for word in written) + ")" + after
    )


_WORDS = read_lists(Path(__file__).parent / "data" / "bounds.txt")
_BOUNDS_BEFORE = {
    side: _pattern(_WORDS[f"{side}_before"], after=r"[^\w.;!?]*(?:[a-z]+ )?[^\w.;!?]*$") for side in ("lower", "upper")
}
_BOUNDS_AFTER = {side: _pattern(_WORDS[f"{side}_after"], before=r"\s?\w{0,3}\s?") for side in ("lower", "upper")}
_ALL, _PART = _pattern(_WORDS["all"]), _pattern(_WORDS["part"])


def has_the_same_bounds(comparison: Comparison) -> Verdict:
    """Objects if the passage has a number of the claim with the opposite bound, or speaks of some where the claim
    speaks of all."""
    for number in comparison.numbers:
        claimed = _bound(comparison.claim, number, 0)
        stated = {
            _bound(sentence.text, other, sentence.start)
            for sentence in comparison.window
            for other in sentence.numbers
            if is_stated(number, [other], comparison.passage.scales)
        }
        if claimed and stated and "" not in stated and claimed not in stated:
            return Verdict(False, f"the passage says at {'most' if claimed == 'lower' else 'least'} {number.text}")
    claim = normalize(comparison.claim)
    best = normalize(comparison.best.text)
    if _ALL.search(claim) and not _ALL.search(best) and _PART.search(best) and not _PART.search(claim):
        return Verdict(False, "the passage doesn't say it of all")
    return NO_OBJECTION


def _bound(text: str, number: Number, start: int) -> str:
    """The side to which a number of `text` is a bound: lower, upper or empty. `start` is where `text` begins."""
    begin, end = number.start - start, number.end - start
    before = text[max(begin - _BEFORE, 0) : begin].casefold()
    after = text[end : end + _AFTER].casefold()
    for side in ("lower", "upper"):
        if _BOUNDS_BEFORE[side].search(before) or _BOUNDS_AFTER[side].match(after):
            return side
    return ""
