"""What servers reply, byte for byte: thoughts, ends, errors, pings, lists, and whole replies where streams belong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rag.errors import LLMError
from rag.llm.openai import build_compatible
from rag.llm.protocol import ChatMessage, complete
from rag.llm.speech import Speech, without_thoughts
from rag.settings import Settings

EVENTS, JSON = "text/event-stream", "application/json"
DONE = "data: [DONE]\n\n"


def part(content: Any, reason: str | None = None) -> str:
    choice = {"index": 0, "delta": {"content": content} if content is not None else {}, "finish_reason": reason}
    return f"data: {json.dumps({'id': 'c', 'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n"


def event(value: Any) -> str:
    return f"data: {json.dumps(value)}\n\n"


@asynccontextmanager
async def server(kind: str, sent: Sequence[str], models: Sequence[str] = ()) -> AsyncGenerator[tuple[str, list[Any]]]:
    """A server on 127.0.0.1 that sends these texts to each chat request: its address, and the requests' bodies."""
    bodies: list[Any] = []

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((int(line.split(":")[1]) for line in head.lower().split("\r\n") if "content-length" in line), 0)
        body = await reader.readexactly(length)
        listing = json.dumps({"object": "list", "data": [{"id": name, "object": "model"} for name in models]})
        is_chat = "/chat/completions" in head.split("\r\n")[0]
        if is_chat:
            bodies.append(json.loads(body))
        content_type = kind if is_chat else JSON
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nConnection: close\r\n\r\n".encode())
        for text in sent if is_chat else [listing]:
            writer.write(text.encode())
            await writer.drain()
            await asyncio.sleep(0.001)
        writer.close()

    listener = await asyncio.start_server(reply, "127.0.0.1", 0)
    async with listener:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1", bodies


def answer(settings: Settings, sent: Sequence[str], kind: str = EVENTS) -> str:
    async def ask() -> str:
        async with server(kind, sent) as (url, _):
            model = build_compatible(settings.model_copy(update={"openai_base_url": url, "openai_model": "m"}))
            try:
                return await complete(model, [ChatMessage("user", "How high is it?")])
            finally:
                await model.close()

    return asyncio.run(ask())


@pytest.mark.parametrize(
    "sent",
    [
        [part("It is "), part("9 m."), part(None, "stop"), DONE],
        [part("<think>Some say 7"), part(" m.</think>\n\nIt is 9 m."), part(None, "stop"), DONE],
        [part("<thi"), part("nk>7</th"), part("ink>It is 9 m."), part(None, "stop"), DONE],
        [part("Some say 7 m.\n</think>\n"), part("It is 9 m."), part(None, "stop"), DONE],
        [part("It is 9 m.<|im_"), part("end|>"), part(None, "stop"), DONE],
        [part("It is 9 m.</s>"), part(None, "stop"), DONE],
        [part([{"type": "text", "text": "It is "}, {"type": "text", "text": "9 m."}]), part(None, "stop"), DONE],
        [event({"choices": None}), part("It is 9 m."), part(None, "stop"), DONE],
        [event({"choices": [{"index": 0, "delta": None}]}), part("It is 9 m."), part(None, "stop"), DONE],
        ['event: ping\ndata: {"type": "ping"}\n\n', part("It is 9 m."), part(None, "stop"), DONE],
        ["data: \n\n", ": a comment\n\n", part("It is 9 m."), part(None, "stop"), DONE],
        [part("It is 9 m.").replace("\n", "\r\n"), part(None, "stop").replace("\n", "\r\n"), DONE],
        [*part("It is 9 m."), part(None, "stop"), DONE],
    ],
    ids=[
        "plain",
        "thoughts",
        "thoughts in pieces",
        "thoughts without a beginning",
        "end token in pieces",
        "end token",
        "list of parts",
        "null choices",
        "null delta",
        "ping",
        "no data",
        "other line ends",
        "byte by byte",
    ],
)
def test_answer_is_the_same_however_it_is_sent(settings: Settings, sent: list[str]) -> None:
    assert answer(settings, sent) == "It is 9 m."


def test_whole_reply_is_an_answer_where_a_stream_was_asked_for(settings: Settings) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "It is 9 m."}, "finish_reason": "stop"}
    assert answer(settings, [json.dumps({"object": "chat.completion", "choices": [choice]})], JSON) == "It is 9 m."


@pytest.mark.parametrize(
    ("sent", "kind", "told"),
    [
        ([part("It is"), part(None, "length"), DONE], EVENTS, "cut short.*limit"),
        ([part("It is"), part(None, "content_filter"), DONE], EVENTS, "cut short.*filter"),
        ([part("It is"), part(None, "error"), DONE], EVENTS, "cut short.*error"),
        ([json.dumps({"error": {"message": "quota used up"}})], JSON, "quota used up"),
        (['event: error\ndata: {"message": "out of memory"}\n\n'], EVENTS, "out of memory"),
        ([part("It is"), event({"error": "out of memory"})], EVENTS, "out of memory"),
        ([part("<think>Only thoughts"), part(None, "stop"), DONE], EVENTS, "empty answer"),
        ([part("It is")], EVENTS, "broke off"),
        ([json.dumps({"result": "none"})], JSON, "no answer"),
    ],
)
def test_end_that_is_none_is_told_in_a_sentence(settings: Settings, sent: list[str], kind: str, told: str) -> None:
    with pytest.raises(LLMError, match=told):
        answer(settings, sent, kind)


def test_served_model_is_one_that_can_chat(settings: Settings) -> None:
    async def ask() -> str:
        models = ["bge-m3", "whisper-large-v3", "qwen3-reranker", "nomic-embed-text", "gemma-3"]
        async with server(EVENTS, [part("Yes."), part(None, "stop"), DONE], models) as (url, bodies):
            model = build_compatible(settings.model_copy(update={"openai_base_url": url, "openai_model": ""}))
            await complete(model, [ChatMessage("user", "Is it?")])
            await model.close()
            return str(bodies[0]["model"])

    assert asyncio.run(ask()) == "gemma-3"


def test_signs_that_look_like_tags_are_said() -> None:
    speech = Speech()
    pieces = ["a < b", " and <thin", "g> [/IN", "DEX] <", "|"]
    assert "".join(map(speech.feed, pieces)) + speech.end() == "".join(pieces)
    assert without_thoughts("no thoughts") == "no thoughts"
