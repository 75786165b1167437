"""Long texts in segments. A single rare character makes Python use up to four bytes for every character of a string."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from rag.schema import Page


class PackedSegments(Sequence[Page]):
    """The segments of a text without pages, held compressed. Each access makes a Page of a segment."""

    def __init__(self, segments: Iterable[str]) -> None:
        self._packed = [zlib.compress(segment.encode("utf-8"), level=1) for segment in segments]

    def __len__(self) -> int:
        return len(self._packed)

    @overload
    def __getitem__(self, which: int) -> Page: ...
    @overload
    def __getitem__(self, which: slice) -> Sequence[Page]: ...
    def __getitem__(self, which: int | slice) -> Page | Sequence[Page]:
        if isinstance(which, slice):
            return [_page(packed) for packed in self._packed[which]]
        return _page(self._packed[which])


def _page(packed: bytes) -> Page:
    return Page(zlib.decompress(packed).decode("utf-8"))


def texts_in_segments(pages: Iterable[Page]) -> Iterator[tuple[int | None, Iterator[str]]]:
    """Each text's page number and segments. Adjacent pages without a number are the segments of one text."""
    for _, group in itertools.groupby(enumerate(pages), lambda item: None if item[1].number is None else item[0]):
        segments = (page for _, page in group)
        first = next(segments)
        yield first.number, itertools.chain([first.text], (page.text for page in segments))


def whole_pages(pages: Iterable[Page]) -> list[Page]:
    """The pages with whole texts: segments of one text are joined."""
    return [Page("".join(segments), number) for number, segments in texts_in_segments(pages)]
