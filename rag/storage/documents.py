"""The catalog: a collection's documents, and the state of each.

A document in state *pending* is still to be ingested. One process at a time has a lease on it; when that process is
gone, another process leases it.

A document in state *unlisted* isn't in the library: its bytes aren't kept yet, or it is being deleted. If no living
process has a lease on it, the next process deletes it. So a document is added or deleted as a whole, even if a process
is killed in between.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from types import MappingProxyType
from typing import Any, NamedTuple

import sqlalchemy as sa

from rag.schema import DocumentInfo, DocumentState
from rag.storage.collections import CollectionRecords
from rag.storage.database import guarded
from rag.storage.deletion import Deletions
from rag.storage.leases import FREE, Leases
from rag.storage.tables import IDS_IN_A_STATEMENT, UNLISTED, among, documents, in_collection, storable

# The columns that `_document` unpacks, in order. Unpacking a row takes a third of the time of reading its attributes.
_DOCUMENT = [documents.c[field.name] for field in dataclasses.fields(DocumentInfo)]


@dataclass(frozen=True, slots=True)
class Entry:
    """A document's row, `listed` or not; `busy` if a living process has a lease on it."""

    document: DocumentInfo
    listed: bool
    busy: bool


class Marked(NamedTuple):
    """The documents that have become `ready`, and the documents that they `replaced`, which are unlisted now."""

    ready: set[str]
    replaced: list[str]


class Catalog:
    """The documents of one collection of one Milvus. All methods raise CatalogError when the database fails.

    `leases` leases documents to processes, `deletions` unlists and deletes documents, `records` keeps the collection's
    model.
    """

    def __init__(self, engine: sa.Engine, address: str, collection: str) -> None:
        self._engine = engine
        self._key = {"address": address, "collection": collection}
        self._in_collection = in_collection(address, collection)
        self._listed = sa.and_(self._in_collection, documents.c.state != UNLISTED)
        self.records = CollectionRecords(engine, address, collection)
        self.leases = Leases(engine, address, collection)
        self.deletions = Deletions(engine, address, collection, self.leases)

    # --- listing

    @guarded
    def documents(
        self, first: int = 0, most: int | None = None, state: DocumentState | None = None
    ) -> list[DocumentInfo]:
        """The documents in `state` (None: any), newest first; skips `first` and returns at most `most` (None: all)."""
        query = sa.select(*_DOCUMENT).where(self._listed, *([documents.c.state == state] if state else []))
        order = (documents.c.added_at.desc(), documents.c.file_name, documents.c.doc_id)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(*order).offset(first).limit(most))
            return [_document(row) for row in rows]

    @guarded
    def find(self, doc_id: str) -> DocumentInfo | None:
        """The document with this id; None if it isn't listed."""
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(*_DOCUMENT).where(self._listed, documents.c.doc_id == doc_id)).first()
        return _document(row) if row else None

    @guarded
    def knows(self, doc_id: str) -> bool:
        """Whether the document has a row, listed or not. Without one, nothing is kept of it."""
        query = sa.select(1).where(self._in_collection, documents.c.doc_id == doc_id)
        with self._engine.connect() as connection:
            return connection.execute(query).first() is not None

    @guarded
    def count_states(self, doc_ids: Collection[str] | None = None) -> dict[DocumentState, int]:
        """The number of documents in each state, among `doc_ids` (None: all). States without documents are left out."""
        query = sa.select(documents.c.state, sa.func.count().label("number")).where(self._listed)
        if doc_ids is not None:
            query = query.where(documents.c.doc_id.in_([storable(doc_id) for doc_id in doc_ids]))
        with self._engine.connect() as connection:
            rows = connection.execute(query.group_by(documents.c.state))
            return {row.state: row.number for row in rows}

    @guarded
    def count_chunks(self) -> int:
        """The number of chunks of all ready documents."""
        query = sa.select(sa.func.sum(documents.c.chunks)).where(self._in_collection, documents.c.state == "ready")
        with self._engine.connect() as connection:
            return int(connection.scalar(query) or 0)

    @guarded
    def ready_names(self, doc_ids: Iterable[str]) -> dict[str, str]:
        """{doc_id: file name} of the documents among `doc_ids` that are ready."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                sa.select(documents.c.doc_id, documents.c.file_name).where(
                    self._in_collection, documents.c.state == "ready", documents.c.doc_id.in_(list(doc_ids))
                )
            )
            return {row.doc_id: row.file_name for row in rows}

    @guarded
    def namesakes(self, file_name: str, doc_id: str) -> list[DocumentInfo]:
        """The ready documents of this name, except `doc_id`."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                sa.select(*_DOCUMENT).where(
                    self._in_collection,
                    documents.c.state == "ready",
                    documents.c.file_name == file_name,
                    documents.c.doc_id != doc_id,
                )
            )
            return [_document(row) for row in rows]

    @guarded
    def to_replace(self, doc_id: str) -> tuple[str, ...]:
        """The ids of the documents that a document replaces when it is ready."""
        query = sa.select(documents.c.replaces).where(self._in_collection, documents.c.doc_id == doc_id)
        with self._engine.connect() as connection:
            return tuple((connection.scalar(query) or "").split())

    @guarded
    def holds_only(self, doc_ids: Collection[str]) -> bool:
        """Whether the collection has no document, listed or not, except `doc_ids`."""
        with self._engine.connect() as connection:
            kept = set(connection.scalars(sa.select(documents.c.doc_id).where(self._in_collection)))
        return kept <= set(doc_ids)

    # --- states

    @guarded
    def mark_ready(
        self, counts: Mapping[str, tuple[int, int]], notices: Mapping[str, str] = MappingProxyType({})
    ) -> Marked:
        """Mark documents ready, {doc_id: (pages, chunks)}, with the `notices` of some; unlist the documents that they
        replace, and lease them to this process. A document that another process has deleted or leased meanwhile isn't
        marked."""
        ready: set[str] = set()
        replaced: list[str] = []
        leased = self.leases.owned("pending")
        with self._engine.begin() as connection:
            for doc_id, (pages, chunks) in counts.items():
                marked = (
                    sa.update(documents)
                    .where(leased, documents.c.doc_id == doc_id)
                    .values(state="ready", error=None, pages=pages, chunks=chunks, notice=notices.get(doc_id), **FREE)
                    .returning(documents.c.replaces)
                )
                replaces = connection.scalar(marked)
                if replaces is None:
                    continue
                ready.add(doc_id)
                if replaces:
                    replaced += self.deletions.unlist_where(connection, documents.c.doc_id.in_(replaces.split()))
                    done = sa.update(documents).where(self._in_collection, documents.c.doc_id == doc_id)
                    connection.execute(done.values(replaces=""))
        return Marked(ready, replaced)

    @guarded
    def mark_failed(self, doc_id: str, error: str) -> None:
        """Mark a document failed, unless another process has deleted or leased it meanwhile."""
        available = sa.or_(documents.c.leased_by.is_(None), documents.c.leased_by == self.leases.owner)
        with self._engine.begin() as connection:
            connection.execute(
                sa.update(documents)
                .where(self._listed, documents.c.doc_id == doc_id, available)
                .values(state="failed", error=error, **FREE)
            )

    @guarded
    def mark_pending(self, states: Collection[DocumentState], doc_ids: Collection[str] | None = None) -> None:
        """Make documents in `states` pending, so that they are ingested again; only those in `doc_ids`, if given."""
        chosen = sa.and_(self._in_collection, documents.c.state.in_(list(states)))
        with self._engine.begin() as connection:
            for condition in [sa.true()] if doc_ids is None else among(doc_ids):
                pending = sa.update(documents).values(state="pending", error=None, **FREE)
                connection.execute(pending.where(chosen, condition))

    # --- all rows as they are, to verify the library or to move it

    @guarded
    def entries(self) -> dict[str, Entry]:
        """{doc_id: entry} of all documents of the collection, listed or not."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(documents).where(self._in_collection)).all()
        return {row.doc_id: Entry(_info(row), row.state != UNLISTED, self.leases.is_busy(row)) for row in rows}

    @guarded
    def leased_anywhere(self) -> dict[str, bool]:
        """All documents of all collections: {doc_id: whether a living process has a lease on it in any collection}."""
        columns = (documents.c.doc_id, documents.c.leased_by, documents.c.leased_until)
        busy: dict[str, bool] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(sa.select(*columns)):
                busy[row.doc_id] = busy.get(row.doc_id, False) or self.leases.is_busy(row)
        return busy

    @guarded
    def list_from(self, origin: Catalog, whole: Collection[str]) -> None:
        """Copy `origin`'s listed documents, with their states, into this catalog (same database). A document already
        ready here is left alone.

        A document that is ready in `origin` but not in `whole` has just been added. It becomes pending here.
        """
        columns = documents.columns.items()
        with self._engine.begin() as connection:
            query = sa.select(documents.c.doc_id).where(self._in_collection, documents.c.state == "ready")
            ready = set(connection.scalars(query))
            rows: list[dict[str, Any]] = []
            for row in connection.execute(sa.select(documents).where(origin._listed)).all():
                if row.doc_id not in ready:
                    values = {name: getattr(row, name) for name, _ in columns}
                    state = "pending" if row.state == "ready" and row.doc_id not in whole else row.state
                    rows.append({**values, **self._key, **FREE, "state": state})
            for first in range(0, len(rows), IDS_IN_A_STATEMENT):
                batch = rows[first : first + IDS_IN_A_STATEMENT]
                same = documents.c.doc_id.in_([row["doc_id"] for row in batch])
                connection.execute(sa.delete(documents).where(self._in_collection, same))
                connection.execute(sa.insert(documents), batch)


def _info(row: Any) -> DocumentInfo:
    return _document([getattr(row, field.name) for field in dataclasses.fields(DocumentInfo)])


def _document(row: Any) -> DocumentInfo:
    doc_id, file_name, pages, chunks, size, added_at, state, error, notice = row
    return DocumentInfo(doc_id, file_name, pages, chunks, size, added_at.replace(tzinfo=UTC), state, error, notice)
