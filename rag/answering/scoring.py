"""How well a part of a passage answers a question: what it holds of the question's terms, in itself and around it,
whether it has the kind of value that is asked for, and how near its meaning is."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence

from rag.answering.answer_units import AnswerUnit
from rag.answering.asking import Asked, digits, has_amount, has_date
from rag.schema import Passage
from rag.text.terms import terms

# The share of a term's weight that a part is credited with if the term only stands around it.
NEAR_SHARE = 0.5
# The share for a term of a table's title or group, or of the question that a part answers.
ABOUT_SHARE = 0.75
# What a row loses whose columns are those of other years than the question's.
OTHERYEAR = 0.35
# The weight of the terms of the question before a follow-up.
TOPIC_WEIGHT = 0.3
# How much more a number of the question counts than a word.
NUMBER_WEIGHT = 1.4
# The weight of the cosine, beside the share of the terms (0 to 1).
MEANING_WEIGHT = 0.6
# Of the parts with the most terms so many are compared by meaning.
COMPARED = 24
# The share of a score that is lost with each rank of the passage.
RANK_DISCOUNT = 0.02
# The share of a score that is kept if the passage lacks a word of the question that names another passage's document.
OTHER_DOCUMENT = 0.6

YEAR = re.compile(r"(?:19|20)\d\d")
_NAME = re.compile(r"(?<=[\w,;:—] )[A-ZÀ-ÞА-Я][\w'’.-]+|[\u3040-\u9fff\uac00-\ud7af]{2,}")

Cosines = Callable[[Sequence[str]], Sequence[float]]


def score_units(
    asked: Asked, units: Sequence[AnswerUnit], passages: Sequence[Passage], cosines: Cosines
) -> list[float]:
    """The score of each unit, mostly 0 to 2. `cosines` gives the cosine of each text and the question."""
    weights = term_weights(asked, units)
    named = _named_documents(asked, passages)
    prior = [_held(asked, unit, weights) + _kind(asked, unit) + _label(asked, unit, weights) for unit in units]
    first = sorted(range(len(units)), key=lambda index: -prior[index])[:COMPARED]
    near = dict(zip(first, cosines([units[index].text for index in first]), strict=True))
    least = min(near.values(), default=0.0)
    return [
        (prior[index] + MEANING_WEIGHT * near.get(index, least))
        * (1 - RANK_DISCOUNT * (unit.number - 1))
        * (OTHER_DOCUMENT if named and not named & _passage_terms(passages[unit.number - 1]) else 1.0)
        for index, unit in enumerate(units)
    ]


def share_held(asked: Asked, unit: AnswerUnit, units: Sequence[AnswerUnit]) -> float:
    """The share of the question's terms that a unit holds, by weight: 0 to 1."""
    return sum(weight * _share(term, unit) for term, weight in term_weights(asked, units).items())


def term_weights(asked: Asked, units: Sequence[AnswerUnit]) -> dict[str, float]:
    """The weight of each of the question's terms: the rarer in the units, the more. They add up to 1."""
    frequency = Counter(term for unit in units for term in unit.terms)
    weights = {term: math.log(1 + len(units) / (1 + frequency[term])) for term in asked.terms}
    weights |= {term: TOPIC_WEIGHT * math.log(1 + len(units) / (1 + frequency[term])) for term in asked.topic}
    weights = {term: weight * (NUMBER_WEIGHT if term.isdigit() else 1.0) for term, weight in weights.items()}
    total = sum(weights.values()) or 1.0
    return {term: weight / total for term, weight in weights.items()}


def _held(asked: Asked, unit: AnswerUnit, weights: dict[str, float]) -> float:
    held = sum(weight * _share(term, unit) for term, weight in weights.items())
    implied = 0.12 * min(len(asked.implied & unit.terms), 2)
    numbers = {digits(number) for number in re.findall(r"\d[\d.,'’ \u00a0\u202f]*\d", unit.text)}
    spelt = 0.25 * sum(1 for number in asked.numbers if len(number) > 4 and number in numbers)
    return held + implied + spelt - OTHERYEAR * _is_of_another_year(asked, unit)


def _share(term: str, unit: AnswerUnit) -> float:
    if term in unit.terms:
        return 1.0
    return ABOUT_SHARE if term in unit.about else NEAR_SHARE if term in unit.near else 0.0


def _is_of_another_year(asked: Asked, unit: AnswerUnit) -> bool:
    """Whether a row stands under years of which the question names none."""
    if unit.reading is None:
        return False
    years = {number for number in asked.numbers for number in YEAR.findall(number)}
    found = set(YEAR.findall(" ".join(unit.reading.row.heads[index] for index in unit.reading.columns)))
    return bool(years and found) and not years & found


def _label(asked: Asked, unit: AnswerUnit, weights: dict[str, float]) -> float:
    """What a label adds: much if all of it is in the question, nothing if none of it is."""
    if unit.lines:
        return 0.3
    if not unit.label:
        return 0.0
    wanted = asked.terms | asked.topic
    share = len(unit.label & wanted) / len(unit.label)
    reading = unit.reading
    if reading is None:
        return 0.25 * share
    if not share and not reading.given:
        return -0.35
    return 0.45 * share + 0.15 * reading.named - 0.15


def _kind(asked: Asked, unit: AnswerUnit) -> float:
    score = 0.0
    value = unit.value
    if "amount" in asked.kinds and not unit.lines:
        new = [number for number in re.findall(r"\d[\d.,]*", value) if digits(number) not in asked.numbers]
        score += 0.15 if new or (has_amount(value) and not unit.reading) else -0.2
    if "percent" in asked.kinds:
        score += 0.15 if "%" in unit.text or "percent" in unit.text else -0.05
    elif "amount" in asked.kinds and unit.reading and value.rstrip().endswith("%"):
        score -= 0.3
    if "time" in asked.kinds:
        score += 0.15 if has_date(value) else -0.1
    if "person" in asked.kinds:
        asked_words = asked.text.casefold()
        score += 0.12 if any(name.casefold() not in asked_words for name in _NAME.findall(unit.text)) else -0.05
    return score


def _named_documents(asked: Asked, passages: Sequence[Passage]) -> frozenset[str]:
    """The question's terms that stand in the names of some of the passages' documents."""
    return frozenset(
        term for passage in passages for term in terms(passage.file_name) if term in asked.terms and not term.isdigit()
    )


def _passage_terms(passage: Passage) -> frozenset[str]:
    return frozenset(terms(f"{passage.file_name}\n{passage.context}\n{passage.text}"))
