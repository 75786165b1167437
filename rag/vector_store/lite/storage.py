"""How Milvus Lite keeps a collection: rows on disk instead of in memory, and no stop of seconds while they get there.

Milvus Lite 3.2.2 makes Python objects of 128 MB of rows when it seals them, merges up to 200,000 rows in memory, and
keeps all rows in memory, their vectors twice: at 130,000 rows that takes 3.6 GB. The files stay as Milvus Lite makes
and reads them. Each function takes a function of Milvus Lite and returns its replacement; `patches` has the table.
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
# A merge makes files of so many rows, and has twice as many in memory at most.
MERGED_ROWS = 8_000
# With more files than this some are merged at each sealing, oldest first, which is what deletes rows from large ones.
MOST_FILES = 16
# Rows of a Parquet file that are decoded together.
DECODED_ROWS = 4_096
# All decoded copies together take this share of the disk that would be free without them; the rest is for documents.
SHARE_OF_DISK = 0.25

logger = logging.getLogger(__name__)
# The copies that are mapped now.
_copies: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()


def once_written(should_flush: Any) -> Any:
    """What takes the place of `Collection._should_flush`: nothing is sealed when a file is opened, only once something
    was written to it. Milvus Lite would seal what it has read from its log, and with a full disk not open the file."""

    def flush_once_written(self: Any) -> bool:
        return bool(self._wal.size_bytes and should_flush(self))

    return flush_once_written


def at_once(flush: Any) -> Any:
    """What takes the place of `Collection._trigger_flush`: from when rows leave the memory table until they are a
    segment, no search looks. Milvus Lite takes the lock a moment later, and a search in that moment misses rows."""

    def flush_at_once(self: Any) -> None:
        with self._maintenance_lock:
            flush(self)

    return flush_at_once


def sealed_by_columns(_: Any) -> Any:
    """What takes the place of `MemTable._build_data_table`."""

    def data_table(self: Any, rows: list[tuple[int, int]]) -> Any:
        """The rows, numbers of a batch and of a row in it, as a table."""
        import pyarrow as pa

        table = pa.Table.from_batches(self._insert_batches)
        starts = np.cumsum([0, *(batch.num_rows for batch in self._insert_batches)])
        places = np.asarray(rows).reshape(-1, 2)
        taken = table.select(self._data_schema.names).take(starts[places[:, 0]] + places[:, 1])
        return pa.Table.from_arrays(taken.columns, schema=self._data_schema)

    return data_table


def without_copies(dedup: Any) -> Any:
    """What takes the place of `CompactionManager._dedup_max_seq`, which copies all rows twice; mostly no row has to
    go."""

    def dedup_if_needed(self: Any, table: Any) -> Any:
        from pyarrow import compute

        distinct = compute.count_distinct(table.column(self._pk_name)).as_py()
        return table if distinct == table.num_rows else dedup(self, table)

    return dedup_if_needed


def without_index(build: Any) -> Any:
    """What takes the place of `Segment.build_or_load_index`: no index where `queries` compares all vectors anyway; it
    would be a copy of them."""

    def build_if_used(self: Any, spec: Any, folder: str) -> None:
        if spec.index_type != "FLAT" and (spec.index_type, spec.build_params.get("nlist")) != ("IVF_FLAT", 1):
            build(self, spec, folder)
            return
        with contextlib.suppress(OSError):  # of an earlier version
            Path(self.index_file_path(folder, spec.index_type, spec.field_name)).unlink()

    return build_if_used


def mapped(read: Any) -> Any:
    """What takes the place of `read_data_file`: a data file becomes a table whose columns are on disk, in a decoded
    copy without a name, which goes when the table does. The system keeps in memory what is used of it, as long as there
    is room."""

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
        source = opened.enter_context(parquet.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20))
        schema, rows = source.schema_arrow, source.metadata.num_rows
        # Beside Milvus Lite's folders: not all systems remove a folder with a file that is in use.
        folder = Path(path).parents[5]
        copied = sum(map(len, list(_copies)))
        size = sum(source.metadata.row_group(number).total_byte_size for number in range(source.num_row_groups))
        if copied + size > (copied + shutil.disk_usage(folder).free) * SHARE_OF_DISK:
            raise OSError(f"a copy of {size:,} bytes would take too much of what is free on the disk")
        # Each vector field has a file of its own: all its vectors are one array, as Milvus Lite needs them.
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
        pa.default_memory_pool().release_unused()  # it would keep that memory for the next file
        return pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)


def _on_disk(file: IO[bytes]) -> Any:
    import pyarrow as pa

    file.flush()
    pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    _copies.add(pages)
    return pa.py_buffer(pages)
