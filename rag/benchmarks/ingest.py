"""The seconds from files to a library that can be searched: the tutorial's way, Docent's, and the limit.

Each round measures each way once, with the models loaded. The limit is embedding Docent's chunks and nothing else: all
texts are in memory, sorted by length, and embedded on all cores.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rag.benchmarks.scratch import scratch_settings
from rag.benchmarks.scratch_library import scratch_library
from rag.embeddings.embedder import Embedder
from rag.embeddings.hub import bundled_folder
from rag.embeddings.loading import load_embedder
from rag.embeddings.openvino_model import precisions
from rag.errors import StoreError
from rag.readers.read import read
from rag.runtime.cpu import cores
from rag.runtime.event_loop import EventLoopThread
from rag.settings import BUNDLED_EMBED_MODEL, Settings
from rag.text.chunking import chunk_pages, in_context
from rag.text.terms import lexical_text

# Tokens of the tutorial's chunks with which the bundled model sees all of their text.
WHOLE_TEXT_TOKENS = 256


@dataclass(frozen=True, slots=True)
class Ingested:
    """Medians of the rounds in seconds. `stages` are Docent's, each alone on one core. `precision` is the encoder's."""

    milvus: str
    cores: int
    precision: str
    rounds: int
    chunks: int
    tokens: int
    tutorial: float
    tutorial_whole_text: float
    docent: float
    limit: float
    stages: dict[str, float]

    @property
    def ratios(self) -> dict[str, float]:
        """Docent's speed as a multiple of the tutorial's, and Docent's time as a multiple of the limit's."""
        return {
            "times as fast as the tutorial with all the text": self.tutorial_whole_text / self.docent,
            "times as fast as the tutorial with its defaults": self.tutorial / self.docent,
            "times the limit": self.docent / self.limit,
        }


def measure(settings: Settings, paths: Sequence[Path], rounds: int, tell: Callable[[str], object]) -> Ingested:
    """Measure with the bundled model and the settings' Milvus; `tell` gets each step. Raises RagError."""
    from rag.benchmarks.tutorial_ingestion import TutorialIngestion  # brings PyTorch

    settings = settings.model_copy(update={"embed_model": BUNDLED_EMBED_MODEL, "embed_base_url": ""})
    tell("Loading the models")
    embedder = load_embedder(BUNDLED_EMBED_MODEL, settings)
    texts, stages = _stages(paths, embedder)
    loop = EventLoopThread("rag-bench")
    times: dict[str, list[float]] = {}
    try:
        with scratch_settings(settings) as scratch:
            tutorial = TutorialIngestion(scratch, bundled_folder())
            ways: dict[str, Callable[[], float]] = {
                "docent": lambda: _docent(settings, paths),
                "limit": lambda: _limit(texts, embedder),
                "tutorial": lambda: tutorial.seconds(paths, None, loop),
                "tutorial_whole_text": lambda: tutorial.seconds(paths, WHOLE_TEXT_TOKENS, loop),
            }
            for number in range(rounds):
                for name, way in ways.items():
                    tell(f"Round {number + 1} of {rounds}: {name.replace('_', ' ')}")
                    times.setdefault(name, []).append(way())
    finally:
        loop.close()
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    return Ingested(
        milvus="Milvus Lite" if settings.milvus_is_lite else settings.milvus_shown,
        cores=cores(),
        precision=precisions()[-1],
        rounds=rounds,
        chunks=len(texts),
        tokens=sum(embedder.count_tokens(texts)),
        **medians,
        stages=stages,
    )


def _docent(settings: Settings, paths: Sequence[Path]) -> float:
    with scratch_library(settings) as index:
        began = time.perf_counter()
        results = index.ingest(paths)
        seconds = time.perf_counter() - began
    if failed := [result for result in results if result.status == "failed"]:
        raise StoreError(str(failed[0].error))
    return seconds


def _limit(texts: list[str], embedder: Embedder) -> float:
    ordered, size = sorted(texts, key=len), embedder.batch_size
    began = time.perf_counter()
    with ThreadPoolExecutor(embedder.threads) as pool:
        batches = [ordered[first : first + size] for first in range(0, len(ordered), size)]
        list(pool.map(partial(embedder.embed_texts, background=True), reversed(batches)))
    return time.perf_counter() - began


def _stages(paths: Sequence[Path], embedder: Embedder) -> tuple[list[str], dict[str, float]]:
    """The texts to embed, one a chunk, and the seconds of each stage before embedding, on one core."""
    texts: list[str] = []
    stages = {"read": 0.0, "chunk": 0.0, "terms for BM25": 0.0}
    for path in paths:
        began = time.perf_counter()
        pages = read(path.name, path.read_bytes())
        read_at = time.perf_counter()
        chunks = list(chunk_pages(pages, path.name, embedder.count_tokens, embedder.max_tokens))
        chunked_at = time.perf_counter()
        embedded = [in_context(chunk, path.name) for chunk in chunks]
        for text in embedded:
            lexical_text(text)
        stages["read"] += read_at - began
        stages["chunk"] += chunked_at - read_at
        stages["terms for BM25"] += time.perf_counter() - chunked_at
        texts += embedded
    return texts, stages
