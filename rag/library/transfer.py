"""Moves a library with its vectors to another Milvus: nothing is embedded again, and nothing is deleted at its origin.

Moving again is harmless: a document that the target holds whole is skipped, a document that it holds in part is copied
anew. The documents are listed under the target's address only after all of them have been counted there. Bytes and
conversations stay where they are, since they don't depend on Milvus.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from rag.errors import StoreError
from rag.runtime.background import quietly
from rag.schema import DocumentInfo
from rag.settings import Settings
from rag.storage.collections import CollectionRecord
from rag.storage.documents import Catalog
from rag.vector_store.store import VectorStore

# Rows in memory at a time: with 1,024 dimensions some 100 MB as Python's floats, and a third of the 64 MB that a Milvus
# server takes in a message.
ROWS = 2000
# Documents in a filter: each takes 67 characters.
DOCUMENTS = 500

OnCopied = Callable[[int, int], object]


@dataclass(frozen=True, slots=True)
class Moved:
    """`documents` and `chunks` are ready at `milvus_uri`; `copied` chunks came with this run. `waiting` documents are
    listed there but not ready. `lexical`: whether the target has BM25. `source` is the origin, which still has
    everything; it is a key of the JSON that `move --json` prints."""

    milvus_uri: str
    source: str
    collection: str
    documents: int
    chunks: int
    copied: int
    waiting: int
    lexical: bool


@dataclass(frozen=True, slots=True)
class Place:
    """One end of a move: the address of a Milvus as the user sees it, the collection there, and its catalog."""

    shown: str
    store: VectorStore
    catalog: Catalog


async def move_library(origin: Place, target: Settings, database: Engine, on_copied: OnCopied) -> Moved:
    """Copy the collection to the Milvus of the settings `target`; its catalog is in the same `database`.

    Raises like `copy_library`, and StoreError if origin and target are the same Milvus.
    """
    if target.milvus_key == origin.shown:
        raise StoreError(f"The library is at {target.milvus_shown} already; name another Milvus.")
    store = VectorStore(target)
    destination = Place(target.milvus_key, store, Catalog(database, target.milvus_key, target.collection))
    try:
        return await copy_library(origin, destination, target.collection, on_copied)
    finally:
        await quietly(store.close())


async def copy_library(origin: Place, target: Place, collection: str, on_copied: OnCopied) -> Moved:
    """Copy the rows of ready documents, count them, and list all documents in the target's catalog.

    `on_copied` gets the number of chunks that the target holds so far, and the final number. Raises StoreError if the
    target holds another library, the origin changes meanwhile, or the counts differ; StoreUnavailable, CatalogError.
    """
    record = await asyncio.to_thread(origin.catalog.records.get)
    documents = await asyncio.to_thread(origin.catalog.documents)
    if record is None or not documents:
        raise StoreError(f"The collection {collection} at {origin.shown} is empty: there is nothing to move.")
    busy = await asyncio.to_thread(origin.catalog.leases.count)
    if busy:
        raise StoreError(f"{busy} document(s) are being added right now; move the library when they are ready.")
    await _check_target(target, collection, record, {document.doc_id for document in documents})
    await target.store.create(record.fingerprint.dimension)
    # Recorded before copying, so that a later run recognises a half-finished copy as this library's.
    await asyncio.to_thread(target.catalog.records.replace, record)
    ready = [document for document in documents if document.state == "ready"]
    copied = await _copy(origin, target, ready, on_copied)
    await target.store.flush()
    await _verify(origin, target, ready)
    if _versions(await asyncio.to_thread(origin.catalog.documents)) != _versions(documents):
        raise StoreError("The library was changed while it was copied; run the same command again for what is new.")
    counted = {document.doc_id for document in ready}
    await asyncio.to_thread(target.catalog.list_from, origin.catalog, counted)
    return Moved(
        target.shown,
        origin.shown,
        collection,
        len(ready),
        sum(document.chunks for document in ready),
        copied,
        len(documents) - len(ready),
        target.store.has_lexical,
    )


async def _check_target(target: Place, collection: str, record: CollectionRecord, doc_ids: Collection[str]) -> None:
    """Raise StoreError if the target's collection holds another library: anything but this library or a part of it."""
    kept = await asyncio.to_thread(target.catalog.records.get)
    conflict = f"{target.shown} already holds another library in its collection {collection}"
    otherwise = "move to another Milvus, or delete that library first."
    if kept is None and await target.store.count(None, "Strong"):
        raise StoreError(f"{conflict}, which isn't in this catalog; {otherwise}")
    if kept is not None and kept.fingerprint != record.fingerprint:
        raise StoreError(f"{conflict}, built with the embedding model {kept.model}; {otherwise}")
    others = [d for d in await asyncio.to_thread(target.catalog.documents) if d.doc_id not in doc_ids]
    if others:
        raise StoreError(f"{conflict}, with {len(others)} document(s) that this one lacks; {otherwise}")


async def _copy(origin: Place, target: Place, ready: Sequence[DocumentInfo], on_copied: OnCopied) -> int:
    """Copy the documents that the target lacks. Returns the number of copied rows."""
    total = sum(document.chunks for document in ready)
    done = copied = 0
    for group in _groups(ready):
        counts = await target.store.count_each([document.doc_id for document in group])
        lacking = {document.doc_id for document in group if counts[document.doc_id] != document.chunks}
        # The target may hold some of these rows already, some even twice, since a server accepts the same id again.
        await target.store.delete([doc_id for doc_id in lacking if counts[doc_id]])
        done += sum(document.chunks for document in group if document.doc_id not in lacking)
        on_copied(done, total)
        async for rows in origin.store.rows(lacking, ROWS):
            await target.store.insert_rows(rows)
            copied += len(rows)
            done += len(rows)
            on_copied(done, total)
    return copied


async def _verify(origin: Place, target: Place, ready: Sequence[DocumentInfo]) -> None:
    """Count the target's rows by document and in all. Raises StoreError if a count differs from the catalog's."""
    counted: Counter[str] = Counter()
    for group in _groups(ready):
        counted += await target.store.count_each([document.doc_id for document in group])
    for document in ready:
        if counted[document.doc_id] != document.chunks:
            raise StoreError(
                f"{document.file_name} has {counted[document.doc_id]} of its {document.chunks} chunks at "
                f"{target.shown}; run the same command again, and if that doesn't help, re-index {origin.shown} first."
            )
    total = await target.store.count(None, "Strong")
    if total != counted.total():
        raise StoreError(
            f"{target.shown} holds {total - counted.total()} more chunks than this library has, perhaps those of "
            "documents deleted since an earlier attempt; reset the collection there and run the same command again."
        )


def _groups(documents: Sequence[DocumentInfo]) -> Iterator[list[DocumentInfo]]:
    """Groups of documents, in order: each of at most ROWS chunks, or of a single larger document."""
    group: list[DocumentInfo] = []
    chunks = 0
    for document in documents:
        if group and (chunks + document.chunks > ROWS or len(group) == DOCUMENTS):
            yield group
            group, chunks = [], 0
        group.append(document)
        chunks += document.chunks
    if group:
        yield group


def _versions(documents: Sequence[DocumentInfo]) -> set[tuple[str, str, int]]:
    return {(document.doc_id, document.state, document.chunks) for document in documents}
