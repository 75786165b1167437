"""The rows of a Milvus Lite collection at one moment: sets of rows as columns, each with a mask of its valid rows."""

from __future__ import annotations

import importlib
import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# Unsealed batches of rows that are joined to one row set.
BATCHES_TOGETHER = 16
# Scores that are computed at a time, for several queries together: 16 MB.
SCORES_TOGETHER = 4_000_000
# Held while a segment's first lexical search collects its terms, so that concurrent searches wait for them.
_collecting = threading.Lock()
_last: weakref.WeakKeyDictionary[Any, _Seen] = weakref.WeakKeyDictionary()


@dataclass(eq=False)
class RowSet:
    """Rows that don't change: the rows of a segment, or of batches inserted since the last sealing."""

    made_of: Sequence[Any]  # the segment or batches, kept so that no other object gets their id()
    table: Any
    row_of: Mapping[str, int]  # the newest row of each key
    segment: Any = None
    _terms: dict[str, Terms] = field(default_factory=dict)
    _vectors: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    _shared: weakref.WeakKeyDictionary[RowSet, list[str]] = field(default_factory=weakref.WeakKeyDictionary)

    @property
    def size(self) -> int:
        return int(self.table.num_rows)

    def age(self, key: str) -> int:
        """The number of a key's newest row in the order of writing: higher for a later row."""
        row = self.row_of[key]
        return int(self.segment.seqs[row]) if self.segment else int(self.table.column("_seq")[row].as_py())

    def shared_keys(self, other: RowSet) -> list[str]:
        """The keys that have rows in both sets."""
        if other not in self._shared:
            self._shared[other] = list(self.row_of.keys() & other.row_of.keys())
        return self._shared[other]

    def nearest(
        self, name: str, queries: np.ndarray, top_k: int, valid: np.ndarray
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each query (a vector of length 1), the cosines and numbers of the nearest valid rows, best first."""
        vectors, lengths = self._dense(name)
        answers = []
        together = max(1, SCORES_TOGETHER // self.size)
        for first in range(0, len(queries), together):
            scores = queries[first : first + together] @ vectors.T
            scores /= lengths
            # Vectors may hold NaN or infinity.
            np.nan_to_num(scores, copy=False, nan=-1, posinf=-1, neginf=-1)
            if not valid.all():
                scores[:, ~valid] = -np.inf
            for query_scores in scores:
                rows = best_first(query_scores, min(top_k, int(valid.sum())))
                answers.append((query_scores[rows], rows))
        return answers

    def _dense(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The vectors of a field, and their lengths."""
        if name not in self._vectors:
            if self.segment:
                vectors = self.segment.vector_data(name)[0]
            else:
                column = self.table.column(name).combine_chunks()
                vectors = np.asarray(column.flatten(), np.float32).reshape(len(column), -1)
            lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
            self._vectors[name] = (vectors, np.where(lengths > 0, lengths, 1))
        return self._vectors[name]

    def terms(self, name: str) -> Terms:
        """The terms of a lexical field."""
        with _collecting:
            if name not in self._terms:
                self._terms[name] = _collect(self.table.column(name).to_pylist())
            return self._terms[name]

    def values(self, names: Iterable[str], rows: np.ndarray) -> list[dict[str, Any]]:
        """The named fields of `rows`, one dictionary a row."""
        # One value at a time: Arrow's `take` would first join all pieces of a column.
        columns = {name: self.table.column(name) for name in names}
        return [{name: column[row].as_py() for name, column in columns.items()} for row in rows.tolist()]


# Row sets, each with a mask of its valid rows.
Rows = list[tuple[RowSet, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Terms:
    """Which rows have a term, and how often."""

    terms: np.ndarray  # of each column of `counted`
    counted: Any  # a matrix (CSC), row × term: how often the row has the term
    lengths: np.ndarray  # the number of terms of each row

    def of(self, term: int) -> tuple[np.ndarray, np.ndarray]:
        """The rows that have `term`, and how often each has it."""
        place = np.flatnonzero(self.terms == term)
        begin, end = self.counted.indptr[[place[0], place[0] + 1]] if place.size else (0, 0)
        return self.counted.indices[begin:end], self.counted.data[begin:end]


def _collect(packed: list[bytes | None]) -> Terms:
    """The terms of rows, unpacked from Milvus Lite's form: pairs of a term (uint32) and its count (float32)."""
    import pyarrow as pa
    from scipy import sparse

    pairs = np.frombuffer(b"".join(row or b"" for row in packed), dtype=[("term", "<u4"), ("count", "<f4")])
    # Terms are numbered in the order of their first row: sorting them would take longer than all the rest.
    numbered = pa.array(np.ascontiguousarray(pairs["term"])).dictionary_encode()
    ends = np.cumsum([0, *(len(row or b"") // 8 for row in packed)], dtype=np.int32)
    by_row = (np.ascontiguousarray(pairs["count"]), numbered.indices.to_numpy(), ends)
    counted = sparse.csr_array(by_row, shape=(len(packed), len(numbered.dictionary)))
    return Terms(numbered.dictionary.to_numpy(), counted.tocsc(), counted.sum(axis=1, dtype=np.float64))


def best_first(scores: np.ndarray, count: int) -> np.ndarray:
    """The places of the `count` highest scores, highest first. Equal scores keep their order."""
    best = np.arange(len(scores))
    if len(scores) > count:
        best = np.flatnonzero(scores >= np.partition(scores, -count)[-count]) if count else best[:0]
    return np.asarray(best[np.argsort(-scores[best], kind="stable")][:count])


@dataclass(frozen=True)
class _Seen:
    """A collection's rows at its last search, and the states of the collection for which they hold."""

    sealed_state: tuple[int, ...]
    sealed: Rows
    deletions: Mapping[str, int]  # sealed deletions
    memory: Any  # the table of unsealed rows, kept so that no other object gets its id()
    state: tuple[int, ...]
    rows: Rows


def snapshot(collection: Any) -> Rows | None:
    """The collection's row sets. A row is valid unless it was deleted or a newer row has its key. None if rows aren't
    in Docent's form."""
    # Milvus Lite keeps most deletions for ever, and many are unsealed at a time. So they are read only when there are
    # new ones, not at each search. Their number tells: a key is deleted a second time only after it was inserted a
    # second time, with another batch.
    seen = _last.get(collection)
    with collection._maintenance_lock:
        memory, deletions = collection._memtable, collection._delta_index._map
        segments = tuple(collection._segment_cache.values())
        sealed_state = (collection._manifest.version, len(deletions), *map(id, segments))
        with memory._lock:
            batches, new_deletions = tuple(memory._insert_batches), memory._delete_index
            state = (*sealed_state, id(memory), len(new_deletions), *map(id, batches))
            if seen and seen.state == state:
                return seen.rows
            new_deletions = {key: entry[0] for key, entry in new_deletions.items()}
        unchanged = seen if seen and seen.sealed_state == sealed_state else None
        deletions = unchanged.deletions if unchanged else dict(deletions)
    if any(len(segment.pk_to_row) != len(segment.pks) or segment.vector_null_mask is not None for segment in segments):
        return None
    earlier = {tuple(map(id, row_set.made_of)): row_set for row_set, _ in seen.rows} if seen else {}
    if unchanged:
        sealed = unchanged.sealed
    else:
        row_sets = [
            earlier.get((id(segment),)) or RowSet([segment], segment.table, segment.pk_to_row, segment)
            for segment in segments
            if len(segment.pks)
        ]
        sealed = _valid_rows([], row_sets, deletions)
    unsealed = [earlier.get(tuple(map(id, group))) or _unsealed_rows(collection, group) for group in _groups(batches)]
    for row_set in unsealed:  # after a crash, some unsealed rows may be older than sealed deletions
        for key in row_set.row_of.keys() & deletions.keys():
            new_deletions[key] = max(deletions[key], new_deletions.get(key, 0))
    rows = _valid_rows(sealed, unsealed, new_deletions)
    _last[collection] = _Seen(sealed_state, sealed, deletions, memory, state, rows)
    return rows


def matching(collection: Any, rows: Rows, condition: str | None) -> Rows:
    """The same row sets, with only those valid rows marked that fulfil a condition of Milvus."""
    if not condition:
        return rows
    evaluate = importlib.import_module("milvus_lite.search.filter").evaluate_mask
    compiled = collection._compile_filter(condition)
    return [(row_set, valid & evaluate(compiled, row_set.table)) for row_set, valid in rows]


def records(row_sets: Rows, places: np.ndarray, rows: np.ndarray, names: Iterable[str]) -> list[dict[str, Any]]:
    """The named fields of rows: row `rows[i]` of the row set `row_sets[places[i]]`, for each i."""
    fields: list[dict[str, Any]] = [{} for _ in rows]
    for place in np.unique(places):
        numbers = np.flatnonzero(places == place)
        for number, values in zip(numbers, row_sets[place][0].values(names, rows[numbers]), strict=True):
            fields[number] = values
    return fields


def _groups(batches: Sequence[Any]) -> list[Sequence[Any]]:
    """The batches in groups of BATCHES_TOGETHER. A remainder stays ungrouped, since more batches will follow."""
    whole = len(batches) // BATCHES_TOGETHER * BATCHES_TOGETHER
    groups = [batches[first : first + BATCHES_TOGETHER] for first in range(0, whole, BATCHES_TOGETHER)]
    return [*groups, *([batch] for batch in batches[whole:])]


def _unsealed_rows(collection: Any, batches: Sequence[Any]) -> RowSet:
    table = importlib.import_module("pyarrow").Table.from_batches(batches)
    keys = table.column(collection._pk_name).to_pylist()
    return RowSet(batches, table, {key: row for row, key in enumerate(keys)})


def _valid_rows(earlier: Rows, added: list[RowSet], deletions: Mapping[str, int]) -> Rows:
    """`earlier` and `added` row sets with masks of valid rows. `earlier` sets have been compared with each other."""
    rows = [(row_set, mask.copy()) for row_set, mask in earlier]
    for row_set in added:
        newest = np.ones(row_set.size, dtype=bool)
        if len(row_set.row_of) != row_set.size:
            newest[:] = False
            newest[list(row_set.row_of.values())] = True
        rows.append((row_set, newest))
    for row_set, mask in rows:
        for key in row_set.row_of.keys() & deletions.keys():
            if deletions[key] > row_set.age(key):
                mask[row_set.row_of[key]] = False
    for place in range(len(earlier), len(rows)):
        later, later_mask = rows[place]
        for row_set, mask in rows[:place]:
            for key in row_set.shared_keys(later):
                if row_set.age(key) <= later.age(key):
                    mask[row_set.row_of[key]] = False
                else:
                    later_mask[later.row_of[key]] = False
    return rows
