"""Searches among the rows of a collection, by vector and by BM25. Concurrent searches share requests."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from rag.settings import Settings
from rag.vector_store import failures
from rag.vector_store.batching import SharedRequests
from rag.vector_store.client import MOST_ROWS, async_client
from rag.vector_store.connection import LITE_OPEN_SECONDS, SEARCH_SECONDS, Connection
from rag.vector_store.rows import HIT_FIELDS, Hit, make_filter, read_hits

# Vectors in one request to a server, which takes some megabytes; several smaller requests at once take longer.
VECTORS_TOGETHER = 1000
# Milvus Lite refuses any other drop ratio, such as the 0.2 of MilvusVectorStore's text search.
BM25_SEARCH: dict[str, Any] = {"metric_type": "BM25", "params": {"drop_ratio_search": 0.0}}


@dataclass(frozen=True, slots=True)
class _Search:
    """The parameters that all searches of a request share."""

    vectors: str
    limit: int
    condition: str
    parameters: dict[str, Any] = field(compare=False)  # they follow from `vectors`, a field's name


class Searches:
    """Searches in the collection of a connection. All coroutines must run on the one event loop of the process.

    They raise StoreUnavailable or StoreError, and find nothing if there is no collection.
    """

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self._settings = settings
        self._name = settings.collection
        self._consistency_level = settings.consistency_level
        self._lite = settings.milvus_is_lite
        self._connection = connection
        # Milvus Lite handles one request at a time anyhow.
        self._requests: SharedRequests[_Search, list[float] | str, list[Hit]] = SharedRequests(
            self._search_together,
            lambda search: _most(search, self._lite),
            1 if self._lite else 4,
            None if self._lite else SEARCH_SECONDS,
        )
        self._warming = asyncio.Lock()
        self._warmed: object = None  # the opened collection for which `warm_up` has ended

    @property
    def has_lexical(self) -> bool:
        """Whether the collection ranks by BM25."""
        return self._connection.has_lexical

    @property
    def is_warm(self) -> bool:
        """Whether `warm_up` has nothing left to do."""
        store = self._connection.store
        return not self._lite or (store is not None and self._warmed is store)

    async def dense(
        self, vector: list[float], limit: int, doc_ids: Collection[str] | None, without: Collection[str]
    ) -> list[Hit]:
        """The rows nearest to `vector` by cosine, best first, among `doc_ids` (all when None) but not `without`."""
        return await self._search("embedding", vector, {"metric_type": "COSINE"}, limit, make_filter(doc_ids, without))

    async def warm_up(self) -> None:
        """Search once, so that Milvus Lite collects the terms of all rows: seconds for tens of thousands of rows.
        Lexical searches that come meanwhile wait for this search."""
        async with self._warming:
            if not self.is_warm and await self._connection.connect():
                opened = self._connection.store
                if self.has_lexical:
                    await self._search("sparse_embedding", "a", BM25_SEARCH, 1, "")
                self._warmed = opened

    async def lexical(
        self, lexical_text: str, limit: int, doc_ids: Collection[str] | None, without: Collection[str]
    ) -> list[Hit]:
        """The rows that BM25 ranks highest for the terms of `lexical_text`, best first; none without BM25."""
        if not lexical_text or not await self._connection.connect() or not self.has_lexical:
            return []
        if not self.is_warm:
            await self.warm_up()
        return await self._search("sparse_embedding", lexical_text, BM25_SEARCH, limit, make_filter(doc_ids, without))

    async def _search(
        self, field: str, data: list[float] | str, parameters: dict[str, Any], limit: int, condition: str
    ) -> list[Hit]:
        if not await self._connection.connect():
            return []
        try:
            return await self._requests.ask(_Search(field, limit, condition, parameters), data)
        except TimeoutError as error:
            raise failures.explain(error, self._settings) from error

    async def _search_together(self, search: _Search, data: list[list[float] | str]) -> list[list[Hit]]:
        # By the store's client, since the store's `aquery` has no consistency level and no time-out.
        response = await self._connection.read(
            lambda store: async_client(store).search(
                self._name,
                data=data,
                anns_field=search.vectors,
                limit=search.limit,
                filter=search.condition,
                output_fields=HIT_FIELDS,
                search_params=search.parameters,
                consistency_level=self._consistency_level,
                in_columns=True,
            ),
            LITE_OPEN_SECONDS if self._lite else SEARCH_SECONDS,
        )
        # Milvus Lite returns BM25 as a distance, below zero.
        return read_hits(response, abs if search.vectors == "sparse_embedding" else float)


def _most(search: _Search, lite: bool) -> int:
    most = max(1, MOST_ROWS // search.limit)
    return most if lite else min(most, VECTORS_TOGETHER)
