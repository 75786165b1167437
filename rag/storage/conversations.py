"""The conversations of a collection and their messages, kept over a restart."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from rag.errors import NotFound
from rag.ids import checked_conversation_id
from rag.schema import Candidate, Citation, Conversation, Evidence, Message, Passage, Trace
from rag.storage.database import guarded
from rag.storage.tables import conversations, messages, storable, utc_now

GONE = "This conversation doesn't exist any more; start a new one."


class Conversations:
    """The conversations of the collection of this name, and their messages. All methods raise CatalogError when the
    database fails.

    A conversation of an early release has no collection. It is in every collection until a message is added to it;
    from then on it belongs to the collection of the message.
    """

    def __init__(self, engine: sa.Engine, collection: str) -> None:
        self._engine = engine
        self._collection = collection
        self._in_collection = sa.or_(conversations.c.collection == collection, conversations.c.collection.is_(None))

    @guarded
    def create(self, title: str) -> Conversation:
        now = utc_now()
        conversation = Conversation(uuid.uuid4().hex, _title(title), now.replace(tzinfo=UTC), now.replace(tzinfo=UTC))
        with self._engine.begin() as connection:
            connection.execute(
                sa.insert(conversations).values(
                    conversation_id=conversation.conversation_id,
                    title=conversation.title,
                    created_at=now,
                    updated_at=now,
                    collection=self._collection,
                )
            )
        return conversation

    @guarded
    def get(self, conversation_id: str) -> Conversation:
        """Raises NotFound."""
        this = self._this(conversation_id)
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(conversations).where(this)).first()
        if row is None:
            raise NotFound(GONE)
        return _conversation(row)

    @guarded
    def rename(self, conversation_id: str, title: str) -> None:
        """Raises NotFound."""
        with self._engine.begin() as connection:
            self._update(connection, conversation_id, title=_title(title))

    @guarded
    def delete(self, conversation_id: str) -> None:
        this = self._this(conversation_id)
        with self._engine.begin() as connection:
            connection.execute(sa.delete(conversations).where(this))

    @guarded
    def messages(self, conversation_id: str) -> list[Message]:
        """The messages, oldest first, answers with their evidence. Raises NotFound for a text that is no id."""
        its_messages = self._messages_of(conversation_id)
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(messages).where(its_messages).order_by(messages.c.message_id))
            return [Message(row.role, row.content, _evidence(row.evidence) if row.evidence else None) for row in rows]

    @guarded
    def add(self, conversation_id: str, message: Message) -> None:
        """Add a message at the end. Raises NotFound if the conversation was deleted meanwhile."""
        evidence = json.dumps(asdict(message.evidence), ensure_ascii=False) if message.evidence else None
        now = utc_now()
        with self._engine.begin() as connection:
            # This comes first: it keeps other processes from deleting the conversation until the message is added.
            self._update(connection, conversation_id, updated_at=now, collection=self._collection)
            connection.execute(
                sa.insert(messages).values(
                    conversation_id=conversation_id,
                    role=message.role,
                    content=storable(message.content),
                    evidence=storable(evidence) if evidence else None,
                    created_at=now,
                )
            )

    @guarded
    def delete_last_answer(self, conversation_id: str) -> None:
        """Delete the last message if it is an answer, so that its question can be asked again. The question stays, also
        if two calls come at the same time."""
        its_messages = self._messages_of(conversation_id)
        last = sa.select(sa.func.max(messages.c.message_id)).where(its_messages).scalar_subquery()
        with self._engine.begin() as connection:
            connection.execute(sa.delete(messages).where(messages.c.message_id == last, messages.c.role != "user"))

    def to_markdown(
        self, conversation_id: str, answered: Callable[[str], str] = str, quoted: Callable[[str], str] = str
    ) -> str:
        """The conversation as a Markdown text with its cited passages. Raises NotFound.

        `answered` makes the Markdown of an answer safe; `quoted` escapes questions, names and passages.
        """
        lines = [f"# {quoted(self.get(conversation_id).title)}", ""]
        for message in self.messages(conversation_id):
            asked = message.role == "user"
            content = quoted(message.content) if asked else answered(message.content)
            lines += [f"## {'Question' if asked else 'Answer'}", "", content, ""]
            if message.evidence:
                cited = sorted({citation.number for citation in message.evidence.citations})
                for number in cited:
                    passage = message.evidence.passages[number - 1]
                    page = f", page {passage.page}" if passage.page else ""
                    quote = " ".join(passage.text.split())
                    lines += [f"> [{number}] {quoted(f'{passage.file_name}{page}: {quote}')}", ""]
        return "\n".join(lines)

    def _this(self, conversation_id: str) -> sa.ColumnElement[bool]:
        return sa.and_(conversations.c.conversation_id == checked_conversation_id(conversation_id), self._in_collection)

    def _messages_of(self, conversation_id: str) -> sa.ColumnElement[bool]:
        conversation = sa.select(conversations.c.conversation_id).where(self._this(conversation_id))
        return messages.c.conversation_id.in_(conversation)

    def _update(self, connection: sa.Connection, conversation_id: str, **values: Any) -> None:
        """Raises NotFound."""
        this = self._this(conversation_id)
        if not connection.execute(sa.update(conversations).where(this).values(**values)).rowcount:
            raise NotFound(GONE)

    # Last, since the name hides the built-in in annotations that follow it.
    @guarded
    def list(self) -> list[Conversation]:
        """Most recently used first."""
        with self._engine.connect() as connection:
            newest = conversations.c.updated_at.desc()
            rows = connection.execute(sa.select(conversations).where(self._in_collection).order_by(newest))
            return [_conversation(row) for row in rows]


def _title(title: str) -> str:
    return storable(" ".join(title.split()))[:120] or "New chat"


def _conversation(row: Any) -> Conversation:
    return Conversation(
        row.conversation_id, row.title, row.created_at.replace(tzinfo=UTC), row.updated_at.replace(tzinfo=UTC)
    )


# Cached because the page reads its whole conversation at every run. Takes some 10 MB at most.
@lru_cache(maxsize=200)
def _evidence(stored: str) -> Evidence:
    data: dict[str, Any] = json.loads(stored)
    data["passages"] = tuple(Passage(**passage) for passage in data["passages"])
    data["citations"] = tuple(
        Citation(**{**citation, "missing": tuple(citation.get("missing", ()))}) for citation in data["citations"]
    )
    trace = data.get("trace")
    if trace:
        trace["candidates"] = tuple(Candidate(**candidate) for candidate in trace["candidates"])
        trace["milliseconds"] = tuple((stage, milliseconds) for stage, milliseconds in trace["milliseconds"])
        data["trace"] = Trace(**trace)
    return Evidence(**data)
