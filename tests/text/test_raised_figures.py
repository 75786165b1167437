"""Tests of raised figures: cents and fractions are parts of numbers, marks of notes are not."""

from __future__ import annotations

import pytest

from rag.text.blocks import Code, Footnote, Paragraph, Table, page_text


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("Only 9[^99] € today", "Only 9.99 € today"),
        ("It was $45[^12].", "It was $45.12."),
        ("1.299[^00] EUR", "1.299,00 EUR"),
        ("CHF 7[^05]", "CHF 7.05"),
        ("Take 3[^1]/_2 cups", "Take 3 1/2 cups"),
        ("Take 3 [^1]/_2 cups", "Take 3 1/2 cups"),
        ("[^3]⁄_4 inch", "3/4 inch"),
        ("Turnover was 45[^1] million €", "Turnover was 45[^1] million €"),
        ("45[^12] members", "45[^12] members"),
        ("10^6 units", "10^6 units"),
    ],
)
def test_cents_and_fractions_are_parts_of_their_numbers(written: str, seen: str) -> None:
    assert page_text([Paragraph(written)]) == seen


def test_figure_at_an_amount_is_a_mark_where_its_note_or_its_neighbour_stands() -> None:
    noted = page_text([Paragraph("Costs of $45[^12] rose."), Footnote("12", "Before tax.")])
    assert "$45[^12]" in noted
    counted = page_text([Paragraph("Rent[^11] and costs of $45[^12] rose.")])
    assert "$45[^12]" in counted


def test_prices_of_a_table_have_their_cents_and_code_stays_as_it_is() -> None:
    page = page_text([Table([["Tea", "Cake"], ["€ 4[^50]", "€ 5[^90]"]]), Code("cost = '$4[^50]'")])
    assert "| € 4.50 | € 5.90 |" in page
    assert "cost = '$4[^50]'" in page
