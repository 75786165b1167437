"""Documents come in: checked, noted and kept, then handed to the pipeline."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from rag.errors import CatalogError, LimitReached, RagError
from rag.ingestion.inputs import check_size, display_name, read_path
from rag.ingestion.pipeline import Ingestion
from rag.runtime.event_loop import EventLoopThread
from rag.schema import DocumentInfo, IngestResult, Job
from rag.settings import Settings
from rag.storage.documents import Catalog
from rag.storage.files import FileStore, document_id

# So many documents are added between two counts of all.
COUNTED_AGAIN = 100

Source = str | Path | tuple[str, bytes]
OnProgress = Callable[[list[Job]], object] | None


class Intake:
    """Takes files in, from any thread. `turn` is held while that happens: two threads may bring the same bytes."""

    def __init__(
        self, settings: Settings, catalog: Catalog, files: FileStore, ingestion: Ingestion, loop: EventLoopThread
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._files = files
        self._ingestion = ingestion
        self._loop = loop
        self._documents_room = 0  # for how many more there is, by the last count
        self.turn = threading.Lock()

    def submit(self, name: str, data: bytes, replace: bool) -> Job:
        """Like `DocumentIndex.submit`."""
        file_name = display_name(name)
        self._check_jobs(file_name, document_id(data))
        replaces = tuple(other.doc_id for other in self.namesakes(file_name, data)) if replace else ()
        return self._submit(file_name, data, replaces)

    def retry(self, document: DocumentInfo) -> Job:
        """Like `DocumentIndex.retry`."""
        self._check_jobs(document.file_name, document.doc_id)
        replaces = self._catalog.to_replace(document.doc_id)
        return self._submit(document.file_name, self._files.read(document.doc_id), replaces)

    def ingest(self, sources: Iterable[Source], replace: bool, on_progress: OnProgress) -> list[IngestResult]:
        """Like `DocumentIndex.ingest`."""
        # Only what was there before is replaced, not other files of this call.
        replaced: dict[str, list[str]] = {}
        for document in self._catalog.documents(state="ready") if replace else ():
            replaced.setdefault(document.file_name, []).append(document.doc_id)
        outcomes: list[Job | IngestResult] = []
        first_seen: set[str] = set()
        repeated: list[bool] = []
        room = 0
        for source in sources:
            if room < 1:
                room = self._await_room(on_progress)
            room -= 1
            outcome = self._submit_source(source, replaced)
            outcomes.append(outcome)
            key = outcome.job_id if isinstance(outcome, Job) else ""
            repeated.append(bool(key) and key in first_seen)
            first_seen.add(key)
        jobs = [outcome for outcome in outcomes if isinstance(outcome, Job)]
        finished = iter(self.wait(jobs, on_progress))
        return [
            _result(next(finished), again) if isinstance(outcome, Job) else outcome
            for outcome, again in zip(outcomes, repeated, strict=True)
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
        """Other ready documents of that name; none for bytes that are in the library already."""
        doc_id = document_id(data)
        known = self._catalog.find(doc_id)
        return [] if known and known.state == "ready" else self._catalog.namesakes(file_name, doc_id)

    # --- inner workings

    def _check_jobs(self, file_name: str, doc_id: str) -> None:
        """Raise LimitReached where there is no room for a job, and this document would take one."""
        if self._ingestion.book.room(self._settings.max_jobs) or self._ingestion.book.running(doc_id):
            return
        known = self._catalog.find(doc_id)
        if known is None or known.state != "ready":
            raise LimitReached(
                f"{file_name} isn't added, since {self._settings.max_jobs:,} documents are on their way already; add "
                "it when some of them are ready, or raise MAX_JOBS."
            )

    def _submit(self, file_name: str, data: bytes, replaces: tuple[str, ...]) -> Job:
        check_size(file_name, len(data), self._settings.max_upload_mb)
        doc_id = document_id(data)
        with self.turn:
            running = self._ingestion.book.running(doc_id)
            if running is not None:
                return running
            again = self._catalog.knows(doc_id)
            if not again:
                self._check_number(file_name, len(replaces))
            outcome = self._keep(doc_id, file_name, data, replaces)
            return self._loop.run(self._take_in(doc_id, file_name, outcome, again))

    def _check_number(self, file_name: str, replaced: int) -> None:
        most = self._settings.max_documents
        if self._documents_room < 1:
            number = sum(self._catalog.count_states().values())
            self._documents_room = min(COUNTED_AGAIN, most - number)
        if self._documents_room + replaced < 1:
            raise LimitReached(
                f"{file_name} isn't added, since a collection takes {most:,} documents; delete some, or raise "
                "MAX_DOCUMENTS."
            )
        self._documents_room -= 1

    def _keep(self, doc_id: str, file_name: str, data: bytes, replaces: tuple[str, ...]) -> str:
        """Note that a document is to be ingested, and keep its bytes. Returns what `Catalog.add_pending` says."""
        # Noted first, so that no bytes are left of a document that nobody knows; listed when they are kept.
        listed = self._catalog.find(doc_id) is not None
        outcome = self._catalog.leases.add_pending(doc_id, file_name, len(data), replaces, listed=listed)
        if outcome != "busy":
            try:
                self._files.write(data)  # those of a document that is known may be lost
                if outcome == "added" and not listed:
                    self._catalog.leases.list_pending(doc_id)
            except RagError:
                if outcome == "added":
                    self._loop.run(self._ingestion.give_back(doc_id))
                raise
        return outcome

    async def _take_in(self, doc_id: str, file_name: str, outcome: str, again: bool) -> Job:
        book = self._ingestion.book
        if outcome == "added":
            return self._ingestion.add(doc_id, file_name, again)
        if outcome == "busy":
            error = f"{file_name} is being added or removed elsewhere right now; add it again in a moment."
            return book.add(doc_id, file_name, "failed", error=error).job
        known = await asyncio.to_thread(self._catalog.find, doc_id)
        pages, chunks = (known.pages, known.chunks) if known else (0, 0)
        return book.add(doc_id, file_name, "unchanged", pages=pages, chunks=chunks).job

    def _submit_source(self, source: Source, replaced: Mapping[str, list[str]]) -> Job | IngestResult:
        name = display_name(source[0] if isinstance(source, tuple) else str(source))
        try:
            limit = self._settings.max_upload_mb
            data = source[1] if isinstance(source, tuple) else read_path(Path(source), limit)
            own = document_id(data)
            return self._submit(name, data, tuple(other for other in replaced.get(name, ()) if other != own))
        except CatalogError:
            raise
        except RagError as error:
            return IngestResult(name, "failed", None, error=str(error))

    def _await_room(self, on_progress: OnProgress) -> int:
        """Wait until fewer than MAX_JOBS documents are on their way. Returns for how many there is room."""
        limit = self._settings.max_jobs
        while not (room := self._ingestion.book.room(limit)):
            # For a part of them, since each count looks at all jobs.
            unfinished = [job for job in self._ingestion.book.jobs() if not job.finished]
            self.wait(unfinished[: 1 + limit // 10], on_progress)
        return room


def _result(job: Job, again: bool) -> IngestResult:
    if job.stage == "ready":
        status = "unchanged" if again else "ready"
        return IngestResult(job.file_name, status, job.doc_id, job.pages, job.chunks)  # type: ignore[arg-type]
    if job.stage == "unchanged":
        return IngestResult(job.file_name, "unchanged", job.doc_id, job.pages, job.chunks)
    return IngestResult(job.file_name, "failed", job.doc_id, error=job.error or "It was cancelled.")
