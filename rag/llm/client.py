"""The HTTP client for a server that speaks OpenAI's protocol. It sets time-outs and proxies, and raises an error if a
stream is cut off."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
import openai

from rag.llm.events import Events, WholeReply
from rag.secrets import shown_address

OPENAI_URL = "https://api.openai.com/v1"
CONNECT_SECONDS = 5.0

# Collects the responses that the current task opens, for the task to close. Closing LlamaIndex's generator leaves the
# response to the garbage collector, and the server goes on generating meanwhile (seen with llama.cpp: 22 s).
opened_responses: ContextVar[list[httpx.Response] | None] = ContextVar("opened_responses", default=None)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server, the model to ask (empty: the first chat model that it serves), the key, and the longest wait in
    seconds."""

    url: str
    model: str
    key: str = field(repr=False)
    timeout: float

    @property
    def name(self) -> str:
        """The server's name, to begin a sentence with."""
        return "OpenAI" if self.url == OPENAI_URL else f"The LLM server at {shown_address(self.url)}"


def make_client(endpoint: Endpoint) -> openai.AsyncOpenAI:
    """A client without retries. It waits at most `endpoint.timeout` seconds for each step, and at most CONNECT_SECONDS
    for a connection."""

    async def watch(response: httpx.Response) -> None:
        opened = opened_responses.get()
        if opened is not None:
            opened.append(response)
        if response.is_success and response.request.url.path.endswith("/chat/completions"):
            is_whole = "json" in response.headers.get("content-type", "")
            response.stream = (WholeReply if is_whole else Events)(response.stream)  # type: ignore[arg-type]

    limits = httpx.Timeout(endpoint.timeout, connect=min(CONNECT_SECONDS, endpoint.timeout))
    http_client = openai.DefaultAsyncHttpxClient(
        timeout=limits,
        event_hooks={"response": [watch]},
        headers={"Accept-Encoding": "identity"},  # compressed events couldn't be read, see `rag.llm.events`
        # A proxy from the environment can't reach a server on this machine.
        trust_env=urlsplit(endpoint.url).hostname not in {"localhost", "127.0.0.1", "::1"},
    )
    return openai.AsyncOpenAI(
        api_key=endpoint.key or "none",  # the client demands a key
        base_url=endpoint.url,
        max_retries=0,
        timeout=limits,
        http_client=http_client,
    )
