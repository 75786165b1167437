"""What blocks the event loop, and that ingesting and searching don't."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import rag
from rag import DocumentIndex, Settings
from rag.embeddings.embedder import Embedder
from rag.runtime.event_loop import EventLoopThread
from tests.runtime.loop_watch import LoopWatch

pytestmark = pytest.mark.slow

pytest_plugins = ["tests.bundled_model"]

PACKAGE = str(Path(rag.__file__).resolve().parent)
LIMIT = 0.25  # a slow machine takes its time even for what is quick
TEXT = "".join(
    f"Berth {i} of the harbour is let for {100 + i} euros a month. Whoever stays longer pays {90 + i} euros.\n\n"
    for i in range(400)
)


@pytest.fixture
def watches(monkeypatch: pytest.MonkeyPatch) -> list[LoopWatch]:
    """The watches of all loops that are made from now on. The loops are in debug mode."""
    watches: list[LoopWatch] = []
    make, close = EventLoopThread.__init__, EventLoopThread.close

    def make_watched(self: EventLoopThread, name: str = "rag-loop") -> None:
        make(self, name)
        assert self.loop.get_debug()
        watches.append(LoopWatch(self.loop, self._thread.ident or 0, LIMIT))

    def close_watched(self: EventLoopThread) -> None:
        close(self)
        for watch in watches:
            watch.close()

    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    monkeypatch.setattr(EventLoopThread, "__init__", make_watched)
    monkeypatch.setattr(EventLoopThread, "close", close_watched)
    return watches


@pytest.fixture
def loop(watches: list[LoopWatch]) -> Iterator[EventLoopThread]:
    thread = EventLoopThread()
    yield thread
    thread.close()


async def block_the_loop() -> None:
    time.sleep(3 * LIMIT)


def test_block_is_told_with_its_place(loop: EventLoopThread, watches: list[LoopWatch]) -> None:
    loop.run(block_the_loop())
    loop.close()
    (watch,) = watches
    (block,) = [block for block in watch.blocks if "block_the_loop" in block.place]
    assert block.seconds >= 1.5 * LIMIT
    assert f"{Path(__file__).name}:" in block.place


def test_waiting_blocks_nothing(loop: EventLoopThread, watches: list[LoopWatch]) -> None:
    async def wait() -> None:
        await asyncio.sleep(3 * LIMIT)
        await asyncio.to_thread(time.sleep, 3 * LIMIT)

    loop.run(wait())
    loop.close()
    assert [block for block in watches[0].blocks if "wait" in block.place.rpartition(" > ")[2]] == []


def test_watch_ends_with_its_loop() -> None:
    loop = asyncio.new_event_loop()
    watch = LoopWatch(loop, 0, 0.01)
    loop.close()
    watch._thread.join(timeout=10)
    assert not watch._thread.is_alive()
    watch.close()


def test_ingesting_and_searching_do_not_block_the_loop(
    settings: Settings, watches: list[LoopWatch], embedder: Embedder
) -> None:
    """`embedder` has the libraries imported, which no thread can do without blocking the others."""
    with DocumentIndex(settings) as index:
        (result,) = index.ingest([("harbour.txt", TEXT.encode())])
        assert (result.status, result.error) == ("ready", None)
        assert result.chunks > 30
        assert index.search("What does berth 200 cost?")
    (watch,) = watches
    assert [block for block in watch.blocks if PACKAGE in block.place] == []
