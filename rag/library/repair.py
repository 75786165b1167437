"""Makes the catalog, the file store and Milvus agree again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace

from rag.errors import RagError
from rag.ingestion.pipeline import Ingestion
from rag.library.consistency import Finding, Inspection, Verification
from rag.library.originals import read_original
from rag.storage.documents import Catalog
from rag.storage.files import ASIDE, FileStore
from rag.vector_store.store import VectorStore

CHUNKS_LOST = "Chunks of this document and its original are lost; add the same file again, or delete the document."
# Documents whose rows are deleted in one request.
TOGETHER = 500


class Repair:
    """Mends what an inspection finds. Use on the event loop only. `fitting` raises RagError if documents can't be
    ingested."""

    def __init__(
        self,
        catalog: Catalog,
        files: FileStore,
        store: VectorStore,
        ingestion: Ingestion,
        fitting: Callable[[], Awaitable[object]],
    ) -> None:
        self._catalog = catalog
        self._files = files
        self._store = store
        self._ingestion = ingestion
        self._fitting = fitting
        self._inspection = Inspection(catalog, files, store)

    async def run(self) -> Verification:
        """Inspect, mend, and look again. Raises StoreUnavailable, StoreError, CatalogError; RagError if a file can't be
        written."""
        before = await self._inspection.inspect()
        if not before.findings:
            return before
        refused = await self._mend(before.findings)
        left = {finding.key for finding in await self._inspection.look()}
        outcomes = [self._outcome(finding, finding.key not in left, refused) for finding in before.findings]
        return replace(before, findings=tuple(outcomes))

    async def _mend(self, findings: Collection[Finding]) -> str:
        """Mend what can be mended. Returns why documents can't be ingested; empty if they can."""

        def of(kind: str) -> set[str]:
            return {finding.doc_id for finding in findings if finding.kind == kind}

        lost, missing, surplus = of("original lost"), of("rows missing"), of("surplus rows")
        for doc_id in missing & lost:
            if not await self._is_as_seen(doc_id):
                continue
            await self._ingestion.lifecycle.fail_ready(doc_id, CHUNKS_LOST)
        # A doubled row can't be deleted alone, since Milvus deletes all rows of its id: its document is ingested again.
        doubled = {doc_id for doc_id in surplus if self._inspection.seen[doc_id].doubled}
        for doc_id in surplus - doubled:
            if await self._is_as_seen(doc_id):
                await self._store.delete_rows(self._inspection.seen[doc_id].surplus(self._inspection.namespace))
        orphans = sorted(of("orphan rows"))
        for first in range(0, len(orphans), TOGETHER):
            group = orphans[first : first + TOGETHER]
            # Checked once more right before: a document may have been added since.
            await self._store.delete([id_ for id_ in group if not await asyncio.to_thread(self._catalog.knows, id_)])
        refused = ""
        again = (missing | doubled) - lost
        if again or of("pending") or of("deletion unfinished"):
            refused = await self._ingest(again, bool(again or of("pending")))
        await asyncio.to_thread(self._mend_files, of("text lost"), of("orphan files"), of("temporary files"))
        return refused

    async def _is_as_seen(self, doc_id: str) -> bool:
        """Whether the document's row in the catalog is unchanged since the inspection."""
        entry = self._inspection.seen[doc_id].entry
        return entry is not None and await asyncio.to_thread(self._catalog.find, doc_id) == entry.document

    async def _ingest(self, again: set[str], ingesting: bool) -> str:
        try:
            if ingesting:
                await self._fitting()
                await self._ingestion.lifecycle.ready_to_pending(again)
            await self._ingestion.book.wait(await self._ingestion.resume())
        except RagError as error:
            return str(error)
        return ""

    def _mend_files(self, texts: set[str], orphans: set[str], temporary: set[str]) -> None:
        for doc_id in texts:
            entry = self._inspection.seen[doc_id].entry
            if entry and not self._files.has_text(doc_id):
                with contextlib.suppress(RagError):  # then it stays a finding
                    self._files.read_pages(doc_id, entry.document.file_name, read_original)
        if orphans:
            self._catalog.deletions.call_for_unknown(orphans, self._files.set_aside)
        for doc_id in temporary:
            self._files.delete_temporary(doc_id)

    def _outcome(self, finding: Finding, gone: bool, refused: str) -> Finding:
        """The finding as it is after mending."""
        seen = self._inspection.seen.get(finding.doc_id)
        document = seen.entry.document if seen and seen.entry else None
        if finding.kind in {"rows missing", "pending"} and document and document.state != "ready":
            return replace(finding, what=f"{finding.what} {refused or document.error or ''}".strip())
        if finding.kind == "deletion unfinished" and not gone:
            return replace(finding, what=f"{finding.what} {refused}".strip())
        if finding.kind == "orphan files" and gone:
            return replace(finding, what=f"{finding.what[:-1]}; they are in DATA_DIR/{ASIDE} now.", mended=True)
        return replace(finding, mended=gone)
