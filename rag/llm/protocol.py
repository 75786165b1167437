"""The calls that answering makes of a language model, the same for every provider."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal, Protocol

from rag.llm.speech import without_thoughts


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message to a language model; "system" gives the instructions. `picture` is a PNG that goes along."""

    role: Literal["system", "user", "assistant"]
    content: str
    picture: bytes = b""


class LanguageModel(Protocol):
    """A chat model. Call it on the process's event loop only; its connections are bound to that loop."""

    @property
    def context_window(self) -> int:
        """The most tokens that prompt and answer may have together."""

    def stream(self, messages: Sequence[ChatMessage]) -> AsyncGenerator[str, None]:
        """Yield the answer piece by piece.

        Closing the generator, or cancelling its task, closes the request at once. Raises LLMError if no piece comes for
        LLM_TIMEOUT seconds, or the answer is empty or breaks off. The pieces that came before the error stay valid.
        """

    async def check(self) -> str | None:
        """Make a request that costs nothing. Returns None if it succeeds, else a sentence that says why it failed."""

    async def close(self) -> None:
        """Close the connections."""


async def complete(model: LanguageModel, messages: Sequence[ChatMessage], most_characters: int | None = None) -> str:
    """The whole answer at once. Raises LLMError.

    Stops reading once the text is longer than `most_characters`, in case the model never ends.
    """
    text = ""
    async with aclosing(model.stream(messages)) as pieces:
        async for piece in pieces:
            text += piece
            if most_characters is not None and len(text) > most_characters:
                break
    return without_thoughts(text).strip()
