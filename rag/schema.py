"""The frozen data that the rooms hand to each other and to the pages.

Pages are counted from 1. A span is a half-open range of characters in the text of its page, or in the text of the whole
document if the format has no pages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Role = Literal["user", "assistant"]
DocumentState = Literal["pending", "ready", "failed"]
IngestStatus = Literal["ready", "unchanged", "failed"]
Stage = Literal["queued", "reading", "embedding", "indexing", "ready", "unchanged", "failed", "cancelled"]
FINAL_STAGES: frozenset[str] = frozenset({"ready", "unchanged", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Page:
    """The text of one page, as its reader delivers it. In a format without pages `number` is None. There a long text
    comes as several segments: each is a Page that ends where a paragraph ends."""

    text: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of one page.

    The first line of `context` has the title and the headings above the piece. A piece of a table has further lines,
    with the table's title and its head; a piece with note marks has the notes. `embedded_context` is as much of it,
    without notes, as the embedding model's window takes.
    """

    text: str
    page: int | None
    start: int
    end: int
    context: str = ""
    embedded_context: str = ""


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A document of the library. `size` is in bytes, `added_at` in UTC.

    `notice` tells the user what of a ready document couldn't be read, or was read otherwise, such as recognised pages.
    """

    doc_id: str
    file_name: str
    pages: int
    chunks: int
    size: int
    added_at: datetime
    state: DocumentState
    error: str | None = None
    notice: str | None = None


@dataclass(frozen=True, slots=True)
class IngestResult:
    """The outcome of one file that `DocumentIndex.ingest` was given; `notice` as in DocumentInfo."""

    file_name: str
    status: IngestStatus
    doc_id: str | None
    pages: int = 0
    chunks: int = 0
    error: str | None = None
    notice: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A snapshot of one document's way into the library. `done` and `total` count pages in the stage "reading", and
    chunks in the later stages. `notice` is as in DocumentInfo. `attached_to` is the id of the document, such as a mail,
    that brought this one along, or empty."""

    job_id: str
    file_name: str
    doc_id: str
    stage: Stage
    done: int = 0
    total: int = 0
    error: str | None = None
    pages: int = 0
    chunks: int = 0
    notice: str | None = None
    attached_to: str = ""

    @property
    def finished(self) -> bool:
        """Whether the stage is a final one."""
        return self.stage in FINAL_STAGES


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk, or neighbouring chunks joined, that an answer may rest on.

    Ranks are counted from 1; None means that the search didn't find the passage. `score` is the fused score (0 to 1),
    or the reranker's if there is a reranker. Higher is better; scores of two searches can't be compared.

    `context` says where the passage stands: its first line has the title and the headings above it, further lines have
    the title and the head of the table whose rows it begins with, and the notes to its note marks.
    """

    text: str
    file_name: str
    doc_id: str
    page: int | None
    start: int
    end: int
    score: float
    dense_rank: int | None = None
    lexical_rank: int | None = None
    context: str = ""


@dataclass(frozen=True, slots=True)
class Citation:
    """A claim, and the passage that its marker [number] names (`number` is counted from 1).

    `start` and `end` are the span, in the passage's text, of the sentence that bears the claim out. If no sentence
    bears it out, `supported` is False and the span is (0, 0). `missing` has the claim's numbers that the passage
    lacks, as the claim writes them.
    """

    number: int
    claim: str
    start: int
    end: int
    supported: bool
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row that a search has found, with the scores of dense search (cosine), lexical search (BM25), fusion (0 to 1)
    and the reranker. None means that the search or the reranker didn't see the row. `left_out` is the reason why the
    row became no passage, or empty."""

    file_name: str
    doc_id: str
    page: int | None
    beginning: str
    dense_rank: int | None
    dense_score: float | None
    lexical_rank: int | None
    lexical_score: float | None
    fused_score: float
    rerank_score: float | None = None
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """How an answer came about: the best candidates by fused score, dense search's share in that score (0 to 1), the
    milliseconds of each stage in order, and the estimated tokens of prompt and answer (0 without an LLM)."""

    candidates: tuple[Candidate, ...] = ()
    dense_weight: float = 0.0
    milliseconds: tuple[tuple[str, float], ...] = ()
    prompt_tokens: int = 0
    answer_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is kept with an answer. `question` is the stand-alone question that was searched for. If `refused`, the
    passages are only the nearest ones and don't hold the answer. `unsearched` is the number of documents that were
    still being indexed."""

    question: str = ""
    passages: tuple[Passage, ...] = ()
    citations: tuple[Citation, ...] = ()
    extractive: bool = False
    error: str | None = None
    refused: bool = False
    trace: Trace | None = None
    unsearched: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation. A stored answer has its evidence."""

    role: Role
    content: str
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation without its messages. Times are in UTC."""

    conversation_id: str
    title: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was deleted, and how many of its rows Milvus still counts (0 unless something is wrong)."""

    documents: int
    chunks: int
    left: int
    doc_ids: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class PartStatus:
    """The state of one service: embedding model, Milvus or LLM. `detail` is a sentence for the user."""

    state: Literal["starting", "ready", "error", "off"]
    name: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """A snapshot of all services. `notice`, `mismatch` (the collection was built with another model), `outgrown` (the
    library is too large for Milvus Lite) and `improved` (this release reads documents better than the one that has read
    the library's) are sentences for the user."""

    embedding: PartStatus
    milvus: PartStatus
    llm: PartStatus
    notice: str | None = None
    mismatch: str | None = None
    outgrown: str | None = None
    improved: str | None = None
