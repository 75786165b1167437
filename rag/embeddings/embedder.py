"""The embedding model at work: vectors of texts and questions, numbers of tokens, threads."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol

from rag.errors import EmbeddingError, EmbeddingUnavailable
from rag.runtime.cpu import cores, lower_priority

if TYPE_CHECKING:
    from tokenizers import Tokenizer

logger = logging.getLogger(__name__)

BATCH_SIZE = 32
COUNTED_TOGETHER = 2000

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


class EmbeddingModel(Protocol):
    """What makes vectors: LlamaIndex's models, and `bert.BertModel`."""

    def get_query_embedding(self, question: str, /) -> list[float]: ...

    def get_text_embedding_batch(self, texts: list[str], /) -> list[list[float]]: ...


class Embedder:
    """A loaded embedding model. Methods may be called from several threads.

    `fingerprint` names the weights, `dimension` is the length of a vector, `max_tokens` the window in tokens, `threads`
    how many calls of `embed_texts` for the background may well run side by side, each with `together` texts. `is_away`
    says of what a server's client raises whether the server can't answer now.
    """

    def __init__(
        self,
        model: EmbeddingModel,
        tokenizer: Tokenizer,
        name: str,
        fingerprint: str,
        max_tokens: int,
        *,
        background_model: EmbeddingModel | None = None,
        threads: int = 1,
        together: int = BATCH_SIZE,
        context: Callable[[], AbstractContextManager[object]] = nullcontext,
        is_away: Callable[[Exception], bool] = lambda error: False,
    ) -> None:
        self._model = model
        self._background_model = background_model or model
        self._context = context
        self._is_away = is_away
        self._tokenizer = tokenizer
        self.name = name
        self.fingerprint = fingerprint
        self.max_tokens = max_tokens
        self.threads = threads
        self.together = together
        # The first call also settles padding and truncation in the tokenizer, which isn't safe once threads share it.
        first = self.embed_query("warm-up")
        if not first or not math.isfinite(sum(first)):
            raise ValueError("the model makes no numbers of a text")  # its weights are damaged
        self.dimension = len(first)
        unrelated = self.embed_texts(_UNRELATED_TEXTS)
        asked = [self.embed_query(question) for question in _UNRELATED_QUESTIONS]
        # The mean cosine of texts that have nothing to do with each other: 0.06 with the bundled model, higher with
        # others. What a cosine says begins there.
        cosines = [sum(a * b for a, b in zip(q, t, strict=True)) for q in asked for t in unrelated]
        self.unrelated_cosine = min(max(sum(cosines) / len(cosines), 0.0), 0.95)

    def embed_query(self, question: str) -> list[float]:
        """The unit-length vector of a question, `dimension` floats. Raises EmbeddingError, EmbeddingUnavailable."""
        try:
            return _unit(self._model.get_query_embedding(question))
        except Exception as error:
            raise self._failed(error) from error

    def embed_texts(self, texts: list[str], *, background: bool = False) -> list[list[float]]:
        """One vector of `dimension` floats for each text, in order. `background`: questions go first.

        Raises EmbeddingError, EmbeddingUnavailable.
        """
        model = self._background_model if background else self._model
        try:
            with self._context():
                return [_unit(vector) for vector in model.get_text_embedding_batch(texts)]
        except Exception as error:
            raise self._failed(error) from error

    def count_tokens(self, texts: list[str]) -> list[int]:
        """How many tokens each text takes, without the marks that begin and end a sequence."""
        return count_tokens(self._tokenizer, texts)

    @property
    def tokenizer(self) -> str:
        """The tokenizer as JSON, for a process of its own."""
        return str(self._tokenizer.to_str())

    def _failed(self, error: Exception) -> EmbeddingError:
        logger.warning("embedding failed", exc_info=error)
        reason = type(error).__name__
        if self._is_away(error):
            return EmbeddingUnavailable(
                f"The embedding model {self.name} doesn't answer ({reason}); start its server, or check EMBED_BASE_URL."
            )
        return EmbeddingError(f"The embedding model {self.name} failed ({reason}, see the log); check EMBED_MODEL.")


def count_tokens(tokenizer: Tokenizer, texts: list[str]) -> list[int]:
    """How many tokens each text takes, without the marks that begin and end a sequence."""
    counts: list[int] = []
    # An encoding takes many times the memory of its text.
    for first in range(0, len(texts), COUNTED_TOGETHER):
        encodings = tokenizer.encode_batch_fast(texts[first : first + COUNTED_TOGETHER], add_special_tokens=False)
        counts += [len(encoding.ids) for encoding in encodings]
    return counts


def _unit(vector: list[float]) -> list[float]:
    """The vector at length 1, which not all servers give. Raises ValueError for what isn't made of numbers."""
    length = math.hypot(*vector)
    if not math.isfinite(length):
        raise ValueError("the model gave a vector that isn't made of numbers")
    return vector if abs(length - 1) < 1e-3 or not length else [x / length for x in vector]


class EmbedderThreads:
    """Runs an embedder off the event loop: texts in the background, questions beside them and never behind them."""

    def __init__(self) -> None:
        self.texts = ThreadPoolExecutor(cores(), thread_name_prefix="embed-texts", initializer=lower_priority)
        self.queries = ThreadPoolExecutor(1, thread_name_prefix="embed-query")

    def close(self) -> None:
        for pool in (self.texts, self.queries):
            pool.shutdown(wait=False, cancel_futures=True)
