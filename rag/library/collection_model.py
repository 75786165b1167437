"""Which embedding model a collection has: chosen once for a new one, and never another afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import time

from rag.embeddings.embedder import Embedder
from rag.embeddings.hub import choose_model, fallback_notice, is_folder
from rag.embeddings.loading import load_embedder
from rag.errors import CollectionLost, EmbeddingError, IndexMismatch, RagError
from rag.ingestion.embedding import PreparedCollection
from rag.schema import PartStatus
from rag.settings import BUNDLED_EMBED_MODEL, Settings
from rag.storage.documents import Catalog
from rag.text import chunking, terms
from rag.vector_store.store import VectorStore

REBUILDING = "The library is being re-indexed; ask again in a moment."


class CollectionModel:
    """The model of the collection in the settings, loaded when it is first needed. Use on the event loop only.

    `notice` and `mismatch` are sentences for the user: another model than the one asked for is used; the settings ask
    for another model than the collection was built with.
    """

    def __init__(self, settings: Settings, catalog: Catalog, store: VectorStore) -> None:
        self._settings = settings
        self._catalog = catalog
        self._store = store
        self._loading = asyncio.Lock()
        self._creating = asyncio.Lock()
        self._forgotten = 0
        self.forget()

    def forget(self) -> None:
        """The collection is gone: the next one may get another model."""
        self.embedder: Embedder | None = None
        self.notice: str | None = None
        self.mismatch: str | None = None
        self.status = PartStatus("starting", self._settings.embed_model, "The embedding model is loading.")
        self._made = False
        self._recorded: tuple[str, str, str] | None = None
        self._forgotten += 1  # a model that is being loaded right now was chosen for the collection that is gone

    async def drop(self, renew: bool = False) -> tuple[int, int]:
        """Drop the collection; the next one may get another model. Returns how many rows it had and are left (0).

        `renew` settles at once that this will be the model of the settings: another process, which may have another
        one, could be the first to add a document. Raises StoreError, StoreUnavailable; EmbeddingError, CatalogError.
        """
        # Not while a document has it made: that would note a model for a library that is empty.
        async with self._creating, self._loading if renew else contextlib.nullcontext():
            try:
                if renew:
                    self.forget()
                    embedder = await self._load_for(None, self._forgotten)
                    self.mismatch = REBUILDING
                removed, left = await self._store.drop()
                if renew:
                    recorded = (self._settings.embed_model, self._name, _fingerprint(embedder))
                    await asyncio.to_thread(self._catalog.fingerprints.set, *recorded)
                    self.mismatch, self._recorded = None, recorded
                else:
                    await asyncio.to_thread(self._catalog.fingerprints.forget)
                    self.forget()
            except BaseException:
                if renew:
                    self.forget()
                raise
        return removed, left

    def forget_collection(self) -> None:
        """The collection was dropped, but not its documents: it will be made again with the same model."""
        self._made = False

    async def refresh(self) -> None:
        """Take note when another process has rebuilt the collection with another model."""
        async with self._creating:
            if self.embedder is None:
                return
            recorded = await asyncio.to_thread(self._catalog.fingerprints.recorded)
            if recorded == self._recorded or recorded is None:
                return
            self._recorded = recorded
            if recorded[2] == _fingerprint(self.embedder) and not self.mismatch:
                return
            self.forget()
        await self.load()

    async def load(self) -> Embedder:
        """The collection's model, whether or not it fits the settings. Raises EmbeddingError, CatalogError."""
        async with self._loading:
            while self.embedder is None:  # or forgotten while it was loaded
                forgotten = self._forgotten
                recorded = await asyncio.to_thread(self._catalog.fingerprints.recorded)
                await self._load_for(recorded, forgotten)
            return self.embedder

    async def _load_for(self, recorded: tuple[str, str, str] | None, forgotten: int) -> Embedder:
        """`forgotten`: as it was when it was seen what is `recorded`. If that has changed, nothing is settled."""
        self.notice = None
        try:
            name = await self._choose(recorded)
            began = time.monotonic()
            name, embedder = await self._load(name, recorded is None)
        except RagError as error:
            self.status = PartStatus("error", self._settings.embed_model, str(error))
            raise
        if forgotten != self._forgotten:
            return embedder
        took = f"{embedder.dimension} dimensions, loaded in {time.monotonic() - began:.1f} s"
        self.status = PartStatus("ready", embedder.name, took)
        self.mismatch = None
        if recorded is not None and recorded[2] != _fingerprint(embedder):
            self.mismatch = self._mismatch_sentence(recorded, embedder)
        self._name = name
        self._recorded = recorded
        self.embedder = embedder
        return embedder

    async def _load(self, name: str, new: bool) -> tuple[str, Embedder]:
        try:
            return name, await asyncio.to_thread(load_embedder, name, self._settings)
        except EmbeddingError:
            # The hub may answer and yet not give the weights away; only a new collection may get another model.
            if not new or name == BUNDLED_EMBED_MODEL or self._settings.embed_base_url or is_folder(name):
                raise
            self.notice = fallback_notice(name)
            return BUNDLED_EMBED_MODEL, await asyncio.to_thread(load_embedder, BUNDLED_EMBED_MODEL, self._settings)

    async def fitting(self) -> Embedder:
        """The collection's model. Raises IndexMismatch where the settings ask for another one."""
        embedder = self.embedder or await self.load()
        if self.mismatch:
            raise IndexMismatch(self.mismatch)
        return embedder

    async def prepare(self) -> PreparedCollection:
        """The model and the namespace of row ids, after making the collection unless it exists.

        Raises CollectionLost where another process has meanwhile rebuilt it with another model.
        """
        while True:
            embedder = await self.fitting()  # may take long, and a reset mustn't wait for that
            # Several documents get here at once; the first one makes the collection.
            async with self._creating:
                if embedder is self.embedder and not self.mismatch:
                    return PreparedCollection(embedder, await self._prepare(embedder))

    async def _prepare(self, embedder: Embedder) -> str:
        fingerprint = _fingerprint(embedder)
        # Asked each time: other processes may reset or rebuild the library at any moment.
        recorded = await asyncio.to_thread(self._catalog.fingerprints.recorded)
        if recorded is None:
            if not self._made and await self._store.count(None, "Strong"):
                raise IndexMismatch(
                    f"Milvus holds a collection {self._settings.collection} that this library's catalog doesn't "
                    "know; set COLLECTION to another name, or use the DATA_DIR or DATABASE_URL it was made with."
                )
            self._made = False
            # Before it is made: of two processes that do so at once with different models, one must know.
            own = (self._settings.embed_model, self._name, fingerprint)
            recorded = await asyncio.to_thread(self._catalog.fingerprints.note, *own)
        if recorded[2] != fingerprint:
            self.forget()
            raise CollectionLost(
                f"The collection {self._settings.collection} has been rebuilt with another embedding model; what "
                "was being added is added again by itself."
            )
        self._recorded = recorded
        if not self._made or not self._store.is_open:
            try:
                await self._store.create(embedder.dimension)
            except CollectionLost:  # it was open, and another process has dropped it
                await self._store.create(embedder.dimension)
            self._made = True
        return namespace_of(fingerprint)

    async def _choose(self, recorded: tuple[str, str, str] | None) -> str:
        if recorded is None:
            choice = await asyncio.to_thread(choose_model, self._settings)
            self.notice = choice.notice
            return choice.name
        asked, own, _ = recorded
        if self._settings.embed_model_chosen and self._settings.embed_model != asked:
            return self._settings.embed_model
        if own != asked:
            self.notice = f"This library uses the {own} embedding model: {asked} wasn't at hand when it was made."
        return own

    def _mismatch_sentence(self, recorded: tuple[str, str, str], embedder: Embedder) -> str:
        _, own, fingerprint = recorded
        name = self._settings.collection
        if json.loads(fingerprint).get("model") == embedder.fingerprint:
            return (
                f"The collection {name} was built by another version of Docent; re-index it, which keeps the "
                "documents, or set COLLECTION to a new name."
            )
        return (
            f"The collection {name} was built with the embedding model {own}, and EMBED_MODEL asks for "
            f"{self._settings.embed_model}; set EMBED_MODEL={own}, or re-index it, which keeps the documents."
        )


def namespace_of(fingerprint: str) -> str:
    """The part of the ids of rows that tells collections of different fingerprints apart."""
    return hashlib.sha256(fingerprint.encode()).hexdigest()[:8]


def _fingerprint(embedder: Embedder) -> str:
    return json.dumps(
        {
            "model": embedder.fingerprint,
            "dimension": embedder.dimension,
            "chunking": chunking.VERSION,
            "lexical": terms.VERSION,
        }
    )
