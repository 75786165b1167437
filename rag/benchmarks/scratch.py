"""Scratch collections and scratch files of Milvus Lite, so that no benchmark touches the user's."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from uuid import uuid4

from rag.benchmarks.tutorial_store import PlainStore
from rag.benchmarks.workload import DIMENSION
from rag.errors import StoreError
from rag.runtime.event_loop import POLL_SECONDS
from rag.settings import Settings
from rag.vector_store.store import VectorStore

DELETE_ATTEMPTS = 20
VISIBLE_SECONDS = 60.0


@contextmanager
def scratch_settings(settings: Settings) -> Iterator[Settings]:
    """The settings with an unused collection name and, on Milvus Lite, a scratch file that is deleted afterwards.

    The scratch file lies beside the configured file, so on the same disk. The configured file itself can't be used: the
    app may have it open, and only one process can. On a server the code that makes the collection has to delete it.
    Raises StoreError if the scratch file's folder can't be made or can't be deleted.
    """
    name = f"docent_bench_{uuid4().hex[:12]}"
    if not settings.milvus_is_lite:
        yield settings.model_copy(update={"collection": name})
        return
    beside = Path(settings.milvus_address).resolve().parent
    try:
        beside.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="bench-", dir=beside))
    except OSError as error:
        raise StoreError(f"No scratch folder can be made in {beside} ({error.strerror}); check DATA_DIR.") from error
    try:
        yield settings.model_copy(update={"collection": name, "milvus_uri": str(folder / "scratch.db")})
    finally:
        _delete(folder)


def _delete(folder: Path) -> None:
    # Threads of Milvus Lite may go on writing for a moment after its server has stopped.
    for _ in range(DELETE_ATTEMPTS):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(POLL_SECONDS)
    raise StoreError(f"The scratch folder {folder} could not be deleted.")


@asynccontextmanager
async def docent_collection(settings: Settings) -> AsyncIterator[VectorStore]:
    """Docent's store with a new collection of the settings' name, which is deleted at the end.

    On Milvus Lite this store owns the file's server, so open it before the file's other collections and close it last.
    Raises StoreUnavailable or StoreError, also if the collection may still exist.
    """
    store = VectorStore(settings)
    await store.connect()  # outside the `try`: without Milvus, nothing has to be deleted
    try:
        await store.create(DIMENSION)
        yield store
    finally:
        try:
            await _deleted(store.delete_collection(), settings.collection)
        finally:
            await store.close()


@asynccontextmanager
async def plain_collection(settings: Settings, name: str, stop: threading.Event) -> AsyncIterator[PlainStore]:
    """The tutorial's store with a new collection `name`, which is deleted at the end. Raises StoreError."""
    store = PlainStore(settings, name, stop)
    try:
        await store.create()
        yield store
    finally:
        await _deleted(store.delete(), name)


async def _deleted(deletion: Awaitable[object], name: str) -> None:
    try:
        await deletion
    except StoreError as error:
        raise StoreError(f"The scratch collection {name} may still be there: {error}") from error


async def until_visible(count: Callable[[], Awaitable[int]], expected: int) -> None:
    """Wait until `count` returns `expected`. Raises StoreError after VISIBLE_SECONDS."""
    deadline = time.monotonic() + VISIBLE_SECONDS
    while (visible := await count()) != expected:
        if time.monotonic() > deadline:
            raise StoreError(f"Of {expected:,} rows that Milvus acknowledged, a search sees {visible:,}.")
        await asyncio.sleep(POLL_SECONDS)
