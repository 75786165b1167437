"""Intake, the first stage: files are checked, recorded in the catalog, kept, and queued for the pipeline."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

from rag.errors import CatalogError, LimitReached, RagError
from rag.ingestion.inputs import check_size, display_name, read_path
from rag.ingestion.jobs import Work
from rag.ingestion.pipeline import Ingestion
from rag.readers.attachments import name_within
from rag.runtime.event_loop import EventLoopThread
from rag.schema import DocumentInfo, IngestResult, Job
from rag.settings import Settings
from rag.storage.documents import Catalog
from rag.storage.files import FileStore, document_id

# Documents that are added before the collection's documents are counted again.
COUNTED_AGAIN = 100

# A path, or a name and the bytes.
FileInput = str | Path | tuple[str, bytes]
OnProgress = Callable[[list[Job]], object] | None


class Intake:
    """Takes files in, from any thread; one at a time, since two threads may bring the same bytes."""

    def __init__(
        self, settings: Settings, catalog: Catalog, files: FileStore, ingestion: Ingestion, loop: EventLoopThread
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._files = files
        self._ingestion = ingestion
        self._loop = loop
        self._lock = threading.Lock()
        self._documents_left = 0  # to be added before documents are counted again
        ingestion.take_attachments_by(self.attach)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Take no file in while the block runs."""
        with self._lock:
            yield

    def submit(self, name: str, data: bytes, replace: bool) -> Job:
        """Like `DocumentIndex.submit`."""
        file_name, doc_id = display_name(name), document_id(data)
        self._check_jobs(file_name, doc_id)
        replaces = tuple(other.doc_id for other in self._namesakes(file_name, doc_id)) if replace else ()
        return self._submit(doc_id, file_name, data, replaces)

    def attach(self, work: Work, name: str, data: bytes) -> str:
        """Take in a file that is attached to the document of `work`, as a document of its own. Returns a sentence for
        the user if it can't be taken in, else "". Raises CatalogError.

        A document that has been ready before has its attachments in the library, except those that the user deleted.
        """
        origin = work.job.doc_id
        file_name = name_within(work.job.file_name, display_name(name))
        try:
            check_size(file_name, len(data), self._settings.max_upload_mb)
            doc_id = document_id(data)
            with self._lock:
                document = self._catalog.find(origin)
                if work.wanted and document is not None and not document.chunks:
                    self._enter(doc_id, file_name, data, (), origin)
        except CatalogError:
            raise
        except RagError as error:
            return f"Attachment not added: {error}"
        return ""

    def retry(self, document: DocumentInfo) -> Job:
        """Like `DocumentIndex.retry`."""
        self._check_jobs(document.file_name, document.doc_id)
        replaces = self._catalog.to_replace(document.doc_id)
        data = self._files.read(document.doc_id)
        return self._submit(document_id(data), document.file_name, data, replaces)

    def ingest(self, files: Iterable[FileInput], replace: bool, on_progress: OnProgress) -> list[IngestResult]:
        """Like `DocumentIndex.ingest`."""
        # Only documents from before this call are replaced, not other files of this call.
        replaced: dict[str, list[str]] = {}
        for document in self._catalog.documents(state="ready") if replace else ():
            replaced.setdefault(document.file_name, []).append(document.doc_id)
        outcomes: list[Job | IngestResult] = []
        first_seen: set[str] = set()
        repeated: list[bool] = []
        room = 0
        for file_input in files:
            if room < 1:
                room = self._await_room(on_progress)
            room -= 1
            outcome = self._submit_input(file_input, replaced)
            outcomes.append(outcome)
            key = outcome.job_id if isinstance(outcome, Job) else ""
            repeated.append(bool(key) and key in first_seen)
            first_seen.add(key)
        jobs = [outcome for outcome in outcomes if isinstance(outcome, Job)]
        finished = self.wait(jobs, on_progress)
        failed = self._wait_for_attachments(finished, on_progress)
        results = iter(finished)
        return [
            _result(job := next(results), is_repeated, failed[job.doc_id]) if isinstance(outcome, Job) else outcome
            for outcome, is_repeated in zip(outcomes, repeated, strict=True)
        ]

    def wait(self, jobs: Iterable[Job], on_progress: OnProgress = None) -> list[Job]:
        """Like `DocumentIndex.wait`."""

        def report() -> None:
            if on_progress:
                on_progress(self._ingestion.book.jobs())

        finished = self._loop.run(self._ingestion.book.wait(list(jobs)), report if on_progress else None)
        report()
        return finished

    def namesakes(self, file_name: str, data: bytes) -> list[DocumentInfo]:
        """Other ready documents of this name; none if `data` is in the library already."""
        return self._namesakes(file_name, document_id(data))

    # --- inner workings

    def _namesakes(self, file_name: str, doc_id: str) -> list[DocumentInfo]:
        document = self._catalog.find(doc_id)
        return [] if document and document.state == "ready" else self._catalog.namesakes(file_name, doc_id)

    def _check_jobs(self, file_name: str, doc_id: str) -> None:
        """Raise LimitReached if there is no room for a job, and this document needs one."""
        if self._ingestion.book.room(self._settings.max_jobs) or self._ingestion.book.running(doc_id):
            return
        document = self._catalog.find(doc_id)
        if document is None or document.state != "ready":
            raise LimitReached(
                f"{file_name} isn't added, since {self._settings.max_jobs:,} documents are on their way already; add "
                "it when some of them are ready, or raise MAX_JOBS."
            )

    def _submit(self, doc_id: str, file_name: str, data: bytes, replaces: tuple[str, ...]) -> Job:
        check_size(file_name, len(data), self._settings.max_upload_mb)
        with self._lock:
            return self._enter(doc_id, file_name, data, replaces)

    def _enter(self, doc_id: str, file_name: str, data: bytes, replaces: tuple[str, ...], attached_to: str = "") -> Job:
        """The running or a new job of the document. The caller holds the lock."""
        running = self._ingestion.book.running(doc_id)
        if running is not None:
            return running
        tried_before = self._catalog.knows(doc_id)
        if not tried_before:
            self._check_number(file_name, len(replaces))
        outcome = self._ingestion.lifecycle.enter(doc_id, file_name, data, replaces)
        return self._loop.run(self._make_job(doc_id, file_name, outcome, tried_before, attached_to))

    def _check_number(self, file_name: str, replaced: int) -> None:
        """Raise LimitReached if the collection has no room for a document, after `replaced` others are deleted."""
        most = self._settings.max_documents
        if self._documents_left < 1:
            number = sum(self._catalog.count_states().values())
            self._documents_left = min(COUNTED_AGAIN, most - number)
        if self._documents_left + replaced < 1:
            raise LimitReached(
                f"{file_name} isn't added, since a collection takes {most:,} documents; delete some, or raise "
                "MAX_DOCUMENTS."
            )
        self._documents_left -= 1

    async def _make_job(
        self,
        doc_id: str,
        file_name: str,
        outcome: Literal["added", "ready", "busy"],
        tried_before: bool,
        attached_to: str,
    ) -> Job:
        book = self._ingestion.book
        if outcome == "added":
            work = book.find(self._ingestion.lifecycle.queue(doc_id, file_name, tried_before=tried_before).job_id)
            work.update(attached_to=attached_to)
            return work.job
        if outcome == "busy":
            error = f"{file_name} is being added or deleted elsewhere right now; add it again in a moment."
            return book.add(doc_id, file_name, "failed", error=error, attached_to=attached_to).job
        document = await asyncio.to_thread(self._catalog.find, doc_id)
        pages, chunks = (document.pages, document.chunks) if document else (0, 0)
        return book.add(doc_id, file_name, "unchanged", pages=pages, chunks=chunks, attached_to=attached_to).job

    def _submit_input(self, file_input: FileInput, replaced: Mapping[str, list[str]]) -> Job | IngestResult:
        """The file's job; or its result if it can't be taken in. Raises CatalogError."""
        name = display_name(file_input[0] if isinstance(file_input, tuple) else str(file_input))
        try:
            limit = self._settings.max_upload_mb
            data = file_input[1] if isinstance(file_input, tuple) else read_path(Path(file_input), limit)
            doc_id = document_id(data)
            return self._submit(doc_id, name, data, tuple(id_ for id_ in replaced.get(name, ()) if id_ != doc_id))
        except CatalogError:
            raise
        except RagError as error:
            return IngestResult(name, "failed", None, error=str(error))

    def _wait_for_attachments(self, jobs: Iterable[Job], on_progress: OnProgress) -> dict[str, list[str]]:
        """Wait for the attachments of documents, and for theirs. Returns sentences about those that failed, for each of
        the documents."""
        origins = {job.doc_id: job.doc_id for job in jobs}
        failed: dict[str, list[str]] = {doc_id: [] for doc_id in origins}
        seen: set[str] = set()
        while attached := [
            job for job in self._ingestion.book.jobs() if job.attached_to in origins and job.job_id not in seen
        ]:
            for job in self.wait(attached, on_progress):
                seen.add(job.job_id)
                origin = origins.setdefault(job.doc_id, origins[job.attached_to])
                if job.stage == "failed":
                    failed[origin].append(f"Attachment not added: {job.error}")
        return failed

    def _await_room(self, on_progress: OnProgress) -> int:
        """Wait until there is room for a job. Returns the number of further jobs up to MAX_JOBS."""
        limit = self._settings.max_jobs
        while not (room := self._ingestion.book.room(limit)):
            # Wait for several jobs, since each count of the room looks at all jobs.
            unfinished = [job for job in self._ingestion.book.jobs() if not job.finished]
            self.wait(unfinished[: 1 + limit // 10], on_progress)
        return room


def _result(job: Job, repeated: bool, failed: list[str]) -> IngestResult:
    """The result of a job; `repeated` if another file of the same call had the same bytes. `failed` are sentences about
    attachments that failed."""
    job = dataclasses.replace(job, notice=" ".join(filter(None, [job.notice, *failed])) or None)
    if job.stage == "ready":
        status = "unchanged" if repeated else "ready"
        return IngestResult(job.file_name, status, job.doc_id, job.pages, job.chunks, notice=job.notice)  # type: ignore[arg-type]
    if job.stage == "unchanged":
        return IngestResult(job.file_name, "unchanged", job.doc_id, job.pages, job.chunks, notice=job.notice)
    return IngestResult(job.file_name, "failed", job.doc_id, error=job.error or "It was cancelled.")
