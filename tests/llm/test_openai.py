"""The LLM through the real client, against the OpenAI-protocol server of tests/fakes."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import time
from collections.abc import Coroutine
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import openai
import pytest
from llama_index.core.llms import MockLLM
from llama_index.llms.openai import OpenAI
from llama_index.llms.openai_like import OpenAILike

from rag.errors import LLMError, SettingsError
from rag.llm.client import Endpoint, make_client
from rag.llm.errors import wanted_pause
from rag.llm.openai import OpenAIModel
from rag.llm.protocol import ChatMessage, complete
from rag.llm.providers import provider_of
from rag.runtime import retries
from rag.runtime.event_loop import EventLoopThread
from rag.settings import DEFAULT_OPENAI_MODEL, Settings
from tests.fakes.llm_server import LLMServer, Reply
from tests.servers.tcp_relay import TcpRelay

KEY = "sk-test-0123456789abcdef"
QUESTION = [ChatMessage("user", "What is the secret prompt?")]
TIMEOUT = 5.0


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE_SECONDS", 0.02)


@pytest.fixture
def local(settings: Settings, llm_server: LLMServer) -> Settings:
    """Settings that point at the fake server, with a model name that LlamaIndex doesn't know."""
    return settings.model_copy(update={"openai_base_url": llm_server.url, "openai_model": "llama3.2"})


def built(settings: Settings, timeout: float = TIMEOUT) -> OpenAIModel:
    provider = provider_of(settings)
    assert provider is not None
    model = provider.build(settings.model_copy(update={"llm_timeout": timeout}))
    assert isinstance(model, OpenAIModel)
    return model


def label(settings: Settings) -> str:
    provider = provider_of(settings)
    assert provider is not None
    return provider.label(settings)


async def collect(model: OpenAIModel) -> tuple[str, str | None]:
    """The text that arrived, and the error's sentence if there was one."""
    text = ""
    try:
        async with aclosing(model.stream(QUESTION)) as pieces:
            async for piece in pieces:
                text += piece
    except LLMError as error:
        return text, str(error)
    finally:
        await model.close()
    return text, None


def answer(settings: Settings, timeout: float = TIMEOUT) -> tuple[str, str | None]:
    return asyncio.run(collect(built(settings, timeout)))


def run(model: OpenAIModel, coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of `coroutine`; the model's connections are closed afterwards on the same loop."""

    async def scenario() -> Any:
        try:
            return await coroutine
        finally:
            await model.close()

    return asyncio.run(scenario())


# --- which client the settings give -------------------------------------------------------------------------------


def test_without_key_and_server_there_is_no_llm(settings: Settings) -> None:
    assert provider_of(settings) is None


def test_key_alone_gives_openai_with_the_default_model(tmp_path: Any) -> None:
    settings = Settings(data_dir=tmp_path, openai_api_key=KEY)
    model = built(settings)
    llm = model.llm
    assert type(llm) is OpenAI
    assert llm.model == DEFAULT_OPENAI_MODEL
    assert llm.api_base == "https://api.openai.com/v1"
    assert model.context_window > 100_000
    assert llm.metadata.is_chat_model  # the completions endpoint would want a tokenizer from the network
    assert label(settings) == f"{DEFAULT_OPENAI_MODEL} at OpenAI"


def test_default_model_is_never_sent_a_temperature_that_it_refuses(tmp_path: Any) -> None:
    # OpenAI's reasoning models take no temperature but 1; LlamaIndex's default is 0.1.
    llm = built(Settings(data_dir=tmp_path, openai_api_key=KEY)).llm
    assert isinstance(llm, OpenAI)
    assert llm._get_model_kwargs()["temperature"] == 1.0


@pytest.mark.parametrize("name", ["gpt-99-new", "ft:gpt-99:me::1", "gpt-3.5-turbo-instruct", "text-davinci-003"])
def test_openai_model_that_llama_index_does_not_know_as_chat_model_still_gets_a_chat_client(
    tmp_path: Any, name: str
) -> None:
    model = built(Settings(data_dir=tmp_path, openai_api_key=KEY, openai_model=name))
    llm = model.llm
    assert isinstance(llm, OpenAILike)
    assert llm.metadata.is_chat_model
    assert llm.model == name
    assert llm.api_base == "https://api.openai.com/v1"
    assert model.context_window == 8192


def test_context_window_of_the_settings_wins(tmp_path: Any) -> None:
    settings = Settings(data_dir=tmp_path, openai_api_key=KEY, openai_context_window=32_000)
    assert built(settings).context_window == 32_000


def test_model_without_chat_completions_is_refused_by_name(tmp_path: Any) -> None:
    with pytest.raises(SettingsError, match=r"OPENAI_MODEL 'gpt-5\.4-pro'"):
        built(Settings(data_dir=tmp_path, openai_api_key=KEY, openai_model="gpt-5.4-pro"))


def test_key_with_impossible_characters_is_refused_without_showing_it(tmp_path: Any) -> None:
    with pytest.raises(SettingsError, match="OPENAI_API_KEY") as caught:
        built(Settings(data_dir=tmp_path, openai_api_key="sk-tést"))
    assert "st" not in str(caught.value).replace("characters that no key has: copy it again", "").split("API_KEY")[1]


def test_label_names_model_and_address_without_its_password(settings: Settings) -> None:
    update = {"openai_base_url": "http://me:secret@localhost:11434/v1", "openai_model": "llama3.2"}
    assert label(settings.model_copy(update=update)) == "llama3.2 at http://localhost:11434/v1"


# --- answers ------------------------------------------------------------------------------------------------------


def test_answer_streams_in_pieces(local: Settings, llm_server: LLMServer) -> None:
    llm_server.script(Reply("one two three four", pace=0.05))

    model = built(local)

    async def scenario() -> list[float]:
        arrivals = []
        async with aclosing(model.stream(QUESTION)) as pieces:
            async for _ in pieces:
                arrivals.append(time.monotonic())
        return arrivals

    arrivals = run(model, scenario())
    assert len(arrivals) == 4
    assert arrivals[-1] - arrivals[0] > 0.1
    assert llm_server.chats[0].body["model"] == "llama3.2"
    assert llm_server.chats[0].body["stream"] is True


def test_whole_answer_at_once(local: Settings, llm_server: LLMServer) -> None:
    llm_server.script(Reply("one two three"))
    model = built(local)
    assert run(model, complete(model, QUESTION)) == "one two three"


def test_key_goes_to_the_server_and_a_server_without_keys_gets_a_placeholder(
    local: Settings, llm_server: LLMServer
) -> None:
    answer(local)
    assert llm_server.chats[0].headers["authorization"] == "Bearer none"
    answer(Settings(**local.model_dump() | {"openai_api_key": KEY}))
    assert llm_server.chats[1].headers["authorization"] == f"Bearer {KEY}"


def test_without_a_model_name_the_first_chat_model_served_is_used(local: Settings, llm_server: LLMServer) -> None:
    settings = local.model_copy(update={"openai_model": ""})
    assert answer(settings)[1] is None
    assert llm_server.chats[0].body["model"] == "fake-chat-model"
    assert llm_server.url in label(settings)


def test_server_without_a_chat_model_says_so(local: Settings, llm_server: LLMServer) -> None:
    llm_server.models = ["nomic-embed-text"]
    text, error = answer(local.model_copy(update={"openai_model": ""}))
    assert text == ""
    assert error is not None and "serves no chat model" in error


@pytest.mark.parametrize("missing", ["done_event", "finish_reason"])
def test_complete_answer_needs_only_one_of_the_two_signs_of_the_end(
    local: Settings, llm_server: LLMServer, missing: str
) -> None:
    llm_server.script(Reply("all of it", **{missing: False}))
    assert answer(local) == ("all of it", None)


def test_refused_temperature_is_left_out_the_second_time(local: Settings, llm_server: LLMServer) -> None:
    llm_server.script(Reply(status=400, message="Unsupported value: 'temperature' does not support 0.1"), Reply("fine"))
    assert answer(local) == ("fine", None)
    assert ["temperature" in request.body for request in llm_server.chats] == [True, False]


def test_other_kinds_of_llm_stream_too() -> None:
    endpoint = Endpoint("http://127.0.0.1:9", "mock", "", TIMEOUT)
    client = make_client(endpoint)
    model = OpenAIModel(MockLLM(max_tokens=3), client, endpoint, ping=client.models.list)
    assert run(model, complete(model, QUESTION))


# --- failures -----------------------------------------------------------------------------------------------------

SENTENCES = [
    (Reply(status=401), "OPENAI_API_KEY"),
    (Reply(status=403), "OPENAI_API_KEY"),
    (Reply(status=403, code="model_not_found"), "no chat model called 'llama3.2': set OPENAI_MODEL"),
    (Reply(status=404, message="model 'llama3.2' not found, try pulling it first"), "no chat model called 'llama3.2'"),
    (Reply(status=404, message="The model `llama3.2` does not exist."), "no chat model called 'llama3.2'"),
    (Reply(status=404, message="Not Found"), "mostly ends in /v1"),
    (Reply(status=429), "too many requests"),
    (Reply(status=429, code="insufficient_quota"), "quota"),
    (Reply(status=400, code="context_length_exceeded"), "too long for llama3.2"),
    (
        Reply(status=400, message="the request exceeds the available context size (2048 tokens)"),
        "OPENAI_CONTEXT_WINDOW",
    ),
    (Reply(status=400, message="This model's maximum context length is 8192 tokens"), "OPENAI_CONTEXT_WINDOW"),
    (Reply(status=400, message="max_tokens\nmust be\npositive"), "(status 400): max_tokens must be positive"),
    (Reply(status=500), "internal error (status 500)"),
    (Reply(status=503), "still loading"),
    (Reply(then="error", message="out of memory"), "reported an error while answering: out of memory"),
    (Reply(then="garbage"), "no chat answer"),
    (Reply(then="close"), "broke off"),
    (Reply(then="finish"), "empty answer"),
]


@pytest.mark.usefixtures("short_pauses")
@pytest.mark.parametrize(("reply", "expected"), SENTENCES, ids=lambda value: value if isinstance(value, str) else "")
def test_each_failure_is_one_sentence_that_says_what_to_do(
    local: Settings, llm_server: LLMServer, caplog: pytest.LogCaptureFixture, reply: Reply, expected: str
) -> None:
    caplog.set_level(logging.DEBUG, logger="rag")
    llm_server.default = lambda body: reply
    text, error = answer(Settings(**local.model_dump() | {"openai_api_key": KEY}))
    assert text == ""
    assert error is not None and expected in error
    assert error[0].isupper() and "\n" not in error and len(error) < 400
    for shown in (error, caplog.text):
        assert KEY not in shown
        assert "secret prompt" not in shown


def test_wrong_key_is_never_quoted_not_even_in_the_cause(local: Settings, llm_server: LLMServer) -> None:
    llm_server.key = "another"
    model = built(Settings(**local.model_dump() | {"openai_api_key": KEY}))
    with pytest.raises(LLMError, match="OPENAI_API_KEY") as caught:
        run(model, complete(model, QUESTION))
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None


def test_key_in_a_refusal_is_left_out(local: Settings, llm_server: LLMServer) -> None:
    llm_server.script(Reply(status=422, message=f"key {KEY} is of the wrong kind"))
    _, error = answer(Settings(**local.model_dump() | {"openai_api_key": KEY}))
    assert error is not None and "wrong kind" in error and KEY not in error


@pytest.mark.parametrize("end", ["reset", "close", "garbage", "error", "stall"])
def test_text_that_arrived_before_a_failure_is_kept(local: Settings, llm_server: LLMServer, end: Any) -> None:
    llm_server.script(Reply("the first words", then=end))
    text, error = answer(local, timeout=0.5)
    assert text == "the first words"
    assert error is not None
    assert len(llm_server.chats) == 1, "an answer that has begun must not be asked for again"


@pytest.mark.parametrize(
    "reply",
    [Reply(then="stall"), Reply(begun=True, then="stall"), Reply("some words", then="stall")],
    ids=["at once", "after the headers", "midway"],
)
def test_stalled_stream_ends_after_the_timeout_and_closes_the_request(
    local: Settings, llm_server: LLMServer, reply: Reply
) -> None:
    llm_server.script(reply)
    begin = time.monotonic()
    _, error = answer(local, timeout=0.5)
    assert time.monotonic() - begin < 10
    assert error is not None and "nothing for 0.5 seconds" in error and "LLM_TIMEOUT" in error
    assert llm_server.chats[0].over.wait(2)
    assert llm_server.chats[0].disconnected_at is not None


def test_slow_but_steady_stream_may_take_longer_than_the_timeout(local: Settings, llm_server: LLMServer) -> None:
    llm_server.script(Reply("a b c d e f g h", pace=0.15))
    assert answer(local, timeout=0.6) == ("a b c d e f g h", None)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=500),
        Reply(status=503),
        Reply(status=429),
        Reply(then="reset"),
        Reply(begun=True, then="reset"),
        Reply(begun=True, then="close"),
    ],
    ids=lambda reply: f"{reply.status} {reply.begun} {reply.then}",
)
@pytest.mark.usefixtures("short_pauses")
def test_temporary_failure_before_the_first_word_is_tried_again(
    local: Settings, llm_server: LLMServer, reply: Reply
) -> None:
    llm_server.script(reply, Reply("after all"))
    assert answer(local) == ("after all", None)
    assert len(llm_server.chats) == 2


@pytest.mark.usefixtures("short_pauses")
def test_retries_end_and_do_not_multiply(local: Settings, llm_server: LLMServer) -> None:
    llm_server.default = lambda body: Reply(status=500)
    answer(local)
    assert len(llm_server.chats) == 3


def test_quota_that_is_used_up_is_not_asked_for_again(local: Settings, llm_server: LLMServer) -> None:
    llm_server.default = lambda body: Reply(status=429, code="insufficient_quota")
    answer(local)
    assert len(llm_server.chats) == 1


def test_server_is_left_alone_for_as_long_as_it_asks(local: Settings, llm_server: LLMServer) -> None:
    llm_server.script(Reply(status=429, retry_after="2"), Reply("after all"))
    assert answer(local) == ("after all", None)
    first, second = (request.at for request in llm_server.chats)
    assert second - first >= 2


def in_a_minute() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("written", ["60", "a date"])
def test_long_pause_that_a_server_asks_for_is_left_to_the_person(
    local: Settings, llm_server: LLMServer, status: int, written: str
) -> None:
    llm_server.default = lambda body: Reply(status=status, retry_after=in_a_minute() if written == "a date" else "60")
    begin = time.monotonic()
    _, error = answer(local)
    assert error is not None and re.search(r"wait (60|59) seconds, then try again", error)
    assert time.monotonic() - begin < 10
    assert len(llm_server.chats) == 1


@pytest.mark.parametrize("written", ["-5", "soon", "", "1e9999", "Fri, 99 Foo 99999 99:99:99 GMT"])
def test_pause_that_makes_no_sense_is_not_heeded(written: str) -> None:
    refusal = httpx.Response(503, headers={"retry-after": written}, request=httpx.Request("POST", "http://server"))
    assert wanted_pause(openai.InternalServerError("busy", response=refusal, body=None)) is None


def test_server_that_comes_back_meanwhile_answers(settings: Settings, llm_server: LLMServer, free_port: int) -> None:
    relay = TcpRelay(free_port, urlsplit(llm_server.url).port or 0)
    url = f"http://127.0.0.1:{free_port}/v1"
    coming_back = threading.Timer(0.4, relay.open)
    coming_back.start()
    llm_server.script(Reply("here again"))
    try:
        answered = answer(settings.model_copy(update={"openai_base_url": url, "openai_model": "llama3.2"}))
    finally:
        coming_back.join()
        relay.close()
    assert answered == ("here again", None)


@pytest.mark.parametrize("end", ["reset", "close", "stall"])
def test_answer_that_is_whole_needs_nothing_more(local: Settings, llm_server: LLMServer, end: Any) -> None:
    llm_server.script(Reply("all of it", whole=True, then=end))
    begin = time.monotonic()
    assert answer(local) == ("all of it", None)
    assert time.monotonic() - begin < 10
    assert len(llm_server.chats) == 1


def test_key_that_is_revoked_while_it_answers_leaves_the_part_that_arrived(
    local: Settings, llm_server: LLMServer
) -> None:
    llm_server.script(Reply("the first words", then="error", code="invalid_api_key", message="key revoked"))
    text, error = answer(local)
    assert text == "the first words"
    assert error is not None and "key revoked" in error
    llm_server.key = "another"
    assert "OPENAI_API_KEY" in (answer(local)[1] or "")


def test_all_attempts_together_take_no_longer_than_the_timeout(local: Settings, llm_server: LLMServer) -> None:
    llm_server.script(Reply(status=500), Reply(status=500), Reply(then="stall"))
    begin = time.monotonic()
    _, error = answer(local, timeout=2.5)
    assert time.monotonic() - begin < 6
    assert error is not None


def test_server_that_is_down_is_named(settings: Settings, free_port: int) -> None:
    url = f"http://127.0.0.1:{free_port}/v1"
    begin = time.monotonic()
    _, error = answer(settings.model_copy(update={"openai_base_url": url, "openai_model": "llama3.2"}))
    assert error is not None and url in error and "can't be reached" in error
    assert time.monotonic() - begin < 15


def test_openai_without_a_network_says_so(settings: Settings) -> None:
    _, error = answer(Settings(**settings.model_dump() | {"openai_api_key": KEY}))
    assert error == "OpenAI can't be reached: check the network connection."


# --- stopping -----------------------------------------------------------------------------------------------------

ENDLESS = Reply("word " * 5000, pace=0.01)


def test_closing_the_stream_closes_the_request(local: Settings, llm_server: LLMServer) -> None:
    llm_server.script(ENDLESS)

    model = built(local)

    async def scenario() -> tuple[float, float | None]:
        async with aclosing(model.stream(QUESTION)) as pieces:
            async for _ in pieces:
                break
        stopped = time.monotonic()
        # Checked while the loop still runs: closing the loop would close the connection anyway.
        await asyncio.to_thread(llm_server.chats[0].over.wait, 2)
        return stopped, llm_server.chats[0].disconnected_at

    stopped, noticed = run(model, scenario())
    assert noticed is not None and noticed - stopped < 0.5


@pytest.mark.parametrize("reply", [ENDLESS, Reply(then="stall"), Reply("a b", then="stall")])
def test_cancelling_the_task_closes_the_request(local: Settings, llm_server: LLMServer, reply: Reply) -> None:
    llm_server.script(reply)

    model = built(local)

    async def scenario() -> tuple[float, float | None]:
        task = asyncio.create_task(complete(model, QUESTION))
        await asyncio.sleep(0.3)
        task.cancel()
        stopped = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(llm_server.chats[0].over.wait, 2)
        return stopped, llm_server.chats[0].disconnected_at

    stopped, noticed = run(model, scenario())
    assert noticed is not None and noticed - stopped < 0.5


def test_stopping_through_the_event_loop_thread_closes_the_request(local: Settings, llm_server: LLMServer) -> None:
    llm_server.script(ENDLESS)
    loop = EventLoopThread()
    try:
        model = built(local)
        tokens = loop.iterate(model.stream(QUESTION))
        next(tokens)
        tokens.close()
        assert llm_server.chats[0].over.wait(2)
        assert llm_server.chats[0].disconnected_at is not None
        loop.run(model.close())
    finally:
        loop.close()


def test_one_client_serves_many_questions_on_one_loop(local: Settings, llm_server: LLMServer) -> None:
    loop = EventLoopThread()
    try:
        model = built(local)
        for _ in range(3):
            assert loop.run(complete(model, QUESTION))
        loop.run(model.close())
    finally:
        loop.close()


def test_two_streams_at_once_do_not_close_each_other(local: Settings, llm_server: LLMServer) -> None:
    llm_server.script(Reply("a " * 40, pace=0.01), Reply("b " * 40, pace=0.01))

    model = built(local)

    async def scenario() -> list[str]:
        first, second = model.stream(QUESTION), model.stream(QUESTION)
        texts = [await anext(first), await anext(second)]
        await first.aclose()
        texts[1] += "".join([delta async for delta in second])
        return texts

    first, second = run(model, scenario())
    assert first.split() == ["a"]
    assert second.split() == ["b"] * 40


# --- checking -----------------------------------------------------------------------------------------------------


def checked(settings: Settings) -> Any:
    model = built(settings)
    return run(model, model.check())


def test_check_is_silent_about_a_server_that_answers(local: Settings, llm_server: LLMServer) -> None:
    assert checked(local) is None
    assert llm_server.chats == []


def test_check_names_the_server_that_is_down(settings: Settings, free_port: int) -> None:
    settings = settings.model_copy(update={"openai_base_url": f"http://127.0.0.1:{free_port}/v1"})
    sentence = checked(settings)
    assert "can't be reached" in sentence and str(free_port) in sentence


def test_check_reports_a_wrong_key(local: Settings, llm_server: LLMServer) -> None:
    llm_server.key = "another"
    assert "OPENAI_API_KEY" in checked(local)


def test_check_reports_an_address_without_the_protocol(local: Settings, llm_server: LLMServer) -> None:
    settings = local.model_copy(update={"openai_base_url": llm_server.url.removesuffix("/v1")})
    assert "/v1" in checked(settings)
