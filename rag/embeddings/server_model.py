"""A model of an OpenAI-compatible embeddings server, asked through LlamaIndex."""

from __future__ import annotations

from rag.embeddings.folders import read_tokenizer
from rag.embeddings.hub import bundled_folder
from rag.embeddings.model import Address, ModelServer, Precision
from rag.runtime.imports import IMPORTING
from rag.secrets import shown_address

NAME = "the embeddings server"
BATCH_SIZE = 32
# A server doesn't tell its window: OpenAI's models take 8,191 tokens, many local models 512.
MAX_TOKENS = 512
TIMEOUT_SECONDS = 30.0
RETRIES = 2
# HTTP: too many requests, bad gateway, unavailable, gateway's time-out. Not 500, which a server may answer because of
# one text.
AWAY_STATUSES = {429, 502, 503, 504}


def fits(address: Address) -> bool:
    """See `model.Loader`."""
    return isinstance(address, ModelServer)


def load(address: Address, precision: Precision | None) -> ServerModel:
    """See `model.Loader`."""
    assert isinstance(address, ModelServer)
    with IMPORTING:
        import llama_index.embeddings.openai  # noqa: F401

    return ServerModel(address)


class ServerModel:
    """See `model.EmbeddingModel`."""

    def __init__(self, server: ModelServer) -> None:
        from llama_index.embeddings.openai import OpenAIEmbedding

        self._model = OpenAIEmbedding(
            model_name=server.model,
            api_base=server.url,
            api_key=server.key.get_secret_value() or "none",
            embed_batch_size=BATCH_SIZE,
            timeout=TIMEOUT_SECONDS,
            max_retries=RETRIES,
        )
        self.name = f"{server.model} at {shown_address(server.url)}"
        self.fingerprint = f"server:{server.model}"
        # The server's tokenizer is unknown. The bundled one counts more tokens than most, so chunks stay in the window.
        self.tokenizer = read_tokenizer(bundled_folder())
        self.max_tokens = MAX_TOKENS
        self.threads = 1
        self.batch_size = BATCH_SIZE

    def embed_query(self, question: str) -> list[float]:
        return self._model.get_query_embedding(question)

    def embed_texts(self, texts: list[str], *, background: bool) -> list[list[float]]:
        return self._model.get_text_embedding_batch(texts)

    def is_away(self, error: Exception) -> bool:
        import openai

        return isinstance(error, openai.APIConnectionError) or (
            isinstance(error, openai.APIStatusError) and error.status_code in AWAY_STATUSES
        )
