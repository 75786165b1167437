"""HWPX documents of Hangul (OWPML, KS X 6101) → light Markdown, by a walk over their XML."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from rag.readers.archives import Package
from rag.readers.charts import chart_blocks
from rag.readers.faults import Fault, Kind
from rag.readers.grids import Cell, table_blocks
from rag.readers.hangul import Head, Numbers, paragraph_block, shown_number
from rag.readers.hangul_equations import equation_text
from rag.readers.hwpx_shapes import Look, Shapes, number_of
from rag.readers.lines import Line
from rag.readers.margins import margin_lines
from rag.text.blocks import Block, Footnote, Paragraph, Remark, page_text, with_reading

_AN_HWPX = "an HWPX document"
_INLINE = {"tab": "\t", "lineBreak": "\n", "nbSpace": " ", "fwSpace": " ", "hyphen": "-"}
# Elements without text of the page: settings, places of controls, pictures.
_SKIPPED = (
    "secPr colPr linesegarray bookmark newNum pageNum pageHiding indexmark hiddenComment pageNumCtrl titleMark "
    "shapeComment sz pos outMargin inMargin parameters"
)
_NEVER = frozenset(_SKIPPED.split())


def read_hwpx(data: bytes) -> str:
    """The text of an HWPX document as it is printed: numbers of headings and items, tables, notes, memos and equations
    at their places. Headers and footers come last; deleted text and hidden comments are left out.

    Raises Fault if the document is protected or damaged.
    """
    package = Package(data, _AN_HWPX)
    sections = package.matching(r"(?i)Contents/section\d+\.xml")
    manifest = package.read("META-INF/manifest.xml")
    if b"encryption-data" in manifest:
        raise Fault(Kind.PROTECTED)
    if not sections:
        raise Fault(Kind.DAMAGED, _AN_HWPX)
    walk = _Walk(package, Shapes(package.xml("Contents/header.xml")))
    blocks: list[Block] = []
    for section in sections:
        root = package.xml(section)
        if root is not None:
            blocks += walk.section(root)
    lines = margin_lines(walk.margins)
    return page_text([*blocks, Paragraph("\n".join(lines))] if lines else blocks)


class _Walk:
    def __init__(self, package: Package, shapes: Shapes) -> None:
        self.margins: list[str] = []
        self._package = package
        self._shapes = shapes
        self._numbers = Numbers(shapes.numberings)
        self._beside: list[Block] = []
        self._counts = {"footNote": 0, "endNote": 0}
        self._outline = 0
        self._is_deleted = False
        self._ends: set[str | None] = set()  # the ids of deletions that end

    def section(self, root: etree._Element) -> list[Block]:
        """The blocks of a section."""
        settings = next(root.iter("{*}secPr"), None)
        self._ends = {end.get("Id") for end in root.iter("{*}deleteEnd")}
        self._outline = 0 if settings is None else number_of(settings.get("outlineShapeIDRef"), 0)
        return self.blocks(root)

    def blocks(self, parent: etree._Element) -> list[Block]:
        """The blocks of the paragraphs within an element."""
        blocks: list[Block] = []
        for paragraph in parent.iterchildren("{*}p"):
            blocks += self._paragraph(paragraph)
        return blocks

    def _paragraph(self, paragraph: etree._Element) -> list[Block]:
        head = self._shapes.head(paragraph.get("paraPrIDRef", ""))
        if head.kind == "OUTLINE":
            head = Head(head.kind, self._outline, head.level)
        line = Line()
        for run in paragraph.iterchildren("{*}run"):
            look = self._shapes.look(run.get("charPrIDRef", ""))
            for child in run:
                self._element(child, line, look)
        text = line.text()
        sign = self._numbers.sign(head) if text or not self._beside else ""
        beside, self._beside = self._beside, []
        return [paragraph_block(text, head, sign), *beside] if text else beside

    def _element(self, element: etree._Element, line: Line, look: Look) -> None:
        name = etree.QName(element).localname if isinstance(element.tag, str) else ""
        if not name or name in _NEVER:
            return
        match name:
            case "t":
                self._text(element, line, look)
            case "tbl":
                self._beside += self._table(element)
            case "footNote" | "endNote":
                self._note(element, name, line)
            case "header" | "footer":
                self.margins += page_text(self._apart(element)).split("\n")
            case "fieldBegin":
                if element.get("type") == "MEMO":
                    self._beside.append(Remark("Comment", page_text(self._apart(element)), _author(element)))
            case "autoNum":
                self._automatic_number(element, line)
            case "equation":
                line.add(equation_text(element.findtext("{*}script") or ""))
            case "compose":
                line.add(element.get("composeText", ""))
            case "dutmal":
                line.add(with_reading(element.findtext("{*}mainText") or "", element.findtext("{*}subText") or ""))
            case "checkBtn" | "radioBtn":
                line.tick(element.get("value") == "CHECKED")
                line.add(element.get("caption", ""))
            case "btn":
                line.add(element.get("caption", ""))
            case "comboBox":
                line.add(element.get("selectedValue", ""))
            case "edit":
                line.add(element.findtext("{*}text") or "")
            case "textart":
                self._beside.append(Paragraph(element.get("text", "")))
            case "chart":
                root = self._package.xml(element.get("chartIDRef", ""))
                self._beside += [] if root is None else chart_blocks(root)
            case "subList":
                self._beside += self._apart(element.getparent())
            case "pic":
                for caption in element.iterchildren("{*}caption"):
                    self._beside += self._apart(caption)
            case _:
                for child in element:
                    self._element(child, line, look)

    def _text(self, element: etree._Element, line: Line, look: Look) -> None:
        self._add(element.text, line, look)
        for child in element:
            name = etree.QName(child).localname if isinstance(child.tag, str) else ""
            if name in ("deleteBegin", "deleteEnd"):
                # Without its end a deletion would reach to the end of the document.
                self._is_deleted = name == "deleteBegin" and child.get("Id") in self._ends
            elif not self._is_deleted and name in _INLINE:
                line.add(_INLINE[name])
            self._add(child.tail, line, look)

    def _add(self, text: str | None, line: Line, look: Look) -> None:
        if text and not self._is_deleted:
            line.add(text, look.place, look.is_struck)

    def _apart(self, element: etree._Element | None) -> list[Block]:
        """The blocks of the paragraphs in an element's lists, which stand apart from the text around it."""
        beside, self._beside = self._beside, []
        blocks: list[Block] = []
        for part in () if element is None else element.iterchildren("{*}subList"):
            blocks += self.blocks(part)
        self._beside = beside
        return blocks

    def _note(self, element: etree._Element, kind: str, line: Line) -> None:
        self._counts[kind] += 1
        number = next((n for n in element.iter("{*}autoNum")), None)
        mark = str(self._counts[kind])
        if number is not None:
            style = number.find("{*}autoNumFormat")
            count = number_of(number.get("num"), self._counts[kind])
            mark = shown_number(count, "DIGIT" if style is None else style.get("type", "DIGIT"))
        # Endnotes are counted apart from footnotes.
        mark = f"e{mark}" if kind == "endNote" and mark.isdigit() else mark
        line.note(mark)
        self._beside.append(Footnote(mark, page_text(self._apart(element))))

    def _automatic_number(self, element: etree._Element, line: Line) -> None:
        if element.get("numType") in ("TABLE", "PICTURE", "EQUATION"):
            style = element.find("{*}autoNumFormat")
            line.add(shown_number(number_of(element.get("num"), 1), "" if style is None else style.get("type", "")))

    def _table(self, table: etree._Element) -> list[Block]:
        cells: list[Cell] = []
        head_rows: dict[int, bool] = {}
        for row, column, cell in _cells(table):
            span = cell.find("{*}cellSpan")
            high = number_of(None if span is None else span.get("rowSpan"), 1)
            wide = number_of(None if span is None else span.get("colSpan"), 1)
            cells.append(Cell(row, column, self._apart(cell), high, wide))
            head_rows[row] = head_rows.get(row, True) and cell.get("header") == "1"
        header_rows = 0
        while head_rows.get(header_rows):
            header_rows += 1
        blocks = table_blocks(cells, header_rows if header_rows < len(head_rows) else 0)
        caption = table.find("{*}caption")
        if caption is None:
            return blocks
        around = self._apart(caption)
        return [*around, *blocks] if caption.get("side") in ("TOP", "LEFT") else [*blocks, *around]


def _cells(table: etree._Element) -> Iterator[tuple[int, int, etree._Element]]:
    """The cells of a table, each with its 0-based row and column."""
    for row, line in enumerate(table.iterchildren("{*}tr")):
        for column, cell in enumerate(line.iterchildren("{*}tc")):
            address = cell.find("{*}cellAddr")
            if address is None:
                yield row, column, cell
            else:
                yield number_of(address.get("rowAddr"), row), number_of(address.get("colAddr"), column), cell


def _author(memo: etree._Element) -> str:
    for parameter in memo.iter("{*}stringParam"):
        if re.fullmatch("(?i)author", parameter.get("name", "")):
            return (parameter.text or "").strip()
    return ""
