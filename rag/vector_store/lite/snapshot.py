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
_last: weakref.WeakKeyDictionary[Any, _Known] = weakref.WeakKeyDictionary()


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
            np.nan_to_num(scores, copy=False, nan=-1, posinf=-1, neginf=-1)  # of what isn't a number
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


@dataclass(frozen=True)
class _Known:
    """A collection's rows at its last search, and the states of the collection that they tell of."""

    sealed_state: tuple[int, ...]
    sealed: list[tuple[Part, np.ndarray]]
    deletions: Mapping[str, int]  # that are sealed
    memory: Any  # of rows that aren't sealed; kept, so that nothing else gets its id
    state: tuple[int, ...]
    rows: list[tuple[Part, np.ndarray]]


def snapshot(collection: Any) -> list[tuple[Part, np.ndarray]] | None:
    """The collection's parts, and which of their rows are neither deleted nor replaced by newer ones. None where rows
    aren't as this program makes them."""
    # Milvus Lite remembers most deletions for ever, and until they are sealed they are many: they are looked at when
    # there are new ones, not at each search. A row that is deleted again has been inserted again, with another batch.
    known = _last.get(collection)
    with collection._maintenance_lock:
        memory, deletions = collection._memtable, collection._delta_index._map
        segments = tuple(collection._segment_cache.values())
        sealed_state = (collection._manifest.version, len(deletions), *map(id, segments))
        with memory._lock:
            batches, new_deletions = tuple(memory._insert_batches), memory._delete_index
            state = (*sealed_state, id(memory), len(new_deletions), *map(id, batches))
            if known and known.state == state:
                return known.rows
            new_deletions = {key: entry[0] for key, entry in new_deletions.items()}
        same = known if known and known.sealed_state == sealed_state else None
        deletions = same.deletions if same else dict(deletions)
    if any(len(one.pk_to_row) != len(one.pks) or one.vector_null_mask is not None for one in segments):
        return None
    there = {tuple(map(id, part.made_of)): part for part, _ in known.rows} if known else {}
    if same:
        sealed = same.sealed
    else:
        parts = [
            there.get((id(one),)) or Part([one], one.table, one.pk_to_row, one) for one in segments if len(one.pks)
        ]
        sealed = _valid_rows([], parts, deletions)
    unsealed = [there.get(tuple(map(id, group))) or _unsealed_part(collection, group) for group in _groups(batches)]
    for part in unsealed:  # after a crash some may be older than what is sealed
        for key in part.row_of.keys() & deletions.keys():
            new_deletions[key] = max(deletions[key], new_deletions.get(key, 0))
    rows = _valid_rows(sealed, unsealed, new_deletions)
    _last[collection] = _Known(sealed_state, sealed, deletions, memory, state, rows)
    return rows


def fulfilling(
    collection: Any, parts: list[tuple[Part, np.ndarray]], condition: str | None
) -> list[tuple[Part, np.ndarray]]:
    """The parts with those of the rows that fulfil a condition of Milvus."""
    if not condition:
        return parts
    evaluate = importlib.import_module("milvus_lite.search.filter").evaluate_mask
    compiled = collection._compile_filter(condition)
    return [(part, valid & evaluate(compiled, part.table)) for part, valid in parts]


def records(
    parts: list[tuple[Part, np.ndarray]], places: np.ndarray, rows: np.ndarray, names: Iterable[str]
) -> list[dict[str, Any]]:
    """These fields of rows, each of the part at its place in `parts`."""
    found: list[dict[str, Any]] = [{} for _ in rows]
    for place in np.unique(places):
        mine = np.flatnonzero(places == place)
        for number, values in zip(mine, parts[place][0].values(names, rows[mine]), strict=True):
            found[number] = values
    return found


def forget(collection: Any) -> None:
    """Look at everything anew at the next search."""
    _last.pop(collection, None)


def _groups(batches: Sequence[Any]) -> list[Sequence[Any]]:
    """The last ones alone: others will be added to them."""
    whole = len(batches) // BATCHES_TOGETHER * BATCHES_TOGETHER
    groups = [batches[first : first + BATCHES_TOGETHER] for first in range(0, whole, BATCHES_TOGETHER)]
    return [*groups, *([batch] for batch in batches[whole:])]


def _unsealed_part(collection: Any, batches: Sequence[Any]) -> Part:
    table = importlib.import_module("pyarrow").Table.from_batches(batches)
    keys = table.column(collection._pk_name).to_pylist()
    return Part(batches, table, {key: row for row, key in enumerate(keys)})


def _valid_rows(
    earlier: list[tuple[Part, np.ndarray]], parts: list[Part], deletions: Mapping[str, int]
) -> list[tuple[Part, np.ndarray]]:
    """Also of the `earlier` parts, whose rows have been compared with each other."""
    rows = [(part, mask.copy()) for part, mask in earlier]
    for part in parts:
        newest = np.ones(part.size, dtype=bool)
        if len(part.row_of) != part.size:
            newest[:] = False
            newest[list(part.row_of.values())] = True
        rows.append((part, newest))
    for part, mask in rows:
        for key in part.row_of.keys() & deletions.keys():
            if deletions[key] > part.age(key):
                mask[part.row_of[key]] = False
    for place in range(len(earlier), len(rows)):
        later, other = rows[place]
        for part, mask in rows[:place]:
            for key in part.shared_keys(later):
                if part.age(key) <= later.age(key):
                    mask[part.row_of[key]] = False
                else:
                    other[later.row_of[key]] = False
    return rows
