"""Finds out whether the catalog, the file store and Milvus agree."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from rag.errors import CollectionLost
from rag.storage.documents import Catalog, Entry
from rag.storage.files import ORIGINAL, TEXT, WORDS, FileStore
from rag.vector_store.rows import doc_id_of, number_of
from rag.vector_store.store import VectorStore

Kind = Literal[
    "rows missing",
    "surplus rows",
    "orphan rows",
    "unknown rows",
    "original lost",
    "text lost",
    "orphan files",
    "unknown files",
    "temporary files",
    "pending",
    "deletion unfinished",
]
ORIGINAL_LOST = "Its original is lost or damaged; add the same file again, or delete the document."


@dataclass(frozen=True, slots=True)
class Finding:
    """Something on which catalog, files and Milvus don't agree. `what` is the sentence for the user: it also says what
    to do if the finding can't be `mended`. Without a document, `doc_id` and `file_name` are empty."""

    kind: Kind
    doc_id: str
    file_name: str
    what: str
    mended: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Identifies a finding."""
        return self.kind, self.doc_id


@dataclass(frozen=True, slots=True)
class Verification:
    """The numbers of documents in the library and rows in Milvus that were looked at, and the findings."""

    documents: int
    rows: int
    findings: tuple[Finding, ...]

    @property
    def good(self) -> bool:
        """Whether all findings, if any, are mended."""
        return all(finding.mended for finding in self.findings)


@dataclass(slots=True)
class Seen:
    """One document in all three places: its row in the catalog, the endings of its files, and its rows in Milvus, of
    which `doubled` are there a second time."""

    entry: Entry | None
    files: set[str]
    row_ids: list[str]
    doubled: int = 0

    def surplus(self, namespace: str | None) -> list[str]:
        """The ids of rows that shouldn't exist according to the catalog."""
        chunks = self.entry.document.chunks if self.entry and self.entry.document.state == "ready" else 0
        return [row_id for row_id in self.row_ids if not _is_of(row_id, namespace, chunks)]

    def finding(self, kind: Kind, doc_id: str, what: str) -> Finding:
        """A finding about this document."""
        return Finding(kind, doc_id, self.entry.document.file_name if self.entry else "", what)


class Inspection:
    """Compares catalog, files and Milvus for one collection. Documents that a living process has leased are skipped.

    `seen` maps each document to what the last `look` saw of it. `namespace` is the right namespace of row ids.
    """

    def __init__(self, catalog: Catalog, files: FileStore, store: VectorStore) -> None:
        self._catalog = catalog
        self._files = files
        self._store = store
        self._whole: set[str] = set()
        self.seen: dict[str, Seen] = {}
        self.namespace: str | None = None

    async def inspect(self) -> Verification:
        """The findings that two looks share. Raises StoreUnavailable, StoreError, CatalogError."""
        findings = await self.look()
        if findings:
            # A document that was being added or deleted at the first look may be finished at the second.
            first = {finding.key for finding in findings}
            findings = [finding for finding in await self.look() if finding.key in first]
        documents = sum(seen.entry is not None and seen.entry.listed for seen in self.seen.values())
        rows = sum(len(seen.row_ids) + seen.doubled for seen in self.seen.values())
        return Verification(documents, rows, tuple(findings))

    async def look(self) -> list[Finding]:
        """The findings at this moment."""
        # The catalog comes last: a document is added to the catalog before anything else, and deleted from it after
        # everything else.
        kept = await asyncio.to_thread(self._files.kept)
        try:
            rows, doubled = await self._rows()
        except CollectionLost:  # it was deleted after it was opened
            rows, doubled = {}, {}
        record = await asyncio.to_thread(self._catalog.records.get)
        entries = await asyncio.to_thread(self._catalog.entries)
        anywhere = await asyncio.to_thread(self._catalog.leased_anywhere)
        self.namespace = record.fingerprint.namespace if record else None
        foreign = rows.pop("", [])
        self.seen = {
            doc_id: Seen(entries.get(doc_id), kept.get(doc_id, set()), rows.get(doc_id, []), doubled.get(doc_id, 0))
            for doc_id in sorted({*entries, *kept, *rows})
        }
        findings: list[Finding] = []
        unknown = len(foreign) + (0 if record else sum(map(len, rows.values())))
        if unknown:
            what = f"Milvus holds {unknown} rows that aren't of this library; set COLLECTION to a name of its own."
            findings.append(Finding("unknown rows", "", "", what))
        if record or not rows:
            findings += self._check_rows()
        if kept and not anywhere:
            # The catalog may be empty by mistake, and would make an orphan of each file.
            what = (
                f"Files of {len(kept)} documents are kept, and the catalog has none; check DATABASE_URL and DATA_DIR."
            )
            return [*findings, Finding("unknown files", "", "", what)]
        return findings + await asyncio.to_thread(lambda: list(self._check_files(anywhere)))

    async def _rows(self) -> tuple[dict[str, list[str]], dict[str, int]]:
        """The row ids of each document, under "" those of no document; and each document's number of doubled rows."""
        rows: dict[str, list[str]] = {}
        async for row_ids in self._store.row_ids():
            for row_id in row_ids:
                rows.setdefault(doc_id_of(row_id) or "", []).append(row_id)
        doubled: dict[str, int] = {}
        if await self._store.count(None, "Strong") != sum(map(len, rows.values())):
            expected = {doc_id: len(ids) for doc_id, ids in rows.items() if doc_id}
            for doc_id, number in (await self._store.miscounted(expected)).items():
                doubled[doc_id] = max(0, number - expected[doc_id])
        return rows, doubled

    def _check_rows(self) -> Iterator[Finding]:
        for doc_id, seen in self.seen.items():
            if seen.entry is None:
                if seen.row_ids:
                    yield seen.finding("orphan rows", doc_id, f"Milvus holds {len(seen.row_ids)} rows of no document.")
                continue
            document = seen.entry.document
            surplus = len(seen.surplus(self.namespace))
            missing = document.chunks - (len(seen.row_ids) - surplus)
            if seen.entry.busy:
                continue
            if not seen.entry.listed:
                yield seen.finding("deletion unfinished", doc_id, "It was being added or deleted when that broke off.")
            elif document.state == "pending":
                yield seen.finding("pending", doc_id, "It isn't indexed yet, and nobody is at it.")
            elif document.state == "ready" and missing:
                what = f"{missing} of its {document.chunks} chunks are missing in Milvus."
                yield seen.finding("rows missing", doc_id, what)
            elif surplus or seen.doubled:
                what = f"Milvus holds {surplus + seen.doubled} rows too many of it."
                yield seen.finding("surplus rows", doc_id, what)

    def _check_files(self, anywhere: dict[str, bool]) -> Iterator[Finding]:
        for doc_id, seen in self.seen.items():
            if doc_id not in anywhere:
                if seen.files:
                    yield seen.finding("orphan files", doc_id, "Files are kept of no document.")
                continue
            if anywhere[doc_id] or (seen.entry is not None and not seen.entry.listed):
                continue
            if seen.files - {ORIGINAL, TEXT, WORDS} and (seen.entry is None or seen.entry.document.state != "pending"):
                yield seen.finding("temporary files", doc_id, "Half-written files of it are left.")
            if seen.entry is None:
                continue
            if ORIGINAL in seen.files and (doc_id in self._whole or self._files.is_whole(doc_id)):
                self._whole.add(doc_id)  # so that it isn't read at each look
            else:
                yield seen.finding("original lost", doc_id, ORIGINAL_LOST)
                continue
            if seen.entry.document.state == "ready" and not self._files.has_text(doc_id):
                yield seen.finding("text lost", doc_id, "The text that was read from it is lost.")


def _is_of(row_id: str, namespace: str | None, chunks: int) -> bool:
    number = number_of(row_id, namespace)
    return number is not None and number < chunks
