"""The bundled embedding model, loaded once for all the tests that ask for it."""

from __future__ import annotations

import pytest

from rag.embeddings.embedder import Embedder
from rag.embeddings.loading import load_embedder
from rag.settings import Settings


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    """The real bundled model; loading it takes seconds."""
    return load_embedder("bundled", Settings(embed_model="bundled"))
