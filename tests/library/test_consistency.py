"""Whether catalog, files and Milvus agree: each damage is really made, on Milvus Lite, and mended."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr

from rag import DocumentIndex, Settings, StoreUnavailable
from rag.cli.main import main
from rag.library.consistency import Finding
from rag.schema import Chunk
from rag.storage.documents import Catalog
from rag.storage.files import ASIDE, document_id
from rag.vector_store.rows import ChunkRow
from tests.chaos import kills

pytestmark = pytest.mark.slow

TEA = b"The tea house opens at seven in the morning. It serves forty kinds of tea."
FERRY = b"The ferry to the island leaves at noon. A ticket costs nine euros."
LONG = "\n\n".join(f"Paragraph {i} tells of the walrus number {i * 7919}. " * 8 for i in range(12)).encode()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DocumentIndex]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("verification") / "data", embed_model="bundled")
    # Nothing heals in the background.
    with DocumentIndex(settings, background=False) as opened:
        yield opened


@pytest.fixture
def index(shared: DocumentIndex) -> DocumentIndex:
    for document in shared.documents():
        shared.delete(document.doc_id)
    if shared.verify().findings or shared._catalog.records.get() is None:
        shared.reset()
    shutil.rmtree(shared.settings.data_dir / ASIDE, ignore_errors=True)
    return shared


def add(index: DocumentIndex, *contents: bytes) -> list[str]:
    results = index.ingest([(f"{i}.txt", data) for i, data in enumerate(contents)])
    assert [r.status for r in results] == ["ready"] * len(contents)
    return [r.doc_id or "" for r in results]


def found(index: DocumentIndex, repair: bool = False) -> list[tuple[str, str, bool]]:
    return [(f.kind, f.doc_id, f.mended) for f in index.verify(repair).findings]


def row_ids(index: DocumentIndex, doc_id: str) -> list[str]:
    async def listed() -> list[str]:
        return [row_id async for part in index._store.row_ids() for row_id in part if row_id.startswith(doc_id)]

    return index._loop.run(listed())


def insert(index: DocumentIndex, doc_id: str, *numbers: int, namespace: str = "") -> None:
    chunk = Chunk("text", None, 0, 4)
    namespace = namespace or index._loop.run(index._model.prepare()).namespace
    rows = [ChunkRow(doc_id, number, chunk, "text", [1.0] + [0.0] * 383) for number in numbers]
    index._loop.run(index._store.insert(rows, namespace))


def files_of(index: DocumentIndex, doc_id: str) -> set[str]:
    return {path.name.removeprefix(doc_id) for path in (index.settings.data_dir / "files").rglob(f"{doc_id}*")}


def test_nothing_is_found_in_a_library_that_is_whole_or_empty(index: DocumentIndex) -> None:
    assert index.verify(repair=True).findings == ()
    add(index, TEA, LONG)
    seen = index.verify()
    assert (seen.findings, seen.documents, seen.good) == ((), 2, True)
    assert seen.rows == sum(d.chunks for d in index.documents()) > 5


def test_rows_that_are_missing_come_back_from_the_original(index: DocumentIndex) -> None:
    _, long = add(index, TEA, LONG)
    before = row_ids(index, long)
    index._loop.run(index._store.delete_rows(before[1:3]))
    (finding,) = index.verify().findings
    assert finding == Finding("rows missing", long, "1.txt", f"2 of its {len(before)} chunks are missing in Milvus.")
    assert found(index, repair=True) == [("rows missing", long, True)]
    assert sorted(row_ids(index, long)) == sorted(before)
    assert found(index) == []


@pytest.mark.parametrize("other_fingerprint", [False, True])
def test_surplus_rows_are_deleted_and_the_others_stay(index: DocumentIndex, other_fingerprint: bool) -> None:
    (long,) = add(index, LONG)
    before = row_ids(index, long)
    insert(index, long, *(range(2) if other_fingerprint else (900, 901)), namespace="0" * 8 * other_fingerprint)
    assert found(index, repair=True) == [("surplus rows", long, True)]
    assert sorted(row_ids(index, long)) == sorted(before)


def test_rows_of_no_document_are_deleted_and_those_of_documents_are_not(index: DocumentIndex) -> None:
    (tea,) = add(index, TEA)
    insert(index, "a" * 64, 0, 1)
    assert found(index) == [("orphan rows", "a" * 64, False)]
    assert found(index, repair=True) == [("orphan rows", "a" * 64, True)]
    assert row_ids(index, "a" * 64) == []
    assert len(row_ids(index, tea)) == 1


def test_a_lost_original_is_named_and_comes_back_with_the_same_file(index: DocumentIndex) -> None:
    (tea,) = add(index, TEA)
    path = index._files._path(tea)
    for damage in (path.unlink, lambda: path.write_bytes(b"X" + TEA[1:])):
        damage()
        (finding,) = index.verify(repair=True).findings
        assert (finding.kind, finding.mended) == ("original lost", False)
        assert "add the same file again" in finding.what
        assert index.search("When does it open?")[0].doc_id == tea
        assert index.ingest([("tea.txt", TEA)])[0].status == "unchanged"
        assert found(index) == []


def test_a_document_whose_rows_and_original_are_lost_fails_with_what_to_do(index: DocumentIndex) -> None:
    _, long = add(index, TEA, LONG)
    index._loop.run(index._store.delete_rows(row_ids(index, long)[:1]))
    index._files._path(long).unlink()
    seen = index.verify(repair=True)
    assert not seen.good
    assert {f.kind for f in seen.findings} == {"rows missing", "original lost"}
    document = index.document(long)
    assert document.state == "failed"
    assert "add the same file again" in (document.error or "")
    assert row_ids(index, long) == []
    assert index.ingest([("long.txt", LONG)])[0].status == "ready"
    assert found(index) == []


@pytest.mark.parametrize("damaged", [False, True])
def test_text_that_is_lost_is_read_again(index: DocumentIndex, damaged: bool) -> None:
    (tea,) = add(index, TEA)
    path = index._files._pages_path(tea)
    if damaged:
        path.write_text("[[1, ")
    else:
        path.unlink()
    assert found(index, repair=True) == [("text lost", tea, True)]
    assert json.loads(path.read_text()) == [[None, TEA.decode()]]


def test_files_of_no_document_are_set_aside_and_those_of_other_collections_stay(index: DocumentIndex) -> None:
    (tea,) = add(index, TEA)
    other = Catalog(index._engine, "elsewhere", "papers")
    index._files.write(document_id(FERRY), FERRY)
    other.leases.add_pending(document_id(FERRY), "ferry.txt", len(FERRY))
    orphan = document_id(b"of no document")
    index._files.write(orphan, b"of no document")
    stranger = index.settings.data_dir / "files" / "notes.txt"
    stranger.write_text("not ours")
    assert found(index, repair=True) == [("orphan files", orphan, True)]
    assert (index.settings.data_dir / ASIDE / orphan).read_bytes() == b"of no document"
    assert files_of(index, orphan) == set()
    assert files_of(index, tea) == {"", ".pages.json"}
    assert files_of(index, document_id(FERRY)) == {""}
    assert stranger.exists()
    other.deletions.unlist([document_id(FERRY)])
    other.deletions.delete([document_id(FERRY)], index._files.delete)
    stranger.unlink()


def test_files_are_left_alone_where_the_catalog_is_empty(index: DocumentIndex, tmp_path: Path) -> None:
    (tea,) = add(index, TEA)
    mistyped = SecretStr(f"sqlite:///{tmp_path / 'mistyped.sqlite3'}")
    settings = index.settings.model_copy(update={"database_url": mistyped, "milvus_uri": str(tmp_path / "other.db")})
    with DocumentIndex(settings, background=False) as mistaken:
        (finding,) = mistaken.verify(repair=True).findings
    assert (finding.kind, finding.mended) == ("unknown files", False)
    assert "DATABASE_URL" in finding.what
    assert files_of(index, tea) == {"", ".pages.json"}


def test_files_that_were_half_written_are_removed(index: DocumentIndex) -> None:
    (tea,) = add(index, TEA)
    path = index._files._path(tea)
    for ending in (".abcdefgh", ".pages.draft", ".pages.draft.12345678"):
        path.with_name(path.name + ending).write_bytes(b"half")
    assert found(index, repair=True) == [("temporary files", tea, True)]
    assert files_of(index, tea) == {"", ".pages.json"}


def test_what_is_pending_with_nobody_at_it_is_taken_up(index: DocumentIndex) -> None:
    (tea,) = add(index, TEA)
    index._catalog.mark_pending(("ready",))
    assert found(index) == [("pending", tea, False)]
    assert found(index, repair=True) == [("pending", tea, True)]
    assert index.document(tea).state == "ready"


def test_a_removal_that_broke_off_is_finished(index: DocumentIndex) -> None:
    tea, ferry = add(index, TEA, FERRY)
    index._catalog.deletions.unlist([tea])
    assert found(index) == []  # this process is at it
    index._catalog.leases.release([tea])
    assert [d.doc_id for d in index.documents()] == [ferry]
    assert found(index) == [("deletion unfinished", tea, False)]
    assert found(index, repair=True) == [("deletion unfinished", tea, True)]
    assert (row_ids(index, tea), files_of(index, tea)) == ([], set())
    assert found(index) == []


def test_a_reset_that_broke_off_is_finished_with_the_choice_of_the_model(index: DocumentIndex) -> None:
    add(index, TEA, FERRY)
    index._catalog.deletions.unlist()
    index._catalog.leases.release()
    assert index.documents() == []
    index._loop.run(index._ingestion.resume())
    assert index._catalog.records.get() is None
    assert not index._catalog.entries()
    assert [path for path in (index.settings.data_dir / "files").rglob("*") if path.is_file()] == []
    add(index, TEA)
    assert found(index) == []


def test_documents_on_their_way_are_no_finding(index: DocumentIndex) -> None:
    add(index, TEA)
    job = index.submit("long.txt", LONG * 5)
    looks = 0
    while index._ingestion.book.active():
        assert found(index, repair=True) == []
        looks += 1
    assert looks
    assert index.wait([job])[0].stage == "ready"


def test_a_collection_that_is_gone_is_built_again(index: DocumentIndex) -> None:
    tea, ferry = add(index, TEA, FERRY)
    index._loop.run(index._store.delete_collection())
    assert sorted(found(index)) == sorted(("rows missing", doc_id, False) for doc_id in (tea, ferry))
    assert all(mended for _, _, mended in found(index, repair=True))
    assert index.search("When does the ferry leave?")[0].doc_id == ferry


def test_rows_of_a_library_that_the_catalog_does_not_know_are_left_alone(index: DocumentIndex) -> None:
    (tea,) = add(index, TEA)
    index._catalog.deletions.unlist([tea])
    index._catalog.deletions.delete([tea], index._files.delete)
    index._catalog.records.delete_unless_used()
    (finding,) = index.verify(repair=True).findings
    assert (finding.kind, finding.mended) == ("unknown rows", False)
    assert "COLLECTION" in finding.what
    assert len(row_ids(index, tea)) == 1


def test_the_command_says_each_finding_in_a_line_and_fails_while_one_is_left(
    index: DocumentIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("EMBED_MODEL", "bundled")

    def doctor(*options: str) -> tuple[int, str, str]:
        code = main(["doctor", *options])
        return (code, *capsys.readouterr())

    settings = Settings(data_dir=tmp_path / "data", embed_model="bundled")
    with DocumentIndex(settings, background=False) as library:
        add(library, TEA)
        insert(library, "a" * 64, 0)
    code, said, error = doctor("--verify")
    assert (code, len(error.splitlines())) == (1, 1)
    assert "--repair" in error
    assert said.splitlines()[0] == f"wrong  orphan rows  {'a' * 64}  Milvus holds 1 rows of no document."
    code, said, error = doctor("--repair", "--json")
    assert (code, error) == (0, "")
    assert [(f["kind"], f["doc_id"], f["mended"]) for f in json.loads(said)] == [("orphan rows", "a" * 64, True)]
    assert doctor("--verify")[0] == 0


def test_a_milvus_that_is_away_is_said_in_a_sentence(tmp_path: Path, free_port: int) -> None:
    settings = Settings(data_dir=tmp_path, milvus_uri=f"http://127.0.0.1:{free_port}", embed_model="bundled")
    with DocumentIndex(settings, background=False) as library, pytest.raises(StoreUnavailable, match="MILVUS_URI"):
        library.verify(repair=True)


@pytest.mark.milvus
def test_on_a_server_rows_that_are_there_twice_are_counted_and_mended(milvus_server: str, tmp_path: Path) -> None:
    name = f"verification_{uuid4().hex[:8]}"
    settings = Settings(data_dir=tmp_path, milvus_uri=milvus_server, embed_model="bundled", collection=name)
    with DocumentIndex(settings, background=False) as index:
        (tea,) = add(index, TEA)
        insert(index, tea, 0)
        insert(index, "a" * 64, 0, 1)
        assert sorted(found(index, repair=True)) == [("orphan rows", "a" * 64, True), ("surplus rows", tea, True)]
        assert index._loop.run(index._store.count(None, "Strong")) == 1
        assert index.reset().left == 0


@pytest.mark.skipif(os.name != "posix", reason="by signals")
def test_documents_are_whole_or_gone_after_kills(tmp_path: Path) -> None:
    outcome = kills.run(3, seed=0, folder=tmp_path)
    assert outcome.failures == []
    assert outcome.stages.total() == 3
