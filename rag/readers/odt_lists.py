"""The numbers of an OpenDocument text's lists and headings, which may go on after other text."""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml import etree

from rag.readers.odt_styles import TEXT, ListStyle, Styles, number_of

_XML_ID = "{http://www.w3.org/XML/1998/namespace}id"
_LEVELS = 10


@dataclass(slots=True)
class OpenList:
    """A list that is being read: its style and the counts of its levels, which inner lists share."""

    style: ListStyle
    style_name: str
    counts: list[int | None] = field(default_factory=lambda: [None] * _LEVELS)
    depth: int = 1


class Lists:
    """Counts the items of lists, and the headings."""

    def __init__(self, styles: Styles) -> None:
        self._styles = styles
        self._by_id: dict[str, OpenList] = {}
        self._by_style: dict[str, OpenList] = {}
        self._outline: list[int | None] = [None] * _LEVELS

    def begin(self, element: etree._Element, outer: OpenList | None, paragraph_style: str) -> OpenList:
        """The list of an element (`text:list`), within the list `outer` or outside of lists. `paragraph_style` is the
        style of its first paragraph."""
        name = element.get(f"{TEXT}style-name") or (outer.style_name if outer else "")
        name = name or self._styles.list_of_paragraph(paragraph_style) or ""
        style = self._styles.list_style(name) or ListStyle()
        if outer is not None:
            return OpenList(style, name, outer.counts, min(outer.depth + 1, _LEVELS))
        before = self._by_id.get(element.get(f"{TEXT}continue-list", ""))
        if before is None and element.get(f"{TEXT}continue-numbering") == "true":
            before = self._by_style.get(name)
        begun = OpenList(style, name) if before is None else OpenList(style, name, before.counts)
        if identity := element.get(_XML_ID):
            self._by_id[identity] = begun
        self._by_style[name] = begun
        return begun

    def count(self, item: etree._Element, open_list: OpenList) -> str:
        """The sign of the next item (`text:list-item`)."""
        level = open_list.style.levels.get(open_list.depth)
        start = item.get(f"{TEXT}start-value")
        number = None if start is None else number_of(start, 1)
        _count(open_list.counts, open_list.depth, number, 1 if level is None else level.start)
        return open_list.style.sign(open_list.counts, open_list.depth)

    def heading(self, element: etree._Element, depth: int) -> str:
        """The number of a heading (`text:h`) outside of lists, by the document's outline; "" if it has none."""
        level = self._styles.outline.levels.get(depth)
        if element.get(f"{TEXT}is-list-header") == "true" or level is None or depth > _LEVELS:
            return ""
        if self._styles.list_of_paragraph(element.get(f"{TEXT}style-name", "")) == "":
            return ""
        start = element.get(f"{TEXT}start-value")
        restarts = element.get(f"{TEXT}restart-numbering") == "true"
        number = number_of(start, level.start) if restarts else None
        _count(self._outline, depth, number, level.start)
        if not level.format:
            return ""
        sign = self._styles.outline.sign(self._outline, depth)
        return "" if sign == "-" else sign


def _count(counts: list[int | None], depth: int, number: int | None, start: int) -> None:
    before = counts[depth - 1]
    counts[depth - 1] = number if number is not None else start if before is None else before + 1
    for deeper in range(depth, _LEVELS):
        counts[deeper] = None
