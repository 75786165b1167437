"""Quickly made chunks that cost Milvus as much as real chunks: words by Zipf's law, vectors in clusters."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate, count, islice, product

import numpy as np

from rag.schema import Chunk
from rag.text.stop_words import STOP_STEMS
from rag.text.terms import lexical_question, lexical_text
from rag.vector_store.rows import ChunkRow

# Of the bundled model's vectors.
DIMENSION = 384
VOCABULARY = 30_000
# Words of a chunk of the bundled model, which has 256 tokens: the mean and the spread of real chunks.
WORDS, WORDS_SPREAD = 180, 30
CHUNKS_OF_A_DOCUMENT = 20
CLUSTERS = 200
# The length of the noise added to a cluster's centre of length 1. Two chunks of a cluster then have a cosine near 0.6.
NOISE = 0.8
QUESTION_WORDS = 8
SENTENCE = 15  # words


class Corpus:
    """Rows for `VectorStore.insert`, and questions that fit them. The same seed gives the same rows and questions."""

    def __init__(self, seed: int = 7) -> None:
        self._random = np.random.default_rng(seed)
        self._questions = np.random.default_rng(seed + 1)
        self._centres = _unit(self._random.standard_normal((CLUSTERS, DIMENSION)))
        self._made = 0

    def batches(self, count: int, size: int) -> Iterator[list[ChunkRow]]:
        """The next `count` rows, in lists of at most `size`."""
        for first in range(0, count, size):
            yield self._rows(min(size, count - first))

    def question(self) -> tuple[str, list[float]]:
        """The terms of a question, and a vector near the centre of a random cluster."""
        words = [self._vocabulary[rank] for rank in self._ranks(self._questions, QUESTION_WORDS)]
        centre = self._questions.integers(CLUSTERS, size=1)
        return lexical_question(" ".join(words)), self._vectors(self._questions, centre)[0].tolist()

    def _rows(self, count: int) -> list[ChunkRow]:
        lengths = self._random.normal(WORDS, WORDS_SPREAD, count).clip(60, 250).astype(int)
        ranks = self._ranks(self._random, int(lengths.sum()))
        words = [self._vocabulary[rank] for rank in ranks]
        terms = [self._terms[rank] for rank in ranks]
        ends = list(accumulate(lengths.tolist()))
        vectors = self._vectors(self._random, self._random.integers(CLUSTERS, size=count)).tolist()
        rows: list[ChunkRow] = []
        for begin, end, vector in zip([0, *ends], ends, vectors, strict=False):
            document, number = divmod(self._made, CHUNKS_OF_A_DOCUMENT)
            text = " ".join(words[begin:end])
            chunk = Chunk(text, number // 2 + 1, 0, len(text))
            doc_id = hashlib.sha256(str(document).encode()).hexdigest()
            rows.append(ChunkRow(doc_id, number, chunk, " ".join(terms[begin:end]), vector))
            self._made += 1
        return rows

    def _ranks(self, random: np.random.Generator, count: int) -> list[int]:
        ranks: list[int] = np.searchsorted(self._shares, random.random(count)).clip(max=VOCABULARY - 1).tolist()
        return ranks

    def _vectors(self, random: np.random.Generator, clusters: np.ndarray) -> np.ndarray:
        noise = random.standard_normal((len(clusters), DIMENSION)) * (NOISE / np.sqrt(DIMENSION))
        return _unit(self._centres[clusters] + noise)

    @cached_property
    def _shares(self) -> np.ndarray:
        """For each rank, the share of all text that the words up to this rank make up: Zipf's law, exponent 1."""
        frequencies = 1 / np.arange(1, VOCABULARY + 1)
        return np.asarray(np.cumsum(frequencies) / frequencies.sum())

    @cached_property
    def _vocabulary(self) -> list[str]:
        """The words by rank: function words, then words made of syllables, short words first as in any language."""
        syllables = [a + b for a in "bdfgklmnprstv" for b in ("a", "e", "i", "o", "u", "an", "er", "is")]
        made = ("".join(parts) for length in (2, 3) for parts in product(syllables, repeat=length))
        return list(islice([*sorted(STOP_STEMS), *islice(made, VOCABULARY)], VOCABULARY))

    @cached_property
    def _terms(self) -> list[str]:
        # Each word is analysed once: analysing every text would take longer than inserting it, for the same terms.
        return [lexical_text(word) for word in self._vocabulary]


def text_files(corpus: Corpus, texts: int) -> Iterator[tuple[str, bytes]]:
    """Endless text files, as names and bytes. Each holds `texts` paragraphs, as long as chunks, in sentences."""
    for number in count(1):
        paragraphs = []
        for row in next(corpus.batches(texts, texts)):
            words = row.chunk.text.split()
            sentences = [" ".join(words[first : first + SENTENCE]) for first in range(0, len(words), SENTENCE)]
            paragraphs.append(" ".join(f"{sentence.capitalize()}." for sentence in sentences))
        yield f"document {number}.txt", "\n\n".join(paragraphs).encode()


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)
