from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rag.errors import NotFound, RagError
from rag.readers.read import read
from rag.schema import Page
from rag.storage.files import FileStore, document_id

NOT_IDS = ["", "..", "../../etc/passwd", "/etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "\n", "a" * 65, "g" * 64]


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "files")


def keep(files: FileStore, data: bytes) -> str:
    doc_id = document_id(data)
    files.write(doc_id, data)
    return doc_id


def everything(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("data", [b"", b"text", bytes(range(256)) * 4096])
def test_bytes_come_back_by_their_hash(files: FileStore, data: bytes) -> None:
    doc_id = keep(files, data)
    assert doc_id == document_id(data) == hashlib.sha256(data).hexdigest()
    assert files.read(doc_id) == data


def test_same_bytes_are_kept_once(files: FileStore, tmp_path: Path) -> None:
    assert keep(files, b"same") == keep(files, b"same")
    assert len(everything(tmp_path)) == 1


def test_file_that_was_cut_short_is_written_again(files: FileStore, tmp_path: Path) -> None:
    doc_id = keep(files, b"whole text")
    everything(tmp_path)[0].write_bytes(b"whole")
    keep(files, b"whole text")
    assert files.read(doc_id) == b"whole text"


@pytest.mark.parametrize("damaged", [b"whale text", b"whole text and more", b""])
def test_file_of_other_bytes_is_written_again(files: FileStore, tmp_path: Path, damaged: bytes) -> None:
    doc_id = keep(files, b"whole text")
    everything(tmp_path)[0].write_bytes(damaged)
    keep(files, b"whole text")
    assert files.read(doc_id) == b"whole text"


def test_deleted_bytes_are_gone_and_deleting_again_is_harmless(files: FileStore, tmp_path: Path) -> None:
    doc_id = keep(files, b"text")
    files.delete(doc_id)
    files.delete(doc_id)
    assert everything(tmp_path) == []
    with pytest.raises(NotFound):
        files.read(doc_id)


def test_pages_come_back_as_they_were_read(files: FileStore) -> None:
    doc_id = keep(files, b"text")
    pages = [Page("first \u2028 \udcff page", 1), Page("third", 3)]
    files.write_pages(doc_id, pages)
    assert files.read_pages(doc_id, "a.txt", read) == pages
    files.write_pages(doc_id, [Page("other")])
    assert files.read_pages(doc_id, "a.txt", read) == [Page("other")]


def test_pages_that_were_not_kept_or_are_damaged_are_read_from_the_bytes_again(tmp_path: Path) -> None:
    doc_id = keep(FileStore(tmp_path), b"some words")
    assert FileStore(tmp_path).read_pages(doc_id, "a.txt", read) == [Page("some words")]
    (kept,) = tmp_path.rglob("*.pages.json")
    kept.write_text("[[nu")
    assert FileStore(tmp_path).read_pages(doc_id, "a.txt", read) == [Page("some words")]


def test_pages_go_with_their_document(files: FileStore, tmp_path: Path) -> None:
    doc_id = keep(files, b"text")
    files.read_pages(doc_id, "a.txt", read)
    files.delete(doc_id)
    assert everything(tmp_path) == []
    with pytest.raises(NotFound):
        files.read_pages(doc_id, "a.txt", read)


def test_temporary_text_is_kept_only_where_its_document_still_is(files: FileStore, tmp_path: Path) -> None:
    kept, removed = keep(files, b"kept"), keep(files, b"removed")
    for doc_id in (kept, removed):
        files.write_temporary_pages(doc_id, [Page("written")])
        assert files.page_text(doc_id, None) is None
    files.delete(removed)
    for doc_id in (kept, removed):
        files.write_temporary_pages(doc_id, [Page("written")])  # by a reader that hasn't heard of it yet
        files.keep_pages(doc_id)
        files.keep_pages(doc_id)
    assert files.page_text(kept, None) == "written"
    assert {path.name.partition(".")[0] for path in everything(tmp_path)} == {kept}


def test_new_text_takes_the_place_of_the_kept_text(files: FileStore, tmp_path: Path) -> None:
    doc_id = keep(files, b"text")
    files.write_pages(doc_id, [Page("first")])
    assert files.read_pages(doc_id, "a.txt", read) == [Page("first")]
    files.write_temporary_pages(doc_id, [Page("second")])
    assert files.read_pages(doc_id, "a.txt", read) == [Page("first")]
    files.keep_pages(doc_id)
    assert files.read_pages(doc_id, "a.txt", read) == [Page("second")]


def test_half_a_text_of_a_stopped_reader_is_deleted_with_its_document(
    files: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, removed = keep(files, b"kept"), keep(files, b"removed")
    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="stopped"):
        patch.setattr(Path, "replace", stopped)
        patch.setattr(Path, "unlink", stopped)
        files.write_temporary_pages(removed, [Page("half")])
    assert len(everything(tmp_path)) == 3
    files.delete(removed)
    assert [path.name for path in everything(tmp_path)] == [kept]


def stopped(*_: object, **__: object) -> None:
    raise RuntimeError("stopped")


def test_text_of_a_page_or_of_a_document_without_pages(files: FileStore, tmp_path: Path) -> None:
    with_pages, without = keep(files, b"a"), keep(files, b"b")
    files.write_pages(with_pages, [Page("first", 1), Page("third", 3)])
    files.write_pages(without, [Page("all of it")])
    for store in (files, FileStore(tmp_path / "files")):
        assert [store.page_text(with_pages, page) for page in (1, 2, 3, None)] == ["first", None, "third", None]
        assert [store.page_text(without, page) for page in (None, 1)] == ["all of it", None]


@pytest.mark.parametrize("doc_id", [*NOT_IDS, "a" * 64])
def test_page_of_what_is_not_there_has_no_text(files: FileStore, doc_id: str) -> None:
    assert files.page_text(doc_id, 1) is None


def test_page_is_not_read_from_the_bytes_of_a_file_whose_name_is_unknown(files: FileStore, tmp_path: Path) -> None:
    doc_id = keep(files, b"<p>some words</p>")
    assert files.page_text(doc_id, None) is None
    files.write_pages(doc_id, [Page("some words")])
    (kept,) = tmp_path.rglob("*.pages.json")
    kept.write_text("[[nu")
    assert files.page_text(doc_id, None) is None
    assert kept.read_text() == "[[nu"
    assert files.read_pages(doc_id, "a.html", read) == [Page("some words")]
    assert files.page_text(doc_id, None) == "some words"


def test_a_search_does_not_wait_for_large_texts_unless_they_are_in_memory(
    files: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doc_id = keep(files, b"a")
    files.write_pages(doc_id, [Page("long text", 1)])
    (kept,) = tmp_path.rglob("*.pages.json")
    monkeypatch.setattr("rag.storage.files._QUICK_BYTES", kept.stat().st_size - 1)
    assert files.page_text(doc_id, 1) is None
    files.read_pages(doc_id, "a.pdf", read)
    assert files.page_text(doc_id, 1) == "long text"
    monkeypatch.setattr("rag.storage.files._QUICK_BYTES", kept.stat().st_size)
    assert FileStore(tmp_path / "files").page_text(doc_id, 1) == "long text"


@pytest.mark.parametrize("doc_id", NOT_IDS)
def test_only_hashes_are_taken_for_ids(files: FileStore, tmp_path: Path, doc_id: str) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    for method in (files.read, files.delete):
        with pytest.raises(NotFound):
            method(doc_id)
    assert outside.read_text() == "mine"


def test_failed_write_is_one_sentence_and_leaves_nothing(
    files: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(RagError, match="No space left on device"):
        patch.setattr(Path, "replace", full)
        keep(files, b"text")
    assert everything(tmp_path) == []


def test_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RagError, match="DATA_DIR"):
        keep(FileStore(tmp_path / "file"), b"text")


def test_writing_the_same_bytes_from_many_threads_is_safe(files: FileStore, tmp_path: Path) -> None:
    data = b"x" * 1_000_000
    with ThreadPoolExecutor(8) as pool:
        (doc_id,) = set(pool.map(keep, [files] * 16, [data] * 16))
    assert files.read(doc_id) == data
    assert len(everything(tmp_path)) == 1
