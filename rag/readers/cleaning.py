"""Cleans text for keeping: removes characters that belong in no text, and cuts a long text into segments."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from rag.text.characters import LINE_ENDS, NEVER_IN_A_TEXT, SURROGATES

# Characters of a segment: the usual number, and the most. With segments a long text isn't in memory several times over.
SEGMENT_CHARACTERS = 1_000_000
LONGEST_SEGMENT = 4_000_000

_UNWANTED = re.compile(f"[{NEVER_IN_A_TEXT}]")
_LINE_END = re.compile(f"\r\n|[{LINE_ENDS}]")
_HALF = re.compile(f"[{SURROGATES}]")
# No-break spaces become spaces, ligatures letters.
_SHOWN_AS = str.maketrans(
    {
        **dict.fromkeys("\u00a0\u2007\u202f", " "),
        **dict(
            zip("\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06", ("ff", "fi", "fl", "ffi", "ffl", "st", "st"), strict=True)
        ),
        **dict.fromkeys(
            "\uf0a7\uf0b7\uf0d8\uf0fc\uf0e0\uf06c\uf06e\uf076", "•"
        ),  # bullets of the Symbol and Wingdings fonts
    }
)


def clean(text: str) -> str:
    """The text as `clean_segments` gives it, in one string."""
    return "".join(clean_segments([text]))


def clean_segments(pieces: Iterable[str]) -> Iterator[str]:
    """The text of the joined pieces, with `\\n` as line ends, and without characters that can't be seen, stored or
    matched.

    Letters are composed (NFC), ligatures become letters, no-break spaces become spaces, runs of blank lines become one.
    Segments have about SEGMENT_CHARACTERS and end at the end of a paragraph, unless a paragraph is longer than
    LONGEST_SEGMENT.
    """
    line, segment = "", ""  # the last line, and the segment before it; neither is complete yet
    blanks: list[str] = []  # the blanks after `line`, which are left out if the line ends with them
    first = True
    for piece in _clean_characters(pieces):
        if piece.isspace() and "\n" not in piece:
            blanks.append(piece)
            continue
        lines, end, line = "".join([line, *blanks, piece]).rpartition("\n")
        blanks.clear()
        if len(line) > SEGMENT_CHARACTERS:
            written = line.rstrip()
            lines, end, line = lines + end + written, "", line[len(written) :]
        segment = re.sub(r"\n{3,}", "\n\n", segment + "\n".join(each.rstrip() for each in lines.split("\n")) + end)
        segment = segment.lstrip("\n") if first else segment
        if len(segment) >= SEGMENT_CHARACTERS and (cut := _segment_end(segment)):
            yield segment[:cut]
            segment, first = segment[cut:], False
    if last := (segment + line.rstrip()).rstrip("\n"):
        yield last


def _segment_end(text: str) -> int:
    """Where to cut so that the next segment begins with a paragraph; 0 if there is no such place yet."""
    blank = text.rfind("\n\n", 0, len(text) - 1)
    if blank >= 0 or len(text) < LONGEST_SEGMENT:
        return blank + 2 if blank >= 0 else 0
    length = len(text.rstrip())
    return text.rfind("\n", 0, length) + 1 or text.rfind(" ", 0, length) + 1 or length


def _clean_characters(pieces: Iterable[str]) -> Iterator[str]:
    carriage_return = ""  # held back: a line feed may follow, and both end one line
    for text in _whole_characters(pieces):
        text = carriage_return + text
        carriage_return = "\r" if text.endswith("\r") else ""
        cleaned = _UNWANTED.sub("", _LINE_END.sub("\n", text.removesuffix("\r"))).translate(_SHOWN_AS)
        yield cleaned if cleaned.isascii() else unicodedata.normalize("NFC", cleaned)
    if carriage_return:
        yield "\n"


def _whole_characters(pieces: Iterable[str]) -> Iterator[str]:
    """Join pairs of surrogates to their character, and leave out lone surrogates."""
    half = ""
    for piece in pieces:
        for begin in range(0, len(piece), SEGMENT_CHARACTERS):
            text = half + piece[begin : begin + SEGMENT_CHARACTERS]
            half = ""
            if not text.isascii() and _HALF.search(text):
                half = text[-1] if "\ud800" <= text[-1] <= "\udbff" else ""
                whole = text.removesuffix(half)
                text = whole.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
            yield text
