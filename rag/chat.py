"""A question's way to its answer: condense → retrieve → prompt → stream → check the citations."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from llama_index.core.llms import LLM

from rag.citations import check_citations, tidy_markers
from rag.embedding import Embedder, EmbedderThreads
from rag.errors import LLMError, RagError
from rag.event_loop import EventLoopThread
from rag.extractive import NOTHING_FOUND, extract_answer
from rag.llm import complete_chat, context_window, stream_chat
from rag.prompts import answer_messages, condense_messages, estimate_tokens, passages_within_budget
from rag.retrieval import Query, build_query
from rag.schema import Citation, Evidence, Message, Passage

logger = logging.getLogger(__name__)

ANSWER_PASSAGES = 8
# A condensed question longer than this is an answer, not a question.
CONDENSED_CHARACTERS = 500

Search = Callable[[Query, int, Collection[str] | None], Awaitable[list[Passage]]]


@dataclass(slots=True)
class Draft:
    """An answer that is about to be written: what was found, and the stream of its text."""

    question: str
    passages: list[Passage]
    extractive: bool
    stream: AsyncIterator[str] = field(repr=False)


class Answer:
    """An answer on its way. `passages` are there at once, numbered from 1 by the markers [n] in the text.

    Iterate `tokens` for the text as it arrives; `text` and `citations` read what is left of it first. When the LLM
    fails, `tokens` raises LLMError and `error` holds its sentence; the part that arrived stays in `text`.
    """

    def __init__(self, draft: Draft, loop: EventLoopThread, on_wait: Callable[[], object] | None = None) -> None:
        self.question = draft.question
        self.passages = draft.passages
        self.extractive = draft.extractive
        self.error: str | None = None
        self._parts: list[str] = []
        self._citations: list[Citation] | None = None
        self._source = loop.iterate(draft.stream, on_wait)
        self.tokens: Iterator[str] = self._read()

    def _read(self) -> Iterator[str]:
        try:
            for part in self._source:
                self._parts.append(part)
                yield part
        except RagError as error:
            self.error = str(error)
            raise
        finally:
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
        return tidy_markers("".join(self._parts), len(self.passages)).strip()

    @property
    def citations(self) -> list[Citation]:
        """The citations in order of appearance, each checked against its passage."""
        if self._citations is None:
            self._citations = check_citations(self.text, self.passages)
        return self._citations

    def evidence(self) -> Evidence:
        """What to keep with the answer in its conversation."""
        return Evidence(self.question, tuple(self.passages), tuple(self.citations), self.extractive, self.error)


async def condense(question: str, history: Sequence[Message], llm: LLM | None, timeout: float) -> str | None:
    """The stand-alone question that a follow-up amounts to, in its language; None where no LLM could make it."""
    if not history or llm is None:
        return None
    try:
        condensed = (await complete_chat(llm, condense_messages(question, history), timeout)).strip()
    except LLMError as error:
        logger.warning("condensing failed, searching with the last turns: %s", error)
        return None
    return condensed if condensed and len(condensed) <= CONDENSED_CHARACTERS else None


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
) -> Draft:
    """Find the passages and prepare the stream of the answer's text. Raises what the search raises."""
    condensed = await condense(question, history, llm, timeout)
    query = build_query(condensed) if condensed else build_query(question, history)
    passages = await search(query, ANSWER_PASSAGES, doc_ids)
    standalone = condensed or question
    if llm is None:
        return Draft(standalone, passages, True, _extract(query.text, passages, embedder, threads))
    fixed = answer_messages(question, [], history)
    used = sum(estimate_tokens(str(message.content)) for message in fixed)
    passages = passages_within_budget(passages, context_window(llm), used)
    stream = stream_chat(llm, answer_messages(question, passages, history), timeout)
    return Draft(standalone, passages, False, stream)


async def _extract(
    question: str, passages: Sequence[Passage], embedder: Callable[[], Awaitable[Embedder]], threads: EmbedderThreads
) -> AsyncIterator[str]:
    if not passages:
        yield NOTHING_FOUND
        return
    text = await asyncio.get_running_loop().run_in_executor(
        threads.queries, extract_answer, question, passages, await embedder()
    )
    for paragraph in text.split("\n\n"):
        yield paragraph + "\n\n"
