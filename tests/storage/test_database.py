from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
import sqlalchemy as sa

from rag.errors import CatalogError
from rag.storage.database import guarded, open_database
from rag.storage.tables import storable, tables, utc_now

pytest_plugins = ["tests.databases"]


def test_opening_makes_the_tables_and_again_keeps_them(database_url: str) -> None:
    for _ in range(2):
        engine = open_database(database_url)
        assert set(tables.tables) <= set(sa.inspect(engine).get_table_names())
        engine.dispose()


def test_opening_makes_the_folder_of_sqlite(tmp_path: Path) -> None:
    open_database(f"sqlite:///{tmp_path / 'not' / 'yet' / 'docent.sqlite3'}").dispose()
    assert (tmp_path / "not" / "yet" / "docent.sqlite3").is_file()


@pytest.mark.parametrize("attempt", range(3))
def test_several_may_open_a_new_database_at_once(database_url: str, attempt: int) -> None:
    together = Barrier(4)

    def open_together(_: int) -> None:
        together.wait()
        open_database(database_url).dispose()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(open_together, range(4)))


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "://",
        "nosuchdatabase://user:hunter2@127.0.0.1/docent",
        "mysql+nosuchdriver://user:hunter2@127.0.0.1/docent",
        "postgresql+nosuchdriver://user:hunter2@127.0.0.1/docent",
        "postgresql://user:hunter2@127.0.0.1:port/docent",
        "postgresql://user:hunter2@127.0.0.1:1/docent",
        "postgres://user:hunter2@127.0.0.1:1/docent",
        "postgresql+psycopg://user:hunter2@127.0.0.1:1/docent?nosuchoption=1",
        "sqlite:////dev/null/docent.sqlite3",
    ],
)
def test_wrong_url_is_one_sentence_without_the_password(url: str) -> None:
    with pytest.raises(CatalogError) as caught:
        open_database(url)
    message = str(caught.value)
    assert "DATABASE_URL" in message
    assert "hunter2" not in message
    assert "\n" not in message


def test_file_that_is_no_database_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "docent.sqlite3"
    path.write_bytes(b"not a database, but long enough to be taken for one" * 100)
    with pytest.raises(CatalogError, match="not a database"):
        open_database(f"sqlite:///{path}")


def test_folder_in_the_place_of_the_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="DATA_DIR"):
        open_database(f"sqlite:///{tmp_path}")


def test_only_the_databases_exceptions_are_turned_into_catalog_errors() -> None:
    @guarded
    def raises(error: Exception) -> None:
        raise error

    with pytest.raises(CatalogError, match="disk full"):
        raises(sa.exc.OperationalError("INSERT …", {}, Exception("disk full\nmore")))
    with pytest.raises(KeyError):
        raises(KeyError("a bug"))


def test_one_of_two_that_wait_for_each_other_in_postgres_begins_again(postgres_url: str) -> None:
    engine = open_database(postgres_url)
    with engine.begin() as connection:
        for name in ("a", "b"):
            values = {"address": name, "name": "n", "asked_model": "", "model": "", "fingerprint": ""}
            connection.execute(sa.insert(tables.tables["collections"]).values(values))
    crossing = Barrier(2)
    begun: list[str] = []

    @guarded
    def change(first: str, second: str) -> None:
        begun.append(first)
        collections = tables.tables["collections"]
        with engine.begin() as connection:
            for address in (first, second):
                own = sa.update(collections).where(collections.c.address == address)
                connection.execute(own.values(model=collections.c.model + first))
                if address == first and len(begun) <= 2:
                    crossing.wait(10)

    with ThreadPoolExecutor(2) as pool:
        for each in [pool.submit(change, "a", "b"), pool.submit(change, "b", "a")]:
            each.result(30)
    with engine.connect() as connection:
        models = set(connection.scalars(sa.select(tables.tables["collections"].c.model)))
    assert len(begun) == 3
    assert models in ({"ab"}, {"ba"})
    tables.drop_all(engine)
    engine.dispose()


@pytest.mark.parametrize(
    ("text", "stored"), [("plain 한국어 🙂", "plain 한국어 🙂"), ("a\x00b", "ab"), ("a\ud800b", "a?b"), ("", "")]
)
def test_what_a_database_refuses_is_left_out(text: str, stored: str) -> None:
    assert storable(text) == stored


def test_time_has_no_zone() -> None:
    assert utc_now().tzinfo is None
