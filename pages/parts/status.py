"""Notices and errors of the services, shown above each page. Nothing is shown while all is well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import streamlit as st

from pages.parts.app.shared_index import attempt, shown_errors
from pages.parts.markdown.safe_markdown import safe_text
from rag.schema import Status

if TYPE_CHECKING:
    from rag import DocumentIndex

# A search waits while a large library on Milvus Lite is being opened.
PREPARING = "Preparing the library for search…"


def show_status(index: DocumentIndex) -> None:
    """Show notices and errors, kept up to date. When the state of a service changes, the page runs again."""
    status = index.status()
    settled = all(service.state in ("ready", "off") for service in (status.embedding, status.milvus, status.llm))
    st.fragment(_status, run_every=10 if settled else 2)(index, _states(status))


def show_outgrown(index: DocumentIndex) -> None:
    """If the library is too large for Milvus Lite, show the sentence, and the command that moves it to a server."""
    outgrown = index.status().outgrown
    if outgrown:
        sentence, _, command = outgrown.rpartition(": ")
        st.caption(f":material/info: {safe_text(sentence)}:")
        st.code(command, language="bash")


def _states(status: Status) -> tuple[str, ...]:
    services = (status.embedding, status.milvus, status.llm)
    return (*(service.state for service in services), status.notice or "", status.mismatch or status.improved or "")


def _status(index: DocumentIndex, states_before: tuple[str, ...]) -> None:
    with shown_errors():
        status = index.status()
        turn = st.session_state.get("watched")
        if _states(status) != states_before or (turn is not None and turn.done):
            st.session_state.pop("watched", None)
            st.rerun()
        if status.embedding.state == "starting":
            st.markdown(f":gray[:shimmer[Loading the embedding model…]] :gray[{safe_text(status.embedding.name)}]")
        elif status.milvus.state == "starting":
            st.markdown(f":gray[:shimmer[{safe_text(status.milvus.detail)}]]")
        for service in (status.milvus, status.embedding):
            if service.state == "error":
                st.warning(f"{safe_text(service.detail)} Docent goes on trying by itself.", icon=":material/cloud_off:")
        if status.llm.state == "error":
            st.warning(safe_text(status.llm.detail), icon=":material/cloud_off:")
        if status.notice:
            st.caption(f":material/info: {safe_text(status.notice)}")
        if status.mismatch or status.improved:
            sign = ":orange[:material/warning:]" if status.mismatch else ":material/info:"
            with st.container(border=True):
                st.markdown(f"{sign} {safe_text(status.mismatch or status.improved or '')}")
                kind: Literal["primary", "secondary"] = "primary" if status.mismatch else "secondary"
                st.button("Re-index", icon=":material/refresh:", type=kind, on_click=attempt, args=(index.reindex,))
