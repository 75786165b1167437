"""The tables of the catalog and the conversations, and the conditions that several statements share."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import sqlalchemy as sa

# SQLite takes at most 32,766 parameters in a statement.
IDS_IN_A_STATEMENT = 10_000

# A change here needs a step in rag/storage/migrations.
tables = sa.MetaData()

# Alembic's table, with the number of the last migration that was run.
alembic_version = sa.Table("alembic_version", tables, sa.Column("version_num", sa.String(32), primary_key=True))

collections = sa.Table(
    "collections",
    tables,
    sa.Column("address", sa.String(700), primary_key=True),
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("asked_model", sa.String(1000), nullable=False),
    sa.Column("model", sa.String(1000), nullable=False),
    sa.Column("fingerprint", sa.String(1000), nullable=False),
)

# A document's state; `documents.py` explains it.
UNLISTED = "unlisted"

documents = sa.Table(
    "documents",
    tables,
    sa.Column("address", sa.String(700), primary_key=True),
    sa.Column("collection", sa.String(255), primary_key=True),
    sa.Column("doc_id", sa.String(64), primary_key=True),
    sa.Column("file_name", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("pages", sa.Integer, nullable=False, default=0),
    sa.Column("chunks", sa.Integer, nullable=False, default=0),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("error", sa.Text),
    sa.Column("notice", sa.Text),
    sa.Column("added_at", sa.DateTime, nullable=False),
    # Ids of the documents that are deleted when this one is ready; empty from then on.
    sa.Column("replaces", sa.Text, nullable=False, default=""),
    # The lease: its owner and its end. The names of the columns are from earlier releases.
    sa.Column("claimed_by", sa.String(255), key="leased_by"),
    sa.Column("claimed_until", sa.DateTime, key="leased_until"),
    sa.Index("documents_by_state", "address", "collection", "state"),
)

conversations = sa.Table(
    "conversations",
    tables,
    sa.Column("conversation_id", sa.String(32), primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("updated_at", sa.DateTime, nullable=False),
    # The collection's name without Milvus's address, so that a moved library keeps its conversations. NULL in rows of
    # releases that didn't record it.
    sa.Column("collection", sa.String(255)),
)

messages = sa.Table(
    "messages",
    tables,
    sa.Column("message_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column(
        "conversation_id",
        sa.ForeignKey("conversations.conversation_id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("evidence", sa.Text),
    sa.Column("created_at", sa.DateTime, nullable=False),
)


def in_collection(address: str, collection: str) -> sa.ColumnElement[bool]:
    """The condition for all documents of a collection of one Milvus, listed or not."""
    return sa.and_(documents.c.address == address, documents.c.collection == collection)


def among(doc_ids: Iterable[str]) -> list[sa.ColumnElement[bool]]:
    """Conditions that together name all of `doc_ids`, one for each statement that this takes."""
    ids = list(doc_ids)
    return [
        documents.c.doc_id.in_(ids[first : first + IDS_IN_A_STATEMENT])
        for first in range(0, len(ids), IDS_IN_A_STATEMENT)
    ]


def utc_now() -> datetime:
    """The time in UTC, without a zone: SQLite and Postgres store it in the same way."""
    return datetime.now(UTC).replace(tzinfo=None)


def storable(text: str) -> str:
    """The text without NUL and lone surrogates, which databases refuse."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
