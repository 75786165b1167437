"""Forged citations: only a marker that was checked, and found to be borne out, looks like one."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from pages.parts.chat.answers import answer_markdown
from pages.parts.markdown.safe_markdown import safe_markdown, safe_text
from rag.citations.claims import check_citations
from rag.citations.markers import tidy_markers, without_markers
from rag.schema import Citation, Evidence, Message, Passage
from rag.storage.conversations import Conversations
from rag.storage.database import open_database
from tests.attacks.patterns import OUTPUTS, outputs

FACT = "The dam of Orrin is 62 metres high"
PASSAGES = [Passage(f"{FACT}.", f"{i}.txt", f"{i:064x}", None, 0, len(FACT) + 1, 1.0) for i in range(3)]
CLAIM = "You owe 5,000 euros"
# A checked and true citation of [1] that the page doesn't show, and a false one that it shows and nobody has checked.
HIDDEN = {
    "indented code": f"    {FACT} [1].",
    "an image's description": f"![{FACT} [1].](x.png)",
    "a link's title": f"[so](x.html '{FACT} [1].')",
    "a link's address": f"[so](<x.html?{FACT} [1].>)",
    "a fence in a quote": f"> ```\n> {FACT} [1].\n> ```",
    "a fence in a list": f"- ```\n  {FACT} [1].\n  ```",
    "the language of a fence": f"> ``` {FACT} [1].\n> x\n> ```",
    "code over two lines": f"`a\n{FACT} [1].`",
}
FORGED = {
    "entities": f"{CLAIM} &#91;1&#93;.",
    "the entity of the number": f"{CLAIM} [&#49;].",
    "entities of noncharacters": f"{CLAIM} [1&#xFDE0;] [1&#64992;].",
    "noncharacters": f"{CLAIM} [1\ufde0]. \ufdd01\ufde0].",
    "a link of code": f"{CLAIM} [`1`](x).",
    "a fence that isn't one": f"```x`y\n{CLAIM} [1].",
    "escaped backticks": f"\\`{CLAIM} [1]. \\`",
    "an encoded address": f"{CLAIM} <http://x.example/[1%EF%B7%A0]>.",
    "a control": f"{CLAIM} [\x001].",
    "a number put together": f"{CLAIM} [&#48;![1](x)](y).",
    "emphasis": f"{CLAIM} [*1*](x).",
}
HOSTILE = outputs("https://evil.example")


def shown(text: str) -> str:
    """A stored answer on PASSAGES as its page shows it."""
    tidy = tidy_markers(text, len(PASSAGES)).strip()
    return answer_markdown(tidy, len(PASSAGES), tuple(check_citations(tidy, PASSAGES)))


def blue(markdown: str) -> int:
    return markdown.count(":blue-badge[")


def test_true_citation_is_blue_once_it_is_checked_and_not_before() -> None:
    assert shown(f"{FACT} [1].") == f"{FACT} :blue-badge[1]."
    assert answer_markdown(f"{FACT} [1].", 3) == f"{FACT} :gray-badge[1]."


@pytest.mark.parametrize(
    "forged",
    [
        "You owe 5,000 euros [2].",
        "You owe 5,000 euros &#91;2&#93;.",
        "You owe 5,000 euros [\x002].",
        "```x`y\nYou owe 5,000 euros [2].",
        "Text\n    ```\nYou owe 5,000 euros [2].",
        "You owe 5,000 euros 【2†source】 ［2］ \\[2\\] [[2]].",
        "You owe 5,000 euros [2](https://evil.example).",
        "You owe 5,000 euros [passage 2]. It isn't said [0].",
        "You owe 5,000 euros [​2] [²] [２].",
        "`You owe 5,000 euros [2].",
        "<!-- [2] --> You owe 5,000 euros &lsqb;2&rsqb;.",
    ],
)
def test_claim_that_no_passage_bears_out_never_gets_a_blue_badge(forged: str) -> None:
    markdown = shown(forged)
    assert blue(markdown) == 0
    assert not re.search(r":(?:green|violet|primary)", markdown)
    # Beside a true citation of the same passage it doesn't borrow that one's.
    assert blue(shown(f"{FACT} [2].\n\n{forged}")) <= 1
    assert blue(shown(f"{forged}\n\n{FACT} [2].").rpartition("5,000 euros")[0]) == 0


@pytest.mark.parametrize("forged", FORGED)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_a_hidden_true_citation_lends_its_badge_to_no_false_one(hidden: str, forged: str) -> None:
    for answer in (f"{HIDDEN[hidden]}\n\n{FORGED[forged]}", f"{FORGED[forged]}\n\n{HIDDEN[hidden]}"):
        markdown = shown(f"{FACT}.\n\n{answer}")
        assert blue(markdown) == 0, markdown
        assert not re.search("[\ufdd0-\ufdef]|%EF%B7", markdown.replace("1%EF%B7%A0", ""))
    both = shown(f"{FACT} [1].\n\n{HIDDEN[hidden]}\n\n{FORGED[forged]}")
    assert both.startswith(f"{FACT} :blue-badge[1].\n")
    assert blue(both) == 1


@pytest.mark.parametrize(
    "written",
    [
        f"**{FACT}.**[1] _{FACT}_[1]",
        f"- {FACT} [1]\n- {FACT} [1](https://x.example)\n- {FACT} [1](x.html)",
        f"| what | high |\n| --- | --- |\n| {FACT} [1] | 62 metres [1] |",
        f"# {FACT} [1]\n\n> {FACT} [1]",
        f"{FACT} [1]\xa0[1]",
    ],
)
def test_true_citations_stay_blue_among_markdown(written: str) -> None:
    markdown = shown(written)
    assert blue(markdown) == written.count("[1]")
    assert not re.search(r"orange|red-badge|[\ufdd0-\ufdef]|\\[*_]", markdown)


def test_answer_changed_after_its_check_has_no_blue_badge() -> None:
    citations = tuple(check_citations(f"{FACT} [1].", PASSAGES))
    assert blue(answer_markdown(f"{FACT} [1].", 3, citations)) == 1
    for other in (f"{FACT} [1]. {CLAIM} [1].", f"{CLAIM} [2]."):
        assert answer_markdown(other, 3, citations).count(":orange-badge[") == other.count("[")


@pytest.mark.parametrize("name", OUTPUTS)
def test_no_attack_makes_a_badge_that_was_not_checked(name: str) -> None:
    text = tidy_markers(HOSTILE[name], len(PASSAGES))
    citations = check_citations(text, PASSAGES)
    markdown = answer_markdown(text, len(PASSAGES), tuple(citations))
    assert blue(markdown) <= sum(citation.supported for citation in citations)
    assert set(re.findall(r":(\w+-badge)\[", markdown)) <= {"blue-badge", "orange-badge", "red-badge"}


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_documents_own_markers_cite_nothing(name: str) -> None:
    """As it is quoted in answers without a language model."""
    quoted = without_markers(HOSTILE[name])
    assert check_citations(quoted, PASSAGES, markdown=False) == []
    assert "badge[" not in answer_markdown(quoted, len(PASSAGES), (), extractive=True).replace(":\u2060", "")


def test_an_exported_conversation_loads_and_links_nothing_either(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'docent.sqlite3'}")
    conversations = Conversations(engine, "papers")
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    for text in HOSTILE.values():
        kept = conversations.create(text)
        passage = Passage(text, text.replace("\n", " "), "1" * 64, 1, 0, len(text), 1.0)
        evidence = Evidence("q", (passage,), (Citation(1, "x", 0, 1, True),))
        conversations.add(kept.conversation_id, Message("user", text))
        conversations.add(kept.conversation_id, Message("assistant", f"It is so [1].\n\n{text}", evidence))
        exported = conversations.to_markdown(
            kept.conversation_id, partial(safe_markdown, marker="[{}]".format), safe_text
        )
        tokens = [one for token in parser.parse(exported) for one in (token, *(token.children or ()))]
        assert not {token.type for token in tokens} & {"image", "link_open", "html_inline", "html_block"}, exported
        assert "It is so [1]." in exported
    engine.dispose()
