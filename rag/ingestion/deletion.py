"""Deletion: rows leave Milvus, then the bytes and the catalog's rows go together. `lifecycle` decides when.

In this order, so that a document whose process is killed half way is still in the catalog, unlisted: the next process
deletes the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from rag.storage.documents import Catalog
from rag.storage.files import FileStore
from rag.vector_store.store import VectorStore

# Documents that are deleted in one request: on Milvus Lite each one looks at all rows that aren't sealed.
TOGETHER = 500

# Deletes the collection, and settles the model of the next one if that is wanted. Returns how many rows it had and how
# many are left (0).
DeleteCollection = Callable[[bool], Awaitable[tuple[int, int]]]


class Deletion:
    """Deletes documents that are unlisted and leased to this process. Use on the event loop only.

    Raises StoreUnavailable, StoreError; CatalogError; RagError where the files can't be deleted.
    """

    def __init__(
        self, catalog: Catalog, files: FileStore, store: VectorStore, delete_collection: DeleteCollection
    ) -> None:
        self._catalog = catalog
        self._files = files
        self._store = store
        self._delete_collection = delete_collection

    async def delete(self, doc_ids: list[str]) -> tuple[int, int]:
        """Delete documents for good. Returns how many rows there were and how many are left (0); while any is left,
        their bytes stay."""
        removed, left = await self.delete_rows(doc_ids)
        if not left:
            await self._delete_bytes(doc_ids)
        return removed, left

    async def delete_with_collection(self, doc_ids: list[str]) -> tuple[int, int]:
        """Delete the collection, which holds no other documents than these, and them with it. Returns like `delete`."""
        removed, left = await self._delete_collection(False)
        await self._delete_bytes(doc_ids)
        return removed, left

    async def was_reset(self, doc_ids: list[str]) -> bool:
        """Whether these unlisted documents are all there are of this library, as half a reset leaves them.

        Then the collection goes, too, and with it the choice of its model. Where no model is recorded, the collection
        may be another library's.
        """
        recorded = await asyncio.to_thread(self._catalog.records.get) is not None
        return recorded and await asyncio.to_thread(self._catalog.holds_only, doc_ids)

    async def delete_rows(self, doc_ids: Sequence[str]) -> tuple[int, int]:
        """Delete the rows of documents. Returns like `delete`."""
        removed = left = 0
        for first in range(0, len(doc_ids), TOGETHER):
            before, after = await self._store.delete(doc_ids[first : first + TOGETHER])
            removed, left = removed + before, left + after
        return removed, left

    async def _delete_bytes(self, doc_ids: list[str]) -> None:
        """Delete documents from the catalog, and their bytes where no other collection has them."""
        for first in range(0, len(doc_ids), TOGETHER):
            group = doc_ids[first : first + TOGETHER]
            await asyncio.to_thread(self._catalog.deletions.delete, group, self._files.delete)
