"""The optional reranker: a cross-encoder, which reads question and candidate together and scores how well they fit."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Sequence

from rag.embeddings.hub import is_folder, local_folder
from rag.errors import EmbeddingError
from rag.runtime.imports import IMPORTING

logger = logging.getLogger(__name__)

# The first CANDIDATES of the ranking are read. Each costs about as much as embedding a chunk.
CANDIDATES = 30


class Reranker:
    """A loaded cross-encoder. `name` is a Hugging Face id or a folder. Raises EmbeddingError if it can't be loaded."""

    def __init__(self, name: str) -> None:
        self.name = name
        try:
            folder = name if is_folder(name) else str(local_folder(name))
            with IMPORTING:
                from llama_index.core.postprocessor import SentenceTransformerRerank

                importlib.import_module("sentence_transformers")
            self._model = SentenceTransformerRerank(model=folder, top_n=CANDIDATES)
        except Exception as error:
            logger.warning("loading the reranker failed", exc_info=True)
            raise EmbeddingError(
                f"The reranker {name} can't be loaded ({type(error).__name__}); check RERANK_MODEL or leave it empty."
            ) from error

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers the question, in the order of the texts; higher is better. Give at most
        CANDIDATES texts. Raises EmbeddingError."""
        from llama_index.core.schema import NodeWithScore, TextNode

        nodes = [NodeWithScore(node=TextNode(id_=str(number), text=text)) for number, text in enumerate(texts)]
        try:
            ranked = self._model.postprocess_nodes(nodes, query_str=question)
        except Exception as error:
            logger.warning("reranking failed", exc_info=True)
            raise EmbeddingError(f"The reranker {self.name} failed ({type(error).__name__}); see the log.") from error
        by_number = {int(node.node.node_id): float(node.score or 0.0) for node in ranked}
        return [by_number[number] for number in range(len(texts))]
