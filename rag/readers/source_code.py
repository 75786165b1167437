"""Source code and configuration files → their lines as they are, in a fence."""

from __future__ import annotations

from rag.readers.decoding import decode
from rag.text.blocks import Code, page_text


def read_source(data: bytes) -> str:
    """The lines of a source file, fenced, so that its comments aren't headings. Raises Fault if `data` isn't text."""
    return page_text([Code(decode(data))])
