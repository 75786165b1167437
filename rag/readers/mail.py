"""Mails (EML) and saved web pages (MHTML) → light Markdown, as a mail program shows them.

The header lines come first, then the richest form of the body; a mail in the mail is read along. Attached files are
given to `attach`, to become documents of their own.

Python's newer policies parse the headers of a mail whole, which takes long for some and raises errors for others. So
mails are parsed by the old policy, and `mail_headers` decodes what is shown.
"""

from __future__ import annotations

import binascii
import email
import mimetypes
import re
from dataclasses import dataclass, field
from email.message import Message

from bs4.dammit import EncodingDetector

from rag.readers.appointments import appointment_fields
from rag.readers.attachments import attach
from rag.readers.decoding import decode
from rag.readers.faults import Fault, Kind
from rag.readers.html import html_to_markdown
from rag.readers.mail_headers import addresses, file_name_of, header
from rag.readers.notices import note
from rag.readers.smime import signed_content
from rag.text.blocks import Block, Field, Heading, Paragraph, page_text

# The lines that a mail program shows above a mail.
SHOWN_ADDRESSES = ("From", "To", "Cc", "Bcc")
# Mails in mails in mails … that are read.
DEEPEST = 10
# Blanks and byte order marks get there by accident. In files of Apple Mail (EMLX) there is the mail's length, and after
# the mail there is a list of properties.
_BEFORE_A_MAIL = re.compile(rb"(?:\xef\xbb\xbf|[ \t\r\n])*(?:(\d{1,12})[ \t]*\r?\n)?")
_CALENDAR = "text/calendar"
_SMIME = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
# Parts beside the body that a mail program doesn't show.
_UNSHOWN = frozenset(
    {
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "application/pgp-signature",
        "application/pgp-keys",
        "message/delivery-status",
        "message/disposition-notification",
        "text/rfc822-headers",
        "text/css",
    }
)
_PGP_MESSAGE = "-----BEGIN PGP MESSAGE-----"
# Forms of the same body that few mail programs show.
_RARE_FORMS = frozenset({"text/x-amp-html", "text/x-watch-html", "text/enriched"})
# A Fault's detail and advice.
ENCRYPTED = ("an encrypted mail", "open it in your mail program, save its text and its attachments, and add those")


def read_eml(data: bytes) -> str:
    """A mail as light Markdown. Raises Fault for an encrypted mail, and for bytes that aren't a mail."""
    message = _parsed(data)
    if not message.keys():
        return decode(data)
    reading = _Reading()
    text = page_text(reading.mail(message))
    if reading.has_encrypted and not reading.has_text:
        raise Fault(Kind.UNSUPPORTED, *ENCRYPTED)
    if reading.has_encrypted:
        note("A part of the mail is encrypted; it isn't read.")
    return text


def read_mhtml(data: bytes) -> str:
    """The web page that a browser saved as one file, as light Markdown. Raises Fault if there is no page in it."""
    for part in _parsed(data).walk():
        if part.get_content_type() in {"text/html", "application/xhtml+xml"}:
            return html_to_markdown(_html(part))
    raise Fault(Kind.DAMAGED, "a web page saved as MHTML")


def read_entity(data: bytes, level: int) -> tuple[list[Block], list[str]]:
    """The blocks of a mail's body that stands alone, in a mail of `level`, and the names of its attachments, which are
    attached. No blocks if there is no text in it."""
    reading = _Reading(level)
    blocks, files = reading.contents(_parsed(data))
    return (blocks if reading.has_text else []), files


def written_mail(subject: str, fields: list[tuple[str, str]], body: list[Block], level: int = 1) -> list[Block]:
    """A mail's blocks: its subject as a heading of `level`, the lines above the mail, and its body."""
    lines = [Field(label, value) for label, value in fields if value.strip()]
    return [*([Heading(subject, level)] if subject else []), *lines, *body]


def _parsed(data: bytes) -> Message:
    before = _BEFORE_A_MAIL.match(data)
    if before and before.end():
        data = data[before.end() :][: int(before[1]) if before[1] else None]
    return email.message_from_bytes(data)


@dataclass(slots=True)
class _Beside:
    """What is beside the text of a mail, while the mail is read."""

    files: list[str] = field(default_factory=list)  # the names of attached files
    pictures: list[Message] = field(default_factory=list)  # until it is known which of them are in the text
    appointments: list[Block] = field(default_factory=list)
    html: str = ""


class _Reading:
    """Reads one mail with the mails in it."""

    def __init__(self, level: int = 0) -> None:
        self.has_text = False
        self.has_encrypted = False
        self._depth = level
        self._beside = _Beside()  # of the innermost mail

    def mail(self, message: Message) -> list[Block]:
        """The blocks of a mail. Its attachments are attached."""
        self._depth += 1
        body, files = self.contents(message)
        fields = [(name, addresses(message, name)) for name in SHOWN_ADDRESSES]
        fields += [("Date", header(message, "Date")), ("Attachments", ", ".join(files))]
        blocks = written_mail(header(message, "Subject"), fields, body, self._depth)
        self._depth -= 1
        return blocks

    def contents(self, message: Message) -> tuple[list[Block], list[str]]:
        """The blocks of a mail's body, and the names of its attachments, which are attached."""
        outer, self._beside = self._beside, _Beside()
        body = self._part(message, is_body=True)
        page = self._beside.html.lower()
        for picture in self._beside.pictures:
            # A picture within the text is part of it, as a logo is.
            content_id = _content_id(picture)
            if not content_id or f"cid:{content_id}" not in page:
                self._attach(picture)
        blocks = [*dict.fromkeys(self._beside.appointments), *body]
        files, self._beside = self._beside.files, outer
        return blocks, files

    def _part(self, part: Message, *, is_body: bool = False, is_related: bool = False) -> list[Block]:
        """The blocks of a part of a mail, and of the parts in it. `is_body`: text with a file name isn't attached."""
        kind = part.get_content_type()
        match kind:
            case "multipart/alternative":
                return self._alternative(part)
            case "multipart/related":
                return self._related(part)
            case "message/rfc822" | "message/global":
                return self._inner_mail(part)
        if kind in _SMIME or kind == "multipart/encrypted":
            return self._sealed(part)
        if kind in _UNSHOWN:
            return []
        if part.is_multipart():
            return [block for each in _parts(part) for block in self._part(each)]
        is_attached = part.get_content_disposition() == "attachment" or (bool(file_name_of(part)) and not is_body)
        if kind.startswith("text/") and not is_attached:
            return self._text(part)
        if kind.startswith("image/"):
            if _content_id(part) or not is_related:
                self._beside.pictures.append(part)
        else:
            self._attach(part)
        return []

    def _sealed(self, part: Message) -> list[Block]:
        """The blocks of the mail in a part that is only signed; of an encrypted part none."""
        if signed := signed_content(_bytes(part)):
            return self._part(_parsed(signed), is_body=True)
        self.has_encrypted |= _parameter(part, "smime-type") != "certs-only"
        return []

    def _alternative(self, part: Message) -> list[Block]:
        """The last form that has text: a mail program shows the last form that it understands. An appointment is shown
        beside the text."""
        blocks: list[Block] = []
        for alternative in reversed(_parts(part)):
            kind = alternative.get_content_type()
            if kind == _CALENDAR or (not blocks and kind not in _RARE_FORMS):
                blocks = self._part(alternative, is_body=True) or blocks
        return blocks

    def _related(self, part: Message) -> list[Block]:
        """The page, which is the first part unless another one is named, without the pictures in it."""
        parts = _parts(part)
        start = _parameter(part, "start").strip("<>")
        root = next((each for each in parts if start and _content_id(each) == start), parts[0] if parts else None)
        blocks = [] if root is None else self._part(root, is_body=True)
        for each in parts:
            if each is not root:
                blocks += self._part(each, is_related=True)
        return blocks

    def _inner_mail(self, part: Message) -> list[Block]:
        blocks: list[Block] = []
        for message in _parts(part):
            if self._depth >= DEEPEST:
                note(f"The mail has more than {DEEPEST} mails one in the other; the innermost aren't read.")
            elif not message.keys() and str(part.get("Content-Transfer-Encoding")).strip().lower() == "base64":
                blocks += self.mail(_parsed(binascii.a2b_base64(str(message.get_payload()))))
            else:
                blocks += self.mail(message)
        return blocks

    def _text(self, part: Message) -> list[Block]:
        kind = part.get_content_type()
        if kind == _CALENDAR:
            self._beside.appointments += appointment_fields(_decoded(part))
            self.has_text |= bool(self._beside.appointments)
            return []
        if kind == "text/html":
            page = _html(part)
            self._beside.html += page
            text = html_to_markdown(page, titled=False)
        else:
            text = _decoded(part)
            if _parameter(part, "format") == "flowed":
                text = _unflowed(text, _parameter(part, "delsp") == "yes")
            if text.lstrip().startswith(_PGP_MESSAGE):
                self.has_encrypted = True
                return []
        if not text.strip():
            return []
        self.has_text = True
        return [Paragraph(text)]

    def _attach(self, part: Message) -> None:
        kind = part.get_content_type()
        name = file_name_of(part) or f"attachment {len(self._beside.files) + 1}"
        if "." not in name:
            name += mimetypes.guess_extension(kind) or ""
        self._beside.files.append(name)
        if kind in {_CALENDAR, "application/ics"}:
            self._beside.appointments += appointment_fields(_decoded(part))
        else:
            attach(name, _bytes(part))


def _parts(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [each for each in payload if isinstance(each, Message)] if isinstance(payload, list) else []


def _parameter(part: Message, name: str) -> str:
    """A parameter of the Content-Type in lower case."""
    return str(part.get_param(name, "")).strip().lower()


def _content_id(part: Message) -> str:
    return str(part.get("Content-ID", "")).strip("<> \t\r\n").lower()


def _bytes(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _decoded(part: Message, declared: str = "") -> str:
    data = _bytes(part)
    try:
        charset = _parameter(part, "charset").replace("us-ascii", "") or declared  # bytes beyond ASCII tell otherwise
        return decode(data, charset) if data else ""
    except Fault:
        note("A part of the mail isn't text as it says; it isn't read.")
        return ""


def _html(part: Message) -> str:
    start = _bytes(part)[:4096]
    declared = EncodingDetector.find_declared_encoding(start, is_html=True, search_entire_document=True)
    return _decoded(part, declared or "")


def _unflowed(text: str, joins_words: bool) -> str:
    """A text in the form "flowed" (RFC 3676) with each paragraph on one line. A line that ends with a blank goes on in
    the next line of the same depth of quotation; `joins_words`: without this blank."""
    lines: list[list[str]] = []
    before: str | None = None  # the quotation's signs of the line before, if that one goes on
    for line in text.split("\n"):
        line = line.rstrip("\r")
        quoted = line[: len(line) - len(line.lstrip(">"))]
        content = line[len(quoted) :].removeprefix(" ")
        goes_on = content.endswith(" ") and content != "-- "
        if before == quoted and content != "-- ":
            lines[-1].append(content)
        else:
            lines.append([f"{quoted} {content}" if quoted else content])
        if goes_on and joins_words:
            lines[-1][-1] = lines[-1][-1][:-1]
        before = quoted if goes_on else None
    return "\n".join(map("".join, lines))
