"""The answer of a running turn, shown as it grows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime import get_instance
from streamlit.runtime.scriptrunner import StopException, get_script_run_ctx

from pages.parts.chat.answers import answer_markdown
from pages.parts.markdown.safe_markdown import safe_label
from pages.parts.status import PREPARING
from pages.parts.wording import counted, job_progress

if TYPE_CHECKING:
    from rag import DocumentIndex, Turn

# Seconds between two updates in the browser. Streamlit sends the whole text each time.
UPDATE_SECONDS = 0.05


def answer_slot(turn: Turn | None) -> DeltaGenerator:
    """The container for the answer of `turn`, below the messages.

    It is emptied at once, unless the earlier run of the page showed the same answer. That answer's words stay until new
    words arrive: else the chat would shrink for a moment, and the browser would lose its place at the end.
    """
    return st.container() if turn and st.session_state.get("watched") is turn else st.empty().container()


def watch(index: DocumentIndex, turn: Turn) -> None:
    """Show the answer as it grows. A click elsewhere ends this run of the page, not the answer; the next run goes on.

    Never returns: when the turn is done, the page runs again and shows the stored answer.
    """
    st.session_state.watched = turn
    shown = _progress(index, turn)
    slot = st.markdown(shown, anchors=False)
    try:
        while not turn.done:
            current = _progress(index, turn)
            if current != shown:
                slot.markdown(current, anchors=False)
                shown = current
            st.session_state.get("watched")  # Stop or a rerun can end this run only in a call to Streamlit
            turn.wait(UPDATE_SECONDS)
    except StopException:
        # Streamlit's Stop button stops the answer. Closing or reloading the page doesn't.
        time.sleep(0.3)
        context = get_script_run_ctx(suppress_warning=True)
        if context and get_instance().is_active_session(context.session_id):
            turn.stop()
        raise
    st.session_state.pop("watched", None)
    st.rerun()


def _progress(index: DocumentIndex, turn: Turn) -> str:
    if turn.text:
        return answer_markdown(turn.text, len(turn.passages), extractive=turn.extractive)
    if turn.stage == "reading":
        active = [job for job in index.jobs() if not job.finished]
        if active:
            return f":shimmer[{safe_label(active[0].file_name)} · {job_progress(active[0])}]"
    if turn.stage == "writing":
        return f":shimmer[Reading {counted(len(turn.passages), 'passage')}…]"
    preparing = index.status().milvus.state == "starting"
    return f":shimmer[{PREPARING if preparing else 'Searching your documents…'}]"
