from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

import pytest

from rag.embedding import EmbedderThreads
from rag.errors import StoreUnavailable
from rag.retrieval import (
    CANDIDATES,
    DENSE_WEIGHT,
    QUESTION_CHARACTERS,
    SPELT_WEIGHT,
    build_query,
    dense_weight,
    fuse,
    retrieve,
)
from rag.schema import Message, Passage
from rag.vector_store import Hit


def hit(row_id: str, score: float, doc_id: str = "d", text: str = "") -> Hit:
    return Hit(row_id, doc_id, text or f"text {row_id}", 1, 0, 10, score)


class Counting:
    """An embedder that takes a fixed number of tokens for each character that isn't a blank."""

    def __init__(self, tokens_per_character: float) -> None:
        self._rate = tokens_per_character

    def count_tokens(self, texts: list[str]) -> list[int]:
        return [round(self._rate * len("".join(text.split()))) for text in texts]

    def embed_query(self, question: str) -> list[float]:
        return [float(len(question))]


# --- fusion


def test_row_that_both_searches_rank_high_comes_first() -> None:
    dense = [hit("a", 0.9), hit("b", 0.8), hit("c", 0.1)]
    lexical = [hit("b", 12.0), hit("d", 11.0), hit("a", 1.0)]
    ranked = fuse(dense, lexical, 0.5)
    assert ranked[0][0].row_id == "b"
    assert {row.row_id: (in_dense, in_lexical) for row, _, in_dense, in_lexical in ranked} == {
        "a": (1, 3),
        "b": (2, 1),
        "c": (3, None),
        "d": (None, 2),
    }


@pytest.mark.parametrize(("weight", "order"), [(1.0, ["a", "b"]), (0.0, ["b", "a"])])
def test_weight_decides_whose_order_counts(weight: float, order: list[str]) -> None:
    dense, lexical = [hit("a", 0.9), hit("b", 0.1)], [hit("b", 9.0), hit("a", 1.0)]
    assert [row.row_id for row, *_ in fuse(dense, lexical, weight)] == order


def test_scores_lie_between_0_and_1_and_fall() -> None:
    dense = [hit(str(i), -1 + i / 10) for i in range(20)][::-1]
    lexical = [hit(str(i), 100.0 * i) for i in range(10, 30)][::-1]
    scores = [score for _, score, *_ in fuse(dense, lexical, 0.5)]
    assert len(scores) == 30
    assert scores == sorted(scores, reverse=True)
    assert 0 <= scores[-1] <= scores[0] <= 1


@pytest.mark.parametrize(
    ("dense", "lexical", "order"),
    [
        ([], [], []),
        ([hit("a", 0.5)], [], ["a"]),
        ([], [hit("a", 5.0)], ["a"]),
        ([hit("b", 0.5), hit("a", 0.5)], [], ["b", "a"]),
    ],
)
def test_one_search_may_find_nothing(dense: list[Hit], lexical: list[Hit], order: list[str]) -> None:
    assert sorted(row.row_id for row, *_ in fuse(dense, lexical, 0.5)) == sorted(order)


def test_equal_scores_are_ordered_by_place_and_not_by_chance() -> None:
    places = [(2, 0), (1, 9), (1, 3)]
    rows = [Hit(str(i), "d", "text", page, start, start + 5, 1.0) for i, (page, start) in enumerate(places)]
    for given in (rows, rows[::-1]):
        assert [(row.page, row.start) for row, *_ in fuse(given, [], 0.5)] == [(1, 3), (1, 9), (2, 0)]


def test_a_model_that_gives_the_same_to_everything_hardly_counts() -> None:
    dense = [hit(str(i), 0.5 - i / 1000) for i in range(20)]
    lexical = [hit("100", 9.0), hit("101", 6.0), *dense[::-1][:5]]
    assert [row.row_id for row, *_ in fuse(dense, lexical, 0.5)[:2]] == ["100", "101"]


# --- the weight of dense search


@pytest.mark.parametrize(
    ("tokens_per_character", "weight"),
    [
        (0.25, DENSE_WEIGHT),
        (0.75, DENSE_WEIGHT),
        (1.0, (DENSE_WEIGHT + SPELT_WEIGHT) / 2),
        (1.25, SPELT_WEIGHT),
        (2.5, SPELT_WEIGHT),
    ],
)
def test_dense_search_counts_less_the_more_a_question_is_spelt_out(tokens_per_character: float, weight: float) -> None:
    question = "which words does this model know? " * 100
    assert dense_weight(question, Counting(tokens_per_character)) == pytest.approx(weight, abs=0.01)  # type: ignore[arg-type]


@pytest.mark.parametrize("question", ["", " \n"])
def test_empty_question_has_a_weight_too(question: str) -> None:
    assert dense_weight(question, Counting(1.0)) == DENSE_WEIGHT  # type: ignore[arg-type]


# --- history


def test_question_without_history_stays_as_it_is() -> None:
    for history in ([], [Message("assistant", "Hello")]):
        query = build_query("And the revenue in 2020?", history)
        assert (query.text, query.lexical) == ("And the revenue in 2020?", "revenu 2020")


def test_only_the_last_user_turn_goes_along() -> None:
    history = [
        Message("user", "Who founded it?"),
        Message("assistant", "Two people."),
        Message("user", "What was revenue in 2021?"),
        Message("assistant", "$17,455 million."),
    ]
    query = build_query("And in 2020?", history)
    assert query.text == "What was revenue in 2021?\nAnd in 2020?"
    assert query.lexical == "2020 2020 revenu 2021"


# --- retrieve


class FakeStore:
    """Answers with prepared hits and notes how it was asked."""

    def __init__(self, dense: list[Hit], lexical: list[Hit], has_lexical: bool = True) -> None:
        self._dense, self._lexical, self.has_lexical = dense, lexical, has_lexical
        self.asked: list[tuple[Any, ...]] = []

    async def search_dense(self, *asked: Any) -> list[Hit]:
        self.asked.append(asked)
        return self._dense

    async def search_lexical(self, *asked: Any) -> list[Hit]:
        self.asked.append(asked)
        return self._lexical


class FakeCatalog:
    def ready_names(self, doc_ids: Collection[str]) -> dict[str, str]:
        return {doc_id: f"{doc_id}.txt" for doc_id in doc_ids if doc_id != "pending"}


def retrieved(store: FakeStore, question: str = "which words", top_k: int = 10) -> list[Passage]:
    threads = EmbedderThreads()
    try:
        return asyncio.run(
            retrieve(
                build_query(question),
                store=store,  # type: ignore[arg-type]
                embedder=Counting(0.25),  # type: ignore[arg-type]
                threads=threads,
                catalog=FakeCatalog(),  # type: ignore[arg-type]
                top_k=top_k,
                doc_ids=["a"],
                without={"b"},
            )
        )
    finally:
        threads.close()


def test_passages_have_the_names_ranks_and_places_of_their_hits() -> None:
    (passage,) = retrieved(FakeStore([hit("1", 0.9, "a")], [hit("1", 9.0, "a")]))
    assert passage == Passage("text 1", "a.txt", "a", 1, 0, 10, pytest.approx(0.56), 1, 1)


def test_documents_that_are_not_ready_are_left_out_before_counting() -> None:
    dense = [hit("1", 0.9, "pending"), hit("2", 0.8, "a"), hit("3", 0.7, "b")]
    assert [passage.doc_id for passage in retrieved(FakeStore(dense, []), top_k=2)] == ["a", "b"]


def test_same_text_of_a_document_comes_once() -> None:
    dense = [hit("1", 0.9, "a", "same text"), hit("2", 0.8, "a", "same\n text"), hit("3", 0.7, "b", "same text")]
    assert [passage.doc_id for passage in retrieved(FakeStore(dense, []))] == ["a", "b"]


def test_lexical_order_does_not_count_where_the_store_has_none() -> None:
    store = FakeStore([hit("1", 0.9, "a"), hit("2", 0.1, "a")], [], has_lexical=False)
    assert retrieved(store)[0].score > 0.9


def test_long_question_is_cut_and_the_searches_get_the_filters() -> None:
    store = FakeStore([], [])
    assert retrieved(store, "words " * 10_000) == []
    (vector, *dense_options), (terms, *lexical_options) = sorted(
        store.asked, key=lambda asked: isinstance(asked[0], str)
    )
    assert vector == [QUESTION_CHARACTERS]
    assert len(terms) <= QUESTION_CHARACTERS
    assert dense_options == lexical_options == [CANDIDATES, ["a"], {"b"}]


def test_store_that_is_down_is_said() -> None:
    class Down(FakeStore):
        async def search_lexical(self, *asked: Any) -> list[Hit]:
            raise StoreUnavailable("Milvus can't be reached.")

    with pytest.raises(StoreUnavailable):
        retrieved(Down([hit("1", 0.9)], []))
