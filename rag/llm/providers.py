"""The list of providers: the ways to reach a language model, of which the settings choose one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rag.llm.protocol import LanguageModel
from rag.runtime.imports import IMPORTING
from rag.secrets import shown_address
from rag.settings import DEFAULT_OPENAI_MODEL, Settings


@dataclass(frozen=True, slots=True)
class Provider:
    """A way to reach a language model.

    `chosen` says whether the settings choose it, and `label` names model and server for display. `build` makes the
    model without a request; it may take seconds, and raises SettingsError for a model that can't answer.
    """

    name: str
    chosen: Callable[[Settings], bool]
    label: Callable[[Settings], str]
    build: Callable[[Settings], LanguageModel]


def provider_of(settings: Settings) -> Provider | None:
    """The first provider that the settings choose; None if they choose none, so that answers are extractive."""
    return next((provider for provider in PROVIDERS if provider.chosen(settings)), None)


# Imported late: rag.llm.openai imports LlamaIndex and OpenAI's client, which takes more than a second.
def _compatible(settings: Settings) -> LanguageModel:
    with IMPORTING:
        from rag.llm.openai import build_compatible
    return build_compatible(settings)


def _openai(settings: Settings) -> LanguageModel:
    with IMPORTING:
        from rag.llm.openai import build_openai
    return build_openai(settings)


PROVIDERS = (
    Provider(
        "OpenAI-compatible server",
        chosen=lambda settings: bool(settings.openai_base_url),
        label=lambda settings: f"{settings.openai_model or 'the model'} at {shown_address(settings.openai_base_url)}",
        build=_compatible,
    ),
    Provider(
        "OpenAI",
        chosen=lambda settings: bool(settings.openai_api_key.get_secret_value().strip()),
        label=lambda settings: f"{settings.openai_model or DEFAULT_OPENAI_MODEL} at OpenAI",
        build=_openai,
    ),
)
