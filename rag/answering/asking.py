"""What a question asks for: the kind of its answer, and the terms that a text which answers it holds."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from rag.text.languages import identify
from rag.text.terms import content_terms, normalize

_DATA = Path(__file__).parent / "data" / "asking.toml"
_CJK = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f]")
# A number of a question, with the separators that other spellings leave out. Years and amounts must be met.
_NUMBER = re.compile(r"\d[\d.,'’ \u00a0\u202f/:-]*\d|\d")
_NAME = re.compile(r"(?<=[\w,;] )[A-ZÀ-ÞА-Я][^\W\d_]*[a-zà-þа-я][^\W\d_]+")
_FIGURE_OF_DATE = re.compile(
    r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)|\d{1,2}[:.]\d\d|\d\s*[년월일年月日時时시点]"
    r"|요일|[曜星期週周][日一二三四五六天月火水木金土]"
)
_HANGUL_WORD = re.compile("[가-힣]{3,}")
# The two alternatives of a question, at its end: "Which is higher, A or B?"
_OR = re.compile(r"[,:]\s*([^,:?]+?),?\s+(?:or|oder|ou|o)\s+([^,:?]+?)\s*\?*$", re.IGNORECASE)
_OR_CJK = re.compile(r"(\S+?)(?:과|와|이랑|하고|と|和)\s*(\S+?)\s*(?:중|のうち|のどちら|哪|，)")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question taken apart.

    `terms` are its content terms, `topic` those of the question before a follow-up, `implied` terms that the asked
    value's label often has. `kinds` are among the kinds of `data/asking.toml`. `numbers` are its numbers' digits,
    `names` the terms of its names, `alternatives` those of the two things of which it asks for one. `comparison` says
    how the answer puts them: see `[larger]` in `data/asking.toml`, with a minus before it if less is asked for.
    """

    text: str
    terms: frozenset[str]
    topic: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    implied: frozenset[str] = frozenset()
    numbers: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    alternatives: tuple[frozenset[str], ...] = ()
    comparison: str = ""


def ask(question: str, earlier: str = "") -> Asked:
    """Take a question apart. `earlier` is the question before it, if it doesn't stand alone."""
    flat = folded(question)
    kinds = _kinds(flat)
    before = folded(earlier)
    if not kinds - {"percent"} and earlier:
        kinds |= _kinds(before)
    terms = frozenset(content_terms(_without_empty(question)) or content_terms(question))
    implied = {term for phrase, words in _data().implied if phrase.search(flat) for term in content_terms(words)}
    topic = frozenset(content_terms(_without_empty(earlier))) - terms if earlier else frozenset()
    either = _OR.search(question) or _OR_CJK.search(question)
    alternatives = tuple(frozenset(content_terms(part)) for part in either.groups()) if either else ()
    # All German nouns have capitals.
    names = [] if "german" in identify(question) else _NAME.findall(question)
    return Asked(
        question,
        terms,
        topic,
        frozenset(kinds),
        frozenset(implied) - terms,
        tuple(digits(number) for number in _NUMBER.findall(question)),
        frozenset(term for name in names for term in content_terms(name)) & terms,
        alternatives if all(alternatives) else (),
        _comparison(flat) if either and all(alternatives) else "",
    )


def respelt(asked: Asked, vocabulary: Collection[str]) -> Asked:
    """The question with each term that isn't in a vocabulary exchanged for the one that it may be a misspelling of."""
    missing = {term for term in asked.terms if term not in vocabulary and len(term) >= 5 and term.isalpha()}
    by_initial: dict[str, list[str]] = {}
    for word in vocabulary if missing else ():
        by_initial.setdefault(word[:1], []).append(word)
    meant = {
        term: next((word for word in by_initial.get(term[0], ()) if _is_slip(term, word)), term) for term in missing
    }
    return replace(
        asked,
        terms=frozenset(meant.get(term, term) for term in asked.terms),
        names=frozenset(meant.get(term, term) for term in asked.names),
    )


def _is_slip(term: str, word: str) -> bool:
    """Whether a word differs by one letter more, less or exchanged with its neighbour; or, if it is longer, by another
    letter."""
    if abs(len(term) - len(word)) > 1 or len(word) < 5:
        return False
    start = next((i for i, (a, b) in enumerate(zip(term, word, strict=False)) if a != b), min(len(term), len(word)))
    rest, other = term[start:], word[start:]
    if len(rest) == len(other):
        swapped = rest[:2] == other[:2][::-1] and rest[2:] == other[2:]
        return swapped or (len(term) >= 6 and rest[1:] == other[1:])
    return rest[1:] == other or rest == other[1:]


def digits(number: str) -> str:
    """The digits of a number, by which other spellings of it are recognised."""
    return re.sub(r"\D", "", normalize(number))


def has_phrase(text: str, phrases: Sequence[re.Pattern[str]]) -> bool:
    """Whether a folded text has one of the phrases."""
    return any(phrase.search(text) for phrase in phrases)


def has_date(text: str) -> bool:
    """Whether a text has a year, a day, a time or a season."""
    return bool(_FIGURE_OF_DATE.search(text) or _data().dates.search(folded(text)))


def has_amount(text: str) -> bool:
    """Whether a text has a number, in figures or words."""
    return bool(re.search(r"\d", text) or _data().numerals.search(folded(text)))


def phrase_pattern(phrase: str) -> re.Pattern[str]:
    """The pattern of a phrase of a data file, for folded text: see the head of `data/asking.toml`."""
    start, end = phrase.startswith("^"), phrase.endswith("$")
    core = phrase.removeprefix("^").removesuffix("$")
    body = re.escape(folded(core)).replace(r"\ ", " ").replace("…", r"(?:\S+ ){0,3}\S+")
    if not _CJK.search(core):
        body = (r"(?<!\w)" if core[0].isalnum() else "") + body + (r"(?!\w)" if core[-1].isalnum() else "")
    return re.compile((r"^\W*" if start else "") + body + (r"\W*$" if end else ""))


def folded(text: str) -> str:
    """A text without case, accents and doubled blanks, for comparing it with phrases."""
    return " ".join(normalize(text).replace("’", "'").split())


def _kinds(flat: str) -> set[str]:
    return {kind for kind, phrases in _data().kinds.items() if has_phrase(flat, phrases)}


def _comparison(flat: str) -> str:
    for sign, languages in (("", _data().larger), ("-", _data().smaller)):
        for phrases, says in languages:
            if has_phrase(flat, phrases):
                return sign + says
    return ""


def _without_empty(question: str) -> str:
    kept = question
    flat = folded(question)
    for phrase in _data().empty:
        match = phrase.search(flat)
        if match:
            kept, flat = _cut(kept, match[0].strip()), flat.replace(match[0], " ", 1)
    return _HANGUL_WORD.sub(lambda word: _data().ending.sub("", word[0]), kept)


def _cut(question: str, phrase: str) -> str:
    """The question without a phrase that stands in its folded form."""
    pattern = r"\s+".join(re.escape(word) for word in phrase.split())
    bare = re.sub(pattern, " ", question, count=1, flags=re.IGNORECASE)
    return bare if bare != question else re.sub(pattern, " ", folded(question), count=1)


@dataclass(frozen=True, slots=True)
class _Data:
    kinds: dict[str, list[re.Pattern[str]]]
    implied: list[tuple[re.Pattern[str], str]]
    empty: list[re.Pattern[str]]
    larger: list[tuple[list[re.Pattern[str]], str]]
    smaller: list[tuple[list[re.Pattern[str]], str]]
    ending: re.Pattern[str]
    numerals: re.Pattern[str]
    dates: re.Pattern[str]


@cache
def _data() -> _Data:
    data = tomllib.loads(_DATA.read_text(encoding="utf-8"))
    return _Data(
        {
            kind: [phrase_pattern(phrase) for listed in languages.values() for phrase in listed]
            for kind, languages in data["kinds"].items()
        },
        [(phrase_pattern(phrase), words) for pairs in data["implied"].values() for phrase, words in pairs],
        [phrase_pattern(p) for p in sorted((p for listed in data["empty"].values() for p in listed), key=len)[::-1]],
        _comparisons(data["larger"]),
        _comparisons(data["smaller"]),
        re.compile(rf"(?<=[가-힣]{{2}})(?:{'|'.join(sorted(data['endings']['ko'], key=len, reverse=True))})$"),
        re.compile(rf"\b(?:{'|'.join(data['numerals']['words'])})\b|{data['numerals']['signs']}"),
        re.compile(rf"\b(?:{'|'.join(data['numerals']['dates'])})\w*"),
    )


def _comparisons(languages: dict[str, dict[str, Any]]) -> list[tuple[list[re.Pattern[str]], str]]:
    return [([phrase_pattern(word) for word in entry["words"]], entry["says"]) for entry in languages.values()]
