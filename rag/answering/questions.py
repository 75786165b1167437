"""Questions to a library → passages, and drafts of answers."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress

from rag.answering.drafting import Draft, draft_answer, told
from rag.answering.inputs import History, as_messages, as_question, check_question
from rag.answering.library_replies import LibraryReplies
from rag.answering.requests import request_in
from rag.embeddings.embedder import EmbedderThreads
from rag.errors import CollectionLost
from rag.library.collection_model import CollectionModel
from rag.llm.service import LanguageModelService
from rag.retrieval.query import Query, build_query
from rag.retrieval.reranking import Reranker
from rag.retrieval.retrieve import Retrieved, retrieve
from rag.schema import Passage
from rag.settings import Settings
from rag.storage.documents import Catalog
from rag.storage.files import FileStore
from rag.vector_store.store import VectorStore


class Answering:
    """Retrieves passages and drafts answers. For the event loop only.

    `in_flight` gives the ids of documents that Milvus may hold only in part; no search returns their rows.
    """

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        files: FileStore,
        store: VectorStore,
        model: CollectionModel,
        threads: EmbedderThreads,
        in_flight: Callable[[], Collection[str]],
        language_model: LanguageModelService,
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._files = files
        self._store = store
        self._model = model
        self._threads = threads
        self._in_flight = in_flight
        self._language_model = language_model
        self._reranker: Reranker | None = None
        self._loading_reranker = asyncio.Lock()
        self._replies = LibraryReplies(catalog, files, self._passages)

    async def search(
        self, question: str, top_k: int, doc_ids: Collection[str] | None, history: History
    ) -> list[Passage]:
        """Like `DocumentIndex.search`."""
        check_question(question, self._settings.max_question_characters)
        query = await asyncio.to_thread(build_query, as_question(question), as_messages(history))
        return (await self._retrieve(query, top_k, doc_ids)).passages

    async def draft(self, question: str, history: History, doc_ids: Collection[str] | None) -> Draft:
        """The draft from which `DocumentIndex.ask` makes its answer."""
        check_question(question, self._settings.max_question_characters)
        clean_question = as_question(question)
        # Counted before the search, which may miss documents that become ready meanwhile.
        states = await asyncio.to_thread(self._catalog.count_states, doc_ids)
        messages, model = as_messages(history), await self._language_model.load()
        request = request_in(clean_question) if model is None else None
        if request and (reply := await self._replies.reply(request, messages, doc_ids)):
            return told(clean_question, reply)
        return await draft_answer(
            clean_question,
            messages,
            doc_ids,
            search=self._retrieve,
            model=model,
            embedder=self._model.fitting,
            threads=self._threads,
            ready=states.get("ready", 0),
            pending=states.get("pending", 0),
            request=request,
        )

    async def timings(self, searching: bool) -> dict[str, float]:
        """Like `DocumentIndex.timings`. Without `searching`, no search is timed."""

        async def median(call: Callable[[], Awaitable[object]]) -> float:
            milliseconds = []
            for _ in range(5):
                began = time.perf_counter()
                await call()
                milliseconds.append(1000 * (time.perf_counter() - began))
            return statistics.median(milliseconds)

        question = "How fast is this?"
        timings: dict[str, float] = {}
        if self._model.embedder is not None:
            embed = self._model.embedder.embed_query
            timings["embed a question"] = await median(lambda: asyncio.to_thread(embed, question))
            if searching and not self._model.mismatch:
                timings["search"] = await median(lambda: self._retrieve(build_query(question), 10, None))
        return timings

    async def _passages(self, question: str, top_k: int, doc_ids: Collection[str] | None) -> list[Passage]:
        return (await self._retrieve(await asyncio.to_thread(build_query, question), top_k, doc_ids)).passages

    async def _retrieve(self, query: Query, top_k: int, doc_ids: Collection[str] | None) -> Retrieved:
        if top_k < 1 or (doc_ids is not None and not doc_ids):
            return Retrieved()
        for _ in range(2):  # another process may delete the collection meanwhile, and make it again
            if not await self._store.connect():
                break
            with suppress(CollectionLost):
                return await retrieve(
                    query,
                    searches=self._store.searches,
                    embedder=await self._model.fitting(),
                    threads=self._threads,
                    catalog=self._catalog,
                    page_text=self._files.page_text,
                    top_k=top_k,
                    doc_ids=doc_ids,
                    without=self._in_flight(),
                    reranker=await self._loaded_reranker(),
                )
        if (await asyncio.to_thread(self._catalog.count_states)).get("ready"):
            raise self._store.lost()
        return Retrieved()

    async def _loaded_reranker(self) -> Reranker | None:
        async with self._loading_reranker:
            if self._settings.rerank_model and self._reranker is None:
                self._reranker = await asyncio.to_thread(Reranker, self._settings.rerank_model)
        return self._reranker
