"""EPUB books → light Markdown: title, authors, and the chapters in reading order."""

from __future__ import annotations

from dataclasses import dataclass, field
from posixpath import dirname, join, normpath
from urllib.parse import unquote

from lxml import etree

from rag.readers.archives import Package
from rag.readers.decoding import decode
from rag.readers.faults import Fault, Kind, check_length
from rag.readers.html import declared_encoding, html_blocks
from rag.text.blocks import Block, Field, Heading, page_text

_DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"
# Of who made a book, those who aren't its authors, by their codes in the Library of Congress's list of relators.
_NOT_AUTHORS = frozenset(["bkp", "pbl", "prt", "cov", "dsr", "bkd", "mrk"])
_ROLES = {"edt": "Editor", "trl": "Translator", "ill": "Illustrator"}


@dataclass
class _Book:
    """What a book's cover data tell: its title, the people who made it, and its chapters' parts in reading order."""

    title: str = ""
    people: list[Field] = field(default_factory=list)
    chapters: list[str] = field(default_factory=list)


def read_epub(data: bytes) -> str:
    """The book's title and authors, then its chapters in reading order; parts beside the reading order (notes) come
    last. Raises Fault if the book is damaged or under DRM."""
    package = Package(data, "an EPUB book")
    book = _contents(package)
    names = book.chapters or package.matching(r"(?!__MACOSX/|META-INF/).*\.x?html?")
    if not names:
        raise Fault(Kind.DAMAGED, package.noun)
    encrypted = unquote(package.read("META-INF/encryption.xml").decode("utf-8", "replace"))
    # Only encrypted chapters count: encrypted fonts are common and harmless.
    if any(name in encrypted for name in names):
        raise Fault(Kind.PROTECTED)
    cover: list[Block] = [*([Heading(book.title)] if book.title else []), *book.people]
    notes: dict[str, str] = {}
    chapters: list[str] = []
    length = 0
    for name in names:
        part = package.read(name)
        text = decode(part, declared_encoding(part)) if part else ""
        chapters.append(page_text(html_blocks(text, False, notes, name)))
        length += len(chapters[-1])
        check_length(length, len(data))
    if not any(chapters):
        return ""
    return "\n\n".join(filter(None, [page_text(cover), *chapters]))


def _contents(package: Package) -> _Book:
    book = _Book()
    beside: list[str] = []
    container = package.xml("META-INF/container.xml")
    for rootfile in () if container is None else container.iter("{*}rootfile"):
        name = rootfile.get("full-path", "")
        root = package.xml(name)
        if root is None:
            continue
        book.title = book.title or _words(next(root.iter(f"{_DUBLIN_CORE}title"), None))
        if not book.people:
            book.people = _people(root)
        items = {item.get("id"): unquote(item.get("href", "")) for item in root.iter("{*}item")}
        for reference in root.iter("{*}itemref"):
            part = normpath(join(dirname(name), items.get(reference.get("idref"), "")))
            if part in package:
                (beside if reference.get("linear") == "no" else book.chapters).append(part)
    book.chapters = list(dict.fromkeys([*book.chapters, *beside]))
    return book


def _people(root: etree._Element) -> list[Field]:
    """The authors, editors and translators, each kind in one field."""
    roles = {
        meta.get("refines", "").lstrip("#"): (meta.text or "").strip()
        for meta in root.iter("{*}meta")
        if meta.get("property") == "role"
    }
    people: dict[str, list[str]] = {}
    for kind, usual in (("creator", "aut"), ("contributor", "")):
        for person in root.iter(f"{_DUBLIN_CORE}{kind}"):
            named = [value for key, value in person.items() if key.rpartition("}")[2] == "role"]
            role = (named or [roles.get(person.get("id", ""), usual)])[0]
            label = _ROLES.get(role, "Author" if kind == "creator" and role not in _NOT_AUTHORS else "")
            if label and (name := _words(person)):
                people.setdefault(label, []).append(name)
    return [Field(label, ", ".join(dict.fromkeys(names))) for label, names in people.items()]


def _words(element: etree._Element | None) -> str:
    return "" if element is None else " ".join("".join(element.itertext()).split())
