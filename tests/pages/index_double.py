"""A small stand-in for DocumentIndex, for what can't be provoked with the real one: failures at a chosen moment."""

from __future__ import annotations

import base64
import hashlib
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from rag.errors import NotFound, RagError
from rag.schema import (
    Citation,
    Conversation,
    DocumentInfo,
    Evidence,
    Job,
    Message,
    PartStatus,
    Passage,
    Receipt,
    Status,
    Trace,
)
from rag.settings import Settings

# A white pixel.
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/x8AAwMCAO+ip1sAAAAASUVORK5CYII="
)
READY = Status(
    PartStatus("ready", "bundled"), PartStatus("ready", "Milvus Lite"), PartStatus("off", "none", "No LLM is set.")
)


class ConversationsDouble:
    def __init__(self) -> None:
        self.heads: dict[str, Conversation] = {}
        self.kept: dict[str, list[Message]] = {}
        self._ids = itertools.count(1)

    def list(self) -> list[Conversation]:
        return sorted(self.heads.values(), key=lambda head: head.updated_at, reverse=True)

    def create(self, title: str) -> Conversation:
        now = datetime.now(UTC)
        head = Conversation(f"c{next(self._ids)}", title, now, now)
        self.heads[head.conversation_id] = head
        self.kept[head.conversation_id] = []
        return head

    def get(self, conversation_id: str) -> Conversation:
        if conversation_id not in self.heads:
            raise NotFound("There is no such conversation.")
        return self.heads[conversation_id]

    def rename(self, conversation_id: str, title: str) -> None:
        old = self.get(conversation_id)
        self.heads[conversation_id] = Conversation(conversation_id, title, old.created_at, old.updated_at)

    def delete(self, conversation_id: str) -> None:
        self.get(conversation_id)
        del self.heads[conversation_id]

    def messages(self, conversation_id: str) -> list[Message]:
        return list(self.kept[conversation_id])

    def add(self, conversation_id: str, message: Message) -> None:
        self.kept[conversation_id].append(message)

    def delete_last_answer(self, conversation_id: str) -> None:
        self.kept[conversation_id].pop()

    def to_markdown(self, conversation_id: str, *written: Callable[[str], str]) -> str:
        return "\n".join(message.content for message in self.kept[conversation_id])


class AnswerDouble:
    """Streams `words`, `pause` seconds each, then fails with `error` if there is one."""

    def __init__(
        self,
        question: str,
        passages: Sequence[Passage],
        words: Sequence[str],
        *,
        citations: Sequence[Citation] = (),
        error: RagError | None = None,
        pause: float = 0.0,
        refused: bool = False,
        trace: Trace | None = None,
        unsearched: int = 0,
        on_wait: Callable[[], object] | None = None,
    ) -> None:
        self.question, self.passages, self.extractive = question, list(passages), False
        self.citations, self.error, self.text, self.stopped = list(citations), None, "", False
        self.refused, self.trace, self.unsearched = refused, trace, unsearched
        self._words, self._failure, self._pause, self._on_wait = words, error, pause, on_wait
        self.tokens = self._stream()

    def _stream(self) -> Iterator[str]:
        for word in self._words:
            self.text += word
            yield word
            time.sleep(self._pause)
            if self._on_wait:
                self._on_wait()
        if self._failure:
            raise self._failure

    def stop(self) -> None:
        self.stopped = True

    def evidence(self) -> Evidence:
        return Evidence(
            self.question,
            tuple(self.passages),
            tuple(self.citations),
            self.extractive,
            None,
            self.refused,
            self.trace,
            self.unsearched,
        )


class IndexDouble:
    """Set `fail` to the error that the next calls shall raise, `answer` to how questions are answered."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.conversations = ConversationsDouble()
        self.library: dict[str, DocumentInfo] = {}
        self.job_list: list[Job] = []
        self.state = READY
        self.fail: RagError | None = None
        self.calls: list[tuple[Any, ...]] = []
        self.left = 0
        self.answer: Callable[..., AnswerDouble] | None = None
        self.texts: dict[tuple[str, int | None], str] = {}
        self.pictures = 0  # pages that can be drawn, of every document

    def close(self) -> None: ...

    def add(self, name: str, **changes: Any) -> DocumentInfo:
        """Put a document into the library without any ingestion."""
        values = {"pages": 1, "chunks": 2, "size": 1000, "added_at": datetime.now(UTC), "state": "ready"} | changes
        document = DocumentInfo(hashlib.sha256(f"{name}{len(self.library)}".encode()).hexdigest(), name, **values)
        self.library[document.doc_id] = document
        return document

    def _called(self, *call: Any) -> None:
        self.calls.append(call)
        if self.fail:
            raise self.fail

    def submit(self, name: str, data: bytes, *, replace: bool = False) -> Job:
        self._called("submit", name, replace)
        return Job(f"j{len(self.calls)}", name, hashlib.sha256(data).hexdigest(), "queued")

    def jobs(self) -> list[Job]:
        return list(self.job_list)

    def cancel(self, job_id: str) -> None:
        self._called("cancel", job_id)

    def dismiss(self, job_id: str | None = None) -> None:
        self._called("dismiss", job_id)
        self.job_list = [job for job in self.job_list if not job.finished or job_id not in (None, job.job_id)]

    def retry(self, doc_id: str) -> None:
        self._called("retry", doc_id)

    def namesake(self, name: str, data: bytes) -> DocumentInfo | None:
        return next((document for document in self.library.values() if document.file_name == name), None)

    def documents(self, first: int = 0, most: int | None = None) -> list[DocumentInfo]:
        return list(reversed(self.library.values()))[first:][:most]

    def size(self) -> tuple[int, int]:
        documents = self.documents()
        return len(documents), sum(document.chunks for document in documents if document.state == "ready")

    def document(self, doc_id: str) -> DocumentInfo:
        if doc_id not in self.library:
            raise NotFound("There is no such document.")
        return self.library[doc_id]

    def original(self, doc_id: str) -> bytes:
        self.document(doc_id)
        return b"original"

    def page_text(self, doc_id: str, page: int | None = None) -> str:
        self._called("page_text", doc_id, page)
        return self.texts[doc_id, page]

    def image_pages(self, doc_id: str) -> int:
        return self.pictures

    def page_image(self, doc_id: str, page: int, spans: Any = (), *, soft: bool = False) -> bytes:
        self._called("page_image", page, tuple(spans), soft)
        return PICTURE

    def page_marks(self, doc_id: str, page: int, spans: Any) -> list[tuple[float, float, float, float]]:
        return [(0.1, 0.1, 0.9, 0.12) for _ in spans]

    def delete(self, doc_id: str) -> Receipt:
        self._called("delete", doc_id)
        document = self.library.pop(doc_id)
        return Receipt(1, document.chunks, self.left)

    def reset(self) -> Receipt:
        self._called("reset")
        receipt = Receipt(len(self.library), sum(d.chunks for d in self.library.values()), self.left)
        self.library.clear()
        return receipt

    def reindex(self) -> list[Job]:
        self._called("reindex")
        return []

    def ask(self, question: str, history: Any = (), doc_ids: Any = None, *, on_wait: Any = None) -> AnswerDouble:
        self._called("ask", question, list(history), doc_ids)
        assert self.answer is not None
        return self.answer(question, on_wait)

    def suggestions(self) -> list[str]:
        return ["What is this about?"] if self.library else []

    def status(self) -> Status:
        return self.state
