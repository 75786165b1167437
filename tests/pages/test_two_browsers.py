"""What a page says when another browser has been quicker. On the real index."""

from __future__ import annotations

import time

import pytest
from streamlit.testing.v1 import AppTest

from rag import DocumentIndex
from rag.schema import Message
from tests.pages.conftest import NOTES, OpenPage, all_text, button

pytestmark = pytest.mark.slow


def keyed(app: AppTest, start: str):
    return next(one for one in app.button if one.key and one.key.startswith(start))


def test_document_that_is_gone_already_is_said_to_be(open_page: OpenPage, library: DocumentIndex) -> None:
    (result,) = library.ingest([("soon gone.txt", b"A document that two people delete.")])
    app = open_page("documents")
    keyed(app, f"delete-{result.doc_id}").click().run()
    library.delete(result.doc_id or "")
    keyed(app, "confirm-delete-document").click().run()
    assert not app.exception
    assert "no such document in this collection" in app.error[0].value
    assert "**soon gone.txt** :green-badge" not in all_text(app.run())


def test_question_in_a_conversation_that_is_gone_begins_a_new_one(open_page: OpenPage, library: DocumentIndex) -> None:
    gone = library.conversations.create("Soon gone")
    app = open_page("chat")
    app.query_params["c"] = gone.conversation_id
    app.run()
    library.conversations.delete(gone.conversation_id)
    app.chat_input[0].set_value("What does parking cost?").run()
    assert not app.exception
    assert not app.error
    (conversation,) = [each for each in library.conversations.list() if each.title == "What does parking cost?"]
    answer_of(library, conversation.conversation_id)
    library.conversations.delete(conversation.conversation_id)


def test_retrying_in_a_conversation_that_is_gone_begins_a_new_one(open_page: OpenPage, library: DocumentIndex) -> None:
    gone = library.conversations.create("Soon gone")
    library.conversations.add(gone.conversation_id, Message("user", "What does parking cost?"))
    app = open_page("chat")
    app.query_params["c"] = gone.conversation_id
    app.run()
    retry = button(app, "Retry")
    library.conversations.delete(gone.conversation_id)
    retry.click().run()
    assert not app.exception
    assert "c" not in app.query_params
    assert "Soon gone" not in all_text(app)


def test_answer_is_kept_when_its_documents_go_while_it_is_read(open_page: OpenPage, library: DocumentIndex) -> None:
    conversation = library.conversations.create("Parking")
    app = open_page("chat")
    app.query_params["c"] = conversation.conversation_id
    app.run()
    app.chat_input[0].set_value("What does parking near the harbour cost?").run()
    answer = answer_of(library, conversation.conversation_id)
    (harbour,) = [each for each in library.documents() if each.file_name == "harbour.txt"]
    library.delete(harbour.doc_id)
    try:
        app.run()
        assert "3 dollars" in answer.content
        assert answer.content.split(" [")[0] in all_text(app).replace("\\", "")
        next(one for one in app.button if one.label == "Open source").click().run()
        assert not app.exception
        assert "harbour.txt has been deleted from the library" in app.info[0].value
    finally:
        library.ingest([("harbour.txt", NOTES.encode())])
        library.conversations.delete(conversation.conversation_id)


def answer_of(library: DocumentIndex, conversation_id: str) -> Message:
    end = time.monotonic() + 30
    while len(messages := library.conversations.messages(conversation_id)) < 2:
        assert time.monotonic() < end
        time.sleep(0.05)
    return messages[1]
