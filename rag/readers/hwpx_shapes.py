"""The shapes of an HWPX document: how characters look, and the heads of paragraphs with their numberings."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree

from rag.readers.hangul import Head, Level
from rag.readers.lines import Place

_LONGEST_SIGN = 200


@dataclass(frozen=True, slots=True)
class Look:
    """How characters look."""

    place: Place = Place.BASE
    is_struck: bool = False


class Shapes:
    """The shapes of the part header.xml, by their ids."""

    def __init__(self, root: etree._Element | None) -> None:
        self._looks: dict[str, Look] = {}
        self._heads: dict[str, Head] = {}
        self.numberings: dict[int, list[Level]] = {}
        if root is None:
            return
        for shape in root.iter("{*}charPr"):
            struck = shape.find("{*}strikeout")
            raised, lowered = shape.find("{*}supscript"), shape.find("{*}subscript")
            self._looks[shape.get("id", "")] = Look(
                Place.RAISED if raised is not None else Place.LOWERED if lowered is not None else Place.BASE,
                # Hangul itself writes "3D" for text that isn't struck.
                struck is not None and struck.get("shape", "NONE") not in ("NONE", "3D"),
            )
        for shape in root.iter("{*}paraPr"):
            # Newer versions put the head into a switch.
            head = next(shape.iter("{*}heading"), None)
            kind = "NONE" if head is None else head.get("type", "NONE")
            if head is not None and kind in ("OUTLINE", "NUMBER", "BULLET"):
                numbering, level = number_of(head.get("idRef"), 0), number_of(head.get("level"), 0)
                self._heads[shape.get("id", "")] = Head(kind, numbering, level)
        for numbering in root.iter("{*}numbering"):
            levels = [
                Level(
                    head.get("numFormat", "DIGIT"), (head.text or "")[:_LONGEST_SIGN], number_of(head.get("start"), 1)
                )
                for head in numbering.iterchildren("{*}paraHead")
            ]
            self.numberings[number_of(numbering.get("id"), 0)] = levels

    def look(self, identity: str) -> Look:
        """How the characters of a run look."""
        return self._looks.get(identity, Look())

    def head(self, identity: str) -> Head:
        """The head of a paragraph."""
        return self._heads.get(identity, Head())


def number_of(text: str | None, otherwise: int) -> int:
    """A number of an attribute, `otherwise` if it has none."""
    return int(text) if text is not None and re.fullmatch(r"\d{1,7}", text) else otherwise
