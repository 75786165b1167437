"""Checks that a passage states the numbers of a claim. The form may differ: "$17.5 billion" is 17,455 in a table in
millions."""

from __future__ import annotations

from collections.abc import Sequence

from rag.citations.check import NO_OBJECTION, Comparison, Verdict
from rag.citations.numbers import Number

# Most tables without a stated scale are in thousands or millions.
_TABLE_SCALES = frozenset({1e3, 1e6})
# The rounding error of a product of floats, as a share of the product.
_FLOAT_ERROR = 1e-9
# Numbers up to this one have too many wordings ("a", "both", "another"), so they needn't be in the window.
_SMALL = 2


def states_the_numbers(comparison: Comparison) -> Verdict:
    """Objects if a number isn't in the passage, or isn't near the claim's words."""
    passage = comparison.passage
    missing = [
        number.text
        for number in comparison.numbers
        if not (
            is_stated(number, passage.numbers, passage.scales)
            or _is_in_context(number, passage.context_numbers)
            or _is_in_title(number, comparison.title)
        )
    ]
    if missing:
        return Verdict(False, f"the passage doesn't state {', '.join(missing)}", missing=tuple(missing))
    far = [number.text for number in comparison.numbers if not _is_in_window(number, comparison)]
    return Verdict(False, f"{', '.join(far)} stands elsewhere in the passage") if far else NO_OBJECTION


def is_stated(claimed: Number, numbers: Sequence[Number], scales: frozenset[float]) -> bool:
    """Whether one of `numbers` agrees with `claimed`, as exactly as the claim writes it.

    `scales` are the scales that the passage states for its tables. A loss of 5 is (5) or -5 in a
    table, but 19 degrees aren't -19.
    """
    return any(_agree(claimed, number, scales) for number in numbers)


def _agree(claimed: Number, stated: Number, scales: frozenset[float]) -> bool:
    if claimed.kind != stated.kind and not _is_written_as_number(claimed, stated):
        return False
    if {claimed.sign, stated.sign} == {"-", "+"}:
        return False
    if claimed.currency and stated.currency and claimed.currency != stated.currency:
        return False
    both = bool(claimed.dimension and stated.dimension)
    if both and claimed.dimension != stated.dimension:
        return False
    to_claimed = stated.factor / claimed.factor if both else 1.0
    amounts = [value * to_claimed for value in stated.values]
    if claimed.kind == "percent" and stated.kind == "number" and stated.in_cell and 0 < stated.values[0] <= 1:
        amounts.append(100 * stated.values[0])  # a spreadsheet keeps 7.5% as 0.075
    if claimed.is_scaled and claimed.kind == stated.kind == "number" and not stated.is_scaled and not stated.is_year:
        # 17,455 is 17.455 billion in a table in millions. If the passage states no scale, one is assumed for numbers in
        # cells only.
        assumed = scales or (_TABLE_SCALES if stated.in_cell else ())
        amounts += [value * scale for value in stated.values for scale in assumed]
    elif scales and stated.in_cell and claimed.kind == stated.kind == "number" and not stated.is_year:
        # 120 in a table in thousands is 120,000.
        amounts += [value * scale for value in stated.values for scale in scales if claimed.values[0] >= scale]
    return any(
        abs(value - amount) <= step / 2 * (1 + _FLOAT_ERROR)
        for value, step in zip(claimed.values, claimed.steps, strict=True)
        for amount in amounts
    )


def _is_written_as_number(claimed: Number, stated: Number) -> bool:
    """Whether a percentage, month or label is written as a plain number. A column's percent sign may be in its head,
    some forms of a date have a number for the month, and "§ 8" is "Section 8"."""
    if claimed.kind == "label":
        return stated.kind == "number" and not stated.currency and not stated.is_scaled
    if claimed.kind == "percent":
        return stated.kind == "number" and stated.in_cell and not stated.currency
    return claimed.kind == "number" and stated.kind == "month"


def _is_in_context(number: Number, numbers: Sequence[Number]) -> bool:
    """Whether the context states a number as the claim writes it. Scales are for the table's cells, and an amount of
    money isn't a number of days in a note."""
    return any(
        number.currency == stated.currency and number.scale == stated.scale and _agree(number, stated, frozenset())
        for stated in numbers
    )


def _is_in_title(number: Number, title: frozenset[str]) -> bool:
    return number.is_year and str(int(number.values[0])) in title


def _is_in_window(number: Number, comparison: Comparison) -> bool:
    """Whether a number is near the claim's words. Years and months needn't be: a table may have them in its head."""
    if number.is_year or number.kind == "month" or number.values[0] <= _SMALL:
        return True
    passage = comparison.passage
    if _is_in_context(number, passage.context_numbers):
        return True
    return any(is_stated(number, sentence.numbers, passage.scales) for sentence in comparison.window)
