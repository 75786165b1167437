"""Where Milvus Lite keeps rows: on disk, in files that any Milvus Lite reads."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

from rag.errors import StoreError
from rag.runtime.event_loop import EventLoopThread
from rag.settings import Settings
from rag.vector_store.lite import storage
from rag.vector_store.store import VectorStore
from tests.performance.synthetic import DIMENSION, Corpus

pytestmark = pytest.mark.slow

ROWS = 1_500
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
def sealed(patched: bool, loop: EventLoopThread, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a closed store with a sealed collection."""
    folder = tmp_path_factory.mktemp("sealed")
    store = VectorStore(Settings(data_dir=folder))
    loop.run(store.create(DIMENSION))
    for rows in Corpus().batches(ROWS, 500):
        loop.run(store.insert(rows, "n"))
    loop.run(store.flush())
    loop.run(store.close())
    return folder


@pytest.fixture
def filled(loop: EventLoopThread, sealed: Path, tmp_path: Path) -> Iterator[VectorStore]:
    """A copy of it, opened again."""
    shutil.copytree(sealed, tmp_path, dirs_exist_ok=True)
    opened = VectorStore(Settings(data_dir=tmp_path))
    yield opened
    loop.run(opened.close())


@pytest.fixture
def on_disk(patched: bool) -> None:
    if not patched:
        pytest.skip("Milvus Lite itself has its rows in memory")


def nearest(loop: EventLoopThread, store: VectorStore, vector: list[float]) -> list[str]:
    return [hit.row_id for hit in loop.run(store.searches.dense(vector, 5, None, ()))]


@pytest.mark.usefixtures("on_disk")
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


@pytest.mark.usefixtures("on_disk")
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


@pytest.mark.usefixtures("on_disk")
def test_all_copies_together_leave_most_of_the_disk_free(
    loop: EventLoopThread, filled: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = 12 * ROWS * DIMENSION * 4
    mapped = storage._copies

    def usage(_: object) -> SimpleNamespace:
        return SimpleNamespace(free=disk - sum(map(len, mapped)))

    monkeypatch.setattr(shutil, "disk_usage", usage)
    for number, rows in enumerate(Corpus(seed=3).batches(5 * 600, 600)):
        loop.run(filled.insert(rows, f"n{number}"))
        loop.run(filled.flush())
        assert sum(map(len, mapped)) < disk / 3
    assert mapped
    assert loop.run(filled.count()) == ROWS + 5 * 600


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EMFILE, None])
@pytest.mark.parametrize(
    "step",
    [
        "milvus_lite.engine.flush.write_data_file",
        "milvus_lite.storage.manifest.Manifest.save",
        "milvus_lite.storage.wal.WAL.close_and_delete",
    ],
)
def test_rows_that_could_not_be_sealed_are_found_and_sealed_the_next_time(
    patched: bool,
    loop: EventLoopThread,
    filled: VectorStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int | None,
    step: str,
) -> None:
    failure = OSError(number, os.strerror(number)) if number else MemoryError()

    def fail(*_: object, **__: object) -> None:
        raise failure

    loop.run(filled.connect())
    first, second = Corpus(seed=3).batches(200, 100)
    loop.run(filled.insert(first, "new"))
    monkeypatch.setattr(step, fail)
    with pytest.raises(StoreError):
        loop.run(filled.flush())
    assert nearest(loop, filled, first[7].vector)[0].endswith("-new-7")
    monkeypatch.undo()
    loop.run(filled.insert(second, "new"))
    loop.run(filled.flush())
    loop.run(filled.close())
    again = VectorStore(Settings(data_dir=tmp_path))
    # A row that is in two files with the same number counts twice in Milvus Lite itself: nothing is lost by that.
    twice = 0 if patched or "close_and_delete" not in step else 100
    assert loop.run(again.count(None, "Strong")) == ROWS + 200 + twice
    assert nearest(loop, again, first[7].vector)[0].endswith("-new-7")
    listed = json.loads((tmp_path / "milvus.db" / "collections" / "docent" / "manifest.json").read_text("utf-8"))
    names = listed["partitions"]["_default"]["data_files"]
    assert len(names) == len(set(names))
    loop.run(again.close())


def test_with_a_full_disk_a_library_of_many_unsealed_rows_opens_and_is_searched(
    patched: bool, loop: EventLoopThread, filled: VectorStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    loop.run(filled.connect())
    monkeypatch.setattr("milvus_lite.engine.collection.MEMTABLE_MEMORY_LIMIT", 100_000)
    monkeypatch.setattr("milvus_lite.engine.flush.write_data_file", full)
    new = next(Corpus(seed=3).batches(200, 200))
    for namespace in ("new", "other"):
        with pytest.raises(StoreError, match="No space left"):
            loop.run(filled.insert(new, namespace))
        if patched:
            assert nearest(loop, filled, new[3].vector)[0].endswith("-new-3")
    loop.run(filled.close())
    again = VectorStore(Settings(data_dir=tmp_path))
    if not patched:  # Milvus Lite seals its log first
        with pytest.raises(StoreError, match="No space left"):
            nearest(loop, again, new[3].vector)
        monkeypatch.undo()
    assert nearest(loop, again, new[3].vector)[0].endswith("-new-3")
    monkeypatch.undo()
    loop.run(again.insert(new, "new", again=True))
    loop.run(again.flush())
    assert nearest(loop, again, new[199].vector)[0].endswith("-19")
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
