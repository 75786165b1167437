from __future__ import annotations

from rag.retrieval.query import PREVIOUS_TERMS, PREVIOUS_WEIGHT, QUESTION_CHARACTERS, Query, build_query
from rag.schema import Message

HISTORY = [
    Message("user", "Who founded it?"),
    Message("assistant", "Two people."),
    Message("user", "What was revenue in 2021?"),
    Message("assistant", "$17,455 million."),
]


def test_question_without_history_stays_as_it_is() -> None:
    for history in ([], [Message("assistant", "Hello")]):
        query = build_query("And the revenue in 2020?", history)
        assert query == Query("And the revenue in 2020?", "revenu 2020")
        assert query.with_earlier == query.text


def test_only_the_last_user_turn_and_the_last_answer_go_along() -> None:
    query = build_query("And in 2020?", HISTORY)
    assert query.text == "And in 2020?"
    assert query.earlier == (("What was revenue in 2021?", PREVIOUS_WEIGHT), ("$17,455 million.", PREVIOUS_WEIGHT))
    assert query.with_earlier == "What was revenue in 2021?\nAnd in 2020?"
    assert query.lexical.split() == ["2020"] * PREVIOUS_TERMS + ["revenu", "2021"]


def test_turns_before_are_cut_like_the_question() -> None:
    history = [Message("user", "revenue " * 9_000), Message("assistant", "millions " * 9_000)]
    query = build_query("costs " * 9_000, history)
    assert {len(text) for text in (query.text, *(text for text, _ in query.earlier))} == {QUESTION_CHARACTERS}
