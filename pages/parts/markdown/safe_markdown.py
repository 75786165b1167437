"""Text from models and documents as Markdown that `st.markdown` may show.

Streamlit's Markdown loads remote images, makes links active, and knows formulas, emoji shortcodes, icons and colour
directives. No model and no document may use them. So their text isn't filtered. It is parsed (CommonMark, tables,
strikethrough), and written anew from a short list of allowed elements, with all text escaped. No other element gets
through, wherever a stream was cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from pages.parts.markdown.citation_markers import Marker, find_markers, is_marker, without_places
from pages.parts.markdown.escaping import ADDRESS, BREAK, CONTROLS, code_span, escape, join

_LANGUAGE = re.compile(r"[A-Za-z0-9+#-]{1,20}")
# For these languages Streamlit draws a formula or a diagram in place of a code block.
_DRAWN_LANGUAGES = {"math", "latex", "tex", "mermaid"}


class _Parser(MarkdownIt):
    """Marker places (see `citation_markers`) are stripped from addresses, where the parser would encode them and anyone
    could forge the encoded form."""

    def normalizeLink(self, url: str) -> str:
        return super().normalizeLink(without_places(url))

    def normalizeLinkText(self, link: str) -> str:
        return without_places(super().normalizeLinkText(link))


_parser = _Parser("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("reference")


def safe_markdown(text: str, marker: Marker | None = None) -> str:
    """`text` with its paragraphs, lists, emphasis, code and tables, and nothing that loads, links or draws.

    A heading is shown small, an image as its description, a link as its text and plain address. A citation marker such
    as [2] or [1, 3] becomes the Markdown that `marker` returns for each number.
    """
    tree = SyntaxTreeNode(_parser.parse(CONTROLS.sub("", text)))
    return "\n".join(_blocks(tree.children, marker))


def safe_text(text: str, marked: Iterable[tuple[int, int]] = (), marker: Marker | None = None) -> str:
    """Text of a document as Markdown that shows its characters as they are.

    A line end that only wraps a paragraph is undone. `marked` are half-open spans of `text` to highlight.
    """
    text = CONTROLS.sub(" ", text.replace("\r", " "))  # of the same length: `marked` counts characters
    for start, end in sorted(_merged(marked), reverse=True):
        text = f"{text[:start]}\x01{text[start:end]}\x02{text[end:]}"
    lines = [line.strip() for line in text.split("\n")]
    widest = max((len(line) for line in lines), default=0)
    out, lit = [], False
    for line in lines:
        shown, lit = _lit_line(line, lit, marker)
        # A line much shorter than the widest line wasn't wrapped: it is a heading, a list item or a row.
        out.append(shown + ("  " if shown and len(line) < 0.7 * widest else ""))
    return "\n".join(out).strip()


def safe_label(text: str, limit: int = 60) -> str:
    """`text` on one line, of at most `limit` characters, for labels of buttons, expanders and the like."""
    line = " ".join(CONTROLS.sub("", text).split())
    return escape(line if len(line) <= limit else line[: limit - 1].rstrip() + "…", addresses=False)


def safe_cell(text: str) -> str:
    """`text` for a cell of a table. The table may be copied into a spreadsheet, so a text that would be a formula there
    gets an apostrophe in front (OWASP, CSV injection)."""
    line = " ".join(CONTROLS.sub("", text).split())
    return f"'{line}" if line[:1] in ("=", "+", "-", "@", "＝", "＋", "－", "＠") else line


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif start < end:
            merged.append((start, end))
    return merged


def _lit_line(line: str, lit: bool, marker: Marker | None) -> tuple[str, bool]:
    """The line with its highlighted part as a directive, and whether the highlight goes on in the next line."""
    out = []
    for piece in re.split(r"([\x01\x02])", line):
        if piece in ("\x01", "\x02"):
            lit = piece == "\x01"
        elif piece:
            out.append(f":yellow-background[{escape(piece)}]" if lit else _text(piece, marker))
    return join(out), lit


def _text(text: str, marker: Marker | None) -> str:
    if marker is None:
        return escape(text)
    out, done = [], 0
    for start, end, numbers, place in find_markers(text):
        badges = [marker(number, place) for number in numbers]
        if any(badge is None for badge in badges):
            continue
        out += [escape(text[done:start]), *(badge for badge in badges if badge)]
        done = end
    return join([*out, escape(text[done:])])


def _inline(nodes: Iterable[SyntaxTreeNode], marker: Marker | None) -> str:
    texts: list[str] = []
    plain = ""
    for node in nodes:
        if node.type in ("text", "text_special"):  # joined, since an address or a marker may span several nodes
            plain += node.content
            continue
        texts += [_text(plain, marker), _span(node, marker)]
        plain = ""
    return join([*texts, _text(plain, marker)])


def _span(node: SyntaxTreeNode, marker: Marker | None) -> str:
    if node.type in ("strong", "em", "s"):
        mark = {"strong": "**", "em": "*", "s": "~~"}[node.type]
        inner = _inline(node.children, marker)
        return f"{mark}{inner}{mark}" if inner else ""
    if node.type == "code_inline":
        return code_span(node.content)
    if node.type == "softbreak":
        return "\n"
    if node.type == "hardbreak":
        return "\\\n"
    if node.type == "image":
        return escape(f"[image: {node.content}]" if node.content else "[image]")
    if node.type == "link":
        return _link(node, marker)
    return _inline(node.children, marker) if node.children else _text(node.content, marker)


def _link(node: SyntaxTreeNode, marker: Marker | None) -> str:
    words = "".join(child.content for child in node.walk() if child.type in ("text", "code_inline"))
    address = str(node.attrs.get("href", ""))
    if is_marker(words):  # models like to write their markers as links
        return _text(f"[{words}]", marker)
    shown = _inline(node.children, marker)
    if not ADDRESS.match(address) or words in (address, address.removeprefix("mailto:")):
        return shown
    return f"{shown} ({code_span(address)})"


def _blocks(nodes: Iterable[SyntaxTreeNode], marker: Marker | None, *, tight: bool = False) -> list[str]:
    lines: list[str] = []
    for node in nodes:
        if lines and not tight:
            lines.append("")
        lines += _block(node, marker)
    return lines


def _block(node: SyntaxTreeNode, marker: Marker | None) -> list[str]:
    if node.type == "paragraph":
        return [line for child in node.children for line in _block(child, marker)]
    if node.type == "inline":
        return [line.lstrip() for line in _inline(node.children, marker).split("\n")]
    if node.type == "heading":
        words = " ".join(_block(node.children[0], marker)) if node.children else ""
        return [f"#### {words}" if node.tag in ("h1", "h2") else f"##### {words}"] if words else []
    if node.type in ("bullet_list", "ordered_list"):
        return _list(node, marker)
    if node.type == "blockquote":
        return [f"> {line}".rstrip() for line in _blocks(node.children, marker)]
    if node.type in ("fence", "code_block"):
        return _fence(node)
    if node.type == "table":
        return _table(node, marker)
    if node.type == "hr":
        return ["---"]
    return _blocks(node.children, marker) if node.children else [escape(node.content)]


def _list(node: SyntaxTreeNode, marker: Marker | None) -> list[str]:
    number = int(node.attrs.get("start", 1)) if node.type == "ordered_list" else None
    tight = all(child.hidden for item in node.children for child in item.children if child.type == "paragraph")
    lines: list[str] = []
    for item in node.children:
        bullet = "- " if number is None else f"{number}. "
        number = None if number is None else number + 1
        inner = _blocks(item.children, marker, tight=tight) or [BREAK]
        if lines and not tight:
            lines.append("")
        lines += [bullet + inner[0], *((" " * len(bullet) + line).rstrip() for line in inner[1:])]
    return lines


def _fence(node: SyntaxTreeNode) -> list[str]:
    first = (node.info.split() or [""])[0]
    drawn = not _LANGUAGE.fullmatch(first) or first.lower() in _DRAWN_LANGUAGES
    content = without_places(node.content)
    longest = max((len(run) for run in re.findall("`+", content)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence + ("" if drawn else first), *content.rstrip("\n").split("\n"), fence]


def _table(node: SyntaxTreeNode, marker: Marker | None) -> list[str]:
    lines = []
    for section in node.children:
        for row in section.children:
            cells = [_cell(cell, marker) for cell in row.children]
            lines.append(f"| {' | '.join(cells)} |")
            if section.type == "thead":
                lines.append("|" + " --- |" * len(cells))
    return lines


def _cell(node: SyntaxTreeNode, marker: Marker | None) -> str:
    shown = " ".join(_block(node.children[0], marker)) if node.children else ""
    # Markdown splits a row at its bars first, so even a bar in code needs a backslash.
    return re.sub(r"(?<!\\)\|", r"\\|", shown)
