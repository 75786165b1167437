"""The book of jobs: every file on its way through the pipeline, and those that have arrived."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from rag.errors import NotFound
from rag.runtime.logs import ID_CHARACTERS
from rag.runtime.logs import job as in_job
from rag.schema import Job, Stage

logger = logging.getLogger(__name__)

# Finished jobs that are remembered.
REMEMBERED = 10_000


@dataclass(slots=True, eq=False)
class Work:
    """One document on its way.

    `chunks` is how many have been read, and all there are once it is `read`; how many of them are embedded, inserted.
    """

    job: Job
    again: bool = False  # an earlier attempt may have left rows
    chunks: int = 0
    read: bool = False
    embedded: int = 0
    inserted: int = 0
    whole: bool = False  # in the catalog it is ready
    cancelled: bool = False
    done: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_embedded(self) -> bool:
        """Whether all chunks have been embedded."""
        return self.read and self.embedded == self.chunks

    @property
    def stored(self) -> bool:
        """Whether all chunks have been inserted."""
        return self.read and self.inserted == self.chunks

    def update(self, **changes: Any) -> None:
        """Change the snapshot that others see; a finished job stays as it is."""
        if not self.job.finished:
            stage, self.job = self.job.stage, replace(self.job, **changes)
            if self.job.stage != stage:
                log_job(self.job)

    def finish(self, stage: Stage, **changes: Any) -> None:
        self.cancelled = self.cancelled or stage in {"cancelled", "failed"}
        self.update(stage=stage, **changes)
        self.done.set()


def log_job(job: Job) -> None:
    """Log the stage that a job is in."""
    with in_job(job.job_id):
        counts = {"pages": job.pages, "chunks": job.chunks} if job.finished else {}
        logger.info("a job's stage", extra={"stage": job.stage, "doc": job.doc_id[:ID_CHARACTERS], **counts})


class JobBook:
    """All jobs, oldest first. Changed on the event loop only; `jobs` and `running` may be called from anywhere."""

    def __init__(self) -> None:
        self._works: dict[str, Work] = {}
        self._newest: dict[str, Work] = {}  # by document

    def running(self, doc_id: str) -> Job | None:
        """The unfinished job of a document."""
        work = self._newest.get(doc_id)
        return work.job if work is not None and not work.job.finished else None

    def jobs(self) -> list[Job]:
        return [work.job for work in list(self._works.values())]

    def active(self, doc_ids: Collection[str] | None = None) -> list[Work]:
        """What isn't finished yet (of these documents)."""
        return [
            work
            for work in list(self._works.values())
            if not work.job.finished and (doc_ids is None or work.job.doc_id in doc_ids)
        ]

    def stop(self, doc_ids: Collection[str] | None = None) -> None:
        """Take documents (all when None) out of the pipeline; what they have written stays."""
        for work in self.active(doc_ids):
            work.finish("cancelled")

    def room(self, most: int) -> int:
        """How many more jobs there may be where `most` may be unfinished."""
        return max(0, most - len(self.active()))

    def add(self, doc_id: str, file_name: str, stage: Stage, **known: Any) -> Work:
        work = Work(Job(uuid.uuid4().hex, file_name, doc_id, stage, **known))
        self._works[work.job.job_id] = self._newest[doc_id] = work
        log_job(work.job)
        if work.job.finished:
            work.done.set()
        if len(self._works) > 2 * REMEMBERED:
            finished = [key for key, known_work in self._works.items() if known_work.job.finished]
            for key in finished[:-REMEMBERED]:
                self._forget(key)
        return work

    def find(self, job_id: str) -> Work:
        """Raises NotFound."""
        if job_id not in self._works:
            raise NotFound("There is no such job; it may have been dismissed.")
        return self._works[job_id]

    async def wait(self, jobs: Iterable[Job]) -> list[Job]:
        """Wait until these jobs are finished; returns them as they are then, in the same order."""
        works = [(job, self._works.get(job.job_id)) for job in jobs]
        for _, work in works:
            if work is not None:
                await work.done.wait()
        return [work.job if work is not None else job for job, work in works]

    def dismiss(self, job_id: str | None) -> None:
        """Forget one finished job, or all of them."""
        for key in [job_id] if job_id else list(self._works):
            if key in self._works and self._works[key].job.finished:
                self._forget(key)

    def _forget(self, job_id: str) -> None:
        work = self._works.pop(job_id)
        if self._newest.get(work.job.doc_id) is work:
            del self._newest[work.job.doc_id]
