"""Every part of Milvus Lite that Docent replaces while it runs, why, and when the replacement can go.

`prepare` installs the patches that fit the installed version. A test fails when a digest doesn't fit. Then compare the
changed function with the patch that names it, adapt the patch or delete it, and record the new digest.
"""

from __future__ import annotations

import importlib

from rag.vector_store.lite import queries, storage
from rag.vector_store.patching import Patch, Patches

_COLLECTION = "milvus_lite.engine.collection:Collection"
_MEMTABLE = "milvus_lite.storage.memtable:MemTable"
_SEGMENT = "milvus_lite.storage.segment:Segment"
_COMPACTION = "milvus_lite.engine.compaction"
_PROJECTION = "milvus_lite.engine.projection"

# The code that `snapshot` relies on.
_ROWS = {
    f"{_COLLECTION}.__init__": "1fba6a9e2600",
    f"{_COLLECTION}._apply": "af82aa986a72",
    f"{_COLLECTION}._trigger_flush": "45e926189d87",
    f"{_COLLECTION}._refresh_segment_cache": "3124e35ca79d",
    f"{_COLLECTION}._bg_compact_and_index": "1526bdcb9165",
    f"{_COLLECTION}._require_loaded": "73b772ac8f04",
    f"{_COLLECTION}._compile_filter": "20b0a245c51c",
    f"{_COLLECTION}._build_wal_data_batch": "4039e7a14948",
    f"{_MEMTABLE}.__init__": "5a62a8a4949d",
    f"{_MEMTABLE}.apply_insert": "f9882ead4805",
    f"{_MEMTABLE}.apply_delete": "7fd78492a56c",
    f"{_SEGMENT}.__init__": "e03ef250bd71",
    f"{_SEGMENT}.load": "fff94258de04",
    f"{_SEGMENT}.vector_data": "45c21a8f6726",
    "milvus_lite.storage.segment:_extract_vector_array": "95a045c3861e",
    "milvus_lite.storage.delta_index:DeltaIndex.__init__": "085407309851",
    "milvus_lite.storage.delta_index:DeltaIndex.add_batch": "a4bb9f5c0209",
    "milvus_lite.storage.delta_index:DeltaIndex.gc_below": "0744ae2ceb90",
    "milvus_lite.storage.manifest:Manifest.save": "e0921da47f7f",
    "milvus_lite.storage.manifest:Manifest.version": "4589db69531b",
    "milvus_lite.search.filter:evaluate_mask": "bd3b46f7d91d",
    "milvus_lite.schema.arrow_builder:build_data_schema": "6a001eb71150",
    "milvus_lite.schema.arrow_builder:build_wal_data_schema": "89031c47946e",
}

PATCHES = Patches(
    "Milvus Lite",
    "milvus-lite",
    "3.2.2",
    [
        Patch(
            name="search",
            why="It looks at each row in Python and copies all vectors: both searches side by side took 183 ms at "
            "100,000 rows, and take 28; an index would be one more copy of the vectors.",
            upstream="offered: docs/upstream/search.patch",
            until="Milvus Lite compares columns, with BM25 statistics of the whole collection.",
            replacements={
                f"{_COLLECTION}.search": queries.by_columns,
                f"{_SEGMENT}.build_or_load_index": storage.without_index,
            },
            digests={
                **_ROWS,
                f"{_COLLECTION}.search": "731364144a5c",
                f"{_COLLECTION}._prepare_sparse_queries": "e193a382ccf0",
                f"{_SEGMENT}.build_or_load_index": "4ad55e1546e3",
                f"{_SEGMENT}.index_file_path": "3f7b90904565",
                f"{_COLLECTION}._ensure_loaded_segments_indexed": "b5a3136cb802",
                "milvus_lite.analyzer.sparse:sparse_to_bytes": "b8033df4f287",
                "milvus_lite.analyzer.sparse:compute_tf": "39f49ea73af0",
            },
        ),
        Patch(
            name="counting",
            why="It copies all vectors for each query, and makes objects of all values of rows that it only counts: "
            "minutes and 5 GB at 400,000 rows.",
            upstream="part of docs/upstream/search.patch",
            until="Milvus Lite makes records of the rows that it returns only.",
            replacements={
                f"{_COLLECTION}.query": queries.listed_by_columns,
                f"{_COLLECTION}._num_entities": queries.counted_by_columns,
            },
            digests={
                **_ROWS,
                f"{_COLLECTION}.query": "2b358858253a",
                f"{_COLLECTION}._num_entities": "6c9dad3f262b",
                f"{_PROJECTION}:build_projection_plan": "3451127b2f04",
                f"{_PROJECTION}:project_record": "1a05f13dfb2f",
            },
        ),
        Patch(
            name="sealing",
            why="It makes Python objects of 128 MB of rows, and searches wait for 4.6 s, now for 0.6 s. On a full disk "
            "it can't open a file whose log has many rows to seal.",
            upstream="offered: docs/upstream/seal.patch",
            until="Milvus Lite seals by columns, and opens a file whose rows can't be sealed.",
            replacements={
                "milvus_lite.engine.collection:MEMTABLE_MEMORY_LIMIT": lambda _: storage.UNSEALED_BYTES,
                f"{_COLLECTION}._should_flush": storage.once_written,
                f"{_COLLECTION}._trigger_flush": storage.at_once,
                f"{_MEMTABLE}._build_data_table": storage.sealed_by_columns,
            },
            digests={
                "milvus_lite.engine.collection:MEMTABLE_MEMORY_LIMIT": "6da88c34ba12",
                f"{_COLLECTION}.__init__": "1fba6a9e2600",
                f"{_COLLECTION}._should_flush": "0e2f3432701b",
                f"{_COLLECTION}._trigger_flush": "45e926189d87",
                f"{_MEMTABLE}.__init__": "5a62a8a4949d",
                f"{_MEMTABLE}.apply_insert": "f9882ead4805",
                f"{_MEMTABLE}.flush": "a9a74b0d9422",
                f"{_MEMTABLE}._build_data_table": "21cdd075b5fb",
                "milvus_lite.engine.flush:execute_flush": "e991ae8d3662",
                "milvus_lite.storage.wal:WAL.__init__": "e956d10e79e0",
                "milvus_lite.storage.wal:WAL.size_bytes": "6d29099d98e9",
                "milvus_lite.storage.wal:WAL.write_insert": "67c6df18ddf0",
                "milvus_lite.storage.wal:WAL.write_delete": "4f6f23d921fe",
            },
        ),
        Patch(
            name="merging",
            why="It merges up to 200,000 rows in memory and copies them twice. With 8,000 rows a file, a document of "
            "20,000 rows that was replaced over and over left 244,000 rows in up to 32 files, 116,000 in up to 16.",
            upstream="not offered: two constants, a matter of taste",
            until="Milvus Lite merges within a bound of memory.",
            replacements={
                f"{_COMPACTION}:MAX_SEGMENT_ROWS": lambda _: storage.MERGED_ROWS,
                f"{_COMPACTION}:MAX_DATA_FILES": lambda _: storage.MOST_FILES,
                f"{_COMPACTION}:CompactionManager._dedup_max_seq": storage.without_copies,
            },
            digests={
                f"{_COMPACTION}:MAX_DATA_FILES": "6da88c34ba12",
                f"{_COMPACTION}:MAX_SEGMENT_ROWS": "6da88c34ba12",
                f"{_COMPACTION}:CompactionManager.__init__": "e7d040c24a5a",
                f"{_COMPACTION}:CompactionManager.maybe_compact": "68d083b14b34",
                f"{_COMPACTION}:CompactionManager._select_target": "b74753ab879f",
                f"{_COMPACTION}:CompactionManager._cap_by_row_limit": "d56911872108",
                f"{_COMPACTION}:CompactionManager._compact_files": "90f458034278",
                f"{_COMPACTION}:CompactionManager._dedup_max_seq": "b2ccc827194c",
            },
        ),
        Patch(
            name="memory mapping",
            why="It keeps all rows in memory, their vectors twice: 1,930 MB at 130,000 rows, now 517.",
            upstream="not offered: not everyone wants a decoded copy on the disk",
            until="Milvus Lite maps its data files.",
            replacements={
                f"{_COMPACTION}:read_data_file": storage.mapped,
                "milvus_lite.storage.segment:read_data_file": storage.mapped,
            },
            digests={
                "milvus_lite.storage.data_file:read_data_file": "a2d757215659",
                "milvus_lite.storage.data_file:write_data_file": "b8bb7f22e9b9",
                f"{_COMPACTION}:read_data_file": "a2d757215659",
                "milvus_lite.storage.segment:read_data_file": "a2d757215659",
                f"{_SEGMENT}.load": "fff94258de04",
                "milvus_lite.storage.segment:_extract_vector_array": "95a045c3861e",
                f"{_COMPACTION}:CompactionManager._compact_files": "90f458034278",
                f"{_COLLECTION}._refresh_segment_cache": "3124e35ca79d",
                "milvus_lite.db:MilvusLite._collection_dir": "3c7eca7b341f",
                "milvus_lite.db:MilvusLite._collections_root": "afae3a203378",
            },
        ),
    ],
)


def prepare() -> None:
    """Import Milvus Lite, which takes a second, and install the patches that fit. Blocks."""
    importlib.import_module("milvus_lite.server_manager")
    importlib.import_module("milvus_lite.db")
    PATCHES.install()
