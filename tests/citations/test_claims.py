from __future__ import annotations

import time

import pytest

from rag.citations.claims import check_citations
from rag.citations.markers import tidy_markers
from rag.schema import Passage
from rag.text.terms import content_terms

# Several times the usual time. A check that grows with the square of the length takes minutes.
SECONDS = 10

REVENUE = "Its revenue rose to $17,455 million in 2021 from $11,139 million."
EMPLOYEES = "It has 29,300 employees."
LEASE = "The lease ends in March."
KOREAN = "2021년 매출은 174억 달러였다."
PASSAGES = [
    Passage(text, f"{number}.txt", str(number) * 64, None, 100, 100 + len(text), 1.0)
    for number, text in enumerate(
        [
            f"Uber was founded in 2009. {REVENUE} {EMPLOYEES}",
            f"우버는 2009년에 설립되었다. {KOREAN}",
            f"Other things first. {LEASE}",
        ],
        1,
    )
]


def checked(text: str) -> list[tuple[int, str, str]]:
    """(number, claim, supporting sentence or "") of each citation."""
    citations = []
    for citation in check_citations(text, PASSAGES):
        support = PASSAGES[citation.number - 1].text[citation.start : citation.end]
        assert citation.supported == bool(support)
        assert citation.supported or citation.start == citation.end == 0
        citations.append((citation.number, citation.claim, support))
    return citations


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Revenue rose to $17,455 million [1].", [(1, "Revenue rose to $17,455 million", REVENUE)]),
        ("Revenue rose to $17,455 million. [1]", [(1, "Revenue rose to $17,455 million.", REVENUE)]),
        ("Revenue rose to $17,455 million.[1]", [(1, "Revenue rose to $17,455 million.", REVENUE)]),
        ("Revenue rose to $17,455 million.\n[1]", [(1, "Revenue rose to $17,455 million.", REVENUE)]),
        ("Revenue was 17455 million [1].", [(1, "Revenue was 17455 million", REVENUE)]),
        ("- **Revenue** rose to $17,455 million [1]", [(1, "Revenue** rose to $17,455 million", REVENUE)]),
        ("As it says, the lease ends in March[3].", [(3, "As it says, the lease ends in March", LEASE)]),
        ("매출은 174억 달러였습니다[2].", [(2, "매출은 174억 달러였습니다", KOREAN)]),
        ("매출은 174억 달러였다.[2]", [(2, "매출은 174억 달러였다.", KOREAN)]),
    ],
)
def test_claim_is_borne_out_by_exactly_its_sentence(text: str, expected: list[tuple[int, str, str]]) -> None:
    assert checked(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Giraffes sleep standing up [1].",
        "Revenue rose to $18,455 million in 2021 [1].",
        "Revenue rose to $17,455 million in 2022 [1].",
        "Revenue rose to $17,455 million in 2021 [3].",
        "매출은 999억 달러였다 [2].",
        "[1]",
        "… [1]",
    ],
)
def test_claim_that_the_passage_does_not_bear_out_is_unsupported(text: str) -> None:
    ((_, _, support),) = checked(text)
    assert support == ""


def test_each_marker_belongs_to_the_words_before_it() -> None:
    assert checked("It has 29,300 employees [1], while the lease ends in March [3]. Nothing is said here.") == [
        (1, "It has 29,300 employees", EMPLOYEES),
        (3, ", while the lease ends in March", LEASE),
    ]


def test_markers_after_the_full_stop_belong_to_the_sentence_before() -> None:
    assert checked("It has 29,300 employees. [1] The lease ends in March. [3]") == [
        (1, "It has 29,300 employees.", EMPLOYEES),
        (3, "The lease ends in March.", LEASE),
    ]


@pytest.mark.parametrize("markers", ["[1][3]", "[1] [3]", "[1], [3]", "[1][1][3]"])
def test_several_markers_share_a_claim_and_are_checked_apart(markers: str) -> None:
    assert [(number, bool(support)) for number, _, support in checked(f"The lease ends in March {markers}.")] == [
        (1, False),
        (3, True),
    ]


def test_only_the_sentence_before_the_marker_is_the_claim() -> None:
    ((_, claim, _),) = checked("Giraffes sleep. The lease ends in March [3].")
    assert claim == "The lease ends in March"


@pytest.mark.parametrize("text", ["", "No marker at all.", "Nothing [9].", "Nothing [0].", "a[i] = [x]", "[1234]"])
def test_brackets_that_name_no_passage_are_no_citation(text: str) -> None:
    assert checked(text) == []


def test_no_passages_no_citations() -> None:
    assert check_citations("Something [1].", []) == []


@pytest.mark.parametrize(
    "text",
    [
        "```python\nrow[1, 2] = row[9]\n```",
        "~~~\nx[9]\n~~~",
        "Take `rows[1, 2]` and ``a[9]``.",
        "It goes on:\n```\nx[9]",
    ],
)
def test_brackets_in_code_are_left_alone(text: str) -> None:
    assert tidy_markers(text, 3) == text
    assert check_citations(text, PASSAGES) == []


def test_code_in_a_claim_is_kept_as_it_is() -> None:
    assert checked("The lease `a[1]` ends in March [3].") == [(3, "The lease `a[1]` ends in March", LEASE)]


@pytest.mark.parametrize("text", ["[1" * 5000, "[1,2" * 5000, "`" * 5000, "[1]" * 3000, "【1†" * 3000, "```\n" * 3001])
def test_odd_brackets_are_read_in_reasonable_time(text: str) -> None:
    began = time.perf_counter()
    check_citations(text, PASSAGES)
    assert time.perf_counter() - began < SECONDS


def test_citations_are_in_the_order_of_the_tidied_markers() -> None:
    text = "| It has | 29,300 employees [1, 3] |\n\n- The lease ends [3-1] in March [3][3]"
    assert [citation.number for citation in check_citations(text, PASSAGES)] == [1, 3, 3]
    assert tidy_markers(text, 3).count("[") == 3


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("| Item | 2021 |\n|---|---|\n| Revenue | $17,455 million [1] |", ["Revenue, $17,455 million"]),
        ("| Revenue | $17,455 million | [1] |", ["Revenue, $17,455 million"]),
        ("| Employees [1] | 29,300 [1] |", ["Employees", "Employees, 29,300"]),
        ("1. Employees: 29,300 [1]", ["Employees: 29,300"]),
        ("2) Employees: 29,300 [1]", ["Employees: 29,300"]),
        ("According to [1], it has 29,300 employees.", ["According to it has 29,300 employees."]),
        ("[1] It has 29,300 employees.", ["It has 29,300 employees."]),
    ],
)
def test_claim_is_the_text_that_its_marker_stands_by(text: str, claims: list[str]) -> None:
    assert [claim for _, claim, support in checked(text) if support] == claims


def test_numbers_that_the_passage_does_not_hold_are_told() -> None:
    (citation,) = check_citations("It has 31,000 employees, founded in 2009 [1].", PASSAGES)
    assert (citation.supported, citation.missing) == (False, ("31,000",))


def test_shown_table_row_is_borne_out_by_its_row() -> None:
    table = "| Item | 2020 | 2021 |\n|---|---|---|\n| Revenue, net | 11,139 | 17,455 |\n| Costs | 9,351 | 12,000 |"
    passage = Passage(table, "t.md", "t", None, 0, len(table), 1.0)
    (citation,) = check_citations("Revenue, net, 11,139, 17,455 [1]", [passage])
    assert table[citation.start : citation.end] == "| Revenue, net | 11,139 | 17,455 |"


def test_stop_words_carry_no_meaning() -> None:
    assert content_terms("What does it say about any of these, before and after, according to the documents?") == []
    assert content_terms("The leases of 2021") == ["leas", "2021"]


def passage(text: str) -> Passage:
    return Passage(text, "a.txt", "1" * 64, None, 0, len(text), 1.0)


def test_backticks_of_quoted_sentences_hide_no_citation() -> None:
    passages = [passage("```bash pip install docent ``` is how it is installed on the server.")]
    text = "```bash pip install docent ``` is how it is installed on the server. [1]\n\nPress ` to open it [1]."
    assert [c.number for c in check_citations(text, passages, markdown=False)] == [1, 1]
    assert check_citations(text, passages, markdown=False)[0].supported


def test_degenerate_texts_are_checked_in_time() -> None:
    distance = "The distance is about 1" + "0" * 400 + " metres in total, as was measured by the surveyors."
    began = time.perf_counter()
    check_citations("The distance was measured by the surveyors. [1]", [passage(distance)])
    check_citations("About 1" + "0" * 400 + " metres were measured. [1]", [passage(distance)])
    check_citations(" " * 50_000 + "[1]" + "a" * 50_000 + " 없" * 2000 + " [1]", [passage("없" * 2000 + " " * 5000)])
    check_citations("a" * 50_000 + " [1] | " + " \t" * 20_000 + "[1]", [passage("word " * 400)])
    assert time.perf_counter() - began < SECONDS
