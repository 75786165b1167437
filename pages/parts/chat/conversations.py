"""The conversations in the sidebar: opening, renaming, exporting and deleting them.

The id of the open conversation is kept in two places. The address (`?c=…`) survives a reload; the session survives a
visit to another page.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.app.shared_index import attempt, shown_errors
from pages.parts.markdown.safe_markdown import safe_label, safe_markdown, safe_text
from rag import Turns
from rag.errors import NotFound
from rag.schema import Conversation

if TYPE_CHECKING:
    from rag import DocumentIndex

SHOWN_CONVERSATIONS = 12


@st.cache_resource(show_spinner=False)
def open_turns() -> Turns:
    """The running turns of all sessions."""
    return Turns()


def current_conversation(index: DocumentIndex) -> Conversation | None:
    """The open conversation. A new conversation is None until its first question."""
    conversation_id = st.query_params.get("c") or st.session_state.get("conversation")
    if not conversation_id:
        return None
    try:
        conversation = index.conversations.get(conversation_id)
    except NotFound:
        open_conversation(None)
        return None
    open_conversation(conversation.conversation_id)
    return conversation


def open_conversation(conversation_id: str | None) -> None:
    """Open the conversation `conversation_id`; None begins a new conversation."""
    st.session_state.conversation = conversation_id
    if conversation_id is None:
        st.query_params.pop("c", None)
    elif st.query_params.get("c") != conversation_id:
        st.query_params["c"] = conversation_id


def show_conversations(index: DocumentIndex, current: Conversation | None) -> None:
    """Show the list of conversations, newest first."""
    st.button(
        "New chat",
        icon=":material/edit_square:",
        width="stretch",
        disabled=current is None,
        on_click=open_conversation,
        args=(None,),
    )
    conversations = index.conversations.list()
    if not conversations:
        return
    show_all = st.session_state.get("all-conversations", False)
    st.caption("Conversations")
    with st.container(gap=None):
        for conversation in conversations if show_all else conversations[:SHOWN_CONVERSATIONS]:
            _show_row(index, conversation, current)
    if len(conversations) > SHOWN_CONVERSATIONS:
        st.toggle(f"Show all {len(conversations):,}", key="all-conversations")


def _show_row(index: DocumentIndex, conversation: Conversation, current: Conversation | None) -> None:
    key = conversation.conversation_id
    title = safe_label(conversation.title, 80) or "Untitled"
    is_open = current is not None and current.conversation_id == key
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", wrap=False, gap="xxsmall"
    ):
        st.button(
            f"**{title}**" if is_open else title,
            key=f"open-{key}",
            type="tertiary",
            wrap=False,
            on_click=open_conversation,
            args=(key,),
        )
        menu = st.popover(
            "",
            icon=":material/more_horiz:",
            type="tertiary",
            help=f"Rename, export or delete {title}",
            key=f"menu-{key}",
            on_change="rerun",
        )
        if menu.open:  # a closed menu isn't drawn, so that a long list is drawn fast
            with menu:
                _show_menu(index, conversation)


def _show_menu(index: DocumentIndex, conversation: Conversation) -> None:
    key = conversation.conversation_id
    with st.form(f"rename-{key}", border=False):
        title = st.text_input("Title", conversation.title, max_chars=200)
        if st.form_submit_button("Rename", icon=":material/edit:", width="stretch") and title.strip():
            with shown_errors():
                index.conversations.rename(key, title.strip())
                st.rerun()
    st.download_button(
        "Export as Markdown",
        data=index.conversations.to_markdown(key, partial(safe_markdown, marker="[{}]".format), safe_text),
        file_name=(re.sub(r"[^\w-]+", "-", conversation.title).strip("-")[:60] or "conversation") + ".md",
        mime="text/markdown",
        icon=":material/download:",
        width="stretch",
        on_click="ignore",
        key=f"export-{key}",
    )
    if st.button("Delete", key=f"delete-{key}", icon=":material/delete:", width="stretch"):
        _confirm_delete(index, conversation)


@st.dialog("Delete this conversation?")
def _confirm_delete(index: DocumentIndex, conversation: Conversation) -> None:
    st.markdown(f"**{safe_label(conversation.title, 120)}** and its answers will be gone. The documents stay.")
    with st.container(horizontal=True):
        if st.button(
            "Delete",
            type="primary",
            key="confirm-delete-conversation",
            on_click=attempt,
            args=(_delete, index, conversation.conversation_id),
        ):
            st.rerun()
        if st.button("Cancel"):
            st.rerun()


def _delete(index: DocumentIndex, conversation_id: str) -> None:
    open_turns().stop(conversation_id)
    index.conversations.delete(conversation_id)
    if st.session_state.get("conversation") == conversation_id:
        open_conversation(None)
