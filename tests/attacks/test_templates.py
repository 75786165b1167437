"""Chat templates' tokens in documents, before a real server's parser: llama.cpp with the vocabulary of Gemma 3."""

from __future__ import annotations

import json
import urllib.request

import pytest

from rag.answering.prompts import answer_messages
from rag.schema import Message, Passage
from tests.attacks.patterns import INJECTIONS, NAMES

pytestmark = pytest.mark.llamacpp

SPECIAL = ("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>")


def tokens(server: str, text: str) -> list[int]:
    """As the server reads a prompt that its template has made."""
    body = json.dumps({"content": text, "parse_special": True}).encode()
    request = urllib.request.Request(
        f"{server.removesuffix('/v1')}/tokenize", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return list(json.load(response)["tokens"])


def test_no_document_holds_a_token_by_which_the_template_tells_who_speaks(llamacpp_server: str) -> None:
    special = {token for text in SPECIAL for token in tokens(llamacpp_server, text)}
    assert len(special) == len(SPECIAL), "the server takes them for what they are"
    assert special & set(tokens(llamacpp_server, INJECTIONS["Gemma"])), "it does so in the midst of a text"
    attacks = [*INJECTIONS.values(), *NAMES.values(), " ".join(SPECIAL)]
    for attack in attacks:
        found = [Passage(attack, attack, "1" * 64, 1, 0, len(attack), 1.0)]
        for message in answer_messages("Why?", found, [Message("assistant", attack)]):
            assert not special & set(tokens(llamacpp_server, str(message.content))), attack
