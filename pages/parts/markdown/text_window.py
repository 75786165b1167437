"""A window on a long text, with spans highlighted and each row of a table on a separate line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pages.parts.markdown.safe_markdown import safe_text

# Half-open, in characters.
Span = tuple[int, int]

# The most characters of a long text in view at once, and the characters shown before the first span.
WINDOW = 4_000
LEAD = 400
_TABLE_ROW = re.compile(r"\s*\|.*\|\s*")


def window(text: str, start: int | None, spans: tuple[Span, ...]) -> Span:
    """The span of `text` to show. It begins at `start`, or (None) a little before the first of `spans`."""
    if start is None:
        first = min((begin for begin, _ in spans), default=0)
        start = 0 if first <= LEAD else line_start(text, first - LEAD)
    end = start + WINDOW
    return start, len(text) if end >= len(text) else line_start(text, end)


def line_start(text: str, place: int) -> int:
    """The beginning of the line around `place`. If it is over LEAD / 2 characters away, the beginning of the word, and
    if that is, too, `place` itself."""
    for mark in "\n ":
        before = text.rfind(mark, max(0, place - LEAD // 2), place)
        if before >= 0:
            return before + 1
    return place


def marked_text(text: str, start: int, end: int, spans: tuple[Span, ...]) -> str:
    """`text[start:end]` as Markdown, with `spans` highlighted and each row of a table on a separate line."""
    shown, row_before = "", False
    for begin, stop in _blocks(text, start, end):
        inside = [(max(a, begin) - begin, min(b, stop) - begin) for a, b in spans if a < stop and begin < b]
        block, is_row = safe_text(text[begin:stop], inside), bool(_TABLE_ROW.fullmatch(text, begin, stop))
        if block:
            shown += ("  \n" if is_row and row_before else "\n\n" if shown else "") + block
            row_before = is_row
    return shown


def _blocks(text: str, start: int, end: int) -> Iterator[Span]:
    """The spans of the table rows, and of the prose between them."""
    prose = start
    for line in re.finditer(r"[^\n]*\n?", text[start:end]):
        if _TABLE_ROW.fullmatch(line[0]):
            begin, stop = start + line.start(), start + line.end()
            if prose < begin:
                yield prose, begin
            yield begin, stop
            prose = stop
    if prose < end:
        yield prose, end
