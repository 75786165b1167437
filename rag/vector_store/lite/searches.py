"""Searches in Milvus Lite with NumPy.

Version 3.2.2 of Milvus Lite looks at each row of a collection in Python, several times for each search, and copies all
that is found with its vectors: at 10,000 rows that takes 20 times as long as the comparison of vectors itself. Here the
same is done for whole columns. What isn't a plain search is left to Milvus Lite.

BM25's statistics are those of the whole collection, so that scores of different segments can be compared; Milvus Lite
takes each segment's own.
"""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from rag.vector_store.lite.snapshot import Part, best_first, fulfilling, records, snapshot

Hits = list[list[dict[str, Any]]]
# Scores, numbers of parts, rows; best first.
_Ranking = tuple[np.ndarray, np.ndarray, np.ndarray]


def install() -> None:
    """Have Milvus Lite search this way. Again does nothing. It must have been imported."""
    collection: Any = importlib.import_module("milvus_lite.engine.collection").Collection
    slow = collection.search
    if slow.__module__ == __name__:
        return

    def search(self: Any, query_vectors: list[Any], top_k: int = 10, **options: Any) -> Hits:
        request = _plain_request(self, options) if query_vectors and top_k > 0 else None
        found = request.answer(query_vectors, top_k) if request else None
        return slow(self, query_vectors, top_k, **options) if found is None else found

    collection.search = search


@dataclass(frozen=True)
class _Request:
    """What is searched for, and where."""

    collection: Any
    vectors: str
    metric: str
    condition: str | None
    fields: list[str]

    def answer(self, queries: list[Any], top_k: int) -> Hits | None:
        """None where Milvus Lite has to do it: the rows aren't as this program makes them."""
        self.collection._require_loaded()
        found = snapshot(self.collection)
        if found is None or any(set(self.fields) - set(part.table.column_names) for part, _ in found):
            return None
        parts = fulfilling(self.collection, found, self.condition)
        if self.metric == "COSINE":
            ranked = self._nearest(parts, queries, top_k)
        else:
            ranked = self._best(parts, [there for _, there in found], queries, top_k)
        return [self._hits(parts, *one) for one in ranked]

    def _nearest(self, parts: list[tuple[Part, np.ndarray]], queries: list[Any], top_k: int) -> list[_Ranking]:
        """A ranking for each query, by cosine."""
        vectors = np.asarray(queries, dtype=np.float32)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        found = [part.nearest(self.vectors, vectors, top_k, valid) for part, valid in parts]
        by_query = [[part[place] for part in found] for place in range(len(queries))]
        return [_top([scores for scores, _ in one], [rows for _, rows in one], top_k) for one in by_query]

    def _best(
        self, parts: list[tuple[Part, np.ndarray]], there: list[np.ndarray], queries: list[Any], top_k: int
    ) -> list[_Ranking]:
        """The same by BM25 (Robertson and Zaragoza, 2009, "The Probabilistic Relevance Framework"), as distances below
        zero, with the inverse document frequency that Lucene and Milvus use. `there` are each part's rows that count:
        all that are in the collection, searched or not."""
        parameters = self.collection._index_specs[self.vectors].build_params
        k1, b = float(parameters.get("bm25_k1", 1.5)), float(parameters.get("bm25_b", 0.75))
        terms = [part.terms(self.vectors) for part, _ in parts]
        number = sum(int(rows.sum()) for rows in there)
        total = sum(float(one.lengths[rows].sum()) for one, rows in zip(terms, there, strict=True))
        average = total / max(number, 1) or 1.0
        answers = []
        for wanted in self.collection._prepare_sparse_queries(queries, self.vectors):
            scores = [np.zeros(part.size) for part, _ in parts]
            for term, weight in wanted.items():
                having = [one.of(term) for one in terms]
                frequency = sum(int(counted[rows].sum()) for counted, (rows, _) in zip(there, having, strict=True))
                rarity = weight * math.log((number - frequency + 0.5) / (frequency + 0.5) + 1)
                for score, one, (rows, counts) in zip(scores, terms, having, strict=True):
                    lengths = one.lengths[rows] / average
                    score[rows] += rarity * counts * (k1 + 1) / (counts + k1 * (1 - b + b * lengths))
            found = [np.flatnonzero((score > 0) & valid) for score, (_, valid) in zip(scores, parts, strict=True)]
            top, places, rows = _top([score[rows] for score, rows in zip(scores, found, strict=True)], found, top_k)
            answers.append((-top, places, rows))
        return answers

    def _hits(
        self, parts: list[tuple[Part, np.ndarray]], scores: np.ndarray, places: np.ndarray, rows: np.ndarray
    ) -> list[dict[str, Any]]:
        key = self.collection._pk_name
        found = records(parts, places, rows, [key, *self.fields])
        return [
            {"id": record.pop(key), "distance": score, "entity": record}
            for score, record in zip(scores.tolist(), found, strict=True)
        ]


def _top(scores: list[np.ndarray], rows: list[np.ndarray], top_k: int) -> _Ranking:
    """The `top_k` highest scores of all parts, with their part's number and row; of equal ones the first come first."""
    if not scores:
        return np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    together = np.concatenate(scores)
    places = np.repeat(np.arange(len(scores)), [len(one) for one in scores])
    best = best_first(together, top_k)
    return together[best], places[best], np.concatenate(rows)[best]


def _plain_request(collection: Any, options: dict[str, Any]) -> _Request | None:
    """None for what this module doesn't do."""
    options = dict(options)
    vectors, condition = options.pop("anns_field", None), options.pop("expr", None)
    metric, fields = options.pop("metric_type", None), options.pop("output_fields", None)
    options.pop("search_params", None)  # all vectors are looked at, whatever they say
    options.pop("group_size", None)  # says nothing without a field to group by
    if any(options.values()) or not fields or not vectors or metric not in {"COSINE", "BM25"}:
        return None
    spec = collection._index_specs.get(vectors)
    if spec is None or spec.metric_type != metric:
        return None
    return _Request(collection, vectors, metric, condition, [name for name in fields if name != collection._pk_name])
