"""A library goes to another Milvus: nothing is lost, doubled or embedded again, and no other library is touched."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from rag import DocumentIndex, Settings, StoreError, StoreUnavailable
from rag.runtime.event_loop import EventLoopThread
from rag.schema import Message
from rag.vector_store.store import VectorStore

pytestmark = pytest.mark.slow

TEA = b"The tea house opens at seven in the morning. It serves forty kinds of tea.\n\n" * 40
FERRY = b"The ferry to the island leaves at noon. A ticket costs nine euros. Dogs travel free on the upper deck."
KOREAN = "도서관은 오전 아홉 시에 문을 엽니다. 회원 카드는 무료로 발급됩니다.".encode()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DocumentIndex]:
    """Three documents that are ready, of which the tea has several chunks, and one that failed."""
    folder = tmp_path_factory.mktemp("moving")
    settings = Settings(data_dir=folder, embed_model="bundled", collection=f"moving_{uuid4().hex[:8]}")
    with DocumentIndex(settings, background=False) as opened:
        opened.ingest([("tea.txt", TEA), ("ferry.txt", FERRY), ("library.txt", KOREAN), ("empty.txt", b"")])
        yield opened


def opened_at(library: DocumentIndex, uri: str) -> DocumentIndex:
    """The library as the app finds it there."""
    return DocumentIndex(library.settings.with_milvus(uri, ""), background=False)


def all_rows(library: DocumentIndex, uri: str) -> dict[str, dict[str, Any]]:
    """{id: row} with vectors, straight from the Milvus that this process hasn't open otherwise."""
    doc_ids = [document.doc_id for document in library.documents()]

    async def read() -> list[dict[str, Any]]:
        store = VectorStore(library.settings.with_milvus(uri, ""))
        rows = [row async for page in store.rows(doc_ids, 2) for row in page]
        await store.close()
        return rows

    loop = EventLoopThread()
    rows = loop.run(read())
    loop.close()
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: row for row in rows}


def test_everything_is_the_same_at_the_other_place_and_still_here(library: DocumentIndex, tmp_path: Path) -> None:
    uri = str(tmp_path / "other" / "second.db")
    conversation = library.conversations.create("Boats")
    library.conversations.add(conversation.conversation_id, Message("user", "When does the ferry leave?"))
    before = library.documents()
    seen: list[tuple[int, int]] = []
    moved = library.move(uri, on_progress=lambda done, total: seen.append((done, total)))
    chunks = sum(document.chunks for document in before)
    assert (moved.documents, moved.chunks, moved.copied, moved.waiting) == (3, chunks, chunks, 1)
    assert moved.lexical
    assert all(done <= total for done, total in seen)
    rows = all_rows(library, uri)
    assert len(rows) == chunks
    assert rows == all_rows(library, library.settings.milvus_address)
    with opened_at(library, uri) as there:
        assert there.documents() == before == library.documents()
        best = there.search("When does the ferry leave?")[0]
        assert (best.file_name, best.dense_rank, best.lexical_rank) == ("ferry.txt", 1, 1)
        assert there.search("도서관은 언제 여나요?")[0].file_name == "library.txt"
        assert there.original(best.doc_id) == FERRY
        assert len(there.conversations.messages(conversation.conversation_id)) == 1
        # What is added there goes by the same model, and what is ready isn't added again.
        assert there.ingest([("ferry.txt", FERRY)])[0].status == "unchanged"
    # Once more is harmless.
    assert library.move(uri).copied == 0
    assert all_rows(library, uri) == rows


def test_a_move_that_broke_off_is_completed_by_the_next(
    library: DocumentIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = str(tmp_path / "second.db")
    insert_rows, calls = VectorStore.insert_rows, 0

    async def breaking(self: VectorStore, rows: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 4:  # newest first: the tea is last
            raise StoreUnavailable("Milvus doesn't answer.")
        await insert_rows(self, rows)

    with monkeypatch.context() as patch:
        patch.setattr("rag.library.transfer.ROWS", 1)  # the tea's chunks come one by one
        patch.setattr(VectorStore, "insert_rows", breaking)
        with pytest.raises(StoreUnavailable):
            library.move(uri)
    with opened_at(library, uri) as there:
        assert there.documents() == []  # nothing is listed that isn't whole
    moved = library.move(uri)
    tea = next(document for document in library.documents() if document.file_name == "tea.txt")
    assert moved.copied == tea.chunks > 1
    assert all_rows(library, uri) == all_rows(library, library.settings.milvus_address)


def test_rows_that_get_lost_are_noticed(
    library: DocumentIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = VectorStore.rows

    async def losing(self: VectorStore, doc_ids: Any, size: int) -> AsyncIterator[list[dict[str, Any]]]:
        async for page in rows(self, doc_ids, size):
            yield page[1:]

    monkeypatch.setattr(VectorStore, "rows", losing)
    with pytest.raises(StoreError, match=r"has \d+ of its \d+ chunks"):
        library.move(str(tmp_path / "second.db"))
    with opened_at(library, str(tmp_path / "second.db")) as there:
        assert there.documents() == []


def test_another_library_is_not_touched(library: DocumentIndex, tmp_path: Path) -> None:
    uri = str(tmp_path / "taken.db")
    with opened_at(library, uri) as other:
        other.ingest([("other.txt", b"Bread is baked at four in the morning.")])
    with pytest.raises(StoreError, match=r"another library.*1 document\(s\) that this one lacks"):
        library.move(uri)
    unknown = library.settings.model_copy(update={"data_dir": tmp_path, "milvus_uri": str(tmp_path / "unknown.db")})
    with DocumentIndex(unknown, background=False) as stranger:
        stranger.ingest([("other.txt", b"Bread is baked at four in the morning.")])
    with pytest.raises(StoreError, match="isn't in this catalog"):
        library.move(unknown.milvus_uri)
    with opened_at(library, uri) as other:
        assert [passage.file_name for passage in other.search("When is bread baked?")] == ["other.txt"]
    with pytest.raises(StoreError, match="already"):
        library.move(library.settings.milvus_address)


def test_a_library_too_large_for_milvus_lite_is_told_how_to_move(
    library: DocumentIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert library.check().outgrown is None
    monkeypatch.setattr("rag.library.health.LITE_CHUNKS", 2)
    assert (library.check().outgrown or "").endswith(": python -m rag move --to http://host:19530")


@pytest.mark.milvus
def test_to_a_server_without_bm25_and_back(library: DocumentIndex, tmp_path: Path, milvus_server: str) -> None:
    chunks = sum(document.chunks for document in library.documents())
    moved = library.move(milvus_server)
    assert (moved.copied, moved.lexical) == (chunks, False)
    with opened_at(library, milvus_server) as there:
        best = there.search("When does the ferry leave?")[0]
        assert (best.file_name, best.dense_rank, best.lexical_rank) == ("ferry.txt", 1, None)
        assert there.move(str(tmp_path / "back.db")).lexical
        assert all_rows(library, str(tmp_path / "back.db")) == all_rows(library, library.settings.milvus_address)
        assert there.reset().left == 0
    assert library.original(best.doc_id) == FERRY  # the bytes are still needed here
