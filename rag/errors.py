"""The exceptions of the package. The message of each is one sentence for the user.

RagError
├── SettingsError          a setting has a wrong value
├── ReadError              a file can't be turned into text
├── EmbeddingError         the embedding model can't be loaded or fails
│   └── EmbeddingUnavailable   the embeddings server doesn't answer
├── StoreError             Milvus refused something
│   ├── StoreUnavailable   Milvus can't be reached, or took too long
│   │   └── CollectionLost     another process has deleted or rebuilt the collection
│   └── IndexMismatch      the collection was built with other settings
├── CatalogError           the catalog's database failed
├── LLMError               the language model can't answer
├── NotFound               there is no such document, job or conversation
├── LimitReached           a limit of the settings is reached
└── Cancelled              the user stopped it
"""

from __future__ import annotations


class RagError(Exception):
    """Base of all errors that the user sees."""


class SettingsError(RagError):
    """A setting has a wrong value."""


class ReadError(RagError):
    """A file can't be turned into text: unsupported, protected, damaged, empty or too large."""


class EmbeddingError(RagError):
    """The embedding model can't be loaded, or failed on a text."""


class EmbeddingUnavailable(EmbeddingError):
    """The embeddings server doesn't answer now. A later attempt may succeed."""


class StoreError(RagError):
    """Milvus refused an operation."""


class StoreUnavailable(StoreError):
    """Milvus can't be reached, or didn't answer in time. A later attempt may succeed."""


class CollectionLost(StoreUnavailable):
    """Another process has deleted the collection, or rebuilt it with another model. Its documents are ingested again
    from the kept bytes."""


class IndexMismatch(StoreError):
    """The collection was built with settings that aren't in force now."""


class CatalogError(RagError):
    """The database that holds the catalog and the conversations failed."""


class LLMError(RagError):
    """The language model can't be reached, refused to answer, or broke off."""


class NotFound(RagError):
    """There is no such document, job or conversation."""


class LimitReached(RagError):
    """A limit of the settings is reached: of documents, unfinished jobs, questions, or a question's length."""


class Cancelled(RagError):
    """The user who started the operation has stopped it."""
