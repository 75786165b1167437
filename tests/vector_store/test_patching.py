"""What is replaced in Milvus Lite and pymilvus fits the installed versions, and is left out where it doesn't."""

from __future__ import annotations

import dataclasses
import importlib
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from rag import DocumentIndex, Settings
from rag.runtime.event_loop import EventLoopThread
from rag.schema import Chunk
from rag.vector_store import client, patching
from rag.vector_store.lite import patches
from rag.vector_store.patching import Patch, Patches, digest
from rag.vector_store.rows import ChunkRow
from rag.vector_store.store import VectorStore

TABLES = {"Milvus Lite": patches.PATCHES, "pymilvus": client.PATCHES}
EACH = [pytest.param(table, patch.name, id=patch.name) for table in TABLES.values() for patch in table.patches]


@pytest.fixture
def originals() -> Iterator[None]:
    """Nothing is replaced, and everything is again afterwards."""
    client.import_milvus(lite=True)
    for table in TABLES.values():
        table.restore()
    yield
    for table in TABLES.values():
        table.restore()
        table.install()


def rows(count: int) -> list[ChunkRow]:
    chunks = [Chunk(f"text {number}", None, 0, 6) for number in range(count)]
    return [ChunkRow("1" * 64, number, chunk, chunk.text, [number + 1.0] * 8) for number, chunk in enumerate(chunks)]


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_all_digests_fit_the_installed_version(originals: None, table: Patches) -> None:
    """Fails after an upgrade: compare what has changed with the patches that name it, and record the new digests."""
    assert table.installed_version == table.expected
    digests = {target: expected for patch in table.patches for target, expected in patch.digests.items()}
    assert {target: digest(target) for target in digests} == digests


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_patch_has_the_digests_of_all_that_it_replaces(table: Patches) -> None:
    for patch in table.patches:
        assert patch.replacements.keys() <= patch.digests.keys(), patch.name
        assert patch.why and patch.upstream and patch.until


@pytest.mark.parametrize(("table", "name"), EACH)
def test_a_changed_original_leaves_out_exactly_its_patch(
    originals: None,
    table: Patches,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def changed(patch: Patch) -> Patch:
        first = next(iter(patch.digests))
        return dataclasses.replace(patch, digests={**patch.digests, first: "0" * 12}) if patch.name == name else patch

    monkeypatch.setattr(table, "patches", tuple(map(changed, table.patches)))
    before = {target: original(target) for patch in table.patches for target in patch.replacements}
    with caplog.at_level(logging.WARNING):
        table.install()
        table.install()
    assert table.left_out == (name,)
    (record,) = caplog.records
    assert name in record.getMessage() and "has changed" in record.getMessage()
    for patch in table.patches:
        for target in patch.replacements:
            assert (original(target) is before[target]) == (patch.name == name), target
    assert table.slow_path().startswith(f"{table.title} {table.expected}: slow path, without Docent's {name}; ")


def original(target: str) -> Any:
    owner, name = patching._owner(target)
    return getattr(owner, name)


def test_code_that_has_changed_has_another_digest(originals: None, monkeypatch: pytest.MonkeyPatch) -> None:
    compaction: Any = importlib.import_module("milvus_lite.engine.compaction")
    target = "milvus_lite.engine.compaction:CompactionManager._dedup_max_seq"
    monkeypatch.setattr(compaction.CompactionManager, "_dedup_max_seq", lambda self, table: table)
    patches.PATCHES.install()
    assert patches.PATCHES.left_out == ("merging",)
    assert digest(target) not in {"", patches.PATCHES.patches[3].digests[target]}


@pytest.mark.parametrize(
    "target", ["milvus_lite.engine:nothing", "milvus_lite.nowhere:one", "milvus_lite.engine.collection:Collection.no"]
)
def test_what_is_not_there_has_no_digest(target: str) -> None:
    assert digest(target) == ""


def test_a_patch_goes_with_the_one_that_it_needs() -> None:
    first = Patch("first", "", "", "", {}, {"json:dumps": "0" * 12})
    second = Patch("second", "", "", "", {}, {"json:loads": digest("json:loads")}, needs=("first",))
    table = Patches("pytest", "pytest", pytest.__version__, [first, second])
    table.install()
    assert table.left_out == ("first", "second")


@pytest.fixture
def another_version(originals: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables were written for other versions than are installed."""
    for table in TABLES.values():
        monkeypatch.setattr(table, "expected", "3.1.4")
        table.install()
        assert table.left_out == tuple(patch.name for patch in table.patches)


@pytest.mark.usefixtures("another_version")
def test_with_another_version_the_library_works_and_the_status_says_so(settings: Settings) -> None:
    with DocumentIndex(settings, background=False) as index:
        assert index.ingest([("tea.txt", b"The tea house opens at seven in the morning.")])[0].status == "ready"
        detail = index.check().milvus.detail
        assert detail.startswith("Milvus Lite 3.2.2: slow path, without Docent's search, counting, sealing, ")
        assert "install milvus-lite==3.1.4" in detail and "pymilvus 2.6.17: slow path" in detail
    with DocumentIndex(settings, background=False) as index:
        (passage,) = index.search("When does the tea house open?")
        assert index.ask("When does the tea house open?").text.startswith("The tea house opens at seven")
        receipt = index.delete(passage.doc_id)
        assert receipt.left == 0
        assert not index.search("When does the tea house open?")


def test_with_the_installed_versions_nothing_is_said(settings: Settings, loop: EventLoopThread) -> None:
    store = VectorStore(settings)
    loop.run(store.create(8))
    loop.run(store.insert(rows(5), "n"))
    assert store.shown == "Milvus Lite"
    loop.run(store.close())


def test_what_closing_a_lite_file_relies_on_is_there() -> None:
    """Names without a digest: another version of gRPC or Milvus Lite may lack them, and must be looked at."""
    import grpc
    from milvus_lite.server_manager import server_manager_instance

    server = grpc.server(ThreadPoolExecutor(1))
    assert isinstance(server._state.thread_pool, ThreadPoolExecutor)
    assert isinstance(server_manager_instance._servers, dict)
