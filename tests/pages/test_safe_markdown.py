"""What models and documents write is shown as text: nothing loads, links, draws or takes Streamlit's directives."""

from __future__ import annotations

import random
import re

import pytest
from markdown_it import MarkdownIt

from pages.parts.markdown.safe_markdown import safe_cell, safe_label, safe_markdown, safe_text
from tests.attacks.patterns import names, outputs

BREAK = "\u2060"

_ADDRESS = "https://evil.example"
HOSTILE = outputs(_ADDRESS) | {f"name: {name}": text for name, text in names(_ADDRESS).items()}
hostile = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)


def _parsed(markdown: str) -> tuple[str, list[str]]:
    """What a Markdown reader that also knows HTML makes of it: all token types, and the texts outside of code."""
    types, texts = [], []
    for token in MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown):
        types.append(token.type)
        for child in token.children or ():
            types.append(child.type)
            if child.type == "text":
                texts.append(child.content)
    return " ".join(types), texts


def _assert_harmless(markdown: str) -> None:
    types, texts = _parsed(markdown)
    assert not re.search(r"\b(image|link_open|html_inline|html_block)\b", types), markdown
    for text in texts:
        # Streamlit looks for these in the text after parsing, so that no backslash helps.
        assert not re.search(r"(?:https?://|www\.)[-.\w]|[\w.+-]+@[\w-]+\.\w", text, re.IGNORECASE), markdown
        assert not re.search(r":[\w+-]+:|:material|(?<!:):[a-zA-Z]+[\[{]", text), markdown
    # Neither escaped nor in code, there is no dollar sign.
    assert "$" not in re.sub(r"\\.|(`+)(?!`).*?(?<!`)\1(?!`)", "", markdown, flags=re.DOTALL), markdown
    assert not re.search(r"```(mermaid|math|latex)", markdown)
    assert not re.search("[\x00\u202e]", markdown)
    markdown.encode("utf-8")  # as it is sent to the browser


@hostile
def test_hostile_markdown_is_harmless(text: str) -> None:
    _assert_harmless(safe_markdown(text))


@hostile
def test_hostile_markdown_is_harmless_wherever_the_stream_is_cut(text: str) -> None:
    for end in range(len(text)):
        _assert_harmless(safe_markdown("Before that: " + text[:end]))


@hostile
def test_hostile_document_text_is_harmless_with_any_span_marked(text: str) -> None:
    for start in range(0, len(text), 3):
        shown = safe_text(text, [(start, start + 5)])
        # Without the directive itself, but with something in its place: its content is a text of its own.
        _assert_harmless(re.sub(r":yellow-background\[((?:\\.|[^\]\\])*)\]", r" `mark` \1 `mark` ", shown))
    _assert_harmless(safe_text(text))


@hostile
def test_hostile_names_are_harmless_as_labels(text: str) -> None:
    label = safe_label(text, 200)
    _assert_harmless(label)
    assert "\n" not in label


def test_random_pieces_put_together_are_harmless() -> None:
    pieces = [piece for text in HOSTILE.values() for piece in re.findall(r"\w+|\s|.", text)]
    chance = random.Random(7)
    for _ in range(2000):
        _assert_harmless(safe_markdown("".join(chance.choices(pieces, k=chance.randint(2, 25)))))


def test_paragraphs_lists_emphasis_code_and_tables_stay() -> None:
    text = (
        "First **bold** and *slanted* with `code`.\n\n- one\n- two\n  1. deep\n\n"
        "```python\nx = [1]\n```\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n> quoted"
    )
    assert safe_markdown(text) == text


def test_headings_become_small() -> None:
    assert safe_markdown("# Title\n\n### Part") == "#### Title\n\n##### Part"


def test_image_is_named_and_link_shows_where_it_leads() -> None:
    assert safe_markdown("![a cat](https://x.example/c.png)") == r"\[image: a cat\]"
    assert safe_markdown("[here](https://x.example)") == "here (`https://x.example`)"
    assert safe_markdown("<https://x.example>") == "`https://x.example`"


def test_markers_are_replaced_where_there_is_such_a_passage() -> None:
    def marker(number: int, place: int | None) -> str | None:
        return f"<{number}>" if number < 4 else None

    assert safe_markdown("So [1], so [2][3], so [1, 2].", marker) == "So <1>, so <2><3>, so <1><2>."
    assert safe_markdown("No [4].", marker) == r"No \[4\]."
    assert safe_markdown("`code [1]`", marker) == "`code [1]`"
    assert safe_markdown("[1](https://x.example)", marker) == "<1>"


def test_marker_after_a_colon_stays_a_directive() -> None:
    assert safe_markdown("See:[1]", lambda number, place: f":blue-badge[{number}]") == f"See:{BREAK}:blue-badge[1]"


def test_marked_span_is_highlighted_over_lines() -> None:
    text = "A first line that is long.\nA second line that is long."
    shown = safe_text(text, [(2, 35)])
    assert shown.count(":yellow-background[") == 2
    assert ":yellow-background[first line that is long.]" in shown


def test_overlapping_marks_are_joined() -> None:
    assert safe_text("abcdef", [(0, 3), (2, 4), (5, 5)]) == ":yellow-background[abcd]ef"


def test_brackets_in_a_marked_span_do_not_end_it() -> None:
    assert safe_text("see [a] there", [(0, 7)]) == r":yellow-background[see \[a\]] there"


def test_document_text_is_not_markdown() -> None:
    assert safe_text("* a_b_c *") == r"\* a\_b\_c \*"
    assert safe_text("1. first") == r"1\. first"


def test_wrapped_lines_are_joined_and_short_ones_kept() -> None:
    text = "Title\nA line that is as wide as the page allows\nand another one that is about as wide"
    assert safe_text(text).startswith("Title  \nA line")
    assert "allows\nand" in safe_text(text)


def test_label_is_cut_to_one_line() -> None:
    assert safe_label("a\nb  c") == "a b c"
    assert safe_label("x" * 100, 10) == "x" * 9 + "…"


@hostile
def test_no_cell_of_a_table_is_a_formula(text: str) -> None:
    for cell in (text, f" \t\x00{text}", f"={text}", f"+{text}", f"-{text}", f"@{text}"):
        assert not re.match(r"[=+@\-\t\r\n＝＋＠－]", safe_cell(cell))


def test_other_cells_stay_as_they_are() -> None:
    assert safe_cell("Revenue was -5 = 3 + 2.") == "Revenue was -5 = 3 + 2."
    assert safe_cell("-5") == "'-5"
