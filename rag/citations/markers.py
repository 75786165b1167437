"""The grammar of citation markers: the many forms that models write, and the one form [1][2] that answers have.
Brackets in code are no markers."""

from __future__ import annotations

import re
from collections.abc import Iterator

NUMBER = r"\d{1,3}"
# A number (group 1) in brackets of any width. In a prompt it begins a passage; in an answer [0] is a refusal.
BRACKETED_NUMBER = r"[\[【［]\s*(\d+)\s*[\]】］]"
_TIDY = rf"\[{NUMBER}\]"
# Adjacent markers of a tidied answer, with the blanks before them.
TIDY_MARKERS = re.compile(rf"(?:(?:(?<!\s)\s+)?{_TIDY})+")

_NOUN = r"(?:(?:passages?|sources?|documents?|docs?|references?|refs?|citations?)[\s:#]*|[\^#])?"
# Where in the passage: [1, p. 3], [1:2], [passage 1, lines 2-3].
_PLACE = (
    r"\s*(?:[,;]\s*(?:pp?\.?|pages?|lines?|ll?\.|paragraphs?|para\.|§|sections?|seiten?|s\.|zeilen?|páginas?|lignes?)\s*"
    r"\d+(?:\s*[–—-]\s*\d+)?|[,;]\s*\d+\s*(?:쪽|페이지|頁|ページ|页)|(?<=\d)\s?:\s*\d+(?:\s*[–—-]\s*\d+)?)"
)
_PLACES = re.compile(_PLACE, re.IGNORECASE)
_NUMBERS = rf"{_NOUN}{NUMBER}(?:\s*(?:[,;&–—-]|and)\s*{_NOUN}{NUMBER})*(?:{_PLACE})?"
# Models also write [1, 2], [1-2], [^1], [passage 1], 【1†source】, \[1\] and [1](https://…).
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
# Blocks of code between fences, the last of which may still be open, and `spans` of code in a line.
_CODE = re.compile(r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1|\Z)|(?P<ticks>`+)(?!`)[^\n]*?(?<!`)(?P=ticks)(?!`)", re.M | re.S)
# Stands for a bracket in code. No text has this code point, since it isn't a character.
_CODE_BRACKET = "\ufdd0"


def marker_pattern(suffix: str) -> str:
    """A regular expression for a marker with one number, or several between commas (group 1). A match of `suffix` may
    follow within the brackets (group 2)."""
    return rf"\[({NUMBER}(?:\s*,\s*{NUMBER})*)({suffix})?\]"


def tidy_markers(text: str, passages: int, *, markdown: bool = True) -> str:
    """Write markers as [1][2], each number once, and delete markers of passages that don't exist.

    `passages` is the number of passages. If `markdown`, code is left alone; give False for quoted sentences, in which a
    backtick is just a sign.
    """

    def tidy(match: re.Match[str]) -> str:
        numbers = [number for number in _numbers(match["markers"], passages) if 1 <= number <= passages]
        return "".join((match["blank"], *(f"[{number}]" for number in dict.fromkeys(numbers)))) if numbers else ""

    return show_code(_WRITTEN_MARKERS.sub(tidy, hide_code(text) if markdown else text))


def checked_markers(text: str, passages: int, *, markdown: bool = True) -> tuple[str, list[tuple[int, int]]]:
    """The tidied text, and the half-open spans of its markers. `check_citations` returns one citation for each span, in
    the same order."""
    tidy = tidy_markers(text, passages, markdown=markdown)
    return tidy, [match.span() for match in re.finditer(_TIDY, hide_code(tidy) if markdown else tidy)]


def without_markers(text: str) -> str:
    """A document's text with round brackets in place of a marker's: a [3] in a document cites no passage."""
    return _WRITTEN_MARKER.sub(lambda marker: marker[0].translate(_ROUND_BRACKETS), text)


def hide_code(text: str) -> str:
    """`text` with the brackets in code replaced, so that they don't look like markers. Its length stays."""
    return _CODE.sub(lambda match: match[0].replace("[", _CODE_BRACKET), text)


def show_code(text: str) -> str:
    """Undo `hide_code`."""
    return text.replace(_CODE_BRACKET, "[")


def _numbers(markers: str, passages: int) -> Iterator[int]:
    for first, last in _NUMBER_OR_RANGE.findall(_PLACES.sub("", _ADDRESS.sub("]", markers))):
        yield from range(int(first), min(int(last or first), passages) + 1)
