"""Changes sentences by rule. Some rules reword a sentence, so that it stays true; the others change a single place, so
that it becomes false.

Each function returns an empty text, or the sentence itself, if the rule doesn't apply.
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

# Round brackets with a word in them: a negative amount isn't left out.
_PARENTHESIS = re.compile(r"\s*\([^()]*[^\W\d][^()]*\)")
# Capitalised words after a word in lower case, so not at the beginning of a sentence.
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{2,}(?: [A-Z][a-z]{2,})*")
_NEGATED = re.compile(r"\b(?:not|no|never)\b|n['’]t\b|않|없|아니")
_AUXILIARY = re.compile(rf"\b(?:{'|'.join(_DATA['auxiliaries'])})\b(?! (?:not|only)\b)")
_OPPOSED = re.compile("|".join(rf"\b{word}\b" if word.isascii() else word for word in opposite_forms()))


def shortened(text: str) -> str:
    """The sentence without its parentheses, or, if it has none, without its last clause."""
    without = _PARENTHESIS.sub("", text)
    if without != text:
        return without
    clauses = _clauses(text)
    return ", ".join(clauses[:-1]) + "." if len(clauses) > 2 else ""


def reordered(text: str) -> str:
    """The sentence with its first clause moved to the end."""
    clauses = _clauses(text)
    return ", ".join([*clauses[1:], clauses[0]]) + "." if len(clauses) > 1 else ""


def _clauses(text: str) -> list[str]:
    """The clauses between commas, if each has at least three words; else the whole text. A table's row isn't cut, since
    its commas don't separate clauses."""
    clauses = re.split(r", (?!\d)", text.rstrip(". "))
    return clauses if all(len(clause.split()) > 2 for clause in clauses) and "|" not in text else [text]


def rounded(text: str, passage: str) -> str:
    """The sentence with one number rounded to fewer digits or decimals."""
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
    """The sentence with one digit changed, which gives an amount that the passage doesn't state."""
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
    """The sentence with one scale changed, such as billion to million, or with "million" after a number without a
    scale."""
    for number in _amounts(text):
        for scale, other in _DATA["scales"].items():
            if number.is_scaled and scale in number.text:
                return _replaced(text, number, number.text.replace(scale, other))
        is_plain = not number.is_scaled and number.kind == "number" and "," in number.text
        if is_plain and not re.match(r"[\w-]", text[number.end :]):
            return _replaced(text, number, f"{number.text} million")
    return ""


def with_number_of(text: str, passage: str, chance: random.Random) -> str:
    """The sentence with one number replaced by another number of the passage."""
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
    """The numbers and percentages that are written in digits; no months and times."""
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
    """The names in a text: capitalised words within sentences."""
    return _NAME.findall(text)


def with_swapped_name(text: str, others: Sequence[str], chance: random.Random) -> str:
    """The sentence with one of its names replaced by one of `others`."""
    names = [name for name in names_in(text) if name not in _DATA["calendar"]]
    others = [name for name in others if name not in _DATA["calendar"]]
    return text.replace(chance.choice(names), chance.choice(others)) if names and others else ""


def negated(text: str) -> str:
    """The sentence with "not" after its first auxiliary verb; a Korean sentence with its last verb negated."""
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
    """The sentence with one word, the first that has a plain opposite, replaced by its opposite."""
    return _OPPOSED.sub(lambda match: opposite_forms()[match[0]], text, count=1)
