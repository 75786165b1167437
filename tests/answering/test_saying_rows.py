"""Which row and column of a table answers a question, and how it is said, with the real bundled model."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from rag.answering.extractive import extract_answer
from rag.answering.table_rows import plain_rows
from rag.embeddings.embedder import Embedder
from rag.schema import Passage

pytest_plugins = ["tests.bundled_model"]

# A pattern that backtracks takes hours.
SECONDS = 10

SEGMENTS = """Spending by segment was:

| (in millions) | Years ended 2023 | Years ended 2022 |
| --- | --- | --- |
| Boxes | 133 | 136 |
| Bottles | 384 | 376 |
| Depreciation by segment was: |  |  |
| (in millions) | 2023 | 2022 |
| Boxes | 125 | 120 |
| Bottles | 436 | 450 |"""
RESULTS = """| | 2022 | 2023 | % Change |
| --- | --- | --- | --- |
| Assets |  |  |  |
| Total current assets | 9,882 | 8,819 | (11)% |
| Liabilities |  |  |  |
| Total current liabilities | 6,865 | 9,024 | 31 % |"""
CREW = """| Id | Name | Age | Cabin |
| --- | --- | --- | --- |
| 1 | Sage, Miss. Emma | 31 | C12 |
| 2 | Hays, Mr. Paul | 28 | B69 |"""
LINES = """Selected figures ($ in millions):

International 2023 2022
Revenue $ 693 $ 760
Revenue % change (8.8)% (9.3)%"""
KOREAN = "| 구분 | 성인 | 어린이 |\n| --- | --- | --- |\n| 평일 | 9천원 | 4천원 |\n| 주말 | 만원 | 5천원 |"
GERMAN = "| Filiale | Umsatz | Gewinn |\n| --- | --- | --- |\n| Kassel | 987 | 12 |\n| Bremen | 654 | 30 |"


def passage(text: str, name: str = "figures.txt") -> Passage:
    return Passage(text, name, "0" * 64, None, 0, len(text), 1.0)


def first_line(question: str, text: str, embedder: Embedder) -> str:
    return extract_answer(question, [passage(text)], embedder).text.split("\n\n")[0]


@pytest.mark.parametrize(
    ("question", "text", "answer"),
    [
        ("How much depreciation did Boxes have in 2023?", SEGMENTS, "Depreciation by segment was: Boxes — 2023: 125"),
        (
            "What were the total current liabilities in 2023?",
            RESULTS,
            "Liabilities: Total current liabilities — 2023: 9",
        ),
        (
            "By what percentage did total current assets change?",
            RESULTS,
            "Assets: Total current assets — % Change: (11)%",
        ),
        ("How old is Miss Emma Sage?", CREW, "Sage, Miss. Emma — Age: 31"),
        ("Which person has cabin B69?", CREW, "Hays, Mr. Paul — Cabin: B69"),
        ("By what percentage did revenue change in 2022?", LINES, "Revenue % change — 2022: (9.3)%"),
        ("평일 어린이 요금은 얼마입니까?", KOREAN, "평일 — 어린이: 4천원"),
        ("Wie hoch war der Umsatz in Bremen?", GERMAN, "Bremen — Umsatz: 654"),
    ],
)
def test_the_row_and_the_column_of_the_question_are_said(
    embedder: Embedder, question: str, text: str, answer: str
) -> None:
    assert first_line(question, text, embedder).startswith(answer)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (
            "Which shop had the higher profit: Kassel or Bremen?",
            "Bremen — Gewinn: 30 [1], more than Kassel — Gewinn: 12 [1]",
        ),
        (
            "Which shop had the lower profit: Kassel or Bremen?",
            "Kassel — Gewinn: 12 [1], less than Bremen — Gewinn: 30 [1]",
        ),
        ("Wo war der Gewinn höher, Kassel oder Bremen?", "Bremen — Gewinn: 30 [1], mehr als Kassel — Gewinn: 12 [1]"),
    ],
)
def test_of_two_rows_the_one_that_is_asked_for_comes_first(embedder: Embedder, question: str, answer: str) -> None:
    text = GERMAN if "Gewinn" in question else GERMAN.replace("Gewinn", "Profit")
    assert first_line(question, text, embedder) == (answer if text is GERMAN else answer.replace("Gewinn", "Profit"))


def test_a_question_for_a_list_gets_all_rows(embedder: Embedder) -> None:
    text = "## Prices of tickets\n\n| Ticket | Price |\n| --- | --- |\n| Adult | 9 |\n| Child | 4 |\n| Family | 22 |"
    answer = first_line("List the ticket prices", text, embedder)
    assert answer == "Adult — Price: 9 [1]\nChild — Price: 4 [1]\nFamily — Price: 22 [1]"


def test_the_document_that_the_question_names_comes_first(embedder: Embedder) -> None:
    row = "| | 2021 |\n| --- | --- |\n| Net sales | {} |"
    given = [passage(row.format("5,100"), "Acme report.txt"), passage(row.format("7,200"), "Borealis report.txt")]
    given[1] = replace(given[1], doc_id="1" * 64)
    answer = extract_answer("What were the net sales of Borealis in 2021?", given, embedder).text
    assert answer.startswith("Net sales — 2021: 7,200 [2]")


def test_a_name_or_year_that_stands_nowhere_is_refused(embedder: Embedder) -> None:
    text = "The museum in Harrow opened in 1984. It has twelve rooms and a garden."
    assert not extract_answer("When did the museum in Harrow open?", [passage(text)], embedder).refused
    assert extract_answer("When did the museum in Lisbon open?", [passage(text)], embedder).refused
    assert extract_answer("Which museum opened in 1999?", [passage(text)], embedder).refused


def test_line_of_many_figures_is_read_in_reasonable_time() -> None:
    begin = time.monotonic()
    for line in (
        "Serial no 1234567890 " * 60 + "end",
        "Total " + "1234567890" * 40 + " x",
        "Net sales " + "— $ 1 2,3 " * 400 + "!",
    ):
        plain_rows(f"2020 2021\n{line}", "")
    assert time.monotonic() - begin < SECONDS


def test_line_of_a_table_without_bars_is_a_label_and_its_values() -> None:
    rows = plain_rows("2020 2021\nRevenue $ 693 $ 760\nNet loss (5) — \nA sentence about 5 apples.", "")
    assert [row.cells for row in rows] == [["Revenue", "$ 693", "$ 760"], ["Net loss", "(5)", "—"]]
