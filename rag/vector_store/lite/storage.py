"""Keeps the rows of Milvus Lite on the disk instead of in memory, and writes them without stopping searches for long.

Milvus Lite 3.2.2 makes Python objects of 128 MB of rows when it seals them, merges up to 200,000 rows in memory, and
keeps all rows in memory, their vectors twice: 3.6 GB at 130,000 rows. The format of its files stays the same. Each
public function here takes a function of Milvus Lite and returns its replacement; `patches` has the table.
"""

from __future__ import annotations

import contextlib
import logging
import mmap
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import IO, Any

import numpy as np

# Unsealed rows take this much memory at most: a few thousand rows.
UNSEALED_BYTES = 8 * 1024 * 1024
# Rows of a file that a merge makes. A merge has at most twice this number of rows in memory.
MERGED_ROWS = 8_000
# With more files than this, each sealing merges some, the oldest first. Only a merge takes deleted rows out of a file.
MOST_FILES = 16
# Rows of a Parquet file that are decoded at a time.
DECODED_ROWS = 4_096
# The most that all decoded copies may take of the disk space that would be free without them. Documents need the rest.
SHARE_OF_DISK = 0.25

logger = logging.getLogger(__name__)
# The decoded copies that are mapped into memory now.
_copies: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()


def once_written(should_flush: Any) -> Any:
    """Replaces `Collection._should_flush`: rows are sealed only after a write, never when a file is opened. Milvus Lite
    would seal the rows that it reads from its log, and on a full disk could then not open the file."""

    def flush_once_written(self: Any) -> bool:
        return bool(self._wal.size_bytes and should_flush(self))

    return flush_once_written


def at_once(flush: Any) -> Any:
    """Replaces `Collection._trigger_flush`: searches wait from the moment that rows leave the memory table until they
    are in a segment. Milvus Lite takes the lock a moment later, and a search in that moment misses rows."""

    def flush_at_once(self: Any) -> None:
        with self._maintenance_lock:
            flush(self)

    return flush_at_once


def sealed_by_columns(_: Any) -> Any:
    """Replaces `MemTable._build_data_table`: rows become a table without becoming Python objects."""

    def data_table(self: Any, rows: list[tuple[int, int]]) -> Any:
        """The table of `rows`: pairs of a batch's number and a row's number in the batch, both from 0."""
        import pyarrow as pa

        table = pa.Table.from_batches(self._insert_batches)
        starts = np.cumsum([0, *(batch.num_rows for batch in self._insert_batches)])
        places = np.asarray(rows).reshape(-1, 2)
        taken = table.select(self._data_schema.names).take(starts[places[:, 0]] + places[:, 1])
        return pa.Table.from_arrays(taken.columns, schema=self._data_schema)

    return data_table


def without_copies(dedup: Any) -> Any:
    """Replaces `CompactionManager._dedup_max_seq`, which copies all rows twice even if no key has two rows, the usual
    case."""

    def dedup_if_needed(self: Any, table: Any) -> Any:
        from pyarrow import compute

        distinct = compute.count_distinct(table.column(self._pk_name)).as_py()
        return table if distinct == table.num_rows else dedup(self, table)

    return dedup_if_needed


def without_index(build: Any) -> Any:
    """Replaces `Segment.build_or_load_index`: no index is made, since it would copy the vectors and `queries` compares
    all of them anyway. An index type that Docent doesn't use is built."""

    def build_if_used(self: Any, spec: Any, folder: str) -> None:
        if spec.index_type != "FLAT" and (spec.index_type, spec.build_params.get("nlist")) != ("IVF_FLAT", 1):
            build(self, spec, folder)
            return
        with contextlib.suppress(OSError):  # the index of an earlier version of Docent
            Path(self.index_file_path(folder, spec.index_type, spec.field_name)).unlink()

    return build_if_used


def mapped(read: Any) -> Any:
    """Replaces `read_data_file`: the columns of its table are mapped from a decoded copy on the disk. The copy has no
    name and vanishes with the table. The system keeps the parts in use in memory, as long as there is room."""

    def read_mapped(path: str) -> Any:
        try:
            return _decoded(path)
        except (OSError, ValueError) as error:
            logger.warning("The rows of %s are kept in memory: %s", path, error)
            return read(path)

    return read_mapped


def _decoded(path: str) -> Any:
    import pyarrow as pa
    from pyarrow import parquet

    with contextlib.ExitStack() as opened:
        parquet_file = opened.enter_context(parquet.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20))
        schema, rows = parquet_file.schema_arrow, parquet_file.metadata.num_rows
        # Beside Milvus Lite's folders: some systems can't delete a folder with an open file.
        folder = Path(path).parents[5]
        copied = sum(map(len, list(_copies)))
        groups = map(parquet_file.metadata.row_group, range(parquet_file.num_row_groups))
        size = sum(group.total_byte_size for group in groups)
        if copied + size > (copied + shutil.disk_usage(folder).free) * SHARE_OF_DISK:
            raise OSError(f"a copy of {size:,} bytes would take too much of what is free on the disk")
        # A file for each vector field: Milvus Lite needs all vectors of a field in one array.
        vectors = {field.name: field.type for field in schema if pa.types.is_fixed_size_list(field.type)}
        scalars = pa.schema([field for field in schema if field.name not in vectors])
        files = {name: opened.enter_context(tempfile.TemporaryFile(dir=folder)) for name in vectors}
        rest = opened.enter_context(tempfile.TemporaryFile(dir=folder))
        with pa.ipc.new_file(pa.PythonFile(rest, "w"), scalars) as writer:
            for batch in parquet_file.iter_batches(DECODED_ROWS):
                writer.write_batch(batch.select(scalars.names))
                for name, file in files.items():
                    if batch.column(name).null_count:
                        raise ValueError(f"some of {name} is missing")
                    file.write(batch.column(name).flatten().to_numpy())
        columns = dict(zip(scalars.names, pa.ipc.open_file(_on_disk(rest)).read_all().columns, strict=True))
        for name, kind in vectors.items():
            values = pa.Array.from_buffers(kind.value_type, rows * kind.list_size, [None, _on_disk(files[name])])
            columns[name] = pa.Array.from_buffers(kind, rows, [None], children=[values])
        pa.default_memory_pool().release_unused()  # else the pool keeps this memory
        return pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)


def _on_disk(file: IO[bytes]) -> Any:
    import pyarrow as pa

    file.flush()
    pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    _copies.add(pages)
    return pa.py_buffer(pages)
