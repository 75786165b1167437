"""The language model: builds the LLM of OpenAI or of a compatible server, and streams from it.

The clients belong to the event loop of their first request, so everything asynchronous here runs on the process's
one loop. What goes wrong is mapped once, to LLMError.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

import httpx
import openai
from llama_index.core.llms import LLM, ChatMessage, ChatResponse
from llama_index.llms.openai import OpenAI
from llama_index.llms.openai.utils import is_chat_model, is_chatcomp_api_supported, openai_modelname_to_contextsize
from llama_index.llms.openai_like import OpenAILike

from rag.errors import LLMError, SettingsError
from rag.llm.client import make_client, opened_responses
from rag.llm.errors import OPENAI_URL, as_llm_error, capitalized, safe_cause, wanted_pause, where_is
from rag.runtime.retries import retrying
from rag.settings import DEFAULT_OPENAI_MODEL, Settings

logger = logging.getLogger(__name__)

CHECK_SECONDS = 5.0
# What may follow the reason for which an answer ends is of no use, but having read it keeps the connection.
END_SECONDS = 1.0
ATTEMPTS = 3
# Another attempt begins within so many seconds of the first, or in half of the time-out; whether to wait longer is for
# whoever asked to decide.
RETRY_SECONDS = 15.0
UNKNOWN_CONTEXT_WINDOW = 8192


def build_llm(settings: Settings) -> LLM | None:
    """The LLM that the settings name, or None where they name neither a key nor a server. No request is made.

    Raises SettingsError for a model name that can't work.
    """
    if not settings.names_llm:
        return None
    key = settings.openai_api_key.get_secret_value().strip()
    # An empty name stands for whatever the server serves; it is looked up at each request.
    name = settings.openai_model or ("" if settings.openai_base_url else DEFAULT_OPENAI_MODEL)
    if not is_chatcomp_api_supported(name):
        raise SettingsError(
            f"OPENAI_MODEL {name!r} can't be used for chat: it takes a model such as {DEFAULT_OPENAI_MODEL}."
        )
    url = settings.openai_base_url or OPENAI_URL
    options: dict[str, Any] = {
        "model": name,
        "api_key": key or "none",  # the client insists on one
        "api_base": url,
        "max_retries": 0,  # the SDK's and LlamaIndex's retries would multiply; stream_chat has its own
        "async_openai_client": make_client(key or "none", url, settings.llm_timeout),
    }
    if not settings.openai_base_url and not settings.openai_context_window and _known_to_llama_index(name):
        return OpenAI(**options)
    return OpenAILike(
        **options,
        is_chat_model=True,
        context_window=settings.openai_context_window or UNKNOWN_CONTEXT_WINDOW,
        # Of OpenAI's models those that reason refuse any temperature but their own.
        additional_kwargs={} if settings.openai_base_url else {"temperature": openai.omit},
    )


def context_window(llm: LLM) -> int:
    """How many tokens prompt and answer may have together."""
    return llm.metadata.context_window


async def stream_chat(llm: LLM, messages: Sequence[ChatMessage], timeout: float) -> AsyncGenerator[str, None]:
    """Yield the answer piece by piece. `timeout` is the longest wait for the next piece, in seconds.

    A failure before the first piece that may pass is tried again, all within that time. Closing the generator or
    cancelling its task closes the request. Raises LLMError; what was yielded before it stays valid.
    """
    options: dict[str, Any] = {}
    until = asyncio.get_running_loop().time() + timeout

    async def begin() -> AsyncGenerator[str, None]:
        """The answer, of which the first piece has arrived."""
        deltas = _deltas(llm, messages, timeout, until, options)
        try:
            first = await anext(deltas)
        except BaseException as error:
            await deltas.aclose()
            if not isinstance(error, StopAsyncIteration):
                raise
            where = capitalized(where_is(llm))
            raise LLMError(f"{where} sent an empty answer: try again, or choose another model.") from None
        return _put_back(first, deltas)

    try:
        persistently = retrying(
            partial(_may_pass, options=options), min(RETRY_SECONDS, timeout / 2), ATTEMPTS, wanted_pause
        )
        answer: AsyncGenerator[str, None] = await persistently(begin)
        async with aclosing(answer):
            async for delta in answer:
                yield delta
    except Exception as error:
        raise as_llm_error(error, llm, timeout) from safe_cause(error)


async def complete_chat(llm: LLM, messages: Sequence[ChatMessage], timeout: float, most: int | None = None) -> str:
    """The whole answer at once. `timeout` (seconds) bounds the wait for each piece of it. Raises LLMError.

    A model that doesn't come to an end is stopped after more than `most` characters.
    """
    text = ""
    async with aclosing(stream_chat(llm, messages, timeout)) as deltas:
        async for delta in deltas:
            text += delta
            if most is not None and len(text) > most:
                break
    return text


async def check_llm(llm: LLM, settings: Settings) -> str | None:
    """Ask the server for its models, which costs nothing. None if it answers, else a sentence that says why not."""
    if not isinstance(llm, OpenAI):
        return None
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            if settings.openai_base_url:
                await llm._get_aclient().models.list()
            else:
                await llm._get_aclient().models.retrieve(llm.model)
    except Exception as error:
        return str(as_llm_error(error, llm, CHECK_SECONDS))
    return None


async def close_llm(llm: LLM | None) -> None:
    """Close the connections. To be awaited on the loop that the requests ran on."""
    if isinstance(llm, OpenAI):
        await llm._get_aclient().close()


async def _put_back(first: str, rest: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    async with aclosing(rest):
        yield first
        async for delta in rest:
            yield delta


async def _deltas(
    llm: LLM, messages: Sequence[ChatMessage], timeout: float, until: float, options: dict[str, Any]
) -> AsyncGenerator[str, None]:
    """The answer piece by piece. The stream's first event must come by the loop's time `until`, each other one, also
    those without text that a model sends while it thinks, `timeout` seconds after the one before."""
    opened: list[httpx.Response] = []
    opened_responses.set(opened)
    async with asyncio.timeout_at(until):
        if isinstance(llm, OpenAI) and not llm.model and "model" not in options:
            options["model"] = await _served_model(llm)
        responses = await llm.astream_chat(messages, **options)
    ended = False
    async with aclosing(responses):
        try:
            while True:
                try:
                    async with asyncio.timeout_at(until):
                        response = await anext(responses)
                except StopAsyncIteration:
                    return
                except Exception as error:
                    if ended:  # the answer is whole
                        logger.info("the LLM server broke off after the end", exc_info=error)
                        return
                    raise
                if response.delta:
                    yield response.delta
                ended = ended or _is_end(response)
                until = asyncio.get_running_loop().time() + (min(timeout, END_SECONDS) if ended else timeout)
        finally:
            for http_response in opened:
                await http_response.aclose()


def _is_end(response: ChatResponse) -> bool:
    choices = getattr(response.raw, "choices", None) or ()
    return any(getattr(choice, "finish_reason", None) for choice in choices)


async def _served_model(llm: OpenAI) -> str:
    models = [model.id for model in (await llm._get_aclient().models.list()).data]
    for name in models:
        if "embed" not in name.lower():
            return name
    raise LLMError(f"{capitalized(where_is(llm))} serves no chat model: load one there, or set OPENAI_MODEL.")


def _known_to_llama_index(name: str) -> bool:
    try:
        openai_modelname_to_contextsize(name)
    except ValueError:
        return False
    return is_chat_model(name)


def _may_pass(error: BaseException, options: dict[str, Any]) -> bool:
    """Whether another attempt makes sense. Takes the temperature out of the options if that was refused."""
    if isinstance(error, openai.BadRequestError) and "temperature" in f"{error.param} {error.message}":
        refused = "temperature" not in options
        options["temperature"] = openai.omit
        return refused
    if isinstance(error, openai.RateLimitError):
        return error.code != "insufficient_quota"
    if isinstance(error, openai.APITimeoutError):
        return False
    broken = openai.APIConnectionError | openai.InternalServerError | httpx.NetworkError | httpx.RemoteProtocolError
    return isinstance(error, broken)
