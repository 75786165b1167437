"""The embedding model of a collection: it is chosen for a new collection, and stays until a rebuild or reset."""

from __future__ import annotations

import asyncio
import contextlib
import time

from rag.embeddings.embedder import Embedder
from rag.embeddings.hub import choose_model, fallback_notice, is_folder
from rag.embeddings.loading import load_embedder
from rag.errors import CollectionLost, EmbeddingError, IndexMismatch, RagError
from rag.ingestion.embedding import PreparedCollection
from rag.schema import PartStatus
from rag.settings import BUNDLED_EMBED_MODEL, Settings
from rag.storage.collections import CollectionRecord, Fingerprint
from rag.storage.documents import Catalog
from rag.text import chunking, terms
from rag.vector_store.store import VectorStore

REBUILDING = "The library is being re-indexed; ask again in a moment."


class CollectionModel:
    """The model of the collection in the settings, loaded when it is first needed. Use on the event loop only.

    Three sentences for the user, or None: `notice` says that another model is used in place of the settings' model;
    `mismatch` says that the collection can't be used with the settings' model until it is re-indexed; `improved` says
    that this release reads documents in a better way than the one that has read the collection's.
    """

    def __init__(self, settings: Settings, catalog: Catalog, store: VectorStore) -> None:
        self._settings = settings
        self._catalog = catalog
        self._store = store
        self._loading = asyncio.Lock()
        self._creating = asyncio.Lock()
        # How often the model was released. If this changes while a model is loaded, its collection no longer exists.
        self._releases = 0
        self._release()

    def _release(self) -> None:
        """Release the model. The next use chooses and loads a model anew."""
        self.embedder: Embedder | None = None
        self.notice: str | None = None
        self.mismatch: str | None = None
        self.improved: str | None = None
        self.status = PartStatus("starting", self._settings.embed_model, "The embedding model is loading.")
        self._collection_made = False
        self._record: CollectionRecord | None = None
        self._releases += 1

    # --- loading

    async def load(self) -> Embedder:
        """The collection's model, whether or not it fits the settings. Raises EmbeddingError, CatalogError."""
        async with self._loading:
            while self.embedder is None:  # or released while it was being loaded
                releases = self._releases
                record = await asyncio.to_thread(self._catalog.records.get)
                await self._load_for(record, releases)
            return self.embedder

    async def fitting(self) -> Embedder:
        """The collection's model. Raises IndexMismatch if it doesn't fit the settings (see `mismatch`)."""
        embedder = self.embedder or await self.load()
        if self.mismatch:
            raise IndexMismatch(self.mismatch)
        return embedder

    async def refresh(self) -> None:
        """Load the model anew if another process has rebuilt the collection with another model."""
        async with self._creating:
            if self.embedder is None:
                return
            record = await asyncio.to_thread(self._catalog.records.get)
            if record == self._record or record is None:
                return
            self._record = record
            if record.fingerprint.serves(fingerprint_of(self.embedder)) and not self.mismatch:
                self.improved = self._improved_sentence(record, self.embedder)
                return
            self._release()
        await self.load()

    # --- the collection in Milvus

    async def prepare(self) -> PreparedCollection:
        """Make the collection unless it exists. Returns its model and the namespace of its row ids.

        Raises CollectionLost if another process has meanwhile rebuilt the collection with another model.
        """
        while True:
            embedder = await self.fitting()  # may take long, and a reset mustn't wait for it
            # Several documents get here at once, and the first of them makes the collection.
            async with self._creating:
                if embedder is self.embedder and not self.mismatch:
                    return PreparedCollection(embedder, await self._prepare(embedder))

    def collection_vanished(self) -> None:
        """The collection has vanished from Milvus, but its documents are still listed: it will be made again with the
        same model."""
        self._collection_made = False

    async def delete_collection(self, rebuild: bool = False) -> tuple[int, int]:
        """Delete the collection. Returns how many rows it had and how many are left (0). The next collection may get
        another model.

        `rebuild` records the settings' model for the next collection at once. Else another process with other settings
        could choose it, by adding the first document. Raises StoreError, StoreUnavailable; EmbeddingError,
        CatalogError.
        """
        # Not while `prepare` makes the collection: it would record a model for an empty library.
        async with self._creating, self._loading if rebuild else contextlib.nullcontext():
            return await (self._delete_and_renew() if rebuild else self._delete())

    # --- inner workings

    async def _delete(self) -> tuple[int, int]:
        deleted, left = await self._store.delete_collection()
        await asyncio.to_thread(self._catalog.records.delete_unless_used)
        self._release()
        return deleted, left

    async def _delete_and_renew(self) -> tuple[int, int]:
        self._release()
        try:
            embedder = await self._load_for(None, self._releases)
            self.mismatch = REBUILDING
            deleted, left = await self._store.delete_collection()
            record = self._record_of(embedder)
            await asyncio.to_thread(self._catalog.records.replace, record)
        except BaseException:
            self._release()
            raise
        self.mismatch, self.improved, self._record = None, None, record
        return deleted, left

    async def _load_for(self, record: CollectionRecord | None, releases: int) -> Embedder:
        """Load the model for a collection with this record. `releases` is the count of releases when the record was
        read. If the model was released since, the loaded model isn't kept."""
        self.notice = None
        try:
            name = await self._choose(record)
            began = time.monotonic()
            name, embedder = await self._load_or_fall_back(name, record is None)
        except RagError as error:
            self.status = PartStatus("error", self._settings.embed_model, str(error))
            raise
        if releases != self._releases:
            return embedder
        seconds = time.monotonic() - began
        detail = f"{embedder.dimension} dimensions, loaded in {seconds:.1f} s"
        self.status = PartStatus("ready", embedder.name, detail)
        self.mismatch = self.improved = None
        if record is not None and not record.fingerprint.serves(fingerprint_of(embedder)):
            self.mismatch = self._mismatch_sentence(record, embedder)
        elif record is not None:
            self.improved = self._improved_sentence(record, embedder)
        self._name = name
        self._record = record
        self.embedder = embedder
        return embedder

    async def _choose(self, record: CollectionRecord | None) -> str:
        if record is None:
            choice = await asyncio.to_thread(choose_model, self._settings)
            self.notice = choice.notice
            return choice.name
        if self._settings.embed_model_chosen and self._settings.embed_model != record.asked_model:
            return self._settings.embed_model
        if record.model != record.asked_model:
            self.notice = (
                f"This library uses the {record.model} embedding model: {record.asked_model} wasn't at hand when it "
                "was made."
            )
        return record.model

    async def _load_or_fall_back(self, name: str, new: bool) -> tuple[str, Embedder]:
        try:
            return name, await asyncio.to_thread(load_embedder, name, self._settings)
        except EmbeddingError:
            # The hub may answer and yet refuse to send the weights. Only a new collection may then get another model.
            if not new or name == BUNDLED_EMBED_MODEL or self._settings.embed_base_url or is_folder(name):
                raise
            self.notice = fallback_notice(name)
            return BUNDLED_EMBED_MODEL, await asyncio.to_thread(load_embedder, BUNDLED_EMBED_MODEL, self._settings)

    async def _prepare(self, embedder: Embedder) -> str:
        fingerprint = fingerprint_of(embedder)
        # Read at each call: other processes may reset or rebuild the library at any moment.
        record = await asyncio.to_thread(self._catalog.records.get)
        if record is None:
            if not self._collection_made and await self._store.count(None, "Strong"):
                raise IndexMismatch(
                    f"Milvus holds a collection {self._settings.collection} that this library's catalog doesn't "
                    "know; set COLLECTION to another name, or use the DATA_DIR or DATABASE_URL it was made with."
                )
            self._collection_made = False
            # Recorded before the collection is made: if two processes make it at once with different models, the second
            # must learn of the first one's model.
            record = await asyncio.to_thread(self._catalog.records.add, self._record_of(embedder))
        if not record.fingerprint.serves(fingerprint):
            self._release()
            raise CollectionLost(
                f"The collection {self._settings.collection} has been rebuilt with another embedding model; what "
                "was being added is added again by itself."
            )
        self._record = record
        if not self._collection_made or not self._store.is_open:
            try:
                await self._store.create(embedder.dimension)
            except CollectionLost:  # another process has deleted the open collection
                await self._store.create(embedder.dimension)
            self._collection_made = True
        return record.fingerprint.namespace

    def _record_of(self, embedder: Embedder) -> CollectionRecord:
        return CollectionRecord(self._settings.embed_model, self._name, fingerprint_of(embedder))

    def _improved_sentence(self, record: CollectionRecord, embedder: Embedder) -> str | None:
        if record.fingerprint.chunking == fingerprint_of(embedder).chunking:
            return None
        return (
            f"This version of Docent reads documents better than the one that has read those of the collection "
            f"{self._settings.collection}; re-index it to have all of them read again."
        )

    def _mismatch_sentence(self, record: CollectionRecord, embedder: Embedder) -> str:
        name = self._settings.collection
        if record.fingerprint.model == embedder.fingerprint:
            return (
                f"The collection {name} was built by another version of Docent; re-index it, which keeps the "
                "documents, or set COLLECTION to a new name."
            )
        return (
            f"The collection {name} was built with the embedding model {record.model}, and EMBED_MODEL asks for "
            f"{self._settings.embed_model}; set EMBED_MODEL={record.model}, or re-index it, which keeps the documents."
        )


def fingerprint_of(embedder: Embedder) -> Fingerprint:
    """The fingerprint of a collection that this release makes with this embedder."""
    return Fingerprint(embedder.fingerprint, embedder.dimension, chunking.VERSION, terms.VERSION)
