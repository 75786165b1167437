"""OpenDocument presentations (ODP) → a page for each slide, as it is shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from lxml import etree

from rag.readers.archives import Package
from rag.readers.cleaning import clean
from rag.readers.faults import Fault, Kind, check_length
from rag.readers.odt import Walk
from rag.readers.odt_styles import DRAW, ODF, OFFICE, STYLE, Styles
from rag.readers.reading_order import Box, in_reading_order
from rag.schema import Page
from rag.text.blocks import Block, Heading, Remark, page_text

_AN_ODP = "an ODP presentation"
_PRESENTATION, _SVG = ODF % "presentation", ODF % "svg-compatible"
_DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"
# The program puts numbers and dates on every slide.
_AUTOMATIC = frozenset(["date-time", "page-number"])
_NOT_SHAPES = frozenset(["notes", "annotation", "forms", "animations", "par", "page-thumbnail"])
_LENGTH = re.compile(r"(-?\d{1,6}(?:\.\d{1,6})?)(cm|mm|in|pt|pc|px)?")
_MILLIMETRES = {"cm": 10.0, "in": 25.4, "pt": 25.4 / 72, "pc": 25.4 / 6, "px": 25.4 / 96}
_MOVED = re.compile(r"translate\s*\(\s*([-\d.]{1,14}\w{0,2})[\s,]+([-\d.]{1,14}\w{0,2})\s*\)")
_DEEPEST = 20


def read_odp(data: bytes, progress: Callable[[int, int], None]) -> list[Page]:
    """A page for each slide with text, numbered by the slide's place. Hidden slides count, and are left out. Raises
    Fault if the file is protected or damaged."""
    package = Package(data, _AN_ODP)
    if b"encryption-data" in package.read("META-INF/manifest.xml"):
        raise Fault(Kind.PROTECTED)
    content = package.xml("content.xml")
    body = None if content is None else content.find(f"{OFFICE}body/{OFFICE}presentation")
    if content is None or body is None:
        raise Fault(Kind.DAMAGED, _AN_ODP)
    walk = Walk(package, Styles([package.xml("styles.xml"), content]), body)
    hidden = _hidden_styles(content)
    slides = list(body.iterchildren(f"{DRAW}page"))
    pages: list[Page] = []
    length = 0
    for index, slide in enumerate(slides):
        if slide.get(f"{DRAW}style-name") not in hidden:
            text = clean(page_text([*_shapes(walk, list(slide), 0), *_beside(walk, slide)]))
            length += len(text)
            check_length(length, len(data))
            if text.strip():
                pages.append(Page(text, index + 1))
        progress(index + 1, len(slides))
    return pages


def _hidden_styles(content: etree._Element) -> set[str | None]:
    """The names of the styles of hidden slides."""
    return {
        style.get(f"{STYLE}name")
        for style in content.iter(f"{STYLE}style")
        for properties in style.iterchildren(f"{STYLE}drawing-page-properties")
        if properties.get(f"{_PRESENTATION}visibility") == "hidden"
    }


def _shapes(walk: Walk, shapes: Sequence[etree._Element], depth: int) -> list[Block]:
    """The blocks of shapes in reading order, a title first."""
    title: list[Block] = []
    read: dict[int, list[Block]] = {}
    boxes: list[Box] = []
    for number, shape in enumerate(shapes):
        name = etree.QName(shape).localname if isinstance(shape.tag, str) else "annotation"
        kind = shape.get(f"{_PRESENTATION}class", "")
        if name in _NOT_SHAPES or kind in _AUTOMATIC or shape.get(f"{_PRESENTATION}placeholder") == "true":
            continue
        blocks = _shape(walk, shape, name, depth)
        if kind == "title" and not title:
            words = " ".join(page_text(blocks).split())
            title = [Heading(words)] if words else []
        elif blocks:
            read[number] = blocks
            boxes.append(_box(number, shape))
    return [*title, *(block for box in in_reading_order(boxes) for block in read[box.number])]


def _shape(walk: Walk, shape: etree._Element, name: str, depth: int) -> list[Block]:
    if name in ("g", "a") and depth < _DEEPEST:
        return _shapes(walk, list(shape), depth + 1)
    blocks = [block for block in walk.blocks(shape) if page_text([block]).strip()]
    return blocks or walk.drawn(shape)


def _box(number: int, shape: etree._Element) -> Box:
    x, y = (_length(shape.get(f"{_SVG}{side}", "")) for side in ("x", "y"))
    if moved := _MOVED.search(shape.get(f"{DRAW}transform", "")[:500]):
        x, y = _length(moved[1]), _length(moved[2])
    inner = [_box(0, part) for part in shape] if etree.QName(shape).localname == "g" and len(shape) < 100 else []
    if inner:
        x, y = min(box.x for box in inner), min(box.y for box in inner)
        right, bottom = max(box.x + box.width for box in inner), max(box.y + box.height for box in inner)
        return Box(number, x, y, right - x, bottom - y)
    return Box(number, x, y, _length(shape.get(f"{_SVG}width", "")), _length(shape.get(f"{_SVG}height", "")))


def _length(text: str) -> float:
    """A length in millimetres."""
    match = _LENGTH.fullmatch(text.strip())
    return float(match[1]) * _MILLIMETRES.get(match[2] or "", 1.0) if match else 0.0


def _beside(walk: Walk, slide: etree._Element) -> list[Block]:
    """The comments on a slide, and the speaker's notes."""
    blocks: list[Block] = []
    for comment in slide.iterchildren(f"{OFFICE}annotation"):
        author = (comment.findtext(f"{_DUBLIN_CORE}creator") or "").strip()
        blocks += [Remark("Comment", text, author)] if (text := page_text(walk.blocks(comment)).strip()) else []
    for notes in slide.iterchildren(f"{_PRESENTATION}notes"):
        for frame in notes.iterchildren(f"{DRAW}frame"):
            if frame.get(f"{_PRESENTATION}class") == "notes" and (text := page_text(walk.blocks(frame)).strip()):
                blocks.append(Remark("Notes", text))
    return blocks
