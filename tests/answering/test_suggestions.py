from __future__ import annotations

import pytest

from rag.answering.suggestions import MOST, Opening, suggest_questions


@pytest.mark.parametrize(
    ("documents", "questions"),
    [
        ([], []),
        ([("uber_2021.pdf", "")], ["What is uber 2021 about?"]),
        ([("20211231.pdf", "")], ["What is 20211231.pdf about?"]),
        (
            [("report.md", "# Report\n\n## Risk factors\n\ntext\n\n### The lease:\n\ntext")],
            [
                "What does report say about risk factors?",
                "What does report say about the lease?",
                "What is report about?",
            ],
        ),
        (
            [("one.md", "## Alpha beta\n## Gamma delta"), ("two.md", "## Epsilon")],
            [
                "What does one say about alpha beta?",
                "What is one about?",
                "What does two say about epsilon?",
                "What is two about?",
            ],
        ),
    ],
)
def test_questions_are_made_from_names_and_headings(documents: list[tuple[str, str]], questions: list[str]) -> None:
    assert suggest_questions([Opening(*document) for document in documents]) == questions


def test_there_are_few_and_each_comes_once() -> None:
    assert suggest_questions([Opening("same.pdf", "")] * 9) == ["What is same about?"]
    assert len(suggest_questions([Opening(f"document {i}.pdf", "## Heading\n" * 9) for i in range(9)])) == MOST


@pytest.mark.parametrize("heading", ["## ab", "## " + "x" * 100, "## | a | b |", "##nothing", "# Title"])
def test_a_heading_that_tells_nothing_makes_no_question(heading: str) -> None:
    assert suggest_questions([Opening("report.md", f"{heading}\n\ntext")]) == ["What is report about?"]
