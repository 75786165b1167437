"""Each provider's language model keeps the protocol that answering speaks, against a server on this machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any

import pytest

from rag.errors import LLMError
from rag.llm.protocol import ChatMessage, LanguageModel, complete
from rag.llm.providers import PROVIDERS, Provider, provider_of
from rag.llm.service import LanguageModelService
from rag.settings import Settings
from tests.fakes.llm_server import LLMServer, Reply

MESSAGES = [
    ChatMessage("system", "Be brief."),
    ChatMessage("user", "When?"),
    ChatMessage("assistant", "At noon."),
    ChatMessage("user", "Every day?"),
]
ENDLESS = Reply("word " * 5000, pace=0.01)


def openai_settings(server: LLMServer, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr("rag.llm.openai.OPENAI_URL", server.url)
    return {"openai_api_key": "sk-test-0123456789", "openai_model": "fake-chat-model"}


# The settings that choose a provider, and have it ask the fake server.
EXAMPLES: dict[str, Callable[[LLMServer, pytest.MonkeyPatch], dict[str, Any]]] = {
    "OpenAI-compatible server": lambda server, _: {"openai_base_url": server.url, "openai_model": "fake-chat-model"},
    "OpenAI": openai_settings,
}

each_provider = pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)


@pytest.fixture
def example(provider: Provider, settings: Settings, llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch) -> Settings:
    chosen = EXAMPLES[provider.name](llm_server, monkeypatch)
    return Settings(**settings.model_dump() | chosen | {"llm_timeout": 5})


def run(model: LanguageModel, scenario: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """The result of `scenario`; the model is closed afterwards on the same loop."""

    async def whole() -> Any:
        try:
            return await scenario()
        finally:
            await model.close()

    return asyncio.run(whole())


def test_each_provider_has_an_example() -> None:
    assert [provider.name for provider in PROVIDERS] == list(EXAMPLES)


@each_provider
def test_settings_choose_it_and_its_label_names_the_model(provider: Provider, example: Settings) -> None:
    assert provider_of(example) is provider
    assert "fake-chat-model" in provider.label(example)


@each_provider
def test_all_messages_go_along_and_the_answer_comes_in_pieces(
    provider: Provider, example: Settings, llm_server: LLMServer
) -> None:
    llm_server.script(Reply("one two three", pace=0.05))
    model = provider.build(example)

    async def scenario() -> list[str]:
        async with aclosing(model.stream(MESSAGES)) as pieces:
            return [piece async for piece in pieces]

    pieces = run(model, scenario)
    assert len(pieces) == 3
    assert "".join(pieces) == "one two three"
    sent = [(message["role"], message["content"]) for message in llm_server.chats[0].body["messages"]]
    assert sent == [(message.role, message.content) for message in MESSAGES]


@each_provider
def test_closing_the_stream_closes_the_request(provider: Provider, example: Settings, llm_server: LLMServer) -> None:
    llm_server.script(ENDLESS)
    model = provider.build(example)

    async def scenario() -> bool:
        async with aclosing(model.stream(MESSAGES)) as pieces:
            await anext(pieces)
        return await asyncio.to_thread(llm_server.chats[0].over.wait, 2)

    assert run(model, scenario)
    assert llm_server.chats[0].disconnected_at is not None


@each_provider
def test_model_that_comes_to_no_end_is_stopped(provider: Provider, example: Settings, llm_server: LLMServer) -> None:
    llm_server.script(ENDLESS)
    model = provider.build(example)
    text = run(model, lambda: complete(model, MESSAGES, 20))
    assert 20 < len(text) <= 20 + len(" word")


@each_provider
def test_failure_is_one_sentence_and_the_pieces_before_it_stay(
    provider: Provider, example: Settings, llm_server: LLMServer
) -> None:
    llm_server.script(Reply("the first words", then="reset"))
    model = provider.build(example)
    pieces = []

    async def scenario() -> None:
        async for piece in model.stream(MESSAGES):
            pieces.append(piece)

    with pytest.raises(LLMError) as caught:
        run(model, scenario)
    assert "".join(pieces) == "the first words"
    sentence = str(caught.value)
    assert sentence[0].isupper() and sentence.endswith(".") and "\n" not in sentence


@each_provider
def test_silence_ends_after_the_timeout(provider: Provider, example: Settings, llm_server: LLMServer) -> None:
    llm_server.script(Reply(then="stall"))
    model = provider.build(example.model_copy(update={"llm_timeout": 0.5}))
    begin = time.monotonic()
    with pytest.raises(LLMError, match=r"0\.5 seconds.*LLM_TIMEOUT"):
        run(model, lambda: complete(model, MESSAGES))
    assert time.monotonic() - begin < 10


@each_provider
def test_context_window_follows_the_setting(provider: Provider, example: Settings) -> None:
    model = provider.build(example.model_copy(update={"openai_context_window": 32_000}))
    assert model.context_window == 32_000


@each_provider
def test_check_costs_no_answer_and_says_in_a_sentence_why_not(
    provider: Provider, example: Settings, llm_server: LLMServer
) -> None:
    model = provider.build(example)

    async def scenario() -> list[str | None]:
        problems = [await model.check()]
        llm_server.key = "another"
        return [*problems, await model.check()]

    fine, refused = run(model, scenario)
    assert fine is None
    assert "key" in refused
    assert llm_server.chats == []


@each_provider
def test_service_says_how_the_chosen_model_is_doing(
    provider: Provider, example: Settings, llm_server: LLMServer
) -> None:
    service = LanguageModelService(example)
    assert (service.status.state, service.status.name) == ("ready", provider.label(example))

    async def scenario() -> list[str]:
        states = []
        for key in (None, "another"):
            llm_server.key = key
            await service.check()
            states.append(service.status.state)
        await service.close()
        return states

    assert asyncio.run(scenario()) == ["ready", "error"]


def test_without_a_provider_there_is_no_model_and_the_service_is_off(settings: Settings) -> None:
    service = LanguageModelService(settings)
    assert service.status.state == "off"
    assert asyncio.run(service.load()) is None
