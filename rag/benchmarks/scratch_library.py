"""A whole Docent library in scratch folders, for benchmarks of more than Milvus."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from rag.benchmarks.scratch import scratch_settings
from rag.errors import EmbeddingError
from rag.index import DocumentIndex
from rag.settings import Settings


@contextmanager
def scratch_library(settings: Settings, **changes: Any) -> Iterator[DocumentIndex]:
    """An empty library with the settings' kind of Milvus and embedding model, ready for use and deleted afterwards.

    `changes` are settings that differ. Raises RagError.
    """
    with scratch_settings(settings) as scratch, tempfile.TemporaryDirectory(prefix="docent-bench-") as folder:
        apart = {"data_dir": Path(folder), "database_url": SecretStr(""), "openai_api_key": SecretStr("")}
        with DocumentIndex(scratch.model_copy(update={**apart, "openai_base_url": "", **changes})) as index:
            status = index.check()
            if status.embedding.state == "error":
                raise EmbeddingError(status.embedding.detail)
            try:
                yield index
            finally:
                index.reset()
