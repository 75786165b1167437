"""The face of the package, on real Milvus Lite and on a real Milvus server, with the real bundled model."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from rag import DocumentIndex, IndexMismatch, NotFound, RagError, ReadError, Settings, StoreError, StoreUnavailable
from rag.schema import Message
from rag.storage.files import document_id

pytestmark = pytest.mark.slow

TEA = (
    b"The tea house opens at seven in the morning. It serves forty kinds of tea.\n\n"
    b"The oldest tea was picked in 1987 and costs 420 euros a cake. Guests take off their shoes."
)
FERRY = b"The ferry to the island leaves at noon. A ticket costs nine euros. Dogs travel free on the upper deck."
KOREAN = "도서관은 오전 아홉 시에 문을 엽니다. 회원 카드는 무료로 발급됩니다. 주말에는 닫습니다.".encode()


@pytest.fixture(scope="module", params=["lite", pytest.param("server", marks=pytest.mark.milvus)])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DocumentIndex]:
    uri = request.getfixturevalue("milvus_server") if request.param == "server" else ""
    folder = tmp_path_factory.mktemp(f"index-{request.param}")
    settings = Settings(data_dir=folder, milvus_uri=uri, embed_model="bundled", collection=f"index_{uuid4().hex[:8]}")
    with DocumentIndex(settings) as opened:
        yield opened
        opened.reset()


@pytest.fixture
def index(shared: DocumentIndex) -> DocumentIndex:
    shared.reset()
    shared.dismiss()
    return shared


def test_ingested_documents_are_listed_searched_and_quoted_exactly(index: DocumentIndex) -> None:
    results = index.ingest([("tea.txt", TEA), ("ferry.txt", FERRY)])
    assert [(r.file_name, r.status, r.error) for r in results] == [
        ("tea.txt", "ready", None),
        ("ferry.txt", "ready", None),
    ]
    assert {d.file_name: d.chunks for d in index.documents()} == {r.file_name: r.chunks for r in results}
    best = index.search("What does a ticket for the boat cost?")[0]
    assert best.file_name == "ferry.txt"
    assert best.doc_id == results[1].doc_id
    assert FERRY.decode()[best.start : best.end] == best.text
    assert best.dense_rank == 1


def test_the_same_bytes_again_are_unchanged_under_any_name(index: DocumentIndex) -> None:
    (first,) = index.ingest([("tea.txt", TEA)])
    again = index.ingest([("tea.txt", TEA), ("copy.txt", TEA)])
    assert [(r.status, r.doc_id, r.chunks) for r in again] == [("unchanged", first.doc_id, first.chunks)] * 2
    assert len(index.documents()) == 1


def test_several_files_dropped_into_an_empty_library_all_become_ready(index: DocumentIndex) -> None:
    jobs = [index.submit(f"{i}.txt", TEA + str(i).encode()) for i in range(6)]
    assert [job.stage for job in index.wait(jobs)] == ["ready"] * 6


def test_twins_in_one_drop_are_stored_once(index: DocumentIndex) -> None:
    results = index.ingest([("a.txt", TEA), ("b.txt", TEA)])
    assert [r.status for r in results] == ["ready", "unchanged"]
    assert len(index.search("tea", top_k=50)) == results[0].chunks


def test_bad_files_fail_with_a_sentence_and_the_others_go_on(index: DocumentIndex, tmp_path: Path) -> None:
    results = index.ingest([("empty.txt", b""), str(tmp_path / "absent.pdf"), ("tea.txt", TEA), ("x.exe", b"MZ\x90\0")])
    assert [r.status for r in results] == ["failed", "failed", "ready", "failed"]
    assert all(r.error and r.file_name in r.error for r in results if r.status == "failed")
    # A failed upload stays listed with its reason until it is deleted, and its bytes can be tried again.
    failed = next(d for d in index.documents() if d.file_name == "empty.txt")
    assert failed.state == "failed"
    assert index.delete(failed.doc_id).left == 0


def test_deleting_leaves_nothing_and_says_so(index: DocumentIndex) -> None:
    tea, ferry = index.ingest([("tea.txt", TEA), ("ferry.txt", FERRY)])
    assert tea.doc_id
    receipt = index.delete(tea.doc_id)
    assert (receipt.documents, receipt.chunks, receipt.left) == (1, tea.chunks, 0)
    assert {p.file_name for p in index.search("tea")} == {"ferry.txt"}
    with pytest.raises(NotFound):
        index.delete(tea.doc_id)
    with pytest.raises(NotFound):
        index.original(tea.doc_id)
    assert index.original(ferry.doc_id or "") == FERRY


def test_reset_empties_the_collection_and_it_can_be_filled_again(index: DocumentIndex) -> None:
    results = index.ingest([("tea.txt", TEA), ("ferry.txt", FERRY)])
    receipt = index.reset()
    assert (receipt.documents, receipt.chunks, receipt.left) == (2, sum(r.chunks for r in results), 0)
    assert index.documents() == []
    assert index.search("tea") == []
    assert index.ingest([("tea.txt", TEA)])[0].status == "ready"
    assert index.search("tea")[0].file_name == "tea.txt"


def test_search_keeps_to_the_chosen_documents(index: DocumentIndex) -> None:
    tea, _ = index.ingest([("tea.txt", TEA), ("ferry.txt", FERRY)])
    assert {p.doc_id for p in index.search("What does it cost?", doc_ids=[tea.doc_id])} == {tea.doc_id}
    assert index.search("What does it cost?", doc_ids=[]) == []
    with pytest.raises(RagError):
        index.search("What does it cost?", doc_ids=['" or doc_id != "'])
    assert len(index.search("What does it cost?", top_k=1)) == 1


def test_a_document_replaces_its_namesake_only_when_asked(index: DocumentIndex) -> None:
    index.ingest([("note.txt", TEA)])
    assert index.namesake("note.txt", TEA) is None
    assert index.namesake("note.txt", FERRY) is not None
    index.ingest([("note.txt", FERRY)])
    assert len(index.documents()) == 2
    index.ingest([("note.txt", KOREAN)], replace=True)
    assert [d.size for d in index.documents()] == [len(KOREAN)]
    assert {p.text.split()[0] for p in index.search("tea ferry")} == {"도서관은"}


def test_a_follow_up_is_searched_with_its_history(index: DocumentIndex) -> None:
    index.ingest([("tea.txt", TEA), ("ferry.txt", FERRY)])
    history = [{"role": "user", "content": "Tell me about the ferry"}, Message("assistant", "It leaves at noon.")]
    assert index.search("And what does that cost?", history=history)[0].file_name == "ferry.txt"


def test_an_extractive_answer_quotes_and_cites(index: DocumentIndex) -> None:
    index.ingest([("tea.txt", TEA), ("ferry.txt", FERRY)])
    answer = index.ask("When does the ferry leave?")
    assert answer.extractive
    assert "The ferry to the island leaves at noon. [1]" in "".join(answer.tokens)
    citation = answer.citations[0]
    passage = answer.passages[citation.number - 1]
    assert citation.supported
    assert passage.text[citation.start : citation.end] == "The ferry to the island leaves at noon."


def test_asking_an_empty_library_says_that_nothing_matches(index: DocumentIndex) -> None:
    answer = index.ask("When does the ferry leave?")
    assert answer.passages == []
    assert "Nothing" in answer.text
    assert index.suggestions() == []


@pytest.mark.parametrize("question", ["", "  \n", "\x00"])
def test_an_empty_question_is_refused_in_words(index: DocumentIndex, question: str) -> None:
    with pytest.raises(RagError, match="empty"):
        index.search(question)


@pytest.mark.parametrize("question", ["a" * 10_000, '"] or 1==1 --', "\ud800 lone", "‮🙂 \\' % _", "?"])
def test_odd_questions_are_answered_without_harm(index: DocumentIndex, question: str) -> None:
    index.ingest([("tea.txt", TEA)])
    index.search(question)
    assert len(index.documents()) == 1


def test_jobs_show_counts_and_can_be_dismissed(index: DocumentIndex) -> None:
    job = index.submit("tea.txt", TEA)
    (done,) = index.wait([job])
    assert (done.stage, done.done, done.total) == ("ready", done.chunks, done.chunks)
    assert [j.job_id for j in index.jobs()] == [job.job_id]
    index.dismiss()
    assert index.jobs() == []


def test_a_cancelled_job_leaves_nothing_behind(index: DocumentIndex) -> None:
    text = "\n\n".join(f"Paragraph {i} tells of the number {i * 7919} and of little else." * 3 for i in range(3000))
    job = index.submit("long.txt", text.encode())
    while next(j for j in index.jobs() if j.job_id == job.job_id).done < 1:
        time.sleep(0.02)
    index.cancel(job.job_id)
    assert index.wait([job])[0].stage == "cancelled"
    assert index.documents() == []
    assert index.search("number") == []
    assert index.ingest([("tea.txt", TEA)])[0].status == "ready"
    assert {p.file_name for p in index.search("number", top_k=50)} == {"tea.txt"}


def test_unfinished_documents_are_never_searchable(index: DocumentIndex) -> None:
    text = "\n\n".join(f"Paragraph {i} tells of the walrus number {i * 7919}." * 4 for i in range(600))
    job = index.submit("long.txt", text.encode())
    while not (now := next(j for j in index.jobs() if j.job_id == job.job_id)).finished:
        found = index.search("walrus")
        assert found == [] or next(j for j in index.jobs() if j.job_id == job.job_id).finished, now
        time.sleep(0.05)
    assert index.search("walrus")[0].file_name == "long.txt"


def test_many_threads_may_ask_at_once(index: DocumentIndex) -> None:
    index.ingest([("tea.txt", TEA), ("ferry.txt", FERRY)])
    found: list[str] = []

    def ask() -> None:
        found.append(index.search("When does the ferry leave?")[0].file_name)

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["ferry.txt"] * 10


def test_a_restart_finds_everything_again(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, embed_model="bundled")
    with DocumentIndex(settings) as index:
        index.ingest([("tea.txt", TEA)])
        conversation = index.conversations.create("About tea")
        index.conversations.add(conversation.conversation_id, Message("user", "Hello"))
    with DocumentIndex(settings) as index:
        assert index.search("When does it open?")[0].file_name == "tea.txt"
        assert [c.title for c in index.conversations.list()] == ["About tea"]


def test_a_pending_document_is_resumed_at_the_next_start(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, embed_model="bundled")
    text = "\n\n".join(f"Paragraph {i} tells of the walrus number {i * 7919}." * 4 for i in range(1000))
    with DocumentIndex(settings) as index:
        job = index.submit("long.txt", text.encode())
        while next(j for j in index.jobs() if j.job_id == job.job_id).stage in {"queued", "reading"}:
            time.sleep(0.02)
    with DocumentIndex(settings) as index:
        deadline = time.monotonic() + 120
        while index.documents()[0].state != "ready":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        (document,) = index.documents()
        passages = index.search("walrus", top_k=500)
        found = bytearray(len(text))
        for passage in passages:
            assert passage.text == text[passage.start : passage.end]
            found[passage.start : passage.end] = b"x" * len(passage.text)
        assert document.chunks > 100
        assert [i for i, character in enumerate(text) if not character.isspace() and not found[i]] == []


def test_another_model_is_refused_until_the_library_is_reindexed(tmp_path: Path) -> None:
    with DocumentIndex(Settings(data_dir=tmp_path, embed_model="bundled")) as index:
        index.ingest([("tea.txt", TEA)])
    other = tmp_path / "model"
    _copy_of_the_bundled_model(other)
    with DocumentIndex(Settings(data_dir=tmp_path, embed_model=str(other))) as index:
        with pytest.raises(IndexMismatch, match="EMBED_MODEL"):
            index.search("tea")
        assert index.ingest([("ferry.txt", FERRY)])[0].status == "failed"
        assert "bundled" in (index.status().mismatch or "")
        index.wait(index.reindex())
        assert index.status().mismatch is None
        assert {d.file_name: d.state for d in index.documents()} == {"tea.txt": "ready", "ferry.txt": "ready"}
        assert index.search("When does the ferry leave?")[0].file_name == "ferry.txt"


def test_the_default_model_falls_back_to_the_bundled_one_within_seconds(tmp_path: Path) -> None:
    began = time.monotonic()
    with DocumentIndex(Settings(data_dir=tmp_path)) as index:
        while index.status().notice is None:
            assert time.monotonic() - began < 20
            time.sleep(0.05)
        assert "bundled" in (index.status().notice or "")
        assert index.ingest([("tea.txt", TEA)])[0].status == "ready"
    with DocumentIndex(Settings(data_dir=tmp_path)) as index:  # its own model, without asking anywhere
        assert index.search("tea")[0].file_name == "tea.txt"
        assert index.status().mismatch is None


def test_a_milvus_that_is_away_is_said_and_nothing_is_lost(tmp_path: Path, free_port: int) -> None:
    settings = Settings(data_dir=tmp_path, milvus_uri=f"http://127.0.0.1:{free_port}", embed_model="bundled")
    began = time.monotonic()
    with DocumentIndex(settings) as index:
        assert index.documents() == []
        with pytest.raises(StoreUnavailable, match=str(free_port)):
            index.search("tea")
        (result,) = index.ingest([("tea.txt", TEA)])
        assert result.status == "failed"
        assert "MILVUS_URI" in (result.error or "")
        assert index.documents()[0].state == "pending"
        while index.status().milvus.state != "error":
            assert time.monotonic() - began < 60
            time.sleep(0.1)
        assert time.monotonic() - began < 60


def test_files_over_the_limit_are_refused(tmp_path: Path) -> None:
    with DocumentIndex(Settings(data_dir=tmp_path, embed_model="bundled", max_upload_mb=1)) as index:
        with pytest.raises(ReadError, match="too large"):
            index.submit("big.txt", b"a" * 1_000_001)
        path = tmp_path / "big.txt"
        path.write_bytes(b"a" * 1_000_001)
        assert "MAX_UPLOAD_MB" in (index.ingest([path])[0].error or "")


@pytest.mark.parametrize(
    "name", ["../../etc/x.txt", "/abs.txt", "C:\\x\\y.txt", "CON.txt", "a" * 300 + ".txt", "\0.txt"]
)
def test_names_never_become_paths(tmp_path: Path, name: str) -> None:
    with DocumentIndex(Settings(data_dir=tmp_path / "data", embed_model="bundled")) as index:
        (result,) = index.ingest([(name, TEA)])
        assert result.status == "ready"
        assert "/" not in result.file_name
        kept = [path for path in (tmp_path / "data" / "files").rglob("*") if path.is_file()]
        assert sorted(path.name for path in kept) == [result.doc_id, f"{result.doc_id}.pages.json"]
    assert {path.name for path in tmp_path.iterdir()} == {"data"}


def _copy_of_the_bundled_model(folder: Path) -> None:
    """A model of other weights: the same one with a changed configuration counts as another."""
    import shutil

    from rag.embeddings.hub import bundled_folder

    shutil.copytree(bundled_folder(), folder)
    (folder / "extra.json").write_text("{}")


def test_replacing_keeps_other_files_of_the_same_call(index: DocumentIndex) -> None:
    index.ingest([("README.md", KOREAN)])
    results = index.ingest([("README.md", TEA), ("README.md", FERRY)], replace=True)
    assert [r.status for r in results] == ["ready", "ready"]
    assert sorted(d.size for d in index.documents()) == sorted([len(TEA), len(FERRY)])


def test_bytes_that_are_there_have_no_namesake(index: DocumentIndex) -> None:
    index.ingest([("note.txt", TEA), ("note.txt", FERRY)])
    assert index.namesake("note.txt", TEA) is None
    assert index.namesake("note.txt", KOREAN) is not None


def test_the_same_bytes_from_many_threads_are_one_document(index: DocumentIndex) -> None:
    jobs = []
    threads = [threading.Thread(target=lambda: jobs.append(index.submit("tea.txt", TEA))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {job.stage for job in index.wait(jobs)} <= {"ready", "unchanged"}
    assert len(index.documents()) == 1


def test_reindexing_in_the_middle_of_an_upload_keeps_every_document(index: DocumentIndex) -> None:
    index.ingest([("tea.txt", TEA)])
    index.submit("ferry.txt", FERRY)
    index.wait(index.reindex())
    assert {d.file_name: d.state for d in index.documents()} == {"tea.txt": "ready", "ferry.txt": "ready"}
    assert {p.file_name for p in index.search("tea ferry")} == {"tea.txt", "ferry.txt"}


def test_a_document_tried_again_still_replaces_what_it_was_to_replace(index: DocumentIndex) -> None:
    (old,) = index.ingest([("tea.txt", TEA)])
    assert old.doc_id is not None
    new = document_id(FERRY)
    index._files.write(new, FERRY)
    index._catalog.leases.add_pending(new, "tea.txt", len(FERRY), [old.doc_id])
    index._catalog.mark_failed(new, "It is damaged.")
    (job,) = index.wait([index.retry(new)])
    assert job.stage == "ready"
    assert [document.doc_id for document in index.documents()] == [new]
    assert {passage.doc_id for passage in index.search("tea")} == {new}


def test_a_collection_dropped_from_outside_comes_back_from_the_kept_bytes(index: DocumentIndex) -> None:
    (tea,) = index.ingest([("tea.txt", TEA)])
    index._store._connection._client.drop_collection(index.settings.collection)
    deadline = time.monotonic() + 60
    while True:
        assert time.monotonic() < deadline
        time.sleep(0.2)
        try:
            if index.search("When does it open?") and index.documents()[0].state == "ready":
                break
        except StoreError:
            pass
    assert index.delete(tea.doc_id or "").chunks == tea.chunks


def test_a_collection_that_the_catalog_does_not_know_is_left_alone(index: DocumentIndex, tmp_path: Path) -> None:
    index.ingest([("tea.txt", TEA)])
    if index.settings.milvus_is_lite:
        pytest.skip("a Lite file serves one catalog")
    other = index.settings.model_copy(update={"data_dir": tmp_path})
    with DocumentIndex(other) as stranger:
        (result,) = stranger.ingest([("ferry.txt", FERRY)])
        assert result.status == "failed"
        assert "COLLECTION" in (result.error or "")
    assert index.search("When does it open?")[0].file_name == "tea.txt"
