"""PowerPoint slides → pages of text: titles, text, tables, charts, SmartArt and speaker notes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from lxml import etree
from pptx import Presentation
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.exc import PythonPptxError

from rag.readers.archives import Package, drawing_text, parse_xml
from rag.readers.cleaning import clean
from rag.readers.faults import Fault, Kind, check_length
from rag.readers.sheets import table
from rag.schema import Page

_A_DECK = "a PPTX presentation"
_DIAGRAM_IDS = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}relIds"
_DIAGRAM_DATA = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}dm"
_MAIN_TYPE = "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"
# The program puts numbers and dates on every slide. A slide with nothing else counts as blank.
_AUTOMATIC = (PP_PLACEHOLDER.SLIDE_NUMBER, PP_PLACEHOLDER.DATE)


def read_pptx(data: bytes, progress: Callable[[int, int], None]) -> list[Page]:
    """A page for each slide with text, numbered by the slide's place; hidden slides count. Raises Fault if the file is
    damaged."""
    package = Package(data, _A_DECK)
    _prepare(package)
    try:
        slides = Presentation(package.repack()).slides
        total = len(slides)
    except (PythonPptxError, KeyError, ValueError, AttributeError, etree.XMLSyntaxError) as error:
        raise Fault(Kind.DAMAGED, _A_DECK) from error
    pages: list[Page] = []
    length = 0
    for index, slide in enumerate(slides):
        text = clean("\n\n".join(filter(None, _slide_text(slide))))
        length += len(text)
        check_length(length, len(data))
        if text.strip():
            pages.append(Page(text, index + 1))
        progress(index + 1, total)
    return pages


def _prepare(package: Package) -> None:
    """Make slide shows and templates open as presentations; of alternative content, keep the newer version."""
    types = package.xml("[Content_Types].xml")
    if types is not None:
        for part in types.iter("{*}Override"):
            if "presentationml." in part.get("ContentType", "") and part.get("PartName") == "/ppt/presentation.xml":
                part.set("ContentType", _MAIN_TYPE)
        package.replace("[Content_Types].xml", types)
    for name in package.matching(r"ppt/slides/[^/]+\.xml"):
        if b"AlternateContent" not in package.read(name) or (root := package.xml(name)) is None:
            continue
        # python-pptx ignores these elements, and the shapes in them.
        for element in list(root.iter("{*}AlternateContent")):
            parent, choice = element.getparent(), element.find("{*}Choice")
            if parent is not None and choice is not None:
                parent[parent.index(element) : parent.index(element) + 1] = list(choice)
        package.replace(name, root)


def _slide_text(slide: Any) -> Iterator[str]:
    title = slide.shapes.title
    if title is not None and title.text_frame.text.strip():
        yield "# " + " ".join(title.text_frame.text.split())
    for shape in slide.shapes:
        if title is None or shape.shape_id != title.shape_id:
            yield from _text_of(shape)
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        notes = slide.notes_slide.notes_text_frame.text.strip()
        if notes:
            yield f"Notes: {notes}"


def _text_of(shape: Any) -> list[str]:
    try:
        return list(_shape_text(shape))
    except (AttributeError, KeyError, TypeError, ValueError, PythonPptxError):
        # One shape that python-pptx can't parse must not make the whole file fail. Its words are in the XML.
        return list(drawing_text(shape.element))


def _shape_text(shape: Any) -> Iterator[str]:
    if hasattr(shape, "shapes"):  # a group
        for inner in shape.shapes:
            yield from _text_of(inner)
    elif getattr(shape, "has_table", False):
        yield table([[cell.text.strip() for cell in row.cells] for row in shape.table.rows])
    elif getattr(shape, "has_chart", False):
        yield from _chart_text(shape.chart)
    elif getattr(shape, "has_text_frame", False):
        if not (shape.is_placeholder and shape.placeholder_format.type in _AUTOMATIC):
            yield "\n".join(
                "  " * paragraph.level + ("- " if paragraph.level else "") + paragraph.text
                for paragraph in shape.text_frame.paragraphs
                if paragraph.text.strip()
            )
    else:
        for ids in shape.element.iter(_DIAGRAM_IDS):
            relation = ids.get(_DIAGRAM_DATA)
            if relation in shape.part.rels:
                yield "\n".join(drawing_text(parse_xml(shape.part.related_part(relation).blob, _A_DECK)))


def _chart_text(chart: Any) -> Iterator[str]:
    """The titles of chart and axes, then the chart's cached numbers, one row per category."""
    root = chart.part.element if hasattr(chart.part, "element") else chart._chartSpace
    yield "\n".join(drawing_text(root))
    rows: dict[str, list[str]] = {}
    names = [""]
    for series in root.iter("{*}ser"):
        names.append(" ".join(_points(series, "tx").values()))
        categories = _points(series, "cat") or _points(series, "xVal")
        for index, value in (_points(series, "val") or _points(series, "yVal")).items():
            row = rows.setdefault(categories.get(index, index), [])
            row += [""] * (len(names) - 2 - len(row)) + [value]
    yield table([names, *([category, *values] for category, values in rows.items())])


def _points(series: Any, name: str) -> dict[str, str]:
    """The cached points of a series' element `name` ("tx", "cat", "val", …): index → value."""
    holder = series.find(f"{{*}}{name}")
    if holder is None:
        return {}
    return {point.get("idx", ""): "".join(v.text or "" for v in point.iter("{*}v")) for point in holder.iter("{*}pt")}
