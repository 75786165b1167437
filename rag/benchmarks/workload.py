"""The rows and questions of the tutorial's tables: 768 dimensions, and passages of about 60 words of real English."""

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
class Passage:
    """A text, its terms for BM25 and its vector of DIMENSION floats."""

    text: str
    lexical: str
    vector: list[float]


class Workload:
    """`count` passages and as many vectors to search with; the same ones for the same `count`.

    The tutorial adds short texts whose vectors differ in one number, and searches with one vector again and again.
    Here texts are as long as they are in use, and all vectors are different, so that nothing can be answered twice.
    """

    def __init__(self, count: int) -> None:
        numbers = np.random.default_rng(7).standard_normal((2, count, DIMENSION))
        choose = random.Random(7)
        words = SAMPLE.read_text(encoding="utf-8").split()
        vectors: list[list[float]] = numbers[0].tolist()
        self.questions: list[list[float]] = numbers[1].tolist()
        self._passages = []
        for vector in vectors:
            first = choose.randrange(len(words) - WORDS)
            text = " ".join(words[first : first + WORDS])
            self._passages.append(Passage(text, lexical_text(text), vector))

    def passages(self, count: int) -> Sequence[Passage]:
        """The first `count` passages."""
        return self._passages[:count]


def store_rows(passages: Sequence[Passage]) -> list[ChunkRow]:
    """The passages as one document, for `VectorStore.insert`, under an id that was never used before."""
    doc_id = hashlib.sha256(uuid4().bytes).hexdigest()
    return [
        ChunkRow(doc_id, number, Chunk(passage.text, 1, 0, len(passage.text)), passage.lexical, passage.vector)
        for number, passage in enumerate(passages)
    ]


def text_nodes(passages: Sequence[Passage]) -> list[TextNode]:
    """The passages as the tutorial's nodes, each of a document of its own, under ids that were never used before."""
    return [
        TextNode(
            id_=uuid4().hex,
            text=passage.text,
            embedding=passage.vector,
            relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=uuid4().hex)},
        )
        for passage in passages
    ]


def plain_rows(passages: Sequence[Passage]) -> list[dict[str, object]]:
    """The passages as Milvus takes them, with nothing but what a search has to give back."""
    return [
        {"id": uuid4().hex, "doc_id": uuid4().hex, "text": passage.text, "embedding": passage.vector}
        for passage in passages
    ]
