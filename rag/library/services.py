"""The services of a library (embedding model, Milvus, language model) together: their start, status and end."""

from __future__ import annotations

import asyncio

from rag.library.collection_model import CollectionModel
from rag.library.health import Health
from rag.llm.service import LanguageModelService
from rag.runtime.background import BackgroundTasks, quietly
from rag.schema import Status
from rag.text.languages import identify

# Imports and loading keep the interpreter busy: the page that has made the index is drawn first.
HEAD_START_SECONDS = 1.0


class Services:
    """For the event loop, but for `status`, which any thread may ask for."""

    def __init__(self, model: CollectionModel, health: Health, language_model: LanguageModelService) -> None:
        self._model = model
        self._health = health
        self._language_model = language_model
        self._tasks = BackgroundTasks()
        self._started = False

    def start(self) -> None:
        """From now on keep the models loaded and look after Milvus, in the background."""
        self._started = True
        self._tasks.start(self._run())

    async def _run(self) -> None:
        # A search that comes earlier loads its model at once.
        await asyncio.sleep(HEAD_START_SECONDS)
        self._tasks.start(self._model.load())
        self._tasks.start(self._health.run())
        self._tasks.start(self._language_model.load())
        # Else the first text whose language is identified waits half a second for the tables.
        self._tasks.start(asyncio.to_thread(identify, "Guten Morgen"))

    def status(self) -> Status:
        """The services' states, as far as they are known. Never waits."""
        model, health = self._model, self._health
        llm = self._language_model.status
        return Status(model.status, health.milvus, llm, model.notice, model.mismatch, health.outgrown)

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
            removed, left = await self._model.delete_collection(rebuild)
        finally:
            self._health.recheck_documents()
        if self._started:
            self._tasks.start(self._model.load())
        return removed, left

    async def stop(self) -> None:
        """End the background work."""
        await self._tasks.cancel()

    async def close(self) -> None:
        """Close the language model's connections."""
        await self._language_model.close()
