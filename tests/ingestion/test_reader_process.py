"""Documents read in a process of their own, and the end of that process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from reportlab.pdfgen.canvas import Canvas

from rag.embeddings.embedder import Embedder
from rag.errors import ReadError
from rag.ingestion import reader_process
from rag.ingestion.messages import Chunked, Progress, ReadChunk, TextRead
from rag.ingestion.reader_process import ReaderProcess
from rag.readers.read import read
from rag.storage.files import FileStore, document_id
from rag.text.chunking import chunk_pages, in_context
from rag.text.terms import lexical_text
from rag.text.written import as_words

pytestmark = pytest.mark.slow

pytest_plugins = ["tests.bundled_model"]

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
FERRY = "The ferry to the island leaves at noon. 표는 아홉 유로입니다. " * 3
# So long that its reader is at work while the test does something else: the pipe takes a small part of its chunks.
LONG = "".join(f"Sentence number {i} says something of its own about topic {i}.\n" for i in range(12_000))

posix = pytest.mark.skipif(os.name != "posix", reason="by signals and named pipes")


def pdf(pages: int) -> bytes:
    content = BytesIO()
    canvas = Canvas(content)
    for page in range(pages):
        for line in range(40):
            canvas.drawString(50, 800 - 18 * line, f"Line {line} of page {page} tells of the harbour and its boats.")
        canvas.showPage()
    canvas.save()
    return content.getvalue()


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "files")


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[Process]:
    """All that are started, oldest first."""
    started: list[Process] = []
    create = asyncio.create_subprocess_exec

    async def recording(*arguments: Any, **options: Any) -> Process:
        started.append(await create(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", recording)
    return started


class Reading:
    """Reads documents of `files` by one ReaderProcess."""

    def __init__(self, files: FileStore, embedder: Embedder) -> None:
        self.files = files
        self.embedder = embedder
        self.reader = ReaderProcess()

    def messages(self, name: str, data: bytes) -> Any:
        doc_id = document_id(data)
        self.files.write(doc_id, data)
        return self.reader.read(self.files.folder, doc_id, name, len(data), self.embedder)

    async def chunks(self, name: str, data: bytes) -> list[ReadChunk]:
        """All of a document's."""
        chunks: list[ReadChunk] = []
        async for message in self.messages(name, data):
            if isinstance(message, Chunked):
                chunks += message.chunks
        return chunks

    async def reads(self, name: str = "next.txt") -> bool:
        """Whether a document comes out whole."""
        return [chunk.chunk.text for chunk in await self.chunks(name, FERRY.encode())] == [FERRY.strip()]


def run(files: FileStore, embedder: Embedder, scenario: Callable[[Reading], Awaitable[None]]) -> None:
    async def with_reader() -> None:
        reading = Reading(files, embedder)
        try:
            async with asyncio.timeout(PATIENCE):
                await scenario(reading)
        finally:
            await reading.reader.close()

    asyncio.run(with_reader())


# --- documents


def test_chunks_are_those_that_reading_here_gives(
    files: FileStore, embedder: Embedder, processes: list[Process]
) -> None:
    documents = {
        "ferry.txt": FERRY.encode(),
        "올해의 보고서.txt": "한 줄\u2028 다음 줄 \ufffd 🙂".encode(),
        "notes.md": ("# Boats\n\nThey leave.\n\n| Name | Price |\n|---|---|\n| Ferry | 9 € |\n\n" * 30).encode(),
        "harbour report.pdf": pdf(12),
        "table.csv": b"name,price\nferry,9\nboat,12\n",
    }

    async def scenario(reading: Reading) -> None:
        for name, data in documents.items():
            pages = read(name, data)
            expected = list(chunk_pages(pages, name, embedder.count_tokens, embedder.max_tokens))
            messages = [message async for message in reading.messages(name, data)]
            chunked = [message for message in messages if isinstance(message, Chunked)]
            chunks = [chunk for message in chunked for chunk in message.chunks]
            assert [chunk.chunk for chunk in chunks] == expected
            assert expected
            for chunk, read_chunk in zip(expected, chunks, strict=True):
                assert read_chunk.embedded_text == in_context(chunk, name)
                assert read_chunk.embedded_text.endswith(as_words(chunk.text))
                assert read_chunk.lexical_text == lexical_text(read_chunk.embedded_text)
            # Once, before the chunks, so that the text that they are chunks of is kept when they are searchable.
            assert [m for m in messages if not isinstance(m, Progress)] == [TextRead(pages[-1].number or 1), *chunked]
            shares = [message.share for message in chunked]
            assert shares == sorted(shares)
            assert 0.9 < shares[-1] <= 1
            doc_id = document_id(data)
            files.keep_pages(doc_id)
            assert files.read_pages(doc_id, "unreadable.exe", read) == pages

    run(files, embedder, scenario)
    assert len(processes) == 1


def test_pages_are_counted_while_they_are_read(files: FileStore, embedder: Embedder) -> None:
    async def scenario(reading: Reading) -> None:
        messages = [message async for message in reading.messages("a.pdf", pdf(30))]
        progress = [message for message in messages if isinstance(message, Progress)]
        assert progress
        assert all(message.total == 30 and 1 <= message.done <= 30 for message in progress)

    run(files, embedder, scenario)


def test_what_is_wrong_with_a_file_comes_through_in_the_same_words(
    files: FileStore, embedder: Embedder, processes: list[Process]
) -> None:
    documents = {"empty.txt": b"", "broken.pdf": b"%PDF-1.4 and nothing else", "tool.exe": b"MZ\x90\0", "a.docx": b"PK"}

    async def scenario(reading: Reading) -> None:
        for name, data in documents.items():
            with pytest.raises(ReadError) as here:
                read(name, data)
            with pytest.raises(ReadError) as by_reader:
                await reading.chunks(name, data)
            assert str(by_reader.value) == str(here.value)
            assert await reading.reads()

    run(files, embedder, scenario)
    assert len(processes) == 1


# --- failures


@posix
def test_reader_that_hangs_is_stopped_and_the_next_document_is_read(
    files: FileStore, embedder: Embedder, processes: list[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(reading: Reading) -> None:
        assert await reading.reads("first.txt")
        # Opening a pipe waits until another process writes to it.
        doc_id = "a" * 64
        path = files.folder / "aa" / doc_id
        path.parent.mkdir(exist_ok=True)
        os.mkfifo(path)
        with monkeypatch.context() as patch, pytest.raises(ReadError, match=r"stuck\.txt takes too long"):
            patch.setattr(reader_process, "SILENT_SECONDS", 0.5)
            async for _ in reading.reader.read(files.folder, doc_id, "stuck.txt", 1, embedder):
                pass
        assert processes[0].returncode == -signal.SIGKILL
        assert await reading.reads()

    run(files, embedder, scenario)
    assert len(processes) == 2


@posix
def test_reader_that_does_not_even_listen_is_stopped(
    files: FileStore, embedder: Embedder, processes: list[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(reading: Reading) -> None:
        await reading.reader.start()
        processes[0].send_signal(signal.SIGSTOP)
        with monkeypatch.context() as patch, pytest.raises(ReadError, match=r"deaf\.txt takes too long"):
            patch.setattr(reader_process, "SILENT_SECONDS", 0.5)
            await reading.chunks("deaf.txt", FERRY.encode())
        assert processes[0].returncode == -signal.SIGKILL
        assert await reading.reads()

    run(files, embedder, scenario)
    assert len(processes) == 2


def test_reader_that_crashes_is_said_and_the_next_document_is_read(
    files: FileStore, embedder: Embedder, processes: list[Process]
) -> None:
    async def scenario(reading: Reading) -> None:
        chunks = 0
        with pytest.raises(ReadError, match=r"long\.txt can't be read"):
            async for message in reading.messages("long.txt", LONG.encode()):
                if isinstance(message, Chunked):
                    chunks += 1
                    if chunks == 1:
                        processes[0].kill()
        assert chunks
        assert await reading.reads()

    run(files, embedder, scenario)
    assert len(processes) == 2


def test_reader_that_crashed_between_two_documents_is_replaced(
    files: FileStore, embedder: Embedder, processes: list[Process]
) -> None:
    async def scenario(reading: Reading) -> None:
        assert await reading.reads()
        processes[0].kill()
        await processes[0].wait()
        assert await reading.reads()

    run(files, embedder, scenario)
    assert len(processes) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits what a process may take")
def test_document_that_takes_too_much_memory_is_said_and_the_next_one_is_read(
    files: FileStore, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(reading: Reading) -> None:
        with monkeypatch.context() as patch, pytest.raises(ReadError, match=r"^huge\.txt (is too large|can't be read)"):
            patch.setattr(reader_process, "MEMORY", 10_000_000)
            patch.setattr(reader_process, "MEMORY_PER_BYTE", 0)
            await reading.chunks("huge.txt", LONG.encode())
        assert await reading.reads()

    run(files, embedder, scenario)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits what a process may take")
def test_documents_are_read_where_the_machine_limits_memory_already(
    files: FileStore, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    create = asyncio.create_subprocess_exec

    async def limited(*arguments: Any, **options: Any) -> Process:
        process = await create(*arguments, **options)
        resource.prlimit(process.pid, resource.RLIMIT_DATA, (900_000_000, 900_000_000))
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", limited)

    async def scenario(reading: Reading) -> None:
        assert await reading.reads()
        assert await reading.reads()

    run(files, embedder, scenario)
    assert resource.getrlimit(resource.RLIMIT_DATA) == (soft, hard)


@pytest.mark.parametrize("way", ["closed", "left", "cancelled"])
def test_whoever_stops_listening_stops_the_reader(
    files: FileStore, embedder: Embedder, processes: list[Process], way: str
) -> None:
    async def first_chunks(messages: Any) -> None:
        async for message in messages:
            if isinstance(message, Chunked):
                return

    async def listen_for_ever(messages: Any, heard: asyncio.Event) -> None:
        async with aclosing(messages):
            async for _ in messages:
                heard.set()
                await asyncio.Event().wait()

    async def scenario(reading: Reading) -> None:
        messages = reading.messages("long.txt", LONG.encode())
        if way == "closed":
            await first_chunks(messages)
            await messages.aclose()
        elif way == "left":
            with pytest.raises(KeyError):
                async with aclosing(messages):
                    await first_chunks(messages)
                    raise KeyError
        else:
            heard = asyncio.Event()
            listening = asyncio.create_task(listen_for_ever(messages, heard))
            await heard.wait()
            listening.cancel()
            await asyncio.wait([listening])
        assert processes[0].returncode is not None
        assert await reading.reads()

    run(files, embedder, scenario)
    assert len(processes) == 2


def test_closing_again_or_before_the_first_document_is_harmless(files: FileStore, embedder: Embedder) -> None:
    async def scenario(reading: Reading) -> None:
        await reading.reader.close()
        await asyncio.gather(reading.reader.start(), reading.reader.start())
        await reading.reader.close()
        await reading.reader.close()
        assert await reading.reads()

    run(files, embedder, scenario)


# --- the app as a process

APP = """
import asyncio, sys
from pathlib import Path
from types import SimpleNamespace
from tokenizers import Tokenizer
from rag.storage.files import FileStore, document_id
from rag.embeddings.hub import bundled_folder
from rag.ingestion.messages import Chunked
from rag.ingestion.reader_process import ReaderProcess
folder = Path(sys.argv[1])
files = FileStore(folder)
tokenizer = Tokenizer.from_file(str(bundled_folder() / "tokenizer.json")).to_str()
embedder = SimpleNamespace(fingerprint="bundled", tokenizer=tokenizer, max_tokens=256)
text = "".join(f"Sentence number {i} says something of its own about topic {i}.\\n" for i in range(12_000)).encode()
def read(reader, name, data):
    doc_id = document_id(data)
    files.write(doc_id, data)
    return reader.read(folder, doc_id, name, len(data), embedder)
"""
APP_THAT_ENDS = (
    APP
    + """
async def main():
    reader = ReaderProcess()
    for name, data in {"good.txt": b"The ferry leaves at noon.", "broken.pdf": b"%PDF-1.4", "long.txt": text}.items():
        try:
            async for message in read(reader, name, data):
                if name == "long.txt" and isinstance(message, Chunked):
                    reader._process.kill()
        except Exception as error:
            print(type(error).__name__)
    async for _ in read(reader, "long.txt", text):  # and ends in the middle of it
        break
import logging
logging.disable()
asyncio.run(main())
"""
)
APP_THAT_IS_KILLED = (
    APP
    + """
async def main():
    idle, busy = ReaderProcess(), ReaderProcess()
    await idle.start()
    async for message in read(busy, "long.txt", text):
        if isinstance(message, Chunked):
            print(idle._process.pid, busy._process.pid, flush=True)
            await asyncio.Event().wait()
asyncio.run(main())
"""
)


def test_readers_and_what_goes_wrong_with_them_say_nothing_on_the_terminal(tmp_path: Path) -> None:
    app = subprocess.run(
        [sys.executable, "-c", APP_THAT_ENDS, str(tmp_path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (app.returncode, app.stderr) == (0, "")
    assert app.stdout.split() == ["ReadError", "ReadError"]


@posix
def test_readers_end_with_the_app_even_where_that_is_killed(tmp_path: Path) -> None:
    app = subprocess.Popen(
        [sys.executable, "-c", APP_THAT_IS_KILLED, str(tmp_path)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert app.stdout is not None
    try:
        readers = [int(number) for number in app.stdout.readline().split()]
        assert [is_running(reader) for reader in readers] == [True, True]
    finally:
        app.kill()
        app.communicate()
    deadline = time.monotonic() + PATIENCE
    while any(is_running(reader) for reader in readers):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    """Whether a process is there and doesn't only wait to be buried by its parent."""
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return bool(listed.stdout.strip()) and not listed.stdout.strip().startswith("Z")
