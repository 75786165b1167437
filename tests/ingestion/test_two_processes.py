"""Two processes on one library, as two apps, or an app and the command line.

On a Milvus server they are here two indexes in one process: to each other they are as strange as that.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from rag import DocumentIndex, IndexMismatch, Settings
from rag.embeddings.hub import bundled_folder
from rag.schema import Job
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

TEA = b"The tea house opens at seven in the morning. It serves forty kinds of tea."
FERRY = b"The ferry to the island leaves at noon. A ticket costs nine euros."
LONG = "\n\n".join(f"Paragraph {n} tells of the walrus number {n * 7919}. " * 4 for n in range(400)).encode()


@pytest.fixture(scope="module")
def settings(milvus_server: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder, name = tmp_path_factory.mktemp("two"), f"two_{uuid4().hex[:8]}"
    return Settings(data_dir=folder, milvus_uri=milvus_server, embed_model="bundled", collection=name)


@pytest.fixture(scope="module")
def pair(settings: Settings) -> Iterator[tuple[DocumentIndex, DocumentIndex]]:
    with DocumentIndex(settings) as one, DocumentIndex(settings) as other:
        yield one, other
        one.reset()


@pytest.fixture
def one(pair: tuple[DocumentIndex, DocumentIndex]) -> DocumentIndex:
    pair[0].reset()
    return pair[0]


@pytest.fixture
def other(pair: tuple[DocumentIndex, DocumentIndex]) -> DocumentIndex:
    return pair[1]


def now(index: DocumentIndex, job: Job) -> Job:
    return next(each for each in index.jobs() if each.job_id == job.job_id)


@pytest.mark.milvus
def test_document_that_another_deletes_while_it_is_ingested_is_gone(one: DocumentIndex, other: DocumentIndex) -> None:
    one.ingest([("tea.txt", TEA)])
    job = one.submit("long.txt", LONG)
    wait_until(lambda: now(one, job).done > 0 and now(one, job).stage == "embedding")
    assert other.delete(job.doc_id).left == 0
    (finished,) = one.wait([job])
    assert finished.stage == "cancelled"
    assert "deleted, or added again" in (finished.error or "")
    assert [document.file_name for document in one.documents()] == ["tea.txt"]
    assert other.verify().findings == ()


@pytest.mark.milvus
def test_library_that_another_resets_is_empty_and_can_be_filled_again(one: DocumentIndex, other: DocumentIndex) -> None:
    one.ingest([("tea.txt", TEA)])
    assert other.search("When does it open?")
    job = one.submit("long.txt", LONG)
    wait_until(lambda: now(one, job).done > 0)
    assert other.reset().left == 0
    # At once, before it has looked after its collection.
    assert one.search("When does it open?") == []
    assert one.wait([job])[0].stage == "cancelled"
    assert one.ingest([("ferry.txt", FERRY)])[0].status == "ready"
    assert [passage.file_name for passage in other.search("When does the ferry leave?")] == ["ferry.txt"]
    assert other.verify().findings == ()


@pytest.mark.milvus
def test_two_resets_at_once_are_two_receipts(one: DocumentIndex, other: DocumentIndex) -> None:
    results = one.ingest([("tea.txt", TEA), ("ferry.txt", FERRY)])
    assert other.search("tea")
    together = threading.Barrier(2)

    def reset(index: DocumentIndex) -> tuple[int, int, int]:
        together.wait()
        receipt = index.reset()
        return receipt.documents, receipt.chunks, receipt.left

    with ThreadPoolExecutor(2) as pool:
        receipts = sorted(pool.map(reset, (one, other)))
    assert [left for *_, left in receipts] == [0, 0]
    assert sum(documents for documents, *_ in receipts) == len(results)
    assert one.documents() == other.documents() == []


@pytest.mark.milvus
def test_the_first_documents_of_two_that_begin_at_once_are_all_ready(one: DocumentIndex, other: DocumentIndex) -> None:
    together = threading.Barrier(2)

    def ingest(index: DocumentIndex, name: str) -> list[str]:
        together.wait()
        return [result.error or result.status for result in index.ingest([(f"{name}.txt", name.encode() + FERRY)])]

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(ingest, (one, other), ("a", "b"))) == [["ready"], ["ready"]]
    assert {passage.file_name for passage in one.search("ferry")} == {"a.txt", "b.txt"}
    assert one.verify().findings == ()


@pytest.mark.milvus
def test_the_same_bytes_in_two_at_once_are_one_document(one: DocumentIndex, other: DocumentIndex) -> None:
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda index: index.ingest([("ferry.txt", FERRY)])[0], (one, other)))
    assert "ready" in {result.status for result in results}
    refused = [result.error or "" for result in results if result.status == "failed"]
    assert all("elsewhere" in error or "another process" in error for error in refused), refused
    wait_until(lambda: [document.state for document in one.documents()] == ["ready"])
    assert one.verify().findings == ()


@pytest.mark.milvus
def test_library_that_another_rebuilds_with_its_model_is_left_to_it(
    one: DocumentIndex, settings: Settings, tmp_path: Path
) -> None:
    one.ingest([("tea.txt", TEA)])
    shutil.copytree(bundled_folder(), tmp_path / "model")
    (tmp_path / "model" / "extra.json").write_text("{}")  # counts as another model
    with DocumentIndex(settings.model_copy(update={"embed_model": str(tmp_path / "model")})) as other:
        job = one.submit("long.txt", LONG)
        wait_until(lambda: now(one, job).done > 0)
        jobs = other.reindex()
        one.wait([job])
        other.wait(jobs)
        wait_until(lambda: {document.state for document in other.documents()} == {"ready"})
        assert other.search("When does it open?")[0].file_name == "tea.txt"
        assert other.verify().findings == ()
        wait_until(lambda: one.status().mismatch is not None, 20)
        with pytest.raises(IndexMismatch, match="EMBED_MODEL"):
            one.search("When does it open?")
        assert "EMBED_MODEL" in (one.ingest([("ferry.txt", FERRY)])[0].error or "")


COMMANDS = """
import sys
from rag import DocumentIndex, RagError, Settings
with DocumentIndex(Settings(data_dir=sys.argv[1], embed_model="bundled"), background=False) as index:
    for call in (lambda: index.delete(sys.argv[2]), index.reset, lambda: index.search("tea")):
        try:
            print("done", call())
        except RagError as error:
            print(error)
    print(index.ingest([("ferry.txt", b"The ferry to the island leaves at noon.")])[0].error)
"""


def test_second_process_on_a_lite_file_changes_nothing_and_is_told_what_to_do(tmp_path: Path) -> None:
    with DocumentIndex(Settings(data_dir=tmp_path, embed_model="bundled")) as app:
        (tea,) = app.ingest([("tea.txt", TEA)])
        command = [sys.executable, "-c", COMMANDS, str(tmp_path), tea.doc_id or ""]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        told = done.stdout.splitlines()
        assert len(told) == 4
        assert all(
            "is in use by another process, such as the app; stop that one, or use a Milvus" in line for line in told
        )
        assert app.search("When does it open?")[0].file_name == "tea.txt"
        # What the other one couldn't add, the app does.
        wait_until(
            lambda: (
                {each.file_name: each.state for each in app.documents()} == {"tea.txt": "ready", "ferry.txt": "ready"}
            )
        )
        assert app.verify().findings == ()
