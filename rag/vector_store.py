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
from rag.errors import RagError, StoreError, StoreUnavailable
from rag.libraries import IMPORTING, keep
from rag.rows import Hit, make_filter, make_row, only, read_hit
from rag.schema import Chunk
from rag.settings import Settings, milvus_uri_hidden
from rag.shared_requests import SharedRequests

# These take a second to import, and what lists documents doesn't need them: `_import_milvus` does it.
if TYPE_CHECKING:
    from llama_index.vector_stores.milvus import MilvusVectorStore
    from pymilvus import AsyncMilvusClient, MilvusClient

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 5.0
CALL_SECONDS = 30.0
SEARCH_SECONDS = 10.0
# Opening a large Lite file, which is read into memory, takes its time.
OPEN_SECONDS = 120.0
# pymilvus pings every 10 s, Milvus Lite answers too many pings with GOAWAY, and an insert can then wait for ever.
GRPC_OPTIONS = {"grpc.keepalive_time_ms": 600_000}
INSERT_BATCH = 100
# What one answer of a server may weigh.
HITS_TOGETHER = 16_384
# On a server: while it works at the next request, the answer to this one is unpacked.
VECTORS_TOGETHER = 250
# Of the values tried on questions of six sets, these found most; Milvus's defaults are 1.2 and 0.75 (Lite's 1.5).
BM25_PARAMETERS = {"bm25_k1": 1.0, "bm25_b": 0.9}
# Milvus Lite refuses any other drop ratio; MilvusVectorStore's own text search asks for 0.2.
BM25_SEARCH: dict[str, Any] = {"metric_type": "BM25", "params": {"drop_ratio_search": 0.0}}
# All vectors are looked at, by FAISS; Milvus Lite's own FLAT takes ten times as long.
LITE_INDEX = {"index_type": "IVF_FLAT", "params": {"nlist": 1}}

_ROW_FIELDS = ["doc_id", "page", "start", "end"]


@dataclass(frozen=True, slots=True)
class _Search:
    """What searches that share a request have in common."""

    vectors: str
    limit: int
    condition: str
    parameters: dict[str, Any] = field(compare=False)  # follow from the field of vectors


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
        self._opening = asyncio.Lock()
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

    async def connect(self) -> bool:
        """Reach Milvus and open the collection. Returns whether the collection exists.

        Raises StoreUnavailable, within seconds where nothing listens, or StoreError.
        """
        if self._store is not None:
            return True
        async with self._opening:
            if self._store is not None:
                return True
            # The constructors of pymilvus and MilvusVectorStore block; concurrent ones fail on a Lite file.
            return bool(await self._call(asyncio.to_thread(self._connect), OPEN_SECONDS))

    async def create(self, dimension: int) -> None:
        """Make the collection for vectors of `dimension` floats unless it exists; then check that it fits."""
        if not await self.connect():
            async with self._opening:
                if self._store is None:
                    await self._call(asyncio.to_thread(self._open, dimension), CALL_SECONDS)
        stored = await self._call(asyncio.to_thread(self._dimension))
        if stored != dimension:
            raise StoreError(
                f"The collection {self._name} holds vectors of {stored} dimensions and the embedding model makes "
                f"{dimension}; choose another COLLECTION or the model that it was built with."
            )

    async def ping(self) -> bool:
        """Whether the collection that was open is still there; True where there was none.

        Raises StoreUnavailable when Milvus doesn't answer. A collection that was dropped from outside is forgotten,
        so that it can be made again.
        """
        if not await self.connect():
            return True
        assert self._client is not None
        if await self._call(asyncio.to_thread(self._client.has_collection, self._name, timeout=CONNECT_SECONDS)):
            return True
        async with self._opening:
            await self._forget_store()
        return False

    async def _forget_store(self) -> None:
        store, self._store = self._store, None
        self._warm = not self._lite
        if store is not None:
            await _async_client(store).close()
            await asyncio.to_thread(store.client.close)

    async def close(self) -> None:
        """Let go of Milvus; on Lite other processes may then open the file."""
        if self._sealing is not None:
            # Its thread goes on when whoever waited for it doesn't; the file must not be let go meanwhile.
            await asyncio.wait([self._sealing], timeout=CALL_SECONDS)
        await self._forget_store()
        if self._client is not None:
            await asyncio.to_thread(self._client.close)
        if self._client is not None and self._lite:
            await asyncio.to_thread(lite_server.release, self._address)
        self._client = self._store = None

    def _connect(self) -> bool:
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
                self._client = None
                if self._lite:
                    lite_server.release(self._address)
                raise
        # Milvus Lite reads the collection for this, all of it.
        if not self._client.has_collection(self._name, timeout=OPEN_SECONDS if self._lite else CONNECT_SECONDS):
            return False
        self._open(None)
        return True

    def _open(self, dimension: int | None) -> None:
        """Construct the MilvusVectorStore; with a dimension it makes the collection."""
        from llama_index.vector_stores.milvus import MilvusVectorStore
        from llama_index.vector_stores.milvus.utils import BM25BuiltInFunction
        from pymilvus import DataType

        assert self._client is not None
        if dimension is None:
            description = self._client.describe_collection(self._name, timeout=CALL_SECONDS)
            fields = {field["name"] for field in description["fields"]}
            if not {"id", "embedding", *_ROW_FIELDS} <= fields:
                raise StoreError(f"The collection {self._name} wasn't made by Docent; set COLLECTION to another name.")
            self.has_lexical = "sparse_embedding" in fields
        else:
            self.has_lexical = self._lite or _knows_bm25(self.version)
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
        self._client.load_collection(self._name, timeout=CALL_SECONDS)
        self._store = store
        if not self.has_lexical:
            logger.info("Milvus %s has no BM25: dense search only", self.version)

    def _dimension(self) -> int:
        assert self._client is not None
        description = self._client.describe_collection(self._name, timeout=CALL_SECONDS)
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
        if not doc_ids or not await self.connect():
            return
        store = await self._ready()
        pages = await self._call(
            asyncio.to_thread(
                store.client.query_iterator,
                self._name,
                batch_size=size,
                filter=only(doc_ids),
                output_fields=["*"],
                timeout=CALL_SECONDS,
                consistency_level="Strong",
            )
        )
        while found := await self._call(asyncio.to_thread(pages.next)):
            # Milvus makes the terms' weights by itself from the lexical field.
            yield [{name: row[name] for name in row if name != "sparse_embedding"} for row in found]

    async def insert_rows(self, rows: Sequence[dict[str, Any]], again: bool = False) -> None:
        """Insert rows as `rows` of another collection gives them. Raises like `insert`."""
        async with self._writing:
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
        if not doc_ids or not await self.connect():
            return 0, 0
        async with self._writing:
            store = await self._ready()
            before = await self.count(doc_ids, "Strong")
            if before:
                await self._call(_async_client(store).delete(self._name, filter=only(doc_ids)))
            return before, await self.count(doc_ids, "Strong")

    async def drop(self) -> tuple[int, int]:
        """Drop the collection. Returns how many rows it had and how many are left (0)."""
        if not await self.connect():
            return 0, 0
        async with self._writing, self._opening:
            store = await self._ready()
            found = await self._call(
                _async_client(store).query(
                    self._name, filter="", output_fields=["count(*)"], consistency_level="Strong"
                )
            )
            await self._call(_async_client(store).drop_collection(self._name))
            await self._forget_store()
        return int(found[0]["count(*)"]), await self.count()

    async def flush(self) -> None:
        """Seal what was inserted: Milvus Lite searches unsealed rows ten times slower."""
        if self._lite and self._store is not None:
            async with self._writing:
                self._sealing = asyncio.ensure_future(asyncio.to_thread(self._store.client.flush, self._name))
                await self._call(asyncio.shield(self._sealing), 4 * CALL_SECONDS)

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
            # Milvus Lite, in this process, is never away; merging segments makes it build their indexes again.
            OPEN_SECONDS if self._lite else SEARCH_SECONDS,
        )
        # Milvus Lite gives BM25 as a distance, below zero.
        score = abs if search.vectors == "sparse_embedding" else float
        return [[read_hit(hit["id"], hit["entity"], score(hit["distance"])) for hit in hits] for hits in found]

    # --- inner workings

    async def _ready(self) -> MilvusVectorStore:
        if self._store is None:
            raise StoreError(f"The collection {self._name} doesn't exist; add a document first.")
        return self._store

    async def _call(self, awaitable: Any, seconds: float = CALL_SECONDS) -> Any:
        """Await with a time-out, which pymilvus doesn't have, and map its exceptions."""
        try:
            async with asyncio.timeout(seconds):
                return await awaitable
        except RagError:
            raise
        except Exception as error:
            logger.warning("Milvus call failed: %s", str(error)[:300])
            raise self._mapped(error) from error

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
        if self._lite and isinstance(error, OSError) and not isinstance(error, TimeoutError):
            return StoreError(
                f"The Milvus Lite file {self._address} can't be opened ({error}); check DATA_DIR and MILVUS_URI."
            )
        if re.search(r"unauthenticated|auth check failure|permission ?denied|privilege", lower):
            return StoreError(f"Milvus at {self._shown} refused the login; check MILVUS_TOKEN.")
        unreachable = isinstance(error, (TimeoutError, OSError, RpcError)) or re.search(
            r"fail connecting|unavailable|deadline|time-?out|timed out|connection|channel|not ready|no available", lower
        )
        if unreachable:
            return StoreUnavailable(f"Milvus doesn't answer at {self._shown}; start it, or check MILVUS_URI.")
        if isinstance(error, MilvusException):
            return StoreError(f"Milvus refused the operation: {text.splitlines()[0][:200]}")
        return StoreError(f"Milvus failed with {type(error).__name__}; see the log.")


def open_client(settings: Settings) -> MilvusClient:
    """A client of pymilvus's own, for benchmarks. To be called in a thread; raises what pymilvus raises."""
    _import_milvus(settings.milvus_is_lite)
    from pymilvus import MilvusClient

    return MilvusClient(**_connection(settings))


def make_plain_store(settings: Settings, name: str, dimension: int) -> MilvusVectorStore:
    """LlamaIndex's store as the tutorial makes it, for benchmarks; but for GRPC_OPTIONS, without which it can wait for
    ever on Milvus Lite. After `open_client`, in a thread; raises what pymilvus raises."""
    from llama_index.vector_stores.milvus import MilvusVectorStore

    return MilvusVectorStore(
        **_connection(settings),
        collection_name=name,
        dim=dimension,
        similarity_metric="COSINE",
        consistency_level=settings.consistency_level,
    )


def _connection(settings: Settings) -> dict[str, Any]:
    token = settings.milvus_token.get_secret_value()
    return {"uri": settings.milvus_address, "token": token, "timeout": CONNECT_SECONDS, "grpc_options": GRPC_OPTIONS}


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
