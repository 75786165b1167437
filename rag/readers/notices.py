"""What a reader has to tell about a document that it could read: pages without text, attachments that it names only.

A reader calls `note`; the caller of the readers collects the sentences. They stand with the document in the library.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# The notices of one document that are kept.
MOST = 20

_collected: ContextVar[list[str] | None] = ContextVar("notices", default=None)


def note(sentence: str) -> None:
    """Tell the user a sentence about the document that is being read: "Page 2 has no text that can be read."."""
    notices = _collected.get()
    if notices is not None and sentence not in notices and len(notices) < MOST:
        notices.append(sentence)


@contextmanager
def collecting() -> Iterator[list[str]]:
    """Collect the notices of the readers that run within. The list grows meanwhile."""
    notices: list[str] = []
    token = _collected.set(notices)
    try:
        yield notices
    finally:
        _collected.reset(token)


def page_list(numbers: list[int]) -> str:
    """Page numbers for a sentence: "page 2", "pages 2, 5 and 7 to 9"."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    parts = [str(run[0]) if len(run) == 1 else f"{run[0]} {'and' if len(run) == 2 else 'to'} {run[-1]}" for run in runs]
    many = "s" if len(set(numbers)) > 1 else ""
    return f"page{many} " + (f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts))
