"""Attachments of mails become documents of their own."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from rag import DocumentIndex, Settings

pytestmark = pytest.mark.slow


def mail(subject: str, *files: tuple[str, bytes]) -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"] = "Ute <ute@example.org>", subject
    message.set_content(f"The text about {subject}.\n")
    for name, data in files:
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return bytes(message)


PRICES = b"boat,price\nferry,9 Euro\n"
INNER = mail("lanterns", ("lanterns.txt", b"The lanterns of the pier are green."))


@pytest.fixture
def index(settings: Settings) -> Iterator[DocumentIndex]:
    with DocumentIndex(settings) as opened:
        yield opened


def names(index: DocumentIndex) -> list[str]:
    return sorted(document.file_name for document in index.documents())


def test_attachments_are_ready_with_their_mail_and_outlive_it(index: DocumentIndex, settings: Settings) -> None:
    offer = mail("boats", ("prices.csv", PRICES), ("inner.eml", INNER))
    results = index.ingest([("offer.eml", offer), ("note.txt", b"A note of its own.")])
    assert [(result.file_name, result.status, result.notice) for result in results] == [
        ("offer.eml", "ready", None),
        ("note.txt", "ready", None),
    ]
    attached = ["offer.eml › inner.eml", "offer.eml › inner.eml › lanterns.txt", "offer.eml › prices.csv"]
    assert names(index) == ["note.txt", "offer.eml", *attached]
    assert {document.state for document in index.documents()} == {"ready"}
    assert index.search("What colour do the lanterns have?")[0].file_name == attached[1]
    (prices,) = [document for document in index.documents() if document.file_name == attached[2]]
    assert index.original(prices.doc_id) == PRICES

    assert results[0].doc_id
    index.delete(results[0].doc_id)
    index.delete(prices.doc_id)
    index.wait(index.reindex())
    assert names(index) == ["note.txt", *attached[:2]]
    kept = [path.name for path in (settings.data_dir / "files").rglob("*") if path.is_file()]
    assert sorted(kept) == sorted(
        name for document in index.documents() for name in (document.doc_id, f"{document.doc_id}.pages.json")
    )


def test_an_attachment_that_was_deleted_does_not_come_back_when_its_mail_is_read_again(index: DocumentIndex) -> None:
    index.ingest([("offer.eml", mail("boats", ("prices.csv", PRICES)))])
    (prices,) = [document for document in index.documents() if document.file_name != "offer.eml"]
    index.delete(prices.doc_id)
    index.wait(index.reindex())
    assert names(index) == ["offer.eml"]


def test_an_attachment_that_fails_is_told_with_the_mail(index: DocumentIndex) -> None:
    offer = mail("boats", ("broken.pdf", b"%PDF-1.7 and nothing else"), ("tool.exe", b"MZ\x90"), ("a.txt", b"A text"))
    (result,) = index.ingest([("offer.eml", offer)])
    assert result.status == "ready" and result.notice
    assert "Attachment not added: tool.exe is a .exe file, which is not supported" in result.notice
    assert "Attachment not added: offer.eml › broken.pdf is damaged" in result.notice
    documents = {document.file_name: document for document in index.documents()}
    assert documents["offer.eml › broken.pdf"].state == "failed"
    assert documents["offer.eml › a.txt"].state == "ready"
    assert "tool.exe" in (documents["offer.eml"].notice or "")


def test_a_file_in_the_library_is_not_added_again(index: DocumentIndex) -> None:
    index.ingest([("prices.csv", PRICES)])
    index.ingest([("offer.eml", mail("boats", ("prices.csv", PRICES)))])
    assert names(index) == ["offer.eml", "prices.csv"]


def test_limits_hold_for_attachments(settings: Settings, tmp_path: Path) -> None:
    limited = settings.model_copy(update={"max_documents": 2})
    files = [(f"{number}.txt", f"Text number {number}".encode()) for number in range(3)]
    with DocumentIndex(limited) as index:
        (result,) = index.ingest([("offer.eml", mail("boats", *files))])
        assert result.status == "ready"
        assert result.notice and result.notice.count("MAX_DOCUMENTS") == 2
        assert names(index) == ["offer.eml", "offer.eml › 0.txt"]


def test_mails_deep_within_mails_keep_their_attachments(index: DocumentIndex) -> None:
    data = mail("innermost", ("end.txt", b"The end."))
    for depth in range(5):
        data = mail(f"depth {depth}", (f"{depth}.eml", data))
    index.ingest([("a.eml", data)])
    expected = ["a.eml"]
    for depth in (4, 3, 2):
        expected.append(f"{expected[-1]} › {depth}.eml")
    assert names(index) == expected
    (deepest,) = [document for document in index.documents() if document.file_name == expected[-1]]
    assert "weren't added" in (deepest.notice or "")
