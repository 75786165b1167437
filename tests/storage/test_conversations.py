from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from rag import DocumentIndex, Settings
from rag.errors import CatalogError, NotFound
from rag.schema import Candidate, Citation, Evidence, Message, Passage, Trace
from rag.storage import conversations as conversations_module
from rag.storage.conversations import Conversations
from rag.storage.database import open_database
from rag.storage.tables import messages, tables

pytest_plugins = ["tests.databases"]

QUESTION = Message("user", "How much did it earn?")
PASSAGES = (
    Passage("It earned $17,455 million.\nThat is\tmore.", "uber 2021.pdf", "1" * 64, 42, 10, 53, 0.9, 1, None),
    Passage("매출은 늘었다.", "메모.txt", "2" * 64, None, 0, 8, 0.4, None, 3),
)
ANSWER = Message(
    "assistant",
    "It earned $17,455 million [1].",
    Evidence(
        "How much did Uber earn?", PASSAGES, (Citation(1, "It earned $17,455 million", 0, 26, True),), True, "cut"
    ),
)


@pytest.fixture
def conversations(engine: sa.Engine) -> Conversations:
    return Conversations(engine, "papers")


@pytest.fixture
def others(engine: sa.Engine) -> Conversations:
    """The conversations of another collection of the same database."""
    return Conversations(engine, "recipes")


@pytest.fixture
def conversation_id(conversations: Conversations) -> str:
    return conversations.create("Uber").conversation_id


def test_messages_come_back_in_order_with_their_evidence(conversations: Conversations, conversation_id: str) -> None:
    for message in (QUESTION, ANSWER, QUESTION):
        conversations.add(conversation_id, message)
    assert conversations.messages(conversation_id) == [QUESTION, ANSWER, QUESTION]


def test_trace_refusal_and_missing_numbers_come_back(conversations: Conversations, conversation_id: str) -> None:
    candidates = (
        Candidate("uber 2021.pdf", "1" * 64, 42, "It earned", 1, 0.71, None, None, 0.6, 0.9),
        Candidate("메모.txt", "2" * 64, None, "매출은", None, None, 3, 4.5, 0.2, left_out="overlaps a better one"),
    )
    trace = Trace(candidates, 0.6, (("search", 12.5), ("write the answer", 800.0)), 900, 40)
    citation = Citation(1, "It earned 18,000", 0, 0, False, ("18,000", "2022"))
    kept = Message("assistant", "It isn't said.", Evidence("q", PASSAGES, (citation,), False, None, True, trace, 2))
    conversations.add(conversation_id, kept)
    assert conversations.messages(conversation_id) == [kept]


def test_answers_kept_before_there_were_traces_are_read(
    engine: sa.Engine, conversations: Conversations, conversation_id: str
) -> None:
    conversations.add(conversation_id, ANSWER)
    with engine.begin() as connection:
        old = json.loads(connection.scalars(sa.select(messages.c.evidence)).one())
        for name in ("refused", "trace", "unsearched"):
            del old[name]
        for citation in old["citations"]:
            del citation["missing"]
        connection.execute(sa.update(messages).values(evidence=json.dumps(old)))
    assert conversations.messages(conversation_id) == [ANSWER]


def test_conversations_outlast_a_restart(database_url: str, conversations: Conversations, conversation_id: str) -> None:
    conversations.add(conversation_id, ANSWER)
    reopened = open_database(database_url)
    later = Conversations(reopened, "papers")
    assert later.list() == [later.get(conversation_id)]
    assert later.messages(conversation_id) == [ANSWER]
    reopened.dispose()


@pytest.mark.parametrize("content", ["", "$x$ <b>**bold**", "한국어 🙂", "line\nline", "x" * 1_000_000])
def test_any_content_is_kept_as_it_is(conversations: Conversations, conversation_id: str, content: str) -> None:
    conversations.add(conversation_id, Message("user", content))
    assert conversations.messages(conversation_id) == [Message("user", content)]


def test_what_a_database_refuses_does_not_fail(conversations: Conversations, conversation_id: str) -> None:
    evidence = Evidence("a\x00\ud800?", ())
    conversations.add(conversation_id, Message("user", "a\x00\ud800b", evidence))
    assert conversations.messages(conversation_id)[0].content == "a?b"


def test_most_recently_used_comes_first(conversations: Conversations) -> None:
    first, second = (conversations.create(title).conversation_id for title in ("first", "second"))
    assert [head.conversation_id for head in conversations.list()] == [second, first]
    conversations.add(first, QUESTION)
    assert [head.conversation_id for head in conversations.list()] == [first, second]
    used = conversations.get(first)
    assert used.updated_at > used.created_at
    assert used.updated_at.utcoffset() is not None


@pytest.mark.parametrize(
    ("given", "kept"), [("  two\n lines ", "two lines"), ("", "New chat"), ("\x00", "New chat"), ("x" * 500, "x" * 120)]
)
def test_title_is_one_short_line(conversations: Conversations, given: str, kept: str) -> None:
    created = conversations.create(given)
    assert created.title == kept
    conversations.rename(created.conversation_id, "other")
    conversations.rename(created.conversation_id, given)
    assert conversations.get(created.conversation_id).title == kept


def test_deleted_conversation_takes_its_messages_along(
    engine: sa.Engine, conversations: Conversations, conversation_id: str
) -> None:
    other = conversations.create("other").conversation_id
    for each in (conversation_id, other):
        conversations.add(each, QUESTION)
    conversations.delete(conversation_id)
    assert [head.conversation_id for head in conversations.list()] == [other]
    with engine.connect() as connection:
        assert connection.scalars(sa.select(messages.c.conversation_id)).all() == [other]


def test_what_is_gone_is_not_found(conversations: Conversations, conversation_id: str) -> None:
    conversations.delete(conversation_id)
    with pytest.raises(NotFound):
        conversations.get(conversation_id)
    with pytest.raises(NotFound):
        conversations.rename(conversation_id, "title")
    with pytest.raises(NotFound):
        conversations.add(conversation_id, QUESTION)
    with pytest.raises(NotFound):
        conversations.to_markdown(conversation_id)


def test_last_message_is_dropped_from_its_conversation_only(conversations: Conversations, conversation_id: str) -> None:
    other = conversations.create("other").conversation_id
    for message in (QUESTION, ANSWER):
        conversations.add(conversation_id, message)
    conversations.add(other, QUESTION)
    conversations.delete_last_answer(conversation_id)
    assert conversations.messages(conversation_id) == [QUESTION]
    assert conversations.messages(other) == [QUESTION]


def test_dropping_the_same_answer_twice_keeps_its_question(conversations: Conversations, conversation_id: str) -> None:
    for message in (QUESTION, ANSWER):
        conversations.add(conversation_id, message)
    for _ in range(2):  # as two browsers do that ask for another answer
        conversations.delete_last_answer(conversation_id)
    assert conversations.messages(conversation_id) == [QUESTION]


def test_messages_for_a_conversation_that_is_being_deleted_are_in_it_or_refused(database_url: str) -> None:
    engines = [open_database(database_url) for _ in range(3)]
    one, two, three = (Conversations(engine, "papers") for engine in engines)
    for _ in range(10):
        conversation_id = one.create("Soon gone").conversation_id

        def say(conversations: Conversations, conversation_id: str = conversation_id) -> str:
            try:
                for _ in range(5):
                    conversations.add(conversation_id, QUESTION)
            except NotFound as error:
                return str(error)
            return ""

        with ThreadPoolExecutor(3) as pool:
            told = [pool.submit(say, one), pool.submit(say, two)]
            pool.submit(three.delete, conversation_id).result()
        assert {each.result() for each in told} <= {"", "This conversation doesn't exist any more; start a new one."}
        assert one.messages(conversation_id) == []
    for engine in engines:
        engine.dispose()


def test_another_collections_conversation_is_like_one_that_does_not_exist(
    conversations: Conversations, others: Conversations, conversation_id: str
) -> None:
    for message in (QUESTION, ANSWER):
        conversations.add(conversation_id, message)
    before = conversations.get(conversation_id)
    assert others.list() == []
    told = set()
    for call in (
        others.get,
        others.to_markdown,
        lambda unseen: others.rename(unseen, "Mine now"),
        lambda unseen: others.add(unseen, QUESTION),
    ):
        for unseen in (conversation_id, "0" * 32):
            with pytest.raises(NotFound) as caught:
                call(unseen)
            told.add(str(caught.value))
    assert told == {"This conversation doesn't exist any more; start a new one."}
    assert others.messages(conversation_id) == others.messages("0" * 32) == []
    others.delete_last_answer(conversation_id)
    others.delete(conversation_id)
    assert conversations.list() == [before]
    assert conversations.messages(conversation_id) == [QUESTION, ANSWER]


def test_each_collection_lists_its_own_conversations(
    conversations: Conversations, others: Conversations, conversation_id: str
) -> None:
    other_id = others.create("Soup").conversation_id
    others.add(other_id, QUESTION)
    assert [head.conversation_id for head in conversations.list()] == [conversation_id]
    assert [head.conversation_id for head in others.list()] == [other_id]


def test_conversations_stay_with_the_collection_wherever_milvus_is(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, embed_model="bundled", collection="papers")
    with DocumentIndex(settings, background=False) as index:
        kept = index.conversations.create("Uber")
        index.conversations.add(kept.conversation_id, ANSWER)
    elsewhere = settings.model_copy(update={"milvus_uri": str(tmp_path / "elsewhere.db")})
    assert elsewhere.milvus_key != settings.milvus_key
    with DocumentIndex(elsewhere, background=False) as index:
        assert [head.title for head in index.conversations.list()] == ["Uber"]
        assert index.conversations.messages(kept.conversation_id) == [ANSWER]
    recipes = settings.model_copy(update={"collection": "recipes"})
    with DocumentIndex(recipes, background=False) as index:
        assert index.conversations.list() == []
        assert index.conversations.messages(kept.conversation_id) == []


def test_dropping_from_an_empty_conversation_is_harmless(conversations: Conversations, conversation_id: str) -> None:
    conversations.delete_last_answer(conversation_id)
    assert conversations.messages(conversation_id) == []


def test_markdown_has_the_title_the_messages_and_the_cited_sources(
    conversations: Conversations, conversation_id: str
) -> None:
    for message in (QUESTION, ANSWER):
        conversations.add(conversation_id, message)
    assert conversations.to_markdown(conversation_id).splitlines() == [
        "# Uber",
        "",
        "## Question",
        "",
        "How much did it earn?",
        "",
        "## Answer",
        "",
        "It earned $17,455 million [1].",
        "",
        "> [1] uber 2021.pdf, page 42: It earned $17,455 million. That is more.",
    ]


def test_failing_database_is_a_catalog_error(conversations: Conversations, engine: sa.Engine) -> None:
    tables.drop_all(engine)
    with pytest.raises(CatalogError, match="DATABASE_URL"):
        conversations.list()


def test_equal_times_do_not_hide_a_conversation(conversations: Conversations, monkeypatch: pytest.MonkeyPatch) -> None:
    now = conversations_module.utc_now()
    monkeypatch.setattr(conversations_module, "utc_now", lambda: now)
    created = {conversations.create("same moment").conversation_id for _ in range(3)}
    assert {head.conversation_id for head in conversations.list()} == created
