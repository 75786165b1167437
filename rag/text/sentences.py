"""Finds where the sentences of a text begin and end.

A change here may change the chunks: then change the version of `rag.text.chunking`, too.
"""

from __future__ import annotations

import re

from rag.text.word_lists import DATA, read_words

# A sentence ends with closing marks and white space; ideographic full stops need no space after them. It also ends at a
# blank line, and before a heading, a list item or a table row.
_SENTENCE_END = re.compile(
    r"(?<=[.!?…])[\"'”’»)\]]*\s+(?=[\"'“‘«(\[]*[^\sa-z])"
    r"|(?<=[。！？])[」』”’）]*\s*"
    r"|\n[ \t]*\n\s*"
    r"|\n(?=[ \t]*(?:#{1,6}[ \t]|\||[-*+•‣▪][ \t]|\d{1,3}[.)][ \t]))"
)
_ABBREVIATIONS = "|".join(sorted(map(re.escape, read_words(DATA / "abbreviations.txt"))))
# A single letter is an abbreviation, too, and so is a word with full stops inside.
_ABBREVIATION = re.compile(rf"(?:\b(?:[A-Za-z]|{_ABBREVIATIONS})|\.[A-Za-z])\.$")


def sentence_spans(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """The half-open spans of the sentences of `text[start:end]`, without the white space around them."""
    end = len(text) if end is None else end
    spans: list[tuple[int, int]] = []
    begin = start
    for match in _SENTENCE_END.finditer(text, start, end):
        # "e.g. The" and "U.S. Army" go on. The characters before the full stop tell.
        if _ABBREVIATION.search(text, max(begin, match.start() - 8), match.start()):
            continue
        append_trimmed(spans, text, begin, match.end())
        begin = match.end()
    append_trimmed(spans, text, begin, end)
    return spans


def append_trimmed(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    """Append the half-open span of `text[start:end]` without the white space around it; nothing if it is blank."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        spans.append((start, end))
