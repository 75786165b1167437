"""Embedding: chunks of all documents are packed by length, and embedded in a few calls at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from rag.embeddings.embedder import Embedder, EmbedderThreads
from rag.ingestion.jobs import Work
from rag.schema import Chunk

# Chunks, of all documents, that may wait for the embedder. At this number readers pause.
WAITING_CHUNKS = 2048
# Chunks that are sorted by length together: enough to pack well, few enough to show progress.
WINDOW = 256
# Calls whose embedded chunks may wait to be inserted.
WAITING_CALLS = 64
# Rows of an insert; fewer if no more are under way, or the first have waited for INSERT_SECONDS.
INSERTED_TOGETHER = 256
INSERT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class PreparedCollection:
    """A collection that exists in Milvus: its model, and the namespace of its row ids."""

    embedder: Embedder
    namespace: str


LoadModel = Callable[[], Awaitable[Embedder]]
# Makes the collection unless it exists.
MakeCollection = Callable[[], Coroutine[Any, Any, PreparedCollection]]
# Makes the collection for the given documents unless it exists. None if none of them is wanted any more.
MakeCollectionFor = Callable[[list[Work]], Coroutine[Any, Any, PreparedCollection | None]]
OnFailure = Callable[[Work, Exception], Awaitable[None]]


@dataclass(slots=True)
class Item:
    """Chunk `number` of a document, the `text` that is embedded for it, and the terms that BM25 sees. `vector` and
    `model`, the fingerprint of its model, are set when it has been embedded."""

    work: Work
    number: int
    chunk: Chunk
    text: str
    lexical_text: str
    vector: list[float] = field(default_factory=list)
    model: str = ""


class EmbeddingQueue:
    """Takes items, and returns them with their vectors. Use on the event loop only.

    `load_model` returns the embedder. `on_failure` is called for a document with a text that can't be embedded.
    """

    def __init__(self, threads: EmbedderThreads, load_model: LoadModel, on_failure: OnFailure) -> None:
        self._threads = threads
        self._load_model = load_model
        self._on_failure = on_failure
        self._waiting: asyncio.Queue[Item] = asyncio.Queue(WAITING_CHUNKS)
        self._done: asyncio.Queue[list[Item]] = asyncio.Queue(WAITING_CALLS)
        self._calls: set[asyncio.Task[None]] = set()
        self._under_way = 0

    async def put(self, item: Item) -> None:
        """Add an item. Waits while WAITING_CHUNKS items are queued."""
        self._under_way += 1
        await self._waiting.put(item)

    async def take(self) -> list[Item]:
        """The items for the next insert (see INSERTED_TOGETHER), in no particular order. Items of cancelled and failed
        documents are left out."""
        items: list[Item] = []
        clock, began = asyncio.get_running_loop().time, 0.0
        while True:
            done = await self._done.get()
            self._under_way -= len(done)
            began = began or clock()
            items += [item for item in done if item.vector]
            if len(items) >= INSERTED_TOGETHER or not self._under_way or clock() - began > INSERT_SECONDS:
                return items

    async def run(self) -> None:
        """Embed until cancelled."""
        try:
            while True:
                window = [await self._waiting.get()]
                while len(window) < WINDOW and not self._waiting.empty():
                    window.append(self._waiting.get_nowait())
                # A batch is padded to its longest text.
                window.sort(key=lambda item: len(item.text))
                try:
                    embedder = await self._load_model()
                    threads, batch_size = embedder.threads, embedder.batch_size
                except Exception:
                    threads, batch_size = 1, len(window)  # the call will fail in the same way, and report it
                for first in range(0, len(window), batch_size):
                    await self._begin(window[first : first + batch_size], threads)
        finally:
            for call in self._calls:
                call.cancel()

    async def _begin(self, items: list[Item], threads: int) -> None:
        """Start a call for `items` as soon as the embedder has a free thread."""
        # With several threads, one call more is started and waits, so that no thread is ever idle.
        most = threads + 1 if threads > 1 else 1
        while len(self._calls) >= most:
            await asyncio.wait(self._calls, return_when=asyncio.FIRST_COMPLETED)
        call = asyncio.create_task(self._embed_and_pass_on(items))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    async def _embed_and_pass_on(self, items: list[Item]) -> None:
        try:
            await self._embed(items)
        except Exception:
            # One document's text may be the cause, so each document is embedded alone.
            for group in by_work(items):
                try:
                    await self._embed(group)
                except Exception as error:
                    with contextlib.suppress(Exception):  # the items must be passed on in any case
                        await self._on_failure(group[0].work, error)
        await self._done.put(items)

    async def _embed(self, items: list[Item]) -> None:
        embedder = await self._load_model()
        wanted = [item for item in items if item.work.wanted]
        if not wanted:
            return
        embed = partial(embedder.embed_texts, [item.text for item in wanted], background=True)
        vectors = await asyncio.get_running_loop().run_in_executor(self._threads.texts, embed)
        for item, vector in zip(wanted, vectors, strict=True):
            item.vector, item.model = vector, embedder.fingerprint
            item.work.count_embedded()


def by_work(items: list[Item]) -> list[list[Item]]:
    """The items, grouped by document."""
    groups: dict[int, list[Item]] = {}
    for item in items:
        groups.setdefault(id(item.work), []).append(item)
    return list(groups.values())


def works_of(items: list[Item]) -> list[Work]:
    """The documents of items, each once, in the order of their first items."""
    return [group[0].work for group in by_work(items)]
