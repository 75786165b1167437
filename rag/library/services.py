"""Starts, checks and closes the services of a library: embedding model, Milvus and language model."""

from __future__ import annotations

import asyncio

from rag.library.collection_model import CollectionModel
from rag.library.health import Health
from rag.llm.service import LanguageModelService
from rag.runtime.background import BackgroundTasks, quietly
from rag.schema import Status
from rag.text.languages import identify

# The wait before models are loaded, which keeps the interpreter busy: the page that made the index is drawn first.
HEAD_START_SECONDS = 1.0


class Services:
    """Use on the event loop only; but `status` may be called from any thread."""

    def __init__(self, model: CollectionModel, health: Health, language_model: LanguageModelService) -> None:
        self._model = model
        self._health = health
        self._language_model = language_model
        self._tasks = BackgroundTasks()
        self._started = False

    def start(self) -> None:
        """In the background, load the models and keep watch over Milvus."""
        self._started = True
        self._tasks.start(self._run())

    async def _run(self) -> None:
        # A search that comes earlier loads the model at once.
        await asyncio.sleep(HEAD_START_SECONDS)
        self._tasks.start(self._model.load())
        self._tasks.start(self._health.run())
        self._tasks.start(self._language_model.load())
        # Else the first text whose language is identified would wait half a second for the tables.
        self._tasks.start(asyncio.to_thread(identify, "Guten Morgen"))

    def status(self) -> Status:
        """The services' states, as last seen. Never waits."""
        model, health = self._model, self._health
        llm = self._language_model.status
        return Status(model.status, health.milvus, llm, model.notice, model.mismatch, health.outgrown, model.improved)

    async def check(self) -> Status:
        """Try each service, which may take a few seconds."""
        await quietly(self._model.load())
        await quietly(self._health.check_milvus())
        await self._language_model.check()
        return self.status()

    async def delete_collection(self, rebuild: bool) -> tuple[int, int]:
        """Delete the collection, and load the model of the next one in the background.

        Arguments, return values and errors are those of `CollectionModel.delete_collection`.
        """
        try:
            deleted, left = await self._model.delete_collection(rebuild)
        finally:
            self._health.recheck_documents()
        if self._started:
            self._tasks.start(self._model.load())
        return deleted, left

    async def stop(self) -> None:
        """End the background work."""
        await self._tasks.cancel()

    async def close(self) -> None:
        """Close the language model's connections."""
        await self._language_model.close()
