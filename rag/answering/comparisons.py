"""Questions which of two things is more: the two rows side by side, the one that is asked for first."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.answering.answer_units import AnswerUnit
from rag.answering.asking import Asked

_NUMBER = re.compile(r"\(?-?\d[\d,]*(?:\.\d+)?\)?")


def compare_rows(asked: Asked, ranking: Sequence[tuple[AnswerUnit, float]]) -> str | None:
    """The answer to "Which is more, A or B?" from the best row of each under the same head; None if there are no such
    rows."""
    if not asked.comparison:
        return None
    rows = []
    for names in asked.alternatives:
        own = names - frozenset().union(*(other for other in asked.alternatives if other != names))
        rows.append(next((unit for unit, _ in ranking if unit.reading and own and own <= unit.label), None))
    one, other = rows
    if one is None or other is None or one.reading is None or other.reading is None:
        return None
    amounts = _amount(one), _amount(other)
    if amounts[0] is None or amounts[1] is None or _heads(one) != _heads(other) or amounts[0] == amounts[1]:
        return None
    less = asked.comparison.startswith("-")
    if (amounts[0] < amounts[1]) != less:
        one, other = other, one
    return asked.comparison.removeprefix("-").format(
        first=f"{one.text} [{one.number}]", other=f"{other.text} [{other.number}]"
    )


def _heads(unit: AnswerUnit) -> list[str]:
    reading = unit.reading
    return [reading.row.heads[index] for index in reading.columns] if reading else []


def _amount(unit: AnswerUnit) -> float | None:
    """The value of a row of which one column is said."""
    match = _NUMBER.search(unit.value)
    if match is None or unit.reading is None or len(unit.reading.columns) != 1:
        return None
    number = float(re.sub(r"[^\d.]", "", match[0]))
    return -number if match[0].startswith(("(", "-")) else number
