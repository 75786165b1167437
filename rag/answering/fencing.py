"""Hardens a prompt against the texts in it: what a document says is never one of the prompt's own lines.

A document can't close the fence around the passages, begin another passage, ask the question, or hold a token by which
a chat template tells who is speaking. Whether the model obeys a text that it reads is another matter: which documents
are searched is settled before, and citations are checked after.
"""

from __future__ import annotations

import re

from rag.citations.markers import BRACKETED_NUMBER
from rag.text.characters import JOINERS, LINE_ENDS, NEVER_PROMPTED

# With the separators of ASCII, at which Python's splitlines ends a line, too.
_LINE_ENDS = re.compile(rf"\r\n|[{LINE_ENDS}\x1c-\x1e]")
# Removed first, since they can hide the words that the patterns below look for.
_INVISIBLE = re.compile(f"[{NEVER_PROMPTED}]")
# Persian is written with joiners, and emoji are made of signs with joiners and two selectors. After ASCII, spaces and
# brackets they mean nothing, and are removed, too.
_JOINERS = re.compile(f"(?:(?<=[!-~\\s【】！-～])|^)[{JOINERS}\ufe0e\ufe0f]+")
_BLANK_BRAILLE = "\u2800"  # looks like a space, and is none
# Chat templates tell by these tokens who is speaking, and servers may read them anywhere in a text: <|im_start|> and
# all others with bars (ChatML, Llama 3, Phi, DeepSeek, harmony), <start_of_turn> (Gemma), [INST], <<SYS>>, </s> (Llama
# 2, Mistral), and those of thoughts and tools. A space after the bracket makes text of a token.
_TEMPLATE = re.compile(
    r"<(?=[|｜])"
    r"|<{1,2}(?=/?(?:s|bos|eos|unk|pad|sys|think|(?:start|end)_of_\w+|tool_\w+|function_\w+)>)"
    r"|\[(?=/?(?:inst|img|gmask|system_prompt|available_tools|tool_\w+|model_settings)\])",
    re.IGNORECASE,
)
# A passage that closes its fence could pass for the user.
_FENCE = re.compile(r"[<＜]\s*[/／]?\s*passages?\b(?:[^<>＜＞\n]{0,80}[>＞])?", re.IGNORECASE)
# The prompt's own lines, and the lines by which a template without tokens tells who is speaking.
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
    """`plain(text)` with round brackets where a fence would be read. Cutting the fence out could make another of the
    text around it."""
    return _FENCE.sub(lambda match: match[0].translate(_ROUND), plain(text))


def as_material(text: str) -> str:
    """A passage's text. A line that would read as one of the prompt is quoted with ">", as in a mail."""
    return _FRAME.sub("> ", unfenced(text))


def as_name(file_name: str) -> str:
    """A file's name on one line, without the brackets that begin passages and make fences."""
    return " ".join(unfenced(file_name).translate(_NAME).split())
