"""Asks a question, or asks it again: keeps the question, and begins its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.app.shared_index import shown_errors
from pages.parts.chat.conversations import current_conversation, open_conversation, open_turns
from pages.parts.chat.source_view import show_later_messages
from pages.parts.uploads import take_uploads
from rag import check_question
from rag.errors import LimitReached
from rag.schema import Message

if TYPE_CHECKING:
    from rag import DocumentIndex


def submit(index: DocumentIndex) -> None:
    """Take the files and the question from the box below the chat. The question waits for the files."""
    with shown_errors():
        value = st.session_state.question
        jobs = take_uploads(index, value.files)
        if value.text.strip():
            ask(index, value.text.strip(), [job.job_id for job in jobs])


def ask(index: DocumentIndex, question: str, wait_for: list[str] | None = None) -> None:
    """Keep the question, then begin its answer, so that no error of the answer loses the question."""
    with shown_errors():
        # A question that is too long isn't kept, since each run of the page would send it.
        check_question(question, index.settings.max_question_characters)
        conversation = current_conversation(index)
        if conversation is None:
            conversation = index.conversations.create(" ".join(question.split())[:80])
            open_conversation(conversation.conversation_id)
        try:
            open_turns().admit(index)
        except LimitReached:
            # The question is kept for Retry, unless an answer is being written, which goes on.
            if open_turns().running(conversation.conversation_id) is None:
                index.conversations.add(conversation.conversation_id, Message("user", question))
            raise
        open_turns().stop(conversation.conversation_id)
        show_later_messages()
        history = index.conversations.messages(conversation.conversation_id)
        index.conversations.add(conversation.conversation_id, Message("user", question))
        _start(index, conversation.conversation_id, question, history, wait_for or [])


def retry(index: DocumentIndex, conversation_id: str) -> None:
    """Answer the last question of a conversation again, or for the first time."""
    with shown_errors():
        open_turns().admit(index)  # before the deletion: after a refusal the last answer stays
        messages = index.conversations.messages(conversation_id)
        if messages and messages[-1].role == "assistant":
            index.conversations.delete_last_answer(conversation_id)
            messages.pop()
        if messages:
            _start(index, conversation_id, messages[-1].content, messages[:-1], [])


def _start(
    index: DocumentIndex, conversation_id: str, question: str, history: list[Message], wait_for: list[str]
) -> None:
    doc_ids = st.session_state.get("chosen-documents") or None
    open_turns().start(index, conversation_id, question, history, doc_ids, wait_for)
