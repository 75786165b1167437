"""Leases on documents: the right of one process to ingest or delete a document, for a minute unless it is renewed.

A lease is kept in the document's row in the catalog. A process that was killed loses its leases: at once on this
machine (on Windows after LEASE), after LEASE if it ran elsewhere.
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

# A lease that isn't renewed ends after this time.
LEASE = timedelta(seconds=60)
# The values of a row that has no lease.
FREE = {"leased_by": None, "leased_until": None}
# Tells this process from an earlier process with the same id, as after a restart of a container.
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
        """The number of documents that living processes, this one included, have leased now."""
        leased = sa.select(documents).where(self._in_collection, documents.c.leased_by.is_not(None))
        with self._engine.connect() as connection:
            return sum(self.is_busy(row) for row in connection.execute(leased))

    @guarded
    def add_pending(
        self, doc_id: str, file_name: str, size: int, replaces: Iterable[str] = (), *, listed: bool = True
    ) -> Literal["added", "ready", "busy"]:
        """Record a document of `size` bytes as pending, leased to this process; as unlisted if not `listed`, until
        `list_pending`. `replaces` are the documents that it will replace.

        Returns "ready" if the document is in the library already; "busy", without any change, if another living process
        has leased it or this one is deleting it. After "added" and "ready", no other document replaces it any more.
        """
        try:
            with self._engine.begin() as connection:
                row = connection.execute(
                    sa.select(documents).where(self._in_collection, documents.c.doc_id == doc_id)
                ).first()
                if row is not None:
                    if row.state == "ready":
                        # An update without a change: it keeps other processes from replacing the document before
                        # `_spare` is through.
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
        except sa.exc.IntegrityError:  # another process has added the document since the query
            return "busy"
        return "added"

    @guarded
    def list_pending(self, doc_id: str) -> None:
        """List a document that `add_pending` has added as unlisted: its state becomes pending."""
        leased = sa.and_(self._in_collection, documents.c.doc_id == doc_id, documents.c.leased_by == self.owner)
        with self._engine.begin() as connection:
            connection.execute(sa.update(documents).where(leased).values(state="pending"))

    @guarded
    def acquire_pending(self) -> list[PendingDocument]:
        """Lease the pending documents that no living process has leased. Returns them oldest first."""
        return [PendingDocument(row.doc_id, row.file_name) for row in self._acquire("pending")]

    @guarded
    def acquire_unlisted(self) -> list[str]:
        """Lease the unlisted documents that no living process has leased, to delete them. Returns their ids."""
        return [row.doc_id for row in self._acquire(UNLISTED)]

    @guarded
    def held(self, doc_ids: Iterable[str]) -> set[str]:
        """The documents among `doc_ids` that are pending and still leased to this process: no other process has deleted
        them, or leased them since."""
        leased = self.owned("pending")
        with self._engine.connect() as connection:
            return {
                doc_id
                for condition in among(doc_ids)
                for doc_id in connection.scalars(sa.select(documents.c.doc_id).where(leased, condition))
            }

    @guarded
    def renew(self) -> None:
        """Extend all leases of this process to LEASE from now."""
        leased = sa.and_(self._in_collection, documents.c.leased_by == self.owner)
        with self._engine.begin() as connection:
            connection.execute(sa.update(documents).where(leased).values(leased_until=_until()))

    @guarded
    def release(self, doc_ids: Iterable[str] | None = None) -> None:
        """Release this process's leases on `doc_ids` (None: on all documents). Any process may lease them next."""
        leased = sa.and_(self._in_collection, documents.c.leased_by == self.owner)
        with self._engine.begin() as connection:
            for condition in [sa.true()] if doc_ids is None else among(doc_ids):
                connection.execute(sa.update(documents).where(leased, condition).values(**FREE))

    # --- for the other statements on documents

    def owned(self, state: str) -> sa.ColumnElement[bool]:
        """The documents in `state` that are leased to this process."""
        return sa.and_(self._in_collection, documents.c.state == state, documents.c.leased_by == self.owner)

    def taken(self) -> dict[str, Any]:
        """The lease's values in a row that this process leases now."""
        return {"leased_by": self.owner, "leased_until": _until()}

    def is_busy(self, row: Any) -> bool:
        """Whether a living process, this one included, has leased the document of `row`."""
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
        """Take a document off the plans of all documents that would replace it when they are ready."""
        unready = sa.and_(self._in_collection, documents.c.state.in_(["pending", "failed", UNLISTED]))
        planned = documents.c.replaces.contains(doc_id, autoescape=True)
        without = sa.func.replace(documents.c.replaces, doc_id, "")
        connection.execute(sa.update(documents).where(unready, planned).values(replaces=without))

    def _unchanged(self, row: Any) -> sa.ColumnElement[bool]:
        """The condition for the document of `row`, unless another process has changed it since `row` was read."""
        return sa.and_(
            self._in_collection,
            documents.c.doc_id == row.doc_id,
            documents.c.state == row.state,
            documents.c.leased_by.is_not_distinct_from(row.leased_by),
        )


def is_available(row: Any, owner: str) -> bool:
    """Whether `owner` may lease the document of `row`: it has no other owner, the other owner's lease has ended, or its
    process ran on this machine and is gone."""
    if row.leased_by is None or row.leased_by == owner or row.leased_until < utc_now():
        return True
    host, pid, process = row.leased_by.rsplit(":", 2)
    if host != socket.gethostname():
        return False
    if int(pid) == os.getpid():
        return not process.startswith(f"{_PROCESS}.")
    return not _is_alive(int(pid))


def _until() -> datetime:
    """The end of a lease that begins now."""
    return utc_now() + LEASE


def _is_alive(pid: int) -> bool:
    if os.name == "nt":  # signal 0 would kill the process there, so its leases have to run out
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
