"""Milvus Lite's searches as this program does them: exact whatever was sealed, deleted or inserted again."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.runtime.event_loop import EventLoopThread
from rag.schema import Chunk
from rag.settings import Settings
from rag.vector_store.client import BM25_PARAMETERS
from rag.vector_store.lite.snapshot import BATCHES_TOGETHER
from rag.vector_store.rows import ChunkRow
from rag.vector_store.store import INSERT_BATCH, VectorStore

pytestmark = pytest.mark.slow

DIMENSION = 16
WORDS = [f"word{number}" for number in range(60)]
DOCUMENTS = [f"{number:064x}" for number in range(6)]


@pytest.fixture
def store(
    patched: bool, loop: EventLoopThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[VectorStore]:
    """An empty one, in which Milvus Lite's own searches fail if it is patched: they would take their time."""
    opened = VectorStore(Settings(data_dir=tmp_path))
    loop.run(opened.create(DIMENSION))

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("searched by Milvus Lite itself")

    if patched:
        monkeypatch.setattr("milvus_lite.engine.collection.Collection._search_sparse", refuse)
        monkeypatch.setattr("milvus_lite.engine.collection.execute_search_with_index", refuse)
        monkeypatch.setattr("milvus_lite.engine.collection.assemble_candidates", refuse)
    yield opened
    loop.run(opened.close())


@pytest.fixture
def only_patched(patched: bool) -> None:
    if not patched:
        pytest.skip("Milvus Lite ranks each segment by its own statistics, and a search beside a sealing misses rows")


class Rows:
    """Makes rows, and knows what is found among those that are there."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.there: dict[tuple[str, int], ChunkRow] = {}

    def make(self, doc_id: str, count: int) -> list[ChunkRow]:
        rows = []
        for number in range(count):
            vector = self.random.standard_normal(DIMENSION)
            text = " ".join(self.random.choice(WORDS, size=self.random.integers(2, 20)))
            chunk = Chunk(text, number % 3 or None, number, number + len(text))
            rows.append(ChunkRow(doc_id, number, chunk, text, (vector / np.linalg.norm(vector)).tolist()))
        return rows

    def nearest(self, vector: list[float], limit: int, without: list[str]) -> list[tuple[str, int]]:
        rows = [(key, row) for key, row in self.there.items() if key[0] not in without]
        order = np.argsort([-np.dot(row.vector, vector) for _, row in rows], kind="stable")
        return [rows[place][0] for place in order[:limit]]

    def bm25(self, words: list[str]) -> dict[tuple[str, int], float]:
        k1, b = BM25_PARAMETERS["bm25_k1"], BM25_PARAMETERS["bm25_b"]
        counts = {key: Counter(row.lexical_text.split()) for key, row in self.there.items()}
        average = sum(count.total() for count in counts.values()) / len(counts)
        scores: dict[tuple[str, int], float] = {}
        for word in words:
            having = [key for key, count in counts.items() if word in count]
            rarity = math.log((len(counts) - len(having) + 0.5) / (len(having) + 0.5) + 1)
            for key in having:
                count, length = counts[key][word], counts[key].total()
                share = count * (k1 + 1) / (count + k1 * (1 - b + b * length / average))
                scores[key] = scores.get(key, 0.0) + rarity * share
        return scores


def found(hits: list[Any]) -> list[tuple[str, int]]:
    return [(hit.doc_id, int(hit.row_id.rpartition("-")[2])) for hit in hits]


async def all_rows(store: VectorStore, size: int) -> list[list[dict[str, Any]]]:
    return [list(page) async for page in store._all("*", size)]


@pytest.mark.parametrize("seed", range(4))
def test_searches_see_what_is_there_and_nothing_else(store: VectorStore, loop: EventLoopThread, seed: int) -> None:
    rows = Rows(seed)
    sealings = 0
    for _ in range(14):
        doc_id = str(rows.random.choice(DOCUMENTS))
        step = rows.random.integers(5)
        if step == 0:
            loop.run(store.delete([doc_id]))
        elif step == 1:
            loop.run(store.flush())
            sealings += 1
            continue
        else:
            new = rows.make(doc_id, int(rows.random.integers(1, 60)))
            if step == 2:  # a shorter or longer version over the old one, by the same ids
                loop.run(store.insert(new, "n", again=True))
                rows.there |= {(doc_id, row.number): row for row in new}
            else:
                loop.run(store.delete([doc_id]))
                loop.run(store.insert(new, "n"))
        if step != 2:
            rows.there = {key: row for key, row in rows.there.items() if key[0] != doc_id}
            if step > 2:
                rows.there |= {(doc_id, row.number): row for row in new}
        without = [str(rows.random.choice(DOCUMENTS))] if step == 3 else []
        vector = rows.random.standard_normal(DIMENSION)
        vector /= np.linalg.norm(vector)
        hits = loop.run(store.searches.dense(vector.tolist(), 25, None, without))
        assert found(hits) == rows.nearest(vector.tolist(), 25, without)
        for hit, key in zip(hits, found(hits), strict=True):
            inserted = rows.there[key]
            chunk = inserted.chunk
            assert (hit.text, hit.page, hit.start, hit.end) == (chunk.text, chunk.page, chunk.start, chunk.end)
            assert hit.score == pytest.approx(float(np.dot(inserted.vector, vector)), abs=1e-4)
        counts = Counter(doc_id for doc_id, _ in rows.there)
        assert loop.run(store.count(None, "Strong")) == len(rows.there)
        assert loop.run(store.count([doc_id], "Strong")) == counts[doc_id]
        assert loop.run(store.count_each(DOCUMENTS)) == counts
        pages = loop.run(all_rows(store, 9))
        assert [len(page) for page in pages[:-1]] == [9] * (len(pages) - 1)
        listed = [row for page in pages for row in page]
        assert [row["id"] for row in listed] == sorted(f"{doc_id}-n-{number}" for doc_id, number in rows.there)
        for row in listed:
            inserted = rows.there[row["doc_id"], int(row["id"].rpartition("-")[2])]
            chunk = inserted.chunk
            assert (row["text"], row["lexical"], row["page"]) == (chunk.text, inserted.lexical_text, chunk.page or 0)
            assert (row["start"], row["end"]) == (chunk.start, chunk.end)
            assert row["embedding"] == pytest.approx(inserted.vector, rel=1e-6)
        words = list(rows.random.choice(WORDS, size=3, replace=False))
        having = {
            key
            for key, row in rows.there.items()
            if set(words) & set(row.lexical_text.split()) and key[0] not in without
        }
        hits = loop.run(store.searches.lexical(" ".join(words), 1000, None, without))
        assert set(found(hits)) == having and len(hits) == len(having)
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert rows.there and sealings


@pytest.mark.usefixtures("only_patched")
@pytest.mark.parametrize("sealed", [(), (0,), (0, 1, 2), (2,)])
def test_scores_are_those_of_one_collection_however_it_is_divided(
    store: VectorStore, loop: EventLoopThread, sealed: tuple[int, ...]
) -> None:
    rows = Rows(1)
    for place, doc_id in enumerate(DOCUMENTS[:4]):
        new = rows.make(doc_id, 40 * (place + 1))
        loop.run(store.insert(new, "n"))
        rows.there |= {(doc_id, row.number): row for row in new}
        if place in sealed:
            loop.run(store.flush())
    # What is gone or replaced doesn't count any more.
    loop.run(store.delete([DOCUMENTS[1]]))
    new = rows.make(DOCUMENTS[2], 50)
    loop.run(store.insert(new, "n", again=True))
    rows.there = {key: row for key, row in rows.there.items() if key[0] != DOCUMENTS[1]}
    rows.there |= {(DOCUMENTS[2], row.number): row for row in new}
    words = WORDS[3:7]
    expected = rows.bm25(words)
    hits = loop.run(store.searches.lexical(" ".join(words), 1000, None, ()))
    assert {key: hit.score for key, hit in zip(found(hits), hits, strict=True)} == pytest.approx(expected, rel=1e-5)
    # Also where a part of the library is searched.
    hits = loop.run(store.searches.lexical(" ".join(words), 1000, [DOCUMENTS[2]], ()))
    among = {key: score for key, score in expected.items() if key[0] == DOCUMENTS[2]}
    assert {key: hit.score for key, hit in zip(found(hits), hits, strict=True)} == pytest.approx(among, rel=1e-5)
    best = sorted(expected.values(), reverse=True)[:7]
    assert [hit.score for hit in loop.run(store.searches.lexical(" ".join(words), 7, None, ()))] == pytest.approx(best)


@pytest.mark.parametrize("sealed", [False, True])
def test_rows_that_came_and_went_between_two_searches_are_gone(
    store: VectorStore, loop: EventLoopThread, sealed: bool
) -> None:
    rows = Rows(4)
    kept, gone = rows.make(DOCUMENTS[0], 20), rows.make(DOCUMENTS[1], 20)
    loop.run(store.insert([*kept, *gone], "n"))
    if sealed:
        loop.run(store.flush())
    vector = rows.random.standard_normal(DIMENSION).tolist()
    for _ in range(3):
        loop.run(store.delete([DOCUMENTS[1]]))
        assert {doc_id for doc_id, _ in found(loop.run(store.searches.dense(vector, 100, None, ())))} == {DOCUMENTS[0]}
        loop.run(store.insert(gone, "n"))
        loop.run(store.delete([DOCUMENTS[1]]))
        assert {doc_id for doc_id, _ in found(loop.run(store.searches.dense(vector, 100, None, ())))} == {DOCUMENTS[0]}
        loop.run(store.insert(gone, "n"))
        assert len(loop.run(store.searches.dense(vector, 100, None, ()))) == 40


@pytest.mark.usefixtures("only_patched")
def test_merged_files_hold_what_is_there_and_nothing_else(
    store: VectorStore, loop: EventLoopThread, tmp_path: Path
) -> None:
    rows = Rows(5)
    files = []
    for step in range(9):
        doc_id = DOCUMENTS[step % 4]
        new = rows.make(doc_id, 30 + 7 * step)
        if step % 2:
            loop.run(store.delete([doc_id]))
            rows.there = {key: row for key, row in rows.there.items() if key[0] != doc_id}
        loop.run(store.insert(new, "n", again=not step % 2))
        rows.there |= {(doc_id, row.number): row for row in new}
        loop.run(store.flush())
        merged_by = time.monotonic() + 20
        while len(files := [*tmp_path.rglob("data_*.parquet")]) > 3 and time.monotonic() < merged_by:
            time.sleep(0.01)
        vector = rows.random.standard_normal(DIMENSION)
        vector /= np.linalg.norm(vector)
        hits = loop.run(store.searches.dense(vector.tolist(), 1000, None, ()))
        assert found(hits) == rows.nearest(vector.tolist(), 1000, [])
    assert len(files) <= 3
    expected = rows.bm25(WORDS[:4])
    hits = loop.run(store.searches.lexical(" ".join(WORDS[:4]), 1000, None, ()))
    assert {key: hit.score for key, hit in zip(found(hits), hits, strict=True)} == pytest.approx(expected, rel=1e-5)


def test_vectors_of_any_length_are_compared_by_their_direction(store: VectorStore, loop: EventLoopThread) -> None:
    rows = Rows(6)
    new = rows.make(DOCUMENTS[0], 40)
    scaled = [replace(row, vector=[(1 + row.number) * value for value in row.vector]) for row in new]
    loop.run(store.insert([*scaled, replace(rows.make(DOCUMENTS[1], 1)[0], vector=[0.0] * DIMENSION)], "n"))
    rows.there = {(DOCUMENTS[0], row.number): row for row in new}
    vector = rows.random.standard_normal(DIMENSION)
    hits = loop.run(store.searches.dense((5 * vector).tolist(), 60, None, [DOCUMENTS[1]]))
    assert found(hits) == rows.nearest(vector.tolist(), 60, [])
    best = max(np.dot(row.vector, vector) for row in new) / np.linalg.norm(vector)
    assert hits[0].score == pytest.approx(best, abs=1e-5)


def test_many_batches_that_are_not_sealed_are_searched(store: VectorStore, loop: EventLoopThread) -> None:
    rows = Rows(2)
    count = INSERT_BATCH * (BATCHES_TOGETHER + 3) + 1
    new = rows.make(DOCUMENTS[0], count)
    rows.there = {(DOCUMENTS[0], row.number): row for row in new}
    loop.run(store.insert(new, "n"))
    vector = new[count - 1].vector
    assert found(loop.run(store.searches.dense(vector, 30, None, ()))) == rows.nearest(vector, 30, [])
    having = {key for key, row in rows.there.items() if WORDS[0] in row.lexical_text.split()}
    assert set(found(loop.run(store.searches.lexical(WORDS[0], 5000, None, ())))) == having


@pytest.mark.usefixtures("only_patched")
def test_searches_beside_a_flush_see_all_rows_and_no_deleted_ones(store: VectorStore, loop: EventLoopThread) -> None:
    rows = Rows(3)
    kept, gone = rows.make(DOCUMENTS[0], 150), rows.make(DOCUMENTS[1], 20)

    async def search_while_sealing() -> None:
        await store.insert(kept, "n")
        for _ in range(6):
            await store.insert(gone, "n")
            await store.delete([DOCUMENTS[1]])
            await store.insert(rows.make(DOCUMENTS[2], 30), "n", again=True)
            sealing = asyncio.ensure_future(store.flush())
            while not sealing.done():
                hits = await store.searches.dense(kept[0].vector, 1000, [DOCUMENTS[0], DOCUMENTS[1]], ())
                assert Counter(doc_id for doc_id, _ in found(hits)) == {DOCUMENTS[0]: 150}
            await sealing

    loop.run(search_while_sealing())
