"""Long texts in parts: Python takes up to four bytes for each character of a text, if only one of them is rare."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from rag.schema import Page


class PackedPages(Sequence[Page]):
    """The parts of a text without pages, held compressed; each is a Page whenever it is looked at."""

    def __init__(self, parts: Iterable[str]) -> None:
        self._parts = [zlib.compress(part.encode("utf-8"), level=1) for part in parts]

    def __len__(self) -> int:
        return len(self._parts)

    @overload
    def __getitem__(self, which: int) -> Page: ...
    @overload
    def __getitem__(self, which: slice) -> Sequence[Page]: ...
    def __getitem__(self, which: int | slice) -> Page | Sequence[Page]:
        if isinstance(which, slice):
            return [_page(part) for part in self._parts[which]]
        return _page(self._parts[which])


def _page(part: bytes) -> Page:
    return Page(zlib.decompress(part).decode("utf-8"))


def texts_in_parts(pages: Iterable[Page]) -> Iterator[tuple[int | None, Iterator[str]]]:
    """Each page's number and its text, in parts: pages without a number that follow each other are one text."""
    for _, group in itertools.groupby(enumerate(pages), lambda item: None if item[1].number is None else item[0]):
        own = (page for _, page in group)
        first = next(own)
        yield first.number, itertools.chain([first.text], (page.text for page in own))


def joined(pages: Iterable[Page]) -> list[Page]:
    """Pages with their whole texts."""
    return [Page("".join(parts), number) for number, parts in texts_in_parts(pages)]
