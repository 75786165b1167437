"""Requests that the library itself answers: greetings, its documents, and what a document or a section says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rag import DocumentIndex, Settings
from rag.answering.requests import request_in
from rag.schema import Message

pytestmark = pytest.mark.slow

GUIDE = (
    "# Guide to the lighthouse\n\nThe lighthouse of Aldermoor stands on the northern cliff and has been open to all "
    "visitors since 1951.\n\n## History\n\nIt was built in 1874 by the harbour board. Its lamp burned oil at first.\n\n"
    "## Prices\n\n| Ticket | Price |\n| --- | --- |\n| Adult | 9 crowns |\n| Child | 4 crowns |\n"
)
RECIPES = "Bread\n\nThe dough of rye bread rests for twelve hours in a cool room before it is baked in a stone oven.\n"
TABLE = "Harbour,Depth\nAldermoor,12\nBrynfield,9\n"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DocumentIndex]:
    folder: Path = tmp_path_factory.mktemp("library")
    settings = Settings(milvus_uri=str(folder / "m.db"), embed_model="bundled", data_dir=folder)
    with DocumentIndex(settings) as index:
        index.ingest(
            [("guide.md", GUIDE.encode()), ("rye bread.txt", RECIPES.encode()), ("depths.csv", TABLE.encode())]
        )
        yield index


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("How many documents do I have?", "You have 3 documents."),
        ("Wie viele Dokumente habe ich?", "Sie haben 3 Dokumente."),
        ("문서가 몇 개 있나요?", "문서 3개가 있습니다."),
        ("Hello, what can you do?", "Hello. I answer questions from your documents (3 documents)."),
        ("Bonjour", "Bonjour. Je réponds aux questions à partir de vos documents (3 documents)."),
        ("Which documents talk about bread?", "These documents say something about “bread”: rye bread.txt."),
        ("What is guide about?", "The lighthouse of Aldermoor stands on the northern cliff"),
        ("Worum geht es in rye bread?", "The dough of rye bread rests for twelve hours"),
        ("What does the guide say about history?", "It was built in 1874 by the harbour board."),
        ("guide에서는 history에 대해 무엇이라고 하나요?", "It was built in 1874 by the harbour board."),
        ("What does guide say about prices?", "Adult — Price: 9 crowns [1]\nChild — Price: 4 crowns [1]"),
        ("What is depths about?", "depths.csv is a table with the columns Harbour, Depth. [1]"),
        ("Summarise guide.md", "Writing a summary needs a language model. This is how guide.md begins:"),
        ("Compare the prices for adults and children", "This needs a language model, which isn't connected."),
    ],
)
def test_the_library_answers(library: DocumentIndex, question: str, first: str) -> None:
    answer = library.ask(question)
    assert answer.text.startswith(first)
    assert all(citation.supported for citation in answer.citations if not first.startswith(("depths", "This needs")))


def test_this_document_is_the_chosen_one_or_that_of_the_last_answer(library: DocumentIndex) -> None:
    guide = next(document.doc_id for document in library.documents() if document.file_name == "guide.md")
    assert "lighthouse" in library.ask("What is this document about?", doc_ids=[guide]).text
    before = library.ask("How long does the dough of rye bread rest?")
    history = [Message("user", before.question), Message("assistant", before.text, before.evidence())]
    assert "twelve hours" in library.ask("What is this document about?", history=history).text


def test_every_suggested_question_is_answered(library: DocumentIndex) -> None:
    suggestions = library.suggestions()
    assert len(suggestions) == 4
    for suggestion in suggestions:
        answer = library.ask(suggestion)
        assert not answer.refused
        assert answer.text
        assert "#" not in answer.text


@pytest.mark.parametrize(
    "question",
    [
        "What is the fuss about the new road in Aldermoor worth?",
        "Who compared the two harbours?",
        "How deep is Aldermoor?",
    ],
)
def test_other_questions_are_no_requests(question: str) -> None:
    assert request_in(question) is None
