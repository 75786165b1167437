"""The formats that can be read, each declared once: its names, how a file of it is recognised, and its reader.

`filetypes` finds the format of a file by this list, `read` calls its reader, and the pages and the command line offer
its suffixes. The readers are imported when they are first called: one takes up to a second, with its parser.
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

    It raises Fault for a file that it can't read; any other error counts as damage.
    """

    def __call__(self, data: bytes) -> str | Iterable[str]: ...


class PageReader(Protocol):
    """Reads a format with pages: bytes → the cleaned pages that carry text, numbered from 1 by their place in the file.

    It calls `progress(done, total)` after each page, blank ones counted, and raises like a TextReader.
    """

    def __call__(self, data: bytes, progress: Progress) -> list[Page]: ...


@dataclass(frozen=True)
class Format:
    """A format: what the pages and README call it, its suffixes, its marks in a file, and the function that reads it.

    A format of binary files is recognised by its signature or by its parts in a zip package, a format of text by its
    suffix alone. Formats may share a name.
    """

    name: str
    # The function that reads it, as "module:function"; a PageReader if the format has pages, else a TextReader.
    reader: str
    # Each suffix with a noun for the sentence about a damaged file; of a text format none, any text is one.
    suffixes: Mapping[str, str]
    has_pages: bool = False
    # The first bytes, after blanks and a byte order mark.
    signature: bytes = b""
    # Whether a file of it may have something before its signature, in its first 1,024 bytes.
    may_be_wrapped: bool = False
    # The names of parts that its zip packages have, as regular expressions.
    zip_parts: tuple[str, ...] = ()
    # Whether packages of other formats have these parts, too, so that the suffix must agree.
    zip_parts_are_shared: bool = False
    # The contents of the part `mimetype`; where there is such a part, it alone counts.
    zip_mimetypes: frozenset[bytes] = field(default_factory=frozenset)

    @property
    def is_text(self) -> bool:
        """Whether its files are plain text, so that only the suffix tells the format."""
        return not (self.signature or self.zip_parts)

    def load_reader(self) -> Any:
        """Its TextReader or PageReader, imported."""
        module, _, function = self.reader.partition(":")
        return getattr(importlib.import_module(module), function)


# Every OOXML package has it.
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
    "rag.readers.office:read_docx",
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
    "rag.readers.sheets:read_xlsx",
    {".xlsx": "an XLSX workbook", ".xlsm": "an XLSM workbook"},
    has_pages=True,
    zip_parts=(_OOXML, r"xl/workbook\d*\.xml"),
)
OPENDOCUMENT = Format(
    "OpenDocument",
    "rag.readers.office:read_odt",
    {".odt": "an ODT document"},
    zip_parts=(r"content\.xml",),
    zip_parts_are_shared=True,
    zip_mimetypes=frozenset(
        {b"application/vnd.oasis.opendocument.text", b"application/vnd.oasis.opendocument.text-template"}
    ),
)
EPUB = Format(
    "EPUB",
    "rag.readers.markup:read_epub",
    {".epub": "an EPUB book"},
    zip_parts=(r"META-INF/container\.xml",),
    zip_mimetypes=frozenset({b"application/epub+zip"}),
)
RTF = Format("RTF", "rag.readers.office:read_rtf", {".rtf": "an RTF document"}, signature=b"{\\rtf")
HTML = Format("HTML", "rag.readers.markup:read_html", dict.fromkeys((".html", ".htm", ".xhtml"), ""))
MARKDOWN = Format("Markdown", "rag.readers.markup:read_markdown", dict.fromkeys((".md", ".markdown"), ""))
TEXT = Format("plain text", "rag.readers.plain_text:read_text", dict.fromkeys((".txt", ".text", ".log", ".rst"), ""))
CSV = Format("CSV", "rag.readers.sheets:read_csv", dict.fromkeys((".csv", ".tsv"), ""))
JSON = Format("JSON", "rag.readers.plain_text:read_json", dict.fromkeys((".json", ".jsonl"), ""))
# A notebook is JSON, and listed as it.
NOTEBOOK = Format("JSON", "rag.readers.plain_text:read_notebook", {".ipynb": ""})

# Where a file has the marks of several, the first counts.
FORMATS = (PDF, WORD, POWERPOINT, EXCEL, OPENDOCUMENT, EPUB, RTF, HTML, MARKDOWN, TEXT, CSV, JSON, NOTEBOOK)

# All suffixes, with their dots, in lower case.
SUPPORTED: tuple[str, ...] = tuple(suffix for each in FORMATS for suffix in each.suffixes)

_BY_SUFFIX = {suffix: each for each in FORMATS for suffix in each.suffixes}


def format_of_suffix(suffix: str) -> Format | None:
    """The format that files of that suffix, with its dot and in lower case, should have; None for an unknown one."""
    return _BY_SUFFIX.get(suffix)


def format_names() -> str:
    """The names of all formats as a clause, plain text last."""
    names = dict.fromkeys(each.name for each in FORMATS if each is not TEXT)
    return f"{', '.join(names)} and {TEXT.name}"


def import_readers() -> None:
    """Import all readers, so that the first file of a format doesn't wait for its parser."""
    for each in FORMATS:
        each.load_reader()
