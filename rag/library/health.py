"""Checks Milvus and the embedding model at each heartbeat, and restores documents that Milvus has lost."""

from __future__ import annotations

import asyncio
import logging

from rag.errors import StoreError
from rag.ingestion.pipeline import Ingestion
from rag.library.collection_model import CollectionModel
from rag.runtime.background import quietly
from rag.schema import PartStatus
from rag.settings import Settings
from rag.storage.documents import Catalog
from rag.vector_store.store import VectorStore

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 3.0
# Heartbeats between two attempts to load a model that couldn't be loaded.
MODEL_BEATS = 10
# The most chunks that Milvus Lite is meant for: at each start it reads all rows and builds its index of the terms.
# Measured on 2 cores with 384 dimensions at 10,000, 100,000 and 400,000 chunks: 0.5, 1.0 and 2.2 GB of memory (0.43 GB
# at 0 chunks), and 14, 28 and 110 to 140 ms for a search. From 100,000 to 400,000 chunks costs grow fourfold, but
# hardly at all on a server.
LITE_CHUNKS = 100_000


class Health:
    """Keeps the status `milvus` up to date, resumes unfinished documents, and restores lost documents. Use on the
    event loop only.

    `outgrown` is a sentence for the user if the library is too large for Milvus Lite; else None.
    """

    def __init__(
        self, settings: Settings, catalog: Catalog, store: VectorStore, model: CollectionModel, ingestion: Ingestion
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._model = model
        self._ingestion = ingestion
        self._lite = settings.milvus_is_lite
        self._documents_checked = False  # since Milvus came back
        self._collection_vanished = False
        self.milvus = PartStatus("starting", settings.milvus_shown, "Connecting to Milvus.")
        self.outgrown: str | None = None

    async def run(self) -> None:
        """Check every HEARTBEAT_SECONDS, until cancelled."""
        beat = 0
        while True:
            await quietly(self.check_milvus())
            if self.milvus.state == "ready":
                await quietly(self._restore_and_resume())
                if self._model.status.state != "starting":  # the model is needed first, and both take the processor
                    await quietly(self._warm_up())
            if self._model.status.state == "error" and beat % MODEL_BEATS == MODEL_BEATS - 1:
                await quietly(self._model.load())
            await quietly(self._model.refresh())
            beat += 1
            await asyncio.sleep(HEARTBEAT_SECONDS)

    def recheck_documents(self) -> None:
        """At the next heartbeat, check whether documents have lost rows: the collection was, or was to be, deleted."""
        self._documents_checked = False

    async def check_milvus(self) -> None:
        """Check whether Milvus answers, and whether it still has the collection."""
        name = self.milvus.name
        try:
            if not await self._store.ping():
                logger.warning("the collection was deleted from outside")
                self._model.collection_vanished()
                self._documents_checked, self._collection_vanished = False, True
        except StoreError as error:
            self.milvus = PartStatus("error", name, str(error))
            self._documents_checked = False
            return
        kind = self._store.shown
        if not self._store.has_lexical and self._store.is_open:
            kind += " without BM25, so search is by embedding only"
        self.milvus = PartStatus("ready", name, kind)
        chunks = await asyncio.to_thread(self._catalog.count_chunks) if self._lite else 0
        self.outgrown = _outgrown_sentence(chunks) if chunks > LITE_CHUNKS else None

    async def _restore_and_resume(self) -> None:
        """Once after Milvus was away, ingest lost documents again from the kept bytes. Always resume pending documents.

        A server that has just started answers some calls and not others. A call that fails is tried at the next beat.
        """
        if not self._documents_checked:
            # Another process may have made the collection again by now, and filled it with whole documents.
            empty = self._collection_vanished and not await self._store.count(None, "Strong")
            lost = None if empty else await self._lost()
            if lost is None or lost:
                logger.warning(
                    "Milvus has lost documents: they are ingested again", extra={"documents": len(lost or ())}
                )
                await self._ingestion.lifecycle.ready_to_pending(lost)
            self._documents_checked, self._collection_vanished = True, False
        await self._ingestion.resume()

    async def _lost(self) -> list[str]:
        """The ids of the ready documents that Milvus doesn't hold whole."""
        ready = await asyncio.to_thread(self._catalog.documents, state="ready")
        expected = {document.doc_id: document.chunks for document in ready}
        # Rows of other documents, such as pending ones, could make up for missing rows.
        alone = await asyncio.to_thread(self._catalog.holds_only, expected)
        if (
            alone
            and not self._collection_vanished
            and await self._store.count(None, "Strong") == sum(expected.values())
        ):
            return []
        return list(await self._store.miscounted(expected))

    async def _warm_up(self) -> None:
        """Prepare Milvus Lite for searches. Searches that come meanwhile wait."""
        if self._store.is_open and not self._store.searches.is_warm:
            connected = self.milvus
            self.milvus = PartStatus("starting", connected.name, "Preparing the library for search…")
            try:
                await self._store.searches.warm_up()
            finally:
                self.milvus = connected


def _outgrown_sentence(chunks: int) -> str:
    return (
        f"This library has {chunks:,} chunks, and Milvus Lite, which keeps them all in memory, is meant for up to "
        f"{LITE_CHUNKS:,}; stop the app and take the library to a Milvus server with: "
        "python -m rag move --to http://host:19530"
    )
