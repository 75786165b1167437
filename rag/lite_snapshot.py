"""What a collection of Milvus Lite holds at a moment: its parts, as columns, and which of their rows count."""

from __future__ import annotations

import importlib
import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# Batches of rows that aren't sealed yet are searched so many together.
BATCHES_TOGETHER = 16
# So many scores of several queries are computed at once.
SCORES_TOGETHER = 4_000_000
# A segment's first lexical search collects its terms; those that come meanwhile wait.
_collecting = threading.Lock()
# Of each collection, its parts by what they are made of, as they were at its last search.
_parts: weakref.WeakKeyDictionary[Any, dict[tuple[int, ...], Part]] = weakref.WeakKeyDictionary()


@dataclass(eq=False)
class Part:
    """Rows that don't change: a segment, or batches that were inserted since the last one was sealed."""

    made_of: Sequence[Any]  # kept, so that nothing else gets their ids
    table: Any
    row_of: Mapping[str, int]  # of each key the newest row
    segment: Any = None
    _terms: dict[str, Terms] = field(default_factory=dict)
    _vectors: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    _shared: weakref.WeakKeyDictionary[Part, list[str]] = field(default_factory=weakref.WeakKeyDictionary)

    @property
    def size(self) -> int:
        return int(self.table.num_rows)

    def age(self, key: str) -> int:
        """Higher for what was written later."""
        row = self.row_of[key]
        return int(self.segment.seqs[row]) if self.segment else int(self.table.column("_seq")[row].as_py())

    def shared_keys(self, other: Part) -> list[str]:
        """The keys that have rows in both."""
        if other not in self._shared:
            self._shared[other] = list(self.row_of.keys() & other.row_of.keys())
        return self._shared[other]

    def nearest(
        self, name: str, queries: np.ndarray, top_k: int, valid: np.ndarray
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """The cosines of the best valid rows and these rows, best first, for each query, which has a length of 1."""
        vectors, lengths = self._dense(name)
        answers = []
        together = max(1, SCORES_TOGETHER // self.size)
        for first in range(0, len(queries), together):
            scores = queries[first : first + together] @ vectors.T
            scores /= lengths
            if not valid.all():
                scores[:, ~valid] = -np.inf
            for line in scores:
                rows = best_first(line, min(top_k, int(valid.sum())))
                answers.append((line[rows], rows))
        return answers

    def _dense(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The vectors and their lengths."""
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
        """These fields of these rows."""
        # One by one: to take some of a column of several pieces, Arrow puts these together.
        columns = {name: self.table.column(name) for name in names}
        return [{name: column[row].as_py() for name, column in columns.items()} for row in rows.tolist()]


@dataclass(frozen=True, eq=False)
class Terms:
    """Which rows have a term, and how often."""

    terms: np.ndarray
    counted: Any  # a matrix by columns (CSC): how often each row has each of the terms
    lengths: np.ndarray  # terms of each row

    def of(self, term: int) -> tuple[np.ndarray, np.ndarray]:
        """The rows that have this term, and how often each has it."""
        place = np.flatnonzero(self.terms == term)
        begin, end = self.counted.indptr[[place[0], place[0] + 1]] if place.size else (0, 0)
        return self.counted.indices[begin:end], self.counted.data[begin:end]


def _collect(packed: list[bytes | None]) -> Terms:
    """From rows as Milvus Lite keeps them: pairs of a term (uint32) and its count (float32)."""
    import pyarrow as pa
    from scipy import sparse

    pairs = np.frombuffer(b"".join(row or b"" for row in packed), dtype=[("term", "<u4"), ("count", "<f4")])
    # Numbers of the terms in the order of their coming: sorting would take longer than all the rest.
    numbered = pa.array(np.ascontiguousarray(pairs["term"])).dictionary_encode()
    ends = np.cumsum([0, *(len(row or b"") // 8 for row in packed)], dtype=np.int32)
    by_row = (np.ascontiguousarray(pairs["count"]), numbered.indices.to_numpy(), ends)
    counted = sparse.csr_array(by_row, shape=(len(packed), len(numbered.dictionary)))
    return Terms(numbered.dictionary.to_numpy(), counted.tocsc(), counted.sum(axis=1, dtype=np.float64))


def best_first(scores: np.ndarray, count: int) -> np.ndarray:
    """The places of the `count` highest scores; of equal ones the first come first."""
    best = np.arange(len(scores))
    if len(scores) > count:
        best = np.flatnonzero(scores >= np.partition(scores, -count)[-count]) if count else best[:0]
    return np.asarray(best[np.argsort(-scores[best], kind="stable")][:count])


def snapshot(collection: Any) -> list[tuple[Part, np.ndarray]] | None:
    """The collection's parts, and which of their rows are neither deleted nor replaced by newer ones. None where rows
    aren't as this program makes them."""
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
    made: dict[tuple[int, ...], Part] = {}
    name: tuple[int, ...]
    for segment in segments:
        if len(segment.pks):
            name = (id(segment),)
            made[name] = known.get(name) or Part([segment], segment.table, segment.pk_to_row, segment)
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


def _unsealed_part(collection: Any, batches: Sequence[Any]) -> Part:
    table = importlib.import_module("pyarrow").Table.from_batches(batches)
    keys = table.column(collection._pk_name).to_pylist()
    return Part(batches, table, {key: row for row, key in enumerate(keys)})


def _valid_rows(parts: list[Part], deletions: Mapping[str, int]) -> list[tuple[Part, np.ndarray]]:
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
