from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Collection, Sequence
from typing import Any

import pytest

from rag.embeddings.embedder import EmbedderThreads
from rag.errors import StoreUnavailable
from rag.retrieval import reranking
from rag.retrieval.fusion import DENSE_WEIGHT, SPELT_WEIGHT
from rag.retrieval.passages import PageText
from rag.retrieval.query import PREVIOUS_WEIGHT, QUESTION_CHARACTERS, build_query
from rag.retrieval.retrieve import CANDIDATES, Retrieved, retrieve
from rag.retrieval.tracing import TRACED, TRACED_CHARACTERS, Stopwatch
from rag.schema import Candidate, Message, Passage
from rag.vector_store.rows import Hit


def hit(row_id: str, score: float, doc_id: str = "d", text: str = "") -> Hit:
    return Hit(row_id, doc_id, text or f"text {row_id}", 1, 0, 10, score)


class Counting:
    """An embedder that takes a fixed number of tokens for each character that isn't a blank. Its vectors of two
    different texts are at right angles; `embedded` are the texts, in order."""

    def __init__(self, tokens_per_character: float) -> None:
        self._rate = tokens_per_character
        self.embedded: list[str] = []

    def count_tokens(self, texts: list[str]) -> list[int]:
        return [round(self._rate * len("".join(text.split()))) for text in texts]

    def embed_query(self, question: str) -> list[float]:
        self.embedded.append(question)
        return [float(place == len(self.embedded)) for place in range(1, 5)]


HISTORY = [
    Message("user", "Who founded it?"),
    Message("assistant", "Two people."),
    Message("user", "What was revenue in 2021?"),
    Message("assistant", "$17,455 million."),
]


# --- retrieve


class FakeSearches:
    """Answers with prepared hits, and records the arguments of each search."""

    def __init__(self, dense: list[Hit], lexical: list[Hit], has_lexical: bool = True) -> None:
        self._dense, self._lexical, self.has_lexical = dense, lexical, has_lexical
        self.asked: list[tuple[Any, ...]] = []

    async def dense(self, *asked: Any) -> list[Hit]:
        self.asked.append(asked)
        return self._dense

    async def lexical(self, *asked: Any) -> list[Hit]:
        self.asked.append(asked)
        return self._lexical


class FakeCatalog:
    def ready_names(self, doc_ids: Collection[str]) -> dict[str, str]:
        return {doc_id: f"{doc_id}.txt" for doc_id in doc_ids if doc_id != "pending"}


class FakeReranker:
    """Gives prepared scores, and records the texts."""

    def __init__(self, *scores: float) -> None:
        self._scores = scores
        self.asked: list[tuple[str, list[str]]] = []

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        self.asked.append((question, list(texts)))
        return [self._scores[place] if place < len(self._scores) else 0.0 for place in range(len(texts))]


def nowhere(doc_id: str, page: int | None) -> None:
    return None


def retrieved(
    searches: FakeSearches,
    question: str = "which words",
    top_k: int = 10,
    page_text: PageText = nowhere,
    reranker: FakeReranker | None = None,
    embedder: Counting | None = None,
    history: Sequence[Message] = (),
) -> Retrieved:
    threads = EmbedderThreads()
    try:
        return asyncio.run(
            retrieve(
                build_query(question, history),
                searches=searches,  # type: ignore[arg-type]
                embedder=embedder or Counting(0.25),  # type: ignore[arg-type]
                threads=threads,
                catalog=FakeCatalog(),  # type: ignore[arg-type]
                page_text=page_text,
                top_k=top_k,
                doc_ids=["a"],
                without={"b"},
                reranker=reranker,  # type: ignore[arg-type]
            )
        )
    finally:
        threads.close()


def test_passages_have_the_names_ranks_and_places_of_their_hits() -> None:
    (passage,) = retrieved(FakeSearches([hit("1", 0.9, "a")], [hit("1", 9.0, "a")])).passages
    # The whole share of BM25, and of dense search the part above noise.
    score = (1 - DENSE_WEIGHT) + DENSE_WEIGHT * 0.2
    assert passage == Passage("text 1", "a.txt", "a", 1, 0, 10, pytest.approx(score), 1, 1)


def test_documents_that_are_not_ready_are_left_out_before_counting() -> None:
    dense = [hit("1", 0.9, "pending"), hit("2", 0.8, "a"), hit("3", 0.7, "b")]
    answer = retrieved(FakeSearches(dense, []), top_k=2)
    assert [passage.doc_id for passage in answer.passages] == ["a", "b"]
    assert [row.hit.doc_id for row in answer.ranked] == ["a", "b"]


def test_passages_are_joined_and_completed_with_the_text_of_their_page() -> None:
    page = "The ferry leaves at noon. It returns at six. It is small."
    rows = [Hit("1", "a", page[:25], 1, 0, 25, 0.9), Hit("2", "a", page[26:44], 1, 26, 44, 0.8)]
    asked = []

    def page_text(doc_id: str, number: int | None) -> str:
        asked.append((doc_id, number))
        return page

    (passage,) = retrieved(FakeSearches(rows, []), page_text=page_text).passages
    assert (passage.text, passage.start, passage.end, passage.dense_rank) == (page, 0, len(page), 1)
    assert set(asked) == {("a", 1)}


def test_document_that_the_question_names_comes_first() -> None:
    dense = [hit("1", 0.9, "boeing"), hit("2", 0.9, "uber"), hit("3", 0.1, "lyft")]
    answer = retrieved(FakeSearches(dense, []), "revenue of Uber")
    assert [passage.doc_id for passage in answer.passages] == ["uber", "boeing", "lyft"]


def test_lexical_order_does_not_count_where_the_collection_has_none() -> None:
    searches = FakeSearches([hit("1", 0.9, "a"), hit("2", 0.1, "a")], [], has_lexical=False)
    answer = retrieved(searches)
    assert answer.passages[0].score > 0.9
    assert answer.trace.dense_weight == 1.0


def asked_of(searches: FakeSearches) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The arguments of the dense and of the lexical search."""
    dense, lexical = sorted(searches.asked, key=lambda asked: isinstance(asked[0], str))
    return dense, lexical


def test_long_question_is_cut_and_the_searches_get_the_filters() -> None:
    searches, embedder = FakeSearches([], []), Counting(0.25)
    answer = retrieved(searches, "words " * 10_000, embedder=embedder)
    assert (answer.passages, answer.ranked, answer.trace.candidates) == ([], [], ())
    (vector, *dense_options), (terms, *lexical_options) = asked_of(searches)
    assert vector == [1, 0, 0, 0]
    assert [len(text) for text in embedder.embedded] == [QUESTION_CHARACTERS]
    assert len(terms) <= QUESTION_CHARACTERS
    assert dense_options == lexical_options == [CANDIDATES, ["a"], {"b"}]


def test_last_question_and_answer_turn_a_follow_ups_vector_a_little() -> None:
    searches, embedder = FakeSearches([], []), Counting(0.25)
    retrieved(searches, "And in 2020?", embedder=embedder, history=HISTORY)
    (vector, *_), (terms, *_) = asked_of(searches)
    assert embedder.embedded == ["And in 2020?", "What was revenue in 2021?", "$17,455 million."]
    weight = 1 - 2 * PREVIOUS_WEIGHT
    length = math.hypot(weight, PREVIOUS_WEIGHT, PREVIOUS_WEIGHT)
    assert vector == pytest.approx([weight / length, PREVIOUS_WEIGHT / length, PREVIOUS_WEIGHT / length, 0])
    assert terms == build_query("And in 2020?", HISTORY).lexical


def test_more_passages_than_usual_take_more_candidates() -> None:
    searches = FakeSearches([], [])
    retrieved(searches, top_k=CANDIDATES + 1)
    assert {asked[1] for asked in searches.asked} == {CANDIDATES + 1}


def test_store_that_is_down_is_said() -> None:
    class Down(FakeSearches):
        async def lexical(self, *asked: Any) -> list[Hit]:
            raise StoreUnavailable("Milvus can't be reached.")

    with pytest.raises(StoreUnavailable):
        retrieved(Down([hit("1", 0.9)], []))


# --- reranking


def test_reranker_reads_the_question_and_orders_the_first_candidates_anew() -> None:
    reranker = FakeReranker(0.1, 0.9, 0.5)
    dense = [hit("1", 0.9, "a"), hit("2", 0.8, "b"), hit("3", 0.7, "c")]
    answer = retrieved(FakeSearches(dense, []), "Which words?", reranker=reranker)
    assert reranker.asked == [("Which words?", ["text 1", "text 2", "text 3"])]
    assert [(passage.doc_id, passage.score) for passage in answer.passages] == [("b", 0.9), ("c", 0.5), ("a", 0.1)]
    assert [candidate.rerank_score for candidate in answer.trace.candidates] == [0.9, 0.5, 0.1]
    assert [candidate.dense_rank for candidate in answer.trace.candidates] == [2, 3, 1]


def test_reranker_reads_a_follow_up_with_the_turn_before() -> None:
    reranker = FakeReranker(0.1)
    retrieved(FakeSearches([hit("1", 0.9, "a")], []), "And in 2020?", reranker=reranker, history=HISTORY)
    assert reranker.asked == [("What was revenue in 2021?\nAnd in 2020?", ["text 1"])]


def test_candidates_that_the_reranker_has_not_read_come_last_in_their_order() -> None:
    dense = [hit(str(i), 0.9 - i / 100, f"d{i}") for i in range(reranking.CANDIDATES + 3)]
    reranker = FakeReranker(*(float(-i) for i in range(reranking.CANDIDATES, 0, -1)))
    answer = retrieved(FakeSearches(dense, []), top_k=99, reranker=reranker)
    assert len(reranker.asked[0][1]) == reranking.CANDIDATES
    order = [int(row.hit.row_id) for row in answer.ranked]
    first = range(reranking.CANDIDATES)
    assert order == [*reversed(first), *range(reranking.CANDIDATES, reranking.CANDIDATES + 3)]
    assert [row.rerank_score for row in answer.ranked[-3:]] == [None] * 3


def test_reranker_is_not_asked_about_nothing() -> None:
    reranker = FakeReranker()
    assert retrieved(FakeSearches([], []), reranker=reranker).passages == []
    assert reranker.asked == []


# --- the trace


def test_trace_says_of_each_candidate_why_it_is_no_passage() -> None:
    answer = retrieved(FakeSearches([hit("1", 0.9, "a"), hit("2", 0.8, "b")], [hit("2", 7.0, "b")]), top_k=1)
    first, second = answer.trace.candidates
    assert first == Candidate("b.txt", "b", 1, "text 2", 2, 0.8, 1, 7.0, pytest.approx(answer.passages[0].score))
    assert (second.file_name, second.dense_rank, second.dense_score) == ("a.txt", 1, 0.9)
    assert (second.lexical_rank, second.lexical_score) == (None, None)
    assert second.left_out == "ranked too low"


def test_trace_holds_the_first_candidates_and_the_beginning_of_each() -> None:
    dense = [hit(str(i), 0.9 - i / 100, f"d{i}", f"Number {i}\n\tsays  " + "x" * 500) for i in range(TRACED + 9)]
    answer = retrieved(FakeSearches(dense, []))
    assert len(answer.ranked) == TRACED + 9
    assert len(answer.trace.candidates) == TRACED
    beginnings = [candidate.beginning for candidate in answer.trace.candidates]
    assert beginnings[0].startswith("Number 0 says xxx")
    assert {len(beginning) for beginning in beginnings} == {TRACED_CHARACTERS}


@pytest.mark.parametrize(("tokens_per_character", "weight"), [(0.25, DENSE_WEIGHT), (2.0, SPELT_WEIGHT)])
def test_trace_knows_how_much_dense_search_counted(tokens_per_character: float, weight: float) -> None:
    answer = retrieved(FakeSearches([], []), embedder=Counting(tokens_per_character))
    assert answer.trace.dense_weight == pytest.approx(weight)


@pytest.mark.parametrize("reranker", [None, FakeReranker(0.5)])
def test_trace_has_the_milliseconds_of_each_stage_in_order(reranker: FakeReranker | None) -> None:
    laps = retrieved(FakeSearches([hit("1", 0.9, "a")], []), reranker=reranker).trace.milliseconds
    rerank = ["rerank"] if reranker else []
    assert [stage for stage, _ in laps] == ["embed the question", "search", *rerank, "choose"]
    assert all(0 <= milliseconds < 60_000 for _, milliseconds in laps)


def test_stopwatch_counts_each_stage_from_the_end_of_the_one_before() -> None:
    watch = Stopwatch()
    time.sleep(0.02)
    watch.lap("slow")
    watch.lap("quick")
    (slow, first), (quick, second) = watch.laps
    assert (slow, quick) == ("slow", "quick")
    assert first >= 20
    assert second < first
