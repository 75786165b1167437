"""What an embedding model of any kind has to offer, where one is found, and what loads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from pydantic import SecretStr
    from tokenizers import Tokenizer

# Of the numbers that a model in this process computes with: float32, or bfloat16, which has 8 bits of mantissa
# instead of 24 and is faster on processors that multiply it.
Precision = Literal["f32", "bf16"]


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model in a folder of the sentence-transformers layout, under the name that is shown to the user."""

    path: Path
    name: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class ModelServer:
    """A model of an OpenAI-compatible server: the address up to `/v1`, and the key or ""."""

    url: str
    model: str
    key: SecretStr


Address = ModelFolder | ModelServer


class EmbeddingModel(Protocol):
    """An embedding model. `Embedder` adds the rest: unit length, dimension, counts of tokens, errors in a sentence.

    Methods may be called from several threads, and raise what they like.
    """

    name: str
    """As the user sees it."""
    fingerprint: str
    """Names the weights: rows are searched only with the model of the fingerprint that they were embedded with."""
    tokenizer: Tokenizer
    """For counting only, without truncation and padding: a tokenizer isn't safe to share with the model's threads."""
    max_tokens: int
    """The window, with the marks that begin and end a sequence."""
    threads: int
    """How many background calls of `embed_texts` may run side by side."""
    batch_size: int
    """How many texts a background call had best have."""

    def embed_query(self, question: str) -> list[float]:
        """The vector of a question, of any length but 0, in the model's instruction for questions."""

    def embed_texts(self, texts: list[str], *, background: bool) -> list[list[float]]:
        """One vector for each text, in order, in the model's instruction for texts. A text that is longer than the
        window is cut. In the background questions go first."""

    def is_away(self, error: Exception) -> bool:
        """Whether an exception of the other two says that the model can't answer now, and may later."""


class Loader(Protocol):
    """A module that loads models of one kind; `loading.LOADERS` lists them."""

    NAME: str
    """What runs the model, as the log names it."""

    def fits(self, address: Address) -> bool:
        """Whether the model at the address is of this kind. Quick, and raises nothing."""

    def load(self, address: Address, precision: Precision | None) -> EmbeddingModel:
        """The model; takes seconds. `precision` None is the fastest that the processor has; a server's isn't ours to
        choose. Raises ImportError where a library is missing, and anything for a damaged model."""
