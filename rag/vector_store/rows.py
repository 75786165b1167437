"""Rows of a collection, and filters on them, in Milvus's form."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

from rag.errors import StoreError
from rag.ids import checked_doc_id
from rag.schema import Chunk

# Milvus's VARCHAR limit in bytes.
MAX_BYTES = 65_535
# The fields that a search returns of each row, beside its id.
HIT_FIELDS = ["text", "page", "start", "end"]
# A row's text is the chunk's text, this sign, and the chunk's context. No text has the sign, and rows of earlier
# releases have no context. A field for it would take time in each search, and earlier collections couldn't be searched.
_CONTEXT_FOLLOWS = "\x1e"
PAGE_NONE = 0  # a row's page if the document has no pages; Milvus before 2.5 has no null

_NOT_WHOLE = "Milvus has answered a search with a part of its rows only; ask again."
# A document's id, the namespace of the collection's fingerprint, and the number of the chunk, counted from 0.
_ROW_ID = re.compile(r"([0-9a-f]{64})-([0-9a-f]{8})-([0-9]{1,9})")
_DOC_ID_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A chunk to be inserted, with its number in the document, counted from 0. `lexical_text` holds the terms that BM25
    sees, separated by spaces; `vector` is the embedding."""

    doc_id: str
    number: int
    chunk: Chunk
    lexical_text: str
    vector: list[float]


class Hit(NamedTuple):
    """A row that a search found, with its chunk's text and context. `score` is the cosine for dense search, BM25 for
    lexical; higher is better."""

    # A tuple, since many concurrent searches make thousands of hits: a frozen dataclass takes three times as long.
    row_id: str
    doc_id: str
    text: str
    page: int | None
    start: int
    end: int
    score: float
    context: str = ""


def make_row(namespace: str, row: ChunkRow) -> dict[str, Any]:
    """A row as Milvus takes it. Its id is made of its document's id, the namespace and its number."""
    chunk = row.chunk
    return {
        "id": f"{row.doc_id}-{namespace}-{row.number}",
        "doc_id": row.doc_id,
        "text": _fitting(f"{chunk.text}{_CONTEXT_FOLLOWS}{chunk.context}" if chunk.context else chunk.text),
        "embedding": row.vector,
        "lexical": _fitting(row.lexical_text),
        "page": chunk.page or PAGE_NONE,
        "start": chunk.start,
        "end": chunk.end,
    }


def doc_id_of(row_id: str) -> str | None:
    """The id of a row's document; None for a row id that Docent hasn't made."""
    match = _ROW_ID.fullmatch(row_id)
    return match[1] if match else None


def number_of(row_id: str, namespace: str | None) -> int | None:
    """The number of a row's chunk; None for a row of another namespace, or one that Docent hasn't made."""
    match = _ROW_ID.fullmatch(row_id)
    return int(match[3]) if match and match[2] == namespace else None


def _fitting(text: str) -> str:
    """The text cut to MAX_BYTES of UTF-8. Only a text of odd characters without spaces makes so long a chunk."""
    data = text.encode("utf-8")
    return text if len(data) <= MAX_BYTES else data[:MAX_BYTES].decode("utf-8", "ignore")


def read_hits(response: Any, score: Callable[[float], float]) -> list[list[Hit]]:
    """The hits of each question of a search, best first. `response` is Milvus's SearchResultData with HIT_FIELDS, or
    pymilvus's lists of hits. `score` turns Milvus's distance into a score where higher is better. Raises StoreError if
    rows or fields are missing."""
    if isinstance(response, list):
        return [[_read_hit(hit["id"], hit["distance"], hit["entity"], score) for hit in hits] for hits in response]
    row_ids = response.ids.str_id.data
    if not row_ids:
        return [[] for _ in response.topks]
    fields = {field.field_name: field.scalars for field in response.fields_data}
    try:
        columns = (
            fields["text"].string_data.data,
            *(fields[name].long_data.data for name in ("page", "start", "end")),
            response.scores,
        )
        hits = [
            # A row id begins with the document's id, so doc_id needn't be requested: each field takes time.
            _hit(row_id, text, page, start, end, score(distance))
            for row_id, text, page, start, end, distance in zip(row_ids, *columns, strict=True)
        ]
    except (KeyError, ValueError) as error:
        raise StoreError(_NOT_WHOLE) from error
    if sum(response.topks) != len(hits):
        raise StoreError(_NOT_WHOLE)
    rest = iter(hits)
    return [list(itertools.islice(rest, number)) for number in response.topks]


def _read_hit(row_id: str, distance: float, fields: dict[str, Any], score: Callable[[float], float]) -> Hit:
    text, page, start, end = (fields.get(name) for name in HIT_FIELDS)
    if text is None or start is None or end is None:
        raise StoreError(_NOT_WHOLE)
    return _hit(row_id, text, page, start, end, score(distance))


def _hit(row_id: str, stored: str, page: int | None, start: int, end: int, score: float) -> Hit:
    text, _, context = stored.partition(_CONTEXT_FOLLOWS)
    return Hit(row_id, row_id[:_DOC_ID_CHARACTERS], text, page or None, start, end, score, context)


def only(doc_ids: Collection[str]) -> str:
    """A Milvus filter for the rows of documents. Raises NotFound for an id that isn't a SHA-256 in hexadecimal."""
    # Ids go into the filter unescaped.
    return "doc_id in [" + ",".join(f'"{doc_id}"' for doc_id in sorted(map(checked_doc_id, doc_ids))) + "]"


def only_rows(row_ids: Collection[str]) -> str:
    """A Milvus filter for rows by their ids. Raises StoreError for an id of another form."""
    for row_id in row_ids:
        if not _ROW_ID.fullmatch(row_id):
            raise StoreError("The id of a row is a document's id, a namespace and a number.")
    return "id in [" + ",".join(f'"{row_id}"' for row_id in row_ids) + "]"


def make_filter(doc_ids: Collection[str] | None, without: Collection[str]) -> str:
    """A Milvus filter for the rows of the documents `doc_ids` (None: all) except `without`. Raises like `only`."""
    conditions = [only(doc_ids)] if doc_ids is not None else []
    if without:
        conditions.append("not (" + only(without) + ")")
    return " and ".join(conditions)
