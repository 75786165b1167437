"""What keeps one from taking all: each limit is a setting, and beyond it there is a sentence that names it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rag import DocumentIndex, LimitReached, Settings
from rag.schema import Job

pytestmark = pytest.mark.slow

MOST_JOBS = 3
MOST_DOCUMENTS = 12


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DocumentIndex]:
    folder = tmp_path_factory.mktemp("limits")
    settings = Settings(data_dir=folder, embed_model="bundled", max_jobs=MOST_JOBS, max_documents=MOST_DOCUMENTS)
    with DocumentIndex(settings) as opened:
        yield opened


def notes(number: int, first: int = 0) -> list[tuple[str, bytes]]:
    return [(f"{i}.txt", f"Note {i} says that lamp {i} is green.".encode()) for i in range(first, first + number)]


def test_more_files_than_jobs_are_taken_in_as_others_become_ready(index: DocumentIndex) -> None:
    unfinished: list[int] = []

    def watch(jobs: list[Job]) -> None:
        unfinished.append(sum(not job.finished for job in jobs))

    results = index.ingest(notes(MOST_DOCUMENTS), on_progress=watch)
    assert [result.status for result in results] == ["ready"] * MOST_DOCUMENTS
    assert [result.file_name for result in results] == [name for name, _ in notes(MOST_DOCUMENTS)]
    assert max(unfinished) == MOST_JOBS


def test_full_collection_takes_nothing_new_but_what_is_there_or_replaces_something(index: DocumentIndex) -> None:
    ((name, data),) = notes(1, first=MOST_DOCUMENTS)
    with pytest.raises(LimitReached, match=r"12\.txt isn't added.*12 documents.*MAX_DOCUMENTS"):
        index.submit(name, data)
    (refused,) = index.ingest([(name, data)])
    assert refused.status == "failed" and "MAX_DOCUMENTS" in (refused.error or "")
    assert index.ingest(notes(1))[0].status == "unchanged"
    assert index.ingest([("0.txt", b"Another note about lamp 0.")], replace=True)[0].status == "ready"
    assert index.size()[0] == MOST_DOCUMENTS
    index.delete(index.documents()[0].doc_id)
    assert index.ingest([(name, data)])[0].status == "ready"


def test_document_is_refused_while_too_many_are_on_their_way(index: DocumentIndex) -> None:
    for document in index.documents()[: MOST_JOBS + 1]:
        index.delete(document.doc_id)
    long = "The lamp is green and the wall is blue. " * 20_000
    jobs = [index.submit(f"long {i}.txt", f"{i} {long}".encode()) for i in range(MOST_JOBS)]
    with pytest.raises(LimitReached, match=r"late\.txt isn't added.*3 documents are on their way.*MAX_JOBS"):
        index.submit("late.txt", b"The late lamp.")
    ready = next(document for document in index.documents() if document.state == "ready")
    assert index.retry(ready.doc_id).stage == "unchanged", "what takes no job isn't refused"
    assert index.submit("long 0.txt", f"0 {long}".encode()).job_id == jobs[0].job_id
    for job in jobs:
        index.cancel(job.job_id)
    assert index.wait([index.submit("late.txt", b"The late lamp.")])[0].stage == "ready"


@pytest.mark.parametrize("way", ["search", "ask"])
def test_too_long_question_is_refused(index: DocumentIndex, way: str) -> None:
    assert getattr(index, way)("lamp " * 2_000)
    with pytest.raises(LimitReached, match=r"10,001 characters.*MAX_QUESTION_CHARACTERS"):
        getattr(index, way)("a" * 10_001)


def test_long_history_does_not_matter(index: DocumentIndex) -> None:
    history = [{"role": "user", "content": "lamp " * 100_000}, {"role": "assistant", "content": "green " * 100_000}]
    assert index.search("Which one?", history=history * 50)


def test_programs_ask_as_often_as_they_want(tmp_path: Path) -> None:
    """QUESTIONS_PER_MINUTE is for people: what measures the product mustn't be held up by it."""
    settings = Settings(data_dir=tmp_path, embed_model="bundled", questions_per_minute=1)
    with DocumentIndex(settings, background=False) as index:
        assert [index.search("lamp") for _ in range(20)] == [[]] * 20
