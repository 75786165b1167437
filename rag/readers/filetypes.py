"""Finds the format of a file: by its first bytes, or the parts in its zip package; only for text by its suffix."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import PurePath

from rag.readers.faults import Fault, Kind
from rag.readers.formats import FORMATS, HTML, TEXT, Format, format_of_suffix

# Bytes that may come before a signature: a byte order mark, blanks, NULs.
_BEFORE_SIGNATURE = b"\xef\xbb\xbf \t\r\n\0"
_WRAPPER_BYTES = 1024
_LEADING_BYTES = 16

# Signatures of files that can't be read, each with a noun for the sentence.
_MAGIC = (
    (b"GIF8", "a picture"),
    (b"\x1f\x8b", "a compressed archive"),
    (b"7z\xbc\xaf\x27\x1c", "a compressed archive"),
    (b"Rar!\x1a\x07", "a compressed archive"),
    (b"BZh", "a compressed archive"),
    (b"\xfd7zXZ\0", "a compressed archive"),
    (b"\x7fELF", "a program"),
    (b"ID3", "a sound recording"),
    (b"OggS", "a sound recording"),
    (b"HWP Document File", "an old Hangul document (HWP 3)"),
)
_PICTURE_ADVICE = "save it as PNG, JPEG, TIFF or WebP and add that"
_OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# The names of streams in an OLE file show which program wrote it; the first match counts. These can't be read.
_OLE_STREAMS = (
    ("WordDocument", "an old Word document (DOC)", "save it as DOCX or PDF and add that"),
    ("PowerPoint Document", "an old PowerPoint presentation (PPT)", "save it as PPTX or PDF and add that"),
)
# Many programs save a web page with a table as XLS, and Excel opens it.
_WEB_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,99}<(?:!doctype html|html|head|meta|style|table)\b", re.IGNORECASE)
_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")


def detect(name: str, data: bytes) -> Format:
    """The format of the file. Raises Fault if the file is empty or encrypted, if its format isn't supported, or if its
    suffix names another format."""
    suffix = PurePath(name).suffix.lower()
    named = format_of_suffix(suffix)
    if not data:
        raise Fault(Kind.NO_TEXT, ": it is empty")
    if signed := _by_signature(data, named):
        return signed
    if data.startswith(_OLE_MAGIC):
        return _by_ole_streams(data)
    if data.startswith(_ZIP_MAGIC):
        return _by_zip_parts(data, named, suffix)
    _refuse_other_signatures(data)
    if suffix == ".xls" and _WEB_PAGE.match(data):
        return HTML
    if named and not named.is_text:
        raise Fault(Kind.DAMAGED, named.suffixes[suffix])
    if named:
        return named
    if re.fullmatch(r"\.[a-z0-9]{1,10}", suffix):
        raise Fault(Kind.UNSUPPORTED, f"a {suffix} file")
    return TEXT


def _by_signature(data: bytes, named: Format | None) -> Format | None:
    """The format whose signature the file begins with. A text that only quotes a signature isn't of that format."""
    is_named_text = named is not None and named.is_text
    for file_format in FORMATS:
        if file_format.signature_pattern and re.match(file_format.signature_pattern, data):
            return file_format
        if not file_format.signature:
            continue
        head = data[: _WRAPPER_BYTES if file_format.may_be_wrapped else _LEADING_BYTES]
        if head.lstrip(_BEFORE_SIGNATURE).startswith(file_format.signature):
            return file_format
        if file_format.may_be_wrapped and file_format.signature in head and not is_named_text:
            return file_format
    return None


def _refuse_other_signatures(data: bytes) -> None:
    for magic, noun in _MAGIC:
        if data.startswith(magic):
            raise Fault(Kind.UNSUPPORTED, noun, _PICTURE_ADVICE if noun == "a picture" else "")
    if data[4:8] == b"ftyp":
        raise Fault(Kind.UNSUPPORTED, "a film, sound recording or picture")


def _by_ole_streams(data: bytes) -> Format:
    """The format of an OLE file. Raises Fault for an encrypted file of a current format, and for a file of a format
    that can't be read."""
    has = _ole_streams(data)
    if has("EncryptedPackage"):
        raise Fault(Kind.PROTECTED)
    for file_format in FORMATS:
        if file_format.ole_stream and has(file_format.ole_stream):
            return file_format
    for stream, noun, advice in _OLE_STREAMS:
        if has(stream):
            raise Fault(Kind.UNSUPPORTED, noun, advice)
    raise Fault(
        Kind.UNSUPPORTED, "an old Office file", "save it in a current format (DOCX, PPTX, XLSX) or as PDF and add that"
    )


def _ole_streams(data: bytes) -> Callable[[str], bool]:
    """A function that tells whether the OLE file has a stream or storage of this name at its top. In a damaged file the
    name may stand anywhere."""
    from olefile import OleFileIO  # takes 30 ms, and the start of the app imports this module

    try:
        names = {path[0].lstrip("\5") for path in OleFileIO(io.BytesIO(data)).listdir(storages=True)}
    except MemoryError:
        raise
    except Exception:  # olefile raises errors of struct, of indexing and of its own for damage
        return lambda name: name.encode("utf-16-le") in data
    return names.__contains__


def _by_zip_parts(data: bytes, named: Format | None, suffix: str) -> Format:
    """The format of a zip package: by the content of its part `mimetype`, else by the names of its parts."""
    expected = named.suffixes[suffix] if named and not named.is_text else ""
    damaged = Fault(Kind.DAMAGED, expected or "a document in a zip package")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            parts = package.namelist()
            mimetype = b""
            if "mimetype" in parts and package.getinfo("mimetype").file_size < 200:
                with package.open("mimetype") as part:
                    mimetype = part.read(200).strip()  # it may unpack to more than it declares
    except MemoryError:
        raise
    except Exception as error:  # on a damaged directory zipfile raises errors of zlib, of struct and of its own
        raise damaged from error
    for file_format in FORMATS:
        if mimetype in file_format.zip_mimetypes:
            return file_format
    for file_format in FORMATS:
        if file_format.zip_mimetypes and mimetype:
            continue
        if file_format.zip_parts_are_shared and file_format is not named:
            continue
        if file_format.zip_parts and all(any(re.fullmatch(p, part) for part in parts) for p in file_format.zip_parts):
            return file_format
    if expected and not mimetype:
        raise damaged
    if mimetype:
        raise Fault(Kind.UNSUPPORTED, "a document of another kind")
    raise Fault(Kind.UNSUPPORTED, "a zip archive", "unpack it and add the files in it")
