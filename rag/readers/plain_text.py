"""Plain text → text."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from rag.readers.decoding import decode_pieces
from rag.readers.html import html_to_markdown


def read_text(data: bytes) -> Iterable[str]:
    """Plain text in pieces. An HTML page that was saved as text is read as HTML. Raises Fault if `data` isn't text."""
    pieces = decode_pieces(data)
    first = next(pieces, "")
    if first[:200].lstrip().lower().startswith(("<!doctype html", "<html")):
        return [html_to_markdown(first + "".join(pieces))]
    return itertools.chain([first], pieces)
