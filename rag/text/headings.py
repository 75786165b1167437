"""Finds the heading at the beginning of a page of plain lines, such as "Consolidated Balance Sheets".

PDFs mark no headings. Without its heading, the second half of a balance sheet is a list of numbers about nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from rag.schema import Page

# The most characters of a heading.
HEADING_CHARACTERS = 90
# A running header or footer is among this many lines at the top or bottom of a page, and on at least this share of the
# pages, and on at least this many pages.
EDGE_LINES = 3
RUNNING_SHARE = 0.1
RUNNING_PAGES = 4

# The mark of a heading in light Markdown.
_MARK = re.compile(r"#{1,6}[ \t]+")
_WORD = re.compile(r"[^\W\d_]+")


def page_headings(pages: Sequence[Page]) -> list[str]:
    """Each page's heading: the first of its first lines that reads like one, or "". Running headers don't count."""
    edges = [[_MARK.sub("", line.strip()) for line in page.text.split("\n") if line.strip()] for page in pages]
    counts = Counter(
        key for lines in edges for key in {_key(line) for line in lines[:EDGE_LINES] + lines[-EDGE_LINES:]}
    )
    least = max(RUNNING_PAGES, len(pages) * RUNNING_SHARE)
    headings = []
    for lines in edges:
        first_lines = [line for line in lines[: 2 * EDGE_LINES] if counts[_key(line)] < least][:EDGE_LINES]
        headings.append(next((line for line in first_lines if is_heading(line)), ""))
    return headings


def is_heading(line: str) -> bool:
    """Whether a line reads like a heading: it is short and no sentence, has few digits, and most of its longer words
    are capitalised. Words in scripts without capitals count as capitalised."""
    if not 4 <= len(line) <= HEADING_CHARACTERS or line[-1] in ".,;:。、，；：":
        return False
    if line[0].islower() or not line[0].isalnum() or sum(c.isdigit() for c in line) > len(line) / 4:
        return False
    words = _WORD.findall(line)
    long = [word for word in words if len(word) > 3 or not word.isascii()]
    return len(words) <= 12 and bool(long) and sum(not word[0].islower() for word in long) >= 0.6 * len(long)


def _key(line: str) -> str:
    """The line without numbers, since these change from page to page."""
    return re.sub(r"[\d\s]+", "", line).casefold()
