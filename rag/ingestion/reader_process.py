"""Reading, the app's side: a process reads the documents, and is killed when it takes too long or is no longer needed.
`reader_worker` is the code of this process, `messages` has the messages between the app and it.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

from rag.embeddings.embedder import Embedder
from rag.errors import RagError, ReadError
from rag.ingestion.messages import (
    Attached,
    Chunked,
    Failed,
    Finished,
    Picture,
    PictureText,
    Progress,
    Read,
    Recognising,
    TextRead,
    UseTokenizer,
    encode,
    next_reply,
)
from rag.readers.faults import Fault, Kind
from rag.runtime.logs import ID_CHARACTERS
from rag.settings import Ocr

# Reads the text on a picture, a PNG. Raises RagError, which the document fails with.
ReadPicture = Callable[[bytes], Awaitable[str]]

logger = logging.getLogger(__name__)

# A reader is killed if it takes longer than this to read the pages of a small file, even if it reports progress, or if
# it is silent for longer afterwards. Large files get more time: long HTML and Word texts take up to 14 seconds per
# megabyte on an idle machine.
SILENT_SECONDS = 25.0
SECONDS_PER_MEGABYTE = 20.0
# Seconds for each attempt to recognise a picture; reading the other pages has its own time.
RECOGNITION_SECONDS = 120.0
# Bytes of memory that a reader may take, with its code below a gigabyte; and the bytes added for each byte of the file.
MEMORY = 900_000_000
MEMORY_PER_BYTE = 6
_START = "import sys; sys.path.insert(0, sys.argv[1]); from rag.ingestion.reader_worker import main; main()"


class ReaderProcess:
    """A process that reads one document after the other. It is started when needed. Use on the event loop only."""

    def __init__(self, ocr: Ocr = "auto", read_picture: ReadPicture | None = None) -> None:
        self._ocr: Ocr = ocr
        self._read_picture = read_picture
        self._starting = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._tokenizer: str | None = None

    async def start(self) -> None:
        """Start the process unless it runs; takes half a second."""
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                await self._start()

    async def _start(self) -> None:
        self._tokenizer = None
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            _START,
            str(Path(__file__).resolve().parents[2]),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            # Ctrl-C in the terminal is only for the app, which then kills this process.
            start_new_session=os.name == "posix",
        )

    async def read(
        self, folder: Path, doc_id: str, file_name: str, size: int, embedder: Embedder
    ) -> AsyncGenerator[Progress | Recognising | TextRead | Attached | Chunked, None]:
        """Read the document of `size` bytes in the folder of a FileStore. Yields Progress and Recognising while its
        pages are read, TextRead once, then its attachments and its chunks. Closing this generator early kills the
        process.

        Raises ReadError, also if the process crashes or takes too long or too much memory; RagError.
        """
        await self.start()
        process = self._process
        assert process is not None and process.stdin is not None
        finished = False
        try:
            if self._tokenizer != embedder.fingerprint:
                # In a thread: the tokenizers of multilingual models are large.
                process.stdin.write(await asyncio.to_thread(lambda: encode(UseTokenizer(embedder.tokenizer))))
                self._tokenizer = embedder.fingerprint
            memory = MEMORY + MEMORY_PER_BYTE * size
            # Not drained: a process that doesn't take the message is silent too, and the deadline below notices it.
            process.stdin.write(encode(Read(str(folder), doc_id, file_name, embedder.max_tokens, memory, self._ocr)))
            patience = SILENT_SECONDS + SECONDS_PER_MEGABYTE * size / 1_000_000
            clock = asyncio.get_running_loop().time
            deadline = clock() + patience
            left: float | None = None  # of the patience when a recognition began
            assert process.stdout is not None
            while True:
                try:
                    async with asyncio.timeout_at(deadline):
                        reply = await next_reply(process.stdout)
                except TimeoutError as error:
                    raise ReadError(Fault(Kind.TOO_SLOW).sentence(file_name)) from error
                if isinstance(reply, Finished | Failed):
                    finished = not reply.worn_out
                    if isinstance(reply, Failed):
                        raise _failure(file_name, reply)
                    return
                if left is not None:
                    deadline = clock() + left
                    left = None
                if isinstance(reply, Recognising) and not reply.ended:
                    left = deadline - clock()
                    deadline = clock() + RECOGNITION_SECONDS
                if isinstance(reply, Picture):
                    left = deadline - clock()
                    text = await self._read_picture(base64.b64decode(reply.png)) if self._read_picture else ""
                    process.stdin.write(encode(PictureText(text)))
                    deadline, left = clock() + left, None
                    continue
                yield reply
                if not isinstance(reply, Progress | Recognising):
                    deadline = clock() + patience
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            logger.warning("a reader ended with %s", await process.wait(), extra={"doc": doc_id[:ID_CHARACTERS]})
            raise ReadError(Fault(Kind.CRASHED).sentence(file_name)) from error
        finally:
            if not finished:
                await self.close()

    async def close(self) -> None:
        """Kill the process, also in the middle of a document."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()


def _failure(file_name: str, failed: Failed) -> RagError:
    if failed.error == ReadError.__name__:
        return ReadError(failed.sentence)
    if failed.sentence:
        return RagError(failed.sentence)
    logger.error("reading failed", extra={"exceptions": failed.exceptions})
    return RagError(f"{file_name} can't be ingested ({failed.error}); details are in the log.")
