"""The write lock of a Milvus Lite file: nobody keeps it who can't write any more."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from rag.vector_store.lite.server import LiteFile
from rag.vector_store.lite.write_lock import WriteLock


def test_a_reopening_on_a_loop_that_is_closing_gives_the_lock_back(tmp_path: Path) -> None:
    file = LiteFile(str(tmp_path / "milvus.db"))

    async def reopen() -> None:
        await asyncio.get_running_loop().shutdown_default_executor()
        with pytest.raises(RuntimeError):
            await file.reopen(1)
        await asyncio.wait_for(file.write_lock.acquire(1), 5)

    asyncio.run(reopen())


def test_a_cancelled_waiter_passes_its_turn_on() -> None:
    lock = WriteLock()

    async def scenario() -> None:
        await lock.acquire(1)
        first, second = (asyncio.create_task(lock.acquire(1)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        lock.release()
        await asyncio.wait_for(second, 5)

    asyncio.run(scenario())


def test_a_waiter_gives_up_only_where_the_caller_of_the_write_has_given_up() -> None:
    lock = WriteLock()

    async def scenario() -> None:
        await lock.acquire(1)
        lock.give_up()
        with pytest.raises(TimeoutError):
            await lock.acquire(0)

    asyncio.run(scenario())
