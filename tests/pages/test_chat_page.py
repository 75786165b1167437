"""The chat page: asking, sources, follow-ups, failures, stopping, conversations."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from rag import DocumentIndex
from rag.errors import LLMError, ReadError, StoreUnavailable
from rag.schema import Candidate, Citation, Evidence, Job, Message, PartStatus, Passage, Status, Trace
from tests.pages.conftest import OpenPage, all_text, button
from tests.pages.index_double import READY, AnswerDouble, IndexDouble

pytestmark = pytest.mark.slow

PASSAGE = Passage("The lamp is green. The tower is tall.", "varn.txt", "d", 3, 0, 37, 0.9)


@pytest.fixture(autouse=True)
def _nothing_kept_of_pages_that_were_shown_before() -> None:
    st.cache_data.clear()


def answered(
    double: IndexDouble, passages: Sequence[Passage], citations: Sequence[Citation] = (), *, text: str = "Green [1]."
) -> str:
    """A conversation of one question and one answer; returns its id."""
    conversation_id = double.conversations.create("q").conversation_id
    double.conversations.add(conversation_id, Message("user", "q"))
    evidence = Evidence("q", tuple(passages), tuple(citations))
    double.conversations.add(conversation_id, Message("assistant", text, evidence))
    return conversation_id


def visit(open_double: OpenPage, conversation_id: str) -> AppTest:
    app = open_double("chat")
    app.query_params["c"] = conversation_id
    return app.run()


def open_source(app: AppTest, place: int = 0) -> AppTest:
    """Click the "Open source" button at `place`, counted from the top."""
    return [one for one in app.button if one.label == "Open source"][place].click().run()


def from_page_3(double: IndexDouble, **changes) -> Passage:
    """A passage that begins at character 100 of page 3 of a PDF of 5 pages."""
    document = double.add("varn.pdf", pages=5)
    double.pictures = 5
    return Passage("The lamp is green. The tower is tall.", "varn.pdf", document.doc_id, 3, 100, 137, 0.9)


def has_panel(app: AppTest) -> bool:
    return any(one.key == "close-source" for one in app.button)


def labels(app: AppTest) -> list[str]:
    return [one.label for one in app.button]


def ask(app, question: str):
    return app.chat_input[0].set_value(question).run()


def test_question_is_answered_from_the_documents_with_the_cited_source(open_page: OpenPage) -> None:
    app = ask(open_page("chat"), "Who built the lighthouse?")
    assert not app.exception
    text = all_text(app)
    assert "Ada Brandt" in text
    assert ":gray-badge[1]" in text
    assert ":blue-badge[" not in text, "a sentence of a document always bears itself out"
    assert "closest sentences and rows found" in text
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


def test_questions_beyond_the_limit_of_a_minute_are_kept_and_answered_later(
    open_double: OpenPage, double: IndexDouble
) -> None:
    double.add("varn.txt")
    double.settings = double.settings.model_copy(update={"questions_per_minute": 1})
    double.answer = lambda question, on_wait: AnswerDouble(question, [PASSAGE], ["A whole answer"])
    app = ask(ask(open_double("chat"), "What lamp?"), "Whose lamp?")
    assert "answers 1 question in a minute" in app.error[0].value and "QUESTIONS" in app.error[0].value
    assert [m.content for m in double.conversations.messages("c1")] == ["What lamp?", "A whole answer", "Whose lamp?"]
    assert [call[1] for call in double.calls if call[0] == "ask"] == ["What lamp?"]
    double.settings = double.settings.model_copy(update={"questions_per_minute": 2})
    button(app, "Retry").click().run()
    assert double.conversations.messages("c1")[-1].content == "A whole answer"


def test_retry_beyond_the_limit_of_a_minute_leaves_what_had_arrived(open_double: OpenPage, double: IndexDouble) -> None:
    double.settings = double.settings.model_copy(update={"questions_per_minute": 1})
    conversation_id = double.conversations.create("q").conversation_id
    double.conversations.add(conversation_id, Message("user", "What lamp?"))
    stopped = Message("assistant", "The lamp is", Evidence("q", error="Stopped."))
    double.conversations.add(conversation_id, stopped)
    double.answer = lambda question, on_wait: AnswerDouble(question, [PASSAGE], ["A whole answer"])
    ask(open_double("chat"), "Whose lamp?")  # in another conversation
    app = visit(open_double, conversation_id)
    button(app, "Retry").click().run()
    assert "QUESTIONS" in app.error[0].value
    assert double.conversations.messages(conversation_id)[-1] == stopped
    assert "The lamp is" in all_text(app)


def test_question_beyond_the_limit_of_a_minute_does_not_stop_a_running_answer(
    open_double: OpenPage, double: IndexDouble
) -> None:
    from pages.parts.chat.conversations import open_turns

    double.settings = double.settings.model_copy(update={"questions_per_minute": 1})
    conversation_id = double.conversations.create("q").conversation_id
    double.answer = lambda question, on_wait: AnswerDouble(
        question, [PASSAGE], ["word "] * 100, pause=0.02, on_wait=on_wait
    )
    app = visit(open_double, conversation_id)
    double.conversations.add(conversation_id, Message("user", "What lamp?"))
    open_turns().admit(double)  # type: ignore[arg-type]
    turn = open_turns().start(double, conversation_id, "What lamp?", [], None)  # type: ignore[arg-type]
    ask(app, "Whose lamp?")
    assert turn.done, "the page watched it to its end"
    assert [m.content for m in double.conversations.messages(conversation_id)] == ["What lamp?", "word " * 100]


def test_too_long_question_is_refused_and_not_kept(open_double: OpenPage, double: IndexDouble) -> None:
    double.add("varn.txt")
    app = ask(open_double("chat"), "lamp " * 2_001)
    assert "10,004 characters" in app.error[0].value
    assert double.conversations.list() == [] and not double.calls


def test_unexpected_failure_is_one_sentence_without_internals(open_double: OpenPage, double: IndexDouble) -> None:
    double.add("varn.txt")

    def broken(question: str, on_wait: object) -> AnswerDouble:
        raise RuntimeError("secret internals")

    double.answer = broken
    app = ask(open_double("chat"), "What lamp?")
    assert "Something went wrong" in app.error[0].value
    assert "secret" not in all_text(app)


def test_stopped_answer_is_kept_and_said_to_be_stopped(double: IndexDouble) -> None:
    from rag.answering.turns import Turns

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
    from rag.answering.turns import Turns

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


def test_numbers_that_the_passage_lacks_are_named_and_marked_in_red(open_double: OpenPage, double: IndexDouble) -> None:
    citations = (
        Citation(1, "It rose by 12.4", 0, 0, False, ("12.4",)),
        Citation(1, "It fell from 3 to 2", 0, 0, False, ("3", "2")),
        Citation(2, "It is blue", 0, 0, False),
    )
    app = visit(open_double, answered(double, [PASSAGE, PASSAGE], citations, text="Up [1]. Down [1]. Blue [2]."))
    text = all_text(app)
    assert "Up :red-badge[1!]. Down :red-badge[1!]. Blue :orange-badge[2?]." in text
    assert ":red[12\\.4 isn't in this passage:] It rose by 12.4" in text
    assert ":red[3 and 2 aren't in this passage:] It fell from 3 to 2" in text
    assert any(box.label.startswith(":red-badge[1!]") for box in app.expander)
    assert ":red-badge[!] That passage doesn't hold the numbers" in text
    assert ":orange-badge[?] No sentence of that passage" in text


def test_refused_answer_calls_its_passages_the_nearest_ones(open_double: OpenPage, double: IndexDouble) -> None:
    conversation = double.conversations.create("q")
    double.conversations.add(conversation.conversation_id, Message("user", "q"))
    evidence = Evidence("q", (PASSAGE, PASSAGE), extractive=True, refused=True)
    double.conversations.add(conversation.conversation_id, Message("assistant", "It isn't there.", evidence))
    text = all_text(visit(open_double, conversation.conversation_id))
    assert "**Nearest passages**" in text
    assert "Nothing was found that clearly answers the question" in text
    assert "**Sources**" not in text
    assert "Also retrieved" not in text
    assert "closest sentences and rows found" not in text
    assert text.count(":gray-badge[") == 2


def why_panel(app: AppTest):
    (panel,) = [box for box in app.expander if box.label == "Why this answer"]
    return panel


def test_why_panel_shows_what_was_searched_considered_and_spent(open_double: OpenPage, double: IndexDouble) -> None:
    double.add("varn.txt")
    candidates = (
        Candidate("varn.txt", "d", 3, "The lamp is green.", 1, 0.71, 2, 9.87, 0.9),
        Candidate("other.txt", "e", None, "A lamp.", None, None, 1, 12.34, 0.4, left_out="overlaps a better one"),
    )
    trace = Trace(candidates, 0.6, (("embed the question", 4.2), ("write the answer", 1234.0)), 1500, 40)
    double.answer = lambda question, on_wait: AnswerDouble(question, [PASSAGE], ["Green [1]."], trace=trace)
    panel = why_panel(ask(open_double("chat"), "What *lamp*?"))
    text = "\n".join(element.value for element in panel.markdown)
    assert "**Searched for:** What \\*lamp\\*?" in text
    assert "the best 2 candidates" in text
    assert "meaning (dense search) 60%, words (lexical search) 40%" in text
    assert "embed the question 4 ms · write the answer 1,234 ms" in text
    assert "prompt 1,500 · answer 40" in text
    table = panel.dataframe[0].value
    assert list(table["Document"]) == ["varn.txt", "other.txt"]
    assert list(table["Outcome"]) == ["passage", "overlaps a better one"]
    assert list(table["Score"]) == [0.9, 0.4]
    assert list(table["BM25"]) == [9.87, 12.34]
    assert "Reranked" not in table


def test_why_panel_shows_the_scores_of_a_reranker(open_double: OpenPage, double: IndexDouble) -> None:
    double.add("varn.txt")
    trace = Trace((Candidate("varn.txt", "d", 3, "The lamp", 1, 0.71, 2, 9.87, 0.9, 0.55),), 0.6)
    double.answer = lambda question, on_wait: AnswerDouble(question, [PASSAGE], ["Green [1]."], trace=trace)
    panel = why_panel(ask(open_double("chat"), "What lamp?"))
    assert list(panel.dataframe[0].value["Reranked"]) == [0.55]
    text = "\n".join(element.value for element in panel.markdown)
    assert "the best 1 candidate." in text
    assert "Tokens" not in text, "none were spent"
    assert "Time" not in text


def test_why_panel_says_that_nothing_was_found(open_double: OpenPage, double: IndexDouble) -> None:
    double.answer = lambda question, on_wait: AnswerDouble(question, [], ["Nothing."], refused=True, trace=Trace())
    panel = why_panel(ask(open_double("chat"), "What lamp?"))
    assert any("nothing was found" in element.value for element in panel.markdown)
    assert len(panel.dataframe) == 0


def test_answer_kept_before_there_were_traces_has_no_why_panel(open_double: OpenPage, double: IndexDouble) -> None:
    app = visit(open_double, answered(double, [PASSAGE]))
    assert "Green" in all_text(app)
    assert "Why this answer" not in [box.label for box in app.expander]


def test_why_panel_of_a_real_answer_shows_its_passages(open_page: OpenPage) -> None:
    app = ask(open_page("chat"), "Who built the lighthouse?")
    table = why_panel(app).dataframe[0].value
    assert table["Document"][0] == "varn.txt"
    assert table["Outcome"][0] == "passage"
    assert "check the citations" in "\n".join(element.value for element in why_panel(app).markdown)


@pytest.mark.parametrize(
    ("unsearched", "sentence"),
    [
        (1, "1 document was still being indexed and wasn't searched."),
        (2, "2 documents were still being indexed and weren't searched."),
    ],
)
def test_documents_that_were_not_searched_yet_are_said_under_the_answer(
    open_double: OpenPage, double: IndexDouble, unsearched: int, sentence: str
) -> None:
    double.answer = lambda question, on_wait: AnswerDouble(
        question, [PASSAGE], ["Not in your documents."], refused=True, unsearched=unsearched
    )
    app = ask(open_double("chat"), "What lamp?")
    assert any(caption.value.endswith(sentence) for caption in app.caption)


def test_answer_from_all_documents_says_nothing_of_indexing(open_double: OpenPage, double: IndexDouble) -> None:
    double.answer = lambda question, on_wait: AnswerDouble(question, [PASSAGE], ["Not in your documents."])
    app = ask(open_double("chat"), "What lamp?")
    assert "Not in your documents" in all_text(app)
    assert "indexed" not in all_text(app)


def test_source_of_a_text_opens_with_its_sentence_highlighted(open_page: OpenPage) -> None:
    app = ask(open_page("chat"), "How often does the ferry to the island sail in winter?")
    assert not has_panel(app)
    app = open_source(app)
    assert not app.exception
    panel = app.markdown[-1].value
    assert ":yellow-background[In winter it sails once a week.]" in panel
    assert "The lighthouse on Varn island" in panel, "the text around it is shown as well"
    assert app.get("download_button")[0].proto.label == "Download"
    assert not any(one.label in ("Previous page", "Next page") for one in app.button), "it has no pages"
    button(app, "Close").click().run()
    assert not has_panel(app)


def test_source_in_a_pdf_opens_as_picture_of_its_page(open_double: OpenPage, double: IndexDouble) -> None:
    passage = from_page_3(double)
    app = open_source(visit(open_double, answered(double, [passage], [Citation(1, "Green", 0, 18, True)])))
    assert ("page_image", 3, ((100, 118),), False) in double.calls
    (picture,) = app.get("image")
    assert picture.proto.imgs[0].alt == "Page 3 of varn.pdf"
    assert "**varn.pdf** · page 3 of 5" in all_text(app)


def test_pages_are_turned_up_to_both_ends(open_double: OpenPage, double: IndexDouble) -> None:
    app = open_source(visit(open_double, answered(double, [from_page_3(double)], [Citation(1, "Green", 0, 18, True)])))
    for page in (4, 5):
        assert not button(app, "Next page").disabled
        app = button(app, "Next page").click().run()
        assert f"page {page} of 5" in all_text(app)
        assert ("page_image", page, (), False) in double.calls, "the sentence is on page 3 only"
    assert button(app, "Next page").disabled
    for _ in range(4):
        app = button(app, "Previous page").click().run()
    assert "page 1 of 5" in all_text(app)
    assert button(app, "Previous page").disabled


def test_passage_without_a_supporting_sentence_is_highlighted_softly_as_a_whole(
    open_double: OpenPage, double: IndexDouble
) -> None:
    cited, besides = from_page_3(double), from_page_3(double)
    app = visit(open_double, answered(double, [cited, besides], [Citation(1, "It is blue", 0, 0, False)]))
    app = open_source(app, 0)
    app = open_source(app, 1)
    assert [call for call in double.calls if call[0] == "page_image"] == [("page_image", 3, ((100, 137),), True)] * 2


def test_source_of_a_deleted_document_is_said_to_be_gone(open_double: OpenPage, double: IndexDouble) -> None:
    passage = from_page_3(double)
    app = visit(open_double, answered(double, [passage], [Citation(1, "Green", 0, 18, True)]))
    double.library.clear()
    app = open_source(app)
    assert not app.exception
    assert "varn.pdf has been deleted from the library" in app.info[0].value
    assert not app.get("image")
    button(app, "Close").click().run()
    assert not has_panel(app)


def test_page_that_cannot_be_drawn_is_shown_as_text(
    open_double: OpenPage, double: IndexDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    passage = from_page_3(double)
    double.texts[passage.doc_id, 3] = "x" * 99 + "\n" + passage.text

    def fails(*values: object, **options: object) -> bytes:
        raise ReadError("Page 3 of varn.pdf can't be drawn.")

    monkeypatch.setattr(double, "page_image", fails)
    app = open_source(visit(open_double, answered(double, [passage], [Citation(1, "Green", 0, 18, True)])))
    assert "can't be drawn" in app.warning[0].value
    assert ":yellow-background[The lamp is green.] The tower is tall." in all_text(app)


def test_slides_are_shown_as_text_with_a_pager(open_double: OpenPage, double: IndexDouble) -> None:
    document = double.add("talk.pptx", pages=2)
    double.texts = {(document.doc_id, 1): "# Lamps\nThe lamp is green.", (document.doc_id, 2): "# Towers"}
    passage = Passage("The lamp is green.", "talk.pptx", document.doc_id, 1, 8, 26, 0.9)
    app = open_source(visit(open_double, answered(double, [passage], [Citation(1, "Green", 0, 18, True)])))
    assert ":yellow-background[The lamp is green.]" in app.markdown[-1].value
    app = button(app, "Next page").click().run()
    assert app.markdown[-1].value == "\\# Towers"


def test_long_text_is_shown_around_the_sentence_and_can_be_read_on(open_double: OpenPage, double: IndexDouble) -> None:
    document = double.add("long.txt", pages=1)
    lines = [f"This is line {number:04}." for number in range(1000)]
    double.texts[document.doc_id, None] = text = "\n".join(lines)
    start = text.index(lines[500])
    passage = Passage(lines[500], "long.txt", document.doc_id, None, start, start + len(lines[500]), 0.9)
    conversation_id = answered(double, [passage], [Citation(1, "c", 0, len(lines[500]), True)])
    app = open_source(visit(open_double, conversation_id))

    def shown() -> list[int]:
        written = max((one.value for one in app.markdown), key=len)
        return [number for number, line in enumerate(lines) if line in written]

    first = shown()
    assert 500 in first
    assert first == list(range(first[0], first[-1] + 1))
    assert 100 < len(first) < 300
    app = button(app, "Later text").click().run()
    assert shown()[0] == first[-1] + 1
    app = button(app, "Earlier text").click().run()
    app = button(app, "Earlier text").click().run()
    assert shown()[0] < first[0]
    for _ in range(2):
        app = button(app, "Earlier text").click().run()
    assert shown()[0] == 0
    assert not any(one.label == "Earlier text" for one in app.button)


def test_rows_of_a_table_stay_lines_and_the_cited_one_is_highlighted(
    open_double: OpenPage, double: IndexDouble
) -> None:
    document = double.add("bridges.csv", pages=1)
    rows = ["| name | length |", "| --- | --- |", "| Alder | 812 |", "| Birch | 90 |"]
    double.texts[document.doc_id, None] = text = "\n".join(rows)
    start = text.index(rows[2])
    passage = Passage(rows[2], "bridges.csv", document.doc_id, None, start, start + len(rows[2]), 0.9)
    conversation_id = answered(double, [passage], [Citation(1, "c", 0, len(rows[2]), True)])
    app = open_source(visit(open_double, conversation_id))
    lines = [line.strip() for line in app.markdown[-1].value.splitlines()]
    assert len(lines) == 4
    assert lines[2] == ":yellow-background[\\| Alder \\| 812 \\|]"


def test_text_of_a_source_cannot_load_link_or_draw(open_double: OpenPage, double: IndexDouble) -> None:
    hostile = "![x](https://evil.example) [click](https://evil.example) :red[y] <b>z</b> $a$"
    document = double.add(hostile)
    double.texts[document.doc_id, None] = hostile
    passage = Passage(hostile, hostile, document.doc_id, None, 0, len(hostile), 0.9)
    app = open_source(visit(open_double, answered(double, [passage], [Citation(1, "c", 0, 5, True)])))
    assert has_panel(app)
    text = all_text(app)
    assert "evil.example" in text
    for active in ("![x]", "[click]", ":red[", "<b>", "$a$"):
        assert active not in text


def test_source_belongs_to_its_conversation(open_double: OpenPage, double: IndexDouble) -> None:
    other = answered(double, [PASSAGE])
    conversation_id = answered(double, [from_page_3(double)], [Citation(1, "Green", 0, 18, True)])
    app = open_source(visit(open_double, conversation_id))
    assert has_panel(app)
    app.query_params["c"] = other
    app.run()
    assert not has_panel(app)
    app.query_params["c"] = conversation_id
    app.run()
    assert has_panel(app)


def test_messages_after_the_opened_answer_wait_until_they_are_asked_for(
    open_double: OpenPage, double: IndexDouble
) -> None:
    conversation_id = answered(double, [from_page_3(double)], [Citation(1, "Green", 0, 18, True)])
    double.conversations.add(conversation_id, Message("user", "And the tower?"))
    double.conversations.add(conversation_id, Message("assistant", "It is tall."))
    app = open_source(visit(open_double, conversation_id))
    assert "It is tall." not in all_text(app)
    app = button(app, "Show 2 later messages").click().run()
    assert "It is tall." in all_text(app)
    assert has_panel(app)


def test_sources_of_older_answers_are_shown_when_asked_for(open_double: OpenPage, double: IndexDouble) -> None:
    passage, citations = from_page_3(double), (Citation(1, "Green", 0, 18, True),)
    conversation_id = answered(double, [passage], citations, text="The oldest [1].")
    for text in ("Older [1].", "New [1].", "The newest [1]."):
        double.conversations.add(conversation_id, Message("user", "q"))
        evidence = Evidence("q", (passage,), citations)
        double.conversations.add(conversation_id, Message("assistant", text, evidence))
    app = visit(open_double, conversation_id)
    assert "The oldest :blue-badge[1]." in all_text(app)
    assert labels(app).count("Show sources") == 2
    assert labels(app).count("Open source") == 2
    app = button(app, "Show sources").click().run()
    assert labels(app).count("Show sources") == 1
    app = open_source(app)
    assert has_panel(app)
    app = button(app, "Show 6 later messages").click().run()
    assert labels(app).count("Open source") == 3, "the answer whose source is open keeps its own"
    button(app, "New chat").click().run()
    assert labels(visit(open_double, conversation_id)).count("Show sources") == 2, "a new session begins folded"


def test_question_asked_beside_an_open_source_is_answered_there(open_double: OpenPage, double: IndexDouble) -> None:
    conversation_id = answered(double, [from_page_3(double)], [Citation(1, "Green", 0, 18, True)])
    double.answer = lambda question, on_wait: AnswerDouble(question, [PASSAGE], ["It is ", "tall."])
    app = ask(open_source(visit(open_double, conversation_id)), "And the tower?")
    assert "It is tall." in all_text(app)
    assert has_panel(app)


def test_opening_a_source_does_not_interrupt_a_running_answer(open_double: OpenPage, double: IndexDouble) -> None:
    from pages.parts.chat.conversations import open_turns

    conversation_id = answered(double, [from_page_3(double)], [Citation(1, "Green", 0, 18, True)])
    double.answer = lambda question, on_wait: AnswerDouble(question, [PASSAGE], ["word "] * 40, pause=0.02)
    app = visit(open_double, conversation_id)
    double.conversations.add(conversation_id, Message("user", "And the tower?"))
    turn = open_turns().start(double, conversation_id, "And the tower?", [], None)  # type: ignore[arg-type]
    app = open_source(app)
    assert turn.done, "the page watched it to its end"
    assert has_panel(app)
    kept = double.conversations.messages(conversation_id)[-1]
    assert kept.content == "word " * 40
    assert kept.evidence
    assert kept.evidence.error is None
