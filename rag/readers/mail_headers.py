"""The header lines of a mail as they are shown: encoded words decoded, addresses with their names."""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from collections.abc import Iterator
from email.message import Message
from email.utils import getaddresses

from rag.readers.decoding import decode
from rag.readers.faults import Fault

# =?charset*language?encoding?text?=
_ENCODED_WORD = re.compile(r"=\?([\w.:+-]{1,60})(?:\*[\w-]{1,60})?\?([bBqQ])\?([^?\r\n]*)\?=")
_FOLD = re.compile(r"[\r\n]+[ \t]*")
# Longer header lines are cut.
_MOST_CHARACTERS = 100_000


def header(message: Message, name: str) -> str:
    """The text of the header lines of this name, in one line; empty if there are none."""
    return ", ".join(filter(None, (" ".join(_decoded(value).split()) for value in _raw(message, name))))


def addresses(message: Message, name: str) -> str:
    """The names and addresses in the header lines of this name: "Ute Maier <ute@example.org>, …"."""
    shown = []
    for value in _raw(message, name):
        try:
            pairs = getaddresses([_decoded_bytes(value)])
        except RecursionError:  # comments within comments
            pairs = []
        people = [_person(_words_decoded(person), address) for person, address in pairs if address]
        shown += people or [" ".join(_decoded(value).split()).rstrip(":;")]  # of "undisclosed-recipients:;"
    return ", ".join(filter(None, shown))


def file_name_of(part: Message) -> str:
    """The name of an attached file; empty if it has none."""
    for parameter, line in (("filename", "content-disposition"), ("name", "content-type")):
        value = part.get_param(parameter, None, line)
        if isinstance(value, tuple):  # RFC 2231: charset, language, and the bytes as Latin-1
            text = _text(value[2].encode("latin-1", "replace"), value[0] or "")
        else:
            text = _decoded(value or "")
        if text := " ".join(text.split()):
            return text
    return ""


def _raw(message: Message, name: str) -> Iterator[str]:
    for key, value in message.raw_items():
        if key.lower() == name.lower():
            yield _FOLD.sub(" ", str(value)[:_MOST_CHARACTERS])


def _person(name: str, address: str) -> str:
    return f"{name} <{address}>" if name and name != address else address


def _decoded(value: str) -> str:
    return _words_decoded(_decoded_bytes(value))


def _decoded_bytes(value: str) -> str:
    """The header with its bytes beyond ASCII decoded, which Python's parser keeps as surrogates."""
    if value.isascii():
        return value
    return _text(value.encode("utf-8", "surrogateescape"), "")


def _words_decoded(value: str) -> str:
    """The text with its encoded words decoded. A character may be divided between two encoded words."""
    parts: list[str] = []
    charset, pending, place = "", b"", 0
    for word in _ENCODED_WORD.finditer(value):
        between = value[place : word.start()]
        place = word.end()
        data = _word_bytes(word[2], word[3])
        if pending and not between.strip() and word[1].lower() == charset:
            pending += data
            continue
        parts += [_text(pending, charset), "" if pending and not between.strip() else between]
        charset, pending = word[1].lower(), data
    return "".join([*parts, _text(pending, charset), value[place:]])


def _word_bytes(encoding: str, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if encoding in "qQ":
        return quopri.decodestring(data, header=True)
    try:
        return base64.b64decode(data.rstrip(b"=") + b"==")
    except (binascii.Error, ValueError):
        return data


def _text(data: bytes, charset: str) -> str:
    try:
        return decode(data, charset) if data else ""
    except Fault:
        return data.decode("latin-1")
