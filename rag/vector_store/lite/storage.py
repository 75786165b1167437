"""How Milvus Lite keeps a collection: rows on disk instead of in memory, and no stop of seconds while they get there.

Version 3.2.2 of Milvus Lite makes Python objects of 128 MB of rows when it seals them, merges up to 200,000 rows in
memory, and keeps all rows in memory, their vectors twice: at 130,000 rows that takes 3.6 GB. The files stay as Milvus
Lite makes and reads them.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import importlib
import logging
import mmap
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import IO, Any

import numpy as np

from rag.vector_store.lite.snapshot import forget

# What isn't sealed yet takes this much memory at most: a few thousand rows.
UNSEALED_BYTES = 8 * 1024 * 1024
# A merge, which has its rows in memory, takes so many at most, and of small files so many at the least.
MERGED_ROWS = 16_000
LEAST_FILES = 4
# Rows of a Parquet file that are decoded together.
DECODED_ROWS = 4_096
# What all decoded copies may take of the disk that is free without them: the rest is for what is to be kept.
SHARE_OF_DISK = 0.25

logger = logging.getLogger(__name__)
# What is mapped now.
_copies: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()


def install() -> None:
    """Have Milvus Lite do it this way. Again does nothing. It must have been imported."""
    engine: Any = importlib.import_module("milvus_lite.engine.collection")
    compaction: Any = importlib.import_module("milvus_lite.engine.compaction")
    segment: Any = importlib.import_module("milvus_lite.storage.segment")
    collection, manager, memtable = engine.Collection, compaction.CompactionManager, engine.MemTable
    if memtable._build_data_table is _sealed_rows:
        return
    engine.MEMTABLE_MEMORY_LIMIT = UNSEALED_BYTES
    collection._trigger_flush = functools.partialmethod(_seal, collection._trigger_flush)
    collection.close = functools.partialmethod(_close, collection.close)
    memtable._build_data_table = _sealed_rows
    compaction.MAX_SEGMENT_ROWS = MERGED_ROWS
    collection._bg_compact_and_index = functools.partialmethod(_maintain, collection._bg_compact_and_index)
    manager._select_target = _files_to_merge
    manager._dedup_max_seq = functools.partialmethod(_without_replaced, manager._dedup_max_seq)
    compaction.read_data_file = segment.read_data_file = functools.partial(_mapped, segment.read_data_file)
    segment.Segment.build_or_load_index = functools.partialmethod(_index, segment.Segment.build_or_load_index)


def _seal(self: Any, seal: Any) -> None:
    """Milvus Lite forgets the rows where this fails, and deletes the log that has them after the next time."""
    manifest = self._manifest
    with self._maintenance_lock:  # from when new rows go elsewhere until the old ones are a segment, they can't be seen
        unsealed, log = self._memtable, self._wal
        listed = {**vars(manifest), "_partitions": copy.deepcopy(manifest._partitions)}
        try:
            seal(self)
        except BaseException as error:
            forget(self)
            if manifest.version != listed["_version"]:  # they are sealed
                self._refresh_segment_cache()
                raise
            vars(manifest).update(listed)
            later, self._memtable = self._memtable, unsealed
            if later is not unsealed:
                for batch in later._insert_batches:
                    unsealed.apply_insert(batch)
                for key, (age, partition) in later._delete_index.items():
                    unsealed.apply_delete(self._build_wal_delta_batch([key], partition, age))
            self._recovered_wal_bytes += log.size_bytes
            # What was there when the file was opened can be searched unsealed, also where the disk is full.
            if log.size_bytes or not isinstance(error, OSError):
                raise
            logger.warning("The rows of %s stay unsealed: %s", self.name, error)


def _close(self: Any, close: Any) -> None:
    try:
        close(self)
    finally:  # also where it couldn't be sealed: no merge may come after this
        self._bg_closed = True
        self._bg_executor.shutdown()


def _sealed_rows(self: Any, rows: list[tuple[int, int]]) -> Any:
    """These rows, as numbers of a batch and of a row in it, as a table."""
    import pyarrow as pa

    table = pa.Table.from_batches(self._insert_batches)
    starts = np.cumsum([0, *(batch.num_rows for batch in self._insert_batches)])
    places = np.asarray(rows).reshape(-1, 2)
    taken = table.select(self._data_schema.names).take(starts[places[:, 0]] + places[:, 1])
    return pa.Table.from_arrays(taken.columns, schema=self._data_schema)


def _maintain(self: Any, maintain: Any) -> None:
    version = None
    while version != self._manifest.version:  # a merge takes so many rows only
        with self._maintenance_lock:
            version, deletions = self._manifest.version, self._delta_index._map
            self._compaction_mgr.deleted = {
                name: sum(
                    deletions[key] > segment.seqs[segment.pk_to_row[key]]
                    for key in segment.pk_to_row.keys() & deletions.keys()
                )
                for (_, name), segment in self._segment_cache.items()
            }
        maintain(self)


def _files_to_merge(self: Any, buckets: list[list[tuple[str, int]]], _: int, folder: str) -> list[str] | None:
    """The smallest ones, if they are a few, or those of which half is deleted. Milvus Lite takes the first ones, which
    may be what it has merged before, and then finds no room for others."""
    from pyarrow import parquet

    rows = {name: parquet.read_metadata(Path(folder, name)).num_rows for bucket in buckets for name, _ in bucket}
    left = {name: count - self.deleted.get(name, 0) for name, count in rows.items()}
    smallest = sorted(rows, key=rows.__getitem__)
    chosen = _together(smallest, rows, MERGED_ROWS)
    # A large one isn't written anew for a few rows that come to it.
    while chosen and rows[chosen[-1]] > sum(rows[name] for name in chosen[:-1]):
        chosen.pop()
    if len(chosen) >= LEAST_FILES:
        return chosen
    deleted = [name for name in smallest if left[name] <= rows[name] / 2]
    return (_together(deleted, rows, MERGED_ROWS) or deleted[:1]) or None


def _together(names: list[str], rows: dict[str, int], most: int) -> list[str]:
    """The first of them that have at most so many rows together."""
    return [name for name, total in zip(names, np.cumsum([rows[name] for name in names]), strict=True) if total <= most]


def _without_replaced(self: Any, remove: Any, table: Any) -> Any:
    """Milvus Lite copies all rows, twice; mostly there are none to remove."""
    from pyarrow import compute

    if compute.count_distinct(table.column(self._pk_name)).as_py() == table.num_rows:
        return table
    return remove(self, table)


def _index(self: Any, build: Any, spec: Any, folder: str) -> None:
    """None where all vectors are looked at anyway, as `lite.searches` does: it would be a copy of them."""
    if spec.index_type != "FLAT" and (spec.index_type, spec.build_params.get("nlist")) != ("IVF_FLAT", 1):
        build(self, spec, folder)
        return
    with contextlib.suppress(OSError):  # of an earlier version
        Path(self.index_file_path(folder, spec.index_type, spec.field_name)).unlink()


def _mapped(read: Any, path: str) -> Any:
    """A data file as a table whose columns are on disk: a decoded copy without a name, which goes when the table does.

    The system keeps in memory what is used of it, as long as there is room.
    """
    try:
        return _decoded(path)
    except (OSError, ValueError) as error:
        logger.warning("The rows of %s are kept in memory: %s", path, error)
        return read(path)


def _decoded(path: str) -> Any:
    import pyarrow as pa
    from pyarrow import parquet

    with contextlib.ExitStack() as opened:
        source = opened.enter_context(parquet.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20))
        schema, rows = source.schema_arrow, source.metadata.num_rows
        # Beside Milvus Lite's folders: not all systems remove a folder with a file that is in use.
        folder = Path(path).parents[5]
        copied = sum(map(len, list(_copies)))
        size = sum(source.metadata.row_group(number).total_byte_size for number in range(source.num_row_groups))
        if copied + size > (copied + shutil.disk_usage(folder).free) * SHARE_OF_DISK:
            raise OSError(f"a copy of {size:,} bytes would take too much of what is free on the disk")
        # Each vector field has a file of its own: all its vectors are one array, as Milvus Lite wants them.
        vectors = {field.name: field.type for field in schema if pa.types.is_fixed_size_list(field.type)}
        others = pa.schema([field for field in schema if field.name not in vectors])
        files = {name: opened.enter_context(tempfile.TemporaryFile(dir=folder)) for name in vectors}
        rest = opened.enter_context(tempfile.TemporaryFile(dir=folder))
        with pa.ipc.new_file(pa.PythonFile(rest, "w"), others) as writer:
            for batch in source.iter_batches(DECODED_ROWS):
                writer.write_batch(batch.select(others.names))
                for name, file in files.items():
                    if batch.column(name).null_count:
                        raise ValueError(f"some of {name} is missing")
                    file.write(batch.column(name).flatten().to_numpy())
        columns = dict(zip(others.names, pa.ipc.open_file(_on_disk(rest)).read_all().columns, strict=True))
        for name, kind in vectors.items():
            values = pa.Array.from_buffers(kind.value_type, rows * kind.list_size, [None, _on_disk(files[name])])
            columns[name] = pa.Array.from_buffers(kind, rows, [None], children=[values])
        pa.default_memory_pool().release_unused()  # which it would keep for the next time
        return pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)


def _on_disk(file: IO[bytes]) -> Any:
    import pyarrow as pa

    file.flush()
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    _copies.add(mapped)
    return pa.py_buffer(mapped)
