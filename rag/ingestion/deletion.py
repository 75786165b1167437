"""Deletion: first of the rows in Milvus, then of the bytes and the catalog's rows together. `lifecycle` decides when.

In this order, because the process may be killed half way. The document is then still in the catalog, unlisted, and the
next process deletes the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from rag.storage.documents import Catalog
from rag.storage.files import FileStore
from rag.vector_store.store import VectorStore

# Documents that are deleted in one request. On Milvus Lite each request looks at all unsealed rows.
TOGETHER = 500

# Deletes the collection and, if True, chooses the model of the next one at once. Returns how many rows the collection
# had and how many are left (0).
DeleteCollection = Callable[[bool], Awaitable[tuple[int, int]]]


class Deletion:
    """Deletes documents that are unlisted and leased to this process. Use on the event loop only.

    Raises StoreUnavailable, StoreError; CatalogError; RagError if the files can't be deleted.
    """

    def __init__(
        self, catalog: Catalog, files: FileStore, store: VectorStore, delete_collection: DeleteCollection
    ) -> None:
        self._catalog = catalog
        self._files = files
        self._store = store
        self._delete_collection = delete_collection

    async def delete(self, doc_ids: list[str]) -> tuple[int, int]:
        """Delete documents for good. Returns how many rows they had and how many are left (0). Their bytes stay if any
        row is left."""
        deleted, left = await self.delete_rows(doc_ids)
        if not left:
            await self._delete_bytes(doc_ids)
        return deleted, left

    async def delete_with_collection(self, doc_ids: list[str]) -> tuple[int, int]:
        """Delete the collection with `doc_ids`, all of its documents. Returns like `delete`."""
        deleted, left = await self._delete_collection(False)
        await self._delete_bytes(doc_ids)
        return deleted, left

    async def was_reset(self, doc_ids: list[str]) -> bool:
        """Whether the unlisted documents `doc_ids` are all of this library, as after a reset that was cut short.

        Then the collection is to be deleted, too, and with it the choice of its model. Without a recorded model the
        answer is False: the collection may be another library's.
        """
        recorded = await asyncio.to_thread(self._catalog.records.get) is not None
        return recorded and await asyncio.to_thread(self._catalog.holds_only, doc_ids)

    async def delete_rows(self, doc_ids: Sequence[str]) -> tuple[int, int]:
        """Delete the rows of documents. Returns like `delete`."""
        deleted = left = 0
        for first in range(0, len(doc_ids), TOGETHER):
            before, after = await self._store.delete(doc_ids[first : first + TOGETHER])
            deleted, left = deleted + before, left + after
        return deleted, left

    async def _delete_bytes(self, doc_ids: list[str]) -> None:
        """Delete documents from the catalog, and their bytes unless another collection has them."""
        for first in range(0, len(doc_ids), TOGETHER):
            group = doc_ids[first : first + TOGETHER]
            await asyncio.to_thread(self._catalog.deletions.delete, group, self._files.delete)
