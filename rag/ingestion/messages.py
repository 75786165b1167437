"""Reading, between the two processes: the messages from the app to a reader, and back.

On the wire each message is a JSON object, preceded by its length in 4 bytes, big-endian. Its "message" is the name of
a class below, its other keys are the fields of that class.
"""

from __future__ import annotations

import asyncio
import json
import struct
from dataclasses import dataclass, fields
from typing import Any, BinaryIO

from rag.schema import Chunk
from rag.settings import Ocr

_LENGTH = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class UseTokenizer:
    """To the reader: from now on count tokens by `tokenizer`, the JSON that the package `tokenizers` loads."""

    tokenizer: str


@dataclass(frozen=True, slots=True)
class Read:
    """To the reader: read a document of the FileStore in `folder` into chunks of at most `max_tokens` tokens, taking at
    most `memory` bytes. Pages that are pictures are recognised by `ocr`, the value of the setting."""

    folder: str
    doc_id: str
    file_name: str
    max_tokens: int
    memory: int
    ocr: Ocr = "auto"


@dataclass(frozen=True, slots=True)
class Progress:
    """From the reader: `done` of `total` pages have been read."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Recognising:
    """From the reader: an attempt to recognise the text of a picture begins, which takes seconds; or (`ended`) the last
    attempt at it has ended."""

    ended: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """From the reader: what is the text on this picture, a PNG in Base64? It waits for a PictureText."""

    png: str


@dataclass(frozen=True, slots=True)
class PictureText:
    """To the reader: the text on its picture as light Markdown."""

    text: str


@dataclass(frozen=True, slots=True)
class TextRead:
    """From the reader: all text has been read and written to a temporary file of the FileStore; `pages` is the last
    page's number, `notice` the sentences for the user, or empty."""

    pages: int
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Attached:
    """From the reader: the file `name` is attached to the document. It is attachment `number` in the FileStore."""

    number: int
    name: str


@dataclass(frozen=True, slots=True)
class ReadChunk:
    """A chunk, the text that is embedded for it, and the terms that BM25 sees."""

    chunk: Chunk
    embedded_text: str
    lexical_text: str


@dataclass(frozen=True, slots=True)
class Chunked:
    """From the reader: the next chunks of the document. `share` of its text, from 0 to 1, has been chunked so far."""

    share: float
    chunks: list[ReadChunk]


@dataclass(frozen=True, slots=True)
class Finished:
    """From the reader: all chunks have been sent. A `worn_out` process should be replaced."""

    worn_out: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """From the reader: the document can't be read. `error` is the name of the exception's class. `sentence` is for the
    user, and empty if the exception isn't fit to be shown; `exceptions` are for the log."""

    error: str
    sentence: str
    exceptions: list[dict[str, Any]]
    worn_out: bool


ToReader = UseTokenizer | Read | PictureText
FromReader = Progress | Recognising | Picture | TextRead | Attached | Chunked | Finished | Failed
_CLASSES = {each.__name__: each for each in (*ToReader.__args__, *FromReader.__args__)}
_NAMES = {each: [field.name for field in fields(each)] for each in (*_CLASSES.values(), ReadChunk, Chunk)}


def encode(message: ToReader | FromReader) -> bytes:
    """A message in the form that goes through the pipe."""
    content = json.dumps({"message": type(message).__name__, **_as_object(message)}, default=_as_object).encode("ascii")
    return _LENGTH.pack(len(content)) + content


def _as_object(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in _NAMES[type(value)]}


def _decode(content: bytes) -> Any:
    values: dict[str, Any] = json.loads(content)
    message_class = _CLASSES[values.pop("message")]
    if message_class is Chunked:
        values["chunks"] = [ReadChunk(**{**row, "chunk": Chunk(**row["chunk"])}) for row in values["chunks"]]
    return message_class(**values)


def next_request(stream: BinaryIO) -> ToReader | None:
    """The next message to the reader; None once the app has closed the pipe."""
    length = stream.read(_LENGTH.size)
    if len(length) < _LENGTH.size:
        return None
    request: ToReader = _decode(stream.read(_LENGTH.unpack(length)[0]))
    return request


async def next_reply(stream: asyncio.StreamReader) -> FromReader:
    """The next message from the reader. Raises IncompleteReadError if the process has ended."""
    (length,) = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))
    reply: FromReader = _decode(await stream.readexactly(length))
    return reply
