"""A question's way to its answer: condense → retrieve → prompt → stream → check the citations."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from rag.answering.answerability import ENOUGH, evidence_strength
from rag.answering.extractive import NOT_FOUND, Extract, extract_answer
from rag.answering.prompts import (
    answer_messages,
    condense_messages,
    estimate_tokens,
    passages_within_budget,
    says_refused,
)
from rag.citations.markers import check_citations, tidy_markers
from rag.embeddings.embedder import Embedder, EmbedderThreads
from rag.errors import LLMError, RagError
from rag.ingestion.inputs import as_question
from rag.retrieval.retrieve import QUESTION_CHARACTERS, Query, Retrieved, build_query
from rag.runtime.event_loop import EventLoopThread
from rag.schema import Citation, Evidence, Message, Passage, Trace
from rag.text.terms import content_terms

# rag.llm.openai brings OpenAI's client and LlamaIndex, which are needed only where there is an LLM.
if TYPE_CHECKING:
    from llama_index.core.llms import LLM

logger = logging.getLogger(__name__)

ANSWER_PASSAGES = 8
# A question with as many content words stands for itself.
STANDALONE_TERMS = 3
# A condensed question longer than this is an answer, not a question.
CONDENSED_CHARACTERS = 500

# Without passages there may be nothing to search, which isn't the same as documents that don't hold the answer.
STILL_INDEXING = "Your documents are still being indexed; ask again in a moment."
NO_DOCUMENTS = "Nothing to search: add documents first."

Search = Callable[[Query, int, Collection[str] | None], Awaitable[Retrieved]]


@dataclass(slots=True)
class Draft:
    """An answer that is about to be written: what was found, and the stream of its text."""

    question: str
    passages: list[Passage]
    extractive: bool
    trace: Trace
    stream: AsyncIterator[str] = field(repr=False)
    refused: bool = False  # settled by the end of the stream
    unsearched: int = 0


class Answer:
    """An answer on its way. `passages` are there at once, numbered from 1 by the markers [n] in the text.

    Iterate `tokens` for the text as it arrives; `text` and `citations` read what is left of it first. When the LLM
    fails, `tokens` raises LLMError and `error` holds its sentence; the part that arrived stays in `text`.
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
        self._source = loop.iterate(draft.stream, on_wait)
        # What is logged while the answer is written belongs to the request that it was asked with.
        self._context = copy_context()
        self.tokens: Iterator[str] = self._read()

    def _read(self) -> Iterator[str]:
        asked = began = time.perf_counter()
        try:
            for part in iter(partial(self._context.run, next, self._source, None), None):
                if not self._parts:
                    self._laps.append(("wait for the first words", _since(began)))
                    began = time.perf_counter()
                self._parts.append(part)
                yield part
            self._laps.append(("write the answer", _since(began)))
        except RagError as error:
            self.error = str(error)
            raise
        finally:
            counts = {"ms": _since(asked), "characters": sum(map(len, self._parts)), "failed": int(bool(self.error))}
            self._context.run(logger.info, "the answer ended", extra=counts)
            self._source.close()  # type: ignore[attr-defined]

    def stop(self) -> None:
        """Stop writing and close the request to the LLM. The part that arrived stays."""
        self._source.close()  # type: ignore[attr-defined]
        self.tokens.close()  # type: ignore[attr-defined]

    @property
    def text(self) -> str:
        """The whole text. Markers of passages that don't exist are left out. Never raises: see `error`."""
        try:
            for _ in self.tokens:
                pass
        except RagError:
            pass  # kept in `error`
        if self._text is None:
            written = "".join(self._parts)
            tidy = tidy_markers(written, len(self.passages), markdown=not self.extractive).strip()
            # Some models write nothing but the [0] that they are told to end with.
            self._text = tidy or (NOT_FOUND if says_refused(written) else "")
        return self._text

    @property
    def refused(self) -> bool:
        """Whether the answer is that the documents don't say it; the passages are then but the nearest ones."""
        return bool(self.text) and (self._draft.refused or says_refused("".join(self._parts)))

    @property
    def trace(self) -> Trace:
        """How the passages were chosen and how long each stage took; complete once the text is."""
        laps = (*self._draft.trace.milliseconds, *self._laps)
        tokens = estimate_tokens(self.text) if self._draft.trace.prompt_tokens else 0
        return replace(self._draft.trace, milliseconds=laps, answer_tokens=tokens)

    @property
    def citations(self) -> list[Citation]:
        """The citations in order of appearance, each checked against its passage."""
        if self._citations is None:
            text, began = self.text, time.perf_counter()
            self._citations = [] if self.refused else check_citations(text, self.passages, markdown=not self.extractive)
            self._laps.append(("check the citations", _since(began)))
        return self._citations

    def evidence(self) -> Evidence:
        """What to keep with the answer in its conversation."""
        return Evidence(
            self.question,
            tuple(self.passages),
            tuple(self.citations),
            self.extractive,
            self.error,
            self.refused,
            self.trace,
            self.unsearched,
        )


async def condense(question: str, history: Sequence[Message], llm: LLM | None, timeout: float) -> str | None:
    """The stand-alone question that a follow-up amounts to, in its language; None where no LLM could make it."""
    if not history or llm is None:
        return None
    from rag.llm.openai import complete_chat

    try:
        messages = condense_messages(question, history)
        condensed = as_question(await complete_chat(llm, messages, timeout, CONDENSED_CHARACTERS))
    except LLMError as error:
        logger.warning("condensing failed, searching with the last turns", exc_info=error)
        return None
    except RagError:  # an empty one
        return None
    return condensed if len(condensed) <= CONDENSED_CHARACTERS else None


async def draft_answer(
    question: str,
    history: Sequence[Message],
    doc_ids: Collection[str] | None,
    *,
    search: Search,
    llm: LLM | None,
    timeout: float,
    embedder: Callable[[], Awaitable[Embedder]],
    threads: EmbedderThreads,
    ready: int,
    pending: int,
) -> Draft:
    """Find the passages and prepare the stream of the answer's text. Raises what the search raises.

    `ready` and `pending` count the documents in question that can be searched and that can't be yet.
    """
    began = time.perf_counter()
    condensed = await condense(question, history, llm, timeout)
    condensing = [("condense the question", _since(began))] if condensed else []
    query = await asyncio.to_thread(build_query, condensed or question, () if condensed else history)
    found = await search(query, ANSWER_PASSAGES, doc_ids)
    passages, standalone = found.passages, condensed or question
    trace = replace(found.trace, milliseconds=(*condensing, *found.trace.milliseconds))
    if not passages and not ready:
        said = _say(STILL_INDEXING if pending else NO_DOCUMENTS)
        return Draft(standalone, [], llm is None, trace, said, refused=True, unsearched=pending)
    if llm is None:
        draft = Draft(standalone, passages, True, trace, _say(), unsearched=pending)
        draft.stream = _extract(draft, standalone, query, found, embedder, threads)
        return draft
    from rag.llm.openai import context_window, stream_chat

    fixed = answer_messages(question, [], history)
    used = sum(estimate_tokens(str(message.content)) for message in fixed)
    passages = passages_within_budget(passages, context_window(llm), used)
    messages = answer_messages(question, passages, history)
    tokens = sum(estimate_tokens(str(message.content)) for message in messages)
    trace = replace(trace, prompt_tokens=tokens)
    return Draft(standalone, passages, False, trace, stream_chat(llm, messages, timeout), unsearched=pending)


async def _extract(
    draft: Draft,
    question: str,
    query: Query,
    found: Retrieved,
    embedder: Callable[[], Awaitable[Embedder]],
    threads: EmbedderThreads,
) -> AsyncIterator[str]:
    model = await embedder()
    strength = await asyncio.to_thread(evidence_strength, question[:QUESTION_CHARACTERS], found.ranked, model)

    def extract() -> Extract:
        if strength < ENOUGH:
            return Extract(NOT_FOUND, True)
        # "And in 2020?" picks no sentence by itself; but a change of topic mustn't be answered with the old one.
        says_enough = len(set(content_terms(query.text))) >= STANDALONE_TERMS
        return extract_answer(query.text if says_enough else query.in_context, found.passages, model)

    extracted = await asyncio.get_running_loop().run_in_executor(threads.queries, extract)
    draft.refused = extracted.refused
    for paragraph in extracted.text.split("\n\n"):
        yield paragraph + "\n\n"


async def _say(*sentences: str) -> AsyncIterator[str]:
    for sentence in sentences:
        yield sentence


def _since(began: float) -> float:
    return round(1000 * (time.perf_counter() - began), 1)
