"""Nobody gets at another collection's documents, by an id, a name, an address or a session."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from reportlab.pdfgen.canvas import Canvas
from streamlit.testing.v1 import AppTest

import rag
from pages.parts.chat.source_view import Source
from rag import DocumentIndex, NotFound, Settings
from rag.schema import Evidence, Message, Passage
from rag.storage.conversations import Conversations
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.slow

OURS = b"The tea house opens at seven in the morning. It serves forty kinds of tea."


def secret_pdf() -> bytes:
    kept = io.BytesIO()
    canvas = Canvas(kept, invariant=1)
    canvas.drawString(72, 720, "The password of the safe is swordfish.")
    canvas.save()
    return kept.getvalue()


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DocumentIndex, str, str]]:
    """The library of one collection; the id of its document, and of one in another collection of the same folder."""
    folder = tmp_path_factory.mktemp("isolation")
    settings = Settings(data_dir=folder, embed_model="bundled", collection="theirs", milvus_uri=str(folder / "1.db"))
    with DocumentIndex(settings) as theirs:
        (secret,) = theirs.ingest([("secret.pdf", secret_pdf())])
        assert secret.status == "ready"
        assert theirs.image_pages(secret.doc_id or "") == 1
    ours = settings.model_copy(update={"collection": "ours"})
    with DocumentIndex(ours) as index:
        (tea,) = index.ingest([("tea.txt", OURS)])
        yield index, tea.doc_id or "", secret.doc_id or ""


def test_a_document_of_another_collection_is_not_found(libraries: tuple[DocumentIndex, str, str]) -> None:
    index, _, secret = libraries
    assert (index.settings.data_dir / "files" / secret[:2] / secret).is_file(), "its bytes are in the same folder"
    for call in (
        index.document,
        index.original,
        index.page_text,
        lambda doc_id: index.page_text(doc_id, 1),
        index.image_pages,
        lambda doc_id: index.page_image(doc_id, 1),
        lambda doc_id: index.page_image(doc_id, 1, [(0, 5)]),
        lambda doc_id: index.page_marks(doc_id, 1, [(0, 5)]),
        index.retry,
        index.delete,
    ):
        with pytest.raises(NotFound):
            call(secret)
    assert (index.settings.data_dir / "files" / secret[:2] / secret).is_file()


def test_questions_find_nothing_of_another_collection(libraries: tuple[DocumentIndex, str, str]) -> None:
    index, tea, secret = libraries
    question = "What is the password of the safe?"
    assert {passage.doc_id for passage in index.search(question)} <= {tea}
    assert index.search(question, doc_ids=[secret]) == []
    assert index.search(question, doc_ids=[secret, tea], top_k=50)[0].doc_id == tea
    assert index.ask(question, doc_ids=[secret]).passages == []
    assert all("secret" not in suggestion for suggestion in index.suggestions())


def test_the_same_bytes_in_two_collections_are_removed_from_one_only(
    libraries: tuple[DocumentIndex, str, str],
) -> None:
    index, _, secret = libraries
    assert index.ingest([("own name.pdf", secret_pdf())])[0].doc_id == secret
    assert index.document(secret).file_name == "own name.pdf"
    assert index.delete(secret).left == 0
    with pytest.raises(NotFound):
        index.original(secret)
    theirs = index.settings.model_copy(update={"collection": "theirs"})
    index_of_theirs = index._catalog.__class__(index._engine, theirs.milvus_key, "theirs")
    assert index_of_theirs.find(secret) is not None
    assert (index.settings.data_dir / "files" / secret[:2] / secret).is_file()


def test_neither_address_nor_session_opens_a_document_of_another_collection(
    libraries: tuple[DocumentIndex, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    index, tea, secret = libraries
    monkeypatch.setattr(rag, "DocumentIndex", lambda settings: index)
    monkeypatch.setenv("DATA_DIR", str(index.settings.data_dir))
    st.cache_resource.clear()
    conversation = index.conversations.create("About tea")
    passage = Passage("The password of the safe is swordfish.", "secret.pdf", secret, 1, 0, 38, 1.0)
    talks = Conversations(index._engine, "theirs")
    talk = talks.create("About the safe").conversation_id
    talks.add(talk, Message("user", "What is the password of the safe?"))
    talks.add(talk, Message("assistant", "It is swordfish [1].", Evidence("q", (passage,))))
    app = AppTest.from_file(str(REPOSITORY / "app.py"), default_timeout=60)
    for name in ("doc", "doc_id", "source", "page", "file"):
        app.query_params[name] = secret
    app.query_params["c"] = conversation.conversation_id
    # As if a session could be made to hold it: what the source view opens is asked of the collection again.
    app.session_state["source"] = Source(
        conversation.conversation_id, 0, passage.doc_id, passage.file_name, 1, ((0, 1),), False, 1
    )
    app.session_state["chosen-documents"] = [secret, tea]
    app.run()
    assert not app.exception
    assert "has been deleted from the library" in app.info[0].value
    assert not [element for element in app.main if element.type in ("imgs", "image", "download_button")]
    assert app.session_state["chosen-documents"] == [tea]
    for strange in ("../../x", "' OR 1=1 --", "\x00", "x" * 5000, secret, talk):
        app.query_params["c"] = strange
        app.run()
        assert not app.exception
        assert "c" not in app.query_params
        assert app.session_state["conversation"] is None
        everything = repr(app)
        assert "About tea" in everything and "swordfish" not in everything and "the safe" not in everything
    assert len(talks.messages(talk)) == 2
    st.cache_resource.clear()


def test_files_are_kept_by_their_hash_only(libraries: tuple[DocumentIndex, str, str], tmp_path: Path) -> None:
    index, tea, secret = libraries
    names = {path.name for path in (index.settings.data_dir / "files").rglob("*") if path.is_file()}
    assert {name[:64] for name in names} <= {tea, secret}
