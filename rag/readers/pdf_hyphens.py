"""Rejoins words that a PDF splits at a line's end."""

from __future__ import annotations

import re
from itertools import pairwise

_BREAK = r"-\n *"
# The half of a word before a hyphen at a line's end (group 1), and the half after it (group 2, not consumed).
_LINE_END_HYPHEN = re.compile(rf"(?<![^\W_])([^\W_]+){_BREAK}(?=([^\W_]+))")
_SPLIT_WORD = re.compile(rf"(?<![^\W_])[^\W_]+{_BREAK}[^\W_]+")
# English numbers that keep their hyphen.
_TENS = {"twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"}
_UNITS = {"one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}
_UNITS |= {"first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"}


def join_hyphenated(texts: dict[int, str]) -> dict[int, str]:
    """Rejoin words that were split at a line's end.

    A hyphen that belongs to the word stays ("self-driving"). The word's spelling elsewhere in the document tells. If
    the word is nowhere else, the hyphen stays if both halves are words of the document.
    """
    if not any(_LINE_END_HYPHEN.search(text) for text in texts.values()):
        return texts
    # The split words don't count as words: "exam" and "ple" are none just because a line ended between them.
    whole = (_SPLIT_WORD.sub(" ", text).lower() for text in texts.values())
    words = {word for text in whole for word in re.findall(r"[^\W_]+(?:-[^\W_]+)*", text)}
    pairs = {pair for word in words if "-" in word for pair in pairwise(word.split("-"))}

    def joined(match: re.Match[str]) -> str:
        left, right = match[1], match[2]
        low_left, low_right = left.lower(), right.lower()
        if (low_left, low_right) in pairs or low_left == "self" or (low_left in _TENS and low_right in _UNITS):
            return left + "-"
        if low_left + low_right in words:
            return left
        is_split = left[-1].islower() and right[0].islower() and len(left) > 1
        return left + ("" if is_split and not (low_left in words and low_right in words) else "-")

    return {number: _LINE_END_HYPHEN.sub(joined, text) for number, text in texts.items()}
