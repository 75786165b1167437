"""Markdown → light Markdown, as it is shown: without links, comments and entities, with plain tables and headings."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.reference import reference
from markdown_it.token import Token

from rag.readers.decoding import decode
from rag.readers.html import html_blocks
from rag.text.blocks import Block, Field, Heading, page_text

# The most lines of a file's head.
_LONGEST_HEAD = 200
_ENTRY = re.compile(r"([\w][\w .-]{0,60}?)\s*[:=]\s*(.*)")
_LIST_ENTRY = re.compile(r"\s*-\s+(.*)")
# {#anchor .class} after a heading.
_ATTRIBUTES = re.compile(r"\s*\{[#.:][^{}]{0,200}\}\s*$")
# The kind of a quoted remark, as some sites show it: > [!NOTE].
_REMARK = re.compile(r"^( {0,3}> ?)\[!(note|tip|important|warning|caution)\][ \t]*$", re.IGNORECASE | re.MULTILINE)
# A text of this size is parsed in pieces, which are cut at headings.
_PIECE = 200_000


def read_markdown(data: bytes) -> str:
    """Markdown as a reader sees it, see `shown_markdown`. Raises Fault if `data` isn't text."""
    return shown_markdown(decode(data))


def shown_markdown(source: str) -> str:
    """Light Markdown of a Markdown text: pictures become their descriptions, links their texts, HTML its words.

    Line ends stay. The entries at the head of a file ("author: …") become fields.
    """
    source = source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    fields, body = _head(source)
    body = _REMARK.sub(lambda match: f"{match[1]}{match[2].capitalize()}", body)
    blocks: list[Block] = []
    parser = _parser()
    for piece in _pieces(body):
        blocks += html_blocks(parser.render(piece), titled=False)
    title = next((entry.value for entry in fields if entry.label.lower() == "title"), "")
    if title and any(isinstance(block, Heading) and block.text == title for block in blocks):
        # The title stands in the text, too: the other entries come after it if it begins the text.
        place = 1 if isinstance(blocks[0], Heading) and blocks[0].text == title else 0
        return page_text([*blocks[:place], *_without_title(fields), *blocks[place:]])
    return page_text([*([Heading(title)] if title else []), *_without_title(fields), *blocks])


def _without_title(fields: list[Field]) -> list[Field]:
    return [entry for entry in fields if entry.label.lower() != "title"]


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True, "breaks": True}).enable(["table", "strikethrough"])
    # A link isn't followed, so that any address will do; otherwise the address would stay as text.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    parser.block.ruler.at("reference", _reference, {"alt": []})
    rules: dict[str, Callable[..., str]] = parser.renderer.rules  # type: ignore[attr-defined]
    rules["image"] = _image
    parser.core.ruler.push("heading_attributes", _strip_attributes)
    return parser


def _reference(state: StateBlock, begin: int, end: int, silent: bool) -> bool:
    """The address of a link, but not a note, which looks alike: `[^1]: text`."""
    at = state.bMarks[begin] + state.tShift[begin]
    return not state.src.startswith("[^", at) and reference(state, begin, end, silent)


def _image(tokens: Sequence[Token], index: int, *_: Any) -> str:
    text = tokens[index].content
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _strip_attributes(state: Any) -> None:
    for before, token in zip(state.tokens, state.tokens[1:], strict=False):
        if before.type == "heading_open" and token.children and token.children[-1].type == "text":
            last = token.children[-1]
            last.content = _ATTRIBUTES.sub("", last.content)


def _pieces(source: str) -> list[str]:
    """A long text in pieces of about the same size, so that its tokens aren't in memory all at once."""
    if len(source) <= _PIECE or "\n[" in source:  # a link may name its address anywhere in the text
        return [source]
    pieces: list[str] = []
    lines: list[str] = []
    size, fence = 0, ""
    for line in source.split("\n"):
        mark = re.match(r" {0,3}(`{3,}|~{3,})", line)
        if mark and (not fence or (mark[1].startswith(fence) and not line.strip(f" {fence[0]}"))):
            fence = "" if fence else mark[1]
        if size > _PIECE and not fence and line.startswith("#"):
            pieces.append("\n".join(lines))
            lines, size = [], 0
        lines.append(line)
        size += len(line) + 1
    return [*pieces, "\n".join(lines)]


def _head(source: str) -> tuple[list[Field], str]:
    """The entries at the head of a file, between lines `---` (YAML) or `+++` (TOML), and the text after it."""
    lines = source.split("\n", _LONGEST_HEAD)
    mark = lines[0].rstrip()
    if mark not in ("---", "+++"):
        return [], source
    ends = ("---", "...") if mark == "---" else ("+++",)
    end = next((n for n, line in enumerate(lines[1:_LONGEST_HEAD], 1) if line.rstrip() in ends), 0)
    entries = [line for line in lines[1:end] if line.strip() and not line.lstrip().startswith("#")]
    if not end or not entries or not _ENTRY.fullmatch(entries[0].strip().strip('"')):
        return [], source
    fields: list[Field] = []
    for line in entries:
        if (match := _LIST_ENTRY.fullmatch(line)) and fields:
            before = fields[-1].value
            value = f"{before}, {_unquoted(match[1])}" if before else _unquoted(match[1])
            fields[-1] = Field(fields[-1].label, value)
        elif match := _ENTRY.fullmatch(line.strip()):
            fields.append(Field(match[1], _unquoted(match[2])))
        elif fields:
            fields[-1] = Field(fields[-1].label, f"{fields[-1].value} {line.strip()}".strip("|> "))
    return [entry for entry in fields if entry.value], "\n".join(lines[end + 1 :])


def _unquoted(value: str) -> str:
    value = value.strip()
    if value.startswith("[") and value.endswith("]"):
        return ", ".join(_unquoted(part) for part in value[1:-1].split(","))
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value
