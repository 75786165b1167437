"""Models that speak OpenAI's protocol: OpenAI's, and the models of every compatible server.

LlamaIndex's classes stay in this module. They use a client that is made, and closed, here.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

import httpx
import openai
from llama_index.core.llms import LLM, ChatResponse, ImageBlock, MessageRole, TextBlock
from llama_index.core.llms import ChatMessage as LlamaIndexMessage
from llama_index.llms.openai import OpenAI
from llama_index.llms.openai.utils import is_chat_model, is_chatcomp_api_supported, openai_modelname_to_contextsize
from llama_index.llms.openai_like import OpenAILike

from rag.errors import LLMError, SettingsError
from rag.llm.client import OPENAI_URL, Endpoint, make_client, opened_responses
from rag.llm.errors import as_llm_error, safe_cause, wanted_pause
from rag.llm.protocol import ChatMessage
from rag.llm.speech import Speech
from rag.runtime.retries import retrying
from rag.settings import DEFAULT_OPENAI_MODEL, Settings

logger = logging.getLogger(__name__)

CHECK_SECONDS = 5.0
# An answer ends with the event that has a finish reason. The events after it are useless, but they are awaited for this
# time: only a response that was read to its end leaves the connection open for the next request.
END_SECONDS = 1.0
ATTEMPTS = 3
# The last attempt begins at most this long after the first, or half the time-out if that is shorter. Whether to wait
# longer is left to the user.
RETRY_SECONDS = 15.0
# In tokens; for a server whose models LlamaIndex doesn't know.
UNKNOWN_CONTEXT_WINDOW = 8192
_EMPTY = "{} sent an empty answer: try again, or choose another model."
# Why an answer ended, where it isn't complete.
_CUT_SHORT = {
    "length": "The answer is cut short: {} reached its limit of length. Ask for less, or raise the limit there.",
    "content_filter": "The answer is cut short: a content filter of {} stopped it. Ask in other words.",
    "error": "The answer is cut short: {} stopped with an error. Try again.",
}
# Models that can't chat, by their names.
_NO_CHAT = re.compile(
    r"embed|rerank|whisper|moderation|transcri|\btts\b|(?:^|[/_-])(?:bge|e5|gte|clip|minilm|sdxl?|flux|dall-e|kokoro|bark)(?:$|[/_:-])",
    re.IGNORECASE,
)


class OpenAIModel:
    """A `LanguageModel`. `llm` is LlamaIndex's model, which uses `client`. `ping` makes the cheapest request that shows
    whether server, key and model are right."""

    def __init__(
        self, llm: LLM, client: openai.AsyncOpenAI, endpoint: Endpoint, ping: Callable[[], Awaitable[object]]
    ) -> None:
        self.llm = llm
        self._client = client
        self._endpoint = endpoint
        self._ping = ping

    @property
    def context_window(self) -> int:
        return self.llm.metadata.context_window

    async def stream(self, messages: Sequence[ChatMessage]) -> AsyncGenerator[str, None]:
        """See `LanguageModel.stream`. If a temporary failure comes before the first piece, the request is repeated. The
        endpoint's time-out holds for all attempts together."""
        # Options that the server refused in one attempt are left out of the next.
        options: dict[str, Any] = {}
        until = asyncio.get_running_loop().time() + self._endpoint.timeout

        async def begin() -> AsyncGenerator[str, None]:
            """Start an answer, and wait for its first piece."""
            pieces = self._pieces(messages, until, options)
            try:
                first = await anext(pieces)
            except BaseException as error:
                await pieces.aclose()
                if not isinstance(error, StopAsyncIteration):
                    raise
                raise LLMError(_EMPTY.format(self._endpoint.name)) from None
            return _put_back(first, pieces)

        try:
            persistently = retrying(
                partial(_may_pass, options=options),
                min(RETRY_SECONDS, self._endpoint.timeout / 2),
                ATTEMPTS,
                wanted_pause,
            )
            answer: AsyncGenerator[str, None] = await persistently(begin)
            speech, said = Speech(), False
            async with aclosing(answer):
                async for piece in answer:
                    if shown := speech.feed(piece):
                        said = True
                        yield shown
            if shown := speech.end():
                yield shown
            elif not said:
                raise LLMError(_EMPTY.format(self._endpoint.name))
        except Exception as error:
            raise as_llm_error(error, self._endpoint) from safe_cause(error)

    async def check(self) -> str | None:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._ping()
        except Exception as error:
            return str(as_llm_error(error, self._endpoint, CHECK_SECONDS))
        return None

    async def close(self) -> None:
        await self._client.close()

    async def _pieces(
        self, messages: Sequence[ChatMessage], until: float, options: dict[str, Any]
    ) -> AsyncGenerator[str, None]:
        """The answer piece by piece, in one attempt. The first event must come by the loop's time `until`, and each
        later one within the time-out after the event before it. Events without text count, too: models send them while
        they think."""
        opened: list[httpx.Response] = []
        opened_responses.set(opened)
        async with asyncio.timeout_at(until):
            if not self._endpoint.model and "model" not in options:
                options["model"] = await self._served_model()
            responses = await self.llm.astream_chat([_llama_index_message(message) for message in messages], **options)
        ended, reason = False, ""
        async with aclosing(responses):
            try:
                while True:
                    try:
                        async with asyncio.timeout_at(until):
                            response = await anext(responses)
                    except StopAsyncIteration:
                        break
                    except Exception as error:
                        if ended:  # nothing of the answer is missing
                            logger.info("the LLM server broke off after the end", exc_info=error)
                            break
                        raise
                    if response.delta:
                        yield response.delta
                    reason = _end_reason(response) or reason
                    ended = bool(reason)
                    timeout = self._endpoint.timeout
                    until = asyncio.get_running_loop().time() + (min(timeout, END_SECONDS) if ended else timeout)
            finally:
                for http_response in opened:
                    await http_response.aclose()
        if reason in _CUT_SHORT:
            raise LLMError(_CUT_SHORT[reason].format(self._endpoint.name))

    async def _served_model(self) -> str:
        """The name of the server's first chat model. Asked for each answer: the server may have loaded another."""
        for model in (await self._client.models.list()).data:
            kind = str(getattr(model, "type", None) or getattr(model, "task", None) or "")
            if not _NO_CHAT.search(model.id) and not _NO_CHAT.search(kind):
                return model.id
        raise LLMError(f"{self._endpoint.name} serves no chat model: load one there, or set OPENAI_MODEL.")


def build_openai(settings: Settings) -> OpenAIModel:
    """A model at OpenAI. Raises SettingsError for a model that can't chat."""
    endpoint = _endpoint(settings, OPENAI_URL, settings.openai_model or DEFAULT_OPENAI_MODEL)
    client = make_client(endpoint)
    if not settings.openai_context_window and _known_to_llama_index(endpoint.model):
        llm: LLM = OpenAI(**_options(endpoint, client))
    else:
        # OpenAI's reasoning models refuse every temperature but their default.
        llm = _openai_like(settings, endpoint, client, {"temperature": openai.omit})
    return OpenAIModel(llm, client, endpoint, ping=lambda: client.models.retrieve(endpoint.model))


def build_compatible(settings: Settings) -> OpenAIModel:
    """A model of the server at OPENAI_BASE_URL. Raises SettingsError for a model that can't chat."""
    endpoint = _endpoint(settings, settings.openai_base_url, settings.openai_model)
    client = make_client(endpoint)
    # Some of these servers can list their models, but not look up one.
    return OpenAIModel(_openai_like(settings, endpoint, client, {}), client, endpoint, ping=client.models.list)


def _endpoint(settings: Settings, url: str, model: str) -> Endpoint:
    if not is_chatcomp_api_supported(model):
        raise SettingsError(
            f"OPENAI_MODEL {model!r} can't be used for chat: it takes a model such as {DEFAULT_OPENAI_MODEL}."
        )
    return Endpoint(url, model, settings.openai_api_key.get_secret_value().strip(), settings.llm_timeout)


def _options(endpoint: Endpoint, client: openai.AsyncOpenAI) -> dict[str, Any]:
    return {
        "model": endpoint.model,
        "api_key": client.api_key,
        "api_base": endpoint.url,
        "max_retries": 0,  # OpenAIModel.stream retries; retries of the SDK and of LlamaIndex would multiply with it
        "async_openai_client": client,
    }


def _openai_like(
    settings: Settings, endpoint: Endpoint, client: openai.AsyncOpenAI, request_options: dict[str, Any]
) -> OpenAILike:
    return OpenAILike(
        **_options(endpoint, client),
        is_chat_model=True,
        context_window=settings.openai_context_window or UNKNOWN_CONTEXT_WINDOW,
        additional_kwargs=request_options,
    )


def _known_to_llama_index(model: str) -> bool:
    try:
        openai_modelname_to_contextsize(model)
    except ValueError:
        return False
    return is_chat_model(model)


def _llama_index_message(message: ChatMessage) -> LlamaIndexMessage:
    role = MessageRole(message.role)
    if not message.picture:
        return LlamaIndexMessage(role=role, content=message.content)
    blocks = [TextBlock(text=message.content), ImageBlock(image=message.picture, image_mimetype="image/png")]
    return LlamaIndexMessage(role=role, blocks=blocks)


async def _put_back(first: str, rest: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    async with aclosing(rest):
        yield first
        async for piece in rest:
            yield piece


def _end_reason(response: ChatResponse) -> str:
    """Why the answer ends with this event; empty if it doesn't."""
    choices = getattr(response.raw, "choices", None) or ()
    return next((str(choice.finish_reason) for choice in choices if getattr(choice, "finish_reason", None)), "")


def _may_pass(error: BaseException, options: dict[str, Any]) -> bool:
    """Whether another attempt makes sense. If the temperature was refused, `options` leave it out from then on."""
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
