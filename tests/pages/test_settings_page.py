"""The settings page shows what is in force, without secrets; and errors in the settings are said on any page."""

from __future__ import annotations

from dataclasses import replace

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from rag import __version__
from rag.schema import PartStatus, Status
from rag.settings import Settings
from tests.pages.conftest import APP, OpenPage, all_text
from tests.pages.index_double import READY, IndexDouble

pytestmark = pytest.mark.slow


def test_settings_in_force_are_shown_without_secrets(open_double: OpenPage, double: IndexDouble) -> None:
    double.settings = Settings(
        openai_api_key="sk-very-secret", openai_base_url="http://me:hunter2@localhost:1/v1", collection="papers"
    )
    app = open_double("settings")
    shown = app.dataframe[0].value.set_index("Setting")["Value"].to_dict()
    assert shown["COLLECTION"] == "papers"
    assert shown["OPENAI_API_KEY"] == "set"
    assert shown["MILVUS_TOKEN"] == "not set"
    assert shown["OPENAI_BASE_URL"] == "http://…@localhost:1/v1"
    assert shown["MILVUS_URI"].endswith("milvus.db")
    assert set(shown) == {name.upper() for name in Settings.model_fields}


def test_each_part_says_how_it_is_doing(open_double: OpenPage, double: IndexDouble) -> None:
    double.state = Status(READY.embedding, PartStatus("error", "Milvus", "Nothing listens at port 1."), READY.llm)
    text = all_text(open_double("settings"))
    assert "**Language model** :gray-badge[Not connected]" in text
    assert "**Embedding model** :green-badge[Ready]" in text
    assert "**Milvus** :red-badge[Not reachable]" in text
    assert "Nothing listens at port 1." in text


def test_a_library_too_large_for_milvus_lite_comes_with_the_command_to_move_it(
    open_double: OpenPage, double: IndexDouble
) -> None:
    command = "python -m rag move --to http://host:19530"
    double.state = replace(READY, outgrown=f"It is too large; do this: {command}")
    app = open_double("settings")
    assert "It is too large; do this:" in all_text(app)
    assert command in [block.value for block in app.code]


def test_how_to_connect_a_language_model_is_there(open_page: OpenPage) -> None:
    app = open_page("settings")
    assert not app.exception
    assert any("OPENAI_BASE_URL" in block.value for block in app.code)


def test_version_is_at_the_foot(open_double: OpenPage) -> None:
    assert open_double("settings").caption[-1].value == f"Docent {__version__}"


def test_wrong_setting_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLECTION", "1 x")
    st.cache_resource.clear()
    app = AppTest.from_file(str(APP), default_timeout=60).run()
    assert not app.exception
    assert app.error[0].value.startswith("COLLECTION has a wrong value '1 x': it takes letters, digits and underscores")
