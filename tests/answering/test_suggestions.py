from __future__ import annotations

import pytest

from rag.answering.suggestions import MOST, Opening, suggest_questions
from rag.schema import Page

PROSE = "The association has looked after the lighthouse and its garden since the spring of 1951, with forty members."
REPORT = f"# Report\n\n{PROSE}\n\n## Risk factors\n\nStorms may close the road.\n\n## The lease:\n\nIt ends in 2031."


def questions(*documents: tuple[str, str]) -> list[str]:
    return suggest_questions([Opening(name, [Page(text)] if text else []) for name, text in documents])


@pytest.mark.parametrize(
    ("documents", "asked"),
    [
        ([], []),
        ([("uber_2021.pdf", PROSE)], ["What is uber 2021 about?"]),
        ([("20211231.pdf", PROSE)], ["What is 20211231.pdf about?"]),
        (
            [("report.md", REPORT)],
            [
                "What does report say about risk factors?",
                "What does report say about the lease?",
                "What is report about?",
            ],
        ),
        (
            [("one.md", REPORT), ("two.md", PROSE)],
            ["What does one say about risk factors?", "What is one about?", "What is two about?"],
        ),
        (
            [("Bericht.md", "## Geschichte\n\nDer Turm ist von 1890.\n\n## Garten\n\nDer Garten ist für alle offen.")],
            ["Was steht in Bericht über Geschichte?", "Was steht in Bericht über Garten?"],
        ),
        (
            [("안내서.md", "## 역사\n\n등대는 1951년에 세워졌습니다.\n\n## 정원\n\n정원은 매일 엽니다.")],
            ["안내서에서는 역사에 대해 무엇이라고 하나요?", "안내서에서는 정원에 대해 무엇이라고 하나요?"],
        ),
    ],
)
def test_questions_are_made_from_names_and_headings_in_the_language_of_the_document(
    documents: list[tuple[str, str]], asked: list[str]
) -> None:
    assert questions(*documents) == asked


def test_there_are_few_and_each_comes_once() -> None:
    assert questions(*[("same.pdf", PROSE)] * 9) == ["What is same about?"]
    assert len(questions(*[(f"document {number}.pdf", REPORT) for number in range(9)])) == MOST


@pytest.mark.parametrize("heading", ["ab", "x" * 100, "| a | b |", "nothing below:\n\n## Other"])
def test_a_heading_that_tells_nothing_makes_no_question(heading: str) -> None:
    text = f"{PROSE}\n\n## {heading}\n\ntext\n\n## Lease\n\nIt ends in 2031."
    asked = questions(("report.md", text))
    assert "What is report about?" in asked
    assert not any(question.endswith(f" {heading.partition(':')[0]}?") for question in asked)


def test_a_document_of_which_nothing_is_at_hand_makes_no_question() -> None:
    assert questions(("empty.pdf", "")) == []
