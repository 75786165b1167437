"""What is on record of each collection: its model, and the fingerprint of all that its rows depend on."""

from __future__ import annotations

import contextlib

import sqlalchemy as sa

from rag.storage.database import guarded
from rag.storage.tables import UNLISTED, collections, documents


class Fingerprints:
    """The record of one collection of one Milvus. All methods raise CatalogError when the database fails."""

    def __init__(self, engine: sa.Engine, address: str, collection: str) -> None:
        self._engine = engine
        self._address = address
        self._name = collection
        self._mine = sa.and_(collections.c.address == address, collections.c.name == collection)
        self._listed_documents = sa.and_(
            documents.c.address == address, documents.c.collection == collection, documents.c.state != UNLISTED
        )

    @guarded
    def recorded(self) -> tuple[str, str, str] | None:
        """(model asked for, model in use, fingerprint) of the collection, or None where it is new."""
        with self._engine.connect() as connection:
            row = connection.execute(
                sa.select(collections.c.asked_model, collections.c.model, collections.c.fingerprint).where(self._mine)
            ).first()
        return (row[0], row[1], row[2]) if row else None

    @guarded
    def note(self, asked_model: str, model: str, fingerprint: str) -> tuple[str, str, str]:
        """Record it unless another process has just recorded one. Returns what is recorded."""
        with contextlib.suppress(sa.exc.IntegrityError), self._engine.begin() as connection:
            connection.execute(sa.insert(collections).values(self._row(asked_model, model, fingerprint)))
        return self.recorded() or (asked_model, model, fingerprint)

    @guarded
    def set(self, asked_model: str, model: str, fingerprint: str) -> None:
        """Record it in the place of what is recorded."""
        with self._engine.begin() as connection:
            self._forget(connection)
            connection.execute(sa.insert(collections).values(self._row(asked_model, model, fingerprint)))

    @guarded
    def forget(self) -> None:
        """Leave the choice of the model to the next document; but for one that another process has already taken in for
        the collection as it is recorded."""
        with self._engine.begin() as connection:
            # SQLite's lock on writing, so that no document is added between this and that. On Postgres one may be: its
            # process notes the model again with the next document.
            connection.execute(sa.delete(documents).where(sa.false()))
            if not connection.execute(sa.select(1).where(self._listed_documents)).first():
                self._forget(connection)

    def _forget(self, connection: sa.Connection) -> None:
        connection.execute(sa.delete(collections).where(self._mine))

    def _row(self, asked_model: str, model: str, fingerprint: str) -> dict[str, str]:
        return {
            "address": self._address,
            "name": self._name,
            "asked_model": asked_model,
            "model": model,
            "fingerprint": fingerprint,
        }
