"""Documents leave the catalog in two steps: they are unlisted, then deleted once Milvus has none of their rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

import sqlalchemy as sa

from rag.storage.database import guarded
from rag.storage.leases import FREE, Leases
from rag.storage.tables import UNLISTED, among, documents, in_collection


class Deletions:
    """Unlists and deletes documents of one collection. All methods raise CatalogError when the database fails."""

    def __init__(self, engine: sa.Engine, address: str, collection: str, leases: Leases) -> None:
        self._engine = engine
        self._in_collection = in_collection(address, collection)
        self._leases = leases

    @guarded
    def unlist(self, doc_ids: Collection[str] | None = None) -> list[str]:
        """Unlist documents (None: all). Returns the ids of the documents that were listed before.

        They are leased to this process, which deletes them. If it is killed, the next process deletes them.
        """
        with self._engine.begin() as connection:
            conditions = [sa.true()] if doc_ids is None else among(doc_ids)
            return [doc_id for condition in conditions for doc_id in self.unlist_where(connection, condition)]

    def unlist_where(self, connection: sa.Connection, condition: sa.ColumnElement[bool]) -> list[str]:
        """Like `unlist`, within the transaction of `connection`."""
        # In one statement: if two processes unlist the same documents, each document is returned to only one of them.
        unlisted = (
            sa.update(documents)
            .where(self._in_collection, documents.c.state != UNLISTED, condition)
            .values(state=UNLISTED, **self._leases.taken())
            .returning(documents.c.doc_id)
        )
        return list(connection.scalars(unlisted))

    @guarded
    def list_failed(self, doc_ids: Iterable[str], error: str) -> None:
        """List documents again that this process has unlisted and can't delete: as failed, with `error`."""
        unlisted = self._leases.owned(UNLISTED)
        with self._engine.begin() as connection:
            for condition in among(doc_ids):
                failed = sa.update(documents).values(state="failed", error=error, **FREE)
                connection.execute(failed.where(unlisted, condition))

    @guarded
    def delete(self, doc_ids: Iterable[str], delete_files: Callable[[str], object] | None = None) -> list[str]:
        """Delete documents that this process has unlisted. Returns the ids whose bytes no other collection needs.

        `delete_files` is called with each returned id before the deletion of the rows is committed. On SQLite no other
        process can add the document until then.
        """
        # A document that another process has leased since, and perhaps made ready, isn't deleted.
        unlisted = self._leases.owned(UNLISTED)
        unneeded: list[str] = []
        with self._engine.begin() as connection:
            for condition in among(doc_ids):
                deleted = sa.delete(documents).where(unlisted, condition).returning(documents.c.doc_id)
                unneeded += _in_no_collection(connection, list(connection.scalars(deleted)))
            if delete_files:
                for doc_id in unneeded:
                    delete_files(doc_id)
        return unneeded

    @guarded
    def call_for_unknown(self, doc_ids: Collection[str], call: Callable[[str], object]) -> None:
        """Call `call` with each of `doc_ids` that no collection has. On SQLite none of them is added meanwhile."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(documents).where(sa.false()))  # takes SQLite's lock on writing
            for doc_id in _in_no_collection(connection, doc_ids):
                call(doc_id)


def _in_no_collection(connection: sa.Connection, doc_ids: Collection[str]) -> list[str]:
    """The ids among `doc_ids` of which no collection has a row."""
    kept: set[str] = set()
    for condition in among(doc_ids):
        kept.update(connection.scalars(sa.select(documents.c.doc_id).where(condition).distinct()))
    return [doc_id for doc_id in doc_ids if doc_id not in kept]
