"""The heading that a page of plain lines begins with, such as "Consolidated Balance Sheets".

PDFs mark no headings; without it the second half of a balance sheet is a list of numbers about nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from rag.schema import Page

# The most characters of a heading.
HEADING_CHARACTERS = 90
# The lines at a page's top and bottom that may be running ones, and the share of pages, and the least number of them,
# on which a line must stand to be one.
EDGE_LINES = 3
RUNNING_SHARE = 0.1
RUNNING_PAGES = 4

_WORD = re.compile(r"[^\W\d_]+")


def page_headings(pages: Sequence[Page]) -> list[str]:
    """For each page the first of its first lines that reads like a heading, or "". Running headers are passed over."""
    edges = [[line.strip() for line in page.text.split("\n") if line.strip()] for page in pages]
    counts = Counter(
        key for lines in edges for key in {_key(line) for line in lines[:EDGE_LINES] + lines[-EDGE_LINES:]}
    )
    least = max(RUNNING_PAGES, len(pages) * RUNNING_SHARE)
    headings = []
    for lines in edges:
        candidates = [line for line in lines[: 2 * EDGE_LINES] if counts[_key(line)] < least][:EDGE_LINES]
        headings.append(next((line for line in candidates if is_heading(line)), ""))
    return headings


def is_heading(line: str) -> bool:
    """Whether a line reads like a heading: short, no sentence, few digits, most longer words capitalised. Scripts
    without capitals count as capitalised."""
    if not 4 <= len(line) <= HEADING_CHARACTERS or line[-1] in ".,;:。、，；：":
        return False
    if line[0].islower() or not line[0].isalnum() or sum(c.isdigit() for c in line) > len(line) / 4:
        return False
    words = _WORD.findall(line)
    long = [word for word in words if len(word) > 3 or not word.isascii()]
    return len(words) <= 12 and bool(long) and sum(not word[0].islower() for word in long) >= 0.6 * len(long)


def _key(line: str) -> str:
    """The line without the numbers, which change from page to page."""
    return re.sub(r"[\d\s]+", "", line).casefold()
