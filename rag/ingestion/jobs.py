"""Jobs: documents on their way through the pipeline, as the user follows them, and finished jobs."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from rag.errors import NotFound, RagError
from rag.runtime.logs import ID_CHARACTERS
from rag.runtime.logs import job as in_job
from rag.schema import Job, Stage

logger = logging.getLogger(__name__)

# Finished jobs that are kept.
REMEMBERED = 10_000


@dataclass(slots=True, eq=False)
class Work:
    """One document on its way: its job, and how many of its chunks have been read, embedded and inserted so far.

    The stages count the chunks; `lifecycle` alone ends the job.
    """

    job: Job
    tried_before: bool = False  # an earlier attempt may have left rows
    chunks: int = 0
    embedded: int = 0
    inserted: int = 0
    is_read: bool = False  # `chunks` is the final number
    is_ready: bool = False  # the document's state in the catalog
    wanted: bool = True  # False once the job has failed or was cancelled: the stages skip its chunks
    done: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_embedded(self) -> bool:
        """Whether all chunks have been embedded."""
        return self.is_read and self.embedded == self.chunks

    @property
    def is_inserted(self) -> bool:
        """Whether all chunks have been inserted."""
        return self.is_read and self.inserted == self.chunks

    def count_read(self, chunks: int, share: float) -> None:
        """`chunks` more chunks have been read. `share` of the text, from 0 to 1, has been chunked so far."""
        self.chunks += chunks
        self.update(chunks=self.chunks, total=round(self.chunks / share))

    def end_reading(self) -> None:
        """All chunks have been read."""
        self.is_read = True
        self.update(total=self.chunks)

    def count_embedded(self) -> None:
        """One more chunk has been embedded."""
        self.embedded += 1
        self.update(done=self.embedded)

    def count_inserted(self) -> None:
        """One more chunk has been inserted."""
        self.inserted += 1

    def show_inserted(self) -> None:
        """Show the stage "indexing" once all chunks have been embedded."""
        if self.is_embedded:
            self.update(stage="indexing", done=self.inserted)

    def pass_over(self) -> None:
        """Have the stages skip the chunks that are still under way. The job isn't finished by this."""
        self.wanted = False

    def mark_ready(self) -> None:
        """The document is ready in the catalog. The job isn't finished by this."""
        self.is_ready = True

    def update(self, **changes: Any) -> None:
        """Change fields of the job, unless it is finished."""
        if not self.job.finished:
            stage, self.job = self.job.stage, replace(self.job, **changes)
            if self.job.stage != stage:
                log_job(self.job)

    def finish(self, stage: Stage, **changes: Any) -> None:
        """Give the job its final stage."""
        self.wanted = self.wanted and stage not in {"cancelled", "failed"}
        self.update(stage=stage, **changes)
        self.done.set()


def log_job(job: Job) -> None:
    """Log the stage of a job."""
    with in_job(job.job_id):
        counts = {"pages": job.pages, "chunks": job.chunks} if job.finished else {}
        logger.info("a job's stage", extra={"stage": job.stage, "doc": job.doc_id[:ID_CHARACTERS], **counts})


def explain(job: Job, error: Exception) -> str:
    """Log the error that ends a job. Returns the sentence for the user."""
    is_known = isinstance(error, RagError)
    with in_job(job.job_id):
        logger.log(logging.INFO if is_known else logging.ERROR, "ingesting failed", exc_info=error)
    if is_known:
        return str(error)
    return f"{job.file_name} can't be ingested ({type(error).__name__}); details are in the log."


class JobBook:
    """All jobs, oldest first. Use on the event loop only; but `jobs` and `running` may be called from any thread."""

    def __init__(self) -> None:
        self._works: dict[str, Work] = {}  # by job
        self._newest: dict[str, Work] = {}  # by document

    def running(self, doc_id: str) -> Job | None:
        """The unfinished job of a document; None if there is none."""
        work = self._newest.get(doc_id)
        return work.job if work is not None and not work.job.finished else None

    def jobs(self) -> list[Job]:
        return [work.job for work in list(self._works.values())]

    def active(self, doc_ids: Collection[str] | None = None) -> list[Work]:
        """The unfinished jobs, of `doc_ids` or (None) of all documents."""
        return [
            work
            for work in list(self._works.values())
            if not work.job.finished and (doc_ids is None or work.job.doc_id in doc_ids)
        ]

    def cancel(self, doc_ids: Collection[str] | None = None) -> None:
        """Cancel the jobs of documents (None: all jobs). The caller deletes the documents' rows."""
        for work in self.active(doc_ids):
            work.finish("cancelled")

    def room(self, most: int) -> int:
        """The number of jobs that may be added, if `most` jobs may be unfinished."""
        return max(0, most - len(self.active()))

    def add(self, doc_id: str, file_name: str, stage: Stage, *, tried_before: bool = False, **fields: Any) -> Work:
        """A new job in `stage`, which may be a final one. `fields` are further fields of Job."""
        work = Work(Job(uuid.uuid4().hex, file_name, doc_id, stage, **fields), tried_before)
        self._works[work.job.job_id] = self._newest[doc_id] = work
        log_job(work.job)
        if work.job.finished:
            work.done.set()
        if len(self._works) > 2 * REMEMBERED:
            finished = [job_id for job_id, each in self._works.items() if each.job.finished]
            for job_id in finished[:-REMEMBERED]:
                self._take_off(job_id)
        return work

    def find(self, job_id: str) -> Work:
        """Raises NotFound."""
        if job_id not in self._works:
            raise NotFound("There is no such job; it may have been dismissed.")
        return self._works[job_id]

    async def wait(self, jobs: Iterable[Job]) -> list[Job]:
        """Wait until `jobs` are finished. Returns the finished jobs in the same order."""
        works = [(job, self._works.get(job.job_id)) for job in jobs]
        for _, work in works:
            if work is not None:
                await work.done.wait()
        return [work.job if work is not None else job for job, work in works]

    def dismiss(self, job_id: str | None) -> None:
        """Take a finished job (None: all finished jobs) off the list."""
        for key in [job_id] if job_id else list(self._works):
            if key in self._works and self._works[key].job.finished:
                self._take_off(key)

    def _take_off(self, job_id: str) -> None:
        work = self._works.pop(job_id)
        if self._newest.get(work.job.doc_id) is work:
            del self._newest[work.job.doc_id]
