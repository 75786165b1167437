"""The LLM that the settings name: its client, made when it is first needed, and how it is doing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rag.errors import SettingsError
from rag.runtime.imports import IMPORTING
from rag.schema import PartStatus
from rag.secrets import shown_address
from rag.settings import DEFAULT_OPENAI_MODEL, Settings

# rag.llm.openai brings OpenAI's client and LlamaIndex, which take more than a second: only where there is an LLM.
if TYPE_CHECKING:
    from llama_index.core.llms import LLM

NONE = (
    "Answers are sentences taken from the documents; set OPENAI_API_KEY, or OPENAI_BASE_URL for a local server, to "
    "have them written by an LLM."
)


class LanguageModel:
    """`status` is there at once; everything else is for the event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._llm: LLM | None = None
        self._loading = asyncio.Lock()
        self.status = PartStatus("off", "none", NONE)
        if settings.names_llm:
            self.status = PartStatus("ready", llm_label(settings), "It is first asked when you ask.")

    async def load(self) -> LLM | None:
        """The LLM, or None where the settings name none. Nothing is asked of it. Raises SettingsError."""
        if not self._settings.names_llm:
            return None
        async with self._loading:
            if self._llm is None:
                try:
                    self._llm = await asyncio.to_thread(_build, self._settings)
                except SettingsError as error:
                    self.status = PartStatus("error", llm_label(self._settings), str(error))
                    raise
            return self._llm

    async def check(self) -> None:
        """Ask the server for a sign of life, for `status`."""
        try:
            llm = await self.load()
        except SettingsError:
            return
        if llm is not None:
            from rag.llm.openai import check_llm

            problem = await check_llm(llm, self._settings)
            label = llm_label(self._settings)
            self.status = PartStatus("error", label, problem) if problem else PartStatus("ready", label)

    async def close(self) -> None:
        """Close the connections."""
        if self._llm is not None:
            from rag.llm.openai import close_llm

            await close_llm(self._llm)


def llm_label(settings: Settings) -> str:
    """What answers, for display: "gpt-… at OpenAI", "llama3.2 at http://localhost:11434/v1"."""
    if not settings.openai_base_url:
        return f"{settings.openai_model or DEFAULT_OPENAI_MODEL} at OpenAI"
    return f"{settings.openai_model or 'the model'} at {shown_address(settings.openai_base_url)}"


def _build(settings: Settings) -> LLM | None:
    with IMPORTING:
        from rag.llm.openai import build_llm
    return build_llm(settings)
