"""The grammar of citation markers: every form that models write, the one form [1][2] that answers have, and code, whose
brackets are no markers."""

from __future__ import annotations

import re
from collections.abc import Iterator

NUMBER = r"\d{1,3}"
# A number (group 1) in brackets of any width: it begins a passage in a prompt, and [0] is a refusal.
BRACKETED_NUMBER = r"[\[【［]\s*(\d+)\s*[\]】］]"
_TIDY = rf"\[{NUMBER}\]"
# The markers at one place of a tidied answer, with the blanks before them.
TIDY_MARKERS = re.compile(rf"(?:(?:(?<!\s)\s+)?{_TIDY})+")

_NOUN = r"(?:(?:passages?|sources?|documents?|docs?|references?|refs?|citations?)[\s:#]*|[\^#])?"
_NUMBERS = rf"{_NOUN}{NUMBER}(?:\s*(?:[,;&–—-]|and)\s*{_NOUN}{NUMBER})*"
# Models write for [1][2]: [1, 2], [1-2], [^1], [passage 1], 【1†source】, \[1\], [1](https://…).
_WRITTEN = (
    rf"(?:\\?\[\s*{_NUMBERS}\s*\\?\](?:\((?:https?:|\#)[^)\s]*\))?"
    rf"|【\s*{_NUMBERS}\s*(?:†[^】\n]*)?】|［\s*{_NUMBERS}\s*］)"
)
_WRITTEN_MARKER = re.compile(_WRITTEN, re.IGNORECASE)
_WRITTEN_MARKERS = re.compile(
    rf"(?P<blank>(?:(?<![ \t])[ \t]+)?)(?P<markers>{_WRITTEN}(?:[ \t]*[,;]?[ \t]*{_WRITTEN})*)", re.IGNORECASE
)
_NUMBER_OR_RANGE = re.compile(rf"({NUMBER})(?:\s*[–—-]\s*(?:\D{{0,12}}?)({NUMBER}))?")
_ADDRESS = re.compile(r"\]\([^)]*\)|†[^】\n]*")
_ROUND_BRACKETS = str.maketrans("[]【】［］", "()()()", "\\")
# Blocks between fences, of which the last may still be open, and `spans`.
_CODE = re.compile(r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1|\Z)|(?P<ticks>`+)(?!`)[^\n]*?(?<!`)(?P=ticks)(?!`)", re.M | re.S)
# Stands for a bracket in code: no text has it, since it isn't a character.
_CODE_BRACKET = "\ufdd0"


def marker_pattern(suffix: str) -> str:
    """A regular expression for a marker of one number, or of several with commas between (group 1), after which
    something that matches `suffix` may stand (group 2)."""
    return rf"\[({NUMBER}(?:\s*,\s*{NUMBER})*)({suffix})?\]"


def tidy_markers(text: str, passages: int, *, markdown: bool = True) -> str:
    """Write markers as [1][2], each number once, and drop the markers of passages that don't exist.

    `passages` is their count, `markdown` whether code is left alone: in quoted sentences a backtick is just a sign.
    """

    def tidy(match: re.Match[str]) -> str:
        numbers = [number for number in _numbers(match["markers"], passages) if 1 <= number <= passages]
        return "".join((match["blank"], *(f"[{number}]" for number in dict.fromkeys(numbers)))) if numbers else ""

    return show_code(_WRITTEN_MARKERS.sub(tidy, hide_code(text) if markdown else text))


def checked_markers(text: str, passages: int, *, markdown: bool = True) -> tuple[str, list[tuple[int, int]]]:
    """The tidied text, and the half-open spans of its markers: one for each citation that `check_citations` returns, in
    the same order."""
    tidy = tidy_markers(text, passages, markdown=markdown)
    return tidy, [match.span() for match in re.finditer(_TIDY, hide_code(tidy) if markdown else tidy)]


def without_markers(text: str) -> str:
    """A document's text with round brackets where a marker would be read: its own [3] cites no passage of ours."""
    return _WRITTEN_MARKER.sub(lambda marker: marker[0].translate(_ROUND_BRACKETS), text)


def hide_code(text: str) -> str:
    """`text` of the same length, in which brackets in code don't look like markers."""
    return _CODE.sub(lambda match: match[0].replace("[", _CODE_BRACKET), text)


def show_code(text: str) -> str:
    """Undo `hide_code`."""
    return text.replace(_CODE_BRACKET, "[")


def _numbers(markers: str, passages: int) -> Iterator[int]:
    for first, last in _NUMBER_OR_RANGE.findall(_ADDRESS.sub("]", markers)):
        yield from range(int(first), min(int(last or first), passages) + 1)
