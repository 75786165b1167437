"""The form of ids. An id goes into filters, paths and SQL, so it is checked before."""

from __future__ import annotations

import re

from rag.errors import NotFound

_DOC_ID = re.compile(r"[0-9a-f]{64}")
_CONVERSATION_ID = re.compile(r"[0-9a-f]{32}")


def is_doc_id(doc_id: str) -> bool:
    """Whether `doc_id` is a SHA-256 in lower-case hexadecimal digits."""
    return isinstance(doc_id, str) and _DOC_ID.fullmatch(doc_id) is not None


def checked_doc_id(doc_id: str) -> str:
    """`doc_id` as it is. Raises NotFound where it has another form."""
    if not is_doc_id(doc_id):
        raise NotFound("A document id is 64 hexadecimal digits; list the documents to see theirs.")
    return doc_id


def checked_conversation_id(conversation_id: str) -> str:
    """`conversation_id` as it is. Raises NotFound where it isn't 32 hexadecimal digits."""
    if not isinstance(conversation_id, str) or not _CONVERSATION_ID.fullmatch(conversation_id):
        raise NotFound("This conversation doesn't exist any more; start a new one.")
    return conversation_id
