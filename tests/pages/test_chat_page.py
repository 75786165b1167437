"""The chat page: asking, sources, follow-ups, failures, stopping, conversations."""

from __future__ import annotations

import time

from rag import DocumentIndex
from rag.errors import LLMError, StoreUnavailable
from rag.schema import Citation, Evidence, Job, Message, PartStatus, Passage, Status
from tests.pages.conftest import OpenPage, all_text, button
from tests.pages.index_double import READY, AnswerDouble, IndexDouble

PASSAGE = Passage("The lamp is green. The tower is tall.", "varn.txt", "d", 3, 0, 37, 0.9)


def ask(app, question: str):
    return app.chat_input[0].set_value(question).run()


def test_question_is_answered_from_the_documents_with_the_cited_source(open_page: OpenPage) -> None:
    app = ask(open_page("chat"), "Who built the lighthouse?")
    assert not app.exception
    text = all_text(app)
    assert "Ada Brandt" in text
    assert ":blue-badge[1]" in text
    assert "**Sources**" in text
    assert any("varn.txt" in box.label for box in app.expander)
    assert ":yellow-background[" in text
    assert "no language model is connected" in text


def test_conversation_is_in_the_address_and_is_shown_again(open_page: OpenPage) -> None:
    app = ask(open_page("chat"), "When does the ferry sail in winter?")
    conversation_id = app.query_params["c"]
    again = open_page("chat")
    again.query_params["c"] = conversation_id
    again.run()
    assert "When does the ferry sail in winter?" in all_text(again)
    assert "once a week" in all_text(again)


def test_filter_restricts_the_answer_to_the_chosen_document(open_page: OpenPage, library: DocumentIndex) -> None:
    app = open_page("chat")
    notes = next(document for document in library.documents() if document.file_name == "harbour.txt")
    app.multiselect[0].set_value([notes.doc_id]).run()
    app = ask(app, "What does it cost?")
    message = library.conversations.messages(app.query_params["c"])[-1]
    assert message.evidence
    assert {passage.file_name for passage in message.evidence.passages} == {"harbour.txt"}


def test_suggested_question_is_asked_at_a_click(open_page: OpenPage, library: DocumentIndex) -> None:
    suggestion = library.suggestions()[0]
    app = open_page("chat")
    next(one for one in app.button if one.key == "suggestion-0").click().run()
    messages = library.conversations.messages(app.query_params["c"])
    assert [message.role for message in messages] == ["user", "assistant"]
    assert messages[0].content == suggestion


def test_empty_library_tells_what_to_do(open_double: OpenPage) -> None:
    text = all_text(open_double("chat"))
    assert "Ask your documents" in text
    assert "Go to documents" in text


def test_failure_in_mid_answer_keeps_the_part_and_offers_retry(open_double: OpenPage, double: IndexDouble) -> None:
    double.add("varn.txt")
    failing = LLMError("The language model broke off; try again.")
    double.answer = lambda question, on_wait: AnswerDouble(question, [PASSAGE], ["Half an ", "answer"], error=failing)
    app = ask(open_double("chat"), "What lamp?")
    assert "Half an answer" in all_text(app)
    assert "The language model broke off; try again." in app.error[0].value

    double.answer = lambda question, on_wait: AnswerDouble(question, [PASSAGE], ["A whole answer"])
    button(app, "Retry").click().run()
    assert [m.content for m in double.conversations.messages("c1")] == ["What lamp?", "A whole answer"]
    assert not app.error


def test_question_is_kept_when_milvus_is_away(open_double: OpenPage, double: IndexDouble) -> None:
    double.add("varn.txt")
    away = "Milvus at http://127.0.0.1:1 can't be reached."
    double.state = Status(READY.embedding, PartStatus("error", "Milvus", away), READY.llm)
    double.fail = StoreUnavailable(away)
    app = open_double("chat")
    assert "goes on trying" in app.warning[0].value
    app = ask(app, "What lamp?")
    assert double.conversations.messages("c1")[0] == Message("user", "What lamp?")
    assert "can't be reached" in app.error[0].value
    assert button(app, "Retry")


def test_unexpected_failure_is_one_sentence_without_internals(open_double: OpenPage, double: IndexDouble) -> None:
    double.add("varn.txt")

    def broken(question: str, on_wait: object) -> AnswerDouble:
        raise RuntimeError("secret internals")

    double.answer = broken
    app = ask(open_double("chat"), "What lamp?")
    assert "Something went wrong" in app.error[0].value
    assert "secret" not in all_text(app)


def test_stopped_answer_is_kept_and_said_to_be_stopped(double: IndexDouble) -> None:
    from pages.parts.turns import Turns

    conversation = double.conversations.create("q")
    answers = []

    def slow(question: str, on_wait) -> AnswerDouble:
        answers.append(AnswerDouble(question, [PASSAGE], ["word "] * 500, pause=0.02, on_wait=on_wait))
        return answers[0]

    double.answer = slow
    turns = Turns()
    turn = turns.start(double, conversation.conversation_id, "q", [], None)  # type: ignore[arg-type]
    deadline = time.monotonic() + 10
    while not turn.text and time.monotonic() < deadline:
        time.sleep(0.01)
    turns.stop(conversation.conversation_id)
    assert answers[0].stopped
    kept = double.conversations.messages(conversation.conversation_id)[-1]
    assert kept.content.startswith("word ")
    assert len(kept.content) < 500 * len("word ")
    assert kept.evidence
    assert kept.evidence.error == "Stopped."
    assert turns.running(conversation.conversation_id) is None


def test_question_with_files_waits_for_their_ingestion(double: IndexDouble) -> None:
    from pages.parts.turns import Turns

    double.answer = lambda question, on_wait: AnswerDouble(question, [PASSAGE], ["answer"])
    double.job_list = [Job("j1", "a.txt", "d", "embedding")]
    conversation = double.conversations.create("q")
    turn = Turns().start(double, conversation.conversation_id, "q", [], None, ["j1"])  # type: ignore[arg-type]
    assert not turn.wait(0.5)
    assert turn.stage == "reading"
    double.job_list = [Job("j1", "a.txt", "d", "ready")]
    assert turn.wait(5)
    assert double.conversations.messages(conversation.conversation_id)[-1].content == "answer"


def test_stopped_answer_shows_what_had_arrived(open_double: OpenPage, double: IndexDouble) -> None:
    conversation = double.conversations.create("q")
    double.conversations.add(conversation.conversation_id, Message("user", "q"))
    stopped = Evidence("q", (PASSAGE,), (), False, "Stopped.")
    double.conversations.add(conversation.conversation_id, Message("assistant", "Some words", stopped))
    app = open_double("chat")
    button(app, "q").click().run()
    assert "Some words" in all_text(app)
    assert "The part that had arrived is kept." in all_text(app)
    assert not app.error


def test_unanswered_question_can_be_asked_again(open_double: OpenPage, double: IndexDouble) -> None:
    conversation = double.conversations.create("q")
    double.conversations.add(conversation.conversation_id, Message("user", "q"))
    double.answer = lambda question, on_wait: AnswerDouble(question, [PASSAGE], ["Now answered"])
    app = open_double("chat")
    button(app, "q").click().run()
    assert "This question wasn't answered." in all_text(app)
    button(app, "Retry").click().run()
    assert "Now answered" in all_text(app)


def test_citation_without_support_is_marked(open_double: OpenPage, double: IndexDouble) -> None:
    citations = (Citation(1, "The lamp is green", 0, 18, True), Citation(1, "It is blue", 0, 0, False))
    conversation = double.conversations.create("q")
    double.conversations.add(conversation.conversation_id, Message("user", "q"))
    evidence = Evidence("q", (PASSAGE, PASSAGE), citations)
    double.conversations.add(conversation.conversation_id, Message("assistant", "Green [1]. Blue [1].", evidence))
    app = open_double("chat")
    button(app, "q").click().run()
    text = all_text(app)
    assert "Green :blue-badge[1]. Blue :orange-badge[1?]." in text
    assert ":orange[Not borne out by this passage:] It is blue" in text
    assert "varn.txt · page 3" in text
    assert "Also retrieved: 1 passage not cited" in text


def test_hostile_answer_and_titles_stay_text(open_double: OpenPage, double: IndexDouble) -> None:
    hostile = "![x](https://evil.example) :red[y] <b>z</b> $a$"
    conversation = double.conversations.create(hostile)
    double.add(hostile)
    double.conversations.add(conversation.conversation_id, Message("user", hostile))
    evidence = Evidence(
        hostile, (Passage(hostile, hostile, "d", None, 0, 5, 1.0),), (Citation(1, hostile, 0, 5, True),)
    )
    double.conversations.add(conversation.conversation_id, Message("assistant", f"{hostile} [1]", evidence))
    app = open_double("chat")
    app.query_params["c"] = conversation.conversation_id
    app.run()
    text = all_text(app)
    assert "evil.example" in text
    assert "![x]" not in text
    assert ":red[" not in text
    assert "$a$" not in text


def test_deleted_conversation_in_the_address_opens_a_new_one(open_double: OpenPage) -> None:
    app = open_double("chat")
    app.query_params["c"] = "gone"
    app.run()
    assert not app.exception
    assert "c" not in app.query_params
    assert "Ask your documents" in all_text(app)


def test_mismatch_offers_reindexing(open_double: OpenPage, double: IndexDouble) -> None:
    double.state = Status(READY.embedding, READY.milvus, READY.llm, mismatch="Built with another model.")
    app = open_double("chat")
    assert "Built with another model." in all_text(app)
    button(app, "Re-index").click().run()
    assert ("reindex",) in double.calls


def test_notice_is_shown(open_double: OpenPage, double: IndexDouble) -> None:
    double.state = Status(READY.embedding, READY.milvus, READY.llm, notice="The bundled model is used.")
    assert any("The bundled model is used." in caption.value for caption in open_double("chat").caption)


def test_loading_of_the_model_is_shown(open_double: OpenPage, double: IndexDouble) -> None:
    double.state = Status(PartStatus("starting", "some/model"), READY.milvus, READY.llm)
    assert "Loading the embedding model" in all_text(open_double("chat"))
