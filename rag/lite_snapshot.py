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
    _index: dict[str, Any] = field(default_factory=dict)
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

    def terms(self, name: str) -> Terms:
        """The terms of a lexical field."""
        with _collecting:
            if name not in self._terms:
                self._terms[name] = _collect(self.table.column(name).to_pylist())
            return self._terms[name]

    def values(self, names: Iterable[str], rows: np.ndarray) -> list[dict[str, Any]]:
        """These fields of these rows."""
        columns = {name: self.table.column(name).take(rows).to_pylist() for name in names}
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


@dataclass(frozen=True, eq=False)
class Terms:
    """Which rows have a term, and how often: of `rows` and `counts` the part that `spans` names."""

    rows: np.ndarray
    counts: np.ndarray
    spans: dict[int, tuple[int, int]]
    lengths: np.ndarray  # terms of each row

    def of(self, term: int) -> tuple[np.ndarray, np.ndarray]:
        """The rows that have this term, and how often each has it."""
        begin, end = self.spans.get(term, (0, 0))
        return self.rows[begin:end], self.counts[begin:end]


def _collect(packed: list[bytes | None]) -> Terms:
    """From rows as Milvus Lite keeps them: pairs of a term (uint32) and its count (float32)."""
    pairs = np.frombuffer(b"".join(row or b"" for row in packed), dtype=[("term", "<u4"), ("count", "<f4")])
    rows = np.repeat(np.arange(len(packed), dtype=np.int32), [len(row or b"") // 8 for row in packed])
    order = np.argsort(pairs["term"], kind="stable")
    found, begins = np.unique(pairs["term"][order], return_index=True)
    ends = [*begins[1:].tolist(), len(order)]
    spans = dict(zip(found.tolist(), zip(begins.tolist(), ends, strict=True), strict=True))
    lengths = np.bincount(rows, pairs["count"], minlength=len(packed))
    return Terms(rows[order], pairs["count"][order], spans, lengths)


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
