"""Where Milvus Lite keeps rows: on disk, in files that any Milvus Lite reads."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

from rag.benchmarks.synthetic import DIMENSION, Corpus
from rag.event_loop import EventLoopThread
from rag.settings import Settings
from rag.vector_store.store import VectorStore

ROWS = 3_000
VECTOR_BYTES = ROWS * DIMENSION * 4
# Without Docent: what Milvus Lite itself finds in the file.
PLAIN = """
import json, sys
from pymilvus import MilvusClient

client = MilvusClient(sys.argv[1])
client.load_collection("docent")
count = client.query("docent", filter="", output_fields=["count(*)"])[0]["count(*)"]
hits = client.search("docent", data=[json.loads(sys.argv[2])], anns_field="embedding", limit=5, output_fields=["text"])
print(json.dumps([count, [hit["id"] for hit in hits[0]]]))
client.close()
"""


@pytest.fixture(scope="module")
def loop() -> Iterator[EventLoopThread]:
    thread = EventLoopThread()
    yield thread
    thread.close()


@pytest.fixture
def filled(loop: EventLoopThread, tmp_path: Path) -> Iterator[VectorStore]:
    """A sealed collection, which has been opened again."""
    store = VectorStore(Settings(data_dir=tmp_path))
    loop.run(store.create(DIMENSION))
    for rows in Corpus().batches(ROWS, 500):
        loop.run(store.insert(rows, "n"))
    loop.run(store.flush())
    loop.run(store.close())
    opened = VectorStore(Settings(data_dir=tmp_path))
    yield opened
    loop.run(opened.close())


def nearest(loop: EventLoopThread, store: VectorStore, vector: list[float]) -> list[str]:
    return [hit.row_id for hit in loop.run(store.searches.dense(vector, 5, None, ()))]


def test_sealed_rows_are_not_in_memory_and_leave_no_file_beside_the_data(
    loop: EventLoopThread, filled: VectorStore, tmp_path: Path
) -> None:
    pa.default_memory_pool().release_unused()
    before = pa.total_allocated_bytes()
    loop.run(filled.connect())
    assert len(nearest(loop, filled, Corpus().question()[1])) == 5
    assert pa.total_allocated_bytes() - before < VECTOR_BYTES / 4
    data = [path.name for path in tmp_path.rglob("*") if path.is_file() and path.suffix in {".parquet", ".idx"}]
    assert [Path(name).suffix for name in data] == [".parquet"]
    assert len([*(tmp_path / "milvus.db").rglob("partitions/*/data/*")]) == 1


def test_without_room_on_the_disk_rows_are_in_memory_and_found(
    loop: EventLoopThread, filled: VectorStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000))
    before = pa.total_allocated_bytes()
    loop.run(filled.connect())
    crowded = nearest(loop, filled, Corpus().question()[1])
    assert pa.total_allocated_bytes() - before > VECTOR_BYTES
    monkeypatch.undo()
    loop.run(filled.close())
    again = VectorStore(Settings(data_dir=tmp_path))
    assert nearest(loop, again, Corpus().question()[1]) == crowded
    loop.run(again.close())


def test_milvus_lite_alone_finds_the_same(loop: EventLoopThread, filled: VectorStore, tmp_path: Path) -> None:
    vector = Corpus().question()[1]
    found = nearest(loop, filled, vector)
    loop.run(filled.close())
    command = [sys.executable, "-c", PLAIN, str(tmp_path / "milvus.db"), json.dumps(vector)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout.splitlines()[-1]) == [ROWS, found]
    again = VectorStore(Settings(data_dir=tmp_path))  # what that has written is no hindrance
    assert nearest(loop, again, vector) == found
    loop.run(again.close())
