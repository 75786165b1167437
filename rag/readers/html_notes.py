"""The notes of HTML pages: links that are note marks, and the elements to which they lead."""

from __future__ import annotations

import re
from posixpath import dirname, join, normpath
from urllib.parse import unquote

from lxml import etree

_MARK = re.compile(r"[(\[]?(\d{1,3}|[a-z])[)\]]?")
_NOTE_LINK = re.compile(r"noteref|footnote-?ref|fnref|endnote-?ref", re.IGNORECASE)
_KINDS = ("class", "role", "epub:type", "{http://www.idpf.org/2007/ops}type")
_LONGEST = 8


class NoteLinks:
    """The places of notes with their marks. The chapters of a book share `marks`; `page` is the page's place in it."""

    def __init__(self, marks: dict[str, str], page: str) -> None:
        self._marks = marks
        self._page = page

    def link(self, element: etree._Element, is_raised: bool) -> bool:
        """Take up a link. If it leads to a note, its place is kept with its mark, and the result is True."""
        href = element.get("href", "")
        if "#" not in href:
            return False
        kind = " ".join(element.get(name, "") for name in _KINDS)
        is_note = bool(_NOTE_LINK.search(kind)) and "backlink" not in kind
        if not (is_note or is_raised or _holds_raised_text(element)):
            return False
        text = "".join(part for part, _ in zip(element.itertext(), range(_LONGEST), strict=False)).strip()
        if not (match := _MARK.fullmatch(text)):
            return False
        self._marks.setdefault(self._place(href), match[1])
        return is_note

    def mark_of(self, element: etree._Element) -> str:
        """The mark of the note that an element is; "" if no link so far leads to it."""
        anchor = element.get("id") if self._marks else None
        return self._marks.get(f"{self._page}#{anchor}", "") if anchor else ""

    def _place(self, link: str) -> str:
        file, _, anchor = link.partition("#")
        place = normpath(join(dirname(self._page), unquote(file))) if file else self._page
        return f"{place}#{anchor}"


def _holds_raised_text(element: etree._Element) -> bool:
    inner = element[0] if len(element) == 1 else None
    is_raised = inner is not None and str(inner.tag).rpartition("}")[2].lower() == "sup"
    return is_raised and not (element.text or "").strip()
