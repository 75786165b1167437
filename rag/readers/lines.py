"""A line of text in the making: pieces that are plain, raised, lowered, struck through, or the box of a form.

Word processors cut a text into runs anywhere, so "10⁶" may come as "1", "0" and "6". A `Line` joins the pieces that
look alike before their marks are written.
"""

from __future__ import annotations

import re
from enum import Enum

from rag.text.blocks import lowered, note_mark, raised, struck

# The characters before a raised figure that tell an exponent from the mark of a note.
_BEFORE = 40
# Signs that are boxes of a form, and whether they are ticked.
_BOXES = {"☐": False, "☑": True, "☒": True, "🗹": True, "🗷": True}
_BOX = re.compile(f"[{''.join(_BOXES)}]")
_WRITTEN_BOX = re.compile(r"\[[x ]\]")


class Place(Enum):
    """Where a text stands on its line. A box stands for itself."""

    BASE = "base"
    BOX = "box"
    RAISED = "raised"
    LOWERED = "lowered"


class Line:
    """The text of a paragraph. `text` writes it with its marks."""

    def __init__(self) -> None:
        self._pieces: list[tuple[str, Place, bool]] = []

    def add(self, text: str, place: Place = Place.BASE, is_struck: bool = False) -> None:
        """Add text. Signs that are boxes of a form become `[x]` and `[ ]`."""
        if not text:
            return
        if not text.isascii() and _BOX.search(text):
            begin = 0
            for match in _BOX.finditer(text):
                self.add(text[begin : match.start()], place, is_struck)
                self.tick(_BOXES[match[0]])
                begin = match.end()
            text = text[begin:]
        if text:
            self._pieces.append((text, place, is_struck))

    def tick(self, is_ticked: bool) -> None:
        """Add a box of a form."""
        self._pieces.append(("[x]" if is_ticked else "[ ]", Place.BOX, False))

    def note(self, mark: str) -> None:
        """Add the mark of a note."""
        self._pieces.append((note_mark(mark), Place.BASE, False))

    def take_raised(self) -> str:
        """Take the raised text at the end of the line off it; "" if there is none."""
        texts: list[str] = []
        while self._pieces and self._pieces[-1][1] is Place.RAISED:
            texts.append(self._pieces.pop()[0])
        return "".join(reversed(texts)).strip()

    def extend(self, other: Line) -> None:
        """Add all of another line."""
        self._pieces += other._pieces

    def text(self) -> str:
        """The line, without blanks around it."""
        parts: list[str] = []
        tail = ""
        for piece, is_struck in self._placed():
            written = struck(piece) if is_struck else piece
            if parts and _lacks_blank(tail, written):
                written = " " + written
            parts.append(written)
            tail = (tail + written)[-_BEFORE:]
        return "".join(parts).strip()

    def _placed(self) -> list[tuple[str, bool]]:
        """The pieces with their raised and lowered texts written. Pieces that look alike are one."""
        alike: list[tuple[list[str], Place, bool]] = []
        for text, place, is_struck in self._pieces:
            if alike and alike[-1][1:] == (place, is_struck) and place is not Place.BOX:
                alike[-1][0].append(text)
            else:
                alike.append(([text], place, is_struck))
        placed: list[tuple[str, bool]] = []
        tail = ""
        for texts, place, is_struck in alike:
            text = "".join(texts)
            if place in (Place.RAISED, Place.LOWERED) and (inner := text.strip()):
                mark = (raised if place is Place.RAISED else lowered)(tail, inner)
                text = text.replace(inner, mark, 1)
            if placed and is_struck and placed[-1][1]:
                placed[-1] = (placed[-1][0] + text, True)
            else:
                placed.append((text, is_struck))
            tail = (tail + text)[-_BEFORE:]
        return placed


def _lacks_blank(before: str, after: str) -> bool:
    """Whether a box and a word beside it would be written without a blank between them."""
    if before[-1:].isspace() or after[:1].isspace():
        return False
    return bool(_WRITTEN_BOX.match(after)) or (before.endswith(("[x]", "[ ]")) and after[:1].isalnum())
