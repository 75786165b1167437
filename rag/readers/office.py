"""Word, OpenDocument and RTF texts → light Markdown."""

from __future__ import annotations

import logging
import re
import zipfile

from lxml import etree
from odfdo import Document

from rag.readers.archives import Package
from rag.readers.faults import Fault, Kind
from rag.readers.markup import tidy_tables, unescape

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
