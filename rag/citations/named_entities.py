"""Recognises names by their capitals, and checks that claim and passage are about the same names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from rag.citations.check import NO_OBJECTION, Comparison, Verdict
from rag.citations.numbers import codes
from rag.citations.passage import WORD, is_cjk, word_terms
from rag.text.languages import latin_language, short_language
from rag.text.stop_words import STOP_STEMS
from rag.text.terms import terms
from rag.text.word_lists import read_lists

_CAPITALS = "A-ZÀ-ÖØ-Þ"
_CAPITAL = re.compile(f"[{_CAPITALS}]")
# A name with one capital, at its beginning. Abbreviations and symbols have too many forms to be compared.
_PLAIN_NAME = re.compile(rf"[{_CAPITALS}][a-zß-öø-ÿ]+(?:['’][a-z]+)?")
# The text before a word that begins a sentence: an end of a sentence, a colon, or an opening mark.
_SENTENCE_START = re.compile(r"(?:^|[.!?:]\s|[\"“‘(*•-]\s?)[\"“‘(*\s-]*$")
# The letters of a code that ends with its number.
_CODE_LETTERS = re.compile(r"([A-Z]{1,6}-?)\d{1,4}")
_SELF_REFERENCES = read_lists(Path(__file__).parent / "data" / "self_references.txt")
_PRONOUN = "|".join(sorted(_SELF_REFERENCES["pronouns"]))
_NOUN = "|".join(f"[{noun[0].upper()}{noun[0]}]{noun[1:]}" for noun in sorted(_SELF_REFERENCES["nouns"]))
_SELF_REFERENCE = re.compile(rf"\b(?:{_PRONOUN}|[Tt]he (?:{_NOUN}))\b")
# The characters before a word in which the beginning of its sentence is looked for.
_START_REACH = 12


def is_name(claim: str, match: re.Match[str]) -> bool:
    """Whether a word of a claim is a name: it has a capital, and not just because it begins a sentence.

    The first word of a sentence is a name if another name follows it.
    """
    word = match[0]
    if not _CAPITAL.match(word) or len(word) < 2:
        return False
    if any(_CAPITAL.match(letter) for letter in word[1:]) or is_cjk(claim[match.end() : match.end() + 1]):
        return True
    if match.start() > 0 and not _SENTENCE_START.search(claim, max(match.start() - _START_REACH, 0), match.start()):
        return True
    following = WORD.match(claim, match.end() + 1)
    return bool(following and _CAPITAL.match(following[0]) and not STOP_STEMS & set(terms(word)))


def names_nobody_else(comparison: Comparison) -> Verdict:
    """Objects if a name of the claim is absent from the passage while the window has another name.

    The first name of a claim counts as its subject. It may be absent if the window says "we" or "the company".
    """
    claim_terms = {term for match in WORD.finditer(comparison.claim) for term in word_terms(match[0])}
    others = [
        (name, following)
        for sentence in comparison.window
        for name, following in _names(sentence.text)
        if name not in claim_terms
    ]
    if _has_another_subject(comparison, others, claim_terms):
        return Verdict(False, "the passage says it of somebody else")
    if _swaps_names(comparison):
        return Verdict(False, "the passage says it of the other one")
    if code := _other_code(comparison):
        return Verdict(False, f"the passage says it of {code}")
    names = [name for name, _ in _names(comparison.claim)]
    absent = {name for name in names if not _is_in_passage(name, comparison)}
    is_subject = absent == {*names[:1]}
    if absent and others and not (is_subject and _refers_to_itself(comparison)):
        return Verdict(False, "the passage names somebody else instead")
    return NO_OBJECTION


def _has_another_subject(comparison: Comparison, others: Sequence[tuple[str, str]], claim_terms: set[str]) -> bool:
    """Whether the passage lacks the claim's first word, and has another name before the same second word.

    A first word has a capital anyway, so it is taken for a name only in this case.
    """
    first, second = _beginning(comparison.claim)
    if not first or _is_in_passage(first, comparison):
        return False
    beginnings = (_beginning(sentence.text) for sentence in comparison.window)
    return any(following == second and name not in claim_terms for name, following in (*others, *beginnings))


def _swaps_names(comparison: Comparison) -> bool:
    """Whether a word stands after one name in the claim, and only after another name of the claim in the window."""
    if (latin_language(comparison.claim) or short_language(comparison.claim)) == "de":
        return False  # all German nouns have capitals
    claimed = _words_after_names(comparison.claim)
    stated = {pair for sentence in comparison.window for pair in _words_after_names(sentence.text)}
    words = WORD.findall(comparison.claim)
    claim_names = {stems[0] for word in words if _PLAIN_NAME.fullmatch(word) and (stems := word_terms(word))}
    for name, following in claimed:
        others = {other for other, word in stated if word == following}
        if others and name not in others and others <= claim_names and name in comparison.passage.vocabulary:
            return True
    return False


def _words_after_names(text: str) -> set[tuple[str, str]]:
    """Each name with the word in lower case right after it, as terms."""
    return {
        (stems[0], following[0])
        for match, after in pairwise(WORD.finditer(text))
        if _PLAIN_NAME.fullmatch(match[0]) and after[0].islower() and text[match.end() : after.start()] == " "
        if (stems := word_terms(match[0])) and (following := word_terms(after[0]))
    }


def _other_code(comparison: Comparison) -> str:
    """A code of the window in place of a code of the claim, with the same letters and another number: Q2 for Q3."""
    passage = comparison.passage.text + "\n" + comparison.context
    for code in codes(comparison.claim):
        letters = _CODE_LETTERS.fullmatch(code[0])
        if (
            not letters
            or re.search(rf"(?<![A-Za-z0-9]){re.escape(code[0])}(?![A-Za-z0-9])", passage)
            or code[0].casefold() in comparison.title
        ):
            continue
        for sentence in comparison.window:
            for other in codes(sentence.text):
                if (found := _CODE_LETTERS.fullmatch(other[0])) and found[1] == letters[1]:
                    return other[0]
    return ""


def _names(text: str) -> list[tuple[str, str]]:
    """The terms of plain names, each with the first term of the next word, or "". A German text gives none, since all
    its nouns have capitals."""
    if latin_language(text) == "de":
        return []
    words = list(WORD.finditer(text))
    names = []
    for match, following in zip(words, [*words, None][1:], strict=True):
        if _PLAIN_NAME.fullmatch(match[0]) and is_name(text, match):
            next_terms = word_terms(following[0])[:1] if following else ()
            names += [(term, next_terms[0] if next_terms else "") for term in word_terms(match[0])]
    return names


def _beginning(text: str) -> tuple[str, str]:
    """The first terms of a text's first two words if the first word looks like a name, else two empty strings."""
    words = WORD.findall(text)[:2]
    first_terms = [word_terms(word)[:1] for word in words]
    if len(words) < 2 or not all(first_terms) or not _PLAIN_NAME.fullmatch(words[0]):
        return "", ""
    return first_terms[0][0], first_terms[1][0]


def _is_in_passage(name: str, comparison: Comparison) -> bool:
    passage = comparison.passage
    return (
        name in passage.vocabulary
        or name in comparison.title
        or name in passage.initials
        or bool(passage.related_to(name))
    )


def _refers_to_itself(comparison: Comparison) -> bool:
    return any(_SELF_REFERENCE.search(sentence.text) for sentence in comparison.window)
