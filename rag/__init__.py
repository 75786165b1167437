"""Docent's engine: documents in, answers with checked citations out. `DocumentIndex` is its face."""

import importlib
import logging
from typing import TYPE_CHECKING, Any

from rag.errors import (
    CatalogError,
    EmbeddingError,
    IndexMismatch,
    LimitReached,
    LLMError,
    NotFound,
    RagError,
    ReadError,
    SettingsError,
    StoreError,
    StoreUnavailable,
)
from rag.settings import Settings

__version__ = "0.1.0"

if TYPE_CHECKING:
    from rag.answering.answer import Answer
    from rag.answering.inputs import check_question
    from rag.answering.turns import STOPPED, Turn, Turns
    from rag.citations.markers import checked_markers, marker_pattern
    from rag.index import DocumentIndex
    from rag.readers.formats import SUPPORTED, format_names
    from rag.runtime.logs import log_to_file
    from rag.text.characters import NEVER_SHOWN

__all__ = [
    "NEVER_SHOWN",
    "STOPPED",
    "SUPPORTED",
    "Answer",
    "CatalogError",
    "DocumentIndex",
    "EmbeddingError",
    "IndexMismatch",
    "LLMError",
    "LimitReached",
    "NotFound",
    "RagError",
    "ReadError",
    "Settings",
    "SettingsError",
    "StoreError",
    "StoreUnavailable",
    "Turn",
    "Turns",
    "__version__",
    "check_question",
    "checked_markers",
    "format_names",
    "log_to_file",
    "marker_pattern",
]

# Without a handler Python would print warnings to stderr, even in a program that asked for no log.
logging.getLogger("rag").addHandler(logging.NullHandler())

# Imported at their first use: they bring LlamaIndex and pymilvus, which takes seconds, and `--help` needs neither.
_LAZY = {
    "DocumentIndex": "rag.index",
    "Answer": "rag.answering.answer",
    "Turn": "rag.answering.turns",
    "Turns": "rag.answering.turns",
    "STOPPED": "rag.answering.turns",
    "check_question": "rag.answering.inputs",
    "checked_markers": "rag.citations.markers",
    "marker_pattern": "rag.citations.markers",
    "log_to_file": "rag.runtime.logs",
    "SUPPORTED": "rag.readers.formats",
    "format_names": "rag.readers.formats",
    "NEVER_SHOWN": "rag.text.characters",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'rag' has no attribute {name!r}")
