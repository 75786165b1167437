from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from rag import DocumentIndex, Settings
from rag.ingestion.messages import TextRead
from rag.ingestion.reader_process import ReaderProcess
from rag.schema import Page
from rag.storage.files import FileStore

PATIENCE = 60.0


def test_text_that_is_read_of_a_document_that_is_gone_by_then_is_not_kept(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadline = time.monotonic() + PATIENCE
    written: list[str] = []

    async def read_slowly(self: ReaderProcess, folder: Path, doc_id: str, *_: Any) -> AsyncGenerator[TextRead, None]:
        files = FileStore(folder)
        while any(path.name == doc_id for path in folder.rglob("*")):
            await asyncio.sleep(0.01)
        files.write_temporary_pages(doc_id, [Page("what was read")])
        written.append(doc_id)
        yield TextRead(1)

    monkeypatch.setattr(ReaderProcess, "read", read_slowly)
    with DocumentIndex(settings) as index:
        job = index.submit("ferry.txt", b"The ferry to the island leaves at noon.")
        while index.jobs()[0].stage != "reading":
            assert time.monotonic() < deadline
            time.sleep(0.01)
        index.cancel(job.job_id)
        while not written or any(path.is_file() for path in (settings.data_dir / "files").rglob("*")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
