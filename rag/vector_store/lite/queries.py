"""Queries and counts in Milvus Lite by columns.

Version 3.2.2 of Milvus Lite copies the vectors of all rows for each query, and makes objects of all values of the rows
that it finds, even where they are but counted: at 400,000 rows that takes minutes and 5 GB.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from rag.vector_store.lite.snapshot import Part, fulfilling, records, snapshot

INTERNAL = {"_seq", "_partition"}


def install() -> None:
    """Have Milvus Lite query this way. Again does nothing. It must have been imported."""
    collection: Any = importlib.import_module("milvus_lite.engine.collection").Collection
    slow_query, slow_count = collection.query, collection._num_entities
    if slow_query.__module__ == __name__:
        return

    def query(self: Any, expr: str | None = None, **options: Any) -> Sequence[dict[str, Any]]:
        found = _query(self, expr, **options)
        return slow_query(self, expr, **options) if found is None else found

    def count(self: Any, partition_names: list[str] | None) -> int:
        parts = None if partition_names else snapshot(self)
        return slow_count(self, partition_names) if parts is None else sum(int(valid.sum()) for _, valid in parts)

    collection.query, collection._num_entities = query, count


class _Records(Sequence[dict[str, Any]]):
    """Records that are made when they are looked at, and not where they are but counted."""

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
    """The records that fulfil the condition. None for what this module doesn't do."""
    collection._require_loaded()
    found = None if any(options.values()) else snapshot(collection)
    if found is None:
        return None
    parts = fulfilling(collection, found, condition)
    places = np.repeat(np.arange(len(parts)), [int(valid.sum()) for _, valid in parts])
    rows = np.concatenate([np.zeros(0, dtype=np.int64), *(np.flatnonzero(valid) for _, valid in parts)])
    end = len(rows) if limit is None else min(len(rows), offset + limit)
    wanted = _first(parts, collection._pk_name, end) if order_by_pk and end else np.arange(end)
    places, rows = places[wanted[offset:]], rows[wanted[offset:]]

    def make() -> list[dict[str, Any]]:
        projection = importlib.import_module("milvus_lite.engine.projection")
        plan = projection.build_projection_plan(output_fields, collection._schema, api_kind="query")
        there = [name for name in parts[0][0].table.column_names if name not in INTERNAL]
        needed = there if plan.engine_fields is None else {*plan.engine_fields, collection._pk_name}
        made = records(parts, places, rows, [name for name in there if name in needed])
        return [projection.project_record(record, collection._schema, plan) for record in made]

    return _Records(len(rows), make if len(rows) else list)


def _first(parts: list[tuple[Part, np.ndarray]], key: str, count: int) -> np.ndarray:
    """The numbers of the `count` rows with the lowest keys, among all that are valid, by their keys."""
    import pyarrow as pa
    from pyarrow import compute

    keys = [part.table.column(key).filter(pa.array(valid)) for part, valid in parts]
    together = pa.chunked_array([chunk for column in keys for chunk in column.chunks])
    return np.asarray(compute.select_k_unstable(together, count, [(key, "ascending")]))
