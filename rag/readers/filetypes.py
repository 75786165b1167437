"""What a file is: by its first bytes, then by what is inside, and only for text by its extension."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import PurePath

from rag.readers.faults import Fault, Kind

PDF, DOCX, PPTX, XLSX, ODT, EPUB, RTF = "pdf", "docx", "pptx", "xlsx", "odt", "epub", "rtf"
HTML, MARKDOWN, CSV, JSON, NOTEBOOK, TEXT = "html", "markdown", "csv", "json", "notebook", "text"

# What a file of that extension claims to be, as a clause of an error and as a type.
_BINARY = {
    ".pdf": (PDF, "a PDF"),
    ".docx": (DOCX, "a DOCX document"),
    ".docm": (DOCX, "a DOCM document"),
    ".pptx": (PPTX, "a PPTX presentation"),
    ".pptm": (PPTX, "a PPTM presentation"),
    ".xlsx": (XLSX, "an XLSX workbook"),
    ".xlsm": (XLSX, "an XLSM workbook"),
    ".odt": (ODT, "an ODT document"),
    ".epub": (EPUB, "an EPUB book"),
    ".rtf": (RTF, "an RTF document"),
}
_TEXTUAL = {
    ".html": HTML,
    ".htm": HTML,
    ".xhtml": HTML,
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".txt": TEXT,
    ".text": TEXT,
    ".log": TEXT,
    ".rst": TEXT,
    ".csv": CSV,
    ".tsv": CSV,
    ".json": JSON,
    ".jsonl": JSON,
    ".ipynb": NOTEBOOK,
}
SUPPORTED: tuple[str, ...] = (*_BINARY, *_TEXTUAL)

_MAGIC = (
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"II*\0", "a picture"),
    (b"MM\0*", "a picture"),
    (b"\x1f\x8b", "a compressed archive"),
    (b"7z\xbc\xaf\x27\x1c", "a compressed archive"),
    (b"Rar!\x1a\x07", "a compressed archive"),
    (b"BZh", "a compressed archive"),
    (b"\xfd7zXZ\0", "a compressed archive"),
    (b"\x7fELF", "a program"),
    (b"ID3", "a sound recording"),
    (b"OggS", "a sound recording"),
    (b"HWP Document File", "a Hangul (HWP) document"),
)
_PICTURE_ADVICE = "run text recognition (OCR) on it and add the PDF or text that it makes"
_OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Names of streams in an OLE file tell its program; first found counts.
_OLE_STREAMS = (
    ("HwpSummaryInformation", "a Hangul (HWP) document", "save it as PDF or DOCX and add that"),
    ("WordDocument", "an old Word document (DOC)", "save it as DOCX or PDF and add that"),
    ("PowerPoint Document", "an old PowerPoint presentation (PPT)", "save it as PPTX or PDF and add that"),
    ("Workbook", "an old Excel workbook (XLS)", "save it as XLSX and add that"),
    ("__substg1.0_", "an Outlook message", "save it as PDF or text and add that"),
)
_ZIP_MIMETYPES = {
    b"application/vnd.oasis.opendocument.text": ODT,
    b"application/vnd.oasis.opendocument.text-template": ODT,
    b"application/epub+zip": EPUB,
}
_OOXML = {"word/document": DOCX, "ppt/presentation": PPTX, "xl/workbook": XLSX}
_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")


def detect(name: str, data: bytes) -> str:
    """The type of the file, one of the constants above. Raises Fault for types that aren't supported, for files that
    aren't what their extension says, and for encrypted Office files."""
    extension = PurePath(name).suffix.lower()
    claimed = _BINARY.get(extension)
    if not data:
        raise Fault(Kind.NO_TEXT, ": it is empty")
    if _is_pdf(data, extension):
        return PDF
    if data.startswith(_OLE_MAGIC):
        raise _ole_fault(data)
    if data.startswith(_ZIP_MAGIC):
        return _zip_type(data, extension)
    if data[:16].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{\\rtf"):
        return RTF
    for magic, what in _MAGIC:
        if data.startswith(magic):
            raise Fault(Kind.UNSUPPORTED, what, _PICTURE_ADVICE if what == "a picture" else "")
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        raise Fault(Kind.UNSUPPORTED, "a picture", _PICTURE_ADVICE)
    if data[4:8] == b"ftyp":
        raise Fault(Kind.UNSUPPORTED, "a film, sound recording or picture")
    if claimed:
        raise Fault(Kind.DAMAGED, claimed[1])
    return _text_type(data, extension)


def _is_pdf(data: bytes, extension: str) -> bool:
    """A wrapper or a byte order mark may come before the header; a text that is about PDF isn't one."""
    head = data[:1024]
    if head.lstrip(b"\xef\xbb\xbf \t\r\n\0").startswith(b"%PDF-"):
        return True
    return b"%PDF-" in head and extension not in _TEXTUAL


def _ole_fault(data: bytes) -> Fault:
    """OLE holds the binary formats of old, and the encrypted ones of today."""
    if "EncryptedPackage".encode("utf-16-le") in data:
        return Fault(Kind.PROTECTED)
    for stream, what, advice in _OLE_STREAMS:
        if stream.encode("utf-16-le") in data:
            return Fault(Kind.UNSUPPORTED, what, advice)
    return Fault(
        Kind.UNSUPPORTED, "an old Office file", "save it in a current format (DOCX, PPTX, XLSX) or as PDF and add that"
    )


def _zip_type(data: bytes, extension: str) -> str:
    claimed = _BINARY.get(extension)
    damaged = Fault(Kind.DAMAGED, claimed[1] if claimed else "a document in a zip package")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            names = package.namelist()
            mimetype = b""
            if "mimetype" in names and package.getinfo("mimetype").file_size < 200:
                with package.open("mimetype") as part:
                    mimetype = part.read(200).strip()  # it may be longer than it says
    except MemoryError:
        raise
    except Exception as error:  # zipfile lets out zlib's, struct's and its own errors on a damaged directory
        raise damaged from error
    if mimetype in _ZIP_MIMETYPES:
        return _ZIP_MIMETYPES[mimetype]
    for prefix, kind in _OOXML.items():
        if "[Content_Types].xml" in names and any(re.fullmatch(rf"{prefix}\d*\.xml", name) for name in names):
            return kind
    if "META-INF/container.xml" in names and not mimetype:
        return EPUB
    if claimed and claimed[0] == ODT and "content.xml" in names and not mimetype:
        return ODT
    if claimed and not mimetype:
        raise damaged
    if mimetype:
        raise Fault(Kind.UNSUPPORTED, "a document of another kind")
    raise Fault(Kind.UNSUPPORTED, "a zip archive", "unpack it and add the files in it")


def _text_type(data: bytes, extension: str) -> str:
    if extension in _TEXTUAL:
        return _TEXTUAL[extension]
    if extension and re.fullmatch(r"\.[a-z0-9]{1,10}", extension):
        raise Fault(Kind.UNSUPPORTED, f"a {extension} file")
    return TEXT
