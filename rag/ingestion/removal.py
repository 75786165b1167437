"""Documents leave Milvus, the catalog and the disk: as a whole, also where the process is killed half way.

They leave the library first, by being *unlisted* in the catalog. Then go the rows, then the bytes and the catalog's
rows together. What a process leaves half way, the next one finishes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from rag.errors import RagError, StoreError, StoreUnavailable
from rag.schema import Receipt
from rag.storage.documents import Catalog
from rag.storage.files import FileStore
from rag.vector_store.store import VectorStore

logger = logging.getLogger(__name__)

TOGETHER = 500
STILL_THERE = "Milvus couldn't be asked to remove this document; delete it again when Milvus is back."

# Drops the collection, and settles the model of the next one if that is wanted; says how many rows it had and how many
# are left (0).
DropCollection = Callable[[bool], Awaitable[tuple[int, int]]]


class Removal:
    """Removes documents that are out of the pipeline. Use on the event loop only.

    `unreleased` are documents that nobody is at, but the catalog couldn't be told so.
    """

    def __init__(self, catalog: Catalog, files: FileStore, store: VectorStore, drop_collection: DropCollection) -> None:
        self._catalog = catalog
        self._files = files
        self._store = store
        self._drop_collection = drop_collection
        self.unreleased: set[str] = set()

    async def delete(self, doc_ids: list[str], stop: Callable[[list[str]], object]) -> Receipt:
        """Remove documents. What Milvus can't remove is listed as failed, so that it can be deleted again.

        `stop` takes them out of the pipeline. Raises StoreUnavailable, StoreError; CatalogError, where nothing has
        changed; RagError where the files can't be removed.
        """
        await asyncio.to_thread(self._catalog.deletions.unlist, doc_ids)
        stop(doc_ids)
        try:
            removed, left = await self.remove(doc_ids)
        except StoreError:
            await self._list_failed(doc_ids)
            raise
        if left:
            await self._list_failed(doc_ids)
        return Receipt(len(doc_ids), removed, left, tuple(doc_ids))

    async def _list_failed(self, doc_ids: list[str]) -> None:
        try:
            await asyncio.to_thread(self._catalog.deletions.list_failed, doc_ids, STILL_THERE)
        except RagError as error:
            logger.warning("what couldn't be removed isn't listed", exc_info=error)
            self.unreleased.update(doc_ids)

    async def delete_all(self, stop: Callable[[], object]) -> Receipt:
        """Remove all documents, and drop the collection. Raises like `delete`; where Milvus or the files fail they are
        out of the library even so."""
        doc_ids = await asyncio.to_thread(self._catalog.deletions.unlist)
        stop()
        try:
            removed, left = await self._drop_collection(False)
            await self._forget(doc_ids)
        except RagError as error:
            await self.release(doc_ids)
            if isinstance(error, StoreUnavailable):
                raise StoreUnavailable(f"{str(error).rstrip('.')}; what was begun is finished then.") from error
            raise
        return Receipt(len(doc_ids), removed, left, tuple(doc_ids))

    async def finish(self, idle: Callable[[], bool]) -> None:
        """Remove what the removals and additions of processes that were killed have left. `idle`: whether the pipeline
        is empty."""
        if self.unreleased:
            released = set(self.unreleased)
            await asyncio.to_thread(self._catalog.leases.release, released)
            self.unreleased -= released
        doc_ids = await asyncio.to_thread(self._catalog.leases.acquire_unlisted)
        if not doc_ids:
            return
        logger.info("finishing the removal of %d documents", len(doc_ids))
        try:
            # Of a reset half way also the collection goes, and with it the choice of its model. Where none is recorded,
            # it may be another library's.
            own = await asyncio.to_thread(self._catalog.fingerprints.recorded) is not None
            if own and await asyncio.to_thread(self._catalog.holds_only, doc_ids) and idle():
                await self._drop_collection(False)
                await self._forget(doc_ids)
            else:
                await self.remove(doc_ids)
        finally:
            await self.release(doc_ids)  # what isn't removed by now

    async def remove(self, doc_ids: list[str]) -> tuple[int, int]:
        """Remove unlisted documents for good. Returns how many rows there were and how many are left (0)."""
        removed, left = await self.delete_rows(doc_ids)
        if not left:
            await self._forget(doc_ids)
        return removed, left

    async def delete_rows(self, doc_ids: Sequence[str]) -> tuple[int, int]:
        """Delete what Milvus holds of documents. Returns like `remove`."""
        removed = left = 0
        # Together: on Milvus Lite each deletion looks at all rows that aren't sealed.
        for first in range(0, len(doc_ids), TOGETHER):
            before, after = await self._store.delete(doc_ids[first : first + TOGETHER])
            removed, left = removed + before, left + after
        return removed, left

    async def release(self, doc_ids: Sequence[str]) -> None:
        """Leave documents to whoever comes next, which may be this process as well."""
        try:
            await asyncio.to_thread(self._catalog.leases.release, doc_ids)
        except RagError as error:
            logger.warning("leases not released", exc_info=error)
            self.unreleased.update(doc_ids)

    async def _forget(self, doc_ids: list[str]) -> None:
        """Remove documents from the catalog, and their bytes where no other collection has them."""
        try:
            for first in range(0, len(doc_ids), TOGETHER):
                part = doc_ids[first : first + TOGETHER]
                await asyncio.to_thread(self._catalog.deletions.delete, part, self._files.remove)
        except RagError:
            await self.release(doc_ids)
            raise
