"""A long text goes through the reader in segments. The result is the same as in one piece."""

from __future__ import annotations

import json
import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.readers import cleaning, decoding
from rag.readers.cleaning import clean, clean_segments
from rag.readers.decoding import decode, decode_pieces
from rag.readers.read import read, read_segments
from rag.schema import Page
from rag.storage.files import FileStore, document_id
from rag.text.chunking import chunk_pages
from rag.text.long_texts import PackedSegments, texts_in_segments, whole_pages

MEGABYTE = 1_000_000
SCRAPS = (
    "\n",
    "\n\n",
    "\n \n",
    "\r\n",
    "\r",
    "\u2028",
    "  ",
    "\t",
    "\u200b",
    "\ud83d",
    "\ude00",
    "ﬁ",
    "가",
    "😀",
    "a b.",
)
BLANKS = ("   ", "\u3000" * 30, " " * 12)
ragged = st.lists(st.sampled_from(SCRAPS + BLANKS) | st.text("ab .\n", max_size=8), max_size=40)
PARAGRAPHS = (
    "# A heading",
    "One sentence. Another one!",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "- an item",
    "    indented",
    "x " * 90,
)


@pytest.fixture
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleaning, "SEGMENT_CHARACTERS", 10)
    monkeypatch.setattr(cleaning, "LONGEST_SEGMENT", 40)
    monkeypatch.setattr(decoding, "PIECE_BYTES", 7)


def count_words(texts: list[str]) -> list[int]:
    return [len(text.split()) for text in texts]


@given(ragged)
@settings(max_examples=300, deadline=None)
def test_a_text_cleaned_in_pieces_is_the_same_as_cleaned_whole(pieces: list[str]) -> None:
    whole = clean("".join(pieces))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cleaning, "SEGMENT_CHARACTERS", 10)
        patched.setattr(cleaning, "LONGEST_SEGMENT", 40)
        parts = list(clean_segments(pieces))
    assert "".join(parts) == whole
    assert all(parts)


@pytest.mark.usefixtures("short_segments")
def test_parts_end_where_paragraphs_do_and_are_not_long() -> None:
    text = "\n\n".join(f"Paragraph {number} of the text." for number in range(50))
    parts = list(clean_segments([text]))
    assert len(parts) > 10
    assert all(part.endswith("\n\n") for part in parts[:-1])
    assert not any(part.startswith("\n") for part in parts)


@pytest.mark.usefixtures("short_segments")
@pytest.mark.parametrize("text", ["word " * 200, "x" * 1000, "line\n" * 200])
def test_a_paragraph_without_end_is_cut_all_the_same(text: str) -> None:
    parts = list(clean_segments([text]))
    assert max(map(len, parts)) <= 60
    assert "".join(parts) == text.rstrip()


@pytest.mark.usefixtures("short_segments")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32-be", "cp949", "johab", "iso2022_jp"])
def test_a_text_decoded_in_pieces_is_the_same_as_decoded_whole(encoding: str) -> None:
    text = (
        "会社案内です (and more)\n" if encoding == "iso2022_jp" else "휴가는 15일이며, 신청은 2주 전까지 합니다.\n"
    ) * 9
    assert "".join(decode_pieces(text.encode(encoding))) == text == decode(text.encode(encoding))


@given(st.lists(st.sampled_from(PARAGRAPHS), min_size=1, max_size=30), st.sets(st.integers(1, 29)))
@settings(max_examples=100, deadline=None)
def test_a_text_in_parts_has_the_chunks_of_the_whole(paragraphs: list[str], cuts: set[int]) -> None:
    bounds = [0, *sorted(cut for cut in cuts if cut < len(paragraphs)), len(paragraphs)]
    blocks = ["\n\n".join(paragraphs[start:end]) for start, end in pairwise(bounds)]
    parts = [Page(f"{block}\n\n") for block in blocks[:-1]] + [Page(blocks[-1])]
    (whole,) = whole_pages(parts)
    for together in (3, 20_000):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("rag.text.chunking.UNITS_TOGETHER", together)
            chunks = list(chunk_pages(parts, "a.txt", count_words))
            assert chunks == list(chunk_pages([whole], "a.txt", count_words))
    assert all(whole.text[chunk.start : chunk.end] == chunk.text for chunk in chunks)


@pytest.mark.usefixtures("short_segments")
def test_a_table_without_end_keeps_its_header() -> None:
    text = "| Name | Amount |\n|---|---|\n" + "".join(f"| person {number} | {number} |\n" for number in range(160))
    parts = [Page(part) for part in clean_segments([text])]
    assert len(parts) > 10
    chunks = list(chunk_pages(parts, "", count_words))
    assert chunks == list(chunk_pages(whole_pages(parts), "", count_words))
    assert {chunk.context for chunk in chunks[1:]} == {"| Name | Amount |"}


def test_another_table_has_another_header() -> None:
    parts = [Page("| a | b |\n| 1 | 2 |\n\n"), Page("| c | d |\n| 3 | 4 |")]
    pages = [Page("| a | b |\n| 1 | 2 |", 1), Page("| c | d |\n| 3 | 4 |", 2)]
    for texts in (parts, pages):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("rag.text.chunking.UNITS_TOGETHER", 1)
            contexts = [chunk.context for chunk in chunk_pages(texts, "", count_words)]
        assert contexts == ["", "| a | b |", "", "| c | d |"]


def test_units_that_are_few_and_long_are_not_kept_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.text.chunking.SECTION_CHARACTERS", 1_000)
    parts = [Page("word " * 100) for _ in range(40)]
    longest = 0

    def count(texts: list[str]) -> list[int]:
        nonlocal longest
        longest = max(longest, sum(map(len, texts)))
        return count_words(texts)

    (whole,) = whole_pages(parts)
    chunks = list(chunk_pages(parts, "", count))
    assert longest < 2_000
    assert all(whole.text[chunk.start : chunk.end] == chunk.text for chunk in chunks)
    assert sum(len(chunk.text.split()) for chunk in chunks) == 4_000


def test_the_text_that_is_kept_is_whole(tmp_path: Path) -> None:
    files = FileStore(tmp_path)
    doc_id = document_id(b"bytes")
    files.write(doc_id, b"bytes")
    for pages in ([Page('one "1"\n\n'), Page("둘 😀")], [Page("a", 1), Page("b", 3)], []):
        files.write_pages(doc_id, pages)
        (path,) = tmp_path.rglob("*.pages.json")
        assert json.loads(path.read_bytes()) == [[page.number, page.text] for page in whole_pages(pages)]
        assert files.read_pages(doc_id, "a.txt", read) == whole_pages(pages)


def test_pages_with_numbers_stay_apart() -> None:
    pages = [Page("a", 1), Page("b", 1), Page("c", 2)]
    assert [(number, list(parts)) for number, parts in texts_in_segments(pages)] == [(1, ["a"]), (1, ["b"]), (2, ["c"])]


def test_packed_pages_are_a_sequence() -> None:
    pages = PackedSegments(["eins", "zwei", "drei"])
    assert list(pages) == [Page("eins"), Page("zwei"), Page("drei")]
    assert (len(pages), pages[-1], pages[1:]) == (3, Page("drei"), [Page("zwei"), Page("drei")])


@pytest.mark.slow
@pytest.mark.parametrize("rare", ["", "’", "😀"], ids=["ASCII", "quotation mark", "emoji"])
def test_a_long_text_takes_little_more_memory_than_its_bytes(rare: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, size in (
        (cleaning, "SEGMENT_CHARACTERS", 50_000),
        (cleaning, "LONGEST_SEGMENT", 200_000),
        (decoding, "PIECE_BYTES", 50_000),
    ):
        monkeypatch.setattr(module, name, size)
    monkeypatch.setattr("rag.text.chunking.UNITS_TOGETHER", 1_000)
    unit = "A sentence of some words, and another one. " * 20 + rare + "\n\n"
    data = unit.encode() * (4 * MEGABYTE // len(unit.encode()))
    tracemalloc.start()
    try:
        pages = read_segments("a.txt", data)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        chunks = sum(1 for _ in chunk_pages(pages, "a.txt", lambda texts: [len(text) // 4 for text in texts]))
        _, most_later = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(pages) > 10
    assert chunks > 4_000
    # Beside `data`: the text as UTF-8, and a few copies of a segment of up to four bytes for each character.
    assert max(most, most_later) < len(data) + 3 * MEGABYTE


def test_read_gives_the_whole_text_of_a_file() -> None:
    text = "A paragraph of words.\n\n" * 100_000
    assert read("a.txt", text.encode()) == [Page(text.rstrip())]
    assert len(read_segments("a.txt", text.encode())) > 1
