"""Opens the database of the catalog and the conversations, and turns its failures into CatalogError."""

from __future__ import annotations

import contextlib
import functools
import logging
import re
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import sqlalchemy as sa

# Imported here because LlamaIndex imports it in a thread: a statement made meanwhile would find it half imported.
import sqlalchemy.orm
from sqlalchemy.exc import SQLAlchemyError

from rag.errors import CatalogError
from rag.storage.migrations import HEAD, upgrade
from rag.storage.tables import alembic_version, tables

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

# Seconds to wait for SQLite's lock, and for Postgres to answer.
WAITS = {"sqlite": {"timeout": 10}, "postgresql": {"connect_timeout": 10}}
# A new database has 0 bytes for a moment. One that has 0 bytes after this time has lost its content.
NEW_SECONDS = 60
ADVICE = {
    "is locked": "another program has been holding it for long: try again in a moment, or stop that one",
    "is full|I/O error": "make room on the disk of DATA_DIR, then try again",
    "readonly|unable to open": "make DATA_DIR and docent.sqlite3 in it writable",
    "malformed|not a database|corrupt": "docent.sqlite3 in DATA_DIR is damaged: put a copy of it in its place, or move "
    "it away to begin anew",
}
# Two processes wait for rows that the other has changed, and Postgres has rolled one of them back.
DEADLOCK = "40P01"
ATTEMPTS = 3
# The key of the lock that is held in Postgres while the tables are made. Any number does that no other program uses.
CREATING = 0x446F63656E74
# Held during an upgrade: Alembic's steps find their database in a global variable.
_upgrading = threading.Lock()


def guarded(function: Callable[P, R]) -> Callable[P, R]:
    """Turn the database's exceptions into CatalogError. The function must be one transaction, since it is called again
    if Postgres has rolled it back because of a deadlock."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        attempt = 1
        while True:
            try:
                return function(*args, **kwargs)
            except SQLAlchemyError as error:
                if _sqlstate(error) == DEADLOCK and attempt < ATTEMPTS:
                    attempt += 1
                    continue
                logger.warning("the catalog's database failed", exc_info=True)
                reason = str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0]
                raise CatalogError(f"The catalog's database failed ({reason}); {_advice(reason)}.") from error

    return call


def _sqlstate(error: SQLAlchemyError) -> str | None:
    return getattr(getattr(error, "orig", None), "sqlstate", None)


def _advice(reason: str) -> str:
    """The advice to the user for an error text of SQLite."""
    for pattern, advice in ADVICE.items():
        if re.search(pattern, reason):
            return advice
    return "check DATABASE_URL, the disk and DATA_DIR"


@guarded
def open_database(address: str) -> sa.Engine:
    """Connect to the database at an SQLAlchemy URL. Make its tables, or upgrade the tables of an earlier release.

    Raises CatalogError, also for the tables of a later release.
    """
    try:
        url = sa.make_url(address)
    except (sa.exc.ArgumentError, ValueError) as error:  # ValueError: a port that isn't a number
        raise CatalogError("DATABASE_URL isn't an SQLAlchemy URL, such as postgresql+psycopg://…") from error
    sqlite = url.get_backend_name() == "sqlite"
    try:
        if sqlite and url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
            _refuse_emptied(Path(url.database))
        elif url.drivername in {"postgresql", "postgres"}:  # the driver that requirements.txt installs
            url = url.set(drivername="postgresql+psycopg")
        waits = {name: wait for name, wait in WAITS.get(url.get_backend_name(), {}).items() if name not in url.query}
        # Questions and answers are parameters, which mustn't be logged.
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

    try:
        _update_tables(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _refuse_emptied(path: Path) -> None:
    """Raise CatalogError for a file without bytes: SQLite would take it for a new database without documents."""
    if path.is_file() and not path.stat().st_size and time.time() - path.stat().st_mtime > NEW_SECONDS:
        raise CatalogError(
            f"The catalog's database {path} has lost all it held (0 bytes); put a copy of it in its place, or delete "
            "it to begin anew."
        )


def _update_tables(engine: sa.Engine) -> None:
    """Make or upgrade the tables of this release. Another process may do the same at the same time."""
    with engine.connect() as connection:
        if _version(connection) == HEAD:
            return
    with _upgrading, engine.begin() as connection:
        if engine.dialect.name == "sqlite":  # else other processes are kept out only after the first change
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        elif engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(CREATING)))
        version = _version(connection)
        if version is None and not set(tables.tables) & set(sa.inspect(connection).get_table_names()):
            tables.create_all(connection)
            connection.execute(sa.insert(alembic_version).values(version_num=HEAD))
        elif version != HEAD:
            logger.info("bringing the catalog's tables from %s to %s", version or "an unnumbered release", HEAD)
            upgrade(connection, version)


def _version(connection: sa.Connection) -> str | None:
    """The number of the tables; None if they have no number or don't exist."""
    if not sa.inspect(connection).has_table(alembic_version.name):
        return None
    return connection.scalar(sa.select(alembic_version.c.version_num))
