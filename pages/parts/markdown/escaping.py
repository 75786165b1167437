"""Escapes text, so that Streamlit's Markdown shows exactly its characters."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pages.parts.markdown.citation_markers import without_places
from rag import NEVER_SHOWN

# An invisible joiner. Streamlit looks for some patterns after parsing, when backslashes are gone; this breaks them.
BREAK = "\u2060"
CONTROLS = re.compile(f"[{NEVER_SHOWN}]")
_SPECIAL = re.compile(r"[\\`*_\[\]{}<>$~|&#]")
_BLOCK_START = re.compile(r"^(\s*)(?:([-+=])|(\d{1,9})([.)]))")
# An address that GitHub-flavoured Markdown turns into a link. A bracket ends it, since a directive may hold it.
ADDRESS = re.compile(r"(?:(?:https?|ftp)://|www\.)[^\s<>`\[\]]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.IGNORECASE)
# ":name[…]" is a directive, ":name:" an emoji or an icon.
_COLON = re.compile(r":(?=[^\W\d_]|[\w+-]+:)")


def escape(text: str, *, addresses: bool = True) -> str:
    """`text` as Markdown that Streamlit shows as exactly these characters. An address becomes code, which isn't linked;
    with `addresses` False, it becomes text with breaks."""
    out, done = [], 0
    for hit in ADDRESS.finditer(text):
        out += [_escape_plain(text[done : hit.start()]), code_span(hit[0]) if addresses else _unlinked(hit[0])]
        done = hit.end()
    return join([*out, _escape_plain(text[done:])])


def _escape_plain(text: str) -> str:
    text = _SPECIAL.sub(lambda hit: "\\" + hit[0], without_places(text))
    text = _BLOCK_START.sub(lambda hit: f"{hit[1]}\\{hit[2]}" if hit[2] else f"{hit[1]}{hit[3]}\\{hit[4]}", text)
    return _COLON.sub(":" + BREAK, text)


def _unlinked(address: str) -> str:
    """An address with breaks, so that it isn't linked. For labels, in which code looks out of place."""
    return _escape_plain(re.sub(r"([@:.])", rf"\1{BREAK}", address))


def join(texts: Iterable[str]) -> str:
    """The texts joined, with a break between two delimiters that would run together."""
    out = ""
    for text in texts:
        if out and text and ((out[-1] == text[0] and text[0] in "`*~:") or (out[-1] == ":" and text[0].isalpha())):
            out += BREAK
        out += text
    return out


def code_span(text: str) -> str:
    """`text` as inline code, even if it holds backticks."""
    text = without_places(text)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text.startswith("`") or text.endswith("`") or (text[:1] == text[-1:] == " ") else ""
    return f"{fence}{pad}{text}{pad}{fence}"
