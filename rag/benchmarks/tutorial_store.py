"""Docent is measured against these: LlamaIndex's MilvusVectorStore as the tutorial uses it, and bare pymilvus.

All coroutines must run on one event loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from llama_index.core.vector_stores import VectorStoreQuery

from rag.benchmarks.workload import DIMENSION, Entry, plain_rows, text_nodes
from rag.errors import Cancelled, RagError, StoreError
from rag.settings import Settings
from rag.vector_store.client import CONNECT_SECONDS, make_plain_store, open_client
from rag.vector_store.connection import LITE_CALL_SECONDS

# The timed part of a measurement, with everything prepared. Returns Milvus's results, one for each item.
Work = Callable[[], Awaitable[list[Any]]]


class PlainStore:
    """A scratch collection, made as in the tutorial. Every coroutine raises StoreError.

    The synchronous loops end with Cancelled once `stop` is set.
    """

    def __init__(
        self, settings: Settings, name: str, stop: threading.Event | None = None, dimension: int = DIMENSION
    ) -> None:
        self._settings = settings
        self._name = name
        self._stop = stop or threading.Event()
        self._dimension = dimension
        self._client: Any = None
        self._store: Any = None

    async def create(self) -> None:
        """Make the collection. Call `delete` afterwards, even if this fails."""
        await _mapped(asyncio.to_thread(self._create))

    def _create(self) -> None:
        self._client = open_client(self._settings)
        self._store = make_plain_store(self._settings, self._name, self._dimension)

    async def delete(self) -> None:
        """Delete the collection, if it exists, and close the clients."""
        client, store, self._client, self._store = self._client, self._store, None, None
        if client is None:
            return
        try:
            if await _mapped(asyncio.to_thread(client.has_collection, self._name, timeout=CONNECT_SECONDS)):
                await _mapped(asyncio.to_thread(client.drop_collection, self._name, timeout=LITE_CALL_SECONDS))
        finally:
            if store is not None:
                if store.aclient is not None:
                    await store.aclient.close()
                await asyncio.to_thread(store.client.close)
            await asyncio.to_thread(client.close)

    async def count(self, consistency: str) -> int:
        """The number of rows that a search at this consistency level would see."""
        counts = await _mapped(
            asyncio.to_thread(
                self.opened().client.query,
                self._name,
                filter="",
                output_fields=["count(*)"],
                consistency_level=consistency,
                timeout=LITE_CALL_SECONDS,
            )
        )
        return int(counts[0]["count(*)"])

    async def flush(self) -> None:
        """Seal the added rows."""
        await _mapped(asyncio.to_thread(self.opened().client.flush, self._name, timeout=4 * LITE_CALL_SECONDS))

    # --- the ways to add

    def add_synchronously(self, entries: Sequence[Entry]) -> Work:
        """`add`, one node after the other."""
        nodes = text_nodes(entries)
        return self._one_by_one(lambda store, node: store.add([node]), nodes)

    def add_asynchronously(self, entries: Sequence[Entry]) -> Work:
        """`async_add` for each node, gathered."""
        nodes = text_nodes(entries)
        return self._gathered(lambda store, node: store.async_add([node]), nodes)

    def add_in_one_request(self, entries: Sequence[Entry]) -> Work:
        """All rows in one insert of pymilvus: Milvus's time alone."""
        rows = plain_rows(entries)

        async def work() -> list[Any]:
            done = await _mapped(asyncio.to_thread(self.opened().client.insert, self._name, rows))
            return list(done["ids"])

        return work

    # --- the ways to search

    def search_synchronously(self, vectors: Sequence[list[float]], limit: int) -> Work:
        """`query`, one vector after the other. The work returns the hits of each vector."""
        queries = [VectorStoreQuery(query_embedding=vector, similarity_top_k=limit) for vector in vectors]
        return self._one_by_one(lambda store, query: store.query(query).ids, queries)

    def search_asynchronously(self, vectors: Sequence[list[float]], limit: int) -> Work:
        """`aquery` for each vector, gathered. The work returns the hits of each vector."""
        queries = [VectorStoreQuery(query_embedding=vector, similarity_top_k=limit) for vector in vectors]

        async def hits(store: Any, query: VectorStoreQuery) -> Any:
            return (await store.aquery(query)).ids

        return self._gathered(hits, queries)

    def search_in_one_request(self, vectors: Sequence[list[float]], limit: int) -> Work:
        """All vectors in one search of pymilvus: Milvus's time alone. The work returns the hits of each vector."""

        async def work() -> list[Any]:
            search = self.opened().client.search
            fields = ["doc_id", "text"]
            return list(
                await _mapped(
                    asyncio.to_thread(
                        search, self._name, list(vectors), limit=limit, output_fields=fields, anns_field="embedding"
                    )
                )
            )

        return work

    def _one_by_one(self, call: Callable[[Any, Any], Any], items: Sequence[Any]) -> Work:
        def loop() -> list[Any]:
            store, results = self.opened(), []
            for item in items:
                if self._stop.is_set():
                    raise Cancelled("Stopped.")
                results.append(call(store, item))
            return results

        async def work() -> list[Any]:
            return list(await _mapped(asyncio.to_thread(loop)))

        return work

    def _gathered(self, call: Callable[[Any, Any], Awaitable[Any]], items: Sequence[Any]) -> Work:
        async def work() -> list[Any]:
            store = self.opened()
            return list(await _mapped(asyncio.gather(*(call(store, item) for item in items))))

        return work

    def opened(self) -> Any:
        """LlamaIndex's store. Raises StoreError before `create`."""
        if self._store is None:
            raise StoreError("The scratch collection isn't open.")
        return self._store


async def _mapped(awaitable: Awaitable[Any]) -> Any:
    try:
        return await awaitable
    except RagError:
        raise
    except Exception as error:
        text = str(getattr(error, "message", "") or error).strip() or type(error).__name__
        raise StoreError(f"Milvus failed in the benchmark: {text.splitlines()[0][:200]}") from error
