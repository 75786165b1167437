"""Where benchmarks work: never in a collection or a Milvus Lite file of the user's."""

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

REMOVAL_ATTEMPTS = 20
VISIBLE_SECONDS = 60.0


@contextmanager
def scratch_settings(settings: Settings) -> Iterator[Settings]:
    """The settings with a collection name that nobody uses; on Milvus Lite with a file of its own, removed afterwards.

    The file lies in a folder beside the configured one, so on the same disk: that one may be in use by the app, and
    only one process can open it. On a server the collection itself has to be dropped by whoever makes it. Raises
    StoreError where no folder can be made, or where it stays.
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
        _remove(folder)


def _remove(folder: Path) -> None:
    # Threads of Milvus Lite may still be writing for a moment after its server was stopped.
    for _ in range(REMOVAL_ATTEMPTS):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(POLL_SECONDS)
    raise StoreError(f"The scratch folder {folder} could not be removed.")


@asynccontextmanager
async def docent_collection(settings: Settings) -> AsyncIterator[VectorStore]:
    """Docent's own store with a new collection of that name, which is dropped at the end.

    On Milvus Lite it looks after the server of the file: open it before other collections of the file, close it last.
    Raises StoreUnavailable or StoreError, also where the collection may still be there.
    """
    store = VectorStore(settings)
    await store.connect()  # where there is no Milvus, nothing has to be removed
    try:
        await store.create(DIMENSION)
        yield store
    finally:
        try:
            await _removed(store.delete_collection(), settings.collection)
        finally:
            await store.close()


@asynccontextmanager
async def plain_collection(settings: Settings, name: str, stop: threading.Event) -> AsyncIterator[PlainStore]:
    """The tutorial's store with a new collection of that name, which is dropped at the end. Raises StoreError."""
    store = PlainStore(settings, name, stop)
    try:
        await store.create()
        yield store
    finally:
        await _removed(store.remove(), name)


async def _removed(removal: Awaitable[object], name: str) -> None:
    try:
        await removal
    except StoreError as error:
        raise StoreError(f"The scratch collection {name} may still be there: {error}") from error


async def until_visible(count: Callable[[], Awaitable[int]], expected: int) -> None:
    """Wait until `count` gives as many rows. Raises StoreError after VISIBLE_SECONDS."""
    deadline = time.monotonic() + VISIBLE_SECONDS
    while (seen := await count()) != expected:
        if time.monotonic() > deadline:
            raise StoreError(f"Of {expected:,} rows that Milvus acknowledged, a search sees {seen:,}.")
        await asyncio.sleep(POLL_SECONDS)
