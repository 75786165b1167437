"""Checks that a passage states the numbers of a claim, whatever their form: 17,455 in a table in millions is
"$17.5 billion"."""

from __future__ import annotations

from collections.abc import Sequence

from rag.citations.check import NO_OBJECTION, Comparison, Verdict
from rag.citations.numbers import Number

# Most tables that don't state a scale are in one of these.
_TABLE_SCALES = frozenset({1e3, 1e6})
# The rounding errors of a product of floats, as a share of it.
_FLOAT_ERROR = 1e-9
# Numbers up to this one are told in too many ways ("a", "both", "another") to be asked for near the words.
_SMALL = 2


def states_the_numbers(comparison: Comparison) -> Verdict:
    """Every number is in the passage, and near the claim's words."""
    passage = comparison.passage
    missing = [
        number.text
        for number in comparison.numbers
        if not (is_stated(number, passage.numbers, passage.scales) or _is_in_title(number, comparison.title))
    ]
    if missing:
        return Verdict(False, f"the passage doesn't state {', '.join(missing)}", missing=tuple(missing))
    far = [number.text for number in comparison.numbers if not _is_in_window(number, comparison)]
    return Verdict(False, f"{', '.join(far)} stands elsewhere in the passage") if far else NO_OBJECTION


def is_stated(claimed: Number, numbers: Sequence[Number], scales: frozenset[float]) -> bool:
    """Whether one of the numbers agrees with the claimed one, as exactly as the claim states it.

    `scales` are those that the passage states for its tables. Signs aren't compared: a loss of 5 is (5) in a table.
    """
    return any(_agree(claimed, number, scales) for number in numbers)


def _agree(claimed: Number, stated: Number, scales: frozenset[float]) -> bool:
    if claimed.kind != stated.kind and not _is_written_as_number(claimed, stated):
        return False
    if claimed.currency and stated.currency and claimed.currency != stated.currency:
        return False
    amounts = list(stated.values)
    if claimed.is_scaled and claimed.kind == stated.kind == "number" and not stated.is_scaled and not stated.is_year:
        # 17,455 is 17.455 billion in a table in millions. Where the passage states no scale, only the number of a cell
        # may have one.
        assumed = scales or (_TABLE_SCALES if stated.in_cell else ())
        amounts += [value * scale for value in stated.values for scale in assumed]
    return any(
        abs(value - amount) <= step / 2 * (1 + _FLOAT_ERROR)
        for value, step in zip(claimed.values, claimed.steps, strict=True)
        for amount in amounts
    )


def _is_written_as_number(claimed: Number, stated: Number) -> bool:
    """The percent sign of a column may be in its head, and some forms of a date have a number for the month."""
    if claimed.kind == "percent":
        return stated.kind == "number" and stated.in_cell and not stated.currency
    return claimed.kind == "number" and stated.kind == "month"


def _is_in_title(number: Number, title: frozenset[str]) -> bool:
    return number.is_year and str(int(number.values[0])) in title


def _is_in_window(number: Number, comparison: Comparison) -> bool:
    """Years and months may stand elsewhere: in the head of a table."""
    if number.is_year or number.kind == "month" or number.values[0] <= _SMALL:
        return True
    return any(is_stated(number, sentence.numbers, comparison.passage.scales) for sentence in comparison.window)
