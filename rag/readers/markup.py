"""HTML, EPUB and Markdown → light Markdown: with headings, lists and tables, without links, pictures and scripts."""

from __future__ import annotations

import re
import warnings
from posixpath import dirname, join, normpath
from typing import Any
from urllib.parse import unquote

from bs4 import BeautifulSoup, Comment, MarkupResemblesLocatorWarning, XMLParsedAsHTMLWarning
from bs4.dammit import EncodingDetector
from markdownify import MarkdownConverter

from rag.readers.archives import Package
from rag.readers.cleaning import clean
from rag.readers.decoding import decode
from rag.readers.faults import Fault, Kind, check_length

# Elements that aren't the text of a page: scripts, pictures, navigation and form fields.
_DROPPED = (
    "script, style, noscript, template, svg, canvas, iframe, object, embed, audio, video, img, picture, map, "
    "button, select, input, textarea, nav, [role=navigation]"
)
# A sign that Markdown escapes with a backslash.
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|>~<&=])")
# Spaces and dashes that only line up the columns of a table.
_PADDING = re.compile(r"(?<! ) {2,}\|")
_RULE = re.compile(r"-{4,}")
# ![description](address "title"). Lengths are bounded and quantifiers possessive, so that no text takes long.
_MARKDOWN_PICTURE = re.compile(r"!\[([^\[\]\n]{0,1000})\]\(\s*+[^()\s]*+(?:\s++\"[^\"\n]{0,1000}\")?\s*+\)")
_MARKDOWN_DATA = re.compile(r"data:[\w/+.-]{1,100};base64,[\w+/=%-]+")

# No warning is needed: XHTML can be parsed as HTML, and a text may look like an address.
for _category in (XMLParsedAsHTMLWarning, MarkupResemblesLocatorWarning):
    warnings.filterwarnings("ignore", category=_category)


class _LightMarkdown(MarkdownConverter):
    """Keeps the structure that chunking uses, and leaves the words as the document has them."""

    def convert_table(self, el: Any, text: str, parent_tags: set[str]) -> str:
        return "\n\n" + tidy_tables(text.strip()) + "\n\n"

    def convert_li(self, el: Any, text: str, parent_tags: set[str]) -> str:
        parent = el.parent
        if parent is None or parent.name != "ol":
            return str(super().convert_li(el, text, parent_tags))  # type: ignore[misc]
        # For each item markdownify counts the items before it, which takes minutes for a long list. The list's start
        # keeps the count here.
        start = str(parent.get("start", ""))
        number = int(start) if re.fullmatch(r"[0-9]{1,9}", start) else 1
        parent["start"] = str(number + 1)
        first, *others = text.strip().split("\n")
        indent = " " * len(f"{number}. ")
        lines = [f"{number}. {first}", *(indent + line if line else "" for line in others)]
        return "\n".join(lines) + "\n" if text.strip() else "\n"

    def convert_td(self, el: Any, text: str, parent_tags: set[str]) -> str:
        return str(super().convert_td(el, text.replace("|", "\\|"), parent_tags))  # type: ignore[misc]

    def convert_th(self, el: Any, text: str, parent_tags: set[str]) -> str:
        return str(super().convert_th(el, text.replace("|", "\\|"), parent_tags))  # type: ignore[misc]


_CONVERTER = _LightMarkdown(
    heading_style="ATX",
    bullets="-",
    strip=["a", "b", "strong", "i", "em", "u", "s", "del", "sub", "sup", "code", "kbd", "samp", "img"],
    escape_asterisks=False,
    escape_underscores=False,
    escape_misc=False,
    table_infer_header=True,
    newline_style="backslash",
)


def read_html(data: bytes, titled: bool = True) -> str:
    """An HTML page as light Markdown, see `html_to_markdown`. Follows no links. Raises Fault if `data` isn't text."""
    declared = EncodingDetector.find_declared_encoding(data[:4096], is_html=True, search_entire_document=True)
    return html_to_markdown(decode(data, declared), titled)


def html_to_markdown(html: str, titled: bool = True) -> str:
    """Light Markdown of an HTML text. If `titled`, the page's title becomes the first heading, unless it is a heading
    already."""
    soup = BeautifulSoup(html, "lxml")
    title = " ".join(soup.title.get_text().split()) if soup.title else ""
    body = soup.body or soup
    for comment in soup.find_all(string=lambda text: isinstance(text, Comment)):
        comment.extract()
    for element in soup.select("head"):
        element.decompose()
    for element in body.select(_DROPPED):
        # An element goes with the element around it.
        if not element.decomposed:
            element.decompose()
    try:
        text = str(_CONVERTER.convert_soup(body))
    except RecursionError:
        # Too deeply nested for the converter. bs4 finds the words without recursion.
        text = "\n".join(body.stripped_strings)
    text = clean(text)
    if titled and title and text and not re.search(rf"^#+ {re.escape(title)}$", text, re.MULTILINE):
        text = f"# {clean(title)}\n\n{text}"
    return text


def tidy_tables(text: str) -> str:
    """The text, its pipe tables without the spaces and dashes that only line up columns."""
    rows = text.split("\n")
    return "\n".join(_RULE.sub("---", _PADDING.sub(" |", row)) if row.startswith("|") else row for row in rows)


def unescape(text: str) -> str:
    """Markdown without the backslashes of its escapes, so that words match the document's; `\\|` stays."""
    return _ESCAPED.sub(lambda match: match[0] if match[1] == "|" else match[1], text)


def read_markdown(data: bytes) -> str:
    """Markdown as it is, except that descriptions replace pictures, and embedded data is left out."""
    return _MARKDOWN_DATA.sub("", _MARKDOWN_PICTURE.sub(r"\1", decode(data)))


def read_epub(data: bytes) -> str:
    """The book's title, then its chapters in reading order. Raises Fault if the book is damaged or under DRM."""
    package = Package(data, "an EPUB book")
    title, names = _contents(package)
    names = names or package.matching(r"(?!__MACOSX/|META-INF/).*\.x?html?")
    if not names:
        raise Fault(Kind.DAMAGED, package.noun)
    encrypted = unquote(package.read("META-INF/encryption.xml").decode("utf-8", "replace"))
    # Only encrypted chapters count: encrypted fonts are common and harmless.
    if any(name in encrypted for name in names):
        raise Fault(Kind.PROTECTED)
    chapters: list[str] = []
    length = 0
    for name in names:
        chapters.append(read_html(package.read(name), titled=False))
        length += len(chapters[-1])
        check_length(length, len(data))
    if not any(chapters):
        return ""
    return "\n\n".join(filter(None, [f"# {title}" if title else "", *chapters]))


def _contents(package: Package) -> tuple[str, list[str]]:
    """The book's title, and the names of the parts with its chapters, in reading order (the spine's)."""
    title, parts = "", []
    container = package.xml("META-INF/container.xml")
    for rootfile in () if container is None else container.iter("{*}rootfile"):
        name = rootfile.get("full-path", "")
        book = package.xml(name)
        if book is None:
            continue
        title = title or " ".join((book.findtext(".//{http://purl.org/dc/elements/1.1/}title") or "").split())
        items = {item.get("id"): unquote(item.get("href", "")) for item in book.iter("{*}item")}
        spine = [items.get(ref.get("idref"), "") for ref in book.iter("{*}itemref")]
        parts += [part for href in spine if (part := normpath(join(dirname(name), href))) in package]
    return title, list(dict.fromkeys(parts))
