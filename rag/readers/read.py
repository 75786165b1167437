"""Bytes of a file → pages of text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from rag.errors import ReadError
from rag.readers import filetypes
from rag.readers.cleaning import clean, clean_segments
from rag.readers.faults import Fault, Kind, check_length
from rag.readers.formats import SUPPORTED, Progress
from rag.schema import Page
from rag.text.long_texts import PackedSegments, whole_pages

__all__ = ["SUPPORTED", "read", "read_segments"]

_SHOWN_NAME = 80


class _Stopped(BaseException):
    """Carries an error of the caller's progress function past the readers, which would take it for damage."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


def read(name: str, data: bytes, progress: Progress | None = None) -> list[Page]:
    """The pages of a file that have text, as light Markdown (headings, lists, pipe tables). A PDF gives plain lines.

    `Page.number` is the 1-based place of the page, slide or sheet in the file, where blank pages count; it is None for
    formats without pages. `progress(done, total)` is called after each page, slide or sheet, and its errors are passed
    on. Raises ReadError with a sentence that names the file, the fault, and what to do.
    """
    return whole_pages(read_segments(name, data, progress))


def read_segments(name: str, data: bytes, progress: Progress | None = None) -> Sequence[Page]:
    """Like `read`, but a text without pages comes in segments, each a Page. A long text takes less memory so."""

    def report(done: int, total: int) -> None:
        if progress is not None:
            try:
                progress(done, total)
            except BaseException as error:
                raise _Stopped(error) from error

    try:
        return _pages(name, data, report)
    except _Stopped as stopped:
        raise stopped.error from None
    except Fault as fault:
        raise ReadError(fault.sentence(_shown(name))) from fault
    except MemoryError as error:
        raise ReadError(Fault(Kind.TOO_LARGE, "it doesn't fit into memory").sentence(_shown(name))) from error
    except Exception as error:
        # Parsers raise any error for damage: RecursionError, IndexError, …
        raise ReadError(Fault(Kind.DAMAGED, "what its name says").sentence(_shown(name))) from error


def _pages(name: str, data: bytes, report: Progress) -> Sequence[Page]:
    file_format = filetypes.detect(name, data)
    reader = file_format.load_reader()
    pages: Sequence[Page]
    if file_format.has_pages:
        pages = reader(data, report)
    else:
        text = reader(data)
        # A text that comes whole isn't cut: it may be one table (CSV), whose later rows would lose their header.
        pages = PackedSegments(filter(None, [clean(text)] if isinstance(text, str) else clean_segments(text)))
        report(1, 1)
    check_length(sum(len(page.text) for page in pages), len(data))
    if not any(page.text.strip() for page in pages):
        raise Fault(Kind.NO_TEXT)
    return pages


def _shown(name: str) -> str:
    """The file's name without folders, shortened in the middle so that the sentence stays readable."""
    base = PurePath(name.replace("\\", "/")).name or "The file"
    return base if len(base) <= _SHOWN_NAME else f"{base[:50]}…{base[-25:]}"
