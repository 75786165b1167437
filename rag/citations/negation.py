"""Checks that a passage doesn't say the opposite of a claim, by a negation or by a word of opposite meaning."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from rag.citations.check import NO_OBJECTION, Comparison, Verdict
from rag.citations.opposites import Group, opposite_groups
from rag.text.stop_words import STOP_STEMS
from rag.text.terms import normalize, terms
from rag.text.word_lists import read_lists

# The scope of a negation is this many content words after it.
SCOPE = 3

_LISTS = {
    name: "|".join(sorted(words))
    for name, words in read_lists(Path(__file__).parent / "data" / "negations.txt").items()
}
# The scope of a negation ends with its clause.
_CLAUSE_END = re.compile(rf"[,;:()—–.!?\n]|\b(?:{_LISTS['conjunctions']})\b")
# "no longer than" and "not only" negate nothing.
_NEGATION = re.compile(
    r"\b(?:no(?! longer than| more than| later than| less than| fewer than)|not(?! only| just)"
    rf"|{_LISTS['negations']}|(?:{_LISTS['contracted']})n['’]t)\b"
)
_NO_NEGATION = re.compile(r"\bbut not limited\b")
# Korean negates a word by its ending or by the next word: group 2 is the word with the negation, group 1 the word
# before it. The lengths are bounded, since a text may be one word of a million letters.
_KOREAN_NEGATION = re.compile(
    r"(?:(?<!\w)(\w{1,30})\s{1,5})?(?<!\w)(\w{0,30}?(?:않|못[하했할한해]|없|아니[라다며고]|아닌|아닙)\w{0,30})"
)
# Bigrams of a negation, or of the ending before it: they carry no meaning.
_KOREAN_NEGATION_BIGRAM = re.compile("[않못없]|아니|니[라다며고한]|하지|되지|지는|이지|으지|습니|니다")


def does_not_contradict(comparison: Comparison) -> Verdict:
    """Objects if the window says the opposite of the claim."""
    if contradicts(comparison.claim, " ".join(sentence.text for sentence in comparison.window)):
        return Verdict(False, "the passage says the opposite")
    return NO_OBJECTION


def contradicts(claim: str, text: str) -> bool:
    """Whether a claim and a text on the same subject say opposite things.

    A negation and an opposite word cancel out: "did not fall" doesn't contradict "rose".
    """
    return _is_turned_by_negation(claim, text) != _is_turned_by_opposite(claim, text)


@dataclass(frozen=True, slots=True)
class _Negations:
    """All terms of a text, the terms in the scope of each negation, and the terms outside all scopes."""

    terms: frozenset[str]
    scopes: tuple[tuple[str, ...], ...]
    affirmed: frozenset[str]


def _is_turned_by_negation(claim: str, text: str) -> bool:
    claimed, stated = _negations(claim), _negations(text)
    # A claim is short, so its negation is its point.
    if claimed.scopes and not stated.scopes:
        return True
    return _negates_alone(claimed, stated) or _negates_alone(stated, claimed)


def _negates_alone(one: _Negations, other: _Negations) -> bool:
    """Whether a negation of `one` has terms of `other` in its scope, and no negation of `other` has any of them."""
    negated = {term for scope in other.scopes for term in scope}
    for scope in one.scopes:
        shared = [term for term in scope if term in other.terms and term not in one.affirmed]
        if shared and not negated & set(scope):
            return True
    return False


def _negations(text: str) -> _Negations:
    text = _NO_NEGATION.sub("", normalize(text))
    scopes: list[tuple[str, ...]] = []
    affirmed: set[str] = set()
    for clause in _CLAUSE_END.split(text):
        negation = _NEGATION.search(clause)
        affirmed.update(_content(clause[: negation.start()] if negation else clause))
        if negation:
            after = _content(clause[negation.end() :])
            scopes.append(tuple(after[:SCOPE]))
            affirmed.update(after[SCOPE:])
    for match in _KOREAN_NEGATION.finditer(text):
        around = _content(f"{match[1] or ''} {match[2]}")
        scopes.append(tuple(term for term in around if not _KOREAN_NEGATION_BIGRAM.search(term)))
        affirmed.difference_update(scopes[-1])
    return _Negations(frozenset(_content(text)), tuple(scopes), frozenset(affirmed))


def _content(text: str) -> list[str]:
    return [term for term in terms(text) if term not in STOP_STEMS and "_" not in term and len(term) > 1]


def _is_turned_by_opposite(claim: str, text: str) -> bool:
    claimed, stated = terms(claim), terms(text)
    turns = len(_opposites(claim, set(claimed), text, set(stated))) or len(_opposites_in_place(claimed, stated))
    return turns % 2 == 1


def _opposites(claim: str, claimed: set[str], text: str, stated: set[str]) -> set[frozenset[str]]:
    """Pairs of opposite groups: the claim has words of one group only, and the text has words of the other only."""
    return {
        group.words | opposite.words
        for group, opposite in opposite_groups()
        if group.is_in(claimed, claim)
        and opposite.is_in(stated, text)
        and not group.is_in(stated, text)
        and not opposite.is_in(claimed, claim)
    }


def _opposites_in_place(claimed: Sequence[str], stated: Sequence[str]) -> set[frozenset[str]]:
    """Pairs of opposite groups: the claim has a word of one group beside a term, and the text has a word of the other
    group beside the same term."""
    in_claim, in_text = _neighbours(claimed), _neighbours(stated)
    return {
        group.words | opposite.words
        for group, opposite in opposite_groups()
        if (_beside(group, in_claim) & _beside(opposite, in_text))
        - _beside(group, in_text)
        - _beside(opposite, in_claim)
    }


def _neighbours(sequence: Sequence[str]) -> Mapping[str, set[str]]:
    """Each content word of a sequence of terms → its adjacent content words that have no opposite."""
    words = [term for term in sequence if term in _with_opposites() or (term not in STOP_STEMS and "_" not in term)]
    neighbours: dict[str, set[str]] = defaultdict(set)
    for one, other in pairwise(words):
        if other not in _with_opposites():
            neighbours[one].add(other)
        if one not in _with_opposites():
            neighbours[other].add(one)
    return neighbours


def _beside(group: Group, neighbours: Mapping[str, set[str]]) -> set[str]:
    return {term for word in group.words & neighbours.keys() for term in neighbours[word]}


@cache
def _with_opposites() -> frozenset[str]:
    """The English words of all groups."""
    return frozenset(word for group, _ in opposite_groups() for word in group.words if word.isascii())
