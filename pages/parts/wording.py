"""Numbers, sizes and times as people read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from rag.schema import DocumentInfo, Job, Passage


def counted(number: int, noun: str) -> str:
    """ "1 page", "1,200 pages"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def file_size(size: int) -> str:
    """`size` bytes in the largest unit, up to GB, in which the number is at least 1."""
    value = float(size)
    for unit in ("B", "KB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def ago(moment: datetime, now: datetime | None = None) -> str:
    """The time since `moment` in words, or its date after a week. A time without a zone is in UTC."""
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    if seconds < 60:
        return "just now"
    for unit, length, limit in (("minute", 60, 60), ("hour", 3600, 24), ("day", 86400, 7)):
        if seconds / length < limit:
            return f"{counted(int(seconds / length), unit)} ago"
    return f"{moment:%Y-%m-%d}"


def document_labels(documents: Sequence[DocumentInfo]) -> dict[str, str]:
    """A plain-text label for each doc_id. Labels of documents with the same name end in the time of adding (UTC)."""
    names = Counter(document.file_name for document in documents)
    return {
        document.doc_id: document.file_name
        + (f" ({document.added_at:%Y-%m-%d %H:%M:%S})" if names[document.file_name] > 1 else "")
        for document in documents
    }


def job_progress(job: Job) -> str:
    """The stage of a job in words, with its counts if it has any."""
    counts = f"{job.done:,} of {job.total:,}" if job.total else ""
    match job.stage:
        case "queued":
            return "Waiting"
        case "reading":
            return f"Reading page {counts}" if counts else "Reading…"
        case "embedding":
            return f"Embedding {counts} chunks" if counts else "Embedding…"
        case "indexing":
            return f"Indexing {counts} chunks" if counts else "Indexing…"
        case "ready":
            pages = f"{counted(job.pages, 'page')}, " if job.pages else ""
            return f"Ready: {pages}{counted(job.chunks, 'chunk')}"
        case "unchanged":
            return "Unchanged: these bytes are in the library already"
        case "cancelled":
            return "Cancelled; nothing of it was kept"
    return job.error or "Failed"


def passage_place(passage: Passage) -> str:
    """A passage's file name, page, and the heading above it, as plain text."""
    page = f" · page {passage.page}" if passage.page else ""
    # The first line of a context begins with the document's title.
    _, is_below_heading, heading = passage.context.partition("\n")[0].rpartition(" > ")
    return f"{passage.file_name}{page}" + (f" · {heading}" if is_below_heading else "")
