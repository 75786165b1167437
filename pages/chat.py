"""The chat page: ask, watch the answer arrive, open its sources."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts.app.navigation import run_page
from pages.parts.app.shared_index import open_index, shown_errors
from pages.parts.chat.answers import show_answer
from pages.parts.chat.asking import ask, retry, submit
from pages.parts.chat.conversations import current_conversation, open_turns, show_conversations
from pages.parts.chat.source_view import (
    CHAT_HEIGHT,
    COLUMNS,
    Source,
    open_source,
    opened_source,
    show_later_messages,
    show_source,
)
from pages.parts.chat.turn_view import answer_slot, watch
from pages.parts.markdown.safe_markdown import safe_label, safe_text
from pages.parts.status import show_status
from pages.parts.uploads import sample_files, show_jobs, show_undecided, take_sample
from pages.parts.wording import counted, document_labels
from rag.schema import Conversation, DocumentInfo, Message

if TYPE_CHECKING:
    from rag import DocumentIndex

# The number of newest answers shown with their sources. The sources of older answers are shown on a click.
UNFOLDED_ANSWERS = 2


def show_chat() -> None:
    index = open_index()
    conversation = current_conversation(index)
    documents = [document for document in index.documents() if document.state == "ready"]
    with st.sidebar:
        show_conversations(index, conversation)
        _show_filter(documents)
    show_status(index)
    messages = index.conversations.messages(conversation.conversation_id) if conversation else []
    turn = open_turns().running(conversation.conversation_id if conversation else None)
    source = opened_source()
    # While a source is open, the messages end with its answer, since the chat is scrolled to its end.
    shown = messages if source is None or source.later or turn else messages[: source.message + 1]
    chat, panel = _halves(source)
    with chat:
        # A placeholder is emptied at once; other elements of an earlier run stay until this run ends.
        welcome, body, below = st.empty(), st.container(), st.empty()
        if not messages:
            with welcome.container():
                _show_welcome(index, documents)
        with body:
            _show_messages(shown, conversation, source)
            answer = answer_slot(turn)
        if len(shown) < len(messages):
            with below.container():
                _show_later(len(messages) - len(shown))
        elif conversation and messages and turn is None:
            with below.container():
                _show_retry(index, conversation, messages[-1])
        show_undecided(index)
        if turn is None:
            show_jobs(index, compact=True)
    if source:
        with panel:
            show_source(index, source)
    with st.bottom:
        if turn:
            st.button("Stop", icon=":material/stop_circle:", on_click=turn.stop, key="stop-answer")
    # Not inside st.bottom, though it is drawn there: Streamlit would no longer keep the page scrolled to its end.
    st.chat_input(
        "Ask about your documents, or drop files here",
        key="question",
        accept_file="multiple",
        max_upload_size=index.settings.max_upload_mb,
        on_submit=submit,
        args=(index,),
    )
    if turn:
        with answer, st.chat_message("assistant", avatar=_avatar("assistant")):
            watch(index, turn)


def _halves(source: Source | None) -> tuple[DeltaGenerator, DeltaGenerator]:
    """The containers of chat and source: side by side if a source is open, else one container for the whole page.

    Side by side, each container scrolls by itself. The chat stays at its end, as the page does without a source.
    """
    if source is None:
        chat = st.container()
        return chat, chat
    left, right = st.columns(COLUMNS, gap="medium")
    return left.container(height=CHAT_HEIGHT, border=False, key="chat", autoscroll=True), right


def _show_filter(documents: list[DocumentInfo]) -> None:
    labels = document_labels(documents)
    # Not kept in the widget's state, which Streamlit deletes when another page is visited.
    chosen = [doc_id for doc_id in st.session_state.get("chosen-documents", []) if doc_id in labels]
    st.session_state["chosen-documents"] = chosen
    if len(documents) > 1:
        st.session_state["chosen-documents"] = st.multiselect(
            "Search in",
            list(labels),
            default=chosen,
            format_func=lambda doc_id: labels.get(doc_id, "a deleted document"),
            placeholder="All documents",
            select_all=False,  # an empty choice means all, without hundreds of names in the sidebar
        )


def _show_welcome(index: DocumentIndex, documents: list[DocumentInfo]) -> None:
    st.space("large")
    if not documents:
        st.markdown("## Ask your documents", text_alignment="center", anchors=False)
        st.markdown(
            ":gray[Drop files into the box below, or add them on the Documents page. Then ask: every answer shows "
            "the passages it rests on.]",
            text_alignment="center",
        )
        with st.container(horizontal=True, horizontal_alignment="center"):
            if st.button("Go to documents", icon=":material/folder_open:", type="primary"):
                st.switch_page("pages/documents.py")
            if sample_files():
                st.button(
                    "Try the sample document", icon=":material/auto_stories:", on_click=take_sample, args=(index,)
                )
        return
    st.markdown("## What would you like to know?", text_alignment="center", anchors=False)
    st.markdown(f":gray[Answers come from {counted(len(documents), 'document')}.]", text_alignment="center")
    with shown_errors():
        suggestions = index.suggestions()
        with st.container(gap="small", horizontal_alignment="center"):
            for place, suggestion in enumerate(suggestions):
                st.button(
                    safe_label(suggestion, 120),
                    key=f"suggestion-{place}",
                    on_click=ask,
                    args=(index, suggestion),
                )


def _show_messages(messages: list[Message], conversation: Conversation | None, source: Source | None) -> None:
    conversation_id = conversation.conversation_id if conversation else ""
    newest = len(messages) - 2 * UNFOLDED_ANSWERS
    for place, message in enumerate(messages):
        with st.chat_message(message.role, avatar=_avatar(message.role)):
            if message.role == "user":
                st.markdown(safe_text(message.content))
            else:
                show_answer(
                    message,
                    f"{conversation_id}-{place}",
                    partial(open_source, conversation_id, place),
                    folded=place < newest and (source is None or source.message != place),
                )


def _show_later(number: int) -> None:
    st.button(
        f"Show {counted(number, 'later message')}",
        key="later-messages",
        icon=":material/keyboard_arrow_down:",
        type="tertiary",
        on_click=show_later_messages,
    )


def _show_retry(index: DocumentIndex, conversation: Conversation, last: Message) -> None:
    if last.role == "user":
        st.caption("This question wasn't answered.")
    if last.role == "user" or (last.evidence and last.evidence.error):
        st.button("Retry", icon=":material/refresh:", on_click=retry, args=(index, conversation.conversation_id))


def _avatar(role: str) -> str:
    return ":material/person:" if role == "user" else ":material/menu_book:"


run_page(show_chat)
