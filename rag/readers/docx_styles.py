"""The styles of a Word document: which paragraphs are headings, and which runs are hidden, struck or raised."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace

from lxml import etree

from rag.readers.symbols import is_symbol_font

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_DEEPEST = 20  # styles that are based on styles; more is a circle


@dataclass(frozen=True, slots=True)
class Look:
    """How a run looks. None: the style below it decides."""

    is_hidden: bool | None = None
    is_struck: bool | None = None
    is_capital: bool | None = None
    place: str | None = None
    font: str | None = None

    def over(self, below: Look) -> Look:
        """This look, completed by the look below it."""
        return replace(below, **{f.name: v for f in fields(self) if (v := getattr(self, f.name)) is not None})


@dataclass(frozen=True, slots=True)
class Numbering:
    """The list of a paragraph: the list's id and the 0-based level. None: the style below decides."""

    list_id: str | None = None
    level: int | None = None


@dataclass(slots=True)
class _Style:
    name: str
    based_on: str
    look: Look
    outline: int | None
    numbering: Numbering


class Styles:
    """The styles of a document by their ids. `root` is the part styles.xml, or None."""

    def __init__(self, root: etree._Element | None) -> None:
        self._styles: dict[str, _Style] = {}
        self._looks: dict[str, Look] = {}
        self._default_look = Look()
        self._default_paragraph = ""
        if root is None:
            return
        default = root.find(f"{W}docDefaults/{W}rPrDefault/{W}rPr")
        self._default_look = look_of(default)
        for element in root.iterchildren(f"{W}style"):
            style_id = element.get(f"{W}styleId", "")
            properties = element.find(f"{W}pPr")
            self._styles[style_id] = _Style(
                (value(element, "name") or "").lower(),
                value(element, "basedOn") or "",
                look_of(element.find(f"{W}rPr")),
                _outline(properties),
                numbering_of(properties),
            )
            if element.get(f"{W}type") == "paragraph" and element.get(f"{W}default") in ("1", "true", "on"):
                self._default_paragraph = style_id

    def _chain(self, style_id: str) -> list[_Style]:
        """The style, and the styles on which it is based."""
        chain: list[_Style] = []
        while style_id in self._styles and len(chain) < _DEEPEST:
            chain.append(self._styles[style_id])
            style_id = chain[-1].based_on
        return chain

    def look(self, style_id: str) -> Look:
        """How runs of the style look."""
        if style_id not in self._looks:
            look = Look()
            for style in self._chain(style_id):
                look = look.over(style.look)
            self._looks[style_id] = look
        return self._looks[style_id]

    def paragraph_look(self, style_id: str) -> Look:
        """How runs in a paragraph of the style look, if they have no look of their own."""
        return self.look(style_id or self._default_paragraph).over(self._default_look)

    def heading_level(self, properties: etree._Element | None, style_id: str) -> int:
        """The level of a heading, from 1; 0 for any other paragraph."""
        outline = _outline(properties)
        if outline is not None:
            return outline + 1 if outline < 9 else 0
        chain = self._chain(style_id)
        for style in chain:
            if style.name == "title":
                return 1
            if style.name == "subtitle":
                return 2
            if match := re.fullmatch(r"heading ([1-9])", style.name):
                return int(match[1])
            if style.outline is not None:
                return style.outline + 1 if style.outline < 9 else 0
        if not chain and (match := re.fullmatch(r"(?i)heading ?([1-9])", style_id)):
            return int(match[1])
        return 0

    def is_contents(self, style_id: str) -> bool:
        """Whether the style is Word's own for entries of a table of contents."""
        return any(re.fullmatch("toc [1-9]", style.name) for style in self._chain(style_id))

    def is_bulleted(self, style_id: str) -> bool:
        """Whether the style is Word's own for bulleted lists."""
        return any(style.name.startswith("list bullet") for style in self._chain(style_id))

    def numbering(self, style_id: str) -> tuple[Numbering, str]:
        """The list of the style's paragraphs, and the id of the style that has it."""
        seen = 0
        while style_id in self._styles and seen < _DEEPEST:
            style = self._styles[style_id]
            if style.numbering.list_id is not None:
                return style.numbering, style_id
            style_id, seen = style.based_on, seen + 1
        return Numbering(), ""


def value(element: etree._Element | None, name: str) -> str | None:
    """The value of a property; None if it isn't set."""
    child = None if element is None else element.find(f"{W}{name}")
    return None if child is None else child.get(f"{W}val", "")


def switch(element: etree._Element | None, name: str) -> bool | None:
    """Whether a property is on; None if it isn't set."""
    set_to = value(element, name)
    return None if set_to is None else set_to not in ("0", "false", "off", "none")


def look_of(properties: etree._Element | None) -> Look:
    """The look that the properties of a run (`w:rPr`) set."""
    if properties is None:
        return Look()
    fonts = properties.find(f"{W}rFonts")
    font = None if fonts is None else fonts.get(f"{W}ascii") or fonts.get(f"{W}hAnsi")
    struck, double = switch(properties, "strike"), switch(properties, "dstrike")
    place = value(properties, "vertAlign")
    if place is None and (raised_by := value(properties, "position")):
        # Half points. Small shifts only line up signs.
        shift = int(raised_by) if re.fullmatch(r"-?\d{1,4}", raised_by) else 0
        place = "superscript" if shift >= 5 else "subscript" if shift <= -5 else None
    return Look(
        switch(properties, "vanish"),
        struck if double is None else double or bool(struck),
        switch(properties, "caps"),
        place,
        font if font is None or is_symbol_font(font) else "",
    )


def numbering_of(properties: etree._Element | None) -> Numbering:
    """The list that the properties of a paragraph (`w:pPr`) set."""
    numbers = None if properties is None else properties.find(f"{W}numPr")
    if numbers is None:
        return Numbering()
    level = value(numbers, "ilvl")
    return Numbering(value(numbers, "numId"), int(level) if level is not None and level.isdigit() else None)


def _outline(properties: etree._Element | None) -> int | None:
    level = value(properties, "outlineLvl")
    return int(level) if level and re.fullmatch("[0-9]", level) else None
