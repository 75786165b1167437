"""Requests that are answered from the library itself, without a language model: greetings, its documents, and what a
document is about or says in a section."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field

from rag.answering import guides
from rag.answering.requests import Request, words_of_name
from rag.errors import RagError
from rag.library.originals import read_original
from rag.schema import DocumentInfo, Message, Page, Passage
from rag.storage.documents import Catalog
from rag.storage.files import FileStore
from rag.text.sentences import sentence_spans
from rag.text.terms import content_terms, terms
from rag.text.written import as_words

# The most documents that are named in a reply, and the passages among which documents about a topic are looked for.
MOST_NAMED = 10
TOPIC_PASSAGES = 40

# A question, the most passages, and the documents to search (None: all) → the passages.
SearchPassages = Callable[[str, int, Collection[str] | None], Awaitable[list[Passage]]]


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply and the passages that its markers name."""

    text: str
    passages: list[Passage] = field(default_factory=list)


class LibraryReplies:
    """Replies from one collection. For the event loop only."""

    def __init__(self, catalog: Catalog, files: FileStore, search: SearchPassages) -> None:
        self._catalog = catalog
        self._files = files
        self._search = search

    async def reply(
        self, request: Request, history: Sequence[Message], doc_ids: Collection[str] | None
    ) -> Reply | None:
        """The reply to a request; None if it is about no document that is here, or isn't answered from the library.

        Raises the errors of a search.
        """
        ready = await asyncio.to_thread(self._catalog.documents, state="ready")
        if doc_ids is not None:
            ready = [document for document in ready if document.doc_id in doc_ids]
        match request.kind:
            case "greeting":
                return Reply(request.says("greeting", documents=len(ready)))
            case "count":
                return Reply(request.says("count", documents=len(ready)))
            case "documents":
                names = [document.file_name for document in ready[:MOST_NAMED]]
                more = ", …" if len(ready) > MOST_NAMED else ""
                named = request.says("documents", documents=len(ready), name=", ".join(names) + more)
                return Reply(named if names else request.says("count", documents=0))
            case "documents_about":
                return await self._documents_about(request, doc_ids)
            case "task":
                return None
        document = await self._meant(request, history, ready)
        if document is None:
            return None
        pages = await asyncio.to_thread(self._pages, document)
        tell = _about_section if request.kind == "section" else _about
        return tell(request, document, pages)

    def _pages(self, document: DocumentInfo) -> list[Page]:
        try:
            return self._files.read_pages(document.doc_id, document.file_name, read_original)
        except RagError:
            return []

    async def _documents_about(self, request: Request, doc_ids: Collection[str] | None) -> Reply:
        wanted = frozenset(content_terms(request.topic) or terms(request.topic))
        found: dict[str, Passage] = {}
        for passage in await self._search(request.topic, TOPIC_PASSAGES, doc_ids):
            if wanted <= frozenset(terms(f"{passage.file_name}\n{passage.context}\n{passage.text}")):
                found.setdefault(passage.doc_id, passage)
        passages = list(found.values())[:MOST_NAMED]
        if not passages:
            return Reply(request.says("no_documents_about", topic=request.topic))
        names = ", ".join(passage.file_name for passage in passages)
        sentences = [f"{_sentence(passage, wanted)} [{number}]" for number, passage in enumerate(passages, 1)]
        return Reply(
            "\n\n".join([request.says("documents_about", name=names, topic=request.topic), *sentences]), passages
        )

    async def _meant(
        self, request: Request, history: Sequence[Message], ready: Sequence[DocumentInfo]
    ) -> DocumentInfo | None:
        """The document that a request names, or points at: the only one, or the last answer's."""
        by_id = {document.doc_id: document for document in ready}
        if request.is_of_this_document:
            if len(ready) == 1:
                return ready[0]
            shown = [message.evidence.passages for message in history if message.evidence and message.evidence.passages]
            return by_id.get(shown[-1][0].doc_id) if shown else None
        named = words_of_name(request.document)
        names = [words_of_name(document.file_name) for document in ready]
        fitting = [(len(name), index) for index, name in enumerate(names) if named and named <= name]
        if fitting:
            return ready[min(fitting)[1]]
        # It may be named by its title.
        for passage in await self._search(request.document, 1, None):
            document = by_id.get(passage.doc_id)
            if document and named <= words_of_name("\n".join(page.text[:300] for page in self._pages(document)[:1])):
                return document
        return None


def _sentence(passage: Passage, wanted: frozenset[str]) -> str:
    """The first sentence of a passage with all the wanted terms, else the first sentence."""
    spans = [passage.text[start:end] for start, end in sentence_spans(passage.text)]
    prose = [" ".join(as_words(text).split()) for text in spans if re.search(r"\w", text) and not text.startswith("#")]
    return next((text for text in prose if wanted <= frozenset(terms(text))), prose[0] if prose else passage.file_name)


def _about_section(request: Request, document: DocumentInfo, pages: Sequence[Page]) -> Reply | None:
    part = guides.section(pages, request.topic)
    lines = guides.said(part) if part else []
    if part is None or not lines:
        return None
    return Reply("\n".join(f"{line} [1]" for line in lines), [part.passage(document)])


def _about(request: Request, document: DocumentInfo, pages: Sequence[Page]) -> Reply | None:
    paragraphs = [request.says("summary", name=document.file_name)] if request.kind == "summary" else []
    part, table = guides.opening(pages), guides.columns(pages)
    if part and (lines := guides.said(part)):
        paragraphs.append(f"{' '.join(lines)} [1]")
    elif table:
        part = table[0]
        paragraphs.append(request.says("table", name=document.file_name, sections=", ".join(table[1])) + " [1]")
    else:
        return None
    if sections := guides.headings(pages):
        paragraphs.append(request.says("sections", sections=" · ".join(sections)))
    return Reply("\n\n".join(paragraphs), [part.passage(document)])
