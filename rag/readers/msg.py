"""Outlook messages (MSG) → light Markdown, in the same form as other mails. After Microsoft's [MS-OXMSG] and
[MS-OXPROPS].

A message is a storage of an OLE file: its properties are streams, or lie in a table if they are short; its recipients
and attachments are storages with properties of the same form.
"""

from __future__ import annotations

import io
import mimetypes
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import PurePath

from bs4.dammit import EncodingDetector
from olefile import OleFileIO

from rag.readers import outlook_rtf
from rag.readers.appointments import moment
from rag.readers.attachments import attach
from rag.readers.decoding import decode
from rag.readers.faults import Fault, Kind
from rag.readers.html import html_to_markdown
from rag.readers.mail import DEEPEST, ENCRYPTED, read_entity, written_mail
from rag.readers.notices import note
from rag.readers.rtf import read_rtf
from rag.readers.smime import signed_content
from rag.text.blocks import Block, Paragraph, page_text

_NOUN = "an Outlook message (MSG)"
# Properties, by [MS-OXPROPS].
_CLASS, _SUBJECT, _SUBMITTED, _DELIVERED, _CODE_PAGE, _HTML_CODE_PAGE = 0x001A, 0x0037, 0x0039, 0x0E06, 0x3FFD, 0x3FDE
_SENDERS = ((0x0042, 0x5D02, 0x0065), (0x0C1A, 0x5D01, 0x0C1F))  # on behalf of, and by: name, addresses
_PLAIN, _RTF, _HTML = 0x1000, 0x1009, 0x1013
_DISPLAYED = {"To": 0x0E04, "Cc": 0x0E03, "Bcc": 0x0E02}
_START, _END = 0x0060, 0x0061
_RECIPIENT_TYPES = {1: "To", 2: "Cc", 3: "Bcc"}
_RECIPIENT_TYPE, _NAME, _SMTP_ADDRESS, _ADDRESS = 0x0C15, 0x3001, 0x39FE, 0x3003
_FILE_NAMES, _DATA, _MIME_TYPE, _CONTENT_ID = (0x3707, 0x3704, _NAME), 0x3701, 0x370E, 0x3712
_UNICODE, _BYTE_STRING, _BINARY, _OBJECT = 0x001F, 0x001E, 0x0102, 0x000D
# The types of short properties that are read, and how their 8 bytes are unpacked.
_SHORT = {0x0002: "<h", 0x0003: "<i", 0x000B: "<?", 0x0040: "<Q"}
_TABLE = "__properties_version1.0"
_HUNDRED_NANOSECONDS_OF_A_MICROSECOND = 10


def read_msg(data: bytes) -> str:
    """A message as light Markdown; its attachments are attached. Raises Fault if it is damaged or encrypted."""
    try:
        file = OleFileIO(io.BytesIO(data))
        children: dict[tuple[str, ...], list[str]] = {}
        for path in file.listdir(streams=True, storages=True):
            children.setdefault(tuple(path[:-1]), []).append(path[-1])
    except MemoryError:
        raise
    except Exception as error:  # olefile raises errors of struct, of indexing and of its own for damage
        raise Fault(Kind.DAMAGED, _NOUN) from error
    return page_text(_message(_Storage(file, children, ()), 1))


class _Storage:
    """The properties of a message, a recipient or an attachment, by their numbers. Damaged properties are as none."""

    def __init__(
        self, file: OleFileIO, children: dict[tuple[str, ...], list[str]], path: tuple[str, ...], code_page: str = ""
    ) -> None:
        self._file = file
        self._children = children
        self._path = path
        self._names = {name.upper(): name for name in children.get(path, [])}
        self._short = self._table()
        pages = [self.number(each) for each in (_CODE_PAGE, _HTML_CODE_PAGE)]
        self.code_page = next((_encoding(page) for page in pages if page), code_page)

    def text(self, *numbers: int) -> str:
        """The first of these properties that has text."""
        for number in numbers:
            if text := self._bytes(number, _UNICODE).decode("utf-16-le", "replace").rstrip("\0"):
                return text
            if data := self._bytes(number, _BYTE_STRING).rstrip(b"\0"):
                return _decoded(data, self.code_page)
        return ""

    def data(self, number: int) -> bytes:
        """A property's bytes; empty if there is no such property."""
        return self._bytes(number, _BINARY)

    def number(self, number: int) -> int:
        """A short property as a number; 0 if there is no such property."""
        return self._short.get(number, 0)

    def inner(self, prefix: str) -> Iterator[_Storage]:
        """The storages in this one whose names begin so."""
        for name in sorted(self._children.get(self._path, [])):
            if name.lower().startswith(prefix) and (*self._path, name) in self._children:
                yield _Storage(self._file, self._children, (*self._path, name), self.code_page)

    @property
    def is_message(self) -> bool:
        """Whether this is a message, and not an object of another program."""
        return _TABLE.upper() in self._names

    def embedded(self) -> _Storage | None:
        """The message that is the data of this attachment."""
        return next(self.inner(f"__substg1.0_{_DATA:04x}{_OBJECT:04x}"), None)

    def _bytes(self, number: int, kind: int) -> bytes:
        return self._stream(f"__substg1.0_{number:04X}{kind:04X}")

    def _stream(self, name: str) -> bytes:
        if (written := self._names.get(name.upper())) is None or (*self._path, written) in self._children:
            return b""
        try:
            content = self._file.openstream([*self._path, written]).read()
        except MemoryError:
            raise
        except Exception:  # as above: one damaged property doesn't lose the message
            return b""
        return bytes(content)

    def _table(self) -> dict[int, int]:
        content = self._stream(_TABLE)
        # The header is longer in a message than in its parts, and longest in the outermost message.
        inmost = self._path[-1].lower() if self._path else ""
        header = 32 if not inmost else 24 if inmost.startswith("__substg") else 8
        values: dict[int, int] = {}
        for start in range(header, len(content) - 15, 16):
            kind, number = struct.unpack_from("<HH", content, start)
            if kind in _SHORT:
                (values[number],) = struct.unpack_from(_SHORT[kind], content, start + 8)
        return values


def _message(message: _Storage, level: int) -> list[Block]:
    """The blocks of a message. Its attachments are attached; a message attached to it is read along."""
    kind = message.text(_CLASS).upper()
    attachments = list(message.inner("__attach_version1.0"))
    if kind.startswith("IPM.NOTE.SMIME"):
        # Its body, as a mail's, is its only attachment.
        sealed = attachments[0].data(_DATA) if attachments else b""
        signed = sealed if kind.endswith("MULTIPARTSIGNED") else signed_content(sealed)
        body, names = read_entity(signed, level)
        if not body:
            raise Fault(Kind.UNSUPPORTED, *ENCRYPTED)
        return written_mail(_subject(message), _lines(message, names), body, level)
    text, page = _body(message)
    names = []
    inner: list[Block] = []
    for number, attachment in enumerate(attachments, 1):
        if (embedded := attachment.embedded()) is not None and embedded.is_message:
            if level >= DEEPEST:
                note(f"The mail has more than {DEEPEST} mails one in the other; the innermost aren't read.")
            else:
                inner += _message(embedded, level + 1)
            continue
        name = _file_name(attachment, number)
        content_id = attachment.text(_CONTENT_ID).strip("<> ").lower()
        is_picture = (mimetypes.guess_type(name)[0] or "").startswith("image/")
        if is_picture and content_id and f"cid:{content_id}" in page.lower():
            continue  # a picture within the text is part of it, as a logo is
        names.append(name)
        attach(name, attachment.data(_DATA))
    return written_mail(_subject(message), _lines(message, names), [Paragraph(text), *inner], level)


def _subject(message: _Storage) -> str:
    subject = message.text(_SUBJECT)
    # Some programs put the length of "RE: " before it.
    return subject[2:] if subject.startswith("\x01") else subject


def _lines(message: _Storage, attachments: list[str]) -> list[tuple[str, str]]:
    """The lines above the message: sender, recipients, date and the names of the attachments."""
    senders = [_person(message.text(name), message.text(*addresses)) for name, *addresses in _SENDERS]
    people: dict[str, list[str]] = {}
    for recipient in message.inner("__recip_version1.0"):
        label = _RECIPIENT_TYPES.get(recipient.number(_RECIPIENT_TYPE) & 0xF, "To")
        person = _person(recipient.text(_NAME), recipient.text(_SMTP_ADDRESS, _ADDRESS))
        people.setdefault(label, []).append(person)
    lines = [("From", next(filter(None, senders), ""))]
    for label, displayed in _DISPLAYED.items():
        named = ", ".join(filter(None, people.get(label, []))) or message.text(displayed).replace(";", ",")
        lines.append((label, named))
    sent = _time(message.number(_SUBMITTED) or message.number(_DELIVERED))
    lines.append(("Date", format_datetime(sent) if sent else ""))
    lines.append(("Attachments", ", ".join(attachments)))
    # Of an appointment.
    times = filter(None, (_time(message.number(_START)), _time(message.number(_END))))
    return [*lines, ("When", " to ".join(moment(time, "UTC") for time in times))]


def _person(name: str, address: str) -> str:
    address = address if "@" in address else ""  # else it is a path within an Exchange server
    name = name.strip("'")
    return f"{name} <{address}>" if name and address and name != address else name or address


def _time(filetime: int) -> datetime | None:
    """Windows' time, which counts from 1601; None for no time."""
    if filetime <= 0:
        return None
    microseconds = filetime // _HUNDRED_NANOSECONDS_OF_A_MICROSECOND
    try:
        return datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    except (OverflowError, ValueError):
        return None


def _body(message: _Storage) -> tuple[str, str]:
    """The text of the richest form of the body, and its HTML page, if it is one."""
    page = _decoded(message.data(_HTML), message.code_page, is_html=True) or message.text(_HTML)
    plain = message.text(_PLAIN)
    rtf = b""
    if not page and (compressed := message.data(_RTF)):
        try:
            rtf = outlook_rtf.decompressed(compressed)
        except ValueError:
            note("A form of the message's text is damaged; it isn't read.")
        if outlook_rtf.is_from_html(rtf):
            page = outlook_rtf.html_of(rtf)
    if page and (text := html_to_markdown(page, titled=False)).strip():
        return text, page
    if rtf and not outlook_rtf.is_from_text(rtf):
        try:
            if (text := read_rtf(rtf)).strip():
                return text, ""
        except Fault:
            pass
    return plain, ""


def _file_name(attachment: _Storage, number: int) -> str:
    name = " ".join(attachment.text(*_FILE_NAMES).split()) or f"attachment {number}"
    return name if PurePath(name).suffix else name + (mimetypes.guess_extension(attachment.text(_MIME_TYPE)) or "")


def _decoded(data: bytes, code_page: str, is_html: bool = False) -> str:
    if is_html:
        code_page = (
            EncodingDetector.find_declared_encoding(data[:4096], is_html=True, search_entire_document=True) or code_page
        )
    try:
        return decode(data, code_page) if data else ""
    except Fault:
        return data.decode("cp1252", "replace")


def _encoding(code_page: int) -> str:
    """Python's name of one of Windows' code pages."""
    others = {65001: "utf-8", 1200: "utf-16-le", 20127: "ascii", 20866: "koi8-r", 51932: "euc-jp", 51949: "cp949"}
    others |= {50220: "iso-2022-jp", 50225: "iso-2022-kr", 54936: "gb18030", 936: "gb18030"}
    if 28591 <= code_page <= 28606:
        return f"iso-8859-{code_page - 28590}"
    return others.get(code_page, f"cp{code_page}")
