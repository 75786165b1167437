"""Checks the questions and histories that callers give, and removes control characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rag.errors import LimitReached, RagError
from rag.schema import Message
from rag.text.characters import NEVER_TYPED

# Oldest first.
History = Sequence[Message | Mapping[str, str]]

_CONTROLS = re.compile(f"[{NEVER_TYPED}]")


def check_question(question: str, most_characters: int) -> None:
    """Raise LimitReached if the question is longer than `most_characters` (the setting MAX_QUESTION_CHARACTERS).

    A history needs no limit: prompts and searches take only the beginnings of its last messages.
    """
    if len(question) > most_characters:
        raise LimitReached(
            f"The question has {len(question):,} characters, and {most_characters:,} are the most; shorten it, or "
            "raise MAX_QUESTION_CHARACTERS."
        )


def as_question(question: str) -> str:
    """The question in NFC, without control characters and lone surrogates. Raises RagError if nothing is left."""
    clean = _clean(question).strip()
    if not clean:
        raise RagError("The question is empty; type one.")
    return clean


def as_messages(history: History) -> list[Message]:
    """The messages of a history. Each is given as a Message or as {"role": …, "content": …}.

    Raises RagError for any other form or role.
    """
    messages = []
    for entry in history:
        if isinstance(entry, Message):
            messages.append(replace(entry, content=_clean(entry.content)))
        elif isinstance(entry, Mapping) and entry.get("role") in {"user", "assistant"}:
            messages.append(Message(entry["role"], _clean(str(entry.get("content", "")))))  # type: ignore[arg-type]
        else:
            raise RagError("A message of the history needs a role (user or assistant) and content.")
    return messages


def _clean(text: str) -> str:
    return unicodedata.normalize("NFC", _CONTROLS.sub(" ", text.encode("utf-8", "replace").decode("utf-8")))
