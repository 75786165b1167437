from __future__ import annotations

import pytest

from rag.schema import Page
from rag.text.headings import EDGE_LINES, HEADING_CHARACTERS, RUNNING_PAGES, is_heading, page_headings


def pages(*texts: str) -> list[Page]:
    return [Page(text, number) for number, text in enumerate(texts, 1)]


@pytest.mark.parametrize(
    "line",
    [
        "Consolidated Balance Sheets",
        "Notes to the Consolidated Financial Statements",
        "CONSOLIDATED STATEMENTS OF CASH FLOWS",
        "Item 7. Risk Factors",
        "3 Results",
        "Finanzierung und Liquidität",
        "연결 재무상태표",
        "요약 재무",
        "貸借対照表の注記",
    ],
)
def test_headings_are_known(line: str) -> None:
    assert is_heading(line)


@pytest.mark.parametrize(
    "line",
    [
        "We believe that our cash will be sufficient for the next twelve months",
        "Revenue grew.",
        "Assets:",
        "売上高は増加した。",
        "continued from the previous page",
        "cash and Cash Equivalents",
        "Total 17,455 11,139 13,000",
        "(In millions)",
        "• Revenue",
        "$ 17,455",
        "an",
        "2021",
        "of to in",
        "A to B",
        "A Very Long Title " * 10,
        "One Two Three Four Five Six Seven Eight Nine Ten Eleven Twelve Thirteen",
        "Cash " + "X" * HEADING_CHARACTERS,
    ],
)
def test_other_lines_are_not_taken_for_headings(line: str) -> None:
    assert not is_heading(line)


def test_the_first_line_that_reads_like_a_heading_is_the_pages() -> None:
    texts = pages(
        "\n  Consolidated Balance Sheets \n(In millions)\nCash 5",
        "17,455\nCash Flows\nMore Lines\nand so on.",
        "and so it went on.\nUntil it ended.",
        "",
        " \n ",
    )
    assert page_headings(texts) == ["Consolidated Balance Sheets", "Cash Flows", "", "", ""]


def test_a_heading_far_down_the_page_is_not_the_pages() -> None:
    body = "\n".join(f"line {i} goes on and" for i in range(EDGE_LINES))
    assert page_headings(pages(f"{body}\nRisk Factors\nthere are many.")) == [""]


@pytest.mark.parametrize("header", ["Annual Report 2021", "Uber Technologies\n{n}"])
def test_running_headers_are_passed_over_for_the_line_below(header: str) -> None:
    texts = pages(*(f"{header.format(n=n)}\nChapter {'Xyz' * n}\nsome text." for n in range(1, RUNNING_PAGES + 1)))
    assert page_headings(texts) == [f"Chapter {'Xyz' * n}" for n in range(1, RUNNING_PAGES + 1)]


def test_a_running_line_is_known_by_its_place_at_the_bottom_too() -> None:
    footers = [f"Page {n}\nsome text.\nit goes on.\nand on.\nAnnual Report {n}" for n in range(RUNNING_PAGES)]
    assert page_headings(pages("Annual Report\nRisk Factors\nthere are many.", *footers))[0] == "Risk Factors"


def test_a_heading_on_few_pages_is_no_running_header() -> None:
    texts = pages(*(["Risk Factors\nthere are many."] * (RUNNING_PAGES - 1)))
    assert page_headings(texts) == ["Risk Factors"] * (RUNNING_PAGES - 1)


def test_no_pages_have_no_headings() -> None:
    assert page_headings([]) == []
