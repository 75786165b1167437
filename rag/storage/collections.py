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
    """All that a collection's rows depend on: the fingerprint of the embedding model, its dimension, and the versions
    of chunking and of the terms for lexical search.

    `stored` is the recorded text if another release has recorded it in another form. No fingerprint of this release
    then equals it.
    """

    model: str
    dimension: int
    chunking: str
    lexical: str
    stored: str = ""

    @classmethod
    def from_json(cls, stored: str) -> Fingerprint:
        """The fingerprint that `to_json` has written as `stored`."""
        values: object = None
        with contextlib.suppress(ValueError):
            values = json.loads(stored)
        if not isinstance(values, dict):
            return cls("", 0, "", "", stored)
        parts = (str(values.get(name, "")) for name in ("chunking", "lexical"))
        fingerprint = cls(str(values.get("model", "")), int(values.get("dimension", 0)), *parts)
        return fingerprint if fingerprint.to_json() == stored else replace(fingerprint, stored=stored)

    def to_json(self) -> str:
        """The text to record. Row ids depend on each of its characters."""
        values = {
            "model": self.model,
            "dimension": self.dimension,
            "chunking": self.chunking,
            "lexical": self.lexical,
        }
        return self.stored or json.dumps(values)

    def serves(self, other: Fingerprint) -> bool:
        """Whether a collection with this fingerprint can be searched, and documents added, by a release and a model
        that would give it the fingerprint `other`: they may read and chunk documents in another way."""
        return not self.stored and replace(self, chunking=other.chunking) == other

    @property
    def namespace(self) -> str:
        """The part of a row's id that stands for the fingerprint: 8 hexadecimal digits of its SHA-256."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class CollectionRecord:
    """A collection's `model`, its fingerprint, and the model that the settings asked for when it was made."""

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
        """The record; None if the collection is new."""
        columns = (collections.c.asked_model, collections.c.model, collections.c.fingerprint)
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(*columns).where(self._this)).first()
        return CollectionRecord(row.asked_model, row.model, Fingerprint.from_json(row.fingerprint)) if row else None

    @guarded
    def add(self, record: CollectionRecord) -> CollectionRecord:
        """Keep `record` unless another process has just kept a record. Returns the record that is kept."""
        with contextlib.suppress(sa.exc.IntegrityError), self._engine.begin() as connection:
            self._insert(connection, record)
        return self.get() or record

    @guarded
    def replace(self, record: CollectionRecord) -> None:
        """Keep `record` in place of the present record."""
        with self._engine.begin() as connection:
            self._delete(connection)
            self._insert(connection, record)

    @guarded
    def delete_unless_used(self) -> None:
        """Delete the record, so that the model is chosen anew with the next document. Do nothing if another process has
        already added a document by this record."""
        with self._engine.begin() as connection:
            # Takes SQLite's write lock, so that no document is added between the two statements. On Postgres a document
            # may be added: then its process records the model again with the next document.
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
