"""A Milvus server that isn't there, comes, goes away and returns."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from rag import DocumentIndex, Settings, StoreUnavailable
from rag.ingestion import inserting
from rag.vector_store import connection
from tests.servers.tcp_relay import TcpRelay
from tests.waiting import wait_until

pytestmark = pytest.mark.milvus

TEA = b"The tea house opens at seven in the morning. It serves forty kinds of tea."
FERRY = b"The ferry to the island leaves at noon. A ticket costs nine euros."


@pytest.fixture
def relay(milvus_server: str, free_port: int) -> Iterator[TcpRelay]:
    relay = TcpRelay(free_port, urlsplit(milvus_server).port or 0)
    yield relay
    relay.close()


def behind(relay: TcpRelay, folder: Path) -> Settings:
    uri = f"http://127.0.0.1:{relay.port}"
    return Settings(data_dir=folder, milvus_uri=uri, embed_model="bundled", collection=f"outage_{uuid4().hex[:8]}")


def test_everything_heals_by_itself_when_milvus_comes_and_returns(relay: TcpRelay, tmp_path: Path) -> None:
    settings = behind(relay, tmp_path)
    with DocumentIndex(settings) as index:
        wait_until(lambda: index.status().milvus.state == "error")
        assert str(relay.port) in index.status().milvus.detail
        (result,) = index.ingest([("tea.txt", TEA)])
        assert (result.status, index.documents()[0].state) == ("failed", "pending")

        relay.open()
        wait_until(lambda: index.documents()[0].state == "ready")
        assert index.search("When does it open?")[0].file_name == "tea.txt"

        relay.close()
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            index.search("When does it open?")
        assert time.monotonic() - began < 40
        wait_until(lambda: index.status().milvus.state == "error")
        job = index.submit("ferry.txt", FERRY)

        relay.open()
        wait_until(lambda: index.status().milvus.state == "ready")
        assert index.search("When does it open?")[0].file_name == "tea.txt"
        wait_until(lambda: index.document(job.doc_id).state == "ready")
        assert index.search("When does the ferry leave?")[0].file_name == "ferry.txt"
        assert index.reset().left == 0


def test_connections_on_which_nothing_comes_back_are_given_up_and_made_anew(
    relay: TcpRelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind a gateway that has forgotten them, or with a server that is paused."""
    monkeypatch.setattr(connection, "CALL_SECONDS", 4.0)
    monkeypatch.setattr(inserting, "PATIENCE_SECONDS", 3.0)
    relay.open()
    settings = behind(relay, tmp_path)
    with DocumentIndex(settings) as index:
        assert index.ingest([("tea.txt", TEA)])[0].status == "ready"
        waits: list[float] = []

        def search() -> None:
            began = time.monotonic()
            with pytest.raises(StoreUnavailable):
                index.search("When does it open?")
            waits.append(time.monotonic() - began)

        relay.silence()
        searches = [threading.Thread(target=search) for _ in range(8)]
        for thread in searches:
            thread.start()
        job = index.submit("ferry.txt", FERRY)
        (stopped,) = index.wait([job])
        assert stopped.error and "doesn't answer" in stopped.error
        assert index.document(job.doc_id).state == "pending"
        for thread in searches:
            thread.join()
        assert len(waits) == 8
        assert max(waits) < 15
        relay.open()
        wait_until(lambda: index.document(job.doc_id).state == "ready")
        assert index.search("When does the ferry leave?")[0].file_name == "ferry.txt"
        assert index.search("When does it open?")[0].file_name == "tea.txt"
        assert index.reset().left == 0
