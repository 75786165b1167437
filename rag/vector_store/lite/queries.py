"""Searches, queries and counts in Milvus Lite by columns, with NumPy.

Milvus Lite 3.2.2 looks at each row of a collection in Python, several times for each search. It copies the vectors of
all rows for each query. It makes objects of all values of the rows that match, even if they are only counted. At 10,000
rows a search takes 20 times as long as comparing the vectors; at 400,000 rows a count takes minutes and 5 GB. This
module compares whole columns. Requests with options that it doesn't know are left to Milvus Lite.

BM25's statistics are of the whole collection, so that scores of different row sets can be compared. Milvus Lite takes
the statistics of each segment.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from rag.vector_store.lite.snapshot import Rows, best_first, matching, records, snapshot

Hits = list[list[dict[str, Any]]]
# For each hit, best first: its score, the place of its row set in `Rows`, and its row in the set.
_Ranking = tuple[np.ndarray, np.ndarray, np.ndarray]
# Milvus Lite's internal columns, which aren't fields of the schema.
_INTERNAL = {"_seq", "_partition"}


def by_columns(search: Any) -> Any:
    """Replaces `Collection.search`."""

    def column_search(self: Any, query_vectors: list[Any], top_k: int = 10, **options: Any) -> Hits:
        request = _plain_request(self, options) if query_vectors and top_k > 0 else None
        hits = request.answer(query_vectors, top_k) if request else None
        return search(self, query_vectors, top_k, **options) if hits is None else hits

    return column_search


def listed_by_columns(query: Any) -> Any:
    """Replaces `Collection.query`."""

    def column_query(self: Any, expr: str | None = None, **options: Any) -> Sequence[dict[str, Any]]:
        matches = _query(self, expr, **options)
        return query(self, expr, **options) if matches is None else matches

    return column_query


def counted_by_columns(count: Any) -> Any:
    """Replaces `Collection._num_entities`."""

    def column_count(self: Any, partition_names: list[str] | None) -> int:
        rows = None if partition_names else snapshot(self)
        return count(self, partition_names) if rows is None else sum(int(valid.sum()) for _, valid in rows)

    return column_count


# --- searches


@dataclass(frozen=True)
class _Request:
    """A search without further options: a vector field, its metric, a condition, and the fields of a hit."""

    collection: Any
    vectors: str
    metric: str
    condition: str | None
    fields: list[str]

    def answer(self, queries: list[Any], top_k: int) -> Hits | None:
        """The hits of each query; None if the rows aren't in Docent's form, so that Milvus Lite has to search."""
        self.collection._require_loaded()
        everything = snapshot(self.collection)
        if everything is None or any(set(self.fields) - set(row_set.table.column_names) for row_set, _ in everything):
            return None
        searched = matching(self.collection, everything, self.condition)
        if self.metric == "COSINE":
            rankings = self._nearest(searched, queries, top_k)
        else:
            rankings = self._best(searched, [valid for _, valid in everything], queries, top_k)
        return [self._hits(searched, *ranking) for ranking in rankings]

    def _nearest(self, searched: Rows, queries: list[Any], top_k: int) -> list[_Ranking]:
        """A ranking by cosine for each query."""
        vectors = np.asarray(queries, dtype=np.float32)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        by_set = [row_set.nearest(self.vectors, vectors, top_k, valid) for row_set, valid in searched]
        by_query = [[answers[number] for answers in by_set] for number in range(len(queries))]
        return [_top([scores for scores, _ in sets], [rows for _, rows in sets], top_k) for sets in by_query]

    def _best(self, searched: Rows, valid: list[np.ndarray], queries: list[Any], top_k: int) -> list[_Ranking]:
        """A ranking by BM25 for each query, with the inverse document frequency of Lucene and Milvus (Robertson and
        Zaragoza, 2009, "The Probabilistic Relevance Framework"). Scores are returned as distances, below zero.

        `valid` marks the rows that the statistics count: all valid rows of the collection, searched or not.
        """
        parameters = self.collection._index_specs[self.vectors].build_params
        k1, b = float(parameters.get("bm25_k1", 1.5)), float(parameters.get("bm25_b", 0.75))
        terms = [row_set.terms(self.vectors) for row_set, _ in searched]
        number = sum(int(counted.sum()) for counted in valid)
        total = sum(float(set_terms.lengths[counted].sum()) for set_terms, counted in zip(terms, valid, strict=True))
        average = total / max(number, 1) or 1.0
        rankings = []
        for query in self.collection._prepare_sparse_queries(queries, self.vectors):
            scores = [np.zeros(row_set.size) for row_set, _ in searched]
            for term, weight in query.items():
                having = [set_terms.of(term) for set_terms in terms]
                frequency = sum(int(counted[rows].sum()) for counted, (rows, _) in zip(valid, having, strict=True))
                rarity = weight * math.log((number - frequency + 0.5) / (frequency + 0.5) + 1)
                for score, set_terms, (rows, counts) in zip(scores, terms, having, strict=True):
                    lengths = set_terms.lengths[rows] / average
                    score[rows] += rarity * counts * (k1 + 1) / (counts + k1 * (1 - b + b * lengths))
            ranked = [np.flatnonzero((score > 0) & mask) for score, (_, mask) in zip(scores, searched, strict=True)]
            top, places, rows = _top([score[rows] for score, rows in zip(scores, ranked, strict=True)], ranked, top_k)
            rankings.append((-top, places, rows))
        return rankings

    def _hits(self, searched: Rows, scores: np.ndarray, places: np.ndarray, rows: np.ndarray) -> list[dict[str, Any]]:
        key = self.collection._pk_name
        entities = records(searched, places, rows, [key, *self.fields])
        return [
            {"id": entity.pop(key), "distance": score, "entity": entity}
            for score, entity in zip(scores.tolist(), entities, strict=True)
        ]


def _top(scores: list[np.ndarray], rows: list[np.ndarray], top_k: int) -> _Ranking:
    """The `top_k` highest scores of all row sets. Equal scores keep their order."""
    if not scores:
        return np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    together = np.concatenate(scores)
    places = np.repeat(np.arange(len(scores)), [len(set_scores) for set_scores in scores])
    best = best_first(together, top_k)
    return together[best], places[best], np.concatenate(rows)[best]


def _plain_request(collection: Any, options: dict[str, Any]) -> _Request | None:
    """A search as a `_Request`; None if it has options that this module doesn't know."""
    options = dict(options)
    vectors, condition = options.pop("anns_field", None), options.pop("expr", None)
    metric, fields = options.pop("metric_type", None), options.pop("output_fields", None)
    options.pop("search_params", None)  # they tune an index, and all vectors are compared
    options.pop("group_size", None)  # has no effect without a field to group by
    if any(options.values()) or not fields or not vectors or metric not in {"COSINE", "BM25"}:
        return None
    spec = collection._index_specs.get(vectors)
    if spec is None or spec.metric_type != metric:
        return None
    return _Request(collection, vectors, metric, condition, [name for name in fields if name != collection._pk_name])


# --- queries


class _Records(Sequence[dict[str, Any]]):
    """Records that are made when the first of them is read; counting them makes none."""

    def __init__(self, count: int, make: Callable[[], list[dict[str, Any]]]) -> None:
        self._count = count
        self._all = cache(make)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, place: Any) -> Any:
        return self._all()[place]


def _query(
    collection: Any,
    condition: str | None,
    output_fields: list[str] | None = None,
    limit: int | None = None,
    offset: int = 0,
    order_by_pk: bool = False,
    **options: Any,
) -> Sequence[dict[str, Any]] | None:
    """The records that fulfil `condition`; None if there are options that this module doesn't know."""
    collection._require_loaded()
    everything = None if any(options.values()) else snapshot(collection)
    if everything is None:
        return None
    matches = matching(collection, everything, condition)
    places = np.repeat(np.arange(len(matches)), [int(valid.sum()) for _, valid in matches])
    rows = np.concatenate([np.zeros(0, dtype=np.int64), *(np.flatnonzero(valid) for _, valid in matches)])
    end = len(rows) if limit is None else min(len(rows), offset + limit)
    order = _first(matches, collection._pk_name, end) if order_by_pk and end else np.arange(end)
    places, rows = places[order[offset:]], rows[order[offset:]]

    def make() -> list[dict[str, Any]]:
        projection = importlib.import_module("milvus_lite.engine.projection")
        plan = projection.build_projection_plan(output_fields, collection._schema, api_kind="query")
        fields = [name for name in matches[0][0].table.column_names if name not in _INTERNAL]
        needed = fields if plan.engine_fields is None else {*plan.engine_fields, collection._pk_name}
        whole = records(matches, places, rows, [name for name in fields if name in needed])
        return [projection.project_record(record, collection._schema, plan) for record in whole]

    return _Records(len(rows), make if len(rows) else list)


def _first(matches: Rows, key: str, count: int) -> np.ndarray:
    """The numbers of the `count` valid rows with the lowest keys, in the order of their keys."""
    import pyarrow as pa
    from pyarrow import compute

    keys = [row_set.table.column(key).filter(pa.array(valid)) for row_set, valid in matches]
    together = pa.chunked_array([chunk for column in keys for chunk in column.chunks])
    return np.asarray(compute.select_k_unstable(together, count, [(key, "ascending")]))
