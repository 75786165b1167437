"""The shapes of a slide in reading order: text boxes, tables, charts, SmartArt and groups of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from lxml import etree

from rag.readers.archives import Package, drawing_text
from rag.readers.charts import chart_blocks
from rag.readers.faults import Fault
from rag.readers.grids import Cell, table_blocks
from rag.readers.reading_order import Box, in_reading_order
from rag.readers.slide_text import paragraph_blocks, paragraph_text
from rag.text.blocks import Block, Heading, Paragraph

_OFFICE = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_TITLES = frozenset(["title", "ctrTitle"])
# The program puts numbers and dates on every slide. A slide with nothing else counts as blank.
_AUTOMATIC = frozenset(["sldNum", "dt"])
_SHAPES = frozenset(["sp", "grpSp", "graphicFrame", "cxnSp", "contentPart"])
_DEEPEST = 20
_MOST_COLUMNS = 100


class Model:
    """A layout or a master, after which slides are made: its placeholders, and its styles of lists."""

    def __init__(self, root: etree._Element) -> None:
        self.root = root
        self.placeholders = [(shape, ph) for shape in root.iter("{*}sp") if (ph := _placeholder(shape))]


class Models:
    """The layouts and masters of a deck, each read once."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._models: dict[str, Model | None] = {}

    def of(self, relations: Mapping[str, tuple[str, str]]) -> tuple[Model | None, Model | None]:
        """The layout and the master of the slide with these relationships."""
        layout = _target(relations, "slideLayout")
        master = _target(self._package.related(layout), "slideMaster") if layout else ""
        return self._model(layout), self._model(master)

    def _model(self, name: str) -> Model | None:
        if name not in self._models:
            try:
                root = self._package.xml(name)
            except Fault:  # the slides have their texts without it
                root = None
            self._models[name] = None if root is None else Model(root)
        return self._models[name]


class Shapes:
    """Reads the shapes of a slide (the part `name`). `size` is the element with the size of all slides."""

    def __init__(self, package: Package, name: str, size: etree._Element | None, models: Models) -> None:
        self._package = package
        self._relations = package.related(name)
        self._width = _figure(size, "cx")
        self._height = _figure(size, "cy")
        self._layout, self._master = models.of(self._relations)

    def blocks(self, root: etree._Element) -> list[Block]:
        """The blocks of a slide, its title first."""
        tree = root.find("{*}cSld/{*}spTree")
        if tree is None:
            return []
        shapes = list(_shapes(tree))
        title = next((shape for shape in shapes if _placeholder(shape).get("type") in _TITLES), None)
        blocks: list[Block] = []
        if title is not None and not _is_hidden(title) and (body := title.find("{*}txBody")) is not None:
            words = " ".join(" ".join(map(paragraph_text, body.iterfind("{*}p"))).split())
            blocks = [Heading(words)] if words else []
        others = [shape for shape in shapes if shape is not title]
        return blocks + self._in_order(others, 0)

    def _in_order(self, shapes: Sequence[etree._Element], depth: int) -> list[Block]:
        read: dict[int, list[Block]] = {}
        boxes: list[Box] = []
        for number, shape in enumerate(shapes):
            if _is_hidden(shape):
                continue
            x, y, width, height = self._place(shape)
            if not depth and self._width and (x >= self._width or y >= self._height or x + width < 0 or y + height < 0):
                continue  # beside the slide, where only its author sees it
            blocks = self._shape(shape, depth)
            if blocks:
                read[number] = blocks
                boxes.append(Box(number, x, y, width, height))
        return [block for box in in_reading_order(boxes) for block in read[box.number]]

    def _shape(self, shape: etree._Element, depth: int) -> list[Block]:
        match etree.QName(shape).localname:
            case "grpSp" if depth < _DEEPEST:
                return self._in_order(list(_shapes(shape)), depth + 1)
            case "grpSp":
                return [Paragraph("\n".join(drawing_text(shape)))]
            case "graphicFrame":
                return self._frame(shape)
        body = shape.find("{*}txBody")
        if body is None or _placeholder(shape).get("type") in _AUTOMATIC:
            return []
        return paragraph_blocks(body, self._list_styles(shape))

    def _frame(self, frame: etree._Element) -> list[Block]:
        """A table, a chart, or SmartArt."""
        if (table := next(frame.iter("{*}tbl"), None)) is not None:
            return _table(table)
        for element in frame.iter("{*}chart", "{*}relIds"):
            relation = element.get(f"{_OFFICE}id") or element.get(f"{_OFFICE}dm") or ""
            part = self._relations.get(relation, ("", ""))[1]
            root = self._package.xml(part) if part in self._package else None
            if root is None:
                continue
            blocks = chart_blocks(root) if etree.QName(element).localname == "chart" else []
            return blocks or [Paragraph("\n".join(drawing_text(root)))]
        return [Paragraph("\n".join(drawing_text(frame)))]

    # --- what a placeholder takes from its layout

    def _place(self, shape: etree._Element) -> tuple[float, float, float, float]:
        """The left and upper edge of a shape, its width and its height."""
        for source in [shape, *self._models(shape)]:
            for path in ("{*}spPr/{*}xfrm", "{*}grpSpPr/{*}xfrm", "{*}xfrm"):
                frame = source.find(path)
                if frame is not None and frame.find("{*}off") is not None:
                    place, size = frame.find("{*}off"), frame.find("{*}ext")
                    return _figure(place, "x"), _figure(place, "y"), _figure(size, "cx"), _figure(size, "cy")
        return 0.0, 0.0, 0.0, 0.0

    def _models(self, shape: etree._Element) -> list[etree._Element]:
        """The placeholders of the layout and of the master after which a placeholder is made."""
        wanted = _placeholder(shape)
        if not wanted:
            return []
        models: list[etree._Element] = []
        kind = wanted.get("type", "body")
        kinds = {kind}
        if kind in ("obj", "subTitle"):
            kinds.add("body")
        elif kind in _TITLES:
            kinds.add("title")
        for model in (self._layout, self._master):
            placeholders = [] if model is None else model.placeholders
            by_kind = [one for one, ph in placeholders if ph.get("type", "body") in kinds]
            by_index = [one for one, ph in placeholders if "idx" in wanted and ph.get("idx") == wanted["idx"]]
            models += (by_index if model is self._layout else [])[:1] or by_kind[:1]
        return models

    def _list_styles(self, shape: etree._Element) -> list[etree._Element]:
        styles = [style for model in self._models(shape) if (style := model.find("{*}txBody/{*}lstStyle")) is not None]
        kind = _placeholder(shape).get("type", "body") if _placeholder(shape) else ""
        if self._master is not None and kind not in ("", "ftr", "hdr"):
            style = self._master.root.find("{*}txStyles/{*}" + ("titleStyle" if kind in _TITLES else "bodyStyle"))
            styles += [] if style is None else [style]
        return styles


def _target(relations: Mapping[str, tuple[str, str]], kind: str) -> str:
    return next((part for name, part in relations.values() if name == kind), "")


def _shapes(tree: etree._Element) -> Iterator[etree._Element]:
    """The shapes in a tree or a group. Of alternative content, the newer version counts."""
    for element in tree:
        if not isinstance(element.tag, str):
            continue
        name = etree.QName(element).localname
        if name in _SHAPES:
            yield element
        elif name == "AlternateContent":
            versions = list(element.iterchildren("{*}Choice", "{*}Fallback"))
            filled = [version for version in versions if next(version.iter("{*}t"), None) is not None]
            for version in (filled or versions)[:1]:
                yield from version.iterchildren(*(f"{{*}}{shape}" for shape in _SHAPES))


def _placeholder(shape: etree._Element) -> dict[str, str]:
    """The properties of a placeholder; none for any other shape."""
    for part in ("nvSpPr", "nvGraphicFramePr"):
        found = shape.find(f"{{*}}{part}/{{*}}nvPr/{{*}}ph")
        if found is not None:
            return {"idx": "0", **dict(found.items())} if found.get("type") is None else dict(found.items())
    return {}


def _is_hidden(shape: etree._Element) -> bool:
    properties = shape.find("*/{*}cNvPr")
    return properties is not None and properties.get("hidden") in ("1", "true")


def _table(table: etree._Element) -> list[Block]:
    cells: list[Cell] = []
    for row_number, row in enumerate(table.iterfind("{*}tr")):
        for column, cell in enumerate(row.iterfind("{*}tc")):
            if cell.get("hMerge") in ("1", "true") or cell.get("vMerge") in ("1", "true"):
                continue
            body = cell.find("{*}txBody")
            blocks = [] if body is None else paragraph_blocks(body)
            high, wide = int(_figure(cell, "rowSpan")), int(_figure(cell, "gridSpan"))
            cells.append(Cell(row_number, column, blocks, max(high, 1), min(max(wide, 1), _MOST_COLUMNS)))
    return table_blocks(cells)


def _figure(element: etree._Element | None, name: str) -> float:
    text = "" if element is None else element.get(name, "")
    return float(text) if re.fullmatch(r"-?\d{1,12}", text) else 0.0
