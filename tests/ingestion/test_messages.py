"""The messages between the app and a reader's process: each comes out of the pipe as it went in."""

from __future__ import annotations

import asyncio
import io

import pytest

from rag.ingestion.messages import (
    Attached,
    Chunked,
    Failed,
    Finished,
    FromReader,
    Progress,
    Read,
    ReadChunk,
    TextRead,
    ToReader,
    UseTokenizer,
    encode,
    next_reply,
    next_request,
)
from rag.schema import Chunk

CHUNKS = [
    ReadChunk(
        Chunk("표는 아홉 유로입니다.\u2028 🙂", 3, 0, 14, "Ferries > Prices"), "Ferries > Prices\n표는", "표는 아홉"
    ),
    ReadChunk(Chunk("", None, 14, 14), "", ""),
]


@pytest.mark.parametrize(
    "request_", [UseTokenizer('{"model": "🙂"}'), Read("/a b/ü", "a" * 64, "보고서.pdf", 256, 10**9)]
)
def test_requests_come_through(request_: ToReader) -> None:
    stream = io.BytesIO(encode(request_) + encode(request_))
    assert [next_request(stream), next_request(stream)] == [request_, request_]
    assert next_request(stream) is None


@pytest.mark.parametrize(
    "reply",
    [
        Progress(1, 30),
        TextRead(0),
        Attached(3, "견적.pdf"),
        Chunked(0.5, CHUNKS),
        Finished(worn_out=True),
        Failed("ValueError", "", [{"exc_type": "ValueError", "frames": [{"lineno": 1}]}], worn_out=False),
    ],
)
def test_replies_come_through(reply: FromReader) -> None:
    async def received() -> list[FromReader]:
        stream = asyncio.StreamReader()
        stream.feed_data(encode(reply) + encode(Finished(worn_out=False)))
        stream.feed_eof()
        return [await next_reply(stream), await next_reply(stream)]

    assert asyncio.run(received()) == [reply, Finished(worn_out=False)]


def test_a_reader_that_ends_within_a_reply_is_noticed() -> None:
    async def cut_short() -> FromReader:
        stream = asyncio.StreamReader()
        stream.feed_data(encode(Progress(1, 30))[:-1])
        stream.feed_eof()
        return await next_reply(stream)

    with pytest.raises(asyncio.IncompleteReadError):
        asyncio.run(cut_short())
