"""Names, told by their capitals: whether a passage is about somebody else than the claim that cites it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.citations.claim_words import WORD, is_cjk, word_terms
from rag.citations.passage import PassageAnalysis, Sentence
from rag.text.languages import latin_language
from rag.text.stop_words import STOP_STEMS
from rag.text.terms import terms

# Who writes so has a name that the passage needn't say: the first one of a claim, which is its subject.
_SPEAKS_OF_ITSELF = re.compile(
    r"\b(?:[Ww]e|[Oo]ur|us|I|[Mm]y|me|[Tt]he (?:[Cc]ompany|[Gg]roup|[Bb]ank|[Aa]uthor|[Aa]gency|[Rr]egistrant))\b"
)
_PLAIN_NAME = re.compile(r"[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]+(?:['’][a-z]+)?")
_CAPITAL = re.compile(r"[A-ZÀ-ÖØ-Þ]")
_SENTENCE_START = re.compile(r"(?:^|[.!?:]\s|[\"“‘(*•-]\s?)[\"“‘(*\s-]*$")


def is_name(claim: str, match: re.Match[str]) -> bool:
    """Whether a word of the claim is a name: capitalised, and not only because it begins a sentence. A sentence's first
    word is one before another name."""
    word = match[0]
    if not _CAPITAL.match(word) or len(word) < 2:
        return False
    if any(_CAPITAL.match(letter) for letter in word[1:]) or is_cjk(claim[match.end() : match.end() + 1]):
        return True
    if not _SENTENCE_START.search(claim, max(match.start() - 12, 0), match.start()) and match.start() > 0:
        return True
    following = WORD.match(claim, match.end() + 1)
    return bool(following and _CAPITAL.match(following[0]) and not STOP_STEMS & set(terms(word)))


def has_other_names(claim: str, window: Sequence[Sentence], text: PassageAnalysis, title: frozenset[str]) -> bool:
    """Whether the claim names somebody whom the passage doesn't, and the window somebody whom the claim doesn't.

    A passage that says "we" or "the company" for a name is no contradiction; one that names others instead is.
    """
    known = text.vocabulary | title | text.initials
    own = {term for match in WORD.finditer(claim) for term in word_terms(match[0])}
    others = [(term, after) for sentence in window for term, after in _names(sentence.text) if term not in own]
    # A claim's first word has a capital anyhow: it is a name if what follows it there follows another's name here.
    begins, follows = _beginning(claim)
    if begins and not _is_known(begins, known, text):
        beginnings = (_beginning(sentence.text) for sentence in window)
        if any(after == follows and term not in own for term, after in (*others, *beginnings)):
            return True
    names = [term for term, _ in _names(claim)]
    absent = {term for term in names if not _is_known(term, known, text)}
    if not absent or (absent == {names[0]} and any(_SPEAKS_OF_ITSELF.search(sentence.text) for sentence in window)):
        return False
    return bool(others)


def _names(text: str) -> list[tuple[str, str]]:
    """Capitalised words, and what follows each, as terms. Abbreviations and symbols aren't among them: they have too
    many forms; nor are German words, where nouns have capitals."""
    if latin_language(text) == "de":
        return []
    words = list(WORD.finditer(text))
    found = []
    for match, after in zip(words, [*words, None][1:], strict=True):
        if _PLAIN_NAME.fullmatch(match[0]) and is_name(text, match):
            following = word_terms(after[0])[:1] if after else ()
            found += [(term, following[0] if following else "") for term in word_terms(match[0])]
    return found


def _beginning(claim: str) -> tuple[str, str]:
    """The terms of a claim's first word, if it looks like a name, and of the word after it; else empty ones."""
    words = WORD.findall(claim)[:2]
    found = [word_terms(word)[:1] for word in words]
    return (
        (found[0][0], found[1][0]) if len(words) == 2 and all(found) and _PLAIN_NAME.fullmatch(words[0]) else ("", "")
    )


def _is_known(term: str, known: frozenset[str], text: PassageAnalysis) -> bool:
    return term in known or bool(text.related_to(term))
