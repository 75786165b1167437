"""The real client against a real llama.cpp server. Only the protocol matters, not the text of the answers."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

import pytest
from llama_index.llms.openai import OpenAI

from rag.errors import LLMError
from rag.llm.openai import build_compatible
from rag.llm.protocol import ChatMessage, complete
from rag.settings import Settings

pytestmark = pytest.mark.llamacpp

LONG = [ChatMessage("user", "Count from one to one thousand: one, two, three, four,")]
TIMEOUT = 60


def test_answer_arrives_piece_by_piece_and_the_server_is_free_again_after_a_stop(
    settings: Settings, llamacpp_server: str
) -> None:
    settings = settings.model_copy(update={"openai_base_url": llamacpp_server, "llm_timeout": TIMEOUT})

    async def scenario() -> None:
        model = build_compatible(settings)
        llm = model.llm
        assert isinstance(llm, OpenAI)
        assert await model.check() is None
        # The answer is long enough to take seconds if it isn't stopped.
        llm.additional_kwargs = {"max_tokens": 1500, "extra_body": {"ignore_eos": True}}
        arrivals = []
        async with aclosing(model.stream(LONG)) as pieces:
            async for piece in pieces:
                assert piece
                arrivals.append(time.monotonic())
                if len(arrivals) == 20:
                    break
        assert len(set(arrivals)) == 20
        assert arrivals[-1] - arrivals[0] > 0.01, "the pieces came all at once"

        # The server has one slot: a request that went on in the background would hold it for all its tokens.
        llm.additional_kwargs = {"max_tokens": 4, "extra_body": {"ignore_eos": True}}
        begin = time.monotonic()
        with pytest.raises(LLMError, match="cut short"):
            await complete(model, [ChatMessage("user", "Hello")])
        assert time.monotonic() - begin < 10
        await model.close()

    asyncio.run(scenario())


def test_cancelled_task_frees_the_server_too(settings: Settings, llamacpp_server: str) -> None:
    settings = settings.model_copy(update={"openai_base_url": llamacpp_server, "llm_timeout": TIMEOUT})

    async def scenario() -> None:
        model = build_compatible(settings)
        llm = model.llm
        assert isinstance(llm, OpenAI)
        llm.additional_kwargs = {"max_tokens": 1500, "extra_body": {"ignore_eos": True}}
        begun = asyncio.Event()

        async def consume() -> None:
            async for _ in model.stream(LONG):
                begun.set()

        task = asyncio.create_task(consume())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        llm.additional_kwargs = {"max_tokens": 4, "extra_body": {"ignore_eos": True}}
        begin = time.monotonic()
        with pytest.raises(LLMError, match="cut short"):
            await complete(model, [ChatMessage("user", "Hello")])
        assert time.monotonic() - begin < 10
        await model.close()

    asyncio.run(scenario())
