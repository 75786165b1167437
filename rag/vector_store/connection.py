"""The way to Milvus and to the collection of the settings: opened at the first use, and again after a failure."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
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

if TYPE_CHECKING:
    from rag.vector_store.client import MilvusClient, MilvusVectorStore

logger = logging.getLogger(__name__)

# How long a server is waited for. Together these keep a search below 15 s and everything else below 40 s.
SEARCH_SECONDS = 10.0
CALL_SECONDS = 15.0
REMOVAL_SECONDS = 30.0
OPEN_SECONDS = 60.0
MAKING_SECONDS = 5.0
# Milvus Lite is never away, being in this process, but it takes its time: opening a large file, which is read into
# memory, and merging segments, after which it builds their indexes again.
LITE_CALL_SECONDS = 30.0
LITE_OPEN_SECONDS = 120.0


class Connection:
    """The clients of one Milvus, and the collection if there is one. Use on the one event loop of the process only.

    `store` is the open collection, `has_lexical` says whether it ranks by BM25, `version` is the server's, and
    `call_seconds` are those that a call may take.
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
        self._turn = asyncio.Lock()  # to open or to let go
        self._opened_number: object = None
        self._vanished = False  # a call has found that the collection isn't there any more
        self._restarts = 0  # of Milvus Lite's server, when this connected to it
        self._away = False  # connections were let go since nothing came back on them
        self.has_lexical = False
        self.version = ""

    async def connect(self, seconds: float = SEARCH_SECONDS) -> bool:
        """Reach Milvus and open the collection, waiting so long for a server. Returns whether the collection exists.

        Raises StoreUnavailable, within seconds where nothing listens, or StoreError.
        """
        if self._client is not None and self._is_stale:
            await self.release_clients()
        if self.store is None:
            await retrying(failures.is_being_made, MAKING_SECONDS)(self._open, None, seconds)
        return self.store is not None

    async def create(self, dimension: int) -> None:
        """Make the collection for vectors of `dimension` floats unless it exists; then check that it fits. Raises like
        `connect`."""
        while self.store is None:
            await retrying(failures.is_being_made, MAKING_SECONDS)(self._open, dimension, REMOVAL_SECONDS)
        stored = await self.call(asyncio.to_thread(self._dimension))
        if stored != dimension:
            raise StoreError(
                f"The collection {self._name} holds vectors of {stored} dimensions and the embedding model makes "
                f"{dimension}; choose another COLLECTION or the model that it was built with."
            )

    async def ready(self) -> MilvusVectorStore:
        """The collection, for a call. Raises CollectionLost where it isn't open; StoreUnavailable, StoreError."""
        if self._lite:
            await self.connect()  # it may have been let go
        if self.store is None:
            raise self._gone()
        return self.store

    async def call(self, awaitable: Any, seconds: float | None = None) -> Any:
        """Await with a time-out, which pymilvus doesn't have, and raise StoreError instead of its exceptions."""
        try:
            async with asyncio.timeout(seconds or self.call_seconds):
                return await awaitable
        except RagError:
            raise
        except asyncio.CancelledError as error:
            if (task := asyncio.current_task()) and task.cancelling():
                raise
            # Nobody wants to stop this: the client was closed, since another call has found the collection gone, or the
            # connections dead.
            raise self._gone() from error
        except Exception as error:
            logger.warning("a Milvus call failed", exc_info=error)
            explained = failures.explain(error, self._settings)
            if isinstance(explained, CollectionLost):
                await self.close_collection()
                self._vanished = True
            elif failures.is_not_loaded(error):
                await self.close_collection()
            raise explained from error

    @contextlib.asynccontextmanager
    async def within(self, seconds: float) -> AsyncIterator[None]:
        """Give up what a server doesn't get done in so many seconds, with the wait for its turn."""
        try:
            async with asyncio.timeout(None if self._lite else seconds):
                yield
        except TimeoutError as error:
            raise failures.explain(error, self._settings) from error

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
                await self.release_clients()
            raise
        vanished, self._vanished = self._vanished, False
        return not vanished

    async def close(self) -> None:
        """Let go of Milvus; on Lite other processes may then open the file."""
        with contextlib.suppress(TimeoutError):  # the thread that opens it goes on; it ends with the process
            async with asyncio.timeout(LITE_CALL_SECONDS):
                await self.release_clients()

    async def release_clients(self, reopening: bool = False) -> None:
        """Close the clients, after an opening that is under way; the next call opens others."""
        async with self._turn:
            if self._lite and self.store is not None and not self._is_stale:
                # With rows to seal on a full disk Milvus Lite's close ends early, and merges go on after it.
                with contextlib.suppress(Exception):  # the log has the rows
                    await asyncio.to_thread(self.store.client.flush, self._name, timeout=LITE_CALL_SECONDS)
            await self.close_collection()
            client, self._client = self._client, None
            if client is not None:
                await asyncio.to_thread(client.close)
                if self._lite:
                    await asyncio.to_thread(lite_server.release, self._address)
            if reopening and self._lite:
                await asyncio.to_thread(lite_server.restart, self._address)

    async def reopen(self) -> None:
        """Close Milvus Lite's file for all connections of this process; the next call opens it again from its log."""
        await self.release_clients(reopening=True)

    async def close_collection(self) -> None:
        """Forget the collection, which is opened again, or made, at the next use."""
        store, self.store = self.store, None
        if store is not None:
            await async_client(store).close()
            await asyncio.to_thread(store.client.close)

    # --- inner workings

    @property
    def _is_stale(self) -> bool:
        """Whether another connection has had the file closed."""
        return self._lite and self._restarts != lite_server.restarts(self._address)

    def _gone(self) -> StoreUnavailable:
        return failures.unreachable(self._settings) if self._away else failures.lost(self._settings)

    async def _open(self, dimension: int | None, seconds: float) -> None:
        """Join the opening that is under way, or begin one, which makes the collection where `dimension` is given.

        The constructors of pymilvus and MilvusVectorStore block, and concurrent ones fail on a Lite file: so there is
        one thread at a time. It goes on when those who wait for it give up; all get its outcome.
        """
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._open_in_turn(dimension))
            self._opening.add_done_callback(self._opened)
        opening = self._opening
        await asyncio.wait([opening], timeout=LITE_OPEN_SECONDS if self._lite else seconds)
        if not opening.done():
            raise StoreUnavailable(
                f"Milvus at {self._settings.milvus_shown} takes long to open the collection {self._name}; try again in "
                "a moment, or check MILVUS_URI."
            )
        await self.call(opening)

    async def _open_in_turn(self, dimension: int | None) -> None:
        async with self._turn:
            await asyncio.to_thread(self._connect, dimension)

    def _opened(self, opening: asyncio.Future[None]) -> None:
        self._opening = None
        if not opening.cancelled():
            opening.exception()  # everyone who waited for it may have given up

    async def _look(self) -> None:
        if await self.connect(OPEN_SECONDS):
            assert self._client is not None
            there = asyncio.to_thread(self._client.has_collection, self._name, timeout=CONNECT_SECONDS)
            # Of the same name, but another one, where another process has dropped it and made it again.
            if not await self.call(there) or await self.call(asyncio.to_thread(self._number)) != self._opened_number:
                await self.close_collection()
                self._vanished = True

    # --- in a thread

    def _connect(self, dimension: int | None) -> None:
        import_milvus(self._lite)
        if self._client is None:
            if self._lite:
                Path(self._address).parent.mkdir(parents=True, exist_ok=True)
                lite_server.retain(self._address)
            try:
                if self._lite:
                    lite_server.start(self._address)
                    self._restarts = lite_server.restarts(self._address)
                self._client = open_client(self._settings)
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
                spared = isinstance(error, StoreError) or lite_server.disk_failure(error)
                if not spared and not failures.is_broken_off(error, self._settings):
                    raise failures.damaged(error, self._settings) from error
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
        there = self._client.has_collection(self._name, timeout=LITE_OPEN_SECONDS if self._lite else CONNECT_SECONDS)
        if there:
            description = self._client.describe_collection(self._name, timeout=self.call_seconds)
            fields = {field["name"] for field in description["fields"]}
            if not {"id", "embedding", *ROW_FIELDS} <= fields:
                raise StoreError(f"The collection {self._name} wasn't made by Docent; set COLLECTION to another name.")
            self.has_lexical = "sparse_embedding" in fields
        elif dimension is not None:
            self.has_lexical = self._lite or knows_bm25(self.version)
            if self._lite:
                lite_server.remove_leftover(self._address, self._name)
        else:
            return
        store = make_store(self._settings, None if there else dimension, self.has_lexical)
        # After a restart a Lite collection isn't loaded, and every search would fail.
        self._client.load_collection(self._name, timeout=LITE_CALL_SECONDS)
        self._opened_number = self._number()
        self.store, self._away = store, False
        if not self.has_lexical:
            logger.info("Milvus %s has no BM25: dense search only", self.version)

    def _number(self) -> object:
        """What tells the collection from an earlier one of its name; nothing does on Milvus Lite."""
        assert self._client is not None
        return self._client.describe_collection(self._name, timeout=self.call_seconds).get("collection_id")

    def _dimension(self) -> int:
        assert self._client is not None
        description = self._client.describe_collection(self._name, timeout=self.call_seconds)
        return next(int(field["params"]["dim"]) for field in description["fields"] if field["name"] == "embedding")
