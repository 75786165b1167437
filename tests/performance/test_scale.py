"""`python -m tests.performance.bench scale` on a few rows: its output, and that nothing stays behind."""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np
import pytest

from rag.errors import StoreError
from rag.settings import Settings
from rag.vector_store.store import VectorStore
from tests.performance import scale
from tests.performance.synthetic import DIMENSION, WORDS, Corpus

pytestmark = pytest.mark.slow


def options(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    scale.add_arguments(parser)
    return parser.parse_args(arguments)


def test_costs_are_told_for_each_size_and_nothing_stays(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert scale.run(settings, options("--sizes", "80,40", "--json")) == 0
    sizes = json.loads(capsys.readouterr().out)["sizes"]
    assert [size["rows"] for size in sizes] == [40, 80]
    assert list(sizes[1]["milliseconds"]) == ["dense", "lexical", "both"]
    assert sizes[1]["disk_mb"] > 0
    assert list(settings.data_dir.iterdir()) == []


def test_nothing_stays_after_a_failure(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(*_: Any) -> None:
        raise StoreError("Milvus refused the operation.")

    monkeypatch.setattr(VectorStore, "insert", failing)
    with pytest.raises(StoreError):
        scale.run(settings, options("--sizes", "40"))
    assert list(settings.data_dir.iterdir()) == []


def test_rows_are_like_those_of_real_documents() -> None:
    rows = [row for batch in Corpus().batches(300, 128) for row in batch]
    assert len({(row.doc_id, row.number) for row in rows}) == 300
    assert abs(np.mean([len(row.chunk.text.split()) for row in rows]) - WORDS) < 10
    vectors = np.array([row.vector for row in rows])
    assert vectors.shape == (300, DIMENSION)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert next(Corpus().batches(300, 128)) == rows[:128]
