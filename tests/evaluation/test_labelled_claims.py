from __future__ import annotations

import pytest

from rag.evaluation.labelled_claims import Example, LabelledClaim, error_rates, make_claims

EXAMPLES = [
    Example(
        "What was the revenue in 2021?",
        "Some words. Revenue of the firm rose to 17,455 dollars, driven by sales in Texas (and elsewhere). "
        "It had been 11,139 dollars before.",
        "17,455 dollars",
        "revenue of the firm rose to 17,455 dollars",
        "firm.pdf",
    ),
    Example(
        "Who bought Viaweb?",
        "The shop was sold by Graham. Later that summer the company Yahoo was buying all of Viaweb for 49 million.",
        "Yahoo was the company that was buying all of Viaweb for 49 million that summer.",
        "",
        "essay.txt",
    ),
    Example(
        "금리는 어떻게 되었나요?", "지난달 물가는 낮았다. 이번 달 기준금리는 3.25%로 상승했다.", "", "", "bank.pdf"
    ),
    Example(
        "And what of costs?", "Costs of the firm were 512 dollars in Ohio.", "512", "Costs of the firm", "firm.pdf"
    ),
]
TRUE = {
    "quotation",
    "clause left out",
    "clauses reordered",
    "figure rounded",
    "question with its answer",
    "sentence of the answer",
}
FALSE = {
    "figure changed",
    "scale changed",
    "figure of another place",
    "name swapped",
    "negated",
    "opposite",
    "same document",
    "other document",
    "answer of another question",
}


def of_kind(kind: str, passage: str = "") -> list[str]:
    return [claim.claim for claim in make_claims(EXAMPLES) if claim.kind == kind and passage in claim.passage]


def test_claims_of_every_kind_are_made_and_labelled() -> None:
    claims = make_claims(EXAMPLES)
    assert {claim.kind for claim in claims if claim.supported} == TRUE
    assert {claim.kind for claim in claims if not claim.supported} == FALSE


def test_claims_are_the_same_each_time_and_others_with_another_seed() -> None:
    assert make_claims(EXAMPLES, seed=1) == make_claims(EXAMPLES, seed=1)
    assert any(make_claims(EXAMPLES, seed=1) != make_claims(EXAMPLES, seed=seed) for seed in range(2, 6))


@pytest.mark.parametrize(
    ("kind", "passage", "claim"),
    [
        (
            "clause left out",
            "17,455",
            "Revenue of the firm rose to 17,455 dollars, driven by sales in Texas.",
        ),
        ("question with its answer", "17,455", "the revenue in 2021: 17,455 dollars."),
        ("opposite", "기준금리", "이번 달 기준금리는 3.25%로 하락했다."),
        ("negated", "기준금리", "이번 달 기준금리는 3.25%로 상승하지 않았다."),
        ("same document", "17,455", "Costs of the firm were 512 dollars in Ohio."),
    ],
)
def test_claim_is_made_by_its_rule(kind: str, passage: str, claim: str) -> None:
    assert claim in of_kind(kind, passage)


def test_swapped_name_comes_from_another_document() -> None:
    (claim,) = of_kind("name swapped", "Ohio")
    assert claim in {f"Costs of the firm were 512 dollars in {name}." for name in ("Yahoo", "Viaweb")}


def test_changed_number_differs_from_all_of_the_passage() -> None:
    for claim in of_kind("figure changed", "Ohio"):
        assert "512" not in claim


def test_number_of_another_place_is_in_the_passage() -> None:
    assert of_kind("figure of another place", "17,455")[0].count("11,139") == 1


def test_no_examples_no_claims() -> None:
    assert make_claims([]) == []
    assert make_claims([Example("Why?", "")]) == []


def test_errors_are_counted_by_kind() -> None:
    passage = "Revenue rose to 17,455 dollars."
    claims = [
        LabelledClaim("Revenue rose to 17,455 dollars.", passage, True, "right"),
        LabelledClaim("Giraffes sleep.", passage, True, "alarm"),
        LabelledClaim("Giraffes sleep.", passage, False, "right"),
        LabelledClaim("Revenue rose to 18,455 dollars.", passage, False, "right"),
        LabelledClaim("Revenue rose.", passage, False, "miss"),
    ]
    rates = error_rates(claims)
    assert rates.kinds == {"right": (3, 0), "alarm": (1, 1), "miss": (1, 1)}
    assert (rates.false_alarms, rates.misses) == (1 / 2, 1 / 3)


def test_no_claims_no_errors() -> None:
    rates = error_rates([])
    assert (rates.kinds, rates.false_alarms, rates.misses) == ({}, 0.0, 0.0)
