"""What a language model says, without its thoughts and without the tokens that end its turn."""

from __future__ import annotations

import re

_THOUGHTS = re.compile(r"\s*<(think|thinking|thought)>", re.IGNORECASE)
_LONGEST_TAG = len("<thinking>")
_END_OF_THOUGHTS = re.compile(r"</(?:think|thinking|thought)>\s*", re.IGNORECASE)
_END_TOKENS = (
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|end_of_turn|>",
    "<end_of_turn>",
    "<|return|>",
    "<｜end▁of▁sentence｜>",
    "</s>",
    "[/INST]",
)
_END_TOKEN = re.compile("|".join(map(re.escape, _END_TOKENS)))


class Speech:
    """Takes the pieces of an answer, and gives what is to be shown of each. Text that may be the beginning of a tag is
    held back until the next piece."""

    def __init__(self) -> None:
        self._waiting = ""
        self._begun = False
        self._thinking = False

    def feed(self, piece: str) -> str:
        """What can be shown after this piece; empty while the model thinks."""
        text = self._waiting + piece
        self._waiting = ""
        if not self._begun and not self._thinking:
            if opening := _THOUGHTS.match(text):
                self._thinking, text = True, text[opening.end() :]
            elif len(text.lstrip()) < _LONGEST_TAG and _may_begin(text.lstrip().lower(), ("<thinking>", "<thought>")):
                self._waiting = text
                return ""
        if self._thinking:
            if not (closing := _END_OF_THOUGHTS.search(text)):
                self._waiting = text[-_LONGEST_TAG - 1 :]
                return ""
            self._thinking, text = False, text[closing.end() :]
        text = _END_TOKEN.sub("", text)
        held = _held_back(text)
        self._waiting = text[len(text) - held :]
        shown = text[: len(text) - held]
        if not self._begun:
            shown = shown.lstrip()
        self._begun = self._begun or bool(shown)
        return shown

    def end(self) -> str:
        """What was held back, once the answer has ended."""
        waiting, self._waiting = self._waiting, ""
        return "" if self._thinking else _END_TOKEN.sub("", waiting)


def without_thoughts(text: str) -> str:
    """The text after the last end of thoughts. Where a server's template opens the thoughts, only their end is sent."""
    ends = list(_END_OF_THOUGHTS.finditer(text))
    return text[ends[-1].end() :] if ends else text


def _may_begin(text: str, tags: tuple[str, ...]) -> bool:
    return any(tag.startswith(text) for tag in tags)


def _held_back(text: str) -> int:
    """How many characters at the end may be the beginning of an end token, or of the end of thoughts."""
    for length in range(min(len(text), max(map(len, _END_TOKENS)) - 1), 0, -1):
        if _may_begin(text[-length:], (*_END_TOKENS, "</think>", "</thinking>", "</thought>")):
            return length
    return 0
