"""PowerPoint slides → pages of text, as they are shown: titles, text, tables, charts, SmartArt, notes and comments."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from rag.readers.archives import Package
from rag.readers.cleaning import clean
from rag.readers.faults import Fault, Kind, check_length
from rag.readers.slide_shapes import Models, Shapes
from rag.readers.slide_text import paragraph_text
from rag.schema import Page
from rag.text.blocks import Block, Remark, page_text

_A_DECK = "a PPTX presentation"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def read_pptx(data: bytes, progress: Callable[[int, int], None]) -> list[Page]:
    """A page for each slide with text, numbered by the slide's place. Hidden slides count, and are left out. Raises
    Fault if the file is damaged."""
    package = Package(data, _A_DECK)
    main = next(
        (part for kind, part in package.related("").values() if kind == "officeDocument"), "ppt/presentation.xml"
    )
    deck = package.xml(main)
    if deck is None or etree.QName(deck).localname != "presentation":
        raise Fault(Kind.DAMAGED, _A_DECK)
    relations = package.related(main)
    slides = [relations.get(slide.get(_RELATION, ""), ("", ""))[1] for slide in deck.iterfind("{*}sldIdLst/{*}sldId")]
    size = deck.find("{*}sldSz")
    authors, models = _authors(package), Models(package)
    pages: list[Page] = []
    length = 0
    for index, name in enumerate(slides):
        root = package.xml(name)
        if root is not None and root.get("show", "1") not in ("0", "false"):
            blocks = Shapes(package, name, size, models).blocks(root)
            text = clean(page_text([*blocks, *_beside(package, name, authors)]))
            length += len(text)
            check_length(length, len(data))
            if text.strip():
                pages.append(Page(text, index + 1))
        progress(index + 1, len(slides))
    return pages


def _authors(package: Package) -> dict[str, str]:
    """The people who wrote comments: id → name."""
    authors: dict[str, str] = {}
    for name in package.matching(r"ppt/(?:commentAuthors|authors)\.xml"):
        if (root := package.xml(name)) is not None:
            authors |= {author.get("id", ""): author.get("name", "") for author in root}
    return authors


def _beside(package: Package, slide: str, authors: dict[str, str]) -> list[Block]:
    """The comments on a slide, and the speaker's notes."""
    comments: list[Block] = []
    notes: list[Block] = []
    for kind, part in package.related(slide).values():
        if kind not in ("comments", "notesSlide") or (root := package.xml(part)) is None:
            continue
        if kind == "notesSlide":
            for shape in root.iter("{*}sp"):
                placeholder = shape.find("{*}nvSpPr/{*}nvPr/{*}ph")
                if placeholder is not None and placeholder.get("type") == "body":
                    text = _lines(shape.find("{*}txBody"))
                    notes += [Remark("Notes", text)] if text else []
            continue
        for comment in root.iter("{*}cm", "{*}reply"):
            text = (comment.findtext("{*}text") or "").strip() or _lines(comment.find("{*}txBody"))
            if text:
                comments.append(Remark("Comment", text, authors.get(comment.get("authorId", ""), "").strip()))
    return [*comments, *notes]


def _lines(body: etree._Element | None) -> str:
    return "" if body is None else "\n".join(filter(None, map(paragraph_text, body.iterfind("{*}p"))))
