"""Milvus: one collection, on Milvus Lite, a server, a cluster or Zilliz Cloud.

This is the only module that knows pymilvus.

The collection is made by LlamaIndex's MilvusVectorStore; inserts and searches go through the AsyncMilvusClient in it.
What those get wrong (see the comments) is put right here. All coroutines must run on the one event loop of the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import logging
import re
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag import lite_server
from rag.errors import CollectionLost, RagError, StoreError, StoreUnavailable
from rag.libraries import IMPORTING, keep
from rag.retries import retrying
from rag.rows import Hit, make_filter, make_row, only, only_rows, read_hit
from rag.schema import Chunk
from rag.settings import Settings, milvus_uri_hidden
from rag.shared_requests import SharedRequests

# These take a second to import, and what lists documents doesn't need them: `_import_milvus` does it.
if TYPE_CHECKING:
    from llama_index.vector_stores.milvus import MilvusVectorStore
    from pymilvus import AsyncMilvusClient, MilvusClient

logger = logging.getLogger(__name__)

# How long a server is waited for. Together these keep a search below 15 s and everything else below 40 s.
CONNECT_SECONDS = 5.0
SEARCH_SECONDS = 10.0
CALL_SECONDS = 15.0
REMOVAL_SECONDS = 30.0
OPEN_SECONDS = 60.0
MAKING_SECONDS = 5.0
# Milvus Lite is never away, being in this process, but it takes its time: opening a large file, which is read into
# memory, and merging segments, after which it builds their indexes again.
LITE_CALL_SECONDS = 30.0
LITE_OPEN_SECONDS = 120.0
# An attempt to connect that gets no answer holds up the ones that follow, and those wait longer each time: by default
# 20 s, and up to 120 s.
SERVER_GRPC_OPTIONS = {
    "grpc.min_reconnect_backoff_ms": 5_000,
    "grpc.max_reconnect_backoff_ms": 5_000,
    "grpc.use_local_subchannel_pool": 1,  # a new client gets a new connection
}
# pymilvus pings every 10 s, Milvus Lite answers too many pings with GOAWAY, and an insert can then wait for ever. To a
# server those pings are what tells that a connection is dead on which nothing comes back.
LITE_GRPC_OPTIONS = {"grpc.keepalive_time_ms": 600_000}
INSERT_BATCH = 100
# What one answer of a server may weigh.
HITS_TOGETHER = 16_384
# Their ids are 80 characters each.
ROWS_DELETED_TOGETHER = 500
# On a server: while it works at the next request, the answer to this one is unpacked.
VECTORS_TOGETHER = 250
# Of the values tried on questions of six sets, these found most; Milvus's defaults are 1.2 and 0.75 (Lite's 1.5).
BM25_PARAMETERS = {"bm25_k1": 1.0, "bm25_b": 0.9}
# Milvus Lite refuses any other drop ratio; MilvusVectorStore's own text search asks for 0.2.
BM25_SEARCH: dict[str, Any] = {"metric_type": "BM25", "params": {"drop_ratio_search": 0.0}}
# All vectors are looked at, by FAISS; Milvus Lite's own FLAT takes ten times as long.
LITE_INDEX = {"index_type": "IVF_FLAT", "params": {"nlist": 1}}

# What a server says that isn't there, or has just come and is finding its data again.
_UNAVAILABLE = re.compile(
    r"fail connecting|unavailable|deadline|time-?out|timed out|connection|channel|not ready|no available|not healthy|"
    r"unhealthy|delegator|shard leader|node offline|node not (found|match)|initializing|abnormal"
)
# After a restart a collection may have to be loaded again, which is a part of opening it.
_NOT_LOADED = re.compile(r"not loaded|in state 'released'")
_ROW_FIELDS = ["doc_id", "page", "start", "end"]


# What Milvus says of a collection that another process hasn't got to the end of making.
_UNFINISHED = re.compile(r"createindex failed|index (not|doesn't) (found|exist)|duplicate collection|already exists?")


class _BeingMade(StoreUnavailable):
    """Another process is making the collection."""


def _is_being_made(error: BaseException) -> bool:
    return isinstance(error, _BeingMade | CollectionLost)  # the latter: dropped between two looks at it


@dataclass(frozen=True, slots=True)
class _Search:
    """What searches that share a request have in common."""

    vectors: str
    limit: int
    condition: str
    parameters: dict[str, Any] = field(compare=False)  # follow from the field of vectors


class _DiskFailed(StoreError):
    """Milvus Lite can't write."""


class _Damaged(StoreError):
    """Milvus Lite can't read its file."""


class VectorStore:
    """The collection named in the settings; connects at the first use and again after a failure."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._name = settings.collection
        self._address = settings.milvus_address
        self._shown = settings.milvus_shown
        self._lite = settings.milvus_is_lite
        self._client: MilvusClient | None = None
        self._store: MilvusVectorStore | None = None
        self._opening: asyncio.Future[None] | None = None
        self._call_seconds = LITE_CALL_SECONDS if self._lite else CALL_SECONDS
        # Concurrent writers lose acknowledged rows on Milvus Lite; a lock costs a server nothing worth having either,
        # since rows come from one pipeline.
        self._writing = asyncio.Lock()
        # Milvus Lite works at one request at a time anyhow.
        self._searches: SharedRequests[_Search, list[float] | str, list[Hit]] = SharedRequests(
            self._search_together, lambda search: _most(search, self._lite), 1 if self._lite else 4
        )
        self._sealing: asyncio.Future[Any] | None = None
        self._warming = asyncio.Lock()
        self._warm = not self._lite
        self._opened_number: object = None
        self._vanished = False  # a call has found that the collection isn't there any more
        self._away = False  # connections were let go since nothing came back on them
        self.has_lexical = False
        self.version = ""

    @property
    def is_open(self) -> bool:
        """Whether the collection is open; not so before the first document."""
        return self._store is not None

    @property
    def is_warm(self) -> bool:
        """Whether searches needn't wait for `warm_up` any more."""
        return self._warm

    # --- connection

    async def connect(self, seconds: float = SEARCH_SECONDS) -> bool:
        """Reach Milvus and open the collection, waiting so long for a server. Returns whether the collection exists.

        Raises StoreUnavailable, within seconds where nothing listens, or StoreError.
        """
        if self._store is None:
            await retrying(_is_being_made, MAKING_SECONDS)(self._open, None, seconds)
        return self._store is not None

    async def create(self, dimension: int) -> None:
        """Make the collection for vectors of `dimension` floats unless it exists; then check that it fits."""
        while self._store is None:
            await retrying(_is_being_made, MAKING_SECONDS)(self._open, dimension, REMOVAL_SECONDS)
        stored = await self._call(asyncio.to_thread(self._dimension))
        if stored != dimension:
            raise StoreError(
                f"The collection {self._name} holds vectors of {stored} dimensions and the embedding model makes "
                f"{dimension}; choose another COLLECTION or the model that it was built with."
            )

    async def _open(self, dimension: int | None, seconds: float) -> None:
        """Join the opening that is under way, or begin one, which makes the collection where `dimension` is given.

        The constructors of pymilvus and MilvusVectorStore block, and concurrent ones fail on a Lite file: so there is
        one thread at a time. It goes on when those who wait for it give up; all get its outcome.
        """
        if self._opening is None:
            self._opening = asyncio.ensure_future(asyncio.to_thread(self._connect, dimension))
            self._opening.add_done_callback(self._opened)
        opening = self._opening
        await asyncio.wait([opening], timeout=LITE_OPEN_SECONDS if self._lite else seconds)
        if not opening.done():
            raise StoreUnavailable(
                f"Milvus at {self._shown} takes long to open the collection {self._name}; try again in a moment."
            )
        await self._call(opening)

    def _opened(self, opening: asyncio.Future[None]) -> None:
        self._opening = None
        if not opening.cancelled():
            opening.exception()  # everyone who waited for it may have given up

    async def ping(self) -> bool:
        """Whether the collection that was open has been there since the last ping; True where there was none.

        Raises StoreUnavailable when Milvus doesn't answer. A collection that was dropped from outside is forgotten,
        so that it can be made again.
        """
        try:
            await self._look()
        except StoreUnavailable as error:
            if not self._lite and self._opening is None and not isinstance(error, CollectionLost):
                # It can be the connections, on which nothing comes back any more: gRPC takes a minute to notice.
                self._away = True
                await self._let_go()
            raise
        vanished, self._vanished = self._vanished, False
        return not vanished

    async def _look(self) -> None:
        if await self.connect(OPEN_SECONDS):
            assert self._client is not None
            there = asyncio.to_thread(self._client.has_collection, self._name, timeout=CONNECT_SECONDS)
            # Of the same name, but another one, where another process has dropped it and made it again.
            if not await self._call(there) or await self._call(asyncio.to_thread(self._number)) != self._opened_number:
                await self._forget_store()
                self._vanished = True

    async def _forget_store(self) -> None:
        store, self._store = self._store, None
        self._warm = not self._lite
        if store is not None:
            await _async_client(store).close()
            await asyncio.to_thread(store.client.close)

    async def close(self) -> None:
        """Let go of Milvus; on Lite other processes may then open the file."""
        # Their threads go on when whoever waited for them doesn't; the file must not be let go meanwhile.
        if under_way := [future for future in (self._opening, self._sealing) if future is not None]:
            await asyncio.wait(under_way, timeout=LITE_CALL_SECONDS)
        await self._let_go()

    async def _let_go(self) -> None:
        await self._forget_store()
        if self._client is not None:
            await asyncio.to_thread(self._client.close)
        if self._client is not None and self._lite:
            await asyncio.to_thread(lite_server.release, self._address)
        self._client = self._store = None

    def _connect(self, dimension: int | None) -> None:
        _import_milvus(self._lite)
        from pymilvus import MilvusClient

        if self._client is None:
            if self._lite:
                Path(self._address).parent.mkdir(parents=True, exist_ok=True)
                lite_server.retain(self._address)
            try:
                if self._lite:
                    lite_server.start(self._address)
                self._client = MilvusClient(**_connection(self._settings))
                self.version = str(self._client.get_server_version(timeout=CONNECT_SECONDS))
            except BaseException:
                self._drop_client()
                raise
        try:
            self._open_collection(dimension)
        except Exception as error:
            if self._lite:
                self._drop_client()  # else it says the next time that there is no such collection
            # Milvus Lite is there, or this hadn't been reached; so it is the file that is wrong.
            if self._lite and not isinstance(error, StoreError) and not lite_server.disk_failure(error):
                raise _Damaged(
                    f"The Milvus Lite file {self._address} is damaged ({_first_line(error)[:120]}); stop the app, put "
                    "a copy of it in its place or move it away, then start again: what it lacks is added by itself."
                ) from error
            raise

    def _drop_client(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()
        if self._lite:
            lite_server.release(self._address)

    def _open_collection(self, dimension: int | None) -> None:
        assert self._client is not None
        # Milvus Lite reads the collection for this, all of it.
        if self._client.has_collection(self._name, timeout=LITE_OPEN_SECONDS if self._lite else CONNECT_SECONDS):
            self._make_store(None)
        elif dimension is not None:
            self._make_store(dimension)

    def _make_store(self, dimension: int | None) -> None:
        """Construct the MilvusVectorStore; with a dimension it makes the collection."""
        from llama_index.vector_stores.milvus import MilvusVectorStore
        from llama_index.vector_stores.milvus.utils import BM25BuiltInFunction
        from pymilvus import DataType

        assert self._client is not None
        if dimension is None:
            description = self._client.describe_collection(self._name, timeout=self._call_seconds)
            fields = {field["name"] for field in description["fields"]}
            if not {"id", "embedding", *_ROW_FIELDS} <= fields:
                raise StoreError(f"The collection {self._name} wasn't made by Docent; set COLLECTION to another name.")
            self.has_lexical = "sparse_embedding" in fields
        else:
            self.has_lexical = self._lite or _knows_bm25(self.version)
            if self._lite:
                lite_server.remove_leftover(self._address, self._name)
        # Milvus Lite has no whitespace tokenizer; its standard one keeps our terms whole, a server's would not.
        tokenizer = "standard" if self._lite else "whitespace"
        store = MilvusVectorStore(
            **_connection(self._settings),
            collection_name=self._name,
            dim=dimension,
            similarity_metric="COSINE",
            index_config=LITE_INDEX if self._lite else {"index_type": "AUTOINDEX"},
            enable_sparse=self.has_lexical,
            sparse_embedding_function=BM25BuiltInFunction("lexical", analyzer_params={"tokenizer": tokenizer})
            if self.has_lexical
            else None,
            # Milvus Lite reads index parameters only where pymilvus 2.6 doesn't put them by itself.
            sparse_index_config={"params": BM25_PARAMETERS} if self._lite else BM25_PARAMETERS,
            scalar_field_names=["lexical", "page", "start", "end"],
            scalar_field_types=[DataType.VARCHAR, DataType.INT64, DataType.INT64, DataType.INT64],
            output_fields=_ROW_FIELDS,
            consistency_level=self._settings.consistency_level,
            batch_size=INSERT_BATCH,
        )
        # After a restart a Lite collection isn't loaded, and every search would fail.
        self._client.load_collection(self._name, timeout=LITE_CALL_SECONDS)
        self._opened_number = self._number()
        self._store, self._away = store, False
        if not self.has_lexical:
            logger.info("Milvus %s has no BM25: dense search only", self.version)

    def _number(self) -> object:
        """What tells the collection from an earlier one of its name; nothing does on Milvus Lite."""
        assert self._client is not None
        return self._client.describe_collection(self._name, timeout=self._call_seconds).get("collection_id")

    def _dimension(self) -> int:
        assert self._client is not None
        description = self._client.describe_collection(self._name, timeout=self._call_seconds)
        return next(int(field["params"]["dim"]) for field in description["fields"] if field["name"] == "embedding")

    # --- rows

    async def insert(
        self, rows: Sequence[tuple[str, int, Chunk, str, list[float]]], namespace: str, again: bool = False
    ) -> None:
        """Insert rows of (doc_id, number, chunk, lexical text, vector); their ids follow from `namespace` and number.

        `again` first deletes what an earlier attempt may have left. Raises StoreUnavailable or StoreError; some of
        the rows may then be there.
        """
        await self.insert_rows([make_row(namespace, *row) for row in rows], again)

    async def count(self, doc_ids: Collection[str] | None = None, consistency: str | None = None) -> int:
        """How many rows there are (of these documents), as a search under that consistency level would see them."""
        if not await self.connect():
            return 0
        store = await self._ready()
        found = await self._call(
            _async_client(store).query(
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
        async with self._turn_to_write(CALL_SECONDS):
            # By the store's client, not by its async_add: that one makes LlamaIndex's nodes into JSON, which takes
            # longer than the rest, and sends one batch after the other.
            client = _async_client(await self._ready())

            async def write(batch: Sequence[dict[str, Any]]) -> None:
                if again:
                    ids = ",".join(f'"{row["id"]}"' for row in batch)
                    await self._call(client.delete(self._name, filter=f"id in [{ids}]"))
                await self._call(client.insert(self._name, list(batch)))

            batches = [rows[first : first + INSERT_BATCH] for first in range(0, len(rows), INSERT_BATCH)]
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
        async for found in self._all("id", HITS_TOGETHER // 2):
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
                timeout=self._call_seconds,
            )
        )
        while found := await self._call(asyncio.to_thread(pages.next)):
            yield found

    async def delete_rows(self, row_ids: Sequence[str]) -> None:
        """Delete rows by their ids, as `row_ids` gives them. Raises StoreError for an id of another form."""
        async with self._turn_to_write(REMOVAL_SECONDS):
            for first in range(0, len(row_ids), ROWS_DELETED_TOGETHER):
                condition = only_rows(row_ids[first : first + ROWS_DELETED_TOGETHER])
                await self._call(_async_client(await self._ready()).delete(self._name, filter=condition))

    async def count_each(self, doc_ids: Collection[str]) -> Counter[str]:
        """How many rows each of these documents has, whatever was written last included."""
        if not doc_ids or not await self.connect():
            return Counter()
        store = await self._ready()
        found = await self._call(
            _async_client(store).query(
                self._name, filter=only(doc_ids), output_fields=["doc_id"], consistency_level="Strong"
            )
        )
        return Counter(row["doc_id"] for row in found)

    async def delete(self, doc_ids: Collection[str]) -> tuple[int, int]:
        """Delete the rows of documents. Returns how many were there and how many are left (0)."""
        while doc_ids and await self.connect():
            with contextlib.suppress(CollectionLost):  # with all of its rows; maybe there is another one by now
                async with self._turn_to_write(REMOVAL_SECONDS):
                    store = await self._ready()
                    before = await self.count(doc_ids, "Strong")
                    if before:
                        await self._call(_async_client(store).delete(self._name, filter=only(doc_ids)))
                    return before, await self.count(doc_ids, "Strong")
        return 0, 0

    async def drop(self) -> tuple[int, int]:
        """Drop the collection. Returns how many rows it had and how many are left (0)."""
        while await self.connect():
            with contextlib.suppress(CollectionLost):  # another process was quicker, and may have made another one
                async with self._turn_to_write(REMOVAL_SECONDS):
                    store = await self._ready()
                    found = await self._call(
                        _async_client(store).query(
                            self._name, filter="", output_fields=["count(*)"], consistency_level="Strong"
                        )
                    )
                    await self._call(_async_client(store).drop_collection(self._name))
                    await self._forget_store()
                return int(found[0]["count(*)"]), await self.count()
        return 0, 0

    async def flush(self) -> None:
        """Seal what was inserted: Milvus Lite searches unsealed rows ten times slower."""
        if self._lite and self._store is not None:
            async with self._turn_to_write(LITE_CALL_SECONDS):
                self._sealing = asyncio.ensure_future(asyncio.to_thread(self._store.client.flush, self._name))
                await self._call(asyncio.shield(self._sealing), 4 * LITE_CALL_SECONDS)

    async def settle(self, seconds: float) -> bool:
        """Have Milvus seal and index all rows, for benchmarks. Returns whether that was done within `seconds`."""
        await self.flush()
        if self._lite or self._store is None:
            return True
        client = self._store.client
        await self._call(asyncio.to_thread(client.flush, self._name, timeout=seconds), seconds)
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            index = await self._call(asyncio.to_thread(client.describe_index, self._name, "embedding"))
            if not int(index["pending_index_rows"]):  # what compaction has made anew is among them
                return True
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(1)

    # --- search

    async def search_dense(
        self, vector: list[float], limit: int, doc_ids: Collection[str] | None, without: Collection[str]
    ) -> list[Hit]:
        """The rows nearest to `vector` by cosine, best first, among `doc_ids` (all when None) but not `without`."""
        return await self._search("embedding", vector, {"metric_type": "COSINE"}, limit, make_filter(doc_ids, without))

    async def warm_up(self) -> None:
        """Have Milvus Lite build what its first lexical search after opening needs: seconds for tens of thousands of
        rows. Searches that come meanwhile wait for that rather than have it built a second time."""
        async with self._warming:
            if not self._warm and await self.connect():
                if self.has_lexical:
                    await self._search("sparse_embedding", "a", BM25_SEARCH, 1, "")
                self._warm = True

    async def search_lexical(
        self, lexical_text: str, limit: int, doc_ids: Collection[str] | None, without: Collection[str]
    ) -> list[Hit]:
        """The rows that BM25 ranks highest for the terms of `lexical_text`, best first; none without BM25."""
        if not lexical_text or not await self.connect() or not self.has_lexical:
            return []
        if not self._warm:
            await self.warm_up()
        return await self._search("sparse_embedding", lexical_text, BM25_SEARCH, limit, make_filter(doc_ids, without))

    async def _search(
        self, field: str, data: list[float] | str, parameters: dict[str, Any], limit: int, condition: str
    ) -> list[Hit]:
        if not await self.connect():
            return []
        async with self._within(SEARCH_SECONDS):  # the wait for those that are under way included
            return await self._searches.ask(_Search(field, limit, condition, parameters), data)

    async def _search_together(self, search: _Search, data: list[list[float] | str]) -> list[list[Hit]]:
        # By the store's client, not by its aquery: that one has no consistency level and no time-out.
        store = await self._ready()
        found = await self._call(
            _async_client(store).search(
                self._name,
                data=data,
                anns_field=search.vectors,
                limit=search.limit,
                filter=search.condition,
                output_fields=["text", "page", "start", "end"],
                search_params=search.parameters,
                consistency_level=self._settings.consistency_level,
            ),
            LITE_OPEN_SECONDS if self._lite else SEARCH_SECONDS,
        )
        # Milvus Lite gives BM25 as a distance, below zero.
        score = abs if search.vectors == "sparse_embedding" else float
        return [[read_hit(hit["id"], hit["entity"], score(hit["distance"])) for hit in hits] for hits in found]

    # --- inner workings

    async def _ready(self) -> MilvusVectorStore:
        if self._lite:
            await self.connect()  # it may have been let go
        if self._store is None:
            raise self._unreachable() if self._away else self.lost()
        return self._store

    @contextlib.asynccontextmanager
    async def _within(self, seconds: float) -> AsyncIterator[None]:
        """Give up what a server doesn't get done in so many seconds, with the wait for its turn."""
        try:
            async with asyncio.timeout(None if self._lite else seconds):
                yield
        except TimeoutError as error:
            raise self._mapped(error) from error

    @contextlib.asynccontextmanager
    async def _turn_to_write(self, seconds: float) -> AsyncIterator[None]:
        """Write alone. A server has so many seconds, with the wait for the turn."""
        async with self._within(seconds), self._writing:
            try:
                yield
            except _DiskFailed:
                # Milvus Lite has forgotten rows that it couldn't save, or its log ends with half a record, behind which
                # nothing would be read. What the log has before that is there again when the file is opened anew.
                await self._let_go()
                raise

    async def _call(self, awaitable: Any, seconds: float | None = None) -> Any:
        """Await with a time-out, which pymilvus doesn't have, and map its exceptions."""
        try:
            async with asyncio.timeout(seconds or self._call_seconds):
                return await awaitable
        except RagError:
            raise
        except asyncio.CancelledError as error:
            if (task := asyncio.current_task()) and task.cancelling():
                raise
            # Nobody wants to stop this: the client was closed, since another call has found the collection gone, or the
            # connections dead.
            raise (self._unreachable() if self._away else self.lost()) from error
        except Exception as error:
            logger.warning("a Milvus call failed", exc_info=error)
            mapped = self._mapped(error)
            if isinstance(mapped, CollectionLost):
                await self._forget_store()
                self._vanished = True
            elif _NOT_LOADED.search(str(error).lower()):
                await self._forget_store()
            raise mapped from error

    def _mapped(self, error: Exception) -> StoreError:
        # Imported by then, for the call that failed.
        from grpc import RpcError
        from pymilvus import MilvusException

        if self._lite and lite_server.is_locked(error):
            return StoreUnavailable(
                f"The Milvus Lite file {self._address} is in use by another process, such as the app; stop that one, "
                "or use a Milvus server by setting MILVUS_URI."
            )
        text = str(getattr(error, "message", "") or error)
        lower = text.lower()
        if self._lite and (failure := lite_server.disk_failure(error)):
            return _DiskFailed(
                f"The Milvus Lite file {self._address} can't be written ({failure}); make room on its disk, or make it "
                "writable, then try again."
            )
        if self._lite and isinstance(error, OSError) and not isinstance(error, TimeoutError):
            return StoreError(
                f"The Milvus Lite file {self._address} can't be opened ({error}); check DATA_DIR and MILVUS_URI."
            )
        if re.search(r"unauthenticated|auth check failure|permission ?denied|privilege", lower):
            return StoreError(f"Milvus at {self._shown} refused the login; check MILVUS_TOKEN.")
        if re.search(r"collection not found|can.?t find collection|collection '\w+' does not exist", lower):
            return self.lost()
        if _UNFINISHED.search(lower):
            return _BeingMade(
                f"The collection {self._name} at {self._shown} is being made by another process; try again in a moment."
            )
        away = isinstance(error, (TimeoutError, OSError, RpcError))
        if away or _UNAVAILABLE.search(lower) or _NOT_LOADED.search(lower):
            return self._unreachable()
        if isinstance(error, MilvusException):
            return StoreError(f"Milvus refused the operation: {_first_line(error)[:200]}")
        return StoreError(f"Milvus failed with {type(error).__name__}; see the log.")

    def _unreachable(self) -> StoreUnavailable:
        return StoreUnavailable(f"Milvus doesn't answer at {self._shown}; start it, or check MILVUS_URI.")

    def lost(self) -> CollectionLost:
        """What is raised where the collection should be there."""
        return CollectionLost(
            f"Milvus at {self._shown} has no collection {self._name} any more; its documents are added again by "
            "themselves, so try again in a moment."
        )


def open_client(settings: Settings) -> MilvusClient:
    """A client of pymilvus's own, for benchmarks. To be called in a thread; raises what pymilvus raises."""
    _import_milvus(settings.milvus_is_lite)
    from pymilvus import MilvusClient

    return MilvusClient(**_connection(settings))


def make_plain_store(settings: Settings, name: str, dimension: int) -> MilvusVectorStore:
    """LlamaIndex's store as the tutorial makes it, for benchmarks; but for LITE_GRPC_OPTIONS, without which it can wait
    for ever on Milvus Lite. After `open_client`, in a thread; raises what pymilvus raises."""
    from llama_index.vector_stores.milvus import MilvusVectorStore

    return MilvusVectorStore(
        **_connection(settings),
        collection_name=name,
        dim=dimension,
        similarity_metric="COSINE",
        consistency_level=settings.consistency_level,
    )


def _first_line(error: Exception) -> str:
    return (str(getattr(error, "message", "") or error).splitlines() or [type(error).__name__])[0]


def _connection(settings: Settings) -> dict[str, Any]:
    token = settings.milvus_token.get_secret_value()
    return {
        "uri": settings.milvus_address,
        "token": token,
        "timeout": CONNECT_SECONDS,
        "grpc_options": LITE_GRPC_OPTIONS if settings.milvus_is_lite else SERVER_GRPC_OPTIONS,
        # Else pymilvus keeps the connections of loops that are closed, and gives them to loops that come later.
        "dedicated": True,
    }


def _async_client(store: MilvusVectorStore) -> AsyncMilvusClient:
    assert store.aclient is not None  # we never ask for a store without it
    return store.aclient


def _most(search: _Search, lite: bool) -> int:
    most = max(1, HITS_TOGETHER // search.limit)
    return most if lite else min(most, VECTORS_TOGETHER)


def _knows_bm25(version: str) -> bool:
    numbers = re.findall(r"\d+", version)
    return [int(number) for number in numbers[:2]] >= [2, 5]


@functools.cache
def _import_milvus(lite: bool) -> None:
    """Import what speaks to Milvus, once. To be called in a thread."""
    with IMPORTING, milvus_uri_hidden():
        importlib.import_module("llama_index.vector_stores.milvus")
        with contextlib.suppress(ImportError):
            importlib.import_module("scipy.sparse")  # else pymilvus does so at the first search, on the event loop
        if lite:
            lite_server.prepare()
    # It takes each character of a text for a text of its own, which takes as long as the rest of an insert.
    entity_helper: Any = importlib.import_module("pymilvus.client.entity_helper")
    entity_helper.CHECK_STR_ARRAY = False
    # pymilvus logs a traceback for every failed call before it raises; here each failure is logged once.
    for name in ("pymilvus", "milvus_lite", "grpc._server"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    keep()
