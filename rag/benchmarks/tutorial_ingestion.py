"""Ingestion as in the tutorial: SimpleDirectoryReader, HuggingFaceEmbedding, VectorStoreIndex, with their defaults."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pypdf
from llama_index.core import SimpleDirectoryReader, StorageContext, VectorStoreIndex
from llama_index.core.constants import DEFAULT_CHUNK_OVERLAP
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.readers.base import BaseReader
from llama_index.core.schema import Document
from llama_index.embeddings.huggingface import HuggingFaceEmbedding

from rag.benchmarks.tutorial_store import PlainStore
from rag.runtime.event_loop import EventLoopThread
from rag.settings import Settings


class _PdfReader(BaseReader):
    """Reads like the PDF reader of llama-index-readers-file, a package that pins others to old versions."""

    def load_data(self, file: Path, **_: Any) -> list[Document]:
        return [Document(text=page.extract_text() or "") for page in pypdf.PdfReader(file).pages]


class TutorialIngestion:
    """Ingests into a new scratch collection each time. The model is loaded once, before anything is timed."""

    def __init__(self, settings: Settings, model_folder: Path) -> None:
        self._settings = settings
        self._model = HuggingFaceEmbedding(model_name=str(model_folder))
        self.dimension = len(self._model.get_text_embedding("warm-up"))

    def seconds(self, paths: Sequence[Path], chunk_size: int | None, loop: EventLoopThread) -> float:
        """The seconds from the files to the rows, in chunks of `chunk_size` tokens (None: LlamaIndex's default).

        Raises StoreError.
        """
        store = PlainStore(self._settings, f"{self._settings.collection}_tutorial", dimension=self.dimension)
        try:
            loop.run(store.create())
            began = time.perf_counter()
            reader = SimpleDirectoryReader(input_files=list(paths), file_extractor={".pdf": _PdfReader()})
            VectorStoreIndex.from_documents(
                reader.load_data(),
                storage_context=StorageContext.from_defaults(vector_store=store.opened()),
                embed_model=self._model,
                transformations=[_splitter(chunk_size)],
                use_async=True,
            )
            return time.perf_counter() - began
        finally:
            loop.run(store.delete())


def _splitter(chunk_size: int | None) -> SentenceSplitter:
    if chunk_size is None:
        return SentenceSplitter()
    return SentenceSplitter(chunk_size=chunk_size, chunk_overlap=DEFAULT_CHUNK_OVERLAP)
