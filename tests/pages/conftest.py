"""The application in Streamlit's own test runner, on the real index or on a double of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import rag
from rag import DocumentIndex
from rag.settings import Settings
from tests.pages.index_double import IndexDouble

APP = Path(__file__).parents[2] / "app.py"

ESSAY = (
    "The lighthouse on Varn island was built in 1874 by Ada Brandt. It has a green lamp.\n\n"
    "The ferry to the island sails twice a day in summer. In winter it sails once a week."
)
NOTES = "Parking near the harbour costs 3 dollars an hour. It is free on Sundays."

OpenPage = Callable[[str], AppTest]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DocumentIndex]:
    """A real index with two documents: Milvus Lite, the bundled embedding model, no LLM."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("library"), embed_model="bundled")
    with DocumentIndex(settings) as index:
        results = index.ingest([("varn.txt", ESSAY.encode()), ("harbour.txt", NOTES.encode())])
        assert [result.status for result in results] == ["ready", "ready"]
        yield index


@pytest.fixture
def double(tmp_path: Path) -> IndexDouble:
    return IndexDouble(Settings(data_dir=tmp_path))


@pytest.fixture
def open_page(library: DocumentIndex, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenPage]:
    """Open a page ("chat", "documents", "settings") of the application on the real index."""
    yield from _opener(library, monkeypatch)


@pytest.fixture
def open_double(double: IndexDouble, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenPage]:
    """Open a page of the application on the double."""
    yield from _opener(double, monkeypatch)


def _opener(index: DocumentIndex | IndexDouble, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenPage]:
    monkeypatch.setattr(rag, "DocumentIndex", lambda settings: index)
    monkeypatch.setenv("DATA_DIR", str(index.settings.data_dir))  # for the log
    st.cache_resource.clear()

    def open_page(page: str) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=60).run()
        return app if page == "chat" else app.switch_page(f"pages/{page}.py").run()

    yield open_page
    st.cache_resource.clear()


def all_text(app: AppTest) -> str:
    """Everything that is written on the page, with the labels of its buttons."""
    kinds = ("title", "subheader", "markdown", "caption", "text", "error", "warning", "info", "success")
    parts = [element.value for kind in kinds for element in getattr(app, kind)]
    return "\n".join([*parts, *(button.label for button in app.button), *(box.label for box in app.expander)])


def button(app: AppTest, label: str):
    """The first button of that label."""
    return next(button for button in app.button if button.label == label)
