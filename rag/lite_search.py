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
import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# Batches of rows that aren't sealed yet are searched so many together.
BATCHES_TOGETHER = 16
# A segment's first lexical search collects its terms; those that come meanwhile wait.
_collecting = threading.Lock()
# Of each collection, its parts by what they are made of, as they were at its last search.
_parts: weakref.WeakKeyDictionary[Any, dict[tuple[int, ...], _Part]] = weakref.WeakKeyDictionary()

Hits = list[list[dict[str, Any]]]
# Scores, numbers of parts, rows; best first.
_Ranking = tuple[np.ndarray, np.ndarray, np.ndarray]


def install() -> None:
    """Have Milvus Lite search this way. Again does nothing. It must have been imported."""
    collection: Any = importlib.import_module("milvus_lite.engine.collection").Collection
    slow, flush = collection.search, collection._trigger_flush
    if slow.__module__ == __name__:
        return

    def search(self: Any, query_vectors: list[Any], top_k: int = 10, **options: Any) -> Hits:
        request = _plain_request(self, options) if query_vectors and top_k > 0 else None
        found = request.answer(query_vectors, top_k) if request else None
        return slow(self, query_vectors, top_k, **options) if found is None else found

    def flush_alone(self: Any) -> None:
        # From the moment when new rows go elsewhere until the old ones are a segment, they can't be seen.
        with self._maintenance_lock:
            flush(self)

    collection.search, collection._trigger_flush = search, flush_alone


@dataclass(eq=False)
class _Part:
    """Rows that don't change: a segment, or batches that were inserted since the last one was sealed."""

    made_of: Sequence[Any]  # kept, so that nothing else gets their ids
    table: Any
    row_of: Mapping[str, int]  # of each key the newest row
    segment: Any = None
    _terms: dict[str, _Terms] = field(default_factory=dict)
    _index: dict[str, Any] = field(default_factory=dict)
    _shared: weakref.WeakKeyDictionary[_Part, list[str]] = field(default_factory=weakref.WeakKeyDictionary)

    @property
    def size(self) -> int:
        return int(self.table.num_rows)

    def age(self, key: str) -> int:
        """Higher for what was written later."""
        row = self.row_of[key]
        return int(self.segment.seqs[row]) if self.segment else int(self.table.column("_seq")[row].as_py())

    def shared_keys(self, other: _Part) -> list[str]:
        if other not in self._shared:
            self._shared[other] = list(self.row_of.keys() & other.row_of.keys())
        return self._shared[other]

    def nearest(self, name: str, queries: np.ndarray, top_k: int, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows and cosine distances, one line for each query, padded with -1."""
        index = (self.segment.indexes.get(name) if self.segment else None) or self._index.get(name)
        if index is None:  # it isn't sealed, or its index is being built
            brute_force = importlib.import_module("milvus_lite.index.brute_force").BruteForceIndex
            index = self._index[name] = brute_force.build(self._vectors(name), "COSINE")
        return index.search(queries, top_k, valid_mask=None if valid.all() else valid)  # type: ignore[no-any-return]

    def _vectors(self, name: str) -> np.ndarray:
        if self.segment:
            return np.asarray(self.segment.vector_data(name)[0])
        column = self.table.column(name).combine_chunks()
        return np.asarray(column.flatten().to_numpy(zero_copy_only=False), np.float32).reshape(len(column), -1)

    def terms(self, name: str) -> _Terms:
        with _collecting:
            if name not in self._terms:
                self._terms[name] = _collect(self.table.column(name).to_pylist())
            return self._terms[name]

    def values(self, names: Iterable[str], rows: np.ndarray) -> list[dict[str, Any]]:
        """These fields of these rows."""
        columns = {name: self.table.column(name).take(rows).to_pylist() for name in names}
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


@dataclass(frozen=True, eq=False)
class _Terms:
    """Which rows have a term, and how often: of `rows` and `counts` the part that `spans` names."""

    rows: np.ndarray
    counts: np.ndarray
    spans: dict[int, tuple[int, int]]
    lengths: np.ndarray  # terms of each row

    def of(self, term: int) -> tuple[np.ndarray, np.ndarray]:
        begin, end = self.spans.get(term, (0, 0))
        return self.rows[begin:end], self.counts[begin:end]


def _collect(packed: list[bytes | None]) -> _Terms:
    """From rows as Milvus Lite keeps them: pairs of a term (uint32) and its count (float32)."""
    pairs = np.frombuffer(b"".join(row or b"" for row in packed), dtype=[("term", "<u4"), ("count", "<f4")])
    rows = np.repeat(np.arange(len(packed), dtype=np.int32), [len(row or b"") // 8 for row in packed])
    order = np.argsort(pairs["term"], kind="stable")
    found, begins = np.unique(pairs["term"][order], return_index=True)
    ends = [*begins[1:].tolist(), len(order)]
    spans = dict(zip(found.tolist(), zip(begins.tolist(), ends, strict=True), strict=True))
    lengths = np.bincount(rows, pairs["count"], minlength=len(packed))
    return _Terms(rows[order], pairs["count"][order], spans, lengths)


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
        found = _snapshot(self.collection)
        if found is None or any(set(self.fields) - set(part.table.column_names) for part, _ in found):
            return None
        parts = self._filtered(found)
        if self.metric == "COSINE":
            ranked = self._nearest(parts, queries, top_k)
        else:
            ranked = self._best(parts, [there for _, there in found], queries, top_k)
        return [self._hits(parts, *one) for one in ranked]

    def _filtered(self, parts: list[tuple[_Part, np.ndarray]]) -> list[tuple[_Part, np.ndarray]]:
        if not self.condition:
            return parts
        evaluate = importlib.import_module("milvus_lite.search.filter").evaluate_mask
        compiled = self.collection._compile_filter(self.condition)
        return [(part, valid & evaluate(compiled, part.table)) for part, valid in parts]

    def _nearest(self, parts: list[tuple[_Part, np.ndarray]], queries: list[Any], top_k: int) -> list[_Ranking]:
        """A ranking for each query, by cosine."""
        vectors = np.asarray(queries, dtype=np.float32)
        found = [part.nearest(self.vectors, vectors, top_k, valid) for part, valid in parts]
        answers = []
        for place in range(len(queries)):
            kept = [rows[place][rows[place] >= 0] for rows, _ in found]
            scores = [1 - distances[place][: len(rows)] for (_, distances), rows in zip(found, kept, strict=True)]
            answers.append(_top(scores, kept, top_k))
        return answers

    def _best(
        self, parts: list[tuple[_Part, np.ndarray]], there: list[np.ndarray], queries: list[Any], top_k: int
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
        self, parts: list[tuple[_Part, np.ndarray]], scores: np.ndarray, places: np.ndarray, rows: np.ndarray
    ) -> list[dict[str, Any]]:
        hits: list[dict[str, Any]] = [{} for _ in scores]
        key = self.collection._pk_name
        for place in np.unique(places):
            mine = np.flatnonzero(places == place)
            for number, values in zip(mine, parts[place][0].values([key, *self.fields], rows[mine]), strict=True):
                hits[number] = {"id": values.pop(key), "distance": float(scores[number]), "entity": values}
        return hits


def _top(scores: list[np.ndarray], rows: list[np.ndarray], top_k: int) -> _Ranking:
    """The `top_k` highest scores of all parts, with their part's number and row; of equal ones the first come first."""
    if not scores:
        return np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    together = np.concatenate(scores)
    places = np.repeat(np.arange(len(scores)), [len(one) for one in scores])
    best = np.arange(len(together))
    if len(together) > top_k:
        best = np.flatnonzero(together >= np.partition(together, -top_k)[-top_k])
    best = best[np.argsort(-together[best], kind="stable")][:top_k]
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


def _snapshot(collection: Any) -> list[tuple[_Part, np.ndarray]] | None:
    """The collection's parts, and which of their rows are neither deleted nor replaced by newer ones."""
    with collection._maintenance_lock:
        memory = collection._memtable
        with memory._lock:
            batches = tuple(memory._insert_batches)
            deletions = {key: entry[0] for key, entry in memory._delete_index.items()}
        segments, tombstones = collection._read_snapshot()
    if any(len(one.pk_to_row) != len(one.pks) or one.vector_null_mask is not None for one in segments):
        return None
    for key, age in tombstones._map.items():
        deletions[key] = max(age, deletions.get(key, age))
    known = _parts.setdefault(collection, {})
    made: dict[tuple[int, ...], _Part] = {}
    name: tuple[int, ...]
    for segment in segments:
        if len(segment.pks):
            name = (id(segment),)
            made[name] = known.get(name) or _Part([segment], segment.table, segment.pk_to_row, segment)
    for group in _groups(batches):
        name = tuple(map(id, group))
        made[name] = known.get(name) or _unsealed_part(collection, group)
    _parts[collection] = made
    return _valid_rows(list(made.values()), deletions)


def _groups(batches: Sequence[Any]) -> list[Sequence[Any]]:
    """The last ones alone: others will be added to them."""
    whole = len(batches) // BATCHES_TOGETHER * BATCHES_TOGETHER
    groups = [batches[first : first + BATCHES_TOGETHER] for first in range(0, whole, BATCHES_TOGETHER)]
    return [*groups, *([batch] for batch in batches[whole:])]


def _unsealed_part(collection: Any, batches: Sequence[Any]) -> _Part:
    table = importlib.import_module("pyarrow").Table.from_batches(batches)
    keys = table.column(collection._pk_name).to_pylist()
    return _Part(batches, table, {key: row for row, key in enumerate(keys)})


def _valid_rows(parts: list[_Part], deletions: Mapping[str, int]) -> list[tuple[_Part, np.ndarray]]:
    masks = []
    for part in parts:
        newest = np.ones(part.size, dtype=bool)
        if len(part.row_of) != part.size:
            newest[:] = False
            newest[list(part.row_of.values())] = True
        for key in part.row_of.keys() & deletions.keys():
            if deletions[key] > part.age(key):
                newest[part.row_of[key]] = False
        masks.append(newest)
    for place, (part, mask) in enumerate(zip(parts, masks, strict=True)):
        for later, other in zip(parts[place + 1 :], masks[place + 1 :], strict=True):
            for key in part.shared_keys(later):
                if part.age(key) <= later.age(key):
                    mask[part.row_of[key]] = False
                else:
                    other[later.row_of[key]] = False
    return list(zip(parts, masks, strict=True))
