"""Word documents → light Markdown, by a walk over the document's XML."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from rag.readers.archives import Package
from rag.readers.docx_drawings import Drawings
from rag.readers.docx_lists import Lists
from rag.readers.docx_styles import Styles, W, switch, value
from rag.readers.docx_tables import word_table
from rag.readers.docx_text import Notes, Runs
from rag.readers.embedded import embedded_text
from rag.readers.faults import Fault, Kind, check_length
from rag.readers.lines import Line
from rag.readers.margins import margin_lines
from rag.text.blocks import Block, Heading, Item, Paragraph, Tick, page_text, written

_A_DOCX = "a DOCX document"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
# Elements around paragraphs that show what is in them.
_WRAPPERS = frozenset(["sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag", "Choice", "Fallback"])
_ONE_BOX = re.compile(r"\[([x ])\]([^\[\]]*)")


def read_docx(data: bytes) -> str:
    """The text of a Word document as it is printed: numbers of headings and items, fields, boxes, notes, comments,
    text boxes and charts at their places. Headers and footers come last; deleted and hidden text is left out.

    Raises Fault if the document is damaged.
    """
    return _document_text(Package(data, _A_DOCX), len(data), 0)


def _document_text(package: Package, size: int, depth: int) -> str:
    related = package.related("").values()
    body = next((part for relation, part in related if relation == "officeDocument"), "word/document.xml")
    root = package.xml(body) if body in package else None
    if root is None:
        raise Fault(Kind.DAMAGED, _A_DOCX)
    walk = _Walk(package, body, root, size, depth)
    blocks = walk.blocks(root)
    margins = walk.margins()
    return page_text([*blocks, Paragraph("\n".join(margins))] if margins else blocks)


class _Walk:
    """Reads the parts of one document, each in its order."""

    def __init__(self, package: Package, part: str, root: etree._Element, size: int, depth: int) -> None:
        self._package = package
        self._part = part
        self._root = root
        self._size = size
        self._depth = depth
        self._related = package.related(part)
        self._styles = Styles(self._side_part("styles"))
        self._lists = Lists(self._side_part("numbering"), self._styles)
        comments = self._by_id(self._side_part("comments"), "comment")
        self._runs = Runs(self._styles, Drawings(package, part, self.blocks), self._notes(), comments, self.blocks)
        self._carried: Line | None = None
        self._chunks = 0

    def _side_part(self, kind: str) -> etree._Element | None:
        name = next((target for relation, target in self._related.values() if relation == kind), f"word/{kind}.xml")
        root = self._package.xml(name)
        if root is not None:
            set_boxes(root)
        return root

    @staticmethod
    def _by_id(root: etree._Element | None, name: str) -> dict[str, etree._Element]:
        return {} if root is None else {e.get(f"{W}id", ""): e for e in root.iterchildren(f"{W}{name}")}

    def _notes(self) -> dict[str, Notes]:
        set_boxes(self._root)
        settings = self._side_part("settings")
        notes: dict[str, Notes] = {}
        for kind, usual in (("footnote", "decimal"), ("endnote", "lowerRoman")):
            properties = next(self._root.iter(f"{W}{kind}Pr"), None)
            if properties is None and settings is not None:
                properties = settings.find(f"{W}{kind}Pr")
            first = value(properties, "numStart") or "1"
            parts = self._by_id(self._side_part(f"{kind}s"), kind)
            shown = value(properties, "numFmt") or usual
            notes[kind] = Notes(parts, shown, int(first) if re.fullmatch(r"\d{1,5}", first) else 1)
        return notes

    def blocks(self, parent: etree._Element) -> list[Block]:
        """The blocks of the paragraphs, tables and embedded parts within an element."""
        carried, self._carried = self._carried, None
        blocks: list[Block] = []
        entries: list[str] = []  # of a table of contents, which is one block
        for element, name in _content(parent):
            new = self._paragraph(element) if name == "p" else []
            if name == "p" and len(new) == 1 and self._styles.is_contents(_style(element)):
                entries.append(written(new[0]))
                continue
            if entries:
                blocks.append(Paragraph("\n".join(entries)))
                entries = []
            if name == "p":
                blocks += new
            elif name == "tbl":
                blocks += word_table(element, self.blocks)
            else:
                blocks += self._embedded(element)
        if entries:
            blocks.append(Paragraph("\n".join(entries)))
        if self._carried is not None and (text := self._carried.text()):
            blocks.append(Paragraph(text))
        self._carried = carried
        return blocks

    def _paragraph(self, paragraph: etree._Element) -> list[Block]:
        properties = paragraph.find(f"{W}pPr")
        style = _style(paragraph)
        line = self._carried or Line()
        self._carried = None
        self._runs.read(paragraph, line, self._styles.paragraph_look(style))
        mark = None if properties is None else properties.find(f"{W}rPr")
        text = line.text()
        if mark is not None and (mark.find(f"{W}del") is not None or mark.find(f"{W}moveFrom") is not None):
            # The end of the paragraph is deleted: it goes on with the next.
            self._carried = line if text else None
            return self._runs.take_beside()
        frame = None if properties is None else properties.find(f"{W}framePr")
        if frame is not None and frame.get(f"{W}dropCap", "none") != "none":
            self._carried = line  # the large first letter of the next paragraph
            return self._runs.take_beside()
        if not text and switch(mark, "vanish"):
            return self._runs.take_beside()
        sign = self._lists.sign(properties, style)
        if not text:
            return self._runs.take_beside()
        return [self._block(text, self._styles.heading_level(properties, style), sign), *self._runs.take_beside()]

    def _block(self, text: str, level: int, sign: tuple[str, int] | None) -> Block:
        number, depth = sign or ("", 0)
        if level:
            return Heading(f"{number} {text}".strip() if number != "-" else text, level)
        if number:
            return Item(text, number, depth)
        if box := _ONE_BOX.fullmatch(text):
            return Tick(box[2].strip(), box[1] == "x")
        return Paragraph(text)

    def _embedded(self, element: etree._Element) -> list[Block]:
        """The text of another document that is embedded in this one (`w:altChunk`)."""
        _, part = self._related.get(element.get(f"{_RELATION}id", ""), ("", ""))

        def read_word(data: bytes) -> str:
            return _document_text(Package(data, _A_DOCX), len(data), self._depth + 1)

        text = embedded_text(self._package, part, read_word, self._depth)
        self._chunks += len(text)
        check_length(self._chunks, self._size)
        return [Paragraph(text)]

    def margins(self) -> list[str]:
        """The lines of headers and footers, except those for pages that the document doesn't have."""
        folder = self._part.rpartition("/")[0]
        settings = self._side_part("settings")
        even = bool(switch(settings, "evenAndOddHeaders"))
        shown: set[str] = set()
        unshown: set[str] = set()
        for section in self._root.iter(f"{W}sectPr"):
            first = bool(switch(section, "titlePg"))
            for reference in section.iterchildren(f"{W}headerReference", f"{W}footerReference"):
                _, part = self._related.get(reference.get(f"{_RELATION}id", ""), ("", ""))
                kind = reference.get(f"{W}type", "default")
                is_shown = first if kind == "first" else even if kind == "even" else True
                (shown if is_shown else unshown).add(part)
        lines: list[str] = []
        for name in self._package.matching(rf"{re.escape(folder)}/(?:header|footer)\d*\.xml"):
            root = self._package.xml(name)
            if root is None or (name in unshown and name not in shown):
                continue
            set_boxes(root)
            walk = _Walk.__new__(_Walk)
            walk.__dict__.update(self.__dict__)
            walk._runs = Runs(self._styles, Drawings(self._package, name, walk.blocks), {}, {}, walk.blocks)
            lines += page_text(walk.blocks(root)).split("\n")
        return margin_lines(lines)


def _style(paragraph: etree._Element) -> str:
    """The id of a paragraph's style."""
    return value(paragraph.find(f"{W}pPr"), "pStyle") or ""


def _content(parent: etree._Element) -> Iterator[tuple[etree._Element, str]]:
    """The paragraphs, tables and embedded parts within an element, each with its name."""
    for child in parent:
        if not isinstance(child.tag, str):
            continue
        name = etree.QName(child).localname
        if name in ("p", "tbl", "altChunk"):
            yield child, name
        elif name == "AlternateContent":
            version = next((v for v in child if next(v.iter(f"{W}t"), None) is not None), None)
            if version is not None:
                yield from _content(version)
        elif name in _WRAPPERS or name == "body":
            yield from _content(child)


def set_boxes(root: etree._Element) -> None:
    """Show each box of a form by one sign. A document may draw its boxes with any sign of any font."""
    for control in root.iter(f"{W}sdt"):
        box = control.find(f"{W}sdtPr/{{*}}checkbox")
        content = control.find(f"{W}sdtContent")
        sign = None if box is None or content is None else next(content.iter(f"{W}t", f"{W}sym"), None)
        if box is None or sign is None:
            continue
        checked = box.find("{*}checked")
        state = "0" if checked is None else next((v for k, v in checked.items() if k.endswith("val")), "1")
        shown = etree.Element(f"{W}t")
        shown.text = "☒" if state in ("1", "true", "on") else "☐"
        sign.getparent().replace(sign, shown)
