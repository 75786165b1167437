"""Pictures on their way into the library: by the engines of this machine, or by the language model if OCR=llm."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from rag import DocumentIndex, Settings
from rag.ingestion import reader_process
from tests.fakes.llm_server import LLMServer, Reply
from tests.readers.samples import picture, saved

pytestmark = pytest.mark.slow

FERRY = ("The ferry to Malmo leaves at noon", "and costs 12 crowns for each child.")


def settings(folder: Path, server: LLMServer, **values: str) -> Settings:
    return Settings(data_dir=folder, embed_model="bundled", openai_base_url=server.url, openai_model="seer", **values)  # type: ignore[arg-type]


def test_a_picture_becomes_a_document_with_highlights(
    tmp_path: Path, llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Less than the models take to load: recognition has its own time.
    monkeypatch.setattr(reader_process, "SILENT_SECONDS", 4.0)
    data = saved(picture(*FERRY), "PNG")
    with DocumentIndex(settings(tmp_path, llm_server, ocr="rapidocr")) as index:
        (result,) = index.ingest([("ferry.png", data)])
        assert (result.status, result.pages) == ("ready", 1), result.error
        assert result.notice == "Page 1 was recognised from a picture by RapidOCR."
        text = index.page_text(result.doc_id, 1)
        assert "costs 12 crowns" in text
        start = text.index("costs")
        ((left, top, right, bottom),) = index.page_marks(result.doc_id, 1, [(start, start + len("costs 12 crowns"))])
        assert 0.05 < left < 0.2 < right < 0.5 and 0.4 < top < bottom < 0.85
        shown = Image.open(BytesIO(index.page_image(result.doc_id, 1, [(start, start + 5)])))
        assert shown.width == 900 and index.image_pages(result.doc_id) == 1
        assert index.verify().good
        index.delete(result.doc_id)
    assert not [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
    assert not llm_server.requests


def test_a_picture_that_takes_too_long_is_given_up(
    tmp_path: Path, llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_process, "RECOGNITION_SECONDS", 0.05)
    with DocumentIndex(settings(tmp_path, llm_server, ocr="rapidocr")) as index:
        (result,) = index.ingest([("ferry.png", saved(picture(*FERRY), "PNG"))])
        assert result.error is not None and result.error.startswith("ferry.png takes too long to read")


def test_a_language_model_reads_pictures_if_it_is_told_to(tmp_path: Path, llm_server: LLMServer) -> None:
    llm_server.replies.append(Reply("# Ferry\n\nIt leaves at noon."))
    with DocumentIndex(settings(tmp_path, llm_server, ocr="llm")) as index:
        (result,) = index.ingest([("ferry.png", saved(picture(*FERRY), "PNG"))])
        assert result.status == "ready", result.error
        assert index.page_text(result.doc_id, 1) == "# Ferry\n\nIt leaves at noon."
        assert result.notice == "Page 1 was recognised from a picture by the language model."
    (request,) = llm_server.requests
    (content,) = [part for part in request.body["messages"][-1]["content"] if part["type"] == "image_url"]
    kind, _, encoded = content["image_url"]["url"].partition(",")
    assert kind == "data:image/png;base64"
    assert Image.open(BytesIO(base64.b64decode(encoded))).size == picture(*FERRY).size


def test_a_language_model_that_refuses_fails_the_document_in_its_words(tmp_path: Path, llm_server: LLMServer) -> None:
    llm_server.replies.append(Reply(status=401, code="invalid_api_key"))
    with DocumentIndex(settings(tmp_path, llm_server, ocr="llm")) as index:
        (result,) = index.ingest([("ferry.png", saved(picture(*FERRY), "PNG"))])
        assert result.status == "failed"
        assert "key" in (result.error or "").lower()
        # The next document has a reader again.
        assert index.ingest([("note.txt", b"The lamp of the tower is green.")])[0].status == "ready"
