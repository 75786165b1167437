"""The process in which files are read: a document's bytes → its pages, and its chunks as they're embedded and indexed.

Parsers take long, crash, and eat memory on damaged or hostile files: here they can be stopped, and the interpreter of
those who ask isn't held up meanwhile. The other side is `reader_process`. Each message is a JSON array, preceded by its
length in 4 bytes, big-endian.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import struct
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from rag.embeddings.embedder import count_tokens
from rag.errors import RagError, ReadError
from rag.readers.faults import Fault, Kind
from rag.runtime.cpu import lower_priority
from rag.runtime.logs import describe
from rag.schema import Chunk
from rag.storage.files import FileStore
from rag.text.chunking import chunk_pages, document_title
from rag.text.terms import lexical_text

# Chunks in a message: so few that the embedder has work early.
TOGETHER = 64
PROGRESS_SECONDS = 0.1
LENGTH = struct.Struct(">I")
# What a process may still hold after a document, in bytes: it lacks that for the next one.
HELD = 250_000_000


def main() -> None:
    """Answer the requests on stdin until it is closed: ["tokenizer", JSON], or ["read", folder of the files, doc_id,
    file name, window of the model in tokens, bytes of memory].

    A document is answered with ["progress", done, total] …, ["pages", the last page's number], ["chunks", the share of
    the text that has been chunked, [[chunk's text, page, start, end, context, what is embedded, lexical text], …]] …,
    and ["end", worn out], or with ["failed", kind, sentence, the exceptions as a log has them, worn out].
    """
    lower_priority()
    threading.Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    importlib.import_module(
        "rag.readers.read"
    )  # not above: the other side, which imports this module too, needs no parser
    # What a parser prints, in Python or in C, must not get between the messages.
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    tokenizer: Any = None
    while (request := _receive(requests)) is not None:
        kind, *values = request
        if kind == "tokenizer":
            from tokenizers import Tokenizer

            tokenizer = Tokenizer.from_str(values[0])
            continue
        send = partial(_send, answers)
        try:
            _serve(send, tokenizer, *values)
            send(["end", _worn_out()])
        except MemoryError:
            sentence = Fault(Kind.TOO_LARGE, "it doesn't fit into memory").sentence(values[2])
            send(["failed", "ReadError", sentence, [], True])
        except RagError as error:
            send(["failed", "ReadError" if isinstance(error, ReadError) else "RagError", str(error), [], _worn_out()])
        except Exception as error:
            send(["failed", type(error).__name__, "", describe(error), True])


def _end_with(parent: int) -> None:
    """End when the app is gone, also in the middle of a document."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def packed(message: list[Any]) -> bytes:
    """A message as it goes through the pipe."""
    content = json.dumps(message).encode("ascii")
    return LENGTH.pack(len(content)) + content


def _send(stream: BinaryIO, message: list[Any]) -> None:
    stream.write(packed(message))
    stream.flush()


def _receive(stream: BinaryIO) -> list[Any] | None:
    length = stream.read(LENGTH.size)
    if len(length) < LENGTH.size:
        return None
    message: list[Any] = json.loads(stream.read(LENGTH.unpack(length)[0]))
    return message


def _serve(send: Any, tokenizer: Any, folder: str, doc_id: str, file_name: str, window: int, memory: int) -> None:
    from rag.readers.read import read_parts

    _limit_memory(memory)
    files = FileStore(Path(folder))
    said = 0.0

    def progress(done: int, total: int) -> None:
        nonlocal said
        if time.monotonic() - said > PROGRESS_SECONDS:
            said = time.monotonic()
            send(["progress", done, total])

    pages = read_parts(file_name, files.read(doc_id), progress)
    files.draft_pages(doc_id, pages)
    send(["pages", max((page.number or 1 for page in pages), default=0)])
    begins: dict[int | None, int] = {}
    length = 0
    for page in pages:
        begins.setdefault(page.number, length)
        length += len(page.text)
    chunks = chunk_pages(pages, file_name, partial(count_tokens, tokenizer), window)
    while part := list(itertools.islice(chunks, TOGETHER)):
        share = (begins[part[-1].page] + part[-1].end) / length
        send(["chunks", share, [_row(chunk, file_name) for chunk in part]])


def in_context(chunk: Chunk, file_name: str) -> str:
    """What is embedded and indexed for a chunk: its title and headings, then its text."""
    context = chunk.context or document_title(file_name)
    return f"{context}\n{chunk.text}" if context and not chunk.text.startswith(context) else chunk.text


def _row(chunk: Chunk, file_name: str) -> list[Any]:
    text = in_context(chunk, file_name)
    return [chunk.text, chunk.page, chunk.start, chunk.end, chunk.context, text, lexical_text(text)]


def _limit_memory(size: int) -> None:
    """Let what would take more than `size` bytes fail; Windows knows no such limit."""
    if sys.platform == "linux":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        if most == resource.RLIM_INFINITY or size < most:
            resource.setrlimit(resource.RLIMIT_DATA, (size, most))


def _worn_out() -> bool:
    """Whether the process holds so much memory that it is better replaced."""
    if sys.platform != "linux":
        return False
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[5])
    return pages * os.sysconf("SC_PAGE_SIZE") > HELD
