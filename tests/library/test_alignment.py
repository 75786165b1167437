"""A sentence of the stored text, found among the characters of the page as it is drawn."""

from __future__ import annotations

from rag.library.alignment import find_spans


def found(text: str, sentence: str, drawn: str) -> list[str]:
    start = text.index(sentence)
    return [drawn[a:b] for a, b in find_spans(text, [(start, start + len(sentence))], drawn)]


def test_sentence_is_found_across_rejoined_hyphens_ligatures_and_widths() -> None:
    drawn = "Of the \ufb01rst light\x02\r\nhouse, no\ufffe\nthing. Ｎｏ．１２ is lit\r\nat dusk. The end."
    text = "Of the first lighthouse, nothing. No.12 is lit\nat dusk. The end."
    assert found(text, "Of the first lighthouse, nothing.", drawn) == [
        "Of the \ufb01rst light\x02\r\nhouse, no\ufffe\nthing."
    ]
    assert found(text, "No.12 is lit\nat dusk.", drawn) == ["Ｎｏ．１２ is lit\r\nat dusk."]


def test_quotation_marks_and_full_stop_belong_to_the_sentence() -> None:
    text = 'He said: (no). "It is green." Then he left.'
    assert found(text, '"It is green."', text) == ['"It is green."']
    assert found(text, "It is green", text) == ["It is green"]


def test_sentence_that_is_mostly_there_is_found_in_its_parts() -> None:
    text = "The lighthouse on the island of Varn was built by Ada Brandt in the year 1874."
    drawn = "The lighthouse on the island of Varn [3] was built by Ada Brandt in the year 1875."
    assert found(text, text, drawn) == [
        "The lighthouse on the island of Varn [3] was built by Ada Brandt in the year 187"
    ]


def test_sentence_of_which_little_is_there_is_not_found() -> None:
    text = "The lighthouse on the island was built by Ada Brandt."
    assert found(text, text, "The lighthouse is closed. A fair was held by the bay.") == []
    assert found("***", "***", "***") == [], "marks alone are nowhere in particular"
    assert find_spans("", [(0, 10)], "Some text") == []
