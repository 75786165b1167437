"""The embedding model as all other rooms use it: vectors of unit length, counts of tokens, errors in a sentence;
and the threads that it runs on.
"""

from __future__ import annotations

import logging
import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from rag.errors import EmbeddingError, EmbeddingUnavailable
from rag.runtime.cpu import cores, lower_priority

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from rag.embeddings.model import EmbeddingModel

logger = logging.getLogger(__name__)

# Texts that are encoded at a time to count their tokens: an encoding takes many times the memory of its text.
COUNTED_TEXTS = 2000

_UNRELATED_QUESTIONS = (
    "How do bees find their way home?",
    "Which year was the bridge finished?",
    "What does the contract say about late payment?",
    "Who wrote the opera's libretto?",
)
_UNRELATED_TEXTS = [
    "The glacier has lost a third of its ice since measurements began, most of it in the last two decades.",
    "Preheat the oven and knead the dough until it is smooth; let it rise for an hour under a cloth.",
    "The striker scored twice in the second half, and the visitors went home with three points.",
    "Her grandmother moved to the coast after the war and opened a small shop for hats.",
]


class Embedder:
    """A loaded embedding model. Methods may be called from several threads.

    `name`, `fingerprint`, `max_tokens`, `threads` and `batch_size` are the model's (see `EmbeddingModel`). `dimension`
    is the number of floats in a vector. `unrelated_cosine` is the mean cosine of questions and texts that have nothing
    to do with each other: 0.06 with the bundled model, higher with others. Only a higher cosine says anything.
    """

    def __init__(self, model: EmbeddingModel) -> None:
        """Embeds a few texts. Raises EmbeddingError, EmbeddingUnavailable, and ValueError for damaged weights."""
        self._model = model
        self.name = model.name
        self.fingerprint = model.fingerprint
        self.max_tokens = model.max_tokens
        self.threads = model.threads
        self.batch_size = model.batch_size
        # The first call also sets padding and truncation in the tokenizer, which isn't safe once threads share it.
        first = self.embed_query("warm-up")
        if not first or not math.isfinite(sum(first)):
            raise ValueError("the model makes no numbers of a text")
        self.dimension = len(first)
        texts = self.embed_texts(_UNRELATED_TEXTS)
        questions = [self.embed_query(question) for question in _UNRELATED_QUESTIONS]
        cosines = [sum(a * b for a, b in zip(question, text, strict=True)) for question in questions for text in texts]
        self.unrelated_cosine = min(max(sum(cosines) / len(cosines), 0.0), 0.95)

    def embed_query(self, question: str) -> list[float]:
        """The unit-length vector of a question, `dimension` floats. Raises EmbeddingError, EmbeddingUnavailable."""
        try:
            return _unit(self._model.embed_query(question))
        except Exception as error:
            raise self._failed(error) from error

    def embed_texts(self, texts: list[str], *, background: bool = False) -> list[list[float]]:
        """One unit-length vector of `dimension` floats for each text, in order. `background` lets questions go first.

        Raises EmbeddingError, EmbeddingUnavailable.
        """
        try:
            return [_unit(vector) for vector in self._model.embed_texts(texts, background=background)]
        except Exception as error:
            raise self._failed(error) from error

    def count_tokens(self, texts: list[str]) -> list[int]:
        """The number of tokens of each text, without the marks that begin and end a sequence."""
        return count_tokens(self._model.tokenizer, texts)

    @property
    def tokenizer(self) -> str:
        """The tokenizer as JSON, for the reader process."""
        return str(self._model.tokenizer.to_str())

    def _failed(self, error: Exception) -> EmbeddingError:
        logger.warning("embedding failed", exc_info=error)
        reason = type(error).__name__
        if self._model.is_away(error):
            return EmbeddingUnavailable(
                f"The embedding model {self.name} doesn't answer ({reason}); start its server, or check EMBED_BASE_URL."
            )
        return EmbeddingError(f"The embedding model {self.name} failed ({reason}, see the log); check EMBED_MODEL.")


def count_tokens(tokenizer: Tokenizer, texts: list[str]) -> list[int]:
    """The number of tokens of each text, without the marks that begin and end a sequence."""
    counts: list[int] = []
    for first in range(0, len(texts), COUNTED_TEXTS):
        encodings = tokenizer.encode_batch_fast(texts[first : first + COUNTED_TEXTS], add_special_tokens=False)
        counts += [len(encoding.ids) for encoding in encodings]
    return counts


def _unit(vector: list[float]) -> list[float]:
    """The vector scaled to length 1, since not all servers do so. Raises ValueError for numbers that aren't finite."""
    length = math.hypot(*vector)
    if not math.isfinite(length):
        raise ValueError("the model gave a vector that isn't made of numbers")
    return vector if abs(length - 1) < 1e-3 or not length else [x / length for x in vector]


class EmbedderThreads:
    """The threads of an embedder, beside the event loop: some for texts in the background, and one for questions, which
    never wait for texts."""

    def __init__(self) -> None:
        self.texts = ThreadPoolExecutor(cores(), thread_name_prefix="embed-texts", initializer=lower_priority)
        self.queries = ThreadPoolExecutor(1, thread_name_prefix="embed-query")

    def close(self) -> None:
        """Start no further call. A running call isn't interrupted."""
        for pool in (self.texts, self.queries):
            pool.shutdown(wait=False, cancel_futures=True)
