"""Changes sentences by rule: into other words, so that they stay true, or in a single place, so that they become false.

Each function returns an empty text, or the same one, where the sentence has nothing to change.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from rag.citations.numbers import Number, numbers_of_claim, numbers_of_passage, stated_scales
from rag.citations.opposites import opposite_forms
from rag.citations.stated_numbers import is_stated

_DATA = tomllib.loads((Path(__file__).parent / "data" / "claim_changes.toml").read_text("utf-8"))

_PARENTHESIS = re.compile(r"\s*\([^()]*[^\W\d][^()]*\)")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{2,}(?: [A-Z][a-z]{2,})*")
_NEGATED = re.compile(r"\b(?:not|no|never)\b|n['’]t\b|않|없|아니")
_AUXILIARY = re.compile(rf"\b(?:{'|'.join(_DATA['auxiliaries'])})\b(?! (?:not|only)\b)")
_OPPOSED = re.compile("|".join(rf"\b{word}\b" if word.isascii() else word for word in opposite_forms()))


def shortened(text: str) -> str:
    """Without its parentheses, or else without its last clause."""
    without = _PARENTHESIS.sub("", text)
    if without != text:
        return without
    clauses = _clauses(text)
    return ", ".join(clauses[:-1]) + "." if len(clauses) > 2 else ""


def reordered(text: str) -> str:
    """With its first clause last."""
    clauses = _clauses(text)
    return ", ".join([*clauses[1:], clauses[0]]) + "." if len(clauses) > 1 else ""


def _clauses(text: str) -> list[str]:
    """The clauses between commas, if each has at least three words; the commas of a table's row separate cells."""
    clauses = re.split(r", (?!\d)", text.rstrip(". "))
    return clauses if all(len(clause.split()) > 2 for clause in clauses) and "|" not in text else [text]


def rounded(text: str, passage: str) -> str:
    """With fewer digits, or fewer decimals, in one number that has many."""
    scales = stated_scales(passage)
    for number in _amounts(text):
        value = number.values[0]
        digits = _digits(number)
        if not number.is_scaled and value >= 1000 and len(digits.strip("0")) > 2 and "," in number.text:
            if len(scales) == 1 and number.in_cell:
                amount = f"{value * max(scales) / 1e9:.1f} billion"
                return _replaced(text, number, amount) if value * max(scales) >= 1e9 else ""
            step = 10 ** (len(digits) - 2)
            return _replaced(text, number, f"about {round(value / step) * step:,}")
        decimals = re.search(r"(?<![\d,])\d+\.(\d+)", number.text)
        if decimals:
            fewer = f"{float(decimals[0]):.{len(decimals[1]) - 1}f}"
            return _replaced(text, number, number.text.replace(decimals[0], fewer))
    return ""


def with_changed_number(text: str, passage: str, chance: random.Random) -> str:
    """With one digit of one number changed, to an amount that the passage doesn't state."""
    numbers = _amounts(text)
    chance.shuffle(numbers)
    stated, scales = numbers_of_passage(passage), stated_scales(passage)
    for number in numbers:
        places = [i for i in range(number.start, number.end) if text[i].isdigit()]
        for place in chance.sample(places, len(places)):
            digit = str((int(text[place]) + chance.randint(1, 8)) % 9 + 1)
            changed = f"{text[:place]}{digit}{text[place + 1 :]}"
            claimed = [other for other in numbers_of_claim(changed) if other.start == number.start]
            if digit != text[place] and claimed and not is_stated(claimed[0], stated, scales):
                return changed
    return ""


def with_changed_scale(text: str) -> str:
    """With a million for a billion and the like, or with a million after a number without a scale."""
    for number in _amounts(text):
        for scale, other in _DATA["scales"].items():
            if number.is_scaled and scale in number.text:
                return _replaced(text, number, number.text.replace(scale, other))
        is_plain = not number.is_scaled and number.kind == "number" and "," in number.text
        if is_plain and not re.match(r"[\w-]", text[number.end :]):
            return _replaced(text, number, f"{number.text} million")
    return ""


def with_number_of(text: str, passage: str, chance: random.Random) -> str:
    """With a number from elsewhere in the passage in the place of one of its own."""
    numbers = _amounts(text)
    amounts = {number.values for number in numbers}
    others = [number for number in _amounts(passage) if number.values not in amounts]
    pairs = [
        (a, b) for a in numbers for b in others if (a.kind, a.is_scaled, a.is_year) == (b.kind, b.is_scaled, b.is_year)
    ]
    if not pairs:
        return ""
    number, other = chance.choice(pairs)
    return _replaced(text, number, other.text)


def _amounts(text: str) -> list[Number]:
    """The numbers in digits, without months and times."""
    return [
        number
        for number in numbers_of_claim(text)
        if number.kind in ("number", "percent") and re.search(r"\d", number.text)
    ]


def _digits(number: Number) -> str:
    return "".join(re.findall(r"\d", number.text))


def _replaced(text: str, number: Number, other: str) -> str:
    return f"{text[: number.start]}{other}{text[number.end :]}"


def names_in(text: str) -> list[str]:
    """Capitalised words within sentences."""
    return _NAME.findall(text)


def with_swapped_name(text: str, others: Sequence[str], chance: random.Random) -> str:
    """With one of its names replaced by one of `others`."""
    names = [name for name in names_in(text) if name not in _DATA["calendar"]]
    others = [name for name in others if name not in _DATA["calendar"]]
    return text.replace(chance.choice(names), chance.choice(others)) if names and others else ""


def negated(text: str) -> str:
    """With a "not" after its first auxiliary verb, or else with its last Korean verb negated."""
    if _NEGATED.search(text):
        return ""
    changed = _AUXILIARY.sub(lambda match: f"{match[0]} not", text, count=1)
    if changed != text:
        return changed
    for end, negation in _DATA["korean_negations"].items():
        if re.search(rf"{end}\W*$", text):
            return re.sub(rf"{end}(\W*)$", rf"{negation}\1", text)
    return ""


def with_opposite(text: str) -> str:
    """With its first word that has a plain opposite turned into it."""
    return _OPPOSED.sub(lambda match: opposite_forms()[match[0]], text, count=1)
