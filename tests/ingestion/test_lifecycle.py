"""Failures while documents are deleted or taken up, on real Milvus Lite: none gets stuck, or is taken from others."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from rag import CatalogError, DocumentIndex, RagError, Settings
from rag.ingestion.lifecycle import Lifecycle
from rag.storage.deletion import Deletions
from rag.storage.files import FileStore
from rag.storage.leases import Leases
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

TEA = ("tea.txt", b"The tea house opens at seven in the morning. It serves forty kinds of tea.")
FERRY = ("ferry.txt", b"The ferry to the island leaves at noon. A ticket costs nine euros.")


def leave_pending(settings: Settings) -> str:
    """A library with a document that is whole and one that a process has left pending; the latter's id."""
    with DocumentIndex(settings) as index:
        tea, ferry = index.ingest([TEA, FERRY])
        assert tea.doc_id and ferry.doc_id
        index._catalog.mark_pending(["ready"], [ferry.doc_id])
    return ferry.doc_id


def test_pending_documents_wait_for_settings_with_which_they_can_be_added(settings: Settings, tmp_path: Path) -> None:
    ferry = leave_pending(settings)
    wrong = settings.model_copy(update={"embed_model": str(tmp_path / "no model here")})
    with DocumentIndex(wrong, background=False) as index:
        for _ in range(2):
            with pytest.raises(RagError, match="EMBED_MODEL"):
                index._loop.run(index._ingestion.resume())
        assert index.document(ferry).state == "pending"
    with DocumentIndex(settings) as index:
        wait_until(lambda: index.document(ferry).state == "ready")
        assert index.search("When does the ferry leave?")[0].doc_id == ferry


def test_rows_of_a_library_that_the_catalog_does_not_know_survive_a_deletion_half_way(
    settings: Settings, tmp_path: Path
) -> None:
    with DocumentIndex(settings) as index:
        index.ingest([TEA])
        rows = index._loop.run(index._store.count(None, "Strong"))
    strange = settings.model_copy(update={"data_dir": tmp_path / "strange", "milvus_uri": settings.milvus_address})
    with DocumentIndex(strange, background=False) as index:
        index._catalog.leases.add_pending("a" * 64, "a.txt", 3, listed=False)
        index._catalog.leases.release()
        index._loop.run(index._ingestion.resume())
        assert not index._catalog.knows("a" * 64)
        assert index._loop.run(index._store.count(None, "Strong")) == rows > 0


def test_documents_that_cannot_be_deleted_do_not_keep_others_from_being_added(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ferry = leave_pending(settings)

    def refuse(*_: Any) -> None:
        raise RagError("The file can't be removed.")

    with DocumentIndex(settings, background=False) as index:
        (tea,) = [document.doc_id for document in index.documents() if document.state == "ready"]
        index._catalog.deletions.unlist([tea])
        index._catalog.leases.release()
        with monkeypatch.context() as patch:
            patch.setattr(FileStore, "delete", refuse)
            with pytest.raises(RagError, match="can't be removed"):
                index._loop.run(index._ingestion.resume())
            index.wait(index.jobs())
        assert index.document(ferry).state == "ready"
        index._loop.run(index._ingestion.resume())
        assert not index._catalog.knows(tea)


def test_deleting_while_the_catalog_fails_changes_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise CatalogError("The catalog's database failed; try again.")

    with DocumentIndex(settings) as index:
        job = index.submit(*TEA)
        with monkeypatch.context() as patch:
            patch.setattr(Deletions, "unlist", fail)
            for act in (lambda: index.cancel(job.job_id), index.reset):
                with pytest.raises(CatalogError):
                    act()
        (done,) = index.wait([job])
        assert (done.stage, index.document(job.doc_id).state) == ("ready", "ready")
        assert index.search("When does the tea house open?")[0].doc_id == job.doc_id


def test_bytes_that_cannot_be_listed_can_be_added_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise CatalogError("The catalog's database failed; try again.")

    with DocumentIndex(settings, background=False) as index:
        with monkeypatch.context() as patch:
            patch.setattr(Leases, "list_pending", fail)
            with pytest.raises(CatalogError):
                index.submit(*TEA)
        (result,) = index.ingest([TEA])
        assert result.status == "ready"


def test_collection_that_was_being_made_or_dropped_when_its_process_was_killed_is_made_anew(settings: Settings) -> None:
    left = Path(settings.milvus_address) / "collections" / settings.collection / "partitions"
    left.mkdir(parents=True)
    with DocumentIndex(settings) as index:
        (result,) = index.ingest([TEA])
        assert (result.status, result.error) == ("ready", None)
        assert index.search("When does the tea house open?")[0].doc_id == result.doc_id


@pytest.mark.parametrize("fails", [False, True])
def test_a_lease_that_is_released_late_is_not_one_of_a_queued_document(fails: bool) -> None:
    catalog, book = MagicMock(), MagicMock()
    lifecycle = Lifecycle(catalog, MagicMock(), MagicMock(), book, MagicMock(), MagicMock())
    lifecycle._unreleased = {"idle", "queued"}
    book.running.side_effect = lambda doc_id: object() if doc_id == "queued" else None
    catalog.leases.acquire_unlisted.return_value = []
    released: list[str] = []

    def release(doc_ids: list[str]) -> None:
        released.extend(doc_ids)
        lifecycle._unreleased.add("noted meanwhile")
        if fails:
            raise CatalogError("The database is locked.")

    catalog.leases.release.side_effect = release
    asyncio.run(lifecycle.finish_deletions())
    assert released == ["idle"]
    assert lifecycle._unreleased == ({"noted meanwhile", "idle"} if fails else {"noted meanwhile"})
