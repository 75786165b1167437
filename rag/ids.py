"""What ids look like. They go into filters, paths and SQL: what is of another form must not get that far."""

from __future__ import annotations

import re

from rag.errors import NotFound

_DOC_ID = re.compile(r"[0-9a-f]{64}")
_CONVERSATION_ID = re.compile(r"[0-9a-f]{32}")


def is_doc_id(doc_id: str) -> bool:
    """Whether this is a SHA-256 in lower-case hexadecimal digits."""
    return isinstance(doc_id, str) and _DOC_ID.fullmatch(doc_id) is not None


def checked_doc_id(doc_id: str) -> str:
    """The id as it is. Raises NotFound for what no document's id looks like."""
    if not is_doc_id(doc_id):
        raise NotFound("A document id is 64 hexadecimal digits; list the documents to see theirs.")
    return doc_id


def checked_conversation_id(conversation_id: str) -> str:
    """The id as it is. Raises NotFound for what no conversation's id looks like."""
    if not isinstance(conversation_id, str) or not _CONVERSATION_ID.fullmatch(conversation_id):
        raise NotFound("This conversation doesn't exist any more; start a new one.")
    return conversation_id
