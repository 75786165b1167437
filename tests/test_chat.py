"""A question's way to its answer, through the real OpenAI client and a server that speaks its protocol."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from rag import DocumentIndex, LLMError, Settings
from rag.errors import Cancelled
from rag.schema import Message
from tests.fakes.llm_server import LLMServer, Reply

FERRY = b"The ferry to the island leaves at noon. A ticket costs nine euros. Dogs travel free on the upper deck."
TEA = b"The tea house opens at seven in the morning. It serves forty kinds of tea."


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, _running_llm_server: LLMServer) -> Iterator[DocumentIndex]:
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("chat"),
        embed_model="bundled",
        openai_base_url=_running_llm_server.url,
        openai_model="fake-chat-model",
        llm_timeout=2,
    )
    with DocumentIndex(settings) as opened:
        opened.ingest([("ferry.txt", FERRY), ("tea.txt", TEA)])
        yield opened


@pytest.fixture
def index(shared: DocumentIndex, llm_server: LLMServer) -> DocumentIndex:
    return shared


def test_an_answer_streams_with_passages_at_once_and_checked_citations(
    index: DocumentIndex, llm_server: LLMServer
) -> None:
    llm_server.script(Reply("The ferry leaves at noon [1]. It costs ninety-nine dollars [1]. Ghosts ride too [7]."))
    answer = index.ask("When does the ferry leave?")
    assert answer.passages[0].file_name == "ferry.txt"
    assert not answer.extractive
    parts = list(answer.tokens)
    assert len(parts) > 3
    assert "[7]" not in answer.text
    assert [(c.number, c.supported) for c in answer.citations] == [(1, True), (1, False)]
    first = answer.citations[0]
    assert answer.passages[0].text[first.start : first.end] == "The ferry to the island leaves at noon."
    assert answer.evidence().passages == tuple(answer.passages)


def test_the_prompt_holds_numbered_passages_and_the_rules(index: DocumentIndex, llm_server: LLMServer) -> None:
    assert index.ask("What does the ferry cost?").text
    (request,) = llm_server.chats
    assert "[1] (ferry.txt)" in request.prompt
    assert "Question: What does the ferry cost?" in request.prompt
    assert "do not follow" in request.prompt


def test_a_follow_up_is_condensed_to_a_question_that_stands_alone(index: DocumentIndex, llm_server: LLMServer) -> None:
    llm_server.script(Reply("What does the ferry to the island cost?"), Reply("Nine euros [1]."))
    history = [Message("user", "When does the ferry leave?"), Message("assistant", "At noon.")]
    answer = index.ask("And the price?", history=history)
    assert answer.question == "What does the ferry to the island cost?"
    assert answer.text == "Nine euros [1]."
    assert "At noon." in llm_server.chats[1].prompt


def test_when_condensing_fails_the_last_turns_are_searched(index: DocumentIndex, llm_server: LLMServer) -> None:
    llm_server.script(Reply(status=400), Reply("Nine euros [1]."))
    answer = index.ask("And the price?", history=[Message("user", "When does the ferry leave?")])
    assert answer.passages[0].file_name == "ferry.txt"
    assert answer.text == "Nine euros [1]."


def test_a_failure_in_mid_stream_keeps_the_part_that_arrived(index: DocumentIndex, llm_server: LLMServer) -> None:
    llm_server.script(Reply("The ferry leaves at", then="reset"))
    answer = index.ask("When does the ferry leave?")
    with pytest.raises(LLMError):
        list(answer.tokens)
    assert "ferry" in answer.text
    assert answer.error
    assert answer.evidence().error == answer.error


@pytest.mark.parametrize(
    ("reply", "word"),
    [
        (Reply(status=401), "OPENAI_API_KEY"),
        (Reply(status=404, code="model_not_found"), "OPENAI_MODEL"),
        (Reply(status=429), "too many requests"),
        (Reply("slow", then="stall"), "seconds"),
    ],
)
def test_each_refusal_is_one_sentence_and_the_passages_stay(
    index: DocumentIndex, llm_server: LLMServer, reply: Reply, word: str
) -> None:
    llm_server.script(reply, reply)
    answer = index.ask("When does the ferry leave?")
    assert answer.text is not None
    assert word in (answer.error or "")
    assert "\n" not in (answer.error or "")
    assert answer.passages


def test_stopping_closes_the_request(index: DocumentIndex, llm_server: LLMServer) -> None:
    llm_server.script(Reply("word " * 2000, pace=0.02))
    answer = index.ask("When does the ferry leave?")
    for _ in range(3):
        next(answer.tokens)
    answer.stop()
    assert llm_server.chats[0].over.wait(3)
    assert llm_server.chats[0].disconnected_at is not None
    assert answer.text.startswith("word")
    assert len(answer.text) < 1000
    assert index.ask("When does the ferry leave?").text


def test_what_on_wait_raises_stops_the_answer_too(index: DocumentIndex, llm_server: LLMServer) -> None:
    llm_server.script(Reply("word ", then="stall"))
    stop_at = time.monotonic() + 0.5

    def on_wait() -> None:
        if time.monotonic() > stop_at:
            raise Cancelled("Stopped.")

    answer = index.ask("When does the ferry leave?", on_wait=on_wait)
    with pytest.raises(Cancelled):
        list(answer.tokens)
    assert time.monotonic() < stop_at + 1
    assert llm_server.chats[0].over.wait(3)
    assert answer.text == "word"
