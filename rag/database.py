"""The database of the catalog and the conversations: its tables, and how it is opened. SQL through SQLAlchemy."""

from __future__ import annotations

import contextlib
import functools
import logging
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateTable

from rag.errors import CatalogError

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

# The key of the lock that is held in Postgres while the tables are made: any number that others don't use.
CREATING = 0x446F63656E74

tables = sa.MetaData()

collections = sa.Table(
    "collections",
    tables,
    sa.Column("address", sa.String(700), primary_key=True),
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("asked_model", sa.String(1000), nullable=False),
    sa.Column("model", sa.String(1000), nullable=False),
    sa.Column("fingerprint", sa.String(1000), nullable=False),
)

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
    sa.Column("added_at", sa.DateTime, nullable=False),
    sa.Column("replaces", sa.Text, nullable=False, default=""),  # ids of documents that go when this one is ready
    sa.Column("claimed_by", sa.String(255)),
    sa.Column("claimed_until", sa.DateTime),
)

conversations = sa.Table(
    "conversations",
    tables,
    sa.Column("conversation_id", sa.String(32), primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("updated_at", sa.DateTime, nullable=False),
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


def guarded(function: Callable[P, R]) -> Callable[P, R]:
    """Turn the database's exceptions into CatalogError."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except SQLAlchemyError as error:
            logger.warning("the catalog's database failed", exc_info=True)
            reason = str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0]
            raise CatalogError(
                f"The catalog's database failed ({reason}); check DATABASE_URL, the disk and DATA_DIR."
            ) from error

    return call


@guarded
def open_database(address: str) -> sa.Engine:
    """Connect to the database at an SQLAlchemy URL and make the tables that are missing. Raises CatalogError."""
    try:
        url = sa.make_url(address)
    except (sa.exc.ArgumentError, ValueError) as error:  # ValueError: a port that isn't a number
        raise CatalogError("DATABASE_URL isn't an SQLAlchemy URL, such as postgresql+psycopg://…") from error
    sqlite = url.get_backend_name() == "sqlite"
    try:
        if sqlite and url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        elif url.drivername in {"postgresql", "postgres"}:  # the driver that requirements.txt installs
            url = url.set(drivername="postgresql+psycopg")
        # Seconds: to wait for SQLite's lock, for Postgres to answer.
        waits = {"sqlite": {"timeout": 30}, "postgresql": {"connect_timeout": 10}}.get(url.get_backend_name(), {})
        # Questions and answers are parameters; they don't belong into the log.
        engine = sa.create_engine(url, pool_pre_ping=not sqlite, connect_args=waits, hide_parameters=True)
    except (sa.exc.ArgumentError, ImportError, OSError) as error:
        raise CatalogError(f"The catalog can't be opened: {error}; check DATABASE_URL and DATA_DIR.") from error
    if sqlite:

        @sa.event.listens_for(engine, "connect")
        def _configure(connection: Any, _record: Any) -> None:
            cursor = connection.cursor()
            # WAL lets the pages read while the pipeline writes; foreign keys are off by default in SQLite.
            with contextlib.suppress(sqlite3.OperationalError):  # another process is switching it on right now
                cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=NORMAL")
            cursor.execute("PRAGMA foreign_keys=ON")
            cursor.close()

    _create_tables(engine)
    return engine


def _create_tables(engine: sa.Engine) -> None:
    """Make the tables that are missing, while another process may be doing the same."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":  # where IF NOT EXISTS alone doesn't settle that
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(CREATING)))
        for table in tables.sorted_tables:
            connection.execute(CreateTable(table, if_not_exists=True))
            for index in table.indexes:
                connection.execute(CreateIndex(index, if_not_exists=True))


def utc_now() -> datetime:
    """The time in UTC, without a zone: SQLite and Postgres agree on those."""
    return datetime.now(UTC).replace(tzinfo=None)


def storable(text: str) -> str:
    """Without what a database refuses: NUL, and surrogates that stand alone."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
