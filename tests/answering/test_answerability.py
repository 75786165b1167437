"""How answerable a question is from its candidates, with the real bundled model."""

from __future__ import annotations

import pytest

from rag.answering.answerability import LEAST_ANSWERABILITY, NEAREST, answerability
from rag.embeddings.embedder import Embedder
from rag.retrieval.fusion import Ranked
from rag.vector_store.rows import Hit

pytest_plugins = ["tests.bundled_model"]

FERRY = "The ferry to the island leaves at noon. A ticket costs nine euros. Dogs travel free on the upper deck."
TEA = "The tea house opens at seven in the morning. It serves forty kinds of tea."
LEASE = "The lease of the head office in San Francisco ends in March 2030."
LIBRARY = "도서관은 오전 아홉 시에 문을 엽니다. 회원 카드는 무료로 발급됩니다."
MARKET = "시장은 토요일마다 광장에서 열립니다. 주차장은 없습니다."


def ranked(question: str, *texts: str, embedder: Embedder) -> list[Ranked]:
    """The texts as candidates in this order, with the model's cosines."""
    asked, vectors = embedder.embed_query(question), embedder.embed_texts(list(texts))
    cosines = [sum(a * b for a, b in zip(asked, vector, strict=True)) for vector in vectors]
    return [
        Ranked(Hit(str(place), str(place), text, None, 0, len(text), cosine), dense_score=cosine)
        for place, (text, cosine) in enumerate(zip(texts, cosines, strict=True))
    ]


def measured(question: str, *texts: str, embedder: Embedder) -> float:
    return answerability(question, ranked(question, *texts, embedder=embedder), embedder)


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        ("What does a ticket for the ferry cost?", (FERRY, TEA, LEASE)),
        ("When do they open the tea house?", (TEA, FERRY, LEASE)),
        ("도서관은 몇 시에 문을 엽니까?", (LIBRARY, MARKET)),
    ],
)
def test_texts_that_answer_the_question_are_enough(embedder: Embedder, question: str, texts: tuple[str, ...]) -> None:
    assert measured(question, *texts, embedder=embedder) >= LEAST_ANSWERABILITY


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        ("Which enzyme splits lactose in the gut?", (FERRY, TEA, LEASE)),
        ("Who won the chess championship in 1972?", (LEASE, FERRY, TEA)),
        ("지진은 왜 일어납니까?", (LIBRARY, MARKET)),
    ],
)
def test_texts_about_something_else_are_not_enough(embedder: Embedder, question: str, texts: tuple[str, ...]) -> None:
    assert measured(question, *texts, embedder=embedder) < LEAST_ANSWERABILITY


def test_nothing_found_is_not_answerable(embedder: Embedder) -> None:
    assert answerability("When?", [], embedder) == 0


def test_answerability_falls_with_the_cosine(embedder: Embedder) -> None:
    question = "When does the boat to the island leave?"
    rows = ranked(question, FERRY, TEA, embedder=embedder)
    before = answerability(question, rows, embedder)
    for row in rows:
        row.dense_score = embedder.unrelated_cosine
    assert answerability(question, rows, embedder) < before


def test_answerability_falls_with_the_words_that_the_first_candidate_lacks(embedder: Embedder) -> None:
    question = "When does the ferry to Varn leave the harbour?"
    texts = ("The ferry to Varn leaves the harbour at noon.", "The ferry leaves at noon.", "Nothing of this sort.")
    values = []
    for first in texts:
        # The cosine stays the same.
        rows = ranked(question, first, TEA, LEASE, embedder=embedder)
        for row in rows:
            row.dense_score = 0.4
        values.append(answerability(question, rows, embedder))
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 3


def test_all_of_the_words_in_one_of_the_first_candidates_are_enough_whatever_the_cosine(embedder: Embedder) -> None:
    question = "When does the ferry leave?"
    rows = ranked(question, *[TEA] * NEAREST, FERRY, embedder=embedder)
    for row in rows:
        row.dense_score = embedder.unrelated_cosine
    assert answerability(question, rows, embedder) < LEAST_ANSWERABILITY
    assert answerability(question, rows[1:], embedder) >= 1


def test_a_rare_word_weighs_more_than_one_that_all_candidates_have(embedder: Embedder) -> None:
    question = "ferry captain"
    others = [f"The ferry number {number} is blue." for number in range(20)]
    common, rare = (ranked(question, first, *others, embedder=embedder) for first in ("A ferry.", "A captain."))
    for row in (*common, *rare):
        row.dense_score = 0.4
    assert answerability(question, rare, embedder) > answerability(question, common, embedder)


def test_the_best_cosine_of_the_first_candidates_counts_and_no_later_one(embedder: Embedder) -> None:
    question, texts = "When does the ferry leave?", [TEA, *[LEASE] * NEAREST]
    rows = ranked(question, *texts, embedder=embedder)
    before = answerability(question, rows, embedder)
    rows[NEAREST].dense_score = 1.0
    assert answerability(question, rows, embedder) == before
    rows[NEAREST - 1].dense_score = 1.0
    assert answerability(question, rows, embedder) > before


def test_candidates_that_only_words_have_found_have_no_cosine_and_do_not_fail(embedder: Embedder) -> None:
    question = "When does the boat to the island leave?"
    rows = ranked(question, FERRY, TEA, embedder=embedder)
    for row in rows:
        row.dense_score = None
    assert 0 < answerability(question, rows, embedder) < LEAST_ANSWERABILITY


def test_in_a_language_that_the_model_spells_out_only_words_count(embedder: Embedder) -> None:
    question = "도서관은 몇 시에 문을 엽니까?"
    rows = ranked(question, LIBRARY, MARKET, embedder=embedder)
    before = answerability(question, rows, embedder)
    for row in rows:
        row.dense_score = 1.0
    assert answerability(question, rows, embedder) == pytest.approx(before)
    assert measured(question, MARKET, LIBRARY, embedder=embedder) < before / 2
