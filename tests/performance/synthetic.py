"""Chunks that cost Milvus what real ones do, made quickly: words by Zipf's law, vectors in clusters, many documents."""

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

# As the bundled model makes them.
DIMENSION = 384
VOCABULARY = 30_000
# A chunk of the bundled model, 256 tokens, has about so many words; the spread is that of real ones, cut at both ends.
WORDS, WORDS_SPREAD = 180, 30
CHUNKS_OF_A_DOCUMENT = 20
CLUSTERS = 200
# The length of the noise beside the centre's length of 1: two chunks of a cluster then have a cosine near 0.6.
NOISE = 0.8
QUESTION_WORDS = 8
SENTENCE = 15  # words


class Corpus:
    """Rows as `VectorStore.insert` takes them, the same ones for the same seed, and questions that fit them."""

    def __init__(self, seed: int = 7) -> None:
        self._random = np.random.default_rng(seed)
        self._questions = np.random.default_rng(seed + 1)
        self._centres = _unit(self._random.standard_normal((CLUSTERS, DIMENSION)))
        self._made = 0

    def batches(self, count: int, size: int) -> Iterator[list[ChunkRow]]:
        """The next `count` rows in lists of `size`."""
        for first in range(0, count, size):
            yield self._rows(min(size, count - first))

    def question(self) -> tuple[str, list[float]]:
        """The terms of a question and a vector of one of the clusters."""
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
        """The share of the words up to each rank in all text: Zipf's law with an exponent of 1."""
        frequencies = 1 / np.arange(1, VOCABULARY + 1)
        return np.asarray(np.cumsum(frequencies) / frequencies.sum())

    @cached_property
    def _vocabulary(self) -> list[str]:
        """By rank: function words, then words made of syllables, the short ones first as in any language."""
        syllables = [a + b for a in "bdfgklmnprstv" for b in ("a", "e", "i", "o", "u", "an", "er", "is")]
        made = ("".join(parts) for length in (2, 3) for parts in product(syllables, repeat=length))
        return list(islice([*sorted(STOP_STEMS), *islice(made, VOCABULARY)], VOCABULARY))

    @cached_property
    def _terms(self) -> list[str]:
        # Word by word, which gives what the whole text would, and would take longer than to insert it.
        return [lexical_text(word) for word in self._vocabulary]


def text_files(corpus: Corpus, texts: int) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of text files without end, each of so many texts as long as a chunk, in sentences."""
    for number in count(1):
        paragraphs = []
        for row in next(corpus.batches(texts, texts)):
            words = row.chunk.text.split()
            sentences = [" ".join(words[first : first + SENTENCE]) for first in range(0, len(words), SENTENCE)]
            paragraphs.append(" ".join(f"{sentence.capitalize()}." for sentence in sentences))
        yield f"document {number}.txt", "\n\n".join(paragraphs).encode()


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)
