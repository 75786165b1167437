"""Databases of every released schema, with rows in them, opened by this release."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from threading import Barrier

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from rag.errors import CatalogError, NotFound
from rag.schema import Message, Passage
from rag.storage import migrations
from rag.storage.collections import CollectionRecord, Fingerprint
from rag.storage.conversations import Conversations
from rag.storage.database import open_database
from rag.storage.documents import Catalog
from rag.storage.tables import tables

pytest_plugins = ["tests.databases"]

SCHEMAS = Path(__file__).parent / "schemas"
# The releases whose tables differ. The first two didn't number them.
RELEASES = ["first_release", "replaced_documents", "0002"]
OLD, NEW, OTHER, LATE = ("1" * 64, "2" * 64, "3" * 64, "4" * 64)
FINGERPRINT = '{"model": "bundled", "dimension": 384, "chunking": "1", "lexical": "1"}'
# As the first release kept it, without what came later.
EVIDENCE = {
    "question": "How much?",
    "passages": [
        {"text": "420 euros", "file_name": "차.txt", "doc_id": OLD, "page": None, "start": 0, "end": 9, "score": 0.5}
        | {"dense_rank": 1, "lexical_rank": None}
    ],
    "citations": [{"number": 1, "claim": "It costs 420 euros", "start": 0, "end": 9, "supported": True}],
    "extractive": True,
    "error": None,
}


def make_old(url: str, release: str) -> None:
    """A database as that release made and filled it."""
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    script = (SCHEMAS / f"first_release.{engine.dialect.name}.sql").read_text()
    asks, asks_not = (sa.true(), sa.false())
    if release != "first_release":
        script = script.replace("replaces BOOLEAN", "replaces TEXT")
        asks, asks_not = OLD, ""
    if release == "0002":
        script += "; CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);"
        script += "INSERT INTO alembic_version (version_num) VALUES ('0002')"
    with engine.begin() as connection:
        for statement in script.split(";"):
            if statement.strip():
                connection.exec_driver_sql(statement)

        time = sa.literal(datetime(2026, 11, 22, 17, 30))

        def insert(table: str, **values: object) -> None:
            connection.execute(sa.insert(sa.table(table, *map(sa.column, values))).values(**values))

        insert("collections", address="lite", name="papers", asked_model="b", model="bundled", fingerprint=FINGERPRINT)
        for doc_id, name, state, replaces in (
            (OLD, "차.txt", "ready", asks_not),
            (NEW, "차.txt", "pending", asks),
            (OTHER, "b.pdf", "failed", asks_not),
        ):
            insert(
                "documents",
                address="lite",
                collection="papers",
                doc_id=doc_id,
                file_name=name,
                size=5_000_000_000,
                pages=3,
                chunks=7,
                state=state,
                error="b.pdf is damaged." if state == "failed" else None,
                added_at=time,
                replaces=replaces,
            )
        insert("conversations", conversation_id="c" * 32, title="About tea", created_at=time, updated_at=time)
        for role, content, evidence in (
            ("user", "How much?", None),
            ("assistant", "It costs 420 euros [1].", json.dumps(EVIDENCE)),
        ):
            insert(
                "messages",
                conversation_id="c" * 32,
                role=role,
                content=content,
                evidence=evidence,
                created_at=time,
            )
    engine.dispose()


@pytest.mark.parametrize("release", RELEASES)
def test_database_of_an_earlier_release_opens_with_everything_in_it(database_url: str, release: str) -> None:
    make_old(database_url, release)
    for _ in range(2):
        engine = open_database(database_url)
        catalog = Catalog(engine, "lite", "papers")
        assert catalog.records.get() == CollectionRecord("b", "bundled", Fingerprint.from_json(FINGERPRINT))
        assert {(d.doc_id, d.file_name, d.state, d.size, d.chunks, d.error) for d in catalog.documents()} == {
            (OLD, "차.txt", "ready", 5_000_000_000, 7, None),
            (NEW, "차.txt", "pending", 5_000_000_000, 7, None),
            (OTHER, "b.pdf", "failed", 5_000_000_000, 7, "b.pdf is damaged."),
        }
        question, answer = Conversations(engine, "papers").messages("c" * 32)
        assert question == Message("user", "How much?")
        assert answer.content == "It costs 420 euros [1]."
        assert answer.evidence is not None
        assert answer.evidence.passages == (Passage("420 euros", "차.txt", OLD, None, 0, 9, 0.5, 1, None),)
        assert [citation.supported for citation in answer.evidence.citations] == [True]
        engine.dispose()
    # What was asked for is still done, and new documents and messages go in.
    engine = open_database(database_url)
    catalog = Catalog(engine, "lite", "papers")
    assert catalog.leases.acquire_pending() == [(NEW, "차.txt")]
    assert catalog.to_replace(NEW) == (OLD,)
    assert catalog.leases.add_pending(LATE, "late.txt", 3, [OTHER]) == "added"
    conversations = Conversations(engine, "papers")
    assert [conversation.title for conversation in conversations.list()] == ["About tea"]
    conversations.add("c" * 32, Message("user", "And now?"))
    assert len(conversations.messages("c" * 32)) == 3
    engine.dispose()


@pytest.mark.parametrize("release", RELEASES)
def test_earlier_conversations_belong_to_the_only_collection_there_was(database_url: str, release: str) -> None:
    make_old(database_url, release)
    # The same library at another Milvus is no other collection.
    _put_on_record(database_url, "collections", address="http://moved:19530", name="papers")
    engine = open_database(database_url)
    assert [conversation.title for conversation in Conversations(engine, "papers").list()] == ["About tea"]
    assert Conversations(engine, "recipes").list() == []
    engine.dispose()


@pytest.mark.parametrize("table", ["collections", "documents"])
def test_earlier_conversations_are_in_each_of_several_collections_until_they_go_on(
    database_url: str, table: str
) -> None:
    make_old(database_url, "0002")
    column = "name" if table == "collections" else "collection"
    _put_on_record(database_url, table, **{column: "recipes"})
    engine = open_database(database_url)
    papers, recipes = Conversations(engine, "papers"), Conversations(engine, "recipes")
    for conversations in (papers, recipes):
        assert [conversation.title for conversation in conversations.list()] == ["About tea"]
        assert len(conversations.messages("c" * 32)) == 2
        conversations.rename("c" * 32, "About tea")
    recipes.add("c" * 32, Message("user", "And how long must it steep?"))
    assert len(recipes.messages("c" * 32)) == 3
    assert (papers.list(), papers.messages("c" * 32)) == ([], [])
    with pytest.raises(NotFound):
        papers.add("c" * 32, Message("user", "And what does the paper cost?"))
    engine.dispose()


def _put_on_record(url: str, table: str, **values: str) -> None:
    """Copy a row of an old database, with these values changed."""
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    reflected = sa.Table(table, sa.MetaData(), autoload_with=engine)
    with engine.begin() as connection:
        row = dict(connection.execute(sa.select(reflected)).mappings().first() or {})
        connection.execute(sa.insert(reflected).values(row | values))
    engine.dispose()


@pytest.mark.parametrize("release", [None, *RELEASES])
def test_tables_are_those_of_the_models_from_wherever_they_come(database_url: str, release: str | None) -> None:
    if release:
        make_old(database_url, release)
    engine = open_database(database_url)
    with engine.connect() as connection:
        options = {"include_name": lambda name, kind, _: kind != "table" or name != "alembic_version"}
        options["include_object"] = lambda _, name, kind, *__: kind != "table" or name != "alembic_version"
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), tables)
        number = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
    engine.dispose()
    assert differences == []
    assert number == migrations.HEAD


def test_the_last_step_is_the_one_that_a_start_looks_for() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_current_head() == migrations.HEAD


def test_ids_that_a_later_release_put_into_the_first_tables_are_kept(tmp_path: Path) -> None:
    """SQLite takes them in a column of BOOLEAN, and that release didn't mind."""
    url = f"sqlite:///{tmp_path / 'docent.sqlite3'}"
    make_old(url, "first_release")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE documents SET replaces = '{OTHER} {LATE}' WHERE doc_id = '{NEW}'")
        connection.exec_driver_sql(f"UPDATE documents SET replaces = '' WHERE doc_id = '{OLD}'")
    engine.dispose()
    engine = open_database(url)
    catalog = Catalog(engine, "lite", "papers")
    assert catalog.leases.acquire_pending() == [(NEW, "차.txt")]
    assert catalog.to_replace(NEW) == (OTHER, LATE)
    engine.dispose()


def test_tables_whose_making_was_cut_short_are_completed(database_url: str) -> None:
    make_old(database_url, "first_release")
    engine = sa.create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP INDEX ix_messages_conversation_id")
        connection.exec_driver_sql("DROP TABLE collections")
    engine.dispose()
    engine = open_database(database_url)
    assert {index["name"] for index in sa.inspect(engine).get_indexes("messages")} == {"ix_messages_conversation_id"}
    assert Catalog(engine, "lite", "papers").records.get() is None
    assert len(Catalog(engine, "lite", "papers").documents()) == 3
    engine.dispose()


@pytest.mark.slow
def test_several_may_bring_an_old_database_up_to_date_at_once(database_url: str) -> None:
    make_old(database_url, "first_release")
    code = (
        "import sys; from rag.storage.database import open_database as o; sys.stdin.read(1); o(sys.argv[1]).dispose()"
    )
    command = [sys.executable, "-c", code, database_url]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    together = Barrier(3)

    def open_together(_: int) -> None:
        together.wait()
        open_database(database_url).dispose()

    with ThreadPoolExecutor(3) as pool:
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(b"1")
            process.stdin.flush()
        list(pool.map(open_together, range(3)))
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, b"")
    engine = open_database(database_url)
    assert len(Catalog(engine, "lite", "papers").documents()) == 3
    engine.dispose()


def test_upgrade_that_fails_leaves_the_database_as_it_was(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make_old(database_url, "first_release")
    monkeypatch.setattr(migrations, "HEAD", "9999")
    monkeypatch.setattr("rag.storage.database.HEAD", "9999")
    real = migrations.upgrade

    def cut_short(connection: sa.Connection, version: str | None) -> None:
        real(connection, version)
        raise sa.exc.OperationalError("ALTER …", {}, Exception("disk full"))

    monkeypatch.setattr("rag.storage.database.upgrade", cut_short)
    with pytest.raises(CatalogError, match="disk full"):
        open_database(database_url)
    monkeypatch.undo()
    engine = sa.create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    columns = {column["name"]: column["type"] for column in sa.inspect(engine).get_columns("documents")}
    assert isinstance(columns["replaces"], sa.Boolean)
    assert not sa.inspect(engine).has_table("alembic_version")
    engine.dispose()
    open_database(database_url).dispose()


def test_database_of_a_later_release_is_left_alone(database_url: str) -> None:
    engine = open_database(database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    for _ in range(2):
        with pytest.raises(CatalogError, match=r"newer version of Docent .* 9999.*use that version"):
            open_database(database_url)


def test_tables_of_another_program_are_left_alone(database_url: str) -> None:
    engine = sa.create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE documents (id INTEGER, body TEXT)")
    with pytest.raises(CatalogError, match=r"table documents that isn't Docent's; set DATABASE_URL"):
        open_database(database_url)
    assert sa.inspect(engine).get_table_names() == ["documents"]
    engine.dispose()


@pytest.mark.slow
def test_nothing_is_printed_and_logging_stays_as_it_is(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'docent.sqlite3'}"
    make_old(url, "first_release")
    code = (
        "import logging, sys; from rag.storage.database import open_database; open_database(sys.argv[1]);"
        "assert 'alembic' in sys.modules;"
        "assert logging.getLogger().handlers == [] and logging.getLogger('alembic').level == 0"
    )
    done = subprocess.run([sys.executable, "-c", code, url], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("known", [False, True])
def test_a_start_needs_no_alembic_unless_there_are_old_tables(tmp_path: Path, known: bool) -> None:
    url = f"sqlite:///{tmp_path / 'docent.sqlite3'}"
    if known:
        open_database(url).dispose()
    code = (
        "import sys; from rag.storage.database import open_database as o; o(sys.argv[1]);"
        " print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, url], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["False"]
