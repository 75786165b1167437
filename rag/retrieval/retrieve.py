"""From a question to passages: dense and lexical search side by side, fused into one ranking, the best rows chosen."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from rag.embeddings.embedder import Embedder, EmbedderThreads
from rag.retrieval import reranking
from rag.retrieval.fusion import Ranked, credit_named, dense_weight, fuse
from rag.retrieval.passages import PageText, Piece, choose
from rag.retrieval.reranking import Reranker
from rag.schema import Candidate, Message, Passage, Trace
from rag.storage.documents import Catalog
from rag.text.terms import lexical_question
from rag.vector_store.rows import Hit
from rag.vector_store.searches import Searches

# Candidates of each search before fusion.
CANDIDATES = 150
# A question longer than this says no more to a search; BM25's cost grows with it.
QUESTION_CHARACTERS = 4000
# Of a follow-up's vector, the last user turn and the last answer make up this much each; its own terms count this many
# times those of the last user turn. On 192 follow-ups nDCG@10 was 0.91, with the question alone 0.83; with the two user
# turns embedded as one text 0.89; without the last answer 0.89.
PREVIOUS_WEIGHT = 0.2
PREVIOUS_TERMS = 3
# Candidates that are told about, and how much of each.
TRACED = 30
TRACED_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for: `text` by its vector, into which those of `context` go by their weights, and `lexical` by
    its terms."""

    text: str
    lexical: str
    context: tuple[tuple[str, float], ...] = ()

    @property
    def in_context(self) -> str:
        """The question with what comes before it, for those who read it as a whole."""
        return "\n".join([text for text, _ in self.context[:1]] + [self.text])


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The passages of a question, best first, and how they were chosen."""

    passages: list[Passage] = field(default_factory=list)
    trace: Trace = field(default_factory=Trace)
    ranked: list[Ranked] = field(default_factory=list, repr=False)


class Stopwatch:
    """Milliseconds of the stages of a question, in the order in which they ended."""

    def __init__(self) -> None:
        self.laps: list[tuple[str, float]] = []
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.laps.append((stage, round(1000 * (now - self._last), 1)))
        self._last = now


def build_query(question: str, history: Sequence[Message] = ()) -> Query:
    """The query for a question. With a history, which is for follow-ups that no LLM has made stand alone, the last user
    turn and the last answer go along: see PREVIOUS_WEIGHT and PREVIOUS_TERMS."""
    question = question[:QUESTION_CHARACTERS]
    own = lexical_question(question)
    before = _last(history, "user")
    if not before:
        return Query(question, own)
    texts = (before, _last(history, "assistant"))
    lexical = " ".join([own] * PREVIOUS_TERMS + [lexical_question(before)])
    return Query(question, lexical, tuple((text, PREVIOUS_WEIGHT) for text in texts if text))


def _last(history: Sequence[Message], role: str) -> str:
    contents = [message.content for message in history if message.role == role]
    return contents[-1][:QUESTION_CHARACTERS] if contents else ""


def _vector(query: Query, embedder: Embedder) -> list[float]:
    own = 1 - sum(weight for _, weight in query.context)
    mixed = [own * x for x in embedder.embed_query(query.text)]
    for text, weight in query.context:
        mixed = [x + weight * y for x, y in zip(mixed, embedder.embed_query(text), strict=True)]
    length = math.hypot(*mixed) or 1.0
    return [x / length for x in mixed]


async def retrieve(
    query: Query,
    *,
    searches: Searches,
    embedder: Embedder,
    threads: EmbedderThreads,
    catalog: Catalog,
    page_text: PageText,
    top_k: int,
    doc_ids: Collection[str] | None,
    without: Collection[str],
    reranker: Reranker | None = None,
) -> Retrieved:
    """The `top_k` best passages for a query from documents that are ready.

    Raises StoreUnavailable, StoreError, EmbeddingError or CatalogError.
    """
    loop = asyncio.get_running_loop()
    limit = max(CANDIDATES, top_k)
    watch = Stopwatch()

    async def dense() -> list[Hit]:
        vector = await loop.run_in_executor(threads.queries, _vector, query, embedder)
        watch.lap("embed the question")
        return await searches.dense(vector, limit, doc_ids, without)

    dense_hits, lexical_hits = await asyncio.gather(dense(), searches.lexical(query.lexical, limit, doc_ids, without))
    watch.lap("search")

    def fused() -> tuple[list[Ranked], float, dict[str, str]]:
        weight = dense_weight(query.text, embedder) if searches.has_lexical else 1.0
        rows = fuse(dense_hits, lexical_hits, weight)
        names = catalog.ready_names({row.hit.doc_id for row in rows})
        rows = [row for row in rows if row.hit.doc_id in names]
        credit_named(rows, query.text, names)
        return rows, weight, names

    ranked, weight, names = await asyncio.to_thread(fused)
    if reranker and ranked:
        await loop.run_in_executor(threads.queries, _rerank, reranker, query.in_context, ranked)
        watch.lap("rerank")
    pieces = await asyncio.to_thread(choose, ranked, top_k, page_text)
    watch.lap("choose")
    traced = tuple(_candidate(row, names) for row in ranked[:TRACED])
    trace = Trace(traced, weight, tuple(watch.laps))
    return Retrieved([_passage(piece, names) for piece in pieces], trace, ranked)


def _rerank(reranker: Reranker, question: str, ranked: list[Ranked]) -> None:
    """Put the first candidates into the reranker's order."""
    first = ranked[: reranking.CANDIDATES]
    for row, score in zip(first, reranker.scores(question, [row.hit.text for row in first]), strict=True):
        row.rerank_score = score
    ranked.sort(key=lambda row: math.inf if row.rerank_score is None else -row.rerank_score)


def _passage(piece: Piece, names: Mapping[str, str]) -> Passage:
    row = piece.best
    return Passage(
        piece.text,
        names[row.hit.doc_id],
        row.hit.doc_id,
        row.hit.page,
        piece.start,
        piece.end,
        row.score if row.rerank_score is None else row.rerank_score,
        row.dense_rank,
        row.lexical_rank,
    )


def _candidate(row: Ranked, names: Mapping[str, str]) -> Candidate:
    return Candidate(
        names[row.hit.doc_id],
        row.hit.doc_id,
        row.hit.page,
        " ".join(row.hit.text[: 2 * TRACED_CHARACTERS].split())[:TRACED_CHARACTERS],
        row.dense_rank,
        row.dense_score,
        row.lexical_rank,
        row.lexical_score,
        row.score,
        row.rerank_score,
        row.left_out,
    )
