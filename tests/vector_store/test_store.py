"""Searches and inserts on real Milvus Lite, with random vectors."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.errors import StoreError, StoreUnavailable
from rag.runtime.event_loop import EventLoopThread
from rag.schema import Chunk
from rag.settings import Settings
from rag.vector_store import failures
from rag.vector_store.rows import ChunkRow, Hit
from rag.vector_store.store import VectorStore

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parents[2]
DIMENSION = 32
ROWS = 300
ONE, TWO, THREE = (digit * 64 for digit in "123")
WORDS = [f"word{number}" for number in range(40)]

random = np.random.default_rng(7)
vectors = random.normal(size=(ROWS, DIMENSION)).astype(np.float32)
vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
texts = [" ".join(random.choice(WORDS, size=random.integers(3, 30))) for _ in range(ROWS)]
documents = [(ONE, TWO, THREE)[number % 3] for number in range(ROWS)]
questions = random.normal(size=(50, DIMENSION)).astype(np.float32)
QUERIES = [" ".join(random.choice(WORDS, size=3, replace=False)) for _ in range(50)]


def rows() -> list[ChunkRow]:
    return [
        ChunkRow(documents[i], i, Chunk(texts[i], i % 5 or None, i, i + len(texts[i])), texts[i], vectors[i].tolist())
        for i in range(ROWS)
    ]


@pytest.fixture(scope="module")
def store(patched: bool, loop: EventLoopThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VectorStore]:
    """With all rows, sealed."""
    opened = VectorStore(Settings(data_dir=tmp_path_factory.mktemp("store")))
    loop.run(opened.create(DIMENSION))
    loop.run(opened.insert(rows(), "n"))
    loop.run(opened.flush())
    yield opened
    loop.run(opened.close())


def numbers(hits: list[Hit]) -> list[int]:
    return [int(hit.row_id.rpartition("-")[2]) for hit in hits]


def nearest(question: Any, limit: int, among: set[str]) -> list[int]:
    order = np.argsort(-(vectors @ (question / np.linalg.norm(question))))
    return [int(number) for number in order if documents[number] in among][:limit]


@pytest.mark.parametrize(
    ("doc_ids", "without", "among"),
    [
        (None, [], {ONE, TWO, THREE}),
        ([ONE], [], {ONE}),
        ([THREE, ONE], [], {ONE, THREE}),
        (None, [TWO], {ONE, THREE}),
        ([ONE, TWO], [TWO, THREE], {ONE}),
        ([ONE], [ONE], set()),
        ([], [], set()),
    ],
)
@pytest.mark.parametrize("limit", [1, 20, ROWS + 1])
def test_dense_search_finds_exactly_the_nearest(
    store: VectorStore,
    loop: EventLoopThread,
    limit: int,
    doc_ids: list[str] | None,
    without: list[str],
    among: set[str],
) -> None:
    for question in questions[:3]:
        hits = loop.run(store.searches.dense(question.tolist(), limit, doc_ids, without))
        assert numbers(hits) == nearest(question, limit, among)
        cosines = vectors[numbers(hits)] @ (question / np.linalg.norm(question))
        assert np.allclose([hit.score for hit in hits], cosines, atol=1e-4)


def test_hits_are_the_rows_that_were_inserted(store: VectorStore, loop: EventLoopThread) -> None:
    for hit in loop.run(store.searches.dense(questions[0].tolist(), ROWS, None, [])):
        row = rows()[numbers([hit])[0]]
        chunk = row.chunk
        assert (hit.row_id, hit.doc_id) == (f"{row.doc_id}-n-{row.number}", row.doc_id)
        assert (hit.text, hit.page, hit.start, hit.end) == (chunk.text, chunk.page, chunk.start, chunk.end)


def test_lexical_search_finds_rows_with_the_words_and_no_others(store: VectorStore, loop: EventLoopThread) -> None:
    hits = loop.run(store.searches.lexical("word7 unheard", ROWS, [ONE, TWO], []))
    assert sorted(numbers(hits)) == [
        number for number in range(ROWS) if "word7" in texts[number].split() and documents[number] != THREE
    ]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(hit.score > 0 for hit in hits)


def test_concurrent_searches_find_what_single_ones_find(store: VectorStore, loop: EventLoopThread) -> None:
    limits = [5 if number % 4 else 8 for number in range(50)]
    within = [None if number % 3 else [ONE, THREE] for number in range(50)]
    searches = [
        *(partial(store.searches.dense, questions[n].tolist(), limits[n], within[n], []) for n in range(50)),
        *(partial(store.searches.lexical, QUERIES[n], limits[n], within[n], []) for n in range(50)),
    ]

    async def together() -> list[list[Hit]]:
        return list(await asyncio.gather(*(search() for search in searches)))

    alone = [loop.run(search()) for search in searches]
    assert all(alone)
    for found, hits in zip(loop.run(together()), alone, strict=True):
        # But for the last digits of the scores: vectors that are multiplied together are summed in other steps.
        assert [hit._replace(score=0) for hit in found] == [hit._replace(score=0) for hit in hits]
        assert [hit.score for hit in found] == pytest.approx([hit.score for hit in hits], rel=1e-5)


@pytest.fixture
def own_store(patched: bool, loop: EventLoopThread, tmp_path: Path) -> Iterator[VectorStore]:
    """Without rows."""
    opened = VectorStore(Settings(data_dir=tmp_path))
    loop.run(opened.create(DIMENSION))
    yield opened
    loop.run(opened.close())


@pytest.mark.parametrize("sealed", [False, True])
def test_inserting_again_doubles_nothing(own_store: VectorStore, loop: EventLoopThread, sealed: bool) -> None:
    loop.run(own_store.insert(rows()[:150], "n"))
    if sealed:
        loop.run(own_store.flush())
    loop.run(own_store.insert(rows(), "n", again=True))
    assert loop.run(own_store.count()) == ROWS
    assert loop.run(own_store.count_each([ONE, TWO, THREE])) == {ONE: 100, TWO: 100, THREE: 100}
    for question in questions[:3]:
        hits = loop.run(own_store.searches.dense(question.tolist(), 2 * ROWS, None, []))
        assert numbers(hits) == nearest(question, ROWS, {ONE, TWO, THREE})


def test_rows_move_to_another_collection_as_they_are(
    store: VectorStore, own_store: VectorStore, loop: EventLoopThread
) -> None:
    async def copy() -> None:
        async for some in store.rows([ONE, TWO], 64):
            assert len(some) <= 64
            await own_store.insert_rows(some)

    loop.run(copy())
    assert loop.run(own_store.count_each([ONE, TWO, THREE])) == {ONE: 100, TWO: 100}
    for search in (
        lambda place: place.searches.dense(questions[0].tolist(), 50, [ONE, TWO], []),
        lambda place: place.searches.lexical(QUERIES[0], ROWS, [ONE, TWO], []),
    ):
        found, expected = loop.run(search(own_store)), loop.run(search(store))
        assert {(hit.row_id, hit.text, hit.page, hit.start, hit.end) for hit in found} == {
            (hit.row_id, hit.text, hit.page, hit.start, hit.end) for hit in expected
        }


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ({}, {}),
        ({ONE: 100, TWO: 100, THREE: 100}, {}),
        ({ONE: 101}, {ONE: 100}),
        ({ONE: 100, TWO: 99, THREE: 100, "4" * 64: 7}, {TWO: 100, "4" * 64: 0}),
        ({f"{number:064x}": 0 for number in range(1200)} | {TWO: 98}, {TWO: 100}),
    ],
)
def test_documents_with_another_number_of_rows_are_found_among_many(
    store: VectorStore, loop: EventLoopThread, expected: dict[str, int], found: dict[str, int]
) -> None:
    assert loop.run(store.miscounted(expected)) == found


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.03, 0.1])
@pytest.mark.parametrize("opened_first", [True, False])
def test_file_that_is_released_while_it_is_opened_is_not_called_damaged(
    patched: bool, loop: EventLoopThread, tmp_path: Path, opened_first: bool, seconds: float
) -> None:
    async def open_and_release(store: VectorStore) -> list[object]:
        await store.create(DIMENSION)
        await store.insert(rows(), "n")
        if opened_first:
            await store._connection.release_clients()
        both = [store.connect, store._connection.release_clients]
        first = asyncio.create_task(both[not opened_first]())  # type: ignore[arg-type]
        await asyncio.sleep(seconds)
        return await asyncio.gather(first, both[opened_first](), return_exceptions=True)

    opened = VectorStore(Settings(data_dir=tmp_path))
    outcomes = loop.run(open_and_release(opened))
    assert not [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert loop.run(opened.count([ONE], "Strong")) == 100
    loop.run(opened.close())


SMALL_LIBRARY = """
import asyncio, sys
from pathlib import Path
from rag.schema import Chunk
from rag.settings import Settings
from rag.vector_store.rows import ChunkRow
from rag.vector_store.store import VectorStore
async def main():
    store = VectorStore(Settings(_env_file=None, data_dir=Path(sys.argv[1])))
    await store.create(8)
    rows = [ChunkRow("1" * 64, n, Chunk(f"text {n}", None, 0, 6), f"text {n}", [n + 1.0] * 8) for n in range(5)]
    await store.insert(rows, "n")
    await store.flush()
    assert len(await store.searches.dense([1.0] * 8, 10, None, [])) == 5
    assert len(await store.searches.lexical("text", 10, None, [])) == 5
    await store.close()
asyncio.run(main())
"""


def test_sealing_a_small_library_says_nothing(tmp_path: Path) -> None:
    """FAISS warns of few vectors, past Python, on the file descriptor."""
    found = subprocess.run(
        [sys.executable, "-c", SMALL_LIBRARY, str(tmp_path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


@pytest.mark.parametrize("collection", ["papers", "closed_cases", "connections"])
def test_damaged_collection_is_called_so_whatever_its_name(
    patched: bool, loop: EventLoopThread, tmp_path: Path, collection: str
) -> None:
    settings = Settings(data_dir=tmp_path / "connections closed", collection=collection)
    opened = VectorStore(settings)
    loop.run(opened.create(DIMENSION))
    loop.run(opened.close())
    (schema,) = Path(settings.milvus_address).rglob("schema.json")
    schema.write_text("{")
    with pytest.raises(StoreError, match="is damaged"):
        loop.run(opened.connect())
    loop.run(opened.close())


@pytest.mark.parametrize("collection", ["a", "able", "papers"])
def test_server_that_is_away_is_called_so_whatever_the_name_of_the_collection(tmp_path: Path, collection: str) -> None:
    settings = Settings(data_dir=tmp_path, milvus_uri="http://127.0.0.1:19530", collection=collection)
    assert isinstance(failures.explain(Exception(f"{collection}: server unavailable"), settings), StoreUnavailable)
