"""Reading, in a separate process: a document's bytes → its pages → its chunks, with the texts to embed and index.

On damaged or hostile files parsers take long, crash, or eat memory. Here they can be killed, and they don't hold up the
app's interpreter. `reader_process` is the app's side, `messages` has the messages between the two.
"""

from __future__ import annotations

import base64
import itertools
import os
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rag.embeddings.embedder import count_tokens
from rag.errors import RagError, ReadError
from rag.ingestion.messages import (
    Attached,
    Chunked,
    Failed,
    Finished,
    FromReader,
    Picture,
    PictureText,
    Progress,
    Read,
    ReadChunk,
    Recognising,
    TextRead,
    UseTokenizer,
    encode,
    next_request,
)
from rag.readers.attachments import collecting as collecting_attachments
from rag.readers.attachments import is_too_deep
from rag.readers.faults import Fault, Kind
from rag.readers.formats import import_readers
from rag.readers.notices import collecting as collecting_notices
from rag.readers.notices import note
from rag.readers.read import read_segments
from rag.readers.recognition import AskModel, has_models, recognising
from rag.runtime.cpu import lower_priority
from rag.runtime.logs import describe
from rag.schema import Chunk
from rag.storage.files import FileStore
from rag.text.chunking import chunk_pages, in_context
from rag.text.terms import lexical_text

# Chunks in a message. Few, so that the embedder has work early.
TOGETHER = 64
PROGRESS_SECONDS = 0.1
# Bytes that a process may hold after a document. It can't use them for the next document.
HELD = 250_000_000
# Bytes that recognition adds to both once its models are loaded, most of them reserved and not used.
RECOGNITION_MEMORY = 1_300_000_000

Send = Callable[[FromReader], None]


def main() -> None:
    """Serve the requests on stdin until it is closed.

    The replies for a document are Progress …, TextRead, Attached …, Chunked …, Finished; or Failed at any point.
    """
    lower_priority()
    threading.Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    import_readers()  # before the first document needs them
    # A parser's output, from Python or C, must not get between the messages.
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def send(reply: FromReader) -> None:
        replies.write(encode(reply))
        replies.flush()

    def ask(png: bytes) -> str:
        send(Picture(base64.b64encode(png).decode("ascii")))
        reply = next_request(requests)
        return reply.text if isinstance(reply, PictureText) else ""

    tokenizer: Any = None
    while (request := next_request(requests)) is not None:
        if isinstance(request, UseTokenizer):
            from tokenizers import Tokenizer

            tokenizer = Tokenizer.from_str(request.tokenizer)
        elif isinstance(request, Read):
            send(_serve(request, tokenizer, send, ask))


def _end_with(parent: int) -> None:
    """End this process when the app is gone, also in the middle of a document."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _serve(request: Read, tokenizer: Any, send: Send, ask: AskModel) -> Finished | Failed:
    """Read a document. Returns the last reply."""
    try:
        _read(request, tokenizer, send, ask)
        return Finished(_worn_out())
    except MemoryError:
        sentence = Fault(Kind.TOO_LARGE, "it doesn't fit into memory").sentence(request.file_name)
        return Failed(ReadError.__name__, sentence, [], worn_out=True)
    except RagError as error:
        base = ReadError if isinstance(error, ReadError) else RagError
        return Failed(base.__name__, str(error), [], _worn_out())
    except Exception as error:
        return Failed(type(error).__name__, "", describe(error), worn_out=True)


def _read(request: Read, tokenizer: Any, send: Send, ask: AskModel) -> None:
    _limit_memory(request.memory)
    files = FileStore(Path(request.folder))
    reported_at = 0.0

    def report(done: int, total: int) -> None:
        nonlocal reported_at
        if time.monotonic() - reported_at > PROGRESS_SECONDS:
            reported_at = time.monotonic()
            send(Progress(done, total))

    def begin() -> None:
        # Only from here on: other documents have no use for it.
        _limit_memory(request.memory + RECOGNITION_MEMORY)
        send(Recognising())

    file_name = request.file_name
    data = files.read(request.doc_id)
    with (
        collecting_notices() as notices,
        collecting_attachments(len(data)) as attachments,
        recognising(request.ocr, len(data), begin, lambda: send(Recognising(ended=True)), ask) as recogniser,
    ):
        pages = read_segments(file_name, data, report)
        if attachments and is_too_deep(file_name):
            note("Its attachments weren't added, since it is an attachment within attachments; add them by themselves.")
            attachments.clear()
    files.write_temporary_pages(request.doc_id, pages, recogniser.placed_words())
    send(TextRead(max((page.number or 1 for page in pages), default=0), " ".join(notices)))
    for number, attachment in enumerate(attachments):
        files.write_attachment(request.doc_id, number, attachment.data)
        send(Attached(number, attachment.name))
    del data, attachments
    begins: dict[int | None, int] = {}
    length = 0
    for page in pages:
        begins.setdefault(page.number, length)
        length += len(page.text)
    chunks = chunk_pages(pages, file_name, partial(count_tokens, tokenizer), request.max_tokens)
    while part := list(itertools.islice(chunks, TOGETHER)):
        share = (begins[part[-1].page] + part[-1].end) / length
        send(Chunked(share, [_with_texts(chunk, file_name) for chunk in part]))


def _with_texts(chunk: Chunk, file_name: str) -> ReadChunk:
    text = in_context(chunk, file_name)
    return ReadChunk(chunk, text, lexical_text(text))


def _limit_memory(size: int) -> None:
    """Limit this process to `size` bytes of memory, on Linux only."""
    if sys.platform == "linux":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        if most == resource.RLIM_INFINITY or size < most:
            resource.setrlimit(resource.RLIMIT_DATA, (size, most))


def _worn_out() -> bool:
    """Whether this process holds so much memory that it should be replaced."""
    if sys.platform != "linux":
        return False
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[5])
    return pages * os.sysconf("SC_PAGE_SIZE") > HELD + (RECOGNITION_MEMORY if has_models() else 0)
