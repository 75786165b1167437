"""Rows of a collection and filters on them, as Milvus takes and gives them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from rag.errors import StoreError
from rag.ids import checked_doc_id
from rag.schema import Chunk

# Milvus's VARCHAR limit in bytes.
MAX_BYTES = 65_535
PAGE_NONE = 0  # a row's page where the document has none; Milvus before 2.5 knows no null

_ROW_ID = re.compile(r"[0-9a-f]{64}-[0-9a-f]{8}-[0-9]+")


@dataclass(frozen=True, slots=True)
class Hit:
    """A row that a search found. `score` is the cosine for dense search, BM25 for lexical; higher is better."""

    row_id: str
    doc_id: str
    text: str
    page: int | None
    start: int
    end: int
    score: float


def make_row(
    namespace: str, doc_id: str, number: int, chunk: Chunk, lexical_text: str, vector: list[float]
) -> dict[str, Any]:
    """A chunk as it is inserted; its id follows from its document, the namespace and its number."""
    return {
        "id": f"{doc_id}-{namespace}-{number}",
        "doc_id": doc_id,
        "text": _fitting(chunk.text),
        "embedding": vector,
        "lexical": _fitting(lexical_text),
        "page": chunk.page or PAGE_NONE,
        "start": chunk.start,
        "end": chunk.end,
    }


def _fitting(text: str) -> str:
    """At most MAX_BYTES of UTF-8; chunks are far shorter unless a text has no spaces and odd characters."""
    data = text.encode("utf-8")
    return text if len(data) <= MAX_BYTES else data[:MAX_BYTES].decode("utf-8", "ignore")


def read_hit(row_id: str, entity: Any, score: float) -> Hit:
    """What a search gives back. `score` is higher for better."""
    # The document's id is the beginning of the row's: each field that isn't asked for saves time.
    return Hit(
        row_id, row_id[:64], entity["text"], entity["page"] or None, entity["start"], entity["end"], float(score)
    )


def only(doc_ids: Collection[str]) -> str:
    """A Milvus filter. Ids go into it unescaped, so for anything but a SHA-256 in hex NotFound is raised."""
    return "doc_id in [" + ",".join(f'"{doc_id}"' for doc_id in sorted(map(checked_doc_id, doc_ids))) + "]"


def only_rows(row_ids: Collection[str]) -> str:
    """A filter like `only`, of the ids of rows. Raises StoreError for an id of another form."""
    for row_id in row_ids:
        if not _ROW_ID.fullmatch(row_id):
            raise StoreError("The id of a row is a document's id, a namespace and a number.")
    return "id in [" + ",".join(f'"{row_id}"' for row_id in row_ids) + "]"


def make_filter(doc_ids: Collection[str] | None, without: Collection[str]) -> str:
    """Only these documents (all when None), but without those. Raises NotFound like `only`."""
    parts = [only(doc_ids)] if doc_ids is not None else []
    if without:
        parts.append("not (" + only(without) + ")")
    return " and ".join(parts)
