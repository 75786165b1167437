"""A question's way to its answer, through the real OpenAI client and a server that speaks its protocol."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag import DocumentIndex, LLMError, Settings
from rag.answering.drafting import NO_DOCUMENTS, STILL_INDEXING
from rag.answering.extractive import NOT_FOUND
from rag.answering.prompts import estimate_tokens
from rag.errors import Cancelled
from rag.schema import Message
from tests.fakes.llm_server import LLMServer, Reply

FERRY = b"The ferry to the island leaves at noon. A ticket costs nine euros. Dogs travel free on the upper deck."
TEA = b"The tea house opens at seven in the morning. It serves forty kinds of tea."
# A text that takes seconds to be indexed.
LONG = "\n\n".join(f"Paragraph {i} tells of {i * 7919} and of little else." * 3 for i in range(3000)).encode()


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


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DocumentIndex]:
    """Without an LLM."""
    with DocumentIndex(Settings(data_dir=tmp_path_factory.mktemp("alone"), embed_model="bundled")) as opened:
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
    llm_server.script(reply, reply, reply)
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
    assert llm_server.chats[0].over.wait(10)
    assert llm_server.chats[0].disconnected_at is not None
    assert answer.text.startswith("word")
    assert len(answer.text) < 1000
    assert index.ask("When does the ferry leave?").text


def test_an_error_of_on_wait_stops_the_answer_too(index: DocumentIndex, llm_server: LLMServer) -> None:
    llm_server.script(Reply("word ", then="stall"))
    stop_at = time.monotonic() + 0.5

    def on_wait() -> None:
        if time.monotonic() > stop_at:
            raise Cancelled("Stopped.")

    answer = index.ask("When does the ferry leave?", on_wait=on_wait)
    with pytest.raises(Cancelled):
        list(answer.tokens)
    assert time.monotonic() < stop_at + 5
    assert llm_server.chats[0].over.wait(10)
    assert answer.text == "word"


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ("The documents don't say who the captain is [0].", "The documents don't say who the captain is."),
        ("선장이 누구인지 문서에 없습니다. [0]", "선장이 누구인지 문서에 없습니다."),
        ("[0]", NOT_FOUND),
    ],
)
def test_an_llm_that_finds_nothing_refuses_without_a_trace_of_its_sign(
    index: DocumentIndex, llm_server: LLMServer, reply: str, text: str
) -> None:
    llm_server.script(Reply(reply))
    answer = index.ask("Who is the captain of the ferry?")
    assert answer.text == text
    assert answer.refused
    assert answer.citations == []
    assert answer.passages, "the nearest ones are there to look at"
    assert answer.evidence().refused


def test_an_answer_to_a_part_of_the_question_is_not_refused(index: DocumentIndex, llm_server: LLMServer) -> None:
    llm_server.script(Reply("The ferry leaves at noon [1]. Its captain isn't named [0]."))
    answer = index.ask("When does the ferry leave and who is its captain?")
    assert answer.text == "The ferry leaves at noon [1]. Its captain isn't named."
    assert not answer.refused
    assert [(c.number, c.supported) for c in answer.citations] == [(1, True)]


def test_without_an_llm_a_question_that_the_documents_do_not_answer_is_refused(alone: DocumentIndex) -> None:
    answer = alone.ask("Which enzyme splits lactose in the gut?")
    assert answer.text == NOT_FOUND
    assert (answer.refused, answer.extractive, answer.citations) == (True, True, [])
    assert answer.passages
    other = alone.ask("When does the ferry to the island leave?")
    assert other.text.startswith("The ferry to the island leaves at noon. [1]")
    assert not other.refused


def test_the_trace_of_an_answer_has_its_stages_in_order_and_the_tokens(
    index: DocumentIndex, llm_server: LLMServer
) -> None:
    llm_server.script(Reply("When does the ferry leave?"), Reply("At noon, every day [1]."))
    answer = index.ask("And when does it leave?", history=[Message("user", "Is there a ferry?")])
    trace = answer.evidence().trace
    assert trace
    stages = [stage for stage, _ in trace.milliseconds]
    order = ["condense the question", "embed the question", "search", "choose", "wait for the first words"]
    assert stages == [*order, "write the answer", "check the citations"]
    assert all(milliseconds >= 0 for _, milliseconds in trace.milliseconds)
    prompt = sum(estimate_tokens(message["content"]) for message in llm_server.chats[1].body["messages"])
    assert (trace.prompt_tokens, trace.answer_tokens) == (prompt, estimate_tokens(answer.text))
    best = trace.candidates[0]
    assert (best.file_name, best.left_out) == ("ferry.txt", "")
    assert 0 < trace.dense_weight < 1


def test_the_time_until_the_first_words_is_not_counted_as_writing(index: DocumentIndex, llm_server: LLMServer) -> None:
    llm_server.script(Reply("At noon, every day and all of the year [1].", pace=0.05))
    answer = index.ask("When does the ferry leave?")
    began = time.perf_counter()
    assert answer.text
    spent = 1000 * (time.perf_counter() - began)
    laps = dict(answer.trace.milliseconds)
    assert laps["wait for the first words"] + laps["write the answer"] <= spent + 1


def test_an_answer_without_an_llm_costs_no_tokens(alone: DocumentIndex) -> None:
    trace = alone.ask("When does the ferry leave?").evidence().trace
    assert trace
    assert (trace.prompt_tokens, trace.answer_tokens) == (0, 0)
    assert "condense the question" not in dict(trace.milliseconds)
    assert [stage for stage, _ in trace.milliseconds][-1] == "check the citations"


@pytest.mark.slow
def test_while_documents_are_being_indexed_the_answer_says_so(llm_server: LLMServer, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, embed_model="bundled", openai_base_url=llm_server.url, llm_timeout=2)
    with DocumentIndex(settings) as index:
        assert index.ask("What are the paragraphs about?").text == NO_DOCUMENTS
        job = index.submit("long.txt", LONG)
        answer = index.ask("What are the paragraphs about?")
        assert (answer.text, answer.unsearched) == (STILL_INDEXING, 1)
        assert not answer.extractive
        assert answer.evidence().unsearched == 1
        assert llm_server.chats == [], "an LLM can't know"
        assert not next(j for j in index.jobs() if j.job_id == job.job_id).finished, "or this has tested nothing"
        index.cancel(job.job_id)
        index.ingest([("ferry.txt", FERRY)])
        (ready,) = index.documents()
        index.submit("long.txt", LONG + b"more")
        llm_server.script(Reply("At noon [1]."), Reply("At noon [1]."))
        answer = index.ask("When does the ferry leave?")
        assert (answer.text, answer.unsearched) == ("At noon [1].", 1)
        assert index.ask("When does the ferry leave?", doc_ids=[ready.doc_id]).unsearched == 0
