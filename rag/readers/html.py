"""HTML pages → light Markdown, as a browser shows them: by one walk over the page's elements, however deep they are."""

from __future__ import annotations

import re
from html.entities import html5

from lxml import etree

from rag.readers.decoding import decode
from rag.readers.html_notes import NoteLinks
from rag.readers.html_walk import Walk
from rag.text.blocks import Block, Heading, page_text

_BEGINNING = 4096
# Elements around an element: fewer than the parser allows.
_DEEPEST = 1000
_DECLARED = re.compile(
    rb"<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w.:-]{1,40})|<meta[^>]{1,300}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})",
    re.IGNORECASE,
)
_XHTML = re.compile(r"\s*(?:<\?xml[^>]*\?>\s*)?(?:<!DOCTYPE[^>\[]*>\s*)?<html\b[^>]*\bxmlns\s*=", re.IGNORECASE)
_XML_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")


def read_html(data: bytes, titled: bool = True) -> str:
    """An HTML page as light Markdown, see `html_to_markdown`. Follows no links. Raises Fault if `data` isn't text."""
    return html_to_markdown(decode(data, declared_encoding(data)), titled)


def html_to_markdown(html: str, titled: bool = True) -> str:
    """Light Markdown of an HTML text. If `titled`, the page's title becomes the first heading, unless it is a heading
    already."""
    return page_text(html_blocks(html, titled))


def declared_encoding(data: bytes) -> str | None:
    """The encoding that an HTML page or an XML document names at its beginning."""
    match = _DECLARED.search(data[:_BEGINNING])
    return (match[1] or match[2]).decode("ascii", "replace") if match else None


def html_blocks(html: str, titled: bool = True, notes: dict[str, str] | None = None, name: str = "") -> list[Block]:
    """The blocks of an HTML text. The chapters of a book share `notes`: the places of notes, each with its mark.
    `name` is the chapter's place in the book."""
    root = _parsed(html)
    if root is None:
        return []
    title = next((element for element in root.iter("title", "{*}title") if _is_in_head(element)), None)
    blocks = Walk(root, NoteLinks({} if notes is None else notes, name)).blocks()
    text = "" if title is None else " ".join("".join(title.itertext()).split())
    headings = {" ".join(block.text.split()) for block in blocks if isinstance(block, Heading)}
    if titled and text and blocks and text not in headings:
        return [Heading(text, 1), *blocks]
    return blocks


def _is_in_head(element: etree._Element) -> bool:
    parent = element.getparent()
    return parent is None or str(parent.tag).rpartition("}")[2] in ("head", "html")


def _parsed(html: str) -> etree._Element | None:
    """The root of the page; None if it has no element. XHTML is read as XML if it is well-formed."""
    html = html.replace("\0", "")
    if _XHTML.match(html[:2000]) and "<!ENTITY" not in html:

        def named(match: re.Match[str]) -> str:
            known = match[1] in ("amp;", "lt;", "gt;", "quot;", "apos;")
            return match[0] if known else html5.get(match[1], match[0])

        text = re.sub(r"&([a-zA-Z][a-zA-Z0-9]{1,31};)", named, _XML_DECLARATION.sub("", html, count=1))
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
        try:
            return etree.fromstring(text.encode("utf-8", "replace"), parser)
        except (etree.XMLSyntaxError, ValueError):
            pass
    data = html.encode("utf-8", "replace")
    lenient = etree.HTMLParser(encoding="utf-8", huge_tree=True, no_network=True, remove_pis=True)
    try:
        root = etree.fromstring(data, lenient)
    except (etree.XMLSyntaxError, ValueError):
        return None
    if any("depth" in error.message for error in lenient.error_log):
        root = etree.fromstring(data, etree.HTMLParser(target=_ShallowTree(), encoding="utf-8", huge_tree=True))
    return root


class _ShallowTree:
    """Builds the tree of a page whose elements are nested more deeply than the parser allows: those too deep are left
    out, and their text stays."""

    def __init__(self) -> None:
        self._builder = etree.TreeBuilder()
        self._depth = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Begin an element."""
        self._depth += 1
        if self._depth <= _DEEPEST:
            self._builder.start(tag, attributes)

    def end(self, tag: str) -> None:
        """End an element."""
        if self._depth <= _DEEPEST:
            self._builder.end(tag)
        else:
            self._builder.data(" ")
        self._depth -= 1

    def data(self, text: str) -> None:
        """Add text."""
        self._builder.data(text)

    def close(self) -> etree._Element:
        """The root of the tree."""
        return self._builder.close()
