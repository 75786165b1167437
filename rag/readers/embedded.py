"""Reads a document that is embedded in another as a part of its package."""

from __future__ import annotations

from collections.abc import Callable

from rag.readers.archives import Package
from rag.readers.decoding import decode
from rag.readers.faults import Fault
from rag.readers.html import read_html
from rag.readers.mail import read_mhtml
from rag.readers.notices import note
from rag.readers.rtf import read_rtf

# Documents within documents.
_DEEPEST = 2
_UNREAD = "A part of another format that is embedded in the document can't be read, and its text is left out."


def embedded_text(package: Package, part: str, read_word: Callable[[bytes], str], depth: int) -> str:
    """The text of a part by its content: HTML, Word, RTF or plain text. "" for any other part, of which the user is
    told. `depth` is the number of documents around the part."""
    if part not in package or depth >= _DEEPEST:
        note(_UNREAD)
        return ""
    data = package.read(part)
    head = data[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    try:
        if data.startswith(b"PK\x03\x04"):
            return read_word(data)
        if head.startswith(b"{\\rtf"):
            return read_rtf(data)
        if b"mime-version:" in head:
            return read_mhtml(data)
        if b"<html" in head or b"<!doctype html" in head or part.lower().endswith((".htm", ".html", ".xhtml")):
            return read_html(data, titled=False)
        if part.lower().endswith(".txt"):
            return decode(data)
    except Fault:
        pass
    note(_UNREAD)
    return ""
