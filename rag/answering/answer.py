"""The answer as callers hold it: synchronous, while its text is still being written on the event loop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextvars import copy_context
from dataclasses import replace
from functools import partial

from rag.answering.drafting import Draft
from rag.answering.extractive import NOT_FOUND
from rag.answering.prompts import estimate_tokens, says_refused
from rag.citations.claims import check_citations
from rag.citations.markers import tidy_markers
from rag.errors import RagError
from rag.llm.speech import without_thoughts
from rag.retrieval.tracing import Stopwatch
from rag.runtime.event_loop import EventLoopThread
from rag.schema import Citation, Evidence, Trace

logger = logging.getLogger(__name__)


class Answer:
    """An answer that may still be being written. `passages` is complete at once; marker [n] names passage n, from 1.

    Iterate `tokens` for the text as it arrives; `text` and `citations` first read the rest of it. If the language
    model fails, `tokens` raises LLMError, `error` holds its sentence, and `text` keeps the part that arrived.
    """

    def __init__(self, draft: Draft, loop: EventLoopThread, on_wait: Callable[[], object] | None = None) -> None:
        self.question = draft.question
        self.passages = draft.passages
        self.extractive = draft.extractive
        self.unsearched = draft.unsearched  # documents that were still being indexed
        self.error: str | None = None
        self._draft = draft
        self._parts: list[str] = []
        self._text: str | None = None
        self._citations: list[Citation] | None = None
        self._laps: list[tuple[str, float]] = []
        self._stream = loop.iterate(draft.stream, on_wait)
        # Log lines about the writing carry the id of the request that asked the question.
        self._context = copy_context()
        self.tokens: Iterator[str] = self._read()

    def _read(self) -> Iterator[str]:
        watch = Stopwatch(self._laps)
        try:
            for part in iter(partial(self._context.run, next, self._stream, None), None):
                if not self._parts:
                    watch.lap("wait for the first words")
                self._parts.append(part)
                yield part
            watch.lap("write the answer")
        except RagError as error:
            self.error = str(error)
            raise
        finally:
            counts = {"ms": watch.total, "characters": sum(map(len, self._parts)), "failed": int(bool(self.error))}
            self._context.run(logger.info, "the answer ended", extra=counts)
            self._stream.close()  # type: ignore[attr-defined]

    def stop(self) -> None:
        """Stop writing and close the request to the language model. `text` keeps the part that arrived."""
        self._stream.close()  # type: ignore[attr-defined]
        self.tokens.close()  # type: ignore[attr-defined]

    @property
    def text(self) -> str:
        """The whole text, without markers of passages that don't exist. Never raises: see `error`."""
        try:
            for _ in self.tokens:
                pass
        except RagError:
            pass  # kept in `error`
        if self._text is None:
            written = without_thoughts("".join(self._parts))
            tidy = tidy_markers(written, len(self.passages), markdown=not self.extractive).strip()
            # The prompt asks for [0] at the end of a refusal; some models write nothing else.
            self._text = tidy or (NOT_FOUND if says_refused(written) else "")
        return self._text

    @property
    def refused(self) -> bool:
        """Whether the answer says that the documents don't hold it; `passages` then only come near the question."""
        return bool(self.text) and (self._draft.refused or says_refused("".join(self._parts)))

    @property
    def trace(self) -> Trace:
        """How the passages were chosen, and how long each stage took; complete once the text is complete."""
        laps = (*self._draft.trace.milliseconds, *self._laps)
        tokens = estimate_tokens(self.text) if self._draft.trace.prompt_tokens else 0
        return replace(self._draft.trace, milliseconds=laps, answer_tokens=tokens)

    @property
    def citations(self) -> list[Citation]:
        """The citations in order of appearance, each checked against its passage; a refusal has none."""
        if self._citations is None:
            text, watch = self.text, Stopwatch(self._laps)
            self._citations = [] if self.refused else check_citations(text, self.passages, markdown=not self.extractive)
            watch.lap("check the citations")
        return self._citations

    def evidence(self) -> Evidence:
        """The evidence that a conversation keeps with the answer."""
        return Evidence(
            question=self.question,
            passages=tuple(self.passages),
            citations=tuple(self.citations),
            extractive=self.extractive,
            error=self.error,
            refused=self.refused,
            trace=self.trace,
            unsearched=self.unsearched,
        )
