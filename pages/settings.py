"""The settings page: shows the settings in force, how to change them, and the state of each service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.app.navigation import run_page
from pages.parts.app.shared_index import open_index, shown_errors
from pages.parts.markdown.safe_markdown import safe_label, safe_text
from pages.parts.status import show_outgrown, show_status
from rag import __version__
from rag.schema import PartStatus

if TYPE_CHECKING:
    from rag import DocumentIndex
    from rag.settings import Settings

_STATES = {
    "ready": ("green", "Ready"),
    "starting": ("blue", "Starting"),
    "error": ("red", "Not reachable"),
    "off": ("gray", "Not connected"),
}
_CONNECT = {
    "OpenAI": 'OPENAI_API_KEY="sk-…"',
    "Ollama": 'OPENAI_BASE_URL="http://localhost:11434/v1"\nOPENAI_MODEL="llama3.2"',
    "LM Studio": 'OPENAI_BASE_URL="http://localhost:1234/v1"\nOPENAI_MODEL="the model loaded there"',
    "llama.cpp": 'OPENAI_BASE_URL="http://localhost:8080/v1"\nOPENAI_MODEL="the model loaded there"',
    "vLLM": 'OPENAI_BASE_URL="http://localhost:8000/v1"\nOPENAI_MODEL="the model served there"',
}
_MILVUS = {
    "Milvus Lite (a file)": 'MILVUS_URI="./data/milvus.db"',
    "Milvus server": 'MILVUS_URI="http://localhost:19530"',
    "Zilliz Cloud": 'MILVUS_URI="https://….zillizcloud.com"\nMILVUS_TOKEN="…"',
}


def show_settings() -> None:
    st.title("Settings", anchor=False)
    index = open_index()
    show_status(index)
    st.fragment(_show_services, run_every=2)(index)
    st.subheader("Connect", anchor=False)
    st.markdown(
        ":gray[Settings are environment variables, or lines of a file named] `.env` "
        ":gray[beside] `app.py`:gray[. They take effect at the next start.]"
    )
    _show_recipes("A language model for written answers", _CONNECT)
    _show_recipes("Another Milvus", _MILVUS)
    st.subheader("In force", anchor=False)
    st.dataframe(_rows(index.settings), hide_index=True, height="content", column_config={"Value": {"width": "medium"}})
    st.caption(f"Docent {__version__}")


def _show_services(index: DocumentIndex) -> None:
    with shown_errors():
        status = index.status()
        with st.container(gap="xsmall"):
            _show_service("Language model", status.llm)
            _show_service("Embedding model", status.embedding)
            _show_service("Milvus", status.milvus)
        show_outgrown(index)


def _show_service(title: str, service: PartStatus) -> None:
    colour, state = _STATES[service.state]
    with st.container(border=True, gap=None):
        st.markdown(f"**{title}** :{colour}-badge[{state}]")
        st.markdown(safe_label(service.name, 200))
        if service.detail:
            st.caption(safe_text(service.detail))


def _show_recipes(title: str, recipes: dict[str, str]) -> None:
    with st.expander(title):
        for tab, lines in zip(st.tabs(list(recipes)), recipes.values(), strict=True):
            tab.code(lines, language="bash")


def _rows(settings: Settings) -> list[dict[str, str]]:
    """A row for each setting. The value of a secret is "set" or "not set"."""
    shown = settings.shown()
    return [
        {"Setting": name.upper(), "Value": shown[name.upper()], "What it takes": field.description or ""}
        for name, field in type(settings).model_fields.items()
    ]


run_page(show_settings)
