"""A write to Milvus Lite that fails, is cancelled or takes long loses no acknowledged row, of any connection."""

from __future__ import annotations

import asyncio
import errno
import importlib
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.errors import CollectionLost, StoreError, StoreUnavailable
from rag.schema import Chunk
from rag.settings import Settings
from rag.vector_store.lite import server as lite_server
from rag.vector_store.rows import ChunkRow
from rag.vector_store.store import VectorStore

DIMENSION = 32
VECTOR = [1.0] * DIMENSION
FULL = OSError(errno.ENOSPC, "No space left on device")

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("patched")]


def some(document: str, count: int) -> list[ChunkRow]:
    chance = np.random.default_rng(1)
    return [
        ChunkRow(
            document * 64, number, Chunk(f"text {number}", 1, 0, 5), "word", chance.normal(size=DIMENSION).tolist()
        )
        for number in range(count)
    ]


class File:
    """A file of Milvus Lite, with collections in it."""

    def __init__(self, folder: Path) -> None:
        self.address = folder / "milvus.db"
        self.stores: list[VectorStore] = []

    async def open(self, collection: str = "a") -> VectorStore:
        store = VectorStore(Settings(data_dir=self.address.parent, milvus_uri=str(self.address), collection=collection))
        self.stores.append(store)
        await store.create(DIMENSION)
        return store

    async def close(self) -> None:
        while self.stores:
            await self.stores.pop().close()

    @property
    def state(self) -> Any:
        return lite_server.file_at(str(self.address))


def run(folder: Path, scenario: Callable[[File], Coroutine[Any, Any, None]]) -> None:
    async def run_and_close() -> None:
        file = File(folder)
        try:
            await scenario(file)
        finally:
            await file.close()

    asyncio.run(run_and_close())


def engine() -> Any:
    return importlib.import_module("milvus_lite.engine.collection").Collection


def break_sealing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise FULL

    monkeypatch.setattr("milvus_lite.engine.flush.write_data_file", broken)


def slow_inserts(monkeypatch: pytest.MonkeyPatch, collection: str) -> tuple[threading.Event, threading.Event]:
    """Inserts stop between the log and memory. Returns events: one has begun; they may go on."""
    begun, go_on = threading.Event(), threading.Event()
    insert = engine()._apply

    def apply(self: Any, operation: Any) -> Any:
        if self._name != collection or not hasattr(operation, "batch"):
            return insert(self, operation)
        write = self._wal.write_insert

        def write_slowly(batch: Any) -> None:
            write(batch)
            begun.set()
            assert go_on.wait(20)

        self._wal.write_insert = write_slowly
        try:
            return insert(self, operation)
        finally:
            self._wal.__dict__.pop("write_insert", None)

    monkeypatch.setattr(engine(), "_apply", apply)
    return begun, go_on


async def until(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, 20)


def test_a_reopening_that_is_cancelled_is_made_up_for_before_the_next_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(file: File) -> None:
        store = await file.open()
        await store.insert(some("1", 100), "n")
        with monkeypatch.context() as broken:
            break_sealing(broken)
            flush = asyncio.create_task(store.flush())
            while not file.state.dirty and not flush.done():
                await asyncio.sleep(0)
            flush.cancel()
            with pytest.raises((asyncio.CancelledError, StoreError)):
                await flush
        await store.insert(some("3", 10), "n")
        await store.flush()
        assert await store.count(None, "Strong") == 110
        await file.close()
        assert await (await file.open()).count(None, "Strong") == 110

    run(tmp_path, scenario)


def test_while_the_file_cannot_be_reopened_nothing_is_written_or_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(file: File) -> None:
        store = await file.open()
        await store.insert(some("1", 100), "n")
        with monkeypatch.context() as broken:
            break_sealing(broken)
            broken.setattr(lite_server, "_stopped", lambda _: False)
            with pytest.raises(StoreError, match="No space left"):
                await store.flush()
            for call in (store.insert(some("3", 10), "n"), store.flush(), store.count(None, "Strong")):
                with pytest.raises(StoreUnavailable, match="try again in a moment") as raised:
                    await call
                assert not isinstance(raised.value, CollectionLost)
            assert file.state.dirty
        await store.insert(some("3", 10), "n")
        assert await store.count(None, "Strong") == 110
        assert not file.state.dirty

    run(tmp_path, scenario)


def test_rows_that_a_failed_sealing_has_forgotten_are_counted_and_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(file: File) -> None:
        store, other = await file.open(), await file.open()
        await store.insert(some("1", 50), "n")
        with monkeypatch.context() as broken:
            break_sealing(broken)
            with pytest.raises(StoreError, match="No space left"):
                await store.flush()
            for reader in (other, store):
                assert await reader.count(None, "Strong") == 50
                assert len(await reader.searches.dense(VECTOR, 5, None, [])) == 5
        assert file.state.number == 1

    run(tmp_path, scenario)


def test_a_write_of_another_connection_ends_before_the_file_is_reopened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(file: File) -> None:
        failing, other = await file.open("a"), await file.open("b")
        await other.insert(some("2", 10), "n")
        with monkeypatch.context() as slow:
            begun, go_on = slow_inserts(slow, "b")
            insert = asyncio.create_task(other.insert(some("3", 10), "n"))
            await until(begun)
            file.state.mark_dirty(file.state.number)  # as by a write of the other loop
            reopening = asyncio.create_task(failing.count(None, "Strong"))
            await asyncio.sleep(0.3)
            assert not reopening.done()
            assert file.state.number == 0
            go_on.set()
            await insert
            await reopening
        assert await other.count(None, "Strong") == 20
        await failing.insert(some("1", 10), "n")
        await other.insert(some("4", 10), "n")
        assert [await failing.count(None, "Strong"), await other.count(None, "Strong")] == [10, 30]
        assert file.state.number == 1, "connections reopened it for each other"

    run(tmp_path, scenario)


def test_connections_of_several_event_loops_write_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once, most = 0, 0
    insert = engine().insert

    def counted(self: Any, *values: Any, **options: Any) -> Any:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        time.sleep(0.005)
        try:
            return insert(self, *values, **options)
        finally:
            at_once -= 1

    monkeypatch.setattr(engine(), "insert", counted)
    counts: list[int] = []

    def write(collection: str) -> None:
        async def write_all() -> None:
            file = File(tmp_path)
            store = await file.open(collection)
            for document in "123456789":
                await store.insert(some(document, 5), "n")
            counts.append(await store.count(None, "Strong"))
            await file.close()

        asyncio.run(write_all())

    threads = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [45, 45]
    assert most == 1


def test_a_refused_write_leaves_the_file_open(tmp_path: Path) -> None:
    async def scenario(file: File) -> None:
        store = await file.open()
        await store.insert(some("1", 5), "n")
        row: dict[str, Any] = {"id": "x", "doc_id": "d", "text": "t", "lexical": "l", "page": 1, "start": 0, "end": 1}
        with pytest.raises(StoreError, match="expected dim 32"):
            await store.insert_rows([{**row, "embedding": [0.0] * 31}])
        assert not file.state.dirty
        assert file.state.number == 0
        assert await store.count(None, "Strong") == 5

    run(tmp_path, scenario)


def test_a_search_during_a_reopening_finds_its_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(file: File) -> None:
        store = await file.open()
        await store.insert(some("1", 50), "n")
        search, begun = engine().search, threading.Event()

        def slow(self: Any, *values: Any, **options: Any) -> Any:
            begun.set()
            time.sleep(0.5)
            return search(self, *values, **options)

        monkeypatch.setattr(engine(), "search", slow)
        searching = asyncio.create_task(store.searches.dense(VECTOR, 5, None, []))
        await until(begun)
        with monkeypatch.context() as broken:
            break_sealing(broken)
            with pytest.raises(StoreError, match="No space left"):
                await store.flush()
        assert len(await searching) == 5
        assert len(await store.searches.dense(VECTOR, 5, None, [])) == 5
        assert file.state.number == 1

    run(tmp_path, scenario)


def test_a_write_that_goes_on_is_said_truly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.vector_store.writing.LITE_CALL_SECONDS", 0.2)

    async def scenario(file: File) -> None:
        store = await file.open()
        with monkeypatch.context() as slow:
            begun, go_on = slow_inserts(slow, "a")
            insert = asyncio.create_task(store.insert(some("1", 10), "n"))
            await until(begun)
            insert.cancel()
            with pytest.raises(asyncio.CancelledError):
                await insert
            with pytest.raises(StoreUnavailable, match=r"still being written; try again in a moment\."):
                await store.insert(some("2", 10), "n")
            go_on.set()
            await store.insert(some("2", 10), "n")
        assert await store.count(None, "Strong") == 20

    run(tmp_path, scenario)


def test_a_collection_is_made_after_another_connection_had_the_file_closed(tmp_path: Path) -> None:
    async def scenario(file: File) -> None:
        store, other = (
            await file.open("a"),
            VectorStore(Settings(data_dir=tmp_path, milvus_uri=str(file.address), collection="c")),
        )
        file.stores.append(other)
        assert not await other.connect()
        file.state.mark_dirty(0)
        assert await store.count(None, "Strong") == 0
        await other.create(DIMENSION)
        await other.insert(some("1", 5), "n")
        assert await other.count(None, "Strong") == 5

    run(tmp_path, scenario)
