"""The connection to Milvus and to the settings' collection: opened at the first use, and again after a failure."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rag.errors import CollectionLost, RagError, StoreError, StoreUnavailable
from rag.runtime.retries import retrying
from rag.settings import Settings
from rag.vector_store import failures
from rag.vector_store.client import (
    CONNECT_SECONDS,
    ROW_FIELDS,
    async_client,
    import_milvus,
    knows_bm25,
    make_store,
    open_client,
)
from rag.vector_store.lite import server as lite_server
from rag.vector_store.reopening import Reopening, retrieve

if TYPE_CHECKING:
    from rag.vector_store.client import MilvusClient, MilvusVectorStore

logger = logging.getLogger(__name__)

# How long to wait for a server. Together these limits keep a search below 15 s and everything else below 40 s.
SEARCH_SECONDS = 10.0
CALL_SECONDS = 15.0
DELETION_SECONDS = 30.0
OPEN_SECONDS = 60.0
MAKING_SECONDS = 5.0
# Milvus Lite runs in this process, so it is never away, but it can be slow: to open a large file it reads it into
# memory, and after merging segments it builds their indexes again.
LITE_CALL_SECONDS = 30.0
LITE_OPEN_SECONDS = 120.0


class Connection:
    """The clients of one Milvus, and the collection if there is one. Use on the one event loop of the process only.

    `store` is the open collection, or None. `has_lexical` says whether it ranks by BM25. `version` is the server's, and
    `call_seconds` the time limit of a call.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._name = settings.collection
        self._address = settings.milvus_address
        self._lite = settings.milvus_is_lite
        self.call_seconds = LITE_CALL_SECONDS if self._lite else CALL_SECONDS
        self._client: MilvusClient | None = None
        self.store: MilvusVectorStore | None = None
        self._opening: asyncio.Future[None] | None = None
        self._lock = asyncio.Lock()  # held while clients are opened or closed
        self._opened_number: object = None
        self._vanished = False  # a call has found that the collection no longer exists
        self.reopening = Reopening(settings)
        self._file = self.reopening.file
        self._file_number = 0  # when this connected to it
        self._away = False  # clients were closed because Milvus didn't answer
        self.has_lexical = False
        self.version = ""

    async def connect(self, seconds: float = SEARCH_SECONDS) -> bool:
        """Reach Milvus and open the collection; a server has `seconds`. Returns whether the collection exists.

        Raises StoreUnavailable (in a few seconds if nothing listens at the address) or StoreError.
        """
        await self._settle()
        if self.store is None:
            await retrying(failures.is_being_made, MAKING_SECONDS)(self._open, None, seconds)
        return self.store is not None

    async def create(self, dimension: int) -> None:
        """Make the collection unless it exists, then check that its vectors have `dimension` floats. Raises like
        `connect`, and StoreError if they don't."""
        await self._settle()
        while self.store is None:
            await retrying(failures.is_being_made, MAKING_SECONDS)(self._open, dimension, DELETION_SECONDS)
        stored = await self.call(asyncio.to_thread(self._dimension))
        if stored != dimension:
            raise StoreError(
                f"The collection {self._name} holds vectors of {stored} dimensions and the embedding model makes "
                f"{dimension}; choose another COLLECTION or the model that it was built with."
            )

    async def ready(self) -> MilvusVectorStore:
        """The open collection, for a call. Raises CollectionLost if it isn't open; StoreUnavailable, StoreError."""
        if self._lite:
            await self.connect()  # a reopening may have closed it
        if self.store is None:
            raise self._gone(self._file_number)
        return self.store

    async def read(self, ask: Callable[[MilvusVectorStore], Any], seconds: float | None = None) -> Any:
        """Await `ask(collection)`, like `call`. Milvus Lite is asked once more where a write has failed meanwhile: the
        answer may lack rows."""
        for _ in range(2):
            store = await self.ready()
            number = self._file_number
            try:
                answer = await self.call(ask(store), seconds)
                if not self.reopening.is_due(number):
                    return answer
            except StoreUnavailable:
                if not self.reopening.is_due(number):
                    raise
        raise failures.busy(self._settings)

    async def call(self, awaitable: Any, seconds: float | None = None) -> Any:
        """Await with a time-out, which pymilvus lacks. Raises StoreError in place of pymilvus's exceptions."""
        number = self._file_number
        try:
            async with asyncio.timeout(seconds or self.call_seconds):
                return await awaitable
        except RagError:
            raise
        except asyncio.CancelledError as error:
            if (task := asyncio.current_task()) and task.cancelling():
                raise
            # This task isn't being cancelled: its client was closed, because another call has found the collection
            # gone or the connections dead.
            raise self._gone(number) from error
        except Exception as error:
            logger.warning("a Milvus call failed", exc_info=error)
            explained = failures.explain(error, self._settings)
            if self.reopening.is_due(number) and not isinstance(explained, failures.DiskFailed):
                explained = failures.busy(self._settings)
            if isinstance(explained, CollectionLost):
                await self.close_collection()
                self._vanished = True
            elif failures.is_not_loaded(error):
                await self.close_collection()
            raise explained from error

    async def ping(self) -> bool:
        """False if the open collection has vanished since the last ping; True otherwise, also if none was open.

        Raises StoreUnavailable when Milvus doesn't answer. A collection that was deleted from outside is closed, so
        that it can be made again.
        """
        try:
            await self._look()
        except StoreUnavailable as error:
            if not self._lite and self._opening is None and not isinstance(error, CollectionLost):
                # The connections themselves may be dead, which gRPC takes a minute to notice.
                self._away = True
                await self.release_clients()
            raise
        vanished, self._vanished = self._vanished, False
        return not vanished

    async def close(self) -> None:
        """Close all connections to Milvus. A Milvus Lite file is then free for other processes."""
        with contextlib.suppress(TimeoutError):  # a thread that is opening the collection ends with the process
            async with asyncio.timeout(LITE_CALL_SECONDS):
                await self.release_clients()

    async def release_clients(self, stale: bool = False) -> None:
        """Close the clients (only `stale` ones), once an opening under way has ended. The next call opens new ones."""
        async with self._lock:
            if stale and not self.reopening.is_due(self._file_number):
                return  # another call was quicker
            client, self._client = self._client, None
            try:
                await self.close_collection()
                if client is not None:
                    await asyncio.to_thread(client.close)
            finally:
                if client is not None and self._file is not None:
                    await asyncio.to_thread(self._file.release)

    async def close_collection(self) -> None:
        """Close the collection. The next use opens it again, or makes it."""
        store, self.store = self.store, None
        if store is not None:
            await async_client(store).close()
            await asyncio.to_thread(store.client.close)

    # --- inner workings

    async def _settle(self) -> None:
        """Wait for a reopening of Milvus Lite's file, and let go of clients from before it."""
        await self.reopening.finish()
        if self._client is not None and self.reopening.is_due(self._file_number):
            await self.release_clients(stale=True)

    def _gone(self, number: int) -> StoreUnavailable:
        if self._away:
            return failures.unreachable(self._settings)
        let_go = self._lite and (self._client is None or self.reopening.is_due(number))
        return failures.busy(self._settings) if let_go else failures.lost(self._settings)

    async def _open(self, dimension: int | None, seconds: float) -> None:
        """Join the opening that is under way, or begin one. With a `dimension` it makes a missing collection.

        The constructors of pymilvus and MilvusVectorStore block, and concurrent ones fail on a Milvus Lite file. So one
        thread opens at a time. It goes on when its callers give up, and all callers get its outcome.
        """
        if self._opening is None:
            if self._file is not None and self._client is None:
                self._file_number = self._file.number
            self._opening = asyncio.ensure_future(self._open_alone(dimension))
            self._opening.add_done_callback(self._opened)
        opening = self._opening
        await asyncio.wait([opening], timeout=LITE_OPEN_SECONDS if self._lite else seconds)
        if not opening.done():
            raise StoreUnavailable(
                f"Milvus at {self._settings.milvus_shown} takes long to open the collection {self._name}; try again in "
                "a moment, or check MILVUS_URI."
            )
        await self.call(opening)

    async def _open_alone(self, dimension: int | None) -> None:
        async with self._lock:
            await asyncio.to_thread(self._connect, dimension)

    def _opened(self, opening: asyncio.Future[None]) -> None:
        self._opening = None
        retrieve(opening)

    async def _look(self) -> None:
        if await self.connect(OPEN_SECONDS):
            assert self._client is not None
            exists = asyncio.to_thread(self._client.has_collection, self._name, timeout=CONNECT_SECONDS)
            # A collection that another process has deleted and made again has the same name and another number.
            if not await self.call(exists) or await self.call(asyncio.to_thread(self._number)) != self._opened_number:
                await self.close_collection()
                self._vanished = True

    # --- in a thread

    def _connect(self, dimension: int | None) -> None:
        import_milvus(self._lite)
        if self._client is None:
            try:
                if self._file is not None:
                    self._file.start()
                self._client = open_client(self._settings)
                self.version = str(self._client.get_server_version(timeout=CONNECT_SECONDS))
            except BaseException:
                self._close_client()
                raise
        try:
            self._open_collection(dimension)
        except Exception as error:
            if self._lite:
                self._close_client()  # kept open, it would say the next time that there is no such collection
                # Milvus Lite has started, so most other failures mean that its file is damaged.
                due, disk = self.reopening.is_due(self._file_number), lite_server.disk_failure(error)
                if not (due or disk or isinstance(error, StoreError) or failures.is_interrupted(error, self._settings)):
                    raise failures.damaged(error, self._settings) from error
            raise

    def _close_client(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()
        if self._file is not None:
            self._file.release()

    def _open_collection(self, dimension: int | None) -> None:
        assert self._client is not None
        # For this, Milvus Lite reads the whole collection.
        exists = self._client.has_collection(self._name, timeout=LITE_OPEN_SECONDS if self._lite else CONNECT_SECONDS)
        if exists:
            description = self._client.describe_collection(self._name, timeout=self.call_seconds)
            fields = {field["name"] for field in description["fields"]}
            if not {"id", "embedding", *ROW_FIELDS} <= fields:
                raise StoreError(f"The collection {self._name} wasn't made by Docent; set COLLECTION to another name.")
            self.has_lexical = "sparse_embedding" in fields
        elif dimension is not None:
            self.has_lexical = self._lite or knows_bm25(self.version)
            if self._lite:
                lite_server.delete_leftover(self._address, self._name)
        else:
            return
        store = make_store(self._settings, None if exists else dimension, self.has_lexical)
        # After a restart a collection of Milvus Lite isn't loaded, and every search would fail.
        self._client.load_collection(self._name, timeout=LITE_CALL_SECONDS)
        self._opened_number = self._number()
        self.store, self._away = store, False
        if not self.has_lexical:
            logger.info("Milvus %s has no BM25: dense search only", self.version)

    def _number(self) -> object:
        """Milvus's id of the collection. On a server, an earlier collection of the same name had another id."""
        assert self._client is not None
        return self._client.describe_collection(self._name, timeout=self.call_seconds).get("collection_id")

    def _dimension(self) -> int:
        assert self._client is not None
        description = self._client.describe_collection(self._name, timeout=self.call_seconds)
        return next(int(field["params"]["dim"]) for field in description["fields"] if field["name"] == "embedding")
