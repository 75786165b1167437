"""VectorStore: the rows of the collection in the settings.

The collection is made by LlamaIndex's MilvusVectorStore; rows go through the AsyncMilvusClient in it. What those get
wrong (see the comments) is put right here. All coroutines must run on the one event loop of the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any

from rag.errors import CollectionLost
from rag.settings import Settings
from rag.vector_store import failures
from rag.vector_store.client import MOST_ROWS, async_client, milvus_shown
from rag.vector_store.connection import (
    LITE_CALL_SECONDS,
    REMOVAL_SECONDS,
    SEARCH_SECONDS,
    Connection,
)
from rag.vector_store.rows import ChunkRow, make_row, only, only_rows
from rag.vector_store.searches import Searches
from rag.vector_store.writing import Writing

# In one request at most: what the pipeline inserts together fits into one.
INSERT_BATCH = 300
# Their ids are 80 characters each.
ROWS_DELETED_TOGETHER = 500
# Documents that are counted in one request.
COUNTED_TOGETHER = 500
# How often a removal begins again since another process has dropped the collection meanwhile.
REMOVALS = 5


class VectorStore:
    """The collection named in the settings; connects at the first use and again after a failure. `searches` are those
    among its rows."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._name = settings.collection
        self._lite = settings.milvus_is_lite
        self._connection = Connection(settings)
        self._call = self._connection.call
        self._ready = self._connection.ready
        self._writing = Writing(settings, self._connection)
        self.searches = Searches(settings, self._connection)

    # --- connection

    @property
    def is_open(self) -> bool:
        """Whether the collection is open; not so before the first document."""
        return self._connection.store is not None

    @property
    def has_lexical(self) -> bool:
        """Whether the collection ranks by BM25."""
        return self._connection.has_lexical

    @property
    def version(self) -> str:
        """Milvus's, empty before it was reached."""
        return self._connection.version

    @property
    def shown(self) -> str:
        """Which Milvus this is, for the user: a version, or the patches of Milvus Lite that are left out."""
        return milvus_shown(self._lite, self.version)

    async def connect(self, seconds: float = SEARCH_SECONDS) -> bool:
        """Like `Connection.connect`."""
        return await self._connection.connect(seconds)

    async def create(self, dimension: int) -> None:
        """Like `Connection.create`."""
        await self._connection.create(dimension)

    async def ping(self) -> bool:
        """Like `Connection.ping`."""
        return await self._connection.ping()

    async def close(self) -> None:
        """Like `Connection.close`."""
        await self._writing.settle()
        await self._connection.close()

    def lost(self) -> CollectionLost:
        """What is raised where the collection should be there."""
        return failures.lost(self._settings)

    # --- rows

    async def insert(self, rows: Sequence[ChunkRow], namespace: str, again: bool = False) -> None:
        """Insert chunks; the ids of their rows follow from document, `namespace` and number.

        `again` first deletes the rows that an earlier attempt may have left. Raises StoreUnavailable or StoreError;
        some of the rows may then be there.
        """
        await self.insert_rows([make_row(namespace, row) for row in rows], again)

    async def count(self, doc_ids: Collection[str] | None = None, consistency: str | None = None) -> int:
        """How many rows there are (of these documents), as a search under that consistency level would see them."""
        if not await self.connect():
            return 0
        store = await self._ready()
        found = await self._call(
            async_client(store).query(
                self._name,
                filter=only(doc_ids) if doc_ids is not None else "",
                output_fields=["count(*)"],
                consistency_level=consistency or self._settings.consistency_level,
            )
        )
        return int(found[0]["count(*)"])

    async def rows(self, doc_ids: Collection[str], size: int) -> AsyncIterator[list[dict[str, Any]]]:
        """All rows of documents with their vectors, as `insert_rows` takes them, in lists of at most `size`."""
        if doc_ids:
            async for found in self._all("*", size, doc_ids):
                # Milvus makes the terms' weights by itself from the lexical field.
                yield [{name: row[name] for name in row if name != "sparse_embedding"} for row in found]

    async def insert_rows(self, rows: Sequence[dict[str, Any]], again: bool = False) -> None:
        """Insert rows as `rows` of another collection gives them. Raises like `insert`."""
        async with self._writing.turn(self._connection.call_seconds):
            # By the store's client, not by its async_add: that one makes LlamaIndex's nodes into JSON, which takes
            # longer than the rest, and sends one batch after the other.
            client = async_client(await self._ready())

            async def write(batch: Sequence[dict[str, Any]]) -> None:
                if again:
                    ids = ",".join(f'"{row["id"]}"' for row in batch)
                    await self._writing.write(client.delete(self._name, filter=f"id in [{ids}]"))
                await self._writing.write(client.insert(self._name, list(batch)))

            parts = math.ceil(len(rows) / INSERT_BATCH)
            batches = [rows[len(rows) * part // parts : len(rows) * (part + 1) // parts] for part in range(parts)]
            if self._lite:
                for batch in batches:
                    await write(batch)
            else:
                outcomes = await asyncio.gather(*(write(batch) for batch in batches), return_exceptions=True)
                for error in outcomes:
                    if isinstance(error, BaseException):
                        raise error

    async def row_ids(self) -> AsyncIterator[list[str]]:
        """The ids of all rows, whatever was written last included, in lists of thousands; one that is there twice comes
        once."""
        async for found in self._all("id", MOST_ROWS // 2):
            yield [row["id"] for row in found]

    async def _all(self, name: str, size: int, doc_ids: Collection[str] | None = None) -> AsyncIterator[Any]:
        """That field ("*" for all) of all rows (of these documents), in lists of at most `size`."""
        # pymilvus's iterators don't heed a consistency level; what has answered this knows all that was written.
        if not await self.count(doc_ids, "Strong"):
            return
        store = await self._ready()
        pages = await self._call(
            asyncio.to_thread(
                store.client.query_iterator,
                self._name,
                batch_size=size,
                filter=only(doc_ids) if doc_ids is not None else "",
                output_fields=[name],
                timeout=self._connection.call_seconds,
            )
        )
        while found := await self._call(asyncio.to_thread(pages.next)):
            yield found

    async def delete_rows(self, row_ids: Sequence[str]) -> None:
        """Delete rows by their ids, as `row_ids` gives them. Raises StoreError for an id of another form."""
        async with self._writing.turn(REMOVAL_SECONDS):
            for first in range(0, len(row_ids), ROWS_DELETED_TOGETHER):
                condition = only_rows(row_ids[first : first + ROWS_DELETED_TOGETHER])
                await self._writing.write(async_client(await self._ready()).delete(self._name, filter=condition))

    async def count_each(self, doc_ids: Collection[str]) -> Counter[str]:
        """How many rows each of these documents has, whatever was written last included."""
        if not doc_ids or not await self.connect():
            return Counter()
        store = await self._ready()
        found = await self._call(
            async_client(store).query(
                self._name, filter=only(doc_ids), output_fields=["doc_id"], consistency_level="Strong"
            )
        )
        return Counter(row["doc_id"] for row in found)

    async def miscounted(self, expected: Mapping[str, int]) -> dict[str, int]:
        """{doc_id: rows} of the documents that have another number of rows than {doc_id: rows} in `expected`, whatever
        was written last included. Documents are counted together: what one lacks could make up for what another has
        twice, and neither would be found."""
        doc_ids = list(expected)
        if not doc_ids:
            return {}
        if len(doc_ids) <= COUNTED_TOGETHER:
            number = await self.count(doc_ids, "Strong")
            if number == sum(expected.values()):
                return {}
            if len(doc_ids) == 1:
                return {doc_ids[0]: number}
            if not number:
                return {doc_id: 0 for doc_id in doc_ids if expected[doc_id]}
        half = len(doc_ids) // 2
        parts = [{doc_id: expected[doc_id] for doc_id in part} for part in (doc_ids[:half], doc_ids[half:])]
        return {doc_id: number for part in parts for doc_id, number in (await self.miscounted(part)).items()}

    async def delete(self, doc_ids: Collection[str]) -> tuple[int, int]:
        """Delete the rows of documents. Returns how many were there and how many are left (0)."""
        for _ in range(REMOVALS):
            if not doc_ids or not await self.connect():
                return 0, 0
            with contextlib.suppress(CollectionLost):  # with all of its rows; maybe there is another one by now
                async with self._writing.turn(REMOVAL_SECONDS):
                    store = await self._ready()
                    before = await self.count(doc_ids, "Strong")
                    if before:
                        await self._writing.write(async_client(store).delete(self._name, filter=only(doc_ids)))
                    return before, await self.count(doc_ids, "Strong")
        raise self.lost()

    async def delete_collection(self) -> tuple[int, int]:
        """Delete the collection. Returns how many rows it had and how many are left (0)."""
        for _ in range(REMOVALS):
            if not await self.connect():
                return 0, 0
            with contextlib.suppress(CollectionLost):  # another process was quicker, and may have made another one
                async with self._writing.turn(REMOVAL_SECONDS):
                    store = await self._ready()
                    found = await self._call(
                        async_client(store).query(
                            self._name, filter="", output_fields=["count(*)"], consistency_level="Strong"
                        )
                    )
                    await self._writing.write(async_client(store).drop_collection(self._name))
                    await self._connection.close_collection()
                return int(found[0]["count(*)"]), await self.count()
        raise self.lost()

    async def flush(self) -> None:
        """Seal what was inserted: Milvus Lite searches unsealed rows ten times slower."""
        if self._lite and self._connection.store is not None:
            async with self._writing.turn(LITE_CALL_SECONDS):
                client = (await self._ready()).client  # perhaps opened anew since
                await self._writing.write(asyncio.to_thread(client.flush, self._name), 4 * LITE_CALL_SECONDS)

    async def settle(self, seconds: float) -> bool:
        """Have Milvus seal and index all rows, for benchmarks. Returns whether that was done within `seconds`."""
        await self.flush()
        if self._lite or self._connection.store is None:
            return True
        client = self._connection.store.client
        await self._call(asyncio.to_thread(client.flush, self._name, timeout=seconds), seconds)
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            index = await self._call(asyncio.to_thread(client.describe_index, self._name, "embedding"))
            if not int(index["pending_index_rows"]):  # what compaction has made anew is among them
                return True
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(1)
