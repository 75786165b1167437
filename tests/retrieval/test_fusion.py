from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.retrieval.fusion import DENSE_WEIGHT, SPELT_WEIGHT, Ranked, credit_named, dense_weight, familiarity, fuse
from rag.vector_store.rows import Hit


def hit(row_id: str, score: float, doc_id: str = "d") -> Hit:
    return Hit(row_id, doc_id, f"text {row_id}", 1, 0, 10, score)


def ids(ranked: list[Ranked]) -> list[str]:
    return [row.hit.row_id for row in ranked]


class Counting:
    """An embedder that takes a fixed number of tokens for each character that isn't a blank."""

    def __init__(self, tokens_per_character: float) -> None:
        self._rate = tokens_per_character

    def count_tokens(self, texts: list[str]) -> list[int]:
        return [round(self._rate * len("".join(text.split()))) for text in texts]


# --- one ranking of two


def test_row_that_both_searches_rank_high_comes_first() -> None:
    dense = [hit("a", 0.9), hit("b", 0.8), hit("c", 0.1)]
    lexical = [hit("b", 12.0), hit("d", 11.0), hit("a", 1.0)]
    assert ids(fuse(dense, lexical, 0.5))[0] == "b"


def test_rows_know_their_places_and_scores_in_both_searches() -> None:
    ranked = fuse([hit("a", 0.9), hit("b", 0.8)], [hit("b", 12.0), hit("c", 11.0)], 0.5)
    assert {
        row.hit.row_id: (row.dense_rank, row.dense_score, row.lexical_rank, row.lexical_score) for row in ranked
    } == {
        "a": (1, 0.9, None, None),
        "b": (2, 0.8, 1, 12.0),
        "c": (None, None, 2, 11.0),
    }
    assert all(row.rerank_score is None and row.left_out == "" for row in ranked)


@pytest.mark.parametrize(("weight", "order"), [(1.0, ["a", "b"]), (0.0, ["b", "a"])])
def test_weight_decides_whose_order_counts(weight: float, order: list[str]) -> None:
    dense, lexical = [hit("a", 0.9), hit("b", 0.1)], [hit("b", 9.0), hit("a", 1.0)]
    assert ids(fuse(dense, lexical, weight)) == order


@pytest.mark.parametrize(
    ("dense", "lexical", "order"),
    [
        ([], [], []),
        ([hit("a", 0.5)], [], ["a"]),
        ([], [hit("a", 5.0)], ["a"]),
        ([hit("b", 0.5), hit("a", 0.4)], [], ["b", "a"]),
    ],
)
def test_one_search_may_find_nothing(dense: list[Hit], lexical: list[Hit], order: list[str]) -> None:
    assert ids(fuse(dense, lexical, 0.5)) == order


def test_equal_scores_are_ordered_by_place_and_not_by_chance() -> None:
    places = [(2, 0), (1, 9), (1, 3)]
    rows = [Hit(str(i), "d", "text", page, start, start + 5, 1.0) for i, (page, start) in enumerate(places)]
    for given_rows in (rows, rows[::-1]):
        ranked = fuse(given_rows, [], 0.5)
        assert [(row.hit.page, row.hit.start) for row in ranked] == [(1, 3), (1, 9), (2, 0)]


def test_a_model_that_gives_the_same_to_everything_hardly_counts() -> None:
    dense = [hit(str(i), 0.5 - i / 1000) for i in range(20)]
    lexical = [hit("100", 9.0), hit("101", 6.0), *dense[::-1][:5]]
    assert ids(fuse(dense, lexical, 0.5))[:2] == ["100", "101"]


rows = st.dictionaries(st.sampled_from("abcdefghij"), st.floats(-1, 1), max_size=8)
terms = st.dictionaries(st.sampled_from("abcdefghij"), st.floats(0, 100), max_size=8)
QUESTIONS = ["", "Revenue of A in 2021?", "what of b", "B and C"]


@given(rows, terms, st.floats(0, 1), st.sampled_from(QUESTIONS))
@settings(deadline=None)
def test_scores_lie_between_0_and_1_and_fall(
    dense: dict[str, float], lexical: dict[str, float], weight: float, question: str
) -> None:
    first, second = (
        sorted((hit(doc_id, score, doc_id) for doc_id, score in found.items()), key=lambda h: -h.score)
        for found in (dense, lexical)
    )
    ranked = fuse(first, second, weight)
    names = {doc_id: f"report {doc_id * 3} 202{n}.pdf" for n, doc_id in enumerate(sorted(dense | lexical))}
    for _ in range(2):
        scores = [row.score for row in ranked]
        assert set(ids(ranked)) == dense.keys() | lexical.keys()
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)
        credit_named(ranked, question, names)


# --- documents that the question names

NAMES = {"u": "uber_2021.pdf", "b": "boeing_2021.pdf", "l": "lyft_2022.pdf"}


def equals(*doc_ids: str) -> list[Ranked]:
    return [Ranked(hit(doc_id, 1.0, doc_id), 0.5) for doc_id in doc_ids]


@pytest.mark.parametrize(
    ("question", "order"),
    [
        ("What is Boeing's tax rate?", "blu"),
        ("What did Uber, the company, earn?", "ubl"),
        ("How did “Lyft” do?", "lbu"),
        ("revenue in 2022", "lbu"),
        # The year is in two names and says less than the company.
        ("Lyft in 2021", "lbu"),
        ("Uber in 2021", "ubl"),
    ],
)
def test_rows_of_documents_that_the_question_names_are_raised(question: str, order: str) -> None:
    ranked = equals("b", "l", "u")
    credit_named(ranked, question, NAMES)
    assert "".join(ids(ranked)) == order
    assert ranked[0].score > ranked[-1].score


def test_a_name_does_not_outweigh_a_much_better_row() -> None:
    ranked = [Ranked(hit("u", 1.0, "u"), 0.9), Ranked(hit("b", 1.0, "b"), 0.5)]
    credit_named(ranked, "Boeing", NAMES)
    assert ids(ranked) == ["u", "b"]


def test_the_best_row_of_a_named_document_scores_1_and_no_more() -> None:
    ranked = [Ranked(hit("u", 1.0, "u"), 1.0), Ranked(hit("b", 1.0, "b"), 0.0)]
    credit_named(ranked, "Uber", NAMES)
    assert [row.score for row in ranked] == pytest.approx([1.0, 0.0])


@pytest.mark.parametrize("question", ["boeing's tax rate", "what is the rate?", "", "?!", "What is Airbus worth?"])
def test_question_that_names_no_document_leaves_all_as_it_was(question: str) -> None:
    ranked = equals("u", "l", "b")
    credit_named(ranked, question, NAMES)
    assert ids(ranked) == ["u", "l", "b"]
    assert {row.score for row in ranked} == {0.5}


def test_name_that_all_documents_have_changes_no_order() -> None:
    ranked = [Ranked(hit("b", 1.0, "b"), 0.6), Ranked(hit("a", 1.0, "a"), 0.5)]
    credit_named(ranked, "Uber", {"a": "uber_2020.pdf", "b": "uber_2021.pdf"})
    assert ids(ranked) == ["b", "a"]


# --- the weight of dense search


@pytest.mark.parametrize(
    ("tokens_per_character", "weight"),
    [
        (0.25, DENSE_WEIGHT),
        (0.6, DENSE_WEIGHT),
        (0.8, (DENSE_WEIGHT + SPELT_WEIGHT) / 2),
        (1.0, SPELT_WEIGHT),
        (2.5, SPELT_WEIGHT),
    ],
)
def test_dense_search_counts_less_the_more_a_question_is_spelt_out(tokens_per_character: float, weight: float) -> None:
    question = "which words does this model know? " * 100
    assert dense_weight(question, Counting(tokens_per_character)) == pytest.approx(weight, abs=0.01)  # type: ignore[arg-type]


@pytest.mark.parametrize("question", ["", " \n"])
def test_empty_question_is_familiar(question: str) -> None:
    assert familiarity(question, Counting(2.0)) == 1.0  # type: ignore[arg-type]
