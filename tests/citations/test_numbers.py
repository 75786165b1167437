from __future__ import annotations

import time

import pytest

from rag.citations.numbers import numbers_of_claim, numbers_of_passage, stated_scales
from rag.citations.stated_numbers import is_stated

# Several times the usual time. A check that grows with the square of the length takes minutes.
SECONDS = 10

IN_MILLIONS = "(In millions) 2020 2021\nRevenue $ 11,139 $ 17,455 57 %"


def not_stated(claim: str, passage: str) -> list[str]:
    stated, scales = numbers_of_passage(passage), stated_scales(passage)
    return [number.text for number in numbers_of_claim(claim) if not is_stated(number, stated, scales)]


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("$17.5 billion", IN_MILLIONS),
        ("$17.5 billion", "Revenue $ 11,139 $ 17,455 57 %"),
        ("17,455 million", "17,455\n(in millions)"),
        ("17,455 and 17455 and 17,455.0", "17455"),
        ("1.5 million", "1,500,000"),
        ("1,500,000", "1.5 million"),
        ("$5m", "$5 million"),
        ("10.5bn", "10,500 million"),
        ("1.5 million", "$1.5 to 2 million"),
        ("a loss of 6,768", "(6,768)"),
        ("57 percent", "57%"),
        ("76% to 85%", "76-85%"),
        ("50%", "half of them"),
        ("57%", "Change\n57 60"),
        ("two", "2"),
        ("12-month", "twelve months"),
        ("3rd", "third"),
        ("about 29,000 employees", "29,300 employees"),
        ("29,300", "about 29,300"),
        ("174억 달러", "17,400,000,000 dollars"),
        ("1조 2,345억 원", "1,234,500,000,000원"),
        ("3만 5천 명", "35,000명"),
        ("17억 원", "단위: 백만원\n1,700"),
        ("제8조", "은행법 제8조"),
        ("March 3, 2021", "2021-03-03"),
        ("2021-03-03", "3 March 2021"),
        ("2021년 3월 3일", "March 3, 2021"),
        ("2017년 2월 25일", "2017. 2. 25."),
        ("2024년", "'24년"),
        ("FY23", "fiscal 2023"),
        ("2023", "FY2023"),
        ("2021", "2020-21"),
        ("2:30 pm", "14:30"),
        ("５００명", "500명"),
    ],
)
def test_amount_is_stated_however_it_is_written(claim: str, passage: str) -> None:
    assert numbers_of_claim(claim)
    assert not_stated(claim, passage) == []


@pytest.mark.parametrize(
    ("claim", "passage", "missing"),
    [
        ("$17.5 million", "$17.5 billion", "$17.5 million"),
        ("$17.5 million", IN_MILLIONS, "$17.5 million"),
        ("$17,455", "$17.5 billion", "$17,455"),
        ("17.45", "17.5", "17.45"),
        ("29.3 million", "29,300 employees", "29.3 million"),
        ("57%", "57 employees", "57%"),
        ("57 employees", "57%", "57"),
        ("€5 million", "$5 million", "€5 million"),
        ("174만 달러", "174억 달러", "174만 달러"),
        ("five stores", "four stores", "five"),
        ("40 members", "140-member house", "40"),
        ("2022", "2021", "2022"),
        ("in March", "in April", "March"),
        ("5월", "4월", "5월"),
        ("10:30", "10:45", "10:30"),
    ],
)
def test_other_amount_scale_or_unit_is_missing_as_it_is_written(claim: str, passage: str, missing: str) -> None:
    assert not_stated(claim, passage) == [missing]


@pytest.mark.parametrize(
    "text", ["COVID-19 in a 10-K", "1. Revenue", "(2) other", "3) other", "as passage 2 says", "one"]
)
def test_marks_of_lists_and_parts_of_codes_are_no_amounts(text: str) -> None:
    assert numbers_of_claim(text) == []


def test_number_has_its_span() -> None:
    text = "Revenue was $17.5 billion in 2021."
    assert [text[number.start : number.end].strip() for number in numbers_of_claim(text)] == ["$17.5 billion", "2021"]


@pytest.mark.parametrize("text", ["9" * 5000, "1," * 5000, "(" * 5000, "1-" * 5000, "a1" * 5000, "$ " * 5000])
def test_odd_text_is_read_in_reasonable_time(text: str) -> None:
    began = time.perf_counter()
    numbers_of_passage(text)
    numbers_of_claim(text)
    assert time.perf_counter() - began < SECONDS
