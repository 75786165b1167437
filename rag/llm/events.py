"""The stream of a chat answer as servers send it → the events of OpenAI's protocol.

Servers send pings, empty events, null where a list belongs, text as a list of parts, errors in events of their own or
with status 200, and a whole reply where a stream was asked for. The SDK fails at some of these, and swallows others.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx

_DONE = b"data: [DONE]\n\n"
# A longer reply to a request for a stream isn't read as a whole.
_LONGEST_REPLY = 10_000_000


class Events(httpx.AsyncByteStream):
    """The events of a response, one by one.

    Raises RemoteProtocolError if it ends before the answer is complete: neither HTTP nor the SDK takes a connection
    that is closed cleanly in mid-answer for an error.
    """

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream
        self._complete = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        waiting = b""
        async for data in self._stream:
            waiting = (waiting + data).replace(b"\r\n", b"\n")
            # A carriage return at the end may be half of a line's end.
            while (end := waiting.find(b"\n\n")) >= 0:
                event, waiting = waiting[:end], waiting[end + 2 :]
                for sent in self._events(event):
                    yield sent
        for sent in self._events(waiting):
            yield sent
        if not self._complete:
            raise httpx.RemoteProtocolError("the stream ended before the answer was complete")

    async def aclose(self) -> None:
        await self._stream.aclose()

    def _events(self, event: bytes) -> Iterator[bytes]:
        name, data = _fields(event)
        if data == "[DONE]":
            self._complete = True
            yield _DONE
        elif data:
            try:
                value = json.loads(data)
            except ValueError:
                yield f"data: {data}\n\n".encode()
                return
            chunk = _chunk(value, name)
            if chunk is not None:
                self._complete = self._complete or "error" in chunk or _has_end(chunk)
                yield _written(chunk)


class WholeReply(httpx.AsyncByteStream):
    """A whole reply, sent as JSON although a stream was asked for, as events."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        body = b""
        async for data in self._stream:
            body += data
            if len(body) > _LONGEST_REPLY:
                raise httpx.RemoteProtocolError("the reply is too long")
        value = json.loads(body)
        for choice in value.get("choices") or () if isinstance(value, dict) else ():
            choice["delta"] = choice.pop("message", None) or choice.get("delta")
        chunk = _chunk(value, "")
        yield _written(chunk if chunk is not None else {"error": {"message": "the reply holds no answer"}})
        yield _DONE

    async def aclose(self) -> None:
        await self._stream.aclose()


def _fields(event: bytes) -> tuple[str, str]:
    """The name of an event and its data."""
    name, data = "", []
    for line in event.decode("utf-8", "replace").split("\n"):
        field, _, value = line.partition(":")
        if field == "event":
            name = value.strip()
        elif field == "data":
            data.append(value.removeprefix(" "))
    return name, "\n".join(data).strip()


def _chunk(value: Any, name: str) -> dict[str, Any] | None:
    """An event's value as a part of an answer or an error; None if it is neither."""
    if not isinstance(value, dict):
        return None
    if error := value.get("error") or (value if name == "error" else None):
        return {"error": error if isinstance(error, dict) else {"message": str(error)}}
    choices = value.get("choices")
    if not isinstance(choices, list):
        return value if value.get("usage") and "choices" in value else None
    for choice in choices:
        if not isinstance(choice, dict):
            return None
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            if not choice.get("finish_reason"):
                return None
            choice["delta"] = delta = {}
        if isinstance(delta.get("content"), list):
            delta["content"] = "".join(map(_text, delta["content"]))
    return value


def _text(part: Any) -> str:
    """The text of a part of a message."""
    if isinstance(part, dict):
        return str(part.get("text") or "") if part.get("type", "text") in ("text", "output_text") else ""
    return part if isinstance(part, str) else ""


def _has_end(chunk: dict[str, Any]) -> bool:
    return any(choice.get("finish_reason") for choice in chunk.get("choices") or ())


def _written(chunk: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(chunk)}\n\n".encode()
