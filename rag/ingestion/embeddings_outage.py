"""Outages of the embeddings server: which documents have met one, and whether the server answers again.

A document that meets an outage becomes pending, and waits until the server answers. If it meets another outage after
that, it may hold a text that the server can't take: it fails.
"""

from __future__ import annotations

import asyncio
import logging

from rag.errors import EmbeddingUnavailable, RagError
from rag.ingestion.embedding import LoadModel

logger = logging.getLogger(__name__)


class EmbeddingsOutage:
    """Says whether documents can be embedded. Use on the event loop only."""

    def __init__(self, load_model: LoadModel) -> None:
        self._load_model = load_model
        self._away = False
        self._met_by: set[str] = set()
        self._asking: asyncio.Task[None] | None = None

    def meet(self, doc_id: str) -> bool:
        """The server didn't answer for a document. Returns False if the document has met an outage before."""
        if doc_id in self._met_by:
            return False
        self._met_by.add(doc_id)
        self._away = True
        return True

    def settle(self, doc_id: str) -> None:
        """A document is ready or has failed: it may meet an outage anew."""
        self._met_by.discard(doc_id)

    def end(self) -> None:
        """The model has just been loaded."""
        self._away = False

    async def is_over(self) -> bool:
        """Whether documents can be embedded, as far as is known. A server that was away is asked, but not waited for.

        Raises EmbeddingError, IndexMismatch, CatalogError if the model can't be loaded.
        """
        if self._away:
            if self._asking is None:
                # Not awaited: a call to a silent server takes more than a minute.
                self._asking = asyncio.create_task(self._ask())
            return False
        # Without a model that fits the collection, the documents would fail. They stay pending, since another process,
        # or this one with other settings, can add them.
        try:
            await self._load_model()
        except EmbeddingUnavailable:
            self._away = True
            raise
        return True

    async def close(self) -> None:
        """Stop asking the server."""
        if self._asking:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask(self) -> None:
        try:
            embedder = await self._load_model()
            await asyncio.to_thread(embedder.embed_query, "Do you hear me?")
            self._away = False
        except RagError as error:
            # Another error ends the outage: the documents' jobs will show it.
            self._away = isinstance(error, EmbeddingUnavailable)
            logger.info("the embeddings server doesn't embed", exc_info=error)
        finally:
            self._asking = None
