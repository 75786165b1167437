"""The formats that can be read. Each is declared once: its name and suffixes, its marks in a file, and its reader.

`filetypes` finds the format of a file by this list, `read` calls its reader, and the pages and the command line offer
its suffixes. A reader is imported, with its parser, when it is first called: that can take a second.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from rag.schema import Page

Progress = Callable[[int, int], None]


class TextReader(Protocol):
    """Reads a format without pages: bytes → light Markdown, as one text or in pieces that are cut anywhere.

    It raises Fault for a file that it can't read. Any other error is taken for damage of the file.
    """

    def __call__(self, data: bytes) -> str | Iterable[str]: ...


class PageReader(Protocol):
    """Reads a format with pages: bytes → the cleaned pages that have text, each with its 1-based place in the file.

    It calls `progress(done, total)` after each page; blank pages count. It raises errors like a TextReader.
    """

    def __call__(self, data: bytes, progress: Progress) -> list[Page]: ...


@dataclass(frozen=True)
class Format:
    """A format: its name for users, its suffixes, its marks in a file, and the function that reads it.

    A binary format is recognised by its signature, by the parts in its zip package, or by a stream in its OLE file. A
    text format is recognised by its suffix alone. Formats may share a name.
    """

    name: str
    # "module:function". The function is a PageReader if the format has pages, else a TextReader.
    reader: str
    # Each suffix with a noun for the sentence about a damaged file; "" for a text format, which can't be damaged.
    suffixes: Mapping[str, str]
    has_pages: bool = False
    # The file's first bytes, after blanks and a byte order mark.
    signature: bytes = b""
    # A regular expression for them, where one signature isn't enough.
    signature_pattern: bytes = b""
    # Whether other bytes may come before the signature, which is then within the first 1,024 bytes.
    may_be_wrapped: bool = False
    # Regular expressions: a zip package of the format has a part for each of them.
    zip_parts: tuple[str, ...] = ()
    # Whether packages of other formats have such parts, too. The suffix must agree then.
    zip_parts_are_shared: bool = False
    # The possible contents of the part `mimetype`. If a package has this part, the other parts don't count.
    zip_mimetypes: frozenset[bytes] = field(default_factory=frozenset)
    # A stream at the top of an OLE file that only this format has.
    ole_stream: str = ""

    @property
    def is_text(self) -> bool:
        """Whether it is a text format, so that only the suffix tells it."""
        return not (self.signature or self.signature_pattern or self.zip_parts or self.ole_stream)

    def load_reader(self) -> Any:
        """Import its reader, a TextReader or a PageReader."""
        module, _, function = self.reader.partition(":")
        return getattr(importlib.import_module(module), function)


# Every OOXML package has this part.
_OOXML = r"\[Content_Types\]\.xml"

PDF = Format(
    "PDF",
    "rag.readers.pdf:read_pdf",
    {".pdf": "a PDF"},
    has_pages=True,
    signature=b"%PDF-",
    may_be_wrapped=True,
)
WORD = Format(
    "Word",
    "rag.readers.docx:read_docx",
    {".docx": "a DOCX document", ".docm": "a DOCM document"},
    zip_parts=(_OOXML, r"word/document\d*\.xml"),
)
POWERPOINT = Format(
    "PowerPoint",
    "rag.readers.slides:read_pptx",
    {".pptx": "a PPTX presentation", ".pptm": "a PPTM presentation"},
    has_pages=True,
    zip_parts=(_OOXML, r"ppt/presentation\d*\.xml"),
)
EXCEL = Format(
    "Excel",
    "rag.readers.workbooks:read_xlsx",
    {".xlsx": "an XLSX workbook", ".xlsm": "an XLSM workbook"},
    has_pages=True,
    zip_parts=(_OOXML, r"xl/workbook\d*\.xml"),
)
OLD_EXCEL = Format(
    "Excel",
    "rag.readers.old_workbooks:read_xls",
    {".xls": "an XLS workbook"},
    has_pages=True,
    ole_stream="Workbook",
)
OPENDOCUMENT = Format(
    "OpenDocument",
    "rag.readers.odt:read_odt",
    {".odt": "an ODT document"},
    zip_parts=(r"content\.xml",),
    zip_parts_are_shared=True,
    zip_mimetypes=frozenset(
        {b"application/vnd.oasis.opendocument.text", b"application/vnd.oasis.opendocument.text-template"}
    ),
)
SPREADSHEET = Format(
    "OpenDocument",
    "rag.readers.ods:read_ods",
    {".ods": "an ODS spreadsheet"},
    has_pages=True,
    zip_parts=(r"content\.xml",),
    zip_parts_are_shared=True,
    zip_mimetypes=frozenset(
        {b"application/vnd.oasis.opendocument.spreadsheet", b"application/vnd.oasis.opendocument.spreadsheet-template"}
    ),
)
PRESENTATION = Format(
    "OpenDocument",
    "rag.readers.odp:read_odp",
    {".odp": "an ODP presentation"},
    has_pages=True,
    zip_parts=(r"content\.xml",),
    zip_parts_are_shared=True,
    zip_mimetypes=frozenset(
        {
            b"application/vnd.oasis.opendocument.presentation",
            b"application/vnd.oasis.opendocument.presentation-template",
        }
    ),
)
EPUB = Format(
    "EPUB",
    "rag.readers.epub:read_epub",
    {".epub": "an EPUB book"},
    zip_parts=(r"META-INF/container\.xml",),
    zip_mimetypes=frozenset({b"application/epub+zip"}),
)
RTF = Format("RTF", "rag.readers.rtf:read_rtf", {".rtf": "an RTF document"}, signature=b"{\\rtf")
HANGUL = Format("HWP", "rag.readers.hwp:read_hwp", {".hwp": "an HWP document"}, ole_stream="FileHeader")
HANGUL_PACKAGE = Format(
    "HWPX",
    "rag.readers.hwpx:read_hwpx",
    {".hwpx": "an HWPX document"},
    zip_parts=(r"(?i)Contents/section\d+\.xml",),
    zip_mimetypes=frozenset({b"application/hwp+zip", b"application/haansofthwpx"}),
)
HTML = Format("HTML", "rag.readers.html:read_html", dict.fromkeys((".html", ".htm", ".xhtml"), ""))
MARKDOWN = Format("Markdown", "rag.readers.markdown:read_markdown", dict.fromkeys((".md", ".markdown"), ""))
TEXT = Format("plain text", "rag.readers.plain_text:read_text", dict.fromkeys((".txt", ".text", ".log", ".rst"), ""))
# Files of which secrets are the whole content (.env, .pem, .key) aren't among them.
_SOURCES = (
    "py js mjs jsx ts tsx vue java kt scala c h cc cpp hpp cs go rs swift rb php pl lua r dart sql sh ps1 bat "
    "css scss xml yaml yml toml ini cfg conf properties proto tex"
)
SOURCE = Format("source code", "rag.readers.source_code:read_source", {f".{suffix}": "" for suffix in _SOURCES.split()})
CSV = Format("CSV", "rag.readers.csv_tables:read_csv", dict.fromkeys((".csv", ".tsv"), ""))
JSON = Format("JSON", "rag.readers.json_records:read_json", dict.fromkeys((".json", ".jsonl"), ""))
# A notebook is listed as JSON.
NOTEBOOK = Format("JSON", "rag.readers.notebooks:read_notebook", {".ipynb": ""})
MAIL = Format("EML", "rag.readers.mail:read_eml", dict.fromkeys((".eml", ".emlx"), ""))
WEB_ARCHIVE = Format("MHTML", "rag.readers.mail:read_mhtml", dict.fromkeys((".mhtml", ".mht"), ""))
OUTLOOK = Format(
    "MSG",
    "rag.readers.msg:read_msg",
    {".msg": "an Outlook message (MSG)"},
    ole_stream="__properties_version1.0",
)

_IMAGES = "rag.readers.images:read_image"
PNG = Format("PNG", _IMAGES, {".png": "a PNG picture"}, has_pages=True, signature=b"\x89PNG\r\n\x1a\n")
JPEG = Format(
    "JPEG", _IMAGES, dict.fromkeys((".jpg", ".jpeg"), "a JPEG picture"), has_pages=True, signature=b"\xff\xd8\xff"
)
TIFF = Format(
    "TIFF",
    _IMAGES,
    dict.fromkeys((".tif", ".tiff"), "a TIFF picture"),
    has_pages=True,
    signature_pattern=rb"II\*\0|MM\0\*",
)
WEBP = Format("WebP", _IMAGES, {".webp": "a WebP picture"}, has_pages=True, signature_pattern=rb"(?s)RIFF.{4}WEBP")

# If a file has the marks of several formats, the first of them counts.
FORMATS = (
    PDF,
    WORD,
    POWERPOINT,
    EXCEL,
    OLD_EXCEL,
    OPENDOCUMENT,
    SPREADSHEET,
    PRESENTATION,
    EPUB,
    RTF,
    HANGUL,
    HANGUL_PACKAGE,
    PNG,
    JPEG,
    TIFF,
    WEBP,
    OUTLOOK,
    MAIL,
    WEB_ARCHIVE,
    HTML,
    MARKDOWN,
    TEXT,
    SOURCE,
    CSV,
    JSON,
    NOTEBOOK,
)

# All suffixes, with their dots, in lower case.
SUPPORTED: tuple[str, ...] = tuple(suffix for each in FORMATS for suffix in each.suffixes)

_BY_SUFFIX = {suffix: each for each in FORMATS for suffix in each.suffixes}


def format_of_suffix(suffix: str) -> Format | None:
    """The format of files with this suffix (with its dot, in lower case); None for an unknown suffix."""
    return _BY_SUFFIX.get(suffix)


def format_names() -> str:
    """The names of all formats for a sentence, plain text last: "PDF, Word, … and plain text"."""
    names = dict.fromkeys(each.name for each in FORMATS if each is not TEXT)
    return f"{', '.join(names)} and {TEXT.name}"


def import_readers() -> None:
    """Import all readers, so that the first file of a format needn't wait for its parser."""
    for each in FORMATS:
        each.load_reader()
