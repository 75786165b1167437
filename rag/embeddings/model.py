"""The protocols of an embedding model and of its loader, and the addresses of models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from pydantic import SecretStr
    from tokenizers import Tokenizer

# The type of number that a model in this process computes with: float32, or bfloat16, which has 8 bits of mantissa
# instead of 24 and is faster on processors that can multiply it.
Precision = Literal["f32", "bf16"]


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model in a folder of the sentence-transformers layout, under the name that is shown to the user."""

    path: Path
    name: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class ModelServer:
    """A model of an OpenAI-compatible server. `url` is the address up to `/v1`; `key` may be ""."""

    url: str
    model: str
    key: SecretStr


Address = ModelFolder | ModelServer


class EmbeddingModel(Protocol):
    """An embedding model. `Embedder` adds unit length, dimension, counts of tokens, and errors in a sentence.

    Methods may be called from several threads, and may raise any exception.
    """

    name: str
    """As the user sees it."""
    fingerprint: str
    """Identifies the weights. Rows are searched only with the weights that they were embedded with."""
    tokenizer: Tokenizer
    """Only for counting, without truncation and padding. The model's threads must not share it."""
    max_tokens: int
    """The window in tokens, with the marks that begin and end a sequence."""
    threads: int
    """How many background calls of `embed_texts` may run side by side."""
    batch_size: int
    """The best number of texts for a background call."""

    def embed_query(self, question: str) -> list[float]:
        """The vector of a question, with the model's instruction for questions. Its length may be any but 0."""

    def embed_texts(self, texts: list[str], *, background: bool) -> list[list[float]]:
        """One vector for each text, in order, with the model's instruction for texts. A text that is longer than the
        window is cut. `background` lets questions go first."""

    def is_away(self, error: Exception) -> bool:
        """Whether an exception of an embedding method means that the model can't answer now, but may later."""


class Loader(Protocol):
    """A module that loads models of one kind; `loading.LOADERS` lists them."""

    NAME: str
    """The library or server that runs the model, for the log."""

    def fits(self, address: Address) -> bool:
        """Whether the model at the address is of this kind. Quick, and raises nothing."""

    def load(self, address: Address, precision: Precision | None) -> EmbeddingModel:
        """The model; takes seconds. `precision` None means the fastest that the processor has; a server ignores it.
        Raises ImportError if a library is missing. A damaged model may raise any exception."""
