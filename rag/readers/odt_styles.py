"""The styles of an OpenDocument text: how text looks, and how lists and headings are numbered."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace

from lxml import etree

from rag.readers.list_numbers import odf_number

ODF = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}"
TEXT, TABLE, STYLE, DRAW = (ODF % name for name in ("text", "table", "style", "drawing"))
OFFICE, FORM = ODF % "office", ODF % "form"
FO = ODF % "xsl-fo-compatible"
_DEEPEST = 20
_LONGEST_SIGN = 200


@dataclass(frozen=True, slots=True)
class Look:
    """How text looks. None: the style below it decides."""

    is_hidden: bool | None = None
    is_struck: bool | None = None
    is_capital: bool | None = None
    shift: int | None = None  # above 0 raised, below 0 lowered

    def over(self, below: Look) -> Look:
        """This look, completed by the look below it."""
        return replace(below, **{f.name: v for f in fields(self) if (v := getattr(self, f.name)) is not None})


@dataclass(slots=True)
class Level:
    """A level of a list. A bullet has no number format."""

    format: str = ""
    prefix: str = ""
    suffix: str = ""
    shown_levels: int = 1
    start: int = 1
    is_bullet: bool = False
    repeats: bool = False


@dataclass(slots=True)
class ListStyle:
    """The levels of a list by their numbers, from 1."""

    levels: dict[int, Level] = field(default_factory=dict)

    def sign(self, counts: list[int | None], depth: int) -> str:
        """The sign of an item. `counts` has the counts of the levels, outermost first; `depth` is the item's level."""
        level = self.levels.get(depth)
        if level is None or level.is_bullet:
            return "-"
        numbers: list[str] = []
        for shown in range(max(1, depth - level.shown_levels + 1), depth + 1):
            of = self.levels.get(shown, Level())
            count = counts[shown - 1]
            if number := odf_number(of.start if count is None else count, of.format, of.repeats):
                numbers.append(number)
        if not numbers and not level.format:
            return ""
        return " ".join(f"{level.prefix}{'.'.join(numbers)}{level.suffix}".split())


class Styles:
    """All styles of a document. A common style and an automatic style may share a name: the automatic one counts."""

    def __init__(self, roots: Iterable[etree._Element | None]) -> None:
        self._styles: dict[tuple[str, str], etree._Element] = {}
        self._looks: dict[tuple[str, str], Look] = {}
        self._lists: dict[str, ListStyle] = {}
        self.outline = ListStyle()
        for root in roots:
            if root is None:
                continue
            for style in root.iter(f"{STYLE}style"):
                self._styles[style.get(f"{STYLE}family", ""), style.get(f"{STYLE}name", "")] = style
            for style in root.iter(f"{TEXT}list-style"):
                self._lists[style.get(f"{STYLE}name", "")] = _list_style(style)
            for style in root.iter(f"{TEXT}outline-style"):
                self.outline = _list_style(style)

    def look(self, family: str, name: str) -> Look:
        """How text of the style looks."""
        key = family, name
        if key not in self._looks:
            look = Look()
            for style in self._chain(family, name):
                look = look.over(_look(style.find(f"{STYLE}text-properties")))
            self._looks[key] = look
        return self._looks[key]

    def list_style(self, name: str) -> ListStyle | None:
        """The style of a list by its name."""
        return self._lists.get(name)

    def list_of_paragraph(self, name: str) -> str | None:
        """The name of the list style of a paragraph's style; "" if it is taken out of lists, None if none is set."""
        for style in self._chain("paragraph", name):
            if (listed := style.get(f"{STYLE}list-style-name")) is not None:
                return str(listed)
        return None

    def heading_level(self, name: str) -> int:
        """The level of a paragraph whose style is a heading's; 0 for any other."""
        for style in self._chain("paragraph", name):
            if style.get(f"{STYLE}name") == "Title":
                return 1
            if style.get(f"{STYLE}name") == "Subtitle":
                return 2
        return 0

    def is_collapsed(self, family: str, name: str) -> bool:
        """Whether a section of the style isn't displayed."""
        return any(p.get(f"{TEXT}display") == "none" for style in self._chain(family, name) for p in style)

    def _chain(self, family: str, name: str) -> list[etree._Element]:
        chain: list[etree._Element] = []
        while (family, name) in self._styles and len(chain) < _DEEPEST:
            chain.append(self._styles[family, name])
            name = chain[-1].get(f"{STYLE}parent-style-name", "")
        return chain


def _look(properties: etree._Element | None) -> Look:
    if properties is None:
        return Look()
    display = properties.get(f"{TEXT}display")
    style = properties.get(f"{STYLE}text-line-through-style")
    kind = properties.get(f"{STYLE}text-line-through-type", style)
    lines = [value for value in (style, kind) if value is not None]
    capital = properties.get(f"{FO}text-transform")
    position = properties.get(f"{STYLE}text-position")
    return Look(
        None if display is None else display == "none",
        None if not lines else "none" not in lines,
        None if capital is None else capital == "uppercase",
        None if position is None else _shift(position),
    )


def _shift(position: str) -> int:
    first = position.split()[0] if position.split() else ""
    if first in ("super", "sub"):
        return 1 if first == "super" else -1
    match = re.fullmatch(r"(-?)(\d{1,3})(?:\.\d*)?%", first)
    return 0 if match is None or int(match[2]) == 0 else -1 if match[1] else 1


def _list_style(style: etree._Element) -> ListStyle:
    levels: dict[int, Level] = {}
    for element in style:
        number = element.get(f"{TEXT}level", "") if isinstance(element.tag, str) else ""
        if not re.fullmatch("[0-9]{1,2}", number):
            continue
        is_bullet = etree.QName(element).localname in ("list-level-style-bullet", "list-level-style-image")
        levels[int(number)] = Level(
            element.get(f"{STYLE}num-format", ""),
            element.get(f"{STYLE}num-prefix", "")[:_LONGEST_SIGN],
            element.get(f"{STYLE}num-suffix", "")[:_LONGEST_SIGN],
            number_of(element.get(f"{TEXT}display-levels"), 1),
            number_of(element.get(f"{TEXT}start-value"), 1),
            is_bullet,
            element.get(f"{STYLE}num-letter-sync") == "true",
        )
    return ListStyle(levels)


def is_hidden(element: etree._Element) -> bool:
    """Whether a hidden text, paragraph or section was hidden when the document was saved."""
    state = element.get(f"{TEXT}is-hidden")
    if state is not None:
        return bool(state == "true")
    return element.get(f"{TEXT}condition", "").rpartition(":")[2].strip(" ()").lower() in ("true", "1")


def number_of(text: str | None, otherwise: int) -> int:
    """A number of an attribute, `otherwise` if it has none."""
    return int(text) if text is not None and re.fullmatch(r"\d{1,7}", text) else otherwise
