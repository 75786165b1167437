"""The record of a collection: its embedding model, and the fingerprint of all that its rows depend on."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass, replace

import sqlalchemy as sa

from rag.storage.database import guarded
from rag.storage.tables import UNLISTED, collections, documents, in_collection


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """All that a collection's rows depend on: the embedding model's own fingerprint, its dimension, and the versions of
    chunking and of the terms for lexical search.

    `stored` is the text of a fingerprint that another release has recorded in another form; no fingerprint of this
    release equals it.
    """

    model: str
    dimension: int
    chunking: str
    lexical: str
    stored: str = ""

    @classmethod
    def from_json(cls, stored: str) -> Fingerprint:
        """The fingerprint of a text as `to_json` gives it."""
        values: object = None
        with contextlib.suppress(ValueError):
            values = json.loads(stored)
        if not isinstance(values, dict):
            return cls("", 0, "", "", stored)
        parts = (str(values.get(name, "")) for name in ("chunking", "lexical"))
        fingerprint = cls(str(values.get("model", "")), int(values.get("dimension", 0)), *parts)
        return fingerprint if fingerprint.to_json() == stored else replace(fingerprint, stored=stored)

    def to_json(self) -> str:
        """The text that is recorded. Row ids depend on each of its characters."""
        values = {
            "model": self.model,
            "dimension": self.dimension,
            "chunking": self.chunking,
            "lexical": self.lexical,
        }
        return self.stored or json.dumps(values)

    @property
    def namespace(self) -> str:
        """The part of a row's id that tells collections of different fingerprints apart: 8 hexadecimal digits."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class CollectionRecord:
    """The model that the settings asked for when the collection was made, the model it has, and its fingerprint."""

    asked_model: str
    model: str
    fingerprint: Fingerprint


class CollectionRecords:
    """Keeps the record of one collection of one Milvus. All methods raise CatalogError when the database fails."""

    def __init__(self, engine: sa.Engine, address: str, collection: str) -> None:
        self._engine = engine
        self._key = {"address": address, "name": collection}
        self._this = sa.and_(collections.c.address == address, collections.c.name == collection)
        self._listed = sa.and_(in_collection(address, collection), documents.c.state != UNLISTED)

    @guarded
    def get(self) -> CollectionRecord | None:
        """The record, or None where the collection is new."""
        columns = (collections.c.asked_model, collections.c.model, collections.c.fingerprint)
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(*columns).where(self._this)).first()
        return CollectionRecord(row.asked_model, row.model, Fingerprint.from_json(row.fingerprint)) if row else None

    @guarded
    def add(self, record: CollectionRecord) -> CollectionRecord:
        """Record it unless another process has just recorded one. Returns the record that is kept."""
        with contextlib.suppress(sa.exc.IntegrityError), self._engine.begin() as connection:
            self._insert(connection, record)
        return self.get() or record

    @guarded
    def replace(self, record: CollectionRecord) -> None:
        """Record it in the place of the record that is kept."""
        with self._engine.begin() as connection:
            self._delete(connection)
            self._insert(connection, record)

    @guarded
    def delete_unless_used(self) -> None:
        """Delete the record, so that the next document chooses the model, unless another process has already added a
        document to the collection as it is recorded."""
        with self._engine.begin() as connection:
            # Takes SQLite's lock on writing, so that no document is added between the two statements. On Postgres one
            # may be: its process records the model again with the next document.
            connection.execute(sa.delete(documents).where(sa.false()))
            if not connection.execute(sa.select(1).where(self._listed)).first():
                self._delete(connection)

    def _delete(self, connection: sa.Connection) -> None:
        connection.execute(sa.delete(collections).where(self._this))

    def _insert(self, connection: sa.Connection, record: CollectionRecord) -> None:
        connection.execute(
            sa.insert(collections).values(
                **self._key,
                asked_model=record.asked_model,
                model=record.model,
                fingerprint=record.fingerprint.to_json(),
            )
        )
