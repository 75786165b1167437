"""What a start doesn't wait for, and what is said of what it has yet to do."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from rag import DocumentIndex, Settings, SettingsError
from rag.settings import milvus_uri_hidden
from rag.vector_store.searches import Searches

HEAVY = (
    "llama_index pymilvus milvus_lite grpc faiss openai pandas torch transformers openvino tokenizers "
    "pptx olefile bs4 pypdfium2 PIL"
)
LISTING = """
import sys
from rag import DocumentIndex, Settings, SUPPORTED
with DocumentIndex(Settings(data_dir=sys.argv[1], openai_api_key="sk-test"), background=False) as index:
    index.documents(), index.suggestions(), index.status()
    print(" ".join(set(sys.argv[2].split()) & set(sys.modules)))
"""


@pytest.mark.slow
def test_listing_documents_imports_no_large_library(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LISTING, str(tmp_path), HEAVY]
    listed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert listed.stdout.split() == []


def test_the_chat_page_imports_turns_without_the_engine() -> None:
    code = "import sys; from rag import Turns; print([name for name in sys.argv[1:] if name in sys.modules])"
    command = [sys.executable, "-c", code, "sqlalchemy", "rag.index"]
    imported = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert imported.stdout.split() == ["[]"]


def test_settings_read_meanwhile_miss_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILVUS_URI", "http://milvus:19530")
    uris: list[str] = []
    reading = threading.Thread(target=lambda: uris.append(Settings().milvus_uri))
    with milvus_uri_hidden():  # as when pymilvus is imported in the background
        reading.start()
        time.sleep(0.05)
    reading.join(10)
    assert uris == ["http://milvus:19530"]


def test_an_unusable_llm_is_said_and_the_library_stays_in_reach(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, openai_api_key="sk-test", openai_model="gpt-5.4-pro")
    with DocumentIndex(settings, background=False) as index:
        assert index.documents() == []
        with pytest.raises(SettingsError, match=r"OPENAI_MODEL 'gpt-5\.4-pro'"):
            index.ask("Who is there?")
        assert index.status().llm.state == "error"
        assert "OPENAI_MODEL" in index.status().llm.detail


@pytest.mark.slow
def test_a_library_being_made_ready_for_search_is_said_and_searches_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data_dir=tmp_path, embed_model="bundled")
    with DocumentIndex(settings) as index:
        index.ingest([("ferry.txt", b"The ferry to the island leaves at noon.")])
    search, begun, go_on = Searches._search_together, threading.Event(), threading.Event()

    async def slow(self: Searches, *arguments: object) -> object:
        begun.set()
        while not go_on.is_set():
            await asyncio.sleep(0.01)
        return await search(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Searches, "_search_together", slow)
    with DocumentIndex(settings) as index:
        assert begun.wait(30)
        milvus = index.status().milvus
        assert (milvus.state, milvus.detail) == ("starting", "Preparing the library for search…")
        threading.Timer(0.3, go_on.set).start()
        assert index.search("When does the ferry leave?")
        assert index.status().milvus.state == "ready"
