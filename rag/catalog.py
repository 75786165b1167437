"""The catalog: which documents a collection holds and what state they are in.

A row in state *pending* is at the same time the job that is still to do: it is claimed by one process at a time and
taken up again by the next one when that process is gone.
"""

from __future__ import annotations

import dataclasses
import os
import socket
import uuid
from collections.abc import Collection, Iterable
from datetime import UTC, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from rag.database import collections, documents, guarded, storable, utc_now
from rag.schema import DocumentInfo, DocumentState

# How long a claim holds without being renewed; a process on this machine that is gone loses it at once.
CLAIM = timedelta(seconds=60)
# Tells this process from one that had the same number before, as in a container that was restarted.
_PROCESS = uuid.uuid4().hex[:8]
# What `_document` reads, in its order: unpacked rows are made three times as fast as by their attributes.
_DOCUMENT = [documents.c[field.name] for field in dataclasses.fields(DocumentInfo)]
# SQLite takes at most 32,766 parameters in a statement.
MANY = 10_000


class Catalog:
    """The documents of one collection of one Milvus. All methods raise CatalogError when the database fails."""

    def __init__(self, engine: sa.Engine, address: str, collection: str) -> None:
        self._engine = engine
        self._key = {"address": address, "collection": collection}
        self._mine = sa.and_(documents.c.address == address, documents.c.collection == collection)
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{_PROCESS}.{uuid.uuid4().hex[:8]}"

    # --- the collection

    @guarded
    def fingerprint(self) -> tuple[str, str, str] | None:
        """(model asked for, model in use, fingerprint) of the collection, or None where it is new."""
        with self._engine.connect() as connection:
            row = connection.execute(
                sa.select(collections.c.asked_model, collections.c.model, collections.c.fingerprint).where(
                    collections.c.address == self._key["address"], collections.c.name == self._key["collection"]
                )
            ).first()
        return (row[0], row[1], row[2]) if row else None

    @guarded
    def set_fingerprint(self, asked_model: str, model: str, fingerprint: str) -> None:
        self.forget_fingerprint()
        with self._engine.begin() as connection:
            connection.execute(
                sa.insert(collections).values(
                    address=self._key["address"],
                    name=self._key["collection"],
                    asked_model=asked_model,
                    model=model,
                    fingerprint=fingerprint,
                )
            )

    @guarded
    def forget_fingerprint(self) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                sa.delete(collections).where(
                    collections.c.address == self._key["address"], collections.c.name == self._key["collection"]
                )
            )

    # --- documents

    @guarded
    def documents(
        self, first: int = 0, most: int | None = None, state: DocumentState | None = None
    ) -> list[DocumentInfo]:
        """The documents (in this state), newest first: all, or at most `most` after the first `first`."""
        query = sa.select(*_DOCUMENT).where(self._mine, *([documents.c.state == state] if state else []))
        order = (documents.c.added_at.desc(), documents.c.file_name, documents.c.doc_id)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(*order).offset(first).limit(most))
            return [_document(row) for row in rows]

    @guarded
    def find(self, doc_id: str) -> DocumentInfo | None:
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(*_DOCUMENT).where(self._mine, documents.c.doc_id == doc_id)).first()
        return _document(row) if row else None

    @guarded
    def count_states(self, doc_ids: Collection[str] | None = None) -> dict[DocumentState, int]:
        """How many documents, of these or (None) of all, are in each state; states of none are missing."""
        query = sa.select(documents.c.state, sa.func.count().label("number")).where(self._mine)
        if doc_ids is not None:
            query = query.where(documents.c.doc_id.in_([storable(doc_id) for doc_id in doc_ids]))
        with self._engine.connect() as connection:
            rows = connection.execute(query.group_by(documents.c.state))
            return {row.state: row.number for row in rows}

    @guarded
    def count_chunks(self) -> int:
        """How many chunks the ready documents have together."""
        query = sa.select(sa.func.sum(documents.c.chunks)).where(self._mine, documents.c.state == "ready")
        with self._engine.connect() as connection:
            return int(connection.scalar(query) or 0)

    @guarded
    def count_claimed(self) -> int:
        """How many documents are being ingested right now, by this process or another living one."""
        held = sa.select(documents).where(self._mine, documents.c.claimed_by.is_not(None))
        with self._engine.connect() as connection:
            rows = connection.execute(held)
            return sum(row.claimed_by == self.owner or not self._claimable(row) for row in rows)

    @guarded
    def ready_names(self, doc_ids: Iterable[str]) -> dict[str, str]:
        """{doc_id: file name} of those among `doc_ids` that are ready."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                sa.select(documents.c.doc_id, documents.c.file_name).where(
                    self._mine, documents.c.state == "ready", documents.c.doc_id.in_(list(doc_ids))
                )
            )
            return {row.doc_id: row.file_name for row in rows}

    @guarded
    def namesakes(self, file_name: str, doc_id: str) -> list[DocumentInfo]:
        """Other ready documents under the same name."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                sa.select(*_DOCUMENT).where(
                    self._mine,
                    documents.c.state == "ready",
                    documents.c.file_name == file_name,
                    documents.c.doc_id != doc_id,
                )
            )
            return [_document(row) for row in rows]

    @guarded
    def add_pending(
        self, doc_id: str, file_name: str, size: int, replaces: Iterable[str] = ()
    ) -> Literal["added", "ready", "busy"]:
        """Note a document that is to be ingested, claimed by this process.

        "ready" and "busy" change nothing: it is there already, or another living process is at it.
        """
        now = utc_now()
        try:
            with self._engine.begin() as connection:
                row = connection.execute(sa.select(documents).where(self._mine, documents.c.doc_id == doc_id)).first()
                if row is not None:
                    if row.state == "ready":
                        return "ready"
                    if row.state == "pending" and not self._claimable(row):
                        return "busy"
                    if not connection.execute(sa.delete(documents).where(self._unchanged(row))).rowcount:
                        return "busy"
                connection.execute(
                    sa.insert(documents).values(
                        **self._key,
                        doc_id=doc_id,
                        file_name=storable(file_name),
                        size=size,
                        pages=0,
                        chunks=0,
                        state="pending",
                        added_at=now,
                        replaces=" ".join(replaces),
                        claimed_by=self.owner,
                        claimed_until=now + CLAIM,
                    )
                )
        except sa.exc.IntegrityError:  # another process noted it since we looked
            return "busy"
        return "added"

    @guarded
    def claim_pending(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """Claim the pending documents that nobody is at, oldest first: (doc_id, file name, ids that it replaces)."""
        now = utc_now()
        with self._engine.begin() as connection:
            rows = connection.execute(
                sa.select(documents).where(self._mine, documents.c.state == "pending").order_by(documents.c.added_at)
            ).all()
            claim = sa.update(documents).values(claimed_by=self.owner, claimed_until=now + CLAIM)
            claimed = [
                row
                for row in rows
                if self._claimable(row)
                and row.claimed_by != self.owner
                and connection.execute(claim.where(self._unchanged(row))).rowcount
            ]
        return [(row.doc_id, row.file_name, tuple(row.replaces.split())) for row in claimed]

    @guarded
    def renew_claims(self) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                sa.update(documents)
                .where(self._mine, documents.c.claimed_by == self.owner)
                .values(claimed_until=utc_now() + CLAIM)
            )

    @guarded
    def release_claims(self, doc_ids: Iterable[str] | None = None) -> None:
        """Leave the pending documents of this process (all, or these) to whoever comes next."""
        mine = sa.and_(self._mine, documents.c.claimed_by == self.owner)
        if doc_ids is not None:
            mine = sa.and_(mine, documents.c.doc_id.in_(list(doc_ids)))
        with self._engine.begin() as connection:
            connection.execute(sa.update(documents).where(mine).values(claimed_by=None, claimed_until=None))

    @guarded
    def mark_ready(self, counts: dict[str, tuple[int, int]]) -> None:
        """Mark documents whole: {doc_id: (pages, chunks)}."""
        with self._engine.begin() as connection:
            for doc_id, (pages, chunks) in counts.items():
                connection.execute(
                    sa.update(documents)
                    .where(self._mine, documents.c.doc_id == doc_id)
                    .values(state="ready", error=None, pages=pages, chunks=chunks, claimed_by=None, claimed_until=None)
                )

    @guarded
    def mark_failed(self, doc_id: str, error: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                sa.update(documents)
                .where(self._mine, documents.c.doc_id == doc_id)
                .values(state="failed", error=error, claimed_by=None, claimed_until=None)
            )

    @guarded
    def mark_pending(self, states: Collection[DocumentState]) -> None:
        """The documents in these states are to be ingested again, with none of them replacing another."""
        with self._engine.begin() as connection:
            connection.execute(
                sa.update(documents)
                .where(self._mine, documents.c.state.in_(list(states)))
                .values(state="pending", error=None, replaces="", claimed_by=None, claimed_until=None)
            )

    @guarded
    def remove(self, doc_ids: Iterable[str]) -> list[str]:
        """Forget documents. Returns those whose bytes no other collection needs."""
        wanted = list(doc_ids)
        orphans: list[str] = []
        with self._engine.begin() as connection:
            for first in range(0, len(wanted), MANY):
                part = wanted[first : first + MANY]
                connection.execute(sa.delete(documents).where(self._mine, documents.c.doc_id.in_(part)))
                kept = set(
                    connection.scalars(sa.select(documents.c.doc_id).where(documents.c.doc_id.in_(part)).distinct())
                )
                orphans.extend(doc_id for doc_id in part if doc_id not in kept)
        return orphans

    @guarded
    def take_over(self, source: Catalog, whole: Collection[str]) -> None:
        """List what `source`, a catalog in the same database, lists, as it is there; what is ready here stays.

        Only the documents in `whole` become ready: others that are so there have just been added, and are pending.
        """
        with self._engine.begin() as connection:
            here = sa.select(documents.c.doc_id).where(self._mine, documents.c.state == "ready")
            ready = set(connection.scalars(here))
            rows = connection.execute(sa.select(documents).where(source._mine)).mappings().all()
            taken = []
            for row in rows:
                if row["doc_id"] not in ready:
                    state = "pending" if row["state"] == "ready" and row["doc_id"] not in whole else row["state"]
                    taken.append({**row, **self._key, "state": state, "claimed_by": None, "claimed_until": None})
            for first in range(0, len(taken), MANY):
                part = taken[first : first + MANY]
                mine = sa.and_(self._mine, documents.c.doc_id.in_([row["doc_id"] for row in part]))
                connection.execute(sa.delete(documents).where(mine))
                connection.execute(sa.insert(documents), part)

    def _unchanged(self, row: Any) -> sa.ColumnElement[bool]:
        """That no other process was quicker since `row` was read."""
        return sa.and_(
            self._mine,
            documents.c.doc_id == row.doc_id,
            documents.c.state == row.state,
            documents.c.claimed_by.is_not_distinct_from(row.claimed_by),
        )

    def _claimable(self, row: Any) -> bool:
        """Whether nobody holds the row: its claim ran out, or its process on this machine is gone."""
        if row.claimed_by is None or row.claimed_by == self.owner or row.claimed_until < utc_now():
            return True
        host, pid, process = row.claimed_by.rsplit(":", 2)
        if host != socket.gethostname():
            return False
        if int(pid) == os.getpid():
            return not process.startswith(f"{_PROCESS}.")
        return not _is_alive(int(pid))


def _is_alive(pid: int) -> bool:
    if os.name == "nt":  # signal 0 would end the process there; its claim runs out instead
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _document(row: Any) -> DocumentInfo:
    doc_id, file_name, pages, chunks, size, added_at, state, error = row
    return DocumentInfo(doc_id, file_name, pages, chunks, size, added_at.replace(tzinfo=UTC), state, error)
