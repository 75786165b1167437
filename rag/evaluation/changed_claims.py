"""Sentences changed by rule: said otherwise, so that they stay true, or in a single place, so that they don't.

Each function gives an empty text, or the same one, where the sentence has nothing to change.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from rag.citations.numbers import Number, numbers_of_claim, numbers_of_passage, stated_scales
from rag.citations.opposites import opposite_forms
from rag.citations.stated_numbers import is_stated


def shortened(text: str) -> str:
    """Without what is in parentheses, or the last clause; empty where there is neither."""
    without = re.sub(r"\s*\([^()]*[^\W\d][^()]*\)", "", text)
    if without != text:
        return without
    clauses = _clauses(text)
    return ", ".join(clauses[:-1]) + "." if len(clauses) > 2 else ""


def reordered(text: str) -> str:
    """With its first clause last; empty where there is one only."""
    clauses = _clauses(text)
    return ", ".join([*clauses[1:], clauses[0]]) + "." if len(clauses) > 1 else ""


def _clauses(text: str) -> list[str]:
    """The clauses between commas, if each has some words; those of tables are cells."""
    clauses = re.split(r", (?!\d)", text.rstrip(". "))
    return clauses if all(len(clause.split()) > 2 for clause in clauses) and "|" not in text else [text]


def rounded(text: str, passage: str) -> str:
    """With one figure of many digits, or of decimals, said in fewer."""
    scales = stated_scales(passage)
    for figure in _amounts(text):
        value = figure.values[0]
        digits = _digits(figure)
        if not figure.is_scaled and value >= 1000 and len(digits.strip("0")) > 2 and "," in figure.text:
            if len(scales) == 1 and figure.in_cell:
                said = f"{value * max(scales) / 1e9:.1f} billion"
                return _replaced(text, figure, said) if value * max(scales) >= 1e9 else ""
            step = 10 ** (len(digits) - 2)
            return _replaced(text, figure, f"about {round(value / step) * step:,}")
        decimals = re.search(r"(?<![\d,])\d+\.(\d+)", figure.text)
        if decimals:
            fewer = f"{float(decimals[0]):.{len(decimals[1]) - 1}f}"
            return _replaced(text, figure, figure.text.replace(decimals[0], fewer))
    return ""


def _amounts(text: str) -> list[Number]:
    return [
        figure
        for figure in numbers_of_claim(text)
        if figure.kind in ("number", "percent") and re.search(r"\d", figure.text)
    ]


def _digits(figure: Number) -> str:
    return "".join(re.findall(r"\d", figure.text))


def _replaced(text: str, figure: Number, said: str) -> str:
    return f"{text[: figure.start]}{said}{text[figure.end :]}"


def with_changed_figure(text: str, passage: str, chance: random.Random) -> str:
    """With one digit of one figure changed, to an amount that the passage doesn't have."""
    figures = _amounts(text)
    chance.shuffle(figures)
    known, scales = numbers_of_passage(passage), stated_scales(passage)
    for figure in figures:
        places = [i for i in range(figure.start, figure.end) if text[i].isdigit()]
        for place in chance.sample(places, len(places)):
            digit = str((int(text[place]) + chance.randint(1, 8)) % 9 + 1)
            changed = f"{text[:place]}{digit}{text[place + 1 :]}"
            said = [other for other in numbers_of_claim(changed) if other.start == figure.start]
            if digit != text[place] and said and not is_stated(said[0], known, scales):
                return changed
    return ""


_SCALE_SWAPS = {
    "million": "billion",
    "billion": "million",
    "thousand": "million",
    "trillion": "billion",
    "만": "억",
    "억": "만",
    "조": "억",
}


def with_changed_scale(text: str) -> str:
    """With a million for a billion and the like; empty where no figure has a scale."""
    for figure in _amounts(text):
        for scale, other in _SCALE_SWAPS.items():
            if figure.is_scaled and scale in figure.text:
                return _replaced(text, figure, figure.text.replace(scale, other))
        plain = not figure.is_scaled and figure.kind == "number" and "," in figure.text
        if plain and not re.match(r"[\w-]", text[figure.end :]):
            return _replaced(text, figure, f"{figure.text} million")
    return ""


def with_figure_of(text: str, passage: str, chance: random.Random) -> str:
    """With a figure from elsewhere in the passage in place of one of the text's."""
    figures = _amounts(text)
    amounts = {figure.values for figure in figures}
    others = [figure for figure in _amounts(passage) if figure.values not in amounts]
    pairs = [
        (a, b) for a in figures for b in others if (a.kind, a.is_scaled, a.is_year) == (b.kind, b.is_scaled, b.is_year)
    ]
    if not pairs:
        return ""
    figure, other = chance.choice(pairs)
    return _replaced(text, figure, other.text)


_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{2,}(?: [A-Z][a-z]{2,})*")


def names_in(text: str) -> list[str]:
    """Capitalised words within sentences."""
    return _NAME.findall(text)


def with_swapped_name(text: str, others: Sequence[str], chance: random.Random) -> str:
    """With one of its names replaced by one of `others`; empty where there is none."""
    names = [name for name in names_in(text) if name not in _CALENDAR]
    others = [name for name in others if name not in _CALENDAR]
    return text.replace(chance.choice(names), chance.choice(others)) if names and others else ""


_DAYS_AND_MONTHS = """
January February March April May June July August September October November December
Monday Tuesday Wednesday Thursday Friday Saturday Sunday
"""
_CALENDAR = frozenset(_DAYS_AND_MONTHS.split())
_AUXILIARY = re.compile(r"\b(?:is|are|was|were|will|can|could|would|should|may|must)\b(?! (?:not|only)\b)")
_KOREAN_VERB_ENDS = [
    ("있습니다", "없습니다"),
    ("입니다", "이 아닙니다"),
    ("되었습니다", "되지 않았습니다"),
    ("했습니다", "하지 않았습니다"),
    ("하였습니다", "하지 않았습니다"),
    ("됩니다", "되지 않습니다"),
    ("합니다", "하지 않습니다"),
    ("있다", "없다"),
    ("하였다", "하지 않았다"),
    ("했다", "하지 않았다"),
    ("되었다", "되지 않았다"),
    ("한다", "하지 않는다"),
    ("된다", "되지 않는다"),
    ("이다", "이 아니다"),
]


def negated(text: str) -> str:
    """With a "not" after the first auxiliary verb, or with its last Korean verb negated; empty where there is none."""
    if re.search(r"\b(?:not|no|never)\b|n['’]t\b|않|없|아니", text):
        return ""
    changed = _AUXILIARY.sub(lambda match: f"{match[0]} not", text, count=1)
    if changed != text:
        return changed
    for end, turned in _KOREAN_VERB_ENDS:
        if re.search(rf"{end}\W*$", text):
            return re.sub(rf"{end}(\W*)$", rf"{turned}\1", text)
    return ""


_OPPOSED = re.compile("|".join(rf"\b{word}\b" if word.isascii() else word for word in opposite_forms()))


def with_opposite(text: str) -> str:
    """With the first word that has a plain opposite turned into it."""
    return _OPPOSED.sub(lambda match: opposite_forms()[match[0]], text, count=1)
