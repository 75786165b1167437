from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import rag
from rag import DocumentIndex, Settings
from rag.embeddings.embedder import Embedder
from rag.runtime import event_loop
from rag.runtime.event_loop import EventLoopThread
from rag.runtime.loop_watch import LoopWatch

pytest_plugins = ["tests.bundled_model"]

PACKAGE = str(Path(rag.__file__).resolve().parent)
LIMIT = 0.25  # a slow machine takes its time even for what is quick
TEXT = "".join(
    f"Berth {i} of the harbour is let for {100 + i} euros a month. Whoever stays longer pays {90 + i} euros.\n\n"
    for i in range(400)
)


@pytest.fixture
def watches(monkeypatch: pytest.MonkeyPatch) -> list[LoopWatch]:
    """Those of all loops that are made from now on, which are in debug mode."""
    made: list[LoopWatch] = []

    def watch(loop: asyncio.AbstractEventLoop, loop_thread: int) -> LoopWatch:
        made.append(LoopWatch(loop, loop_thread, LIMIT))
        return made[-1]

    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    monkeypatch.setattr(event_loop, "LoopWatch", watch)
    return made


@pytest.fixture
def loop(watches: list[LoopWatch]) -> Iterator[EventLoopThread]:
    thread = EventLoopThread()
    yield thread
    thread.close()


async def block_the_loop() -> None:
    time.sleep(3 * LIMIT)


def test_what_holds_up_the_loop_is_told_with_its_place(
    loop: EventLoopThread, watches: list[LoopWatch], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="rag.runtime.loop_watch")
    loop.run(block_the_loop())
    loop.close()
    (watch,) = watches
    (blocked,) = [(took, place) for took, place in watch.blocks if "block_the_loop" in place]
    assert blocked[0] >= 1.5 * LIMIT
    assert f"{Path(__file__).name}:" in blocked[1]
    assert blocked[1] in caplog.text


def test_waiting_holds_up_nothing(loop: EventLoopThread, watches: list[LoopWatch]) -> None:
    async def wait() -> None:
        await asyncio.sleep(3 * LIMIT)
        await asyncio.to_thread(time.sleep, 3 * LIMIT)

    loop.run(wait())
    loop.close()
    assert [place for _, place in watches[0].blocks if "wait" in place.rpartition(" > ")[2]] == []


def test_nothing_is_watched_unless_asyncio_is_in_debug_mode(
    watches: list[LoopWatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONASYNCIODEBUG")
    EventLoopThread().close()
    assert watches == []


def test_watch_ends_with_its_loop() -> None:
    loop = asyncio.new_event_loop()
    watch = LoopWatch(loop, 0, 0.01)
    loop.close()
    watch._thread.join(timeout=10)
    assert not watch._thread.is_alive()
    watch.close()


def test_taking_in_and_searching_a_document_does_not_hold_up_the_loop(
    settings: Settings, watches: list[LoopWatch], embedder: Embedder
) -> None:
    """`embedder` has the libraries imported, which no thread can do without holding up the others."""
    with DocumentIndex(settings) as index:
        (result,) = index.ingest([("harbour.txt", TEXT.encode())])
        assert (result.status, result.error) == ("ready", None)
        assert result.chunks > 30
        assert index.search("What does berth 200 cost?")
    (watch,) = watches
    assert [(took, place) for took, place in watch.blocks if PACKAGE in place] == []
