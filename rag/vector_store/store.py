"""VectorStore: the rows of the collection in the settings.

LlamaIndex's MilvusVectorStore makes the collection, and rows go through the AsyncMilvusClient in it. Comments name the
faults of both that this module works around. All coroutines must run on the one event loop of the process.
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
    DELETION_SECONDS,
    LITE_CALL_SECONDS,
    SEARCH_SECONDS,
    Connection,
)
from rag.vector_store.rows import ChunkRow, make_row, only, only_rows
from rag.vector_store.searches import Searches
from rag.vector_store.writing import Writing

# Rows of one request at most: a batch of the pipeline fits into one request.
INSERT_BATCH = 300
# Rows of one request to delete: a row id has about 80 characters.
ROWS_DELETED_TOGETHER = 500
# Documents counted by one request.
COUNTED_TOGETHER = 500
# Of the time that closing may take, for sealing rows first and for the wait for other writes.
FLUSH_SECONDS = 10.0
# Attempts to delete: each begins anew because another process has deleted the collection meanwhile.
DELETION_ATTEMPTS = 5


class VectorStore:
    """The collection named in the settings. Connects at the first use, and again after a failure. `searches` searches
    the rows."""

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
        """Whether the collection is open. Before the first document there is none to open."""
        return self._connection.store is not None

    @property
    def has_lexical(self) -> bool:
        """Whether the collection ranks by BM25."""
        return self._connection.has_lexical

    @property
    def version(self) -> str:
        """Milvus's version; empty before it was reached."""
        return self._connection.version

    @property
    def shown(self) -> str:
        """For the user: the name and version of Milvus, and the patches that are left out, if any."""
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
        if self._lite:
            # With rows to seal on a full disk Milvus Lite's close ends early, and merges go on after it.
            with contextlib.suppress(Exception):  # the log has the rows
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self.flush()
        await self._connection.close()

    def lost(self) -> CollectionLost:
        """The error for a collection that no longer exists although it should."""
        return failures.lost(self._settings)

    # --- rows

    async def insert(self, rows: Sequence[ChunkRow], namespace: str, again: bool = False) -> None:
        """Insert chunks. The id of a row is made of its document's id, `namespace` and its number.

        With `again`, the rows that an earlier attempt may have left are deleted first. Raises StoreUnavailable or
        StoreError; some rows may then have been inserted.
        """
        await self.insert_rows([make_row(namespace, row) for row in rows], again)

    async def count(self, doc_ids: Collection[str] | None = None, consistency: str | None = None) -> int:
        """The number of rows of `doc_ids` (None: of all documents), under `consistency` (None: that of searches)."""
        if not await self.connect():
            return 0
        counts = await self._connection.read(
            lambda store: async_client(store).query(
                self._name,
                filter=only(doc_ids) if doc_ids is not None else "",
                output_fields=["count(*)"],
                consistency_level=consistency or self._settings.consistency_level,
            )
        )
        return int(counts[0]["count(*)"])

    async def rows(self, doc_ids: Collection[str], size: int) -> AsyncIterator[list[dict[str, Any]]]:
        """All rows of documents with their vectors, as `insert_rows` takes them, in lists of at most `size`."""
        if doc_ids:
            async for batch in self._all("*", size, doc_ids):
                # Milvus makes this field itself, from the lexical field.
                yield [{name: row[name] for name in row if name != "sparse_embedding"} for row in batch]

    async def insert_rows(self, rows: Sequence[dict[str, Any]], again: bool = False) -> None:
        """Insert rows from `make_row` or another collection's `rows`. `again` and errors are as in `insert`."""
        async with self._writing.alone(self._connection.call_seconds):
            # By the store's client: the store's `async_add` turns LlamaIndex's nodes into JSON, which takes longer than
            # the rest, and sends one batch after the other.
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
        """The ids of all rows, the latest writes included, in lists of thousands. An id of two rows comes once."""
        async for batch in self._all("id", MOST_ROWS // 2):
            yield [row["id"] for row in batch]

    async def _all(self, name: str, size: int, doc_ids: Collection[str] | None = None) -> AsyncIterator[Any]:
        """The field `name` ("*": every field) of all rows of `doc_ids` (None: of all documents), in lists of at most
        `size`."""
        # pymilvus's iterators ignore a consistency level. After this count the server knows all that was written.
        if not await self.count(doc_ids, "Strong"):
            return
        store = await self._ready()
        batches = await self._call(
            asyncio.to_thread(
                store.client.query_iterator,
                self._name,
                batch_size=size,
                filter=only(doc_ids) if doc_ids is not None else "",
                output_fields=[name],
                timeout=self._connection.call_seconds,
            )
        )
        while batch := await self._call(asyncio.to_thread(batches.next)):
            yield batch

    async def delete_rows(self, row_ids: Sequence[str]) -> None:
        """Delete rows by their ids, which `row_ids` gives. Raises StoreError for an id of another form."""
        async with self._writing.alone(DELETION_SECONDS):
            for first in range(0, len(row_ids), ROWS_DELETED_TOGETHER):
                condition = only_rows(row_ids[first : first + ROWS_DELETED_TOGETHER])
                await self._writing.write(async_client(await self._ready()).delete(self._name, filter=condition))

    async def count_each(self, doc_ids: Collection[str]) -> Counter[str]:
        """The number of rows of each document of `doc_ids`, the latest writes included."""
        if not doc_ids or not await self.connect():
            return Counter()
        rows = await self._connection.read(
            lambda store: async_client(store).query(
                self._name, filter=only(doc_ids), output_fields=["doc_id"], consistency_level="Strong"
            )
        )
        return Counter(row["doc_id"] for row in rows)

    async def miscounted(self, expected: Mapping[str, int]) -> dict[str, int]:
        """The documents whose number of rows differs from `expected`, as {doc_id: rows}, the latest writes included.

        Documents are counted together: if one lacks two rows and another has two too many, neither is reported.
        """
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
        halves = [{doc_id: expected[doc_id] for doc_id in ids} for ids in (doc_ids[:half], doc_ids[half:])]
        return {doc_id: number for part in halves for doc_id, number in (await self.miscounted(part)).items()}

    async def delete(self, doc_ids: Collection[str]) -> tuple[int, int]:
        """Delete the rows of documents. Returns how many rows they had and how many are left (0)."""
        for _ in range(DELETION_ATTEMPTS):
            if not doc_ids or not await self.connect():
                return 0, 0
            with contextlib.suppress(CollectionLost):  # it may exist again by now, so look once more
                async with self._writing.alone(DELETION_SECONDS):
                    store = await self._ready()
                    before = await self.count(doc_ids, "Strong")
                    if before:
                        await self._writing.write(async_client(store).delete(self._name, filter=only(doc_ids)))
                    return before, await self.count(doc_ids, "Strong")
        raise self.lost()

    async def delete_collection(self) -> tuple[int, int]:
        """Delete the collection. Returns how many rows it had and how many are left (0)."""
        for _ in range(DELETION_ATTEMPTS):
            if not await self.connect():
                return 0, 0
            with contextlib.suppress(CollectionLost):  # another process has deleted it, and may have made it again
                async with self._writing.alone(DELETION_SECONDS):
                    store = await self._ready()
                    counts = await self._call(
                        async_client(store).query(
                            self._name, filter="", output_fields=["count(*)"], consistency_level="Strong"
                        )
                    )
                    await self._writing.write(async_client(store).drop_collection(self._name))
                    await self._connection.close_collection()
                return int(counts[0]["count(*)"]), await self.count()
        raise self.lost()

    async def flush(self) -> None:
        """Seal the inserted rows: Milvus Lite searches unsealed rows ten times slower."""
        if self._lite and self._connection.store is not None:
            async with self._writing.alone(LITE_CALL_SECONDS):
                client = (await self._ready()).client  # a new one, if a failed write has reopened the file
                await self._writing.write(asyncio.to_thread(client.flush, self._name), 4 * LITE_CALL_SECONDS)

    async def settle(self, seconds: float) -> bool:
        """Have Milvus seal and index all rows, for benchmarks. Returns whether it took at most `seconds`."""
        await self.flush()
        if self._lite or self._connection.store is None:
            return True
        client = self._connection.store.client
        await self._call(asyncio.to_thread(client.flush, self._name, timeout=seconds), seconds)
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            index = await self._call(asyncio.to_thread(client.describe_index, self._name, "embedding"))
            if not int(index["pending_index_rows"]):  # rows that compaction has rewritten are pending, too
                return True
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(1)
