"""A small OpenAI-protocol server on 127.0.0.1 that can also stall, break off, refuse and talk nonsense.

Each chat request takes the next scripted Reply; with none left, `default_reply` answers from the prompt.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import uvicorn

Body = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """The answer to one chat request: the words of `text`, `pace` seconds apart. `then` is the way it ends.

    finish: as the protocol says · stall: nothing more until the client leaves · reset: the connection is torn ·
    close: the response ends cleanly but unfinished · garbage: a chunk that is no JSON · error: an error event.
    With an empty text, stall and reset come before the response's first byte. If it has `begun`, they come after its
    headers and a first chunk without text. With `whole`, the finish_reason is sent before any other ending.
    """

    text: str = ""
    pace: float = 0.002
    then: Literal["finish", "stall", "reset", "close", "garbage", "error"] = "finish"
    status: int = 200
    code: str | None = None
    message: str = "scripted failure"
    done_event: bool = True  # False: without the closing [DONE], as from some servers
    finish_reason: bool = True  # False: without the finish_reason, as from some servers
    begun: bool = False
    whole: bool = False
    retry_after: str | None = None  # the header of a refusal
    pieces: tuple[str, ...] = ()  # streamed unchanged, in place of the words of `text`
    hold: threading.Event | None = None  # the last word waits until this is set


@dataclass
class Request:
    """A request as it arrived. `over` is set once the client has the whole response, or has left."""

    path: str
    headers: dict[str, str]
    body: Body
    at: float = field(default_factory=time.monotonic)
    tokens_sent: int = 0
    disconnected_at: float | None = None
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def prompt(self) -> str:
        return "\n".join(_text(message) for message in self.body.get("messages", ()))


def default_reply(body: Body) -> Reply:
    """Quotes the first sentence of passage [1] of the prompt. A prompt without passages is condensed to a question."""
    asked = [_text(message) for message in body["messages"] if message["role"] == "user"]
    passage = re.search(r"^\[1\] \([^\n]*\)\n(.+?)(?=\n\s*\[2\] \(|\n</passages>|\Z)", asked[-1], re.M | re.S)
    if passage:
        sentence = re.split(r"(?<=[.!?。！？])\s+", " ".join(passage.group(1).split()))[0]
        return Reply(f"{sentence} [1]")
    questions = [line.split(":", 1)[-1].strip() for text in asked for line in text.splitlines() if line.endswith("?")]
    return Reply(" ".join(dict.fromkeys(questions[-2:])) or asked[-1].strip().splitlines()[-1])


class LLMServer:
    """Runs in a new thread from `start` to `stop`. `url` is the value for OPENAI_BASE_URL."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"
        self.reset()
        config = uvicorn.Config(
            self._application,
            interface="asgi3",
            lifespan="off",
            log_level="critical",
            timeout_graceful_shutdown=1,
            timeout_keep_alive=60,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def reset(self) -> None:
        """Clear the requests and the script, and accept any key."""
        self.requests: list[Request] = []
        self.replies: deque[Reply] = deque()
        self.default: Callable[[Body], Reply] = default_reply
        self.models = ["fake-embedding-model", "fake-chat-model"]
        self.key: str | None = None
        self.dimension = 16
        self.embeds = True
        self.refused = ("", 0)  # a word, and the status that answers texts with this word

    def script(self, *replies: Reply) -> None:
        """Answer the next chat requests with `replies`, in this order."""
        self.replies.extend(replies)

    @property
    def chats(self) -> list[Request]:
        return [request for request in self.requests if request.path.endswith("/chat/completions")]

    def start(self) -> LLMServer:
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the fake LLM server did not start")
            time.sleep(0.005)
        return self

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()

    async def _application(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        raw, more = b"", True
        while more:
            message = await receive()
            raw, more = raw + message.get("body", b""), message.get("more_body", False)
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        request = Request(scope["path"], headers, json.loads(raw or b"{}"))
        self.requests.append(request)
        work = asyncio.ensure_future(self._respond(request, _Responder(send)))
        leaving = asyncio.ensure_future(receive())
        try:
            await asyncio.wait({work, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                request.disconnected_at = time.monotonic()
                work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
        finally:
            leaving.cancel()
            request.over.set()

    async def _respond(self, request: Request, out: _Responder) -> None:
        if self.key is not None and request.headers.get("authorization") != f"Bearer {self.key}":
            message = f"Incorrect API key provided: {request.headers.get('authorization', '')[7:]}."
            await out.error(401, "invalid_api_key", message)
        elif request.path == "/v1/models":
            await out.json(200, {"object": "list", "data": [_model(name) for name in self.models]})
        elif request.path.startswith("/v1/models/"):
            name = request.path.removeprefix("/v1/models/")
            if name in self.models:
                await out.json(200, _model(name))
            else:
                await out.error(404, "model_not_found", f"The model '{name}' does not exist")
        elif request.path == "/v1/embeddings" and not self.embeds:
            await out.error(503, "unavailable", "The model is being loaded")
        elif request.path == "/v1/embeddings" and self.refused[0] and self.refused[0] in str(request.body["input"]):
            await out.error(self.refused[1], "failed", "The text can't be embedded")
        elif request.path == "/v1/embeddings":
            await out.json(200, self._embeddings(request.body))
        elif request.path == "/v1/chat/completions":
            await self._chat(request, out, self.replies.popleft() if self.replies else self.default(request.body))
        else:
            await out.json(404, {"detail": "Not Found"})

    async def _chat(self, request: Request, out: _Responder, reply: Reply) -> None:
        if reply.status != 200:
            await out.error(reply.status, reply.code, reply.message, reply.retry_after)
            return
        streamed = bool(request.body.get("stream"))
        words = reply.pieces or re.findall(r"\s*\S+", reply.text)
        if streamed and (words or reply.begun):
            await out.begin("text/event-stream")
            await out.event(_chunk(request, {"role": "assistant", "content": ""}))
        for place, word in enumerate(words, 1):
            await asyncio.sleep(reply.pace)
            while place == len(words) and reply.hold is not None and not reply.hold.is_set():
                await asyncio.sleep(0.02)
            if streamed:
                await out.event(_chunk(request, {"content": word}))
            request.tokens_sent += 1
        if reply.whole:
            await out.event(_chunk(request, {}, "stop"))
        if reply.then == "stall":
            await asyncio.sleep(3600)
        elif reply.then == "reset":
            raise ConnectionResetError("scripted")  # the server closes without the terminating chunk
        elif not streamed:
            choice = {"index": 0, "message": {"role": "assistant", "content": reply.text}, "finish_reason": "stop"}
            await out.json(200, {"id": "fake", "object": "chat.completion", "created": 0, "choices": [choice]})
        else:
            await self._end_stream(request, out, reply)

    async def _end_stream(self, request: Request, out: _Responder, reply: Reply) -> None:
        await out.begin("text/event-stream")
        if reply.then == "garbage":
            await out.data(b'data: {"choices": [{"delta": {"con\n\n')
        elif reply.then == "error":
            await out.event({"error": {"message": reply.message, "type": "server_error", "code": reply.code}})
        elif reply.then == "finish":
            if reply.finish_reason:
                await out.event(_chunk(request, {}, "stop"))
            if reply.done_event:
                await out.data(b"data: [DONE]\n\n")
        await out.end()

    def _embeddings(self, body: Body) -> Body:
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        data = [
            {"object": "embedding", "index": number, "embedding": _vector(text, self.dimension)}
            for number, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": 0, "total_tokens": 0}
        return {"object": "list", "model": body.get("model", ""), "data": data, "usage": usage}


class _Responder:
    """Writes one HTTP response."""

    def __init__(self, send: Any) -> None:
        self._send = send
        self._begun = False

    async def begin(self, content_type: str, status: int = 200, retry_after: str | None = None) -> None:
        if not self._begun:
            self._begun = True
            headers = [(b"content-type", content_type.encode())]
            if retry_after is not None:
                headers.append((b"retry-after", retry_after.encode()))
            await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def data(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def event(self, data: Body) -> None:
        await self.data(b"data: " + json.dumps(data).encode() + b"\n\n")

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b""})

    async def json(self, status: int, data: Body) -> None:
        await self.begin("application/json", status)
        await self.data(json.dumps(data).encode())
        await self.end()

    async def error(self, status: int, code: str | None, message: str, retry_after: str | None = None) -> None:
        await self.begin("application/json", status, retry_after)
        await self.json(status, {"error": {"message": message, "type": "error", "param": None, "code": code}})


def _chunk(request: Request, delta: Body, finish_reason: str | None = None) -> Body:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    model = request.body.get("model", "")
    return {"id": "fake", "object": "chat.completion.chunk", "created": 0, "model": model, "choices": [choice]}


def _model(name: str) -> Body:
    return {"id": name, "object": "model", "created": 0, "owned_by": "tests"}


def _text(message: Body) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)


def _vector(text: str, dimension: int) -> list[float]:
    """The same text always gets the same vector, and texts that share words get near ones."""
    vector = [1e-3] * dimension
    for word in re.findall(r"\w+", text.lower()):
        vector[hashlib.sha256(word.encode()).digest()[0] % dimension] += 1.0
    length = sum(value * value for value in vector) ** 0.5
    return [value / length for value in vector]
