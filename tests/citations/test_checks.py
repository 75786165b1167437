"""The list of checks: each refuses claims that all other checks let pass, says why, and lets true claims pass."""

from __future__ import annotations

import pytest

from rag.citations.check import Check
from rag.citations.entailment import CHECKS, check_claim
from rag.citations.words import compare

REVENUE = "Revenue rose to $17.5 billion in 2021, reflecting the overall growth in our Delivery business."
TARGETS = """Figures by branch

| Branch | Target Q1 | Actual Q1 | Target Q2 | Actual Q2 |
| --- | --- | --- | --- | --- |
| Alder | 280 | 150 | 190 | 181 |
| Birch | 300 | 160 | 195 | 177 |"""
PLANT = "## Plant Alder\n\nThe pressure limit is 6.5 bar and must never be exceeded by the crew."
YAHOO = "Yahoo bought the startup from Paul Graham in the summer of 1998."
BANK = "시중은행의 최저자본금은 1,000억원이며, 지방은행의 최저자본금은 250억원이다."

# Check → claims that it alone refuses, each with its passage.
REFUSED = {
    "states_the_numbers": [
        ("In 2021, revenue rose to about $18.5 billion.", REVENUE),
        ("시중은행의 최저자본금은 1,000만원입니다.", BANK),
    ],
    "holds_the_words": [
        ("Giraffes sleep standing up.", REVENUE),
        ("시중은행은 고객에게 다양한 상품을 판매한다.", BANK),
    ],
    "names_nobody_else": [
        ("Google bought the startup from Paul Graham in the summer of 1998.", YAHOO),
        ("In 1998, Yahoo bought the startup from Robert Morris.", YAHOO),
    ],
    "stands_in_its_place": [
        ("The actual Q2 figure of Alder was 280.", TARGETS),
        ("Birch had an actual Q1 figure of 150.", TARGETS),
    ],
    "names_the_period": [
        ("Q3 orders of the mill fell below plan.", "In the second quarter orders of the mill fell below plan."),
        ("Im dritten Quartal verkaufte die Mühle Mehl.", "Im zweiten Quartal verkaufte die Mühle viel Mehl."),
    ],
    "has_the_same_bounds": [
        ("The fee is at most 40 crowns.", "The fee is at least 40 crowns."),
        ("All employees may apply.", "Only full-time employees may apply."),
    ],
    "does_not_contradict": [
        ("Revenue fell to $17.5 billion in 2021.", REVENUE),
        ("Yahoo never bought the startup from Paul Graham.", YAHOO),
    ],
}
BORNE_OUT = [
    ("The actual Q2 figure of Alder was 181.", TARGETS),
    ("Alder aimed at 280 in Q1.", TARGETS),
    ("Birch had an actual Q1 figure of 160.", TARGETS),
    ("The pressure limit of plant Alder is 6.5 bar.", PLANT),
    ("The pressure limit is 6.5 bar.", PLANT),
    ("In 2021, revenue rose to about $17.5 billion.", REVENUE),
    ("In summer 1998, Paul Graham's startup was bought by Yahoo.", YAHOO),
    ("시중은행의 최저자본금은 1,000억원입니다.", BANK),
    ("In Q2 orders of the mill fell.", "In the second quarter orders of the mill fell below plan."),
]

checks = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)


@checks
def test_each_check_refuses_claims_that_no_other_check_refuses(check: Check) -> None:
    others = [other for other in CHECKS if other is not check]
    assert REFUSED.get(check.__name__), f"give claims that {check.__name__} alone refuses"
    for claim, passage in REFUSED[check.__name__]:
        verdict = check_claim(claim, passage)
        assert not verdict.borne_out
        assert verdict.reason
        assert verdict.start == verdict.end == 0
        assert check_claim(claim, passage, checks=others).borne_out


@checks
def test_each_check_has_no_objection_to_true_claims(check: Check) -> None:
    for claim, passage in BORNE_OUT:
        assert check(compare(claim, passage, "")).borne_out, claim


def test_a_new_check_is_asked_once_it_is_in_the_list() -> None:
    def refuses_all(comparison: object) -> object:
        raise AssertionError("asked")

    claim, passage = BORNE_OUT[0]
    assert check_claim(claim, passage).borne_out
    with pytest.raises(AssertionError, match="asked"):
        check_claim(claim, passage, checks=(*CHECKS, refuses_all))  # type: ignore[arg-type]


def test_missing_numbers_are_told_before_any_other_objection() -> None:
    verdict = check_claim("Giraffes never had 12 legs.", REVENUE)
    assert verdict.missing == ("12",)


def test_a_table_that_begins_before_the_passage_has_its_head_in_the_context() -> None:
    context = "Figures\n| Branch | Target Q1 | Actual Q1 | Target Q2 | Actual Q2 |"
    row = "| Alder | 280 | 150 | 190 | 181 |"
    assert check_claim("The actual Q2 figure of Alder was 181.", row, context=context).borne_out
    assert not check_claim("The actual Q2 figure of Alder was 280.", row, context=context).borne_out


def test_a_passage_in_the_section_of_another_bears_nothing_out() -> None:
    passage = "The pressure limit is 6.5 bar and must never be exceeded by the crew."
    for heading, name in (("Works > Plant Alder", "plant Alder"), ("Works > Alder Plant", "the Alder plant")):
        assert check_claim(f"The pressure limit of {name} is 6.5 bar.", passage, context=heading).borne_out
    claim = "The pressure limit of plant Birch is 6.5 bar."
    assert not check_claim(claim, passage, context="Works > Plant Alder").borne_out
    assert check_claim(claim, passage, context="Works > Plant Birch").borne_out


def test_struck_text_and_note_marks_are_no_part_of_a_number() -> None:
    passage = "Turnover was 45[^1] million crowns, and the fee ~~900~~ 750 crowns."
    assert check_claim("Turnover was 45 million crowns.", passage).borne_out
    assert not check_claim("Turnover was 451 million crowns.", passage).borne_out
    assert check_claim("The fee was 750 crowns.", passage).borne_out
    assert not check_claim("The fee was 900 crowns.", passage).borne_out
    assert not check_claim("It holds 106 litres.", "It holds 10⁶ litres.").borne_out


def test_the_span_of_a_sentence_has_its_marks() -> None:
    passage = "It rains.[^2] Turnover was ~~40~~ 45[^1] million crowns. The end."
    verdict = check_claim("Turnover was 45 million crowns.", passage)
    assert passage[verdict.start : verdict.end] == "Turnover was ~~40~~ 45[^1] million crowns."


def test_labels_and_numbers_of_the_context_are_no_amounts() -> None:
    row = "| Net income | 12 |"
    context = "Table 47: Results (in millions)\n| Item | 2021 |\n[^1]: A year has 365 days."
    assert check_claim("Net income was 12 million in 2021.", row, context=context).borne_out
    assert not check_claim("Net income was 47 million in 2021.", row, context=context).borne_out
    assert not check_claim("Net income was 365 EUR in 2021.", row, context=context).borne_out
    passage = "Table 47: Results (in millions)\n\n| Item | 2021 |\n| --- | --- |\n| Net income | 12 |"
    assert check_claim("Net income was 12 million in 2021.", passage).borne_out
    assert check_claim("Table 47 shows the results.", passage).borne_out
    assert not check_claim("Net income was 47 million in 2021.", passage).borne_out


def test_a_passage_that_begins_at_the_rule_of_a_table_keeps_the_head_of_its_context() -> None:
    context = "Figures\n| Branch | Target Q1 | Actual Q1 | Target Q2 | Actual Q2 |"
    passage = "| --- | --- | --- | --- | --- |\n| Alder | 280 | 150 | 190 | 181 |\n| Birch | 300 | 160 | 195 | 177 |"
    assert check_claim("The actual Q2 figure of Alder was 181.", passage, context=context).borne_out
    assert not check_claim("The actual Q2 figure of Alder was 280.", passage, context=context).borne_out
    assert not check_claim("The actual Q2 figure of Birch was 181.", passage, context=context).borne_out


def test_a_cell_with_its_number_twice_is_still_in_its_row_and_column() -> None:
    passage = "| Branch | Open | Closed |\n| --- | --- | --- |\n| Alder | 31 (31) | 12 |\n| Birch | 44 | 15 |"
    assert check_claim("Alder had 31 open cases.", passage).borne_out
    assert not check_claim("Birch had 31 open cases.", passage).borne_out
    assert not check_claim("Alder had 31 closed cases.", passage).borne_out


def test_a_row_of_single_dashes_is_no_rule_below_a_head() -> None:
    passage = "| Branch | Open | Closed |\n| --- | --- | --- |\n| Alder | 31 | 12 |\n| - | - | - |\n| Birch | 44 | 15 |"
    assert check_claim("Birch had 15 closed cases.", passage).borne_out
    assert not check_claim("Birch had 44 closed cases.", passage).borne_out
