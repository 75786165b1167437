"""OpenDocument texts → light Markdown, by a walk over the document's XML."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from rag.readers.archives import Package
from rag.readers.faults import Fault, Kind
from rag.readers.grids import Cell, table_blocks
from rag.readers.lines import Line
from rag.readers.margins import margin_lines
from rag.readers.odt_lists import Lists, OpenList
from rag.readers.odt_styles import OFFICE, STYLE, TABLE, TEXT, Look, Styles, is_hidden, number_of
from rag.readers.odt_text import Texts
from rag.text.blocks import Block, Heading, Item, Paragraph, Tick, page_text, written

_AN_ODT = "an ODT document"
_ONE_BOX = re.compile(r"\[([x ])\]([^\[\]]*)")
# Rows and cells that one element repeats. Repeated cells mostly fill the sheet of a spreadsheet program.
_MOST_REPEATED = 64
_MARGINS = frozenset(["header", "header-left", "header-first", "footer", "footer-left", "footer-first"])


def read_odt(data: bytes) -> str:
    """The text of an OpenDocument text as it is printed: numbers of headings and items, notes, comments, frames and
    formulas at their places. Headers and footers come last; deleted and hidden text is left out.

    Raises Fault if the file is protected or damaged.
    """
    package = Package(data, _AN_ODT)
    if b"encryption-data" in package.read("META-INF/manifest.xml"):
        raise Fault(Kind.PROTECTED)
    content = package.xml("content.xml")
    body = None if content is None else content.find(f"{OFFICE}body")
    if content is None or body is None:
        raise Fault(Kind.DAMAGED, _AN_ODT)
    styles_root = package.xml("styles.xml")
    walk = Walk(package, Styles([styles_root, content]), body)
    blocks = walk.blocks(body)
    margins: list[str] = []
    for page in () if styles_root is None else styles_root.iter(f"{STYLE}master-page"):
        for margin in page:
            name = etree.QName(margin).localname if isinstance(margin.tag, str) else ""
            if name in _MARGINS and margin.get(f"{STYLE}display") != "false":
                margins += page_text(walk.blocks(margin)).split("\n")
    lines = margin_lines(margins)
    return page_text([*blocks, Paragraph("\n".join(lines))] if lines else blocks)


class Walk:
    """Reads the paragraphs, lists and tables of an OpenDocument file, whose content is in `body`."""

    def __init__(self, package: Package, styles: Styles, body: etree._Element) -> None:
        self._styles = styles
        self._lists = Lists(styles)
        self._texts = Texts(package, styles, self.blocks)
        self._texts.take_controls(body)

    def blocks(self, parent: etree._Element) -> list[Block]:
        """The blocks of the paragraphs, lists and tables within an element."""
        return list(self._blocks(parent, None))

    def _blocks(self, parent: etree._Element, open_list: OpenList | None) -> Iterator[Block]:
        sign = ""
        for element in parent:
            if not isinstance(element.tag, str):
                continue
            name = etree.QName(element).localname
            match name:
                case "p" | "h":
                    yield from self._paragraph(element, name, sign, open_list)
                case "list":
                    yield from self._list(element, open_list)
                case "table" if element.tag == f"{TABLE}table":
                    yield from self._table(element)
                case "section":
                    if element.get(f"{TEXT}display", "true") == "true" or self._is_shown(element):
                        yield from self._blocks(element, open_list)
                case "index-body":
                    # The entries of a table of contents are one block.
                    yield Paragraph("\n".join(written(block) for block in self._blocks(element, None)))
                case "tracked-changes" | "forms" | "title" | "desc" | "annotation" | "note" | "table-of-content-source":
                    continue
                case "frame" | "custom-shape" | "rect" | "g" | "a" if element.tag.startswith("{urn:oasis"):
                    yield from self.drawn(element)
                case _ if not name.endswith(("-source", "-decls", "-template")):
                    yield from self._blocks(element, open_list)

    def _is_shown(self, section: etree._Element) -> bool:
        """Whether a section with a condition was shown when the document was saved."""
        return section.get(f"{TEXT}display") == "condition" and not is_hidden(section)

    def drawn(self, element: etree._Element) -> list[Block]:
        """The blocks of a frame that stands outside of paragraphs."""
        line = Line()
        self._texts.read_element(element, line, Look())
        return [Paragraph(line.text()), *self._texts.take_beside()]

    def _paragraph(self, element: etree._Element, name: str, sign: str, open_list: OpenList | None) -> list[Block]:
        style = element.get(f"{TEXT}style-name", "")
        if any(map(is_hidden, element.iter(f"{TEXT}hidden-paragraph"))):
            return []
        line = Line()
        self._texts.read(element, line, self._styles.look("paragraph", style))
        text = line.text()
        beside = self._texts.take_beside()
        level = number_of(element.get(f"{TEXT}outline-level"), 1) if name == "h" else self._styles.heading_level(style)
        if name == "h" and open_list is None:
            sign = self._lists.heading(element, level)
        if not text:
            return beside
        return [self._block(text, level, sign, open_list), *beside]

    def _block(self, text: str, level: int, sign: str, open_list: OpenList | None) -> Block:
        if level:
            return Heading(f"{sign} {text}".strip() if sign != "-" else text, level)
        if sign and open_list is not None:
            return Item(text, sign, open_list.depth - 1)
        if box := _ONE_BOX.fullmatch(text):
            return Tick(box[2].strip(), box[1] == "x")
        return Paragraph(text)

    def _list(self, element: etree._Element, outer: OpenList | None) -> Iterator[Block]:
        first = next(element.iter(f"{TEXT}p", f"{TEXT}h"), None)
        begun = self._lists.begin(element, outer, "" if first is None else first.get(f"{TEXT}style-name", ""))
        for item in element.iterchildren(f"{TEXT}list-item", f"{TEXT}list-header"):
            is_item = item.tag == f"{TEXT}list-item"
            paragraphs = [child for child in item if child.tag in (f"{TEXT}p", f"{TEXT}h")]
            # An item that only holds an inner list has no number.
            sign = self._lists.count(item, begun) if is_item and paragraphs else ""
            for child in item:
                if child.tag in (f"{TEXT}p", f"{TEXT}h"):
                    yield from self._paragraph(child, etree.QName(child).localname, sign, begun)
                    sign = ""
                elif child.tag == f"{TEXT}list":
                    yield from self._list(child, begun)
                elif child.tag == f"{TABLE}table":
                    yield from self._table(child)

    def _table(self, table: etree._Element) -> list[Block]:
        cells: list[Cell] = []
        row_number = header_rows = 0
        for row, is_head in _rows(table, False):
            if row.get(f"{TABLE}visibility") in ("collapse", "filter"):
                continue
            simple = next(row.iter(f"{TABLE}table"), None) is None  # a table within isn't repeated
            times = number_of(row.get(f"{TABLE}number-rows-repeated"), 1)
            for _ in range(min(times, _MOST_REPEATED) if simple else 1):
                column = 0
                for cell in row.iterchildren(f"{TABLE}table-cell", f"{TABLE}covered-table-cell"):
                    count = number_of(cell.get(f"{TABLE}number-columns-repeated"), 1)
                    if cell.tag == f"{TABLE}table-cell":
                        blocks = self.blocks(cell)
                        high = number_of(cell.get(f"{TABLE}number-rows-spanned"), 1)
                        wide = number_of(cell.get(f"{TABLE}number-columns-spanned"), 1)
                        for copy in range(min(count, _MOST_REPEATED) if blocks and simple else 1):
                            cells.append(Cell(row_number, column + copy, blocks, high, wide))
                    column += min(count, _MOST_REPEATED)
                row_number += 1
                header_rows += is_head
        return table_blocks(cells, header_rows if header_rows < row_number else 0)


def _rows(table: etree._Element, is_head: bool) -> Iterator[tuple[etree._Element, bool]]:
    """The rows of a table, and whether each belongs to the head."""
    for child in table:
        if child.tag == f"{TABLE}table-row":
            yield child, is_head
        elif child.tag in (f"{TABLE}table-header-rows", f"{TABLE}table-rows", f"{TABLE}table-row-group"):
            yield from _rows(child, is_head or child.tag == f"{TABLE}table-header-rows")
