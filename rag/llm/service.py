"""The language model that the settings choose, made when it is first needed, and its status."""

from __future__ import annotations

import asyncio

from rag.errors import SettingsError
from rag.llm.pictures import read_picture
from rag.llm.protocol import LanguageModel
from rag.llm.providers import provider_of
from rag.schema import PartStatus
from rag.settings import Settings

NONE = (
    "Answers are sentences taken from the documents; set OPENAI_API_KEY, or OPENAI_BASE_URL for a local server, to "
    "have them written by an LLM."
)


class LanguageModelService:
    """Holds the language model. `status` can be read on any thread; call everything else on the event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._provider = provider_of(settings)
        self._label = self._provider.label(settings) if self._provider else "none"
        self._model: LanguageModel | None = None
        self._loading = asyncio.Lock()
        self.status = PartStatus("off", self._label, NONE)
        if self._provider:
            self.status = PartStatus("ready", self._label, "It is first asked when you ask.")

    async def load(self) -> LanguageModel | None:
        """The language model, or None if the settings choose none. It sends no request. Raises SettingsError."""
        if self._provider is None:
            return None
        async with self._loading:
            if self._model is None:
                try:
                    self._model = await asyncio.to_thread(self._provider.build, self._settings)
                except SettingsError as error:
                    self.status = PartStatus("error", self._label, str(error))
                    raise
            return self._model

    async def read_picture(self, png: bytes) -> str:
        """The text on a picture, read by the model. Raises LLMError, SettingsError."""
        return await read_picture(await self.load(), png)

    async def check(self) -> None:
        """Send a request that costs nothing to the server, and set `status` by its outcome."""
        try:
            model = await self.load()
        except SettingsError:
            return
        if model is not None:
            problem = await model.check()
            self.status = PartStatus("error" if problem else "ready", self._label, problem or "")

    async def close(self) -> None:
        """Close the connections."""
        if self._model is not None:
            await self._model.close()
