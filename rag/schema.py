"""The frozen data that the parts of the package hand to each other and to the pages.

Pages of a document count from 1. Spans are half-open character offsets into the text of the page they are on, or
into the text of the whole document where it has no pages.
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
    """A page of text as a reader found it. `number` is None for formats without pages, whose text may be in several
    parts, each a Page that ends where a paragraph does."""

    text: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of one page. `context` (title, headings) is embedded along with it but never shown as its text."""

    text: str
    page: int | None
    start: int
    end: int
    context: str = ""


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A document of the library. `size` is in bytes, `added_at` in UTC."""

    doc_id: str
    file_name: str
    pages: int
    chunks: int
    size: int
    added_at: datetime
    state: DocumentState
    error: str | None = None


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What became of one file that was handed to `DocumentIndex.ingest`."""

    file_name: str
    status: IngestStatus
    doc_id: str | None
    pages: int = 0
    chunks: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A snapshot of one file's way through the pipeline. `done` and `total` count pages while reading, then chunks."""

    job_id: str
    file_name: str
    doc_id: str
    stage: Stage
    done: int = 0
    total: int = 0
    error: str | None = None
    pages: int = 0
    chunks: int = 0

    @property
    def finished(self) -> bool:
        return self.stage in FINAL_STAGES


@dataclass(frozen=True, slots=True)
class Passage:
    """A retrieved piece of a document. Ranks count from 1; None where that search didn't find it.

    `score` is the fused score in 0 to 1, or the reranker's where there is one, higher is better; it orders the passages
    of one search only.
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


@dataclass(frozen=True, slots=True)
class Citation:
    """A marker [number] in an answer, with the sentence of passage `number` (1-based) that bears it out.

    `start` and `end` are the supporting sentence's offsets in the passage's text. `supported` is False where no
    sentence of the passage bears the claim out; start and end are then both 0. `missing` are the claim's numbers that
    the passage doesn't hold, as the claim writes them.
    """

    number: int
    claim: str
    start: int
    end: int
    supported: bool
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A piece that a search considered. Scores: cosine, BM25, the fused one (0 to 1) and the reranker's; None where
    that search or the reranker didn't see it. `left_out` says why it is no passage; empty where it is one."""

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
    """How an answer came about: the first candidates by fused score, dense search's share in that score (0 to 1),
    milliseconds by stage in order, and tokens of the prompt and of the answer as estimated (0 without an LLM)."""

    candidates: tuple[Candidate, ...] = ()
    dense_weight: float = 0.0
    milliseconds: tuple[tuple[str, float], ...] = ()
    prompt_tokens: int = 0
    answer_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an answer rests on, kept with it. `question` is the stand-alone question that was searched for; `refused`
    says that the passages don't hold the answer, and are but the nearest ones; `unsearched` counts the documents that
    were still being indexed then."""

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
    """One message of a conversation; the answer's evidence comes with it when it was stored."""

    role: Role
    content: str
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation's head; times are in UTC."""

    conversation_id: str
    title: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a deletion removed, and how many of its rows Milvus still counts (0 unless something is wrong)."""

    documents: int
    chunks: int
    left: int
    doc_ids: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class PartStatus:
    """How one part (embedding model, Milvus, LLM) is doing: `detail` is one sentence to show."""

    state: Literal["starting", "ready", "error", "off"]
    name: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """A snapshot of the system; never blocks to be made. `notice`, `mismatch` and `outgrown` (by the library, of Milvus
    Lite) are sentences for the user."""

    embedding: PartStatus
    milvus: PartStatus
    llm: PartStatus
    notice: str | None = None
    mismatch: str | None = None
    outgrown: str | None = None
