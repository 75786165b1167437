"""The disk is full or can't be written, files of the data folder are locked or damaged: one sentence, nothing lost."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from rag import CatalogError, DocumentIndex, RagError, Settings
from rag.library import health
from rag.storage.database import open_database
from rag.storage.documents import Catalog
from tests.small_disk import SmallDisk
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

pytest_plugins = ["tests.small_disk"]

APP = Path(__file__).resolve().parents[3] / "app.py"
TEA = b"The tea house opens at seven in the morning. It serves forty kinds of tea."
FERRY = b"The ferry to the island leaves at noon. A ticket costs nine euros."


@pytest.fixture(autouse=True)
def _quick_heart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "HEARTBEAT_SECONDS", 0.2)


def is_sentence(error: object) -> bool:
    text = str(error)
    return text.endswith(".") and "\n" not in text and "Traceback" not in text and len(text) < 500


def states(index: DocumentIndex) -> dict[str, str]:
    return {document.file_name: document.state for document in index.documents()}


def rows(index: DocumentIndex) -> int:
    return index._loop.run(index._store.count(None, "Strong"))


def long_text(kilobytes: int) -> bytes:
    chance = random.Random(kilobytes)
    return "\n\n".join(f"Item {chance.random()} is kept on shelf {n}." * 4 for n in range(6 * kilobytes)).encode()


# --- full, or not to be written


def test_a_full_disk_is_said_and_nothing_is_lost(patched: bool, small_disk: SmallDisk) -> None:
    settings = Settings(data_dir=small_disk.folder / "data", embed_model="bundled")
    said = []
    with DocumentIndex(settings) as index:
        assert index.ingest([("tea.txt", TEA)])[0].status == "ready"
        for kilobytes, left in enumerate((0, 16_384, 80_000), 1):
            small_disk.fill(left)
            try:
                (result,) = index.ingest([(f"{kilobytes}.txt", long_text(kilobytes))])
                said += [result.error] if result.error else []
            except RagError as error:
                said.append(str(error))
            assert index.search("When does the tea house open?")[0].file_name == "tea.txt"
        small_disk.free()
        assert said, "or the disk wasn't full"
        for document in index.documents():
            if document.state == "failed":
                index.wait([index.retry(document.doc_id)])
        wait_until(lambda: set(states(index).values()) == {"ready"})
        assert index.ingest([("ferry.txt", FERRY)])[0].status == "ready"
        assert rows(index) == sum(document.chunks for document in index.documents())
        listed = states(index)
    assert all(map(is_sentence, said)), said
    assert all("DATA_DIR" in sentence or "milvus.db" in sentence for sentence in said), said
    with DocumentIndex(settings) as index:
        assert states(index) == listed
        for question, name in (("When does the ferry leave?", "ferry.txt"), ("When does tea open?", "tea.txt")):
            assert index.search(question)[0].file_name == name
        assert rows(index) == sum(document.chunks for document in index.documents())


def test_a_folder_that_can_only_be_read_is_said_and_all_is_there_when_it_can_be_written(small_disk: SmallDisk) -> None:
    settings = Settings(data_dir=small_disk.folder / "data", embed_model="bundled")
    with DocumentIndex(settings, background=False) as index:
        index.ingest([("tea.txt", TEA)])
    small_disk.protect()
    try:
        with DocumentIndex(settings, background=False) as index:
            index.search("When does it open?")
    except RagError as error:
        assert is_sentence(error)
        assert "DATA_DIR" in str(error) or "milvus.db" in str(error)
    else:
        pytest.fail("nothing was said")
    finally:
        small_disk.protect(read_only=False)
    with DocumentIndex(settings, background=False) as index:
        assert states(index) == {"tea.txt": "ready"}
        assert index.search("When does it open?")[0].file_name == "tea.txt"


# --- SQLite


def test_a_database_that_another_program_holds_is_said_and_its_documents_become_ready(tmp_path: Path) -> None:
    path = tmp_path / "docent.sqlite3"
    settings = Settings(data_dir=tmp_path, embed_model="bundled", database_url=f"sqlite:///{path}?timeout=0.3")
    with DocumentIndex(settings) as index:
        assert index.ingest([("tea.txt", TEA)])[0].status == "ready"
        conversation = index.conversations.create("Opening hours")
        job = index.submit("long.txt", long_text(8))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            (stopped,) = index.wait([job])
            for write in (
                lambda: index.submit("ferry.txt", FERRY),
                lambda: index.delete(index.documents()[-1].doc_id),
                lambda: index.conversations.rename(conversation.conversation_id, "Hours"),
            ):
                with pytest.raises(CatalogError, match="is locked") as caught:
                    write()
                assert is_sentence(caught.value)
            assert stopped.stage == "failed" and "is locked" in (stopped.error or "")
            assert states(index) == {"tea.txt": "ready", "long.txt": "pending"}
            assert index.ask("When does the tea house open?").text.startswith("The tea house opens at seven")
            other.execute("ROLLBACK")
        wait_until(lambda: states(index)["long.txt"] == "ready")
        assert index.ingest([("ferry.txt", FERRY)])[0].status == "ready"
        assert rows(index) == sum(document.chunks for document in index.documents())


def overwrite_middle(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 3 * 4096))


def empty(path: Path) -> None:
    path.write_bytes(b"")
    os.utime(path, (1e9, 1e9))


DATABASE_DAMAGES: dict[str, Callable[[Path], object]] = {
    "middle": overwrite_middle,
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "odd length": lambda path: path.write_bytes(path.read_bytes()[:5000]),
    "no bytes": empty,
    "text": lambda path: path.write_text("these are but notes of mine\n" * 400),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A catalog of many documents; nobody has it open."""
    path = tmp_path / "docent.sqlite3"
    engine = open_database(f"sqlite:///{path}")
    catalog = Catalog(engine, "somewhere", "docent")
    for number in range(120):
        catalog.leases.add_pending(f"{number:064x}", f"{number} {'name' * 20}.txt", 1)
    engine.dispose()
    assert path.stat().st_size > 8 * 4096
    return path


@pytest.mark.parametrize("damage", DATABASE_DAMAGES)
def test_a_damaged_database_is_one_sentence_and_a_copy_of_it_brings_all_back(database: Path, damage: str) -> None:
    copy = database.with_suffix(".copy")
    shutil.copy(database, copy)
    DATABASE_DAMAGES[damage](database)
    with pytest.raises(CatalogError) as caught:
        Catalog(open_database(f"sqlite:///{database}"), "somewhere", "docent").documents()
    assert is_sentence(caught.value)
    assert "docent.sqlite3" in str(caught.value) or "DATA_DIR" in str(caught.value)
    shutil.rmtree(database) if database.is_dir() else database.unlink()
    shutil.move(copy, database)
    engine = open_database(f"sqlite:///{database}")
    assert len(Catalog(engine, "somewhere", "docent").documents()) == 120
    engine.dispose()


@pytest.mark.parametrize("damage", ["half", "text"])
def test_a_page_on_a_damaged_database_is_drawn_with_the_sentence(
    database: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    DATABASE_DAMAGES[damage](database)
    monkeypatch.setenv("DATA_DIR", str(database.parent))
    st.cache_resource.clear()
    try:
        app = AppTest.from_file(str(APP), default_timeout=60).run()
        assert not app.exception
        assert "damaged" in app.error[0].value
    finally:
        st.cache_resource.clear()


# --- Milvus Lite's file


@pytest.fixture(scope="module")
def lite_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lite")
    with DocumentIndex(Settings(data_dir=folder / "data", embed_model="bundled"), background=False) as index:
        index.ingest([("tea.txt", TEA), ("ferry.txt", FERRY)])
    return folder / "data"


@pytest.fixture
def copied_library(lite_library: Path, tmp_path: Path) -> Iterator[Path]:
    """In the same place each time: the catalog knows the library by its path."""
    kept = tmp_path / "kept"
    shutil.copytree(lite_library, kept)
    yield lite_library
    shutil.rmtree(lite_library)
    shutil.copytree(kept, lite_library)


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [("*.parquet", True), ("manifest.json", False)],
)
def test_a_damaged_file_of_milvus_lite_is_one_sentence_or_heals(
    copied_library: Path, pattern: str, sentence: bool
) -> None:
    for path in (copied_library / "milvus.db").rglob(pattern):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    settings = Settings(data_dir=copied_library, embed_model="bundled")
    if sentence:
        with DocumentIndex(settings) as index:
            wait_until(lambda: index.status().milvus.state == "error")
            detail = index.status().milvus.detail
            assert is_sentence(detail) and "milvus.db is damaged" in detail
            with pytest.raises(RagError, match="damaged"):
                index.search("When does the ferry leave?")
            assert states(index) == {"tea.txt": "ready", "ferry.txt": "ready"}
        (copied_library / "milvus.db").rename(copied_library / "damaged")  # as the sentence says

    def healed() -> bool:
        try:
            found = index.search("When does the ferry leave?")
        except RagError as error:
            assert is_sentence(error)
            return False
        return set(states(index).values()) == {"ready"} and bool(found) and found[0].file_name == "ferry.txt"

    with DocumentIndex(settings) as index:
        wait_until(healed)
        assert rows(index) == sum(document.chunks for document in index.documents())
