from __future__ import annotations

import time

import pytest

from rag.citations.entailment import check_claim

# Several times the usual time. A check that grows with the square of the length takes minutes.
SECONDS = 10

REVENUE = "Revenue rose to $17.5 billion in 2021, reflecting the overall growth in our Delivery business."
YAHOO = "Yahoo bought the startup from Paul Graham in the summer of 1998."
DIVIDENDS = "We have never declared or paid cash dividends on our common stock."
BANK = "시중은행의 최저자본금은 1,000억원이며, 지방은행의 최저자본금은 250억원이다."
RATE = "2023년 4분기 기준금리는 전분기보다 상승하였다."
OTHERS = "Some words that matter to nobody stand here. They go on for a while."


def supporting(claim: str, passage: str, file_name: str = "") -> str:
    verdict = check_claim(claim, passage, file_name)
    assert verdict.borne_out or verdict.start == verdict.end == 0
    return passage[verdict.start : verdict.end]


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        (REVENUE, REVENUE),
        ("In 2021, revenue rose to about $17.5 billion.", REVENUE),
        ("Growth of Delivery let revenue rise to $17.5 billion.", REVENUE),
        ("In summer 1998, Paul Graham's startup was bought by Yahoo.", YAHOO),
        ("No cash dividends were ever declared or paid.", DIVIDENDS),
        ("시중은행의 최저자본금은 1,000억원입니다.", BANK),
        ("기준금리가 2023년 4분기에 전분기에 비해 상승했습니다.", RATE),
    ],
)
def test_paraphrase_is_borne_out_by_its_sentence(claim: str, sentence: str) -> None:
    assert supporting(claim, f"{OTHERS} {sentence} {OTHERS}") == sentence


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        ("Revenue rose to $18.5 billion in 2021.", REVENUE),
        ("Revenue rose to $17.5 million in 2021.", REVENUE),
        ("Revenue fell to $17.5 billion in 2021.", REVENUE),
        ("Revenue did not rise to $17.5 billion in 2021.", REVENUE),
        ("Google bought the startup from Paul Graham in the summer of 1998.", YAHOO),
        ("Yahoo sold the startup in the summer of 1998.", YAHOO),
        ("Revenue rose to $17 in 2021, reflecting the overall growth in our Delivery business.", REVENUE),
        ("Revenue rose to €17.5 billion in 2021, reflecting the overall growth in our Delivery business.", REVENUE),
        ("ever declared or paid cash dividends on our common stock.", DIVIDENDS),
        ("declared or paid cash dividends on our common stock.", DIVIDENDS),
        ("Yahoo employed many elephants and giraffes.", YAHOO),
        ("Cash dividends on common stock were declared and paid.", DIVIDENDS),
        ("시중은행의 최저자본금은 1,000만원입니다.", BANK),
        ("기준금리가 2023년 4분기에 전분기에 비해 하락했습니다.", RATE),
        ("기준금리가 2023년 4분기에 전분기보다 상승하지 않았습니다.", RATE),
    ],
)
def test_changed_number_name_or_sense_is_not_borne_out(claim: str, sentence: str) -> None:
    assert supporting(claim, f"{OTHERS} {sentence} {OTHERS}") == ""


def test_two_turns_of_the_sense_are_none() -> None:
    assert supporting("Revenue did not fall in 2021.", REVENUE) == REVENUE


def test_missing_numbers_are_told_as_the_claim_writes_them() -> None:
    assert check_claim("Revenue rose by 12.5 % to $18.5 billion in 2021.", REVENUE).missing == (
        "12.5 %",
        "$18.5 billion",
    )
    assert check_claim("Giraffes sleep standing up.", REVENUE).missing == ()


def test_number_far_from_the_words_is_not_borne_out() -> None:
    passage = f"Revenue was 300 dollars. {' '.join([OTHERS] * 3)} Expenses were 512 dollars."
    verdict = check_claim("Revenue was 512 dollars.", passage)
    assert (verdict.borne_out, verdict.missing) == (False, ())


def test_a_claim_may_be_spread_over_adjacent_sentences() -> None:
    passage = f"{OTHERS} The museum of Gdansk opened in 2017. It shows the history of shipbuilding. {OTHERS}"
    claim = "The museum of Gdansk, opened in 2017, shows the history of shipbuilding."
    assert supporting(claim, passage) == "The museum of Gdansk opened in 2017."


@pytest.mark.parametrize(
    ("claim", "row"),
    [
        ("Revenue, $ 17,455, 57 %", "| Revenue | $ 17,455 | 57 % |"),
        ("Revenue was $17.5 billion in 2021.", "| Revenue | $ 17,455 | 57 % |"),
    ],
)
def test_table_row_bears_out(claim: str, row: str) -> None:
    table = (
        f"| In millions | 2021 | Change |\n|---|---|---|\n| Costs | $ 9,351 | 12 % |\n{row}\n| Trips | 6,368 | 27 % |"
    )
    assert supporting(claim, table) == row


def test_line_of_a_table_without_bars_bears_out() -> None:
    rows = [f"Item of expense number {n}, with its name $ {n},139 $ {n},455" for n in range(1, 9)]
    table = "Year ended December 31 (in millions) 2020 2021\n" + "\n".join(rows) + "\nRevenue $ 11,139 $ 17,455 57 %"
    assert supporting("Revenue was $17.5 billion in 2021.", table) == "Revenue $ 11,139 $ 17,455 57 %"


def test_names_in_the_file_name_need_not_be_in_the_passage() -> None:
    passage = "Revenue was $17.5 billion, and Lyft is a competitor."
    claim = "In 2021, revenue of Uber was $17.5 billion."
    assert supporting(claim, passage) == ""
    assert supporting(claim, passage, "Uber 2021.pdf") == passage


def test_passage_that_speaks_of_itself_need_not_say_its_name() -> None:
    passage = "Our revenue was $17.5 billion, and Lyft is a competitor."
    assert supporting("Revenue of Uber was $17.5 billion.", passage) == passage


@pytest.mark.parametrize(
    ("claim", "borne_out"),
    [
        ("우버의 매출은 2021년에 175억 달러였습니다.", True),
        ("우버의 매출은 2021년에 185억 달러였습니다.", False),
        ("매출이 크게 늘었습니다.", False),  # no number and no name to compare
        ("Lyft의 매출은 2021년에 175억 달러였습니다.", False),
        ("Der Umsatz ist auf 17.5 billion gestiegen, und das ist mehr als 2020 und nicht wenig.", False),
        ("Der Umsatz ist im Jahr 2021 auf $17.5 billion gestiegen und wurde von der Lieferung getragen.", True),
    ],
)
def test_claim_in_another_language_is_held_to_its_numbers_and_names(claim: str, borne_out: bool) -> None:
    passage = "Revenue of the company was $17.5 billion in 2021. It is the largest that the company has had."
    assert check_claim(claim, passage).borne_out == borne_out


@pytest.mark.parametrize(
    ("claim", "passage"), [("", "Text."), ("Text.", ""), ("…", "…"), ("It is so.", "It is so that it is.")]
)
def test_a_claim_or_passage_without_words_bears_nothing_out(claim: str, passage: str) -> None:
    assert not check_claim(claim, passage).borne_out


@pytest.mark.parametrize("piece", ["word ", "Name ", "1,234 ", "| a | 1 |\n", "매출은 ", "not ", "'", "["])
def test_long_passages_are_checked_in_reasonable_time(piece: str) -> None:
    began = time.perf_counter()
    check_claim("Revenue rose to $17.5 billion, and not to 18.", piece * 5000)
    check_claim(piece * 200, "Revenue rose to $17.5 billion.")
    assert time.perf_counter() - began < SECONDS
