"""The exceptions of the package. Every message is one sentence fit to be shown to a user.

RagError
├── SettingsError          a setting has a wrong value
├── ReadError              a file can't be turned into text
├── EmbeddingError         the embedding model can't be loaded or fails
│   └── EmbeddingUnavailable   the embeddings server doesn't answer
├── StoreError             Milvus refused something
│   ├── StoreUnavailable   Milvus can't be reached, or took too long
│   │   └── CollectionLost the collection was dropped or rebuilt by another process
│   └── IndexMismatch      the collection was built with other settings
├── CatalogError           the catalog's database failed
├── LLMError               the language model can't answer
├── NotFound               no such document, job or conversation
├── LimitReached           a limit of the settings is reached
└── Cancelled              the person stopped it
"""

from __future__ import annotations


class RagError(Exception):
    """Base of all errors that a user may see."""


class SettingsError(RagError):
    """A setting has a value that it doesn't take."""


class ReadError(RagError):
    """A file can't be turned into text: unsupported, protected, damaged, empty or too large."""


class EmbeddingError(RagError):
    """The embedding model can't be loaded, or failed on a text."""


class EmbeddingUnavailable(EmbeddingError):
    """The embeddings server doesn't answer now. Trying again later may work."""


class StoreError(RagError):
    """Milvus refused an operation."""


class StoreUnavailable(StoreError):
    """Milvus can't be reached, or didn't answer in time. Trying again later may work."""


class CollectionLost(StoreUnavailable):
    """Another process has dropped the collection, or has rebuilt it with another model. Its documents are added again
    by themselves."""


class IndexMismatch(StoreError):
    """The collection was built with other settings than those in force."""


class CatalogError(RagError):
    """The database that holds the catalog and the conversations failed."""


class LLMError(RagError):
    """The language model can't be reached, refused, or broke off."""


class NotFound(RagError):
    """There is no such document, job or conversation."""


class LimitReached(RagError):
    """More than a limit of the settings allows: documents, unfinished jobs, questions, or a question's length."""


class Cancelled(RagError):
    """The operation was stopped by the person who started it."""
