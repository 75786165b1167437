"""What is drawn in a Word document: text boxes, charts, diagrams (SmartArt) and watermarks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lxml import etree

from rag.readers.archives import Package, drawing_text
from rag.readers.charts import chart_blocks
from rag.text.blocks import Block, Paragraph

_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"


class Drawings:
    """Reads the drawings of a part. `blocks_of` reads the paragraphs in a text box."""

    def __init__(self, package: Package, part: str, blocks_of: Callable[[etree._Element], list[Block]]) -> None:
        self._package = package
        self._related = package.related(part)
        self._blocks_of = blocks_of
        self._shown: set[str] = set()

    def blocks(self, drawing: etree._Element) -> list[Block]:
        """The texts of a drawing (`w:drawing`, `w:pict`)."""
        return [block for child in drawing for block in self._element(child)]

    def _element(self, element: etree._Element) -> Iterator[Block]:
        if not isinstance(element.tag, str):
            return
        name = etree.QName(element).localname
        match name:
            case "txbxContent":
                yield from self._blocks_of(element)
            case "chart" if (target := self._target(element, "id")) is not None:
                yield from chart_blocks(target)
            case "relIds" if (target := self._target(element, "dm")) is not None:
                yield Paragraph("\n".join(drawing_text(target)))
            case "textpath":
                yield Paragraph(element.get("string", ""))
            case "txBody":
                yield Paragraph("\n".join(drawing_text(element)))
            case "AlternateContent":
                for version in element:
                    if blocks := self.blocks(version):
                        yield from blocks
                        return
            case "docPr":
                return
            case _:
                if not _is_hidden(element):
                    for child in element:
                        yield from self._element(child)

    def _target(self, element: etree._Element, attribute: str) -> etree._Element | None:
        """The part that an element names, once."""
        relation = element.get(_RELATION + attribute, "")
        _, part = self._related.get(relation, ("", ""))
        if not part or part in self._shown:
            return None
        self._shown.add(part)
        return self._package.xml(part)


def _is_hidden(element: etree._Element) -> bool:
    if "hidden" in element.get("style", "").replace(" ", "").partition("visibility:")[2][:6]:
        return True
    properties = element.find("{*}docPr")
    return properties is not None and properties.get("hidden") in ("1", "true")
