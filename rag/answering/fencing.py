"""Hardens a prompt against the texts in it: no line of a document can pass for a line of the prompt.

A document can't close the fence around the passages, begin another passage, ask the question, or hold a token by which
a chat template tells who is speaking. A model may still obey a text that it reads. It gains little by that: the
documents to search are chosen before, and the citations are checked after.
"""

from __future__ import annotations

import re

from rag.citations.markers import BRACKETED_NUMBER
from rag.text.characters import JOINERS, LINE_ENDS, NEVER_PROMPTED

# All line ends, and the separators of ASCII (\x1c to \x1e), at which Python's splitlines ends a line, too.
_LINE_ENDS = re.compile(rf"\r\n|[{LINE_ENDS}\x1c-\x1e]")
# Invisible characters are removed first: within a word they would hide it from the patterns below.
_INVISIBLE = re.compile(f"[{NEVER_PROMPTED}]")
# Persian needs joiners, and emoji need joiners and two selectors, so most of them stay. After ASCII, spaces and
# brackets they mean nothing, and are removed.
_JOINERS = re.compile(f"(?:(?<=[!-~\\s【】！-～])|^)[{JOINERS}\ufe0e\ufe0f]+")
_BLANK_BRAILLE = "\u2800"  # looks like a space, but isn't one to \s
# Chat templates tell by these tokens who is speaking, and servers may read them anywhere in a text: <|im_start|> and
# every other token with bars (ChatML, Llama 3, Phi, DeepSeek, harmony), <start_of_turn> (Gemma), [INST], <<SYS>>, </s>
# (Llama 2, Mistral), and the tokens around thoughts and tools. A space after the bracket turns a token into text.
_TEMPLATE = re.compile(
    r"<(?=[|｜])"
    r"|<{1,2}(?=/?(?:s|bos|eos|unk|pad|sys|think|(?:start|end)_of_\w+|tool_\w+|function_\w+)>)"
    r"|\[(?=/?(?:inst|img|gmask|system_prompt|available_tools|tool_\w+|model_settings)\])",
    re.IGNORECASE,
)
# The tags around the passages. A document that closed them could speak as the user.
_FENCE = re.compile(r"[<＜]\s*[/／]?\s*passages?\b(?:[^<>＜＞\n]{0,80}[>＞])?", re.IGNORECASE)
# The beginnings of the prompt's own lines, and of the lines by which a template without tokens names the speaker.
_FRAME = re.compile(
    rf"^(?=[^\S\n]*(?:{BRACKETED_NUMBER}[^\S\n]*[(（]"
    r"|(?:\#+[^\S\n]*)?(?:question|last message|system|user|human|assistant|instruction|response)[^\S\n]*[:：]))",
    re.IGNORECASE | re.MULTILINE,
)
_ROUND = str.maketrans("<>＜＞", "()()")
_NAME = str.maketrans("[]<>【】［］", "(){}()()")


def plain(text: str) -> str:
    """`text` without invisible characters and without tokens of a chat template."""
    visible = _INVISIBLE.sub("", _LINE_ENDS.sub("\n", text)).replace(_BLANK_BRAILLE, " ")
    visible = _JOINERS.sub("", visible)
    return _TEMPLATE.sub(lambda match: match[0] + " ", visible)


def unfenced(text: str) -> str:
    """`plain(text)` with round brackets in place of a fence's. Cutting the fence out could make another fence of the
    text around it."""
    return _FENCE.sub(lambda match: match[0].translate(_ROUND), plain(text))


def as_material(text: str) -> str:
    """A passage's text for a prompt. A line that could pass for the prompt's gets a ">", like a quotation in mail."""
    return _FRAME.sub("> ", unfenced(text))


def as_name(file_name: str) -> str:
    """A file's name on one line, without the brackets that begin passages and make fences."""
    return " ".join(unfenced(file_name).translate(_NAME).split())
