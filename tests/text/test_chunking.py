from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from rag.embeddings.hub import bundled_folder
from rag.schema import Chunk, Page
from rag.text import chunking
from rag.text.chunking import OVERLAP_TOKENS, TARGET_TOKENS, chunk_pages, document_title
from rag.text.sentences import sentence_spans
from rag.text.units import CONTEXT_CHARACTERS

PIECES = (
    "# Heading\n",
    "## Ein Titel\n",
    "| Name | Größe |\n",
    "|---|---|\n",
    "- an item\n",
    "A sentence ends. ",
    'She asked: "Why?" ',
    "The U.S. grew by 3.5% (cf. p. 7). ",
    "문장이 끝났다. ",
    "日本語の文章です。",
    "word ",
    "🙂",
    "e\u0301",
    "x" * 300,
    "가" * 300,
    "\n",
    "\n\n",
    "\t",
    "\u00a0",
    "\u2028",
)
documents = st.lists(st.sampled_from(PIECES) | st.text(max_size=12), max_size=60).map("".join)


@cache
def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(bundled_folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def count_tokens(texts: list[str]) -> list[int]:
    """The bundled model's count of tokens."""
    return [len(encoding.ids) for encoding in _tokenizer().encode_batch(texts, add_special_tokens=False)]


def count_words(texts: list[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def chunks_of(text: str, name: str = "", page: int | None = None, **options: int) -> list[Chunk]:
    return list(chunk_pages([Page(text, page)], name, count_words, **options))


def numbered_sentences(count: int) -> str:
    return " ".join(f"Sentence number {i} says something of its own about topic {i}." for i in range(count))


# --- any text


@pytest.mark.slow
@given(st.lists(documents, max_size=3), st.sampled_from([64, 256, 512, 8192]))
@settings(max_examples=60, deadline=None)
def test_spans_are_exact_and_nothing_is_lost(texts: list[str], max_tokens: int) -> None:
    pages = [Page(text, number) for number, text in enumerate(texts, 1)]
    chunks = list(chunk_pages(pages, "Annual report.pdf", count_tokens, max_tokens))
    covered: dict[int, set[int]] = {page.number or 0: set() for page in pages}
    for chunk in chunks:
        assert texts[(chunk.page or 0) - 1][chunk.start : chunk.end] == chunk.text
        assert chunk.text == chunk.text.strip() != ""
        covered[chunk.page or 0].update(range(chunk.start, chunk.end))
    for number, text in enumerate(texts, 1):
        assert {i for i, character in enumerate(text) if re.match(r"\w", character)} <= covered[number]
    order = [(chunk.page or 0, chunk.start, chunk.end) for chunk in chunks]
    assert order == sorted(order)


@given(documents, st.sampled_from([64, 256, 512]))
@settings(max_examples=60, deadline=None)
def test_no_chunk_with_its_context_is_longer_than_the_models_window(text: str, max_tokens: int) -> None:
    for chunk in chunk_pages([Page(text)], "Annual report.pdf", count_tokens, max_tokens):
        inside = count_tokens([f"{chunk.embedded_context}\n{chunk.text}"])[0]
        assert inside + 2 <= max_tokens  # two marks begin and end the sequence


@given(documents)
@settings(max_examples=60, deadline=None)
def test_sentences_cover_the_text_in_order(text: str) -> None:
    spans = sentence_spans(text)
    assert all(start < end for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    outside = set(range(len(text))) - {i for start, end in spans for i in range(start, end)}
    assert all(text[i].isspace() for i in outside)


# --- chunks of prose


def test_sentences_are_not_cut() -> None:
    text = numbered_sentences(200)
    starts, ends = (set(offsets) for offsets in zip(*sentence_spans(text), strict=True))
    chunks = chunks_of(text)
    assert len(chunks) > 5
    assert {chunk.start for chunk in chunks} <= starts
    assert {chunk.end for chunk in chunks} <= ends


def test_chunks_are_filled_and_overlap_a_little() -> None:
    chunks = chunks_of(numbered_sentences(200))
    for before, after in pairwise(chunks):
        assert TARGET_TOKENS * 0.8 < count_words([before.text])[0] <= TARGET_TOKENS
        repeated = before.text[after.start - before.start :]
        assert repeated
        assert after.text.startswith(repeated)
        assert count_words([repeated])[0] <= OVERLAP_TOKENS


def test_wide_window_gives_larger_chunks() -> None:
    text = numbered_sentences(200)
    assert len(chunks_of(text, max_tokens=8192)) < len(chunks_of(text, max_tokens=256))


def test_chunk_never_crosses_a_page() -> None:
    pages = [Page("It goes on and", 1), Page("on to the next page.", 2)]
    chunks = list(chunk_pages(pages, "", count_words))
    assert [(chunk.page, chunk.start, chunk.text) for chunk in chunks] == [
        (1, 0, "It goes on and"),
        (2, 0, "on to the next page."),
    ]


@pytest.mark.parametrize(("text", "count"), [("", 0), (" \n\n\t", 0), ("-----", 0), ("•", 0), ("7", 1), ("가", 1)])
def test_tiny_page_is_a_chunk_only_if_it_says_something(text: str, count: int) -> None:
    assert len(chunks_of(text)) == count


@pytest.mark.parametrize("together", [1, 5, 17])
def test_long_text_that_is_taken_in_parts_loses_nothing(monkeypatch: pytest.MonkeyPatch, together: int) -> None:
    text = "# Boats\n\n" + numbered_sentences(40) + "\n\n| Name | Price |\n|---|---|\n" + "| Ferry | 9 € |\n" * 7
    text += "\n- item\n" * 5 + "\n## Trains\n\n" + numbered_sentences(38) + "x" * 5000
    whole = chunks_of(text, page=1)
    monkeypatch.setattr(chunking, "UNITS_TOGETHER", together)
    chunks = chunks_of(text, page=1)
    covered = [False] * len(text)
    for chunk in chunks:
        assert (text[chunk.start : chunk.end], chunk.page) == (chunk.text, 1)
        covered[chunk.start : chunk.end] = [True] * (chunk.end - chunk.start)
    left = "".join(c for c, there in zip(text, covered, strict=True) if not there and not c.isspace())
    assert left in ("", "|---|---|")
    assert chunks != whole  # they were parts
    # Each chunk has the headings above it, even if they are in an earlier segment.
    above = [chunk.context for chunk in chunks if "Sentence number 20 " in chunk.text]
    assert {context.rpartition(" > ")[2] for context in above} == {"Boats", "Trains"}


def test_no_pages_give_no_chunks() -> None:
    assert list(chunk_pages([], "a.txt", count_words)) == []


# --- context


def test_chunk_knows_its_title_and_headings() -> None:
    chunks = chunks_of(
        "# One\n\n" + "word " * 150 + "\n\n## Deep\n\n" + "word " * 150 + "\n\n# Two\n\nend", "My report.md"
    )
    contexts = [chunk.context for chunk in chunks]
    assert contexts[0] == "My report"  # it begins with the heading itself
    assert "My report > One > Deep" in contexts
    assert contexts[-1].startswith("My report")


def test_headings_last_over_pages_until_a_slide_has_its_own() -> None:
    pages = [Page("# One\n\nalpha", 1), Page("beta", 2), Page("# Two\n\ngamma", 3), Page("delta", 4)]
    contexts = {chunk.page: chunk.context for chunk in chunk_pages(pages, "", count_words)}
    assert contexts[2] == "One"
    assert contexts[4] == "Two"


def test_heading_of_a_pdf_page_goes_along_with_every_chunk_of_it_and_no_other() -> None:
    pages = [
        Page("Risk Factors\n" + numbered_sentences(80), 1),
        Page("and so on it goes.\n" + numbered_sentences(80), 2),
        Page("Consolidated Balance Sheets\n(In millions)\n" + numbered_sentences(80), 5),
    ]
    contexts: dict[int | None, list[str]] = {}
    for chunk in chunk_pages(pages, "uber.pdf", count_words):
        contexts.setdefault(chunk.page, []).append(chunk.context)
    assert all(len(several) > 2 for several in contexts.values())
    assert {page: set(several) for page, several in contexts.items()} == {
        1: {"uber > Risk Factors"},
        2: {"uber"},
        5: {"uber > Consolidated Balance Sheets"},
    }


def contexts_of_pages(*texts: str) -> list[str]:
    pages = [Page(text, number) for number, text in enumerate(texts, 1)]
    return [chunk.context for chunk in chunk_pages(pages, "", count_words)]


def test_section_goes_on_over_the_pages_of_a_pdf_until_a_page_begins_with_a_heading() -> None:
    contexts = contexts_of_pages(
        "We begin.\n\n### Legal matters\n\nWe were sued.", "Twice.", "### Taxes\n\nPaid.", "Late."
    )
    assert contexts == ["", "Legal matters", "Taxes", "Taxes"]


def test_page_that_begins_with_a_heading_is_about_it_to_its_end() -> None:
    sections = "### Fleet\n\n" + numbered_sentences(80) + "\n\n### Crew\n\n" + numbered_sentences(80)
    contexts = contexts_of_pages("### Harbour\n\nIt is old.", sections)
    assert contexts[0] == "Harbour"
    assert set(contexts[1:]) == {"Fleet", "Fleet > Crew"}


def test_line_that_reads_like_a_heading_is_one_where_no_section_goes_on() -> None:
    prose = "and so on it goes."
    assert contexts_of_pages("### Costs\n\nfew.", f"Total Assets\n{prose}") == ["Costs", "Costs"]
    far = contexts_of_pages("### Costs\n\nfew.", prose, f"Total Assets\n{prose}", prose)
    assert far == ["Costs", "Costs", "Total Assets", ""]


def test_long_path_of_headings_keeps_the_title_and_the_nearest_heading() -> None:
    text = (
        "".join(f"{'#' * level} {f'part {level} ' * 6}\n\n" for level in range(1, 6))
        + "###### Fares\n\n"
        + numbered_sentences(80)
    )
    context = chunks_of(text, "Ferries.md")[-1].context
    assert context.startswith("Ferries > part") and context.endswith("part 5 > Fares")
    assert "part 1" not in context


def test_running_header_of_a_pdf_is_no_context() -> None:
    pages = [Page(f"Annual Report 2021\nPart {'One' * n}\nit says {n}.", n) for n in range(1, 7)]
    contexts = [chunk.context for chunk in chunk_pages(pages, "", count_words)]
    assert contexts == [f"Part {'One' * n}" for n in range(1, 7)]


def test_lines_that_look_like_headings_are_none_in_marked_up_formats() -> None:
    slides = [Page("# Growth\n\nMore Riders\n\nword", 1), Page("Fewer Costs\n\nword", 2)]
    assert [chunk.context for chunk in chunk_pages(slides, "", count_words)] == ["", "Growth"]
    article = [Page("Fewer Costs\n\nword " + "word " * 300)]
    assert {chunk.context for chunk in chunk_pages(article, "Notes.md", count_words)} == {"Notes"}


def test_a_number_sign_at_the_top_of_a_page_is_no_markup() -> None:
    pages = [Page("#1 in the World\n\nWe lead.", 1), Page("Risk Factors\nthere are many.", 2)]
    assert [chunk.context for chunk in chunk_pages(pages, "", count_words)] == ["", "Risk Factors"]


def test_table_rows_keep_the_header_and_are_not_cut() -> None:
    rows = [f"| Item {i} | {i} pieces in stock |" for i in range(100)]
    text = "Stock list\n\n| Name | Quantity |\n|---|---|\n" + "\n".join(rows)
    chunks = chunks_of(text)
    assert len(chunks) > 2
    assert all("Name | Quantity" in chunk.context for chunk in chunks[1:])
    assert all(chunk.text.startswith("| Item") and chunk.text.endswith("|") for chunk in chunks[1:])
    assert [line for chunk in chunks for line in chunk.text.split("\n") if line.startswith("| Item")] == rows


def test_next_table_has_its_own_header() -> None:
    body = "".join(f"| {i} | word word word word |\n" for i in range(60))
    chunks = chunks_of(f"| Old | Header |\n{body}\n| New | Header |\n{body}")
    assert "New | Header" in chunks[-1].context
    assert "Old" not in chunks[-1].context


def test_context_is_cut_when_it_is_long() -> None:
    chunks = chunks_of("# " + "very " * 100 + "long\n\n" + "word " * 300, "Report.txt")
    assert max(len(chunk.context) for chunk in chunks) == CONTEXT_CHARACTERS
    assert chunks[-1].context.startswith("Report > very")


def test_context_that_the_model_spells_out_leaves_room_for_the_text() -> None:
    text = "# " + "한국어로 쓴 아주 긴 제목입니다 " * 12 + "\n\n" + "본문 문장입니다. " * 100
    for chunk in chunk_pages([Page(text)], "보고서.txt", count_tokens, 256):
        assert count_tokens([chunk.embedded_context])[0] <= 128
        assert sum(count_tokens([chunk.embedded_context, chunk.text])) + 2 <= 256


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("uber_2021.pdf", "uber 2021"),
        ("My-Report.final.docx", "My Report final"),
        ("회사소개.pdf", "회사소개"),
        ("folder/inner\\Notes.md", "Notes"),
        ("20211231.pdf", ""),
        ("a1.txt", ""),
        ("", ""),
    ],
)
def test_title_has_the_words_of_a_file_name(name: str, title: str) -> None:
    assert document_title(name) == title


# --- tables, codes and other texts that aren't prose


@pytest.mark.parametrize("text", ["deadbeef" * 5_000, "가나다라" * 10_000, "a" * 40_000, "🙂" * 40_000])
def test_text_without_blanks_is_cut_all_the_same(text: str) -> None:
    """A tokenizer takes such a run for a single unknown token."""
    chunks = list(chunk_pages([Page(text)], "", count_tokens, 256))
    assert "".join(chunk.text for chunk in chunks) in (text, "")  # emoji alone are no evidence
    assert max((len(chunk.text.encode()) for chunk in chunks), default=0) < 16_000


def test_long_sentence_is_cut_at_blanks() -> None:
    words = [f"word{i}" for i in range(1000)]
    chunks = chunks_of(" ".join(words))
    assert len(chunks) > 4
    assert list(dict.fromkeys(word for chunk in chunks for word in chunk.text.split())) == words


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("word " * 600_000, count_words),
        ("x. " * 1_000_000, count_words),
        ("deadbeef" * 375_000, count_tokens),
        ("가나다라마바사 " * 40_000, count_tokens),
        (". " + " " * 3_000_000 + "a", count_words),
        ("\n " * 1_500_000 + "a", count_words),
        ("|" * 3_000_000 + "a", count_words),
        ("# " + "#" * 3_000_000, count_words),
        ('."' * 1_500_000, count_words),
    ],
    ids=["words", "full stops", "hexadecimal", "korean", "blanks", "empty lines", "bars", "heading", "quotes"],
)
def test_one_line_of_three_megabytes_takes_seconds(text: str, count: Callable[[list[str]], list[int]]) -> None:
    begin = time.monotonic()
    for chunk in chunk_pages([Page(text)], "dump.txt", count, 256):
        assert len(chunk.text) < 20_000
    assert time.monotonic() - begin < 20


def test_rows_keep_the_title_and_the_head_of_their_table() -> None:
    rows = "\n".join(f"| Branch {number} | {number} | {2 * number} |" for number in range(200))
    head = "Sales by branch (in thousands)\n\n| Branch | 2023 | 2024 |\n| --- | --- | --- |"
    text = f"# Report\n\n{head}\n{rows}\n\nThe end."
    chunks = chunks_of(text, "annual.txt")
    later = [chunk for chunk in chunks if chunk.text.startswith("| Branch 1")]
    assert len(later) > 1
    assert {chunk.context for chunk in later} == {
        "annual > Report\nSales by branch (in thousands)\n| Branch | 2023 | 2024 |"
    }
    assert chunks[-1].text.endswith("The end.")


def test_a_sentence_before_a_table_is_not_its_title() -> None:
    text = "Sales have grown.\n\n| Branch | 2024 |\n| --- | --- |\n" + "| A branch of ours | 1 |\n" * 200
    assert {chunk.context for chunk in chunks_of(text)[1:]} == {"| Branch | 2024 |"}


def test_code_has_no_headings_and_no_tables() -> None:
    code = "\n\n".join(f"# Step {number}\n| a | b |\nrun({number})" for number in range(100))
    chunks = chunks_of(f"# Manual\n\n```\n{code}\n```\n\n## After\n\n" + numbered_sentences(60), "")
    assert {chunk.context for chunk in chunks if "run(" in chunk.text} == {"", "Manual"}
    assert chunks[-1].context == "Manual > After"


def test_a_note_goes_along_with_the_text_that_refers_to_it() -> None:
    text = (
        f"The bridge is 340 m long.[^1]\n\n{numbered_sentences(60)}\n\n[^1]: Without the ramps.\n\n[^2]: Another note."
    )
    chunks = chunks_of(text, "bridges.txt")
    assert len(chunks) > 2
    assert chunks[0].context == "bridges\n[^1]: Without the ramps."
    assert chunks[0].embedded_context == "bridges"
    assert {chunk.context for chunk in chunks[1:]} == {"bridges"}
