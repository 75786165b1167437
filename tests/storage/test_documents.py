from __future__ import annotations

import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
import sqlalchemy as sa

from rag.errors import CatalogError
from rag.storage.collections import CollectionRecord, Fingerprint
from rag.storage.database import open_database
from rag.storage.documents import Catalog
from rag.storage.leases import LEASE
from rag.storage.tables import tables, utc_now

pytest_plugins = ["tests.databases"]

ONE, TWO, THREE = ("1" * 64, "2" * 64, "3" * 64)
RECORD = CollectionRecord("asked", "model", Fingerprint("print", 384, "1", "1"))

ANOTHER_PROCESS = """
import sys
from rag.storage.documents import Catalog
from rag.storage.database import open_database
catalog = Catalog(open_database(sys.argv[1]), "address", "papers")
print(catalog.leases.add_pending("1" * 64, "a.txt", 3, ["2" * 64]), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def catalog(engine: sa.Engine) -> Catalog:
    return Catalog(engine, "address", "papers")


@pytest.fixture
def other(engine: sa.Engine) -> Catalog:
    """The same collection as another living process would see it."""
    return Catalog(engine, "address", "papers")


def add_ready(catalog: Catalog, doc_id: str, name: str = "a.txt") -> None:
    assert catalog.leases.add_pending(doc_id, name, 3) == "added"
    catalog.mark_ready({doc_id: (1, 2)})


def states(catalog: Catalog) -> dict[str, str]:
    return {document.doc_id: document.state for document in catalog.documents()}


# --- documents


def test_document_goes_from_pending_to_ready(catalog: Catalog) -> None:
    before = datetime.now(UTC)
    assert catalog.leases.add_pending(ONE, "보고서.pdf", 5_000_000_000) == "added"
    pending = catalog.find(ONE)
    assert pending is not None
    assert (pending.file_name, pending.size, pending.state) == ("보고서.pdf", 5_000_000_000, "pending")
    assert before - timedelta(seconds=1) <= pending.added_at <= datetime.now(UTC)
    catalog.mark_ready({ONE: (307, 1234)})
    ready = catalog.find(ONE)
    assert ready is not None
    assert (ready.pages, ready.chunks, ready.state, ready.error) == (307, 1234, "ready", None)


def test_documents_are_counted_by_state(engine: sa.Engine, catalog: Catalog) -> None:
    assert catalog.count_states() == {}
    add_ready(catalog, ONE)
    catalog.leases.add_pending(TWO, "b.txt", 3)
    catalog.leases.add_pending(THREE, "c.txt", 3)
    Catalog(engine, "address", "others").leases.add_pending(ONE, "a.txt", 3)
    assert catalog.count_states() == {"ready": 1, "pending": 2}
    assert catalog.count_states([ONE, TWO, "\ud800"]) == {"ready": 1, "pending": 1}
    assert catalog.count_states([]) == {}


def test_failed_document_says_why_and_can_be_tried_again(catalog: Catalog) -> None:
    catalog.leases.add_pending(ONE, "a.txt", 3)
    catalog.mark_failed(ONE, "a.txt is damaged.")
    failed = catalog.find(ONE)
    assert failed is not None
    assert (failed.state, failed.error) == ("failed", "a.txt is damaged.")
    assert catalog.leases.add_pending(ONE, "b.txt", 3) == "added"
    catalog.mark_ready({ONE: (1, 1)})
    again = catalog.find(ONE)
    assert again is not None
    assert (again.state, again.error, again.file_name) == ("ready", None, "b.txt")


def test_ready_document_is_not_added_again(catalog: Catalog) -> None:
    add_ready(catalog, ONE)
    assert catalog.leases.add_pending(ONE, "renamed.txt", 3) == "ready"
    assert [document.file_name for document in catalog.documents()] == ["a.txt"]


def test_unknown_document_is_none(catalog: Catalog) -> None:
    assert catalog.find(ONE) is None


def test_documents_come_newest_first(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    for minutes, doc_id in enumerate((ONE, TWO, THREE)):
        monkeypatch.setattr(
            "rag.storage.leases.utc_now", lambda minutes=minutes: utc_now() + timedelta(minutes=minutes)
        )
        add_ready(catalog, doc_id)
    assert [document.doc_id for document in catalog.documents()] == [THREE, TWO, ONE]


def test_name_that_a_database_refuses_is_stored_all_the_same(catalog: Catalog) -> None:
    catalog.leases.add_pending(ONE, "a\x00\ud800'; DROP TABLE documents; --.txt", 3)
    assert [document.file_name for document in catalog.documents()] == ["a?'; DROP TABLE documents; --.txt"]


def test_only_ready_documents_have_names_to_search_by(catalog: Catalog) -> None:
    add_ready(catalog, ONE, "one.txt")
    catalog.leases.add_pending(TWO, "two.txt", 3)
    catalog.leases.add_pending(THREE, "three.txt", 3)
    catalog.mark_failed(THREE, "damaged")
    assert catalog.ready_names([ONE, TWO, THREE, "4" * 64]) == {ONE: "one.txt"}
    assert catalog.ready_names([]) == {}


def test_namesakes_are_other_ready_documents_of_that_name(catalog: Catalog) -> None:
    add_ready(catalog, ONE, "same.txt")
    add_ready(catalog, TWO, "different.txt")
    catalog.leases.add_pending(THREE, "same.txt", 3)
    assert [document.doc_id for document in catalog.namesakes("same.txt", THREE)] == [ONE]
    assert catalog.namesakes("same.txt", ONE) == []


@pytest.mark.parametrize(("address", "collection"), [("address", "letters"), ("elsewhere", "papers")])
def test_collections_do_not_see_each_other(engine: sa.Engine, catalog: Catalog, address: str, collection: str) -> None:
    add_ready(catalog, ONE)
    catalog.records.replace(RECORD)
    stranger = Catalog(engine, address, collection)
    assert (stranger.documents(), stranger.records.get(), stranger.find(ONE)) == ([], None, None)
    stranger.mark_pending(("pending", "ready", "failed"))
    stranger.mark_failed(ONE, "not mine")
    assert (stranger.deletions.unlist([ONE]), stranger.deletions.delete([ONE])) == ([], [])
    assert states(catalog) == {ONE: "ready"}


# --- removing


def test_removed_document_is_forgotten_and_its_bytes_are_not_needed(catalog: Catalog) -> None:
    add_ready(catalog, ONE)
    add_ready(catalog, TWO)
    catalog.deletions.unlist([ONE])
    assert catalog.deletions.delete([ONE]) == [ONE]
    assert states(catalog) == {TWO: "ready"}


def test_document_that_another_process_has_leased_is_not_deleted(catalog: Catalog, other: Catalog) -> None:
    add_ready(catalog, ONE)
    catalog.deletions.unlist([ONE])
    catalog.leases.release([ONE])
    assert other.leases.acquire_unlisted() == [ONE]
    assert catalog.deletions.delete([ONE]) == []
    assert other.deletions.delete([ONE]) == [ONE]
    add_ready(other, ONE)
    assert catalog.deletions.delete([ONE]) == []
    assert states(other) == {ONE: "ready"}


def test_bytes_that_another_collection_needs_are_kept(engine: sa.Engine, catalog: Catalog) -> None:
    letters = Catalog(engine, "address", "letters")
    for each in (catalog, letters):
        add_ready(each, ONE)
    catalog.deletions.unlist([ONE])
    assert catalog.deletions.delete([ONE]) == []
    assert states(letters) == {ONE: "ready"}
    letters.deletions.unlist([ONE])
    assert letters.deletions.delete([ONE]) == [ONE]


@pytest.mark.slow
def test_more_documents_are_removed_than_a_statement_takes(catalog: Catalog) -> None:
    many = [f"{number:064x}" for number in range(40_000)]
    add_ready(catalog, many[0])
    add_ready(catalog, many[-1])
    assert catalog.leases.held(many) == set()
    catalog.leases.release(many)
    catalog.mark_pending(["failed"], many)
    assert sorted(catalog.deletions.unlist(many)) == [many[0], many[-1]]
    catalog.deletions.list_failed(many, "still there")
    assert states(catalog) == {many[0]: "failed", many[-1]: "failed"}
    catalog.deletions.unlist(many)
    assert sorted(catalog.deletions.delete(many)) == [many[0], many[-1]]
    assert catalog.documents() == []


def test_removing_what_is_not_there_is_harmless(catalog: Catalog) -> None:
    assert catalog.deletions.delete([]) == []
    assert catalog.deletions.delete([ONE]) == []


def test_unlisted_document_is_in_the_library_for_nobody_and_is_left_to_whoever_finds_it(
    catalog: Catalog, other: Catalog
) -> None:
    add_ready(catalog, ONE)
    add_ready(catalog, TWO)
    assert catalog.deletions.unlist([ONE, THREE]) == [ONE]
    for each in (catalog, other):
        assert (each.find(ONE), states(each), each.count_states()) == (None, {TWO: "ready"}, {"ready": 1})
        assert (each.ready_names([ONE]), each.knows(ONE)) == ({}, True)
        assert each.leases.add_pending(ONE, "a.txt", 3) == "busy"
    assert (catalog.leases.acquire_unlisted(), other.leases.acquire_unlisted()) == ([], [])  # one lives that is at it
    catalog.leases.release([ONE])
    assert other.leases.acquire_unlisted() == [ONE]
    assert (other.holds_only([ONE]), other.holds_only([ONE, TWO])) == (False, True)
    assert other.deletions.delete([ONE]) == [ONE]
    assert not catalog.knows(ONE)


def test_document_is_listed_when_its_bytes_are_kept(catalog: Catalog, other: Catalog) -> None:
    assert catalog.leases.add_pending(ONE, "a.txt", 3, listed=False) == "added"
    assert (catalog.find(ONE), other.leases.add_pending(ONE, "a.txt", 3)) == (None, "busy")
    catalog.leases.list_pending(ONE)
    assert states(other) == {ONE: "pending"}


def test_bytes_are_discarded_before_their_document_is_forgotten(catalog: Catalog, engine: sa.Engine) -> None:
    Catalog(engine, "elsewhere", "papers").leases.add_pending(TWO, "b.txt", 3)
    for doc_id in (ONE, TWO):
        add_ready(catalog, doc_id)
    catalog.deletions.unlist([ONE, TWO])

    def fail(doc_id: str) -> None:
        raise OSError(doc_id)

    with pytest.raises(OSError, match=ONE):
        catalog.deletions.delete([ONE, TWO], fail)
    assert catalog.knows(ONE) and catalog.knows(TWO)
    discarded: list[str] = []
    catalog.deletions.delete([ONE, TWO], discarded.append)
    assert discarded == [ONE]
    catalog.deletions.call_for_unknown([ONE, TWO, THREE], discarded.append)
    assert discarded == [ONE, ONE, THREE]


def test_what_is_replaced_leaves_the_library_when_its_successor_is_in_it(catalog: Catalog, other: Catalog) -> None:
    add_ready(catalog, ONE)
    catalog.leases.add_pending(TWO, "a.txt", 3, [ONE, THREE])
    add_ready(catalog, THREE)  # added again since
    assert catalog.mark_ready({TWO: (1, 2)}) == ({TWO}, [ONE])
    assert states(other) == {TWO: "ready", THREE: "ready"}
    assert catalog.entries()[ONE].busy


def test_document_that_is_added_again_while_it_is_to_be_replaced_stays(catalog: Catalog) -> None:
    add_ready(catalog, ONE)
    add_ready(catalog, THREE)
    catalog.leases.add_pending(TWO, "a.txt", 3, [ONE, THREE])
    assert catalog.leases.add_pending(ONE, "b.txt", 3) == "ready"
    assert catalog.mark_ready({TWO: (1, 2)}) == ({TWO}, [THREE])
    assert states(catalog) == {ONE: "ready", TWO: "ready"}


def test_document_that_was_deleted_and_added_again_is_spared_by_one_that_is_tried_again(catalog: Catalog) -> None:
    add_ready(catalog, ONE)
    catalog.leases.add_pending(TWO, "a.txt", 3, [ONE])
    catalog.mark_failed(TWO, "It is damaged.")
    catalog.deletions.unlist([ONE])
    catalog.deletions.delete([ONE])
    add_ready(catalog, ONE)
    catalog.leases.add_pending(TWO, "a.txt", 3, catalog.to_replace(TWO))
    assert catalog.mark_ready({TWO: (1, 2)}) == ({TWO}, [])
    assert states(catalog) == {ONE: "ready", TWO: "ready"}


def test_document_that_was_ready_once_replaces_no_other_a_second_time(catalog: Catalog) -> None:
    add_ready(catalog, ONE)
    catalog.leases.add_pending(TWO, "a.txt", 3, [ONE])
    assert catalog.mark_ready({TWO: (1, 2)}) == ({TWO}, [ONE])
    assert catalog.to_replace(TWO) == ()


def test_document_that_another_process_has_deleted_or_leased_is_not_marked(catalog: Catalog, other: Catalog) -> None:
    for doc_id in (ONE, TWO, THREE):
        catalog.leases.add_pending(doc_id, "a.txt", 3, [THREE] if doc_id == ONE else [])
    other.deletions.unlist([ONE])
    catalog.leases.release([TWO])
    assert [doc_id for doc_id, *_ in other.leases.acquire_pending()] == [TWO]
    for doc_id in (ONE, TWO):
        catalog.mark_failed(doc_id, "It is damaged.")
    counts = dict.fromkeys((ONE, TWO, THREE), (1, 2))
    assert catalog.mark_ready(counts) == ({THREE}, [])
    assert states(other) == {TWO: "pending", THREE: "ready"}
    other.deletions.list_failed([ONE], "It is still there.")
    assert states(catalog) == {ONE: "failed", TWO: "pending", THREE: "ready"}


# --- the collection's record


def test_record_is_kept_replaced_and_deleted(catalog: Catalog) -> None:
    assert catalog.records.get() is None
    catalog.records.replace(CollectionRecord("BAAI/bge", "bundled", Fingerprint("first", 384, "1", "1")))
    second = CollectionRecord("bundled", "bundled", Fingerprint("second", 384, "1", "1"))
    catalog.records.replace(second)
    assert catalog.records.get() == second
    catalog.records.delete_unless_used()
    assert catalog.records.get() is None


def test_record_stays_where_another_process_has_taken_a_document_in(catalog: Catalog, other: Catalog) -> None:
    catalog.records.replace(RECORD)
    catalog.leases.add_pending(ONE, "a.txt", 3)
    catalog.deletions.unlist()
    other.leases.add_pending(TWO, "b.txt", 3)
    catalog.records.delete_unless_used()
    assert other.records.get() == RECORD


@pytest.mark.parametrize("attempt", range(3))
def test_of_several_records_added_at_once_all_learn_the_same(database_url: str, attempt: int) -> None:
    engines = [open_database(database_url) for _ in range(4)]
    together = Barrier(4)

    def add(number: int) -> CollectionRecord:
        together.wait()
        record = CollectionRecord("asked", "model", Fingerprint(f"print {number}", 384, "1", "1"))
        return Catalog(engines[number], "address", "papers").records.add(record)

    with ThreadPoolExecutor(4) as pool:
        kept = set(pool.map(add, range(4)))
    assert kept == {Catalog(engines[0], "address", "papers").records.get()}
    for engine in engines:
        engine.dispose()


# --- leases


def test_documents_to_be_ingested_again_replace_others_unless_they_have_done_so(catalog: Catalog) -> None:
    catalog.leases.add_pending(ONE, "a.txt", 3, [THREE])
    catalog.leases.add_pending(TWO, "a.txt", 3, [THREE])
    catalog.mark_ready({ONE: (1, 1)})
    catalog.mark_failed(TWO, "It is damaged.")
    assert catalog.to_replace(TWO) == (THREE,)
    catalog.mark_pending(("pending", "ready", "failed"))
    assert {doc_id: catalog.to_replace(doc_id) for doc_id, _ in catalog.leases.acquire_pending()} == {
        ONE: (),
        TWO: (THREE,),
    }


def test_documents_that_another_process_removed_or_took_over_are_not_held(
    catalog: Catalog, other: Catalog, engine: sa.Engine
) -> None:
    for doc_id in (ONE, TWO, THREE):
        catalog.leases.add_pending(doc_id, "a.txt", 3)
    other.deletions.unlist([ONE])
    other.mark_pending(("pending",), [TWO])
    other.leases.acquire_pending()
    assert catalog.leases.held([ONE, TWO, THREE]) == {THREE}
    assert other.leases.held([ONE, TWO, THREE]) == {TWO}
    marked, _ = catalog.mark_ready(dict.fromkeys((ONE, TWO, THREE), (1, 2)))
    assert marked == {THREE}


def test_pending_document_of_a_dead_process_is_leased(catalog: Catalog, database_url: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ANOTHER_PROCESS, database_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"added"
        # It lives: what it is at isn't taken.
        assert catalog.leases.acquire_pending() == []
        assert catalog.leases.add_pending(ONE, "mine.txt", 3) == "busy"
        process.kill()
        process.wait(10)
    assert catalog.leases.acquire_pending() == [(ONE, "a.txt")]


def test_document_of_a_dead_process_can_be_added(catalog: Catalog, other: Catalog) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait(10)
    other.leases.owner = f"{socket.gethostname()}:{process.pid}:abcdef01"
    other.leases.add_pending(ONE, "theirs.txt", 3)
    assert catalog.leases.add_pending(ONE, "mine.txt", 3) == "added"


def test_lease_of_another_machine_holds_until_it_runs_out(
    catalog: Catalog, other: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    other.leases.owner = "another-machine:1:abcdef01"
    other.leases.add_pending(ONE, "a.txt", 3)
    assert catalog.leases.acquire_pending() == []
    monkeypatch.setattr("rag.storage.leases.utc_now", lambda: utc_now() + LEASE + timedelta(seconds=1))
    assert catalog.leases.acquire_pending() == [(ONE, "a.txt")]


def test_lease_that_is_renewed_does_not_run_out(
    catalog: Catalog, other: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    other.leases.owner = "another-machine:1:abcdef01"
    other.leases.add_pending(ONE, "a.txt", 3)
    monkeypatch.setattr("rag.storage.leases.utc_now", lambda: utc_now() + LEASE - timedelta(seconds=1))
    other.leases.renew()
    monkeypatch.setattr("rag.storage.leases.utc_now", lambda: utc_now() + LEASE + timedelta(seconds=1))
    assert catalog.leases.acquire_pending() == []


def test_process_does_not_acquire_a_lease_that_it_has(catalog: Catalog) -> None:
    catalog.leases.add_pending(ONE, "a.txt", 3)
    assert catalog.leases.acquire_pending() == []


def test_released_documents_are_free_for_others(catalog: Catalog, other: Catalog) -> None:
    for doc_id in (ONE, TWO, THREE):
        catalog.leases.add_pending(doc_id, "a.txt", 3)
    catalog.leases.release([TWO])
    assert [doc_id for doc_id, *_ in other.leases.acquire_pending()] == [TWO]
    catalog.leases.release()
    assert sorted(doc_id for doc_id, *_ in other.leases.acquire_pending()) == [ONE, THREE]


def test_reindexing_makes_all_documents_pending_and_unleased(catalog: Catalog) -> None:
    add_ready(catalog, ONE)
    catalog.leases.add_pending(TWO, "b.txt", 3, [THREE])
    catalog.mark_failed(TWO, "damaged")
    catalog.mark_pending(("pending", "ready", "failed"))
    assert states(catalog) == {ONE: "pending", TWO: "pending"}
    assert sorted(catalog.leases.acquire_pending()) == [(ONE, "a.txt"), (TWO, "b.txt")]


@pytest.mark.parametrize("attempt", range(3))
def test_document_that_several_add_or_lease_at_once_goes_to_one(database_url: str, attempt: int) -> None:
    engines = [open_database(database_url) for _ in range(4)]
    catalogs = [Catalog(engine, "address", "papers") for engine in engines]
    together = Barrier(4)

    def add(catalog: Catalog) -> str:
        together.wait()
        return catalog.leases.add_pending(ONE, "a.txt", 3)

    def acquire(catalog: Catalog) -> int:
        together.wait()
        return len(catalog.leases.acquire_pending())

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(add, catalogs)) == ["added", "busy", "busy", "busy"]
        catalogs[0].mark_failed(ONE, "damaged")
        assert sorted(pool.map(add, catalogs)) == ["added", "busy", "busy", "busy"]
        catalogs[0].mark_pending(("pending", "ready", "failed"))
        assert sorted(pool.map(acquire, catalogs)) == [0, 0, 0, 1]
    for engine in engines:
        engine.dispose()


def test_failing_database_is_a_catalog_error(catalog: Catalog, engine: sa.Engine) -> None:
    tables.drop_all(engine)
    with pytest.raises(CatalogError, match="DATABASE_URL"):
        catalog.documents()


def test_documents_can_be_listed_in_part_and_by_state(catalog: Catalog) -> None:
    for number, doc_id in enumerate((ONE, TWO, THREE)):
        add_ready(catalog, doc_id, f"{number}.txt")
    catalog.mark_failed(TWO, "It is damaged.")
    everything = [document.doc_id for document in catalog.documents()]
    assert [document.doc_id for document in catalog.documents(first=1)] == everything[1:]
    assert [document.doc_id for document in catalog.documents(first=1, most=1)] == everything[1:2]
    assert [document.doc_id for document in catalog.documents(most=1, state="failed")] == [TWO]


def test_a_moved_library_lists_as_ready_what_was_counted_only(catalog: Catalog, engine: sa.Engine) -> None:
    add_ready(catalog, ONE, "counted.txt")
    add_ready(catalog, TWO, "added since.txt")
    catalog.leases.add_pending(THREE, "waiting.txt", 3)
    moved = Catalog(engine, "elsewhere", "papers")
    moved.list_from(catalog, {ONE})
    assert states(moved) == {ONE: "ready", TWO: "pending", THREE: "pending"}
