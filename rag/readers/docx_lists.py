"""The numbers that Word prints before headings and items: counts each list of a document, by numbering.xml."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lxml import etree

from rag.readers.docx_styles import Numbering, Styles, W, numbering_of, switch, value
from rag.readers.list_numbers import word_number

_LEVELS = 9
_LONGEST_SIGN = 200


@dataclass(slots=True)
class _Level:
    start: int = 1
    format: str = "decimal"
    text: str = ""
    restart: int | None = None
    is_legal: bool = False
    style: str = ""


@dataclass(slots=True)
class _List:
    """The definition of lists that count on together."""

    levels: dict[int, _Level] = field(default_factory=dict)
    counts: list[int | None] = field(default_factory=lambda: [None] * _LEVELS)


@dataclass(slots=True)
class _Use:
    """A list of the document: its definition, the levels that it changes, and the starts that are still to come."""

    definition: _List
    levels: dict[int, _Level]
    starts: dict[int, int]


class Lists:
    """Gives each paragraph its number. Call `sign` once for each paragraph, in the document's order."""

    def __init__(self, root: etree._Element | None, styles: Styles) -> None:
        self._styles = styles
        self._uses: dict[str, _Use] = {}
        if root is not None:
            self._read(root)

    def _read(self, root: etree._Element) -> None:
        definitions: dict[str, _List] = {}
        links: dict[str, str] = {}  # definition → the style whose list it is
        linked: dict[str, str] = {}  # style → the definition that is its list
        for element in root.iterchildren(f"{W}abstractNum"):
            definition = element.get(f"{W}abstractNumId", "")
            definitions[definition] = _List(dict(map(_level, element.iterchildren(f"{W}lvl"))))
            if style := value(element, "styleLink"):
                linked[style] = definition
            if style := value(element, "numStyleLink"):
                links[definition] = style
        for element in root.iterchildren(f"{W}num"):
            name = value(element, "abstractNumId") or ""
            definition = definitions.get(linked.get(links.get(name, ""), name))
            if definition is None:
                continue
            use = _Use(definition, dict(definition.levels), {})
            for override in element.iterchildren(f"{W}lvlOverride"):
                number = _number(override.get(f"{W}ilvl"), 0)
                changed = override.find(f"{W}lvl")
                if changed is not None:
                    use.levels[number] = _level(changed)[1]
                start = value(override, "startOverride")
                if start is not None:
                    use.starts[number] = _number(start, 1)
            self._uses[element.get(f"{W}numId", "")] = use

    def sign(self, properties: etree._Element | None, style: str) -> tuple[str, int] | None:
        """The number or bullet of the paragraph with these properties, and its 0-based level; None for a paragraph
        outside of lists. A bullet is "-"; the number may be empty."""
        direct = numbering_of(properties)
        by_style, owner = self._styles.numbering(style)
        list_id = direct.list_id if direct.list_id is not None else by_style.list_id
        use = self._uses.get(list_id or "")
        if list_id is None or list_id == "0" or use is None:
            return ("-", 0) if list_id != "0" and self._styles.is_bulleted(style) else None
        number = self._level_number(direct, by_style, owner, style, use)
        level = use.levels.get(number)
        if level is None:
            return "-", number
        self._count(use, number, level)
        if level.format == "bullet":
            return "-", number
        sign = self._written(use, number, level)
        return sign if not sign or any(char.isalnum() for char in sign) else "-", number

    def _level_number(self, direct: Numbering, by_style: Numbering, owner: str, style: str, use: _Use) -> int:
        if direct.level is not None:
            return min(direct.level, _LEVELS - 1)
        # A level of the list may name the style that it is for.
        for name in filter(None, (style, owner)):
            for number, level in use.levels.items():
                if level.style == name:
                    return min(number, _LEVELS - 1)
        return min(by_style.level or 0, _LEVELS - 1)

    def _count(self, use: _Use, number: int, level: _Level) -> None:
        counts = use.definition.counts
        before = counts[number]
        if number in use.starts:
            counts[number] = use.starts.pop(number)
        else:
            counts[number] = level.start if before is None else before + 1
        for deeper in range(number + 1, _LEVELS):
            after = use.levels.get(deeper, _Level()).restart
            if after is None or (after and number < after):
                counts[deeper] = None

    def _written(self, use: _Use, number: int, level: _Level) -> str:
        def count(match: re.Match[str]) -> str:
            of = int(match[1]) - 1
            other = use.levels.get(of, _Level())
            counted = use.definition.counts[of] if of < _LEVELS else None
            shown = other.start if counted is None else counted
            return word_number(shown, "decimal" if level.is_legal and other.format != "none" else other.format)

        return " ".join(re.sub("%([1-9])", count, level.text).split())


def _level(element: etree._Element) -> tuple[int, _Level]:
    restart = value(element, "lvlRestart")
    form = value(element, "numFmt")
    if form is None:  # a newer program's own format, with Word's nearest beside it
        form = next((f.get(f"{W}val", "") for f in element.iter(f"{W}numFmt")), "decimal")
    return _number(element.get(f"{W}ilvl"), 0), _Level(
        _number(value(element, "start"), 0 if form == "bullet" else 1),
        form,
        (value(element, "lvlText") or "")[:_LONGEST_SIGN],
        None if restart is None else _number(restart, 0),
        bool(switch(element, "isLgl")),
        value(element, "pStyle") or "",
    )


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and re.fullmatch(r"\d{1,6}", text) else otherwise
