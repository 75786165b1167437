"""A question's way to its draft: condense → retrieve → prompt and stream, or, without a language model, extract."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from rag.answering.answerability import is_answerable
from rag.answering.extractive import Extract, extract_answer
from rag.answering.inputs import as_question
from rag.answering.library_replies import Reply
from rag.answering.prompts import (
    answer_messages,
    condense_messages,
    estimate_tokens,
    passages_within_budget,
)
from rag.answering.requests import Request
from rag.embeddings.embedder import Embedder, EmbedderThreads
from rag.errors import LLMError, RagError
from rag.llm.protocol import ChatMessage, LanguageModel, complete
from rag.retrieval.query import QUESTION_CHARACTERS, Query, build_query
from rag.retrieval.retrieve import Retrieved
from rag.retrieval.tracing import Stopwatch
from rag.schema import Message, Passage, Trace
from rag.text.terms import content_terms

logger = logging.getLogger(__name__)

ANSWER_PASSAGES = 8
# A question with at least this many content words stands alone.
STANDALONE_TERMS = 3
# A longer text from the language model is no condensed question, but an answer.
CONDENSED_CHARACTERS = 500

# The answers where no document is ready: nothing was searched, so NOT_FOUND would be wrong.
STILL_INDEXING = "Your documents are still being indexed; ask again in a moment."
NO_DOCUMENTS = "Nothing to search: add documents first."

# A query, the most passages, and the documents to search (None: all) → the passages.
Search = Callable[[Query, int, Collection[str] | None], Awaitable[Retrieved]]


@dataclass(slots=True)
class Draft:
    """The beginning of an answer: its passages, and the stream of its text.

    `question` stands alone; `unsearched` counts documents that were still being indexed.
    """

    question: str
    passages: list[Passage]
    extractive: bool
    trace: Trace
    stream: AsyncIterator[str] = field(repr=False)
    refused: bool = False  # for an extractive answer, known only once the stream has ended
    unsearched: int = 0


async def condense(question: str, history: Sequence[Message], model: LanguageModel | None) -> str | None:
    """Condense a follow-up and its history into a stand-alone question, in the follow-up's language.

    Returns None without a history or a language model, or if the model fails or writes no question.
    """
    if not history or model is None:
        return None
    try:
        condensed = as_question(await complete(model, condense_messages(question, history), CONDENSED_CHARACTERS))
    except LLMError as error:
        logger.warning("condensing failed, searching with the last turns", exc_info=error)
        return None
    except RagError:  # it is empty
        return None
    return condensed if len(condensed) <= CONDENSED_CHARACTERS else None


async def draft_answer(
    question: str,
    history: Sequence[Message],
    doc_ids: Collection[str] | None,
    *,
    search: Search,
    model: LanguageModel | None,
    embedder: Callable[[], Awaitable[Embedder]],
    threads: EmbedderThreads,
    ready: int,
    pending: int,
    request: Request | None = None,
) -> Draft:
    """Find the passages and prepare the stream of the answer's text. Raises the errors of `search`.

    `ready` and `pending` count the documents in the state of that name, among `doc_ids` (None: all). A `request` that
    only a language model can fulfil is named where there is none.
    """
    watch = Stopwatch()
    condensed = await condense(question, history, model)
    if condensed:
        watch.lap("condense the question")
    query = await asyncio.to_thread(build_query, condensed or question, () if condensed else history)
    retrieved = await search(query, ANSWER_PASSAGES, doc_ids)
    passages, standalone = retrieved.passages, condensed or question
    trace = replace(retrieved.trace, milliseconds=(*watch.laps, *retrieved.trace.milliseconds))
    if not passages and not ready:
        sentence = _say(STILL_INDEXING if pending else NO_DOCUMENTS)
        return Draft(standalone, [], model is None, trace, sentence, refused=True, unsearched=pending)
    if model is None:
        draft = Draft(standalone, passages, True, trace, _say(), unsearched=pending)
        draft.stream = _extract(draft, query, retrieved, embedder, threads, request)
        return draft
    prompt_without_passages = answer_messages(question, [], history)
    passages = passages_within_budget(passages, model.context_window, _tokens(prompt_without_passages))
    prompt = answer_messages(question, passages, history)
    trace = replace(trace, prompt_tokens=_tokens(prompt))
    return Draft(standalone, passages, False, trace, model.stream(prompt), unsearched=pending)


async def _extract(
    draft: Draft,
    query: Query,
    retrieved: Retrieved,
    embedder: Callable[[], Awaitable[Embedder]],
    threads: EmbedderThreads,
    request: Request | None,
) -> AsyncIterator[str]:
    """The paragraphs of an extractive answer. Sets `draft.refused` before the first one."""
    embedding_model = await embedder()
    question = draft.question[:QUESTION_CHARACTERS]
    answerable = await asyncio.to_thread(is_answerable, question, retrieved.ranked, embedding_model)

    def extract() -> Extract:
        # A short follow-up such as "And in 2020?" needs the last question to pick a sentence. A full question doesn't,
        # and adding it would answer a new topic from the old one.
        stands_alone = len(set(content_terms(query.text))) >= STANDALONE_TERMS
        earlier = "" if stands_alone or not query.earlier else query.earlier[0].text
        return extract_answer(query.text, retrieved.passages, embedding_model, earlier, answerable)

    extracted = await asyncio.get_running_loop().run_in_executor(threads.queries, extract)
    draft.refused = extracted.refused
    paragraphs = extracted.text.split("\n\n")
    if request and request.kind in ("task", "summary"):
        paragraphs = [request.says("task_nothing")] if draft.refused else [request.says("task"), *paragraphs]
    for paragraph in paragraphs:
        yield paragraph + "\n\n"


def told(question: str, reply: Reply) -> Draft:
    """The draft of a reply that is complete already."""
    return Draft(question, reply.passages, True, Trace(), _say(reply.text))


async def _say(*sentences: str) -> AsyncIterator[str]:
    for sentence in sentences:
        yield sentence


def _tokens(messages: Sequence[ChatMessage]) -> int:
    return sum(estimate_tokens(message.content) for message in messages)
