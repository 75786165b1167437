"""Answers without an LLM, with the real bundled model."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.answering.extractive import LONGEST, NOT_FOUND, PASSAGES, SENTENCES, Extract, extract_answer
from rag.citations.claims import check_citations
from rag.embeddings.embedder import Embedder
from rag.schema import Passage

pytest_plugins = ["tests.bundled_model"]

REVENUE = "Revenue rose to $17,455 million in 2021, driven by deliveries of food."
LEASE = "The lease of the head office in San Francisco ends in March 2030."
STAFF = "At the end of the year the company employed 29,300 people in 70 countries."
KOREAN = "본사는 서울에 있다."


def passages(*texts: str) -> list[Passage]:
    return [Passage(text, f"{i}.txt", f"{i:064x}", None, 0, len(text), 1.0) for i, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("question", "sentence", "marker"),
    [
        ("When does the lease end?", LEASE, "[2]"),
        ("How much revenue did it make?", REVENUE, "[1]"),
        ("How many workers are there?", STAFF, "[1]"),  # by meaning: no word in common
        ("본사가 어디에 있나요?", KOREAN, "[3]"),
    ],
)
def test_sentence_that_answers_comes_first_with_its_marker(
    embedder: Embedder, question: str, sentence: str, marker: str
) -> None:
    given = passages(
        f"{REVENUE} {STAFF}", f"Some words that matter to nobody. {LEASE}", f"매출이 크게 늘었다고 한다. {KOREAN}"
    )
    answer = extract_answer(question, given, embedder)
    assert answer.text.split("\n\n")[0] == f"{sentence} {marker}"
    assert not answer.refused


def test_answer_is_short_and_every_citation_is_borne_out(embedder: Embedder) -> None:
    given = passages(*(f"Revenue of the year {year} rose to $17,{year} million. {LEASE}" for year in range(2000, 2010)))
    text = extract_answer("How did revenue rise?", given, embedder).text
    citations = check_citations(text, given)
    assert 1 <= len(text.split("\n\n")) == len(citations) <= SENTENCES
    assert all(citation.supported and citation.number <= PASSAGES for citation in citations)


def test_sentence_in_overlapping_passages_is_said_once_for_the_first(embedder: Embedder) -> None:
    given = passages(f"{STAFF} {LEASE}", f"{LEASE} {REVENUE}")
    text = extract_answer("When does the lease end?", given, embedder).text
    assert text.count(LEASE) == 1
    assert f"{LEASE} [1]" in text


def test_without_passages_the_answer_is_refused(embedder: Embedder) -> None:
    assert extract_answer("When?", [], embedder) == Extract(NOT_FOUND, refused=True)


@pytest.mark.parametrize("question", ["purple giraffes fly", "quantum chromodynamics", "보라색 기린"])
def test_question_that_no_sentence_comes_near_is_refused(embedder: Embedder, question: str) -> None:
    lease = "The lease on the office ends in March next year and can be renewed."
    assert extract_answer(question, passages(lease), embedder) == Extract(NOT_FOUND, refused=True)


def test_passage_without_sentences_is_shown_shortened(embedder: Embedder) -> None:
    text = extract_answer("What is there?", passages("x" * 5000), embedder).text
    assert text.endswith("… [1]")
    assert len(text) == LONGEST + len(" [1]")


def test_heading_alone_is_no_answer(embedder: Embedder) -> None:
    given = passages(f"Lease end\n\n{LEASE}", "Lease end?")
    text = extract_answer("When does the lease end?", given, embedder).text
    assert LEASE in text
    assert "Lease end?" not in text


def test_table_row_reads_as_a_list(embedder: Embedder) -> None:
    row = "| Revenue in millions | 17,455 | 11,139 |"
    text = extract_answer("Revenue in millions", passages(row), embedder).text
    assert text == "Revenue in millions, 17,455, 11,139 [1]"


@pytest.mark.parametrize("question", ["", "?", "the of and"])
def test_question_without_content_does_not_fail(embedder: Embedder, question: str) -> None:
    assert extract_answer(question, passages(LEASE), embedder).text in (f"{LEASE} [1]", NOT_FOUND)


def test_the_head_of_a_table_is_no_answer(embedder: Embedder) -> None:
    text = "| Ticket | Day visit | Open evening |\n| --- | --- | --- |\n| Adult | 9 pounds | 14 pounds |"
    answer = extract_answer("What does a ticket for a day visit cost?", passages(text), embedder).text
    assert "Open evening" not in answer
    assert "9 pounds" in answer


def test_numbers_in_brackets_of_a_document_are_not_taken_for_markers(embedder: Embedder) -> None:
    cited = "The lease of the head office ends in March 2030 [2], as was agreed before [1, 3]."
    given = passages(cited, LEASE.replace("San Francisco", "Lima"))
    answer = extract_answer("When does the lease of the head office end?", given, embedder).text
    first = answer.split("\n\n")[0]
    assert first == "The lease of the head office ends in March 2030 (2), as was agreed before (1, 3). [1]"
    citation = check_citations(first, given)[0]
    assert (citation.number, citation.supported) == (1, True)
    assert cited[citation.start : citation.end] == cited


def test_a_heading_answers_nothing(embedder: Embedder) -> None:
    text = "# Opening hours of the lighthouse museum\nThe museum opens at nine and closes at five in summer."
    answer = extract_answer("What are the opening hours of the lighthouse museum?", passages(text), embedder)
    assert answer.text == "The museum opens at nine and closes at five in summer. [1]"


PRICES = """| Article | Price | Stock |
| --- | --- | --- |
| Kettle | 49 | 12 |
| Coffee machine with grinder | 499 | 2 |"""


def test_a_row_is_said_with_the_head_of_the_column_that_the_question_names(embedder: Embedder) -> None:
    given = passages(PRICES)
    answer = extract_answer("What is the price of the kettle?", given, embedder).text
    assert answer.split("\n\n")[0] == "Kettle — Price: 49 [1]"
    assert all(citation.supported for citation in check_citations(answer, given))


def test_a_row_is_said_whole_if_the_question_names_no_column(embedder: Embedder) -> None:
    answer = extract_answer("What about the kettle?", passages(PRICES), embedder).text
    assert answer.split("\n\n")[0] == "Kettle — Price: 49 · Stock: 12 [1]"


def test_rows_of_a_table_that_began_before_the_passage_have_its_heads_and_its_unit(embedder: Embedder) -> None:
    row = "| Revenue | 11,139 | 17,455 |"
    context = "uber 2021 > Results\nResults (in millions)\n| | 2020 | 2021 |"
    given = [replace(passages(row)[0], context=context)]
    answer = extract_answer("What was the revenue in 2021?", given, embedder).text
    assert answer == "Revenue — 2021: 17,455 (in millions) [1]"
    assert all(citation.supported for citation in check_citations(answer, given))


@pytest.mark.parametrize(
    ("question", "text", "answer"),
    [
        ("Is entry free?", "Opening hours\n\nMonday is closed.\n\nEntry is free.", "Entry is free."),
        ("What is the number of Cleo?", "# Phones\n\n- Ann: 4411\n- Bert: 4412\n- Cleo: 4413", "Cleo: 4413"),
        ("What is the door code?", "Arrival\n\nDoor code: 2281\n\nCheck-in begins at three in the afternoon.", "2281"),
    ],
)
def test_a_short_sentence_item_or_field_is_an_answer(embedder: Embedder, question: str, text: str, answer: str) -> None:
    assert answer in extract_answer(question, passages(text), embedder).text.split("\n\n")[0]
