"""Leases on documents: the right of one process to ingest or delete a document, for a minute unless it is renewed.

A lease is in a document's row in the catalog. A process that was killed loses its leases: at once on this machine,
after LEASE elsewhere.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from rag.storage.database import guarded
from rag.storage.tables import UNLISTED, among, documents, in_collection, storable, utc_now

# How long a lease holds without being renewed.
LEASE = timedelta(seconds=60)
# The values of a row that has no lease.
FREE = {"leased_by": None, "leased_until": None}
# Tells this process from an earlier one with the same number, as in a container that was restarted.
_PROCESS = uuid.uuid4().hex[:8]


class PendingDocument(NamedTuple):
    """A pending document that this process has leased."""

    doc_id: str
    file_name: str


class Leases:
    """The leases that one `owner`, a catalog of this process, has on the documents of a collection.

    All methods raise CatalogError when the database fails.
    """

    def __init__(self, engine: sa.Engine, address: str, collection: str) -> None:
        self._engine = engine
        self._key = {"address": address, "collection": collection}
        self._in_collection = in_collection(address, collection)
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{_PROCESS}.{uuid.uuid4().hex[:8]}"

    @guarded
    def count(self) -> int:
        """How many documents are leased right now, to this process or another living one."""
        leased = sa.select(documents).where(self._in_collection, documents.c.leased_by.is_not(None))
        with self._engine.connect() as connection:
            return sum(self.is_busy(row) for row in connection.execute(leased))

    @guarded
    def add_pending(
        self, doc_id: str, file_name: str, size: int, replaces: Iterable[str] = (), *, listed: bool = True
    ) -> Literal["added", "ready", "busy"]:
        """Note a document of `size` bytes to be ingested, leased to this process. `listed` is False as long as its
        bytes aren't kept, until `list_pending`.

        "ready": the document is in the library already. "busy" changes nothing: another living process has the
        document, or this one is deleting it. Unless it is busy, no document that was to replace it does so any more.
        """
        try:
            with self._engine.begin() as connection:
                row = connection.execute(
                    sa.select(documents).where(self._in_collection, documents.c.doc_id == doc_id)
                ).first()
                if row is not None:
                    if row.state == "ready":
                        # Written as it is: from here on no other process can replace it before it is spared.
                        unchanged = sa.update(documents).where(self._unchanged(row)).values(state="ready")
                        if not connection.execute(unchanged).rowcount:
                            return "busy"
                        self._spare(connection, doc_id)
                        return "ready"
                    if row.state in {"pending", UNLISTED} and not is_available(row, self.owner):
                        return "busy"
                    if row.state == UNLISTED and row.leased_by == self.owner:
                        return "busy"
                    if not connection.execute(sa.delete(documents).where(self._unchanged(row))).rowcount:
                        return "busy"
                connection.execute(
                    sa.insert(documents).values(
                        **self._key,
                        **self.taken(),
                        doc_id=doc_id,
                        file_name=storable(file_name),
                        size=size,
                        pages=0,
                        chunks=0,
                        state="pending" if listed else UNLISTED,
                        added_at=utc_now(),
                        replaces=" ".join(replaces),
                    )
                )
                self._spare(connection, doc_id)
        except sa.exc.IntegrityError:  # another process has noted it since the row was looked for
            return "busy"
        return "added"

    @guarded
    def list_pending(self, doc_id: str) -> None:
        """List a document that was added without being listed."""
        leased = sa.and_(self._in_collection, documents.c.doc_id == doc_id, documents.c.leased_by == self.owner)
        with self._engine.begin() as connection:
            connection.execute(sa.update(documents).where(leased).values(state="pending"))

    @guarded
    def acquire_pending(self) -> list[PendingDocument]:
        """Lease the pending documents that no living process has, oldest first."""
        return [PendingDocument(row.doc_id, row.file_name) for row in self._acquire("pending")]

    @guarded
    def acquire_unlisted(self) -> list[str]:
        """Lease the unlisted documents that no living process has: they are to be deleted."""
        return [row.doc_id for row in self._acquire(UNLISTED)]

    @guarded
    def held(self, doc_ids: Iterable[str]) -> set[str]:
        """The documents among `doc_ids` that are pending and leased to this process; no other process has deleted
        them or taken them over."""
        leased = self.owned("pending")
        with self._engine.connect() as connection:
            return {
                doc_id
                for condition in among(doc_ids)
                for doc_id in connection.scalars(sa.select(documents.c.doc_id).where(leased, condition))
            }

    @guarded
    def renew(self) -> None:
        """Make all leases of this process hold for LEASE from now."""
        leased = sa.and_(self._in_collection, documents.c.leased_by == self.owner)
        with self._engine.begin() as connection:
            connection.execute(sa.update(documents).where(leased).values(leased_until=_until()))

    @guarded
    def release(self, doc_ids: Iterable[str] | None = None) -> None:
        """Give up the leases of this process on these documents, or on all; any process may lease them next."""
        leased = sa.and_(self._in_collection, documents.c.leased_by == self.owner)
        with self._engine.begin() as connection:
            for condition in [sa.true()] if doc_ids is None else among(doc_ids):
                connection.execute(sa.update(documents).where(leased, condition).values(**FREE))

    # --- for the other statements on documents

    def owned(self, state: str) -> sa.ColumnElement[bool]:
        """The documents in `state` that are leased to this process."""
        return sa.and_(self._in_collection, documents.c.state == state, documents.c.leased_by == self.owner)

    def taken(self) -> dict[str, Any]:
        """The values of a row that this process leases now."""
        return {"leased_by": self.owner, "leased_until": _until()}

    def is_busy(self, row: Any) -> bool:
        """Whether a living process, this one or another, has leased the document of `row`."""
        return row.leased_by is not None and (row.leased_by == self.owner or not is_available(row, self.owner))

    # --- inner workings

    def _acquire(self, state: str) -> list[Any]:
        with self._engine.begin() as connection:
            rows = connection.execute(
                sa.select(documents)
                .where(self._in_collection, documents.c.state == state)
                .order_by(documents.c.added_at)
            ).all()
            lease = sa.update(documents).values(**self.taken())
            return [
                row
                for row in rows
                if is_available(row, self.owner)
                and row.leased_by != self.owner
                and connection.execute(lease.where(self._unchanged(row))).rowcount
            ]

    def _spare(self, connection: sa.Connection, doc_id: str) -> None:
        """Have no document that isn't ready replace this one."""
        unready = sa.and_(self._in_collection, documents.c.state.in_(["pending", "failed", UNLISTED]))
        planned = documents.c.replaces.contains(doc_id, autoescape=True)
        without = sa.func.replace(documents.c.replaces, doc_id, "")
        connection.execute(sa.update(documents).where(unready, planned).values(replaces=without))

    def _unchanged(self, row: Any) -> sa.ColumnElement[bool]:
        """The row's document, unless another process has changed it since `row` was read."""
        return sa.and_(
            self._in_collection,
            documents.c.doc_id == row.doc_id,
            documents.c.state == row.state,
            documents.c.leased_by.is_not_distinct_from(row.leased_by),
        )


def is_available(row: Any, owner: str) -> bool:
    """Whether `owner` may lease the document of `row`: no other owner has, or its lease ran out, or its process on this
    machine is gone."""
    if row.leased_by is None or row.leased_by == owner or row.leased_until < utc_now():
        return True
    host, pid, process = row.leased_by.rsplit(":", 2)
    if host != socket.gethostname():
        return False
    if int(pid) == os.getpid():
        return not process.startswith(f"{_PROCESS}.")
    return not _is_alive(int(pid))


def _until() -> datetime:
    """When a lease of this moment runs out."""
    return utc_now() + LEASE


def _is_alive(pid: int) -> bool:
    if os.name == "nt":  # signal 0 would end the process there; its leases run out instead
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
