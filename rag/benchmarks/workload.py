"""The rows and questions of the tutorial's tables: vectors of 768 dimensions, and texts of 60 words of real English."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode

from rag.schema import Chunk
from rag.text.terms import lexical_text
from rag.vector_store.rows import ChunkRow

DIMENSION = 768
WORDS = 60
SAMPLE = Path(__file__).parents[1] / "sample" / "Northwind Observatory Handbook.md"


@dataclass(frozen=True, slots=True)
class Entry:
    """A text, its terms for BM25 and its vector of DIMENSION floats."""

    text: str
    lexical: str
    vector: list[float]


class Workload:
    """`count` entries to add and `count` vectors to search with. The same `count` gives the same workload.

    The tutorial adds short texts whose vectors differ in one number, and searches with one vector again and again.
    This workload's texts are as long as chunks are in use, and all its vectors differ, so that no cache helps.
    """

    def __init__(self, count: int) -> None:
        numbers = np.random.default_rng(7).standard_normal((2, count, DIMENSION))
        choose = random.Random(7)
        words = SAMPLE.read_text(encoding="utf-8").split()
        vectors: list[list[float]] = numbers[0].tolist()
        self.questions: list[list[float]] = numbers[1].tolist()
        self._entries = []
        for vector in vectors:
            first = choose.randrange(len(words) - WORDS)
            text = " ".join(words[first : first + WORDS])
            self._entries.append(Entry(text, lexical_text(text), vector))

    def entries(self, count: int) -> Sequence[Entry]:
        """The first `count` entries."""
        return self._entries[:count]


def store_rows(entries: Sequence[Entry]) -> list[ChunkRow]:
    """The entries as one document for `VectorStore.insert`, under a new id."""
    doc_id = hashlib.sha256(uuid4().bytes).hexdigest()
    return [
        ChunkRow(doc_id, number, Chunk(entry.text, 1, 0, len(entry.text)), entry.lexical, entry.vector)
        for number, entry in enumerate(entries)
    ]


def text_nodes(entries: Sequence[Entry]) -> list[TextNode]:
    """The entries as the tutorial's nodes, each of a separate document, under new ids."""
    return [
        TextNode(
            id_=uuid4().hex,
            text=entry.text,
            embedding=entry.vector,
            relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=uuid4().hex)},
        )
        for entry in entries
    ]


def plain_rows(entries: Sequence[Entry]) -> list[dict[str, object]]:
    """The entries as rows for pymilvus, with only the fields that a search returns."""
    return [
        {"id": uuid4().hex, "doc_id": uuid4().hex, "text": entry.text, "embedding": entry.vector} for entry in entries
    ]
