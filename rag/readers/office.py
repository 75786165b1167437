"""Word, OpenDocument and RTF texts → light Markdown."""

from __future__ import annotations

import logging
import re
import zipfile

import mammoth
from lxml import etree
from odfdo import Document
from striprtf.striprtf import rtf_to_text

from rag.readers.archives import Package, drawing_text
from rag.readers.faults import Fault, Kind
from rag.readers.markup import html_to_markdown, tidy_tables, unescape

_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_W = f"{{{_WORD}}}"
_COMPATIBILITY = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_VML = "{urn:schemas-microsoft-com:vml}"
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_A_DOCX = "a DOCX document"
_AN_ODT = "an ODT document"
# mammoth's style map: it has no headings for these two styles by itself.
_TITLES = "p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => h2:fresh"

for _name in ("odfdo", "mammoth"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


def read_docx(data: bytes) -> str:
    """The text of a Word document with headings, lists, tables, notes and text boxes. Diagrams, charts, headers and
    footers come last.

    Linked pictures are never loaded. Raises Fault if the document is damaged.
    """
    package = Package(data, _A_DOCX)
    body = next((part for relation, part in package.related("").values() if relation == "officeDocument"), "")
    if body not in package:
        raise Fault(Kind.DAMAGED, _A_DOCX)
    for name in package.matching(r"word/(?:document\d*|footnotes|endnotes)\.xml"):
        if (root := package.xml(name)) is not None:
            _prepare(root)
            package.replace(name, root)
    try:
        converted = mammoth.convert_to_html(package.repack(), style_map=_TITLES, external_file_access=False)
    except (KeyError, ValueError, AttributeError, IndexError, TypeError, OSError, zipfile.BadZipFile) as error:
        raise Fault(Kind.DAMAGED, _A_DOCX) from error
    return "\n\n".join(filter(None, [html_to_markdown(converted.value), *_beside_the_body(package)]))


def _prepare(root: etree._Element) -> None:
    """Move text to places where mammoth looks: formulas, and text boxes that have no version in the older VML."""
    for math in list(root.iter(f"{_MATH}oMath")):
        run = etree.Element(f"{_W}r")
        etree.SubElement(run, f"{_W}t").text = "".join(t.text or "" for t in math.iter(f"{_MATH}t"))
        run.tail = math.tail
        _replace(math, run)
    for picture in [*root.iter("{*}blip"), *root.iter(f"{_VML}imagedata")]:
        _remove(picture)
    for drawing in list(root.iter(f"{_W}drawing")):
        boxes = list(drawing.iter(f"{_W}txbxContent"))
        choice = next(drawing.iterancestors(f"{_COMPATIBILITY}Choice"), None)
        has_fallback = choice is not None and choice.getparent().find(f"{_COMPATIBILITY}Fallback") is not None
        if not boxes or has_fallback:
            continue
        vml = etree.Element(f"{_W}pict")
        for box in boxes:
            etree.SubElement(vml, f"{_VML}textbox").append(box)
        if choice is None:
            _replace(drawing, vml)
        else:
            etree.SubElement(choice.getparent(), f"{_COMPATIBILITY}Fallback").append(vml)


def _replace(old: etree._Element, new: etree._Element) -> None:
    parent = old.getparent()
    if parent is not None:
        parent.replace(old, new)


def _remove(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _beside_the_body(package: Package) -> list[str]:
    """The lines of SmartArt and charts, then of headers and footers. Each line comes once, page numbers don't."""
    lines: list[str] = []
    for name in package.matching(r"word/(?:diagrams/data|charts/chart)\d*\.xml"):
        if (root := package.xml(name)) is not None:
            lines += drawing_text(root)
    for name in package.matching(r"word/(?:header|footer)\d*\.xml"):
        if (root := package.xml(name)) is None:
            continue
        for fallback in list(root.iter(f"{_COMPATIBILITY}Fallback")):
            _remove(fallback)
        for paragraph in root.iter(f"{_W}p"):
            line = " ".join("".join(t.text or "" for t in paragraph.iter(f"{_W}t", f"{_W}tab")).split())
            if re.search(r"[^\W\d_]", line) and not re.fullmatch(r"(?i)page\s*\d*(?:\s*of\s*\d*)?", line):
                lines.append(line)
    return ["\n".join(dict.fromkeys(lines))] if lines else []


def read_odt(data: bytes) -> str:
    """The text of an OpenDocument file. Raises Fault if the file is protected or damaged."""
    package = Package(data, _AN_ODT)
    if b"encryption-data" in package.read("META-INF/manifest.xml"):
        raise Fault(Kind.PROTECTED)
    if "content.xml" not in package:
        raise Fault(Kind.DAMAGED, _AN_ODT)
    package.xml("content.xml")  # raises Fault for damaged XML, of which odfdo would print a message
    try:
        text = str(Document(package.repack()).to_markdown())
    except (KeyError, ValueError, AttributeError, TypeError, OSError, etree.LxmlError, zipfile.BadZipFile) as error:
        raise Fault(Kind.DAMAGED, _AN_ODT) from error
    # Links and pictures become their texts.
    text = re.sub(r"!?\[([^\[\]\n]{0,1000})\]\([^()\s]{0,2000}\)", r"\1", text)
    return unescape(tidy_tables(text))


def read_rtf(data: bytes) -> str:
    """The text of an RTF document, table cells joined with bars. Raises Fault if the document can't be parsed."""
    # Long runs of hex digits are pictures. striprtf would read them digit by digit.
    data = re.sub(rb"[0-9a-fA-F\r\n]{1024,}", b"", data)
    # Bytes above ASCII are in the document's code page. striprtf decodes them only if they are escaped.
    data = re.sub(rb"[\x80-\xff]", lambda match: b"\\'%02x" % match[0][0], data)
    try:
        return str(rtf_to_text(data.decode("ascii"), errors="replace"))  # type: ignore[no-untyped-call]
    except (ValueError, LookupError, TypeError, IndexError) as error:
        raise Fault(Kind.DAMAGED, "an RTF document") from error
