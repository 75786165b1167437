"""The HTTP client of a server that speaks OpenAI's protocol: time-outs, proxies, and streams that fail where they are
cut off."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
import openai

from rag.secrets import shown_address

OPENAI_URL = "https://api.openai.com/v1"
CONNECT_SECONDS = 5.0

# The end of a complete answer: most servers send both marks, some only one of them.
_COMPLETE = re.compile(rb'\[DONE\]|"finish_reason"\s*:\s*"')
_TAIL_BYTES = 4096

# A list in it collects the responses that the running context opens. Closing LlamaIndex's generator leaves the request
# to the garbage collector, and the server goes on generating meanwhile (seen with llama.cpp: 22 s).
opened_responses: ContextVar[list[httpx.Response] | None] = ContextVar("opened_responses", default=None)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server, the model asked of it (empty: the first chat model that it serves), and the longest wait in seconds."""

    url: str
    model: str
    key: str = field(repr=False)
    timeout: float

    @property
    def name(self) -> str:
        """Who answers, at the beginning of a sentence."""
        return "OpenAI" if self.url == OPENAI_URL else f"The LLM server at {shown_address(self.url)}"


def make_client(endpoint: Endpoint) -> openai.AsyncOpenAI:
    """A client that waits for anything at most `endpoint.timeout` seconds, and less for a connection. It tries once."""

    async def watch(response: httpx.Response) -> None:
        opened = opened_responses.get()
        if opened is not None:
            opened.append(response)
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            response.stream = _WholeStream(response.stream)  # type: ignore[arg-type]

    limits = httpx.Timeout(endpoint.timeout, connect=min(CONNECT_SECONDS, endpoint.timeout))
    http_client = openai.DefaultAsyncHttpxClient(
        timeout=limits,
        event_hooks={"response": [watch]},
        headers={"Accept-Encoding": "identity"},  # the stream's end has to be legible, see _WholeStream
        # A proxy of the environment can't reach a server on this machine.
        trust_env=urlsplit(endpoint.url).hostname not in {"localhost", "127.0.0.1", "::1"},
    )
    return openai.AsyncOpenAI(
        api_key=endpoint.key or "none",  # the client insists on one
        base_url=endpoint.url,
        max_retries=0,
        timeout=limits,
        http_client=http_client,
    )


class _WholeStream(httpx.AsyncByteStream):
    """An event stream that fails when the server closes it before the answer is complete.

    A connection that is closed cleanly in mid-answer is no error to HTTP, the SDK or LlamaIndex.
    """

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        tail = b""
        async for data in self._stream:
            tail = (tail + data)[-_TAIL_BYTES:]
            yield data
        if not _COMPLETE.search(tail):
            raise httpx.RemoteProtocolError("the stream ended before the answer was complete")

    async def aclose(self) -> None:
        await self._stream.aclose()
