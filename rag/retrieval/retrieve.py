"""A query → its passages: dense and lexical search side by side, fusion, the optional reranker, the choice of rows."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from rag.embeddings.embedder import Embedder, EmbedderThreads
from rag.retrieval import reranking
from rag.retrieval.fusion import Ranked, credit_named, dense_weight, fuse
from rag.retrieval.passages import PageText, Piece, choose
from rag.retrieval.query import Query
from rag.retrieval.reranking import Reranker
from rag.retrieval.tracing import Stopwatch, traced_candidates
from rag.schema import Passage, Trace
from rag.storage.documents import Catalog
from rag.vector_store.rows import Hit
from rag.vector_store.searches import Searches

# The most candidates of each search.
CANDIDATES = 150


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The passages of a question, best first, how they were chosen, and all candidates, best first."""

    passages: list[Passage] = field(default_factory=list)
    trace: Trace = field(default_factory=Trace)
    ranked: list[Ranked] = field(default_factory=list, repr=False)


@dataclass(frozen=True, slots=True)
class _Fused:
    ranked: list[Ranked]
    dense_weight: float
    names: dict[str, str]  # the file name of each row's document


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
    """The `top_k` best passages for a query. Only ready documents are searched: the ones in `doc_ids` (None: all), and
    none in `without`.

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

    def fused() -> _Fused:
        weight = dense_weight(query.text, embedder) if searches.has_lexical else 1.0
        rows = fuse(dense_hits, lexical_hits, weight)
        names = catalog.ready_names({row.hit.doc_id for row in rows})
        rows = [row for row in rows if row.hit.doc_id in names]
        credit_named(rows, query.text, names)
        return _Fused(rows, weight, names)

    candidates = await asyncio.to_thread(fused)
    if reranker and candidates.ranked:
        await loop.run_in_executor(threads.queries, _rerank, reranker, query.with_earlier, candidates.ranked)
        watch.lap("rerank")
    pieces = await asyncio.to_thread(choose, candidates.ranked, top_k, page_text)
    watch.lap("choose")
    trace = Trace(traced_candidates(candidates.ranked, candidates.names), candidates.dense_weight, tuple(watch.laps))
    return Retrieved([_passage(piece, candidates.names) for piece in pieces], trace, candidates.ranked)


def _vector(query: Query, embedder: Embedder) -> list[float]:
    """The question's vector, of length 1, with the vectors of the earlier messages mixed in."""
    question_weight = 1 - sum(message.weight for message in query.earlier)
    mixed = [question_weight * x for x in embedder.embed_query(query.text)]
    for message in query.earlier:
        vector = embedder.embed_query(message.text)
        mixed = [x + message.weight * y for x, y in zip(mixed, vector, strict=True)]
    length = math.hypot(*mixed) or 1.0
    return [x / length for x in mixed]


def _rerank(reranker: Reranker, question: str, ranked: list[Ranked]) -> None:
    """Put the first candidates into the reranker's order."""
    first = ranked[: reranking.CANDIDATES]
    for row, score in zip(first, reranker.scores(question, [_in_context(row.hit) for row in first]), strict=True):
        row.rerank_score = score
    ranked.sort(key=lambda row: math.inf if row.rerank_score is None else -row.rerank_score)


def _in_context(hit: Hit) -> str:
    return f"{hit.context}\n{hit.text}" if hit.context else hit.text


def _passage(piece: Piece, names: Mapping[str, str]) -> Passage:
    row = piece.best
    return Passage(
        text=piece.text,
        file_name=names[row.hit.doc_id],
        doc_id=row.hit.doc_id,
        page=row.hit.page,
        start=piece.start,
        end=piece.end,
        score=row.score if row.rerank_score is None else row.rerank_score,
        dense_rank=row.dense_rank,
        lexical_rank=row.lexical_rank,
        context=piece.context,
    )
