"""Checks that a passage speaks of the quarter or the half of a year of which the claim speaks."""

from __future__ import annotations

import re

from rag.citations.check import NO_OBJECTION, Comparison, Verdict

_PERIOD = re.compile(
    r"\b(?:[QTqt](?P<quarter>[1-4])\b|(?P<turned>[1-4])[QTqt](?=\d\d|\b)|[Hh](?P<half>[12])\b)"
    r"|(?P<counted>[1-4])\s?(?:분기|四半期)|第(?P<han>[一二三四1-4])(?:四半期|季度)|\b(?P<german>[1-4])\.\s?Quartal"
    r"|\b(?P<word>first|second|third|fourth|erste[nrs]?|zweite[nrs]?|dritte[nrs]?|vierte[nrs]?|premier|deuxième|troisième"
    r"|quatrième|primer|segundo|tercer|cuarto|primo|secondo|terzo|quarto)\s(?:(?:fiscal|business)\s)?"
    r"(?:quarter|quartal|trimestre)\b",
    re.IGNORECASE,
)
_ORDINALS = (
    ("first", "erste", "premier", "primer", "primo", "一"),
    ("second", "zweite", "deuxième", "segundo", "secondo", "二"),
    ("third", "dritte", "troisième", "tercer", "terzo", "三"),
    ("fourth", "vierte", "quatrième", "cuarto", "quarto", "四"),
)
_NUMBERS = {word: str(number) for number, words in enumerate(_ORDINALS, 1) for word in words}


def names_the_period(comparison: Comparison) -> Verdict:
    """Objects if the claim names a quarter or a half of a year, and the passage only others."""
    claimed = _periods(comparison.claim)
    stated = _periods(f"{comparison.context}\n{comparison.passage.text}") if claimed else set()
    kinds = {kind for kind, _ in stated}
    for kind, number in sorted(claimed - stated):
        if kind in kinds:
            return Verdict(False, f"the passage speaks of another {kind} than {number}")
    return NO_OBJECTION


def _periods(text: str) -> set[tuple[str, str]]:
    periods = set()
    for match in _PERIOD.finditer(text):
        found = next(name for name, value in match.groupdict().items() if value)
        word = match[found].casefold()
        number = next((value for start, value in _NUMBERS.items() if word.startswith(start)), word)
        periods.add(("half" if found == "half" else "quarter", number))
    return periods
