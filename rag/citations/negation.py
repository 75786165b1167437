"""Whether two texts on the same subject say opposite things: one negates what the other affirms, or uses an antonym."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from rag.text.stop_words import STOP_STEMS
from rag.text.terms import normalize, terms

# Content words after a negation that it is taken to reach.
REACH = 3

_CLAUSE_END = re.compile(r"[,;:()—–.!?\n]|\b(?:but|while|although|though|however|whereas|because|since|which|who)\b")
_NEGATION = re.compile(
    r"\b(?:no(?! longer than| more than| later than| less than| fewer than)|not(?! only| just)|never|none|neither"
    r"|nor|without|cannot|nobody|nothing|unable|fail(?:s|ed|ing)?|lack(?:s|ed|ing)?|refus(?:e|es|ed)"
    r"|(?:is|are|was|were|do|does|did|has|have|had|wo|would|ca|could|should)n['’]t)\b"
)
# Korean negates after the word, or in it; what is negated is in the word or the one before.
# Bounded, since a text may be one word of a million letters.
_KOREAN_NEGATION = re.compile(
    r"(?:(?<!\w)(\w{1,30})\s{1,5})?(?<!\w)(\w{0,30}?(?:않|못[하했할한해]|없|아니[라다며고]|아닌|아닙)\w{0,30})"
)

# Syllables that only negate, and endings that go before them.
_NEGATING = re.compile("[않못없]|아니|니[라다며고한]|하지|되지|지는|이지|으지|습니|니다")

_PAIRS = [
    line.split("/")
    for line in """
increase rise grow gain climb grew rose up improve/decrease decline fall drop fell down reduce shrink lower reduction
profit gain/loss
higher more greater/lower less fewer
highest most largest biggest maximum/lowest least smallest minimum
before/after
above/below
first/last
include/exclude
approve accept adopt elect/reject defeat decline deny
buy bought purchase acquire/sell sold divest
positive/negative
improve better strengthen/worsen deteriorate weaken worse
expand/contract
win won/lose lost
asset/liability
revenue income/expense cost
allow permit/prohibit forbid ban
enable activate/disable deactivate
import/export
early earlier/late later
always/never
all/none
same/different
open/close
start begin began/end stop
major/minor
best/worst
many/few
large big/small
good/bad
new/old
long/short
easy simple/difficult hard
high/low
most/least
increase/unchanged flat
true/false
able/unable
possible/impossible
promote/inhibit suppress
induce activate/inhibit prevent block
upregulate/downregulate
north/south
east/west
남자/여자
증가 늘/감소 줄
상승/하락
확대/축소
흑자/적자
이상/이하 미만
초과/미만
이전/이후
최대 최고/최소 최저
높/낮
개선/악화
매입 매수/매각 매도
수출/수입
강화/완화
상향/하향
찬성/반대
유리/불리
가능/불가능
의무/선택
허용/금지
승인/거부
호황/불황
낙관/비관
과대/과소
단기/장기
국내/해외
""".strip().splitlines()
]


def _group(words: str) -> frozenset[str]:
    return frozenset(word if not word.isascii() else terms(word)[0] for word in words.split())


_GROUPS = [(_group(one), _group(other)) for pair in _PAIRS for one, other in ((pair[0], pair[1]), (pair[1], pair[0]))]


_ALL = frozenset(word for group, _ in _GROUPS for word in group if word.isascii())


def contradicts(claim: str, evidence: str) -> bool:
    """Whether the claim turns round what the evidence says; two turns, such as "did not fall" for "rose", are none."""
    return _turned_by_negation(claim, evidence) != _turned_by_antonym(claim, evidence)


@dataclass(frozen=True, slots=True)
class _Side:
    """One text: its terms, those in reach of a negation by negation, and those that stand outside of all."""

    terms: frozenset[str]
    reaches: tuple[tuple[str, ...], ...]
    affirmed: frozenset[str]


def _turned_by_negation(claim: str, evidence: str) -> bool:
    one, other = _side(claim), _side(evidence)
    # The claim is as short as can be, so its negation is what it says.
    if one.reaches and not other.reaches:
        return True
    return _negates_alone(one, other) or _negates_alone(other, one)


def _negates_alone(one: _Side, other: _Side) -> bool:
    """Whether of what `one` negates some is in `other`, where none of it is negated."""
    negated = {term for reach in other.reaches for term in reach}
    for reach in one.reaches:
        shared = [term for term in reach if term in other.terms and term not in one.affirmed]
        if shared and not negated & set(reach):
            return True
    return False


def _side(text: str) -> _Side:
    text = re.sub(r"\bbut not limited\b", "", normalize(text))
    reaches: list[tuple[str, ...]] = []
    affirmed: set[str] = set()
    for clause in _CLAUSE_END.split(text):
        negation = _NEGATION.search(clause)
        affirmed.update(_content(clause[: negation.start()] if negation else clause))
        if negation:
            after = _content(clause[negation.end() :])
            reaches.append(tuple(after[:REACH]))
            affirmed.update(after[REACH:])
    for match in _KOREAN_NEGATION.finditer(text):
        around = _content(f"{match[1] or ''} {match[2]}")
        reaches.append(tuple(term for term in around if not _NEGATING.search(term)))
        affirmed.difference_update(reaches[-1])
    return _Side(frozenset(_content(text)), tuple(reaches), frozenset(affirmed))


def _content(text: str) -> list[str]:
    return [term for term in terms(text) if term not in STOP_STEMS and "_" not in term and len(term) > 1]


def _turned_by_antonym(claim: str, evidence: str) -> bool:
    return (len(_antonyms(claim, evidence)) or len(_antonyms_in_place(claim, evidence))) % 2 == 1


def _antonyms(claim: str, evidence: str) -> set[frozenset[str]]:
    """The groups of the claim's words of which the evidence has none, but the opposite, which the claim hasn't."""
    here, there = set(terms(claim)), set(terms(evidence))
    return {
        group | opposite
        for group, opposite in _GROUPS
        if _has(group, here, claim)
        and _has(opposite, there, evidence)
        and not _has(group, there, evidence)
        and not _has(opposite, here, claim)
    }


def _has(group: frozenset[str], stems: set[str], text: str) -> bool:
    """Whether a word of the group is there: an English one by its stem, a Korean one as part of a word."""
    return any(w in stems or (not w.isascii() and re.search(f"(?<![불비미]){w}", text)) for w in group)


def _antonyms_in_place(claim: str, evidence: str) -> set[frozenset[str]]:
    """The groups of which a word of the claim stands beside what its opposite stands beside in the evidence."""
    here, there = _sequence(claim), _sequence(evidence)
    return {
        group | opposite
        for group, opposite in _GROUPS
        if (_beside(group, here) & _beside(opposite, there)) - _beside(group, there) - _beside(opposite, here)
    }


def _sequence(text: str) -> list[str]:
    return [term for term in terms(text) if term in _ALL or (term not in STOP_STEMS and "_" not in term)]


def _beside(group: frozenset[str], sequence: list[str]) -> set[str]:
    pairs = list(pairwise(sequence))
    return ({b for a, b in pairs if a in group} | {a for a, b in pairs if b in group}) - _ALL
