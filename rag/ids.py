"""The form of ids. It is checked before an id goes into a filter, a path or SQL."""

from __future__ import annotations

import re

from rag.errors import NotFound

_DOC_ID = re.compile(r"[0-9a-f]{64}")
_CONVERSATION_ID = re.compile(r"[0-9a-f]{32}")


def is_doc_id(doc_id: str) -> bool:
    """Whether `doc_id` is a SHA-256 in lower-case hexadecimal digits."""
    return isinstance(doc_id, str) and _DOC_ID.fullmatch(doc_id) is not None


def checked_doc_id(doc_id: str) -> str:
    """`doc_id` unchanged. Raises NotFound if `is_doc_id` is False."""
    if not is_doc_id(doc_id):
        raise NotFound("A document id is 64 hexadecimal digits; list the documents to see theirs.")
    return doc_id


def checked_conversation_id(conversation_id: str) -> str:
    """`conversation_id` unchanged. Raises NotFound unless it is 32 hexadecimal digits."""
    if not isinstance(conversation_id, str) or not _CONVERSATION_ID.fullmatch(conversation_id):
        raise NotFound("This conversation doesn't exist any more; start a new one.")
    return conversation_id
