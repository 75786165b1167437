"""A question's way to its answer: condense → retrieve → prompt → stream → check the citations."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rag.answering.answerability import ENOUGH, evidence_strength
from rag.answering.extractive import NOT_FOUND, Extract, extract_answer
from rag.answering.inputs import as_question
from rag.answering.prompts import (
    answer_messages,
    condense_messages,
    estimate_tokens,
    passages_within_budget,
)
from rag.embeddings.embedder import Embedder, EmbedderThreads
from rag.errors import LLMError, RagError
from rag.retrieval.query import QUESTION_CHARACTERS, Query, build_query
from rag.retrieval.retrieve import Retrieved
from rag.retrieval.tracing import Stopwatch
from rag.schema import Message, Passage, Trace
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
    watch = Stopwatch()
    condensed = await condense(question, history, llm, timeout)
    if condensed:
        watch.lap("condense the question")
    query = await asyncio.to_thread(build_query, condensed or question, () if condensed else history)
    found = await search(query, ANSWER_PASSAGES, doc_ids)
    passages, standalone = found.passages, condensed or question
    trace = replace(found.trace, milliseconds=(*watch.laps, *found.trace.milliseconds))
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
