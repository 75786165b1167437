"""Analyses a passage for the comparison with claims: its sentences, and the words and numbers in each.

A passage is analysed once, even if many claims cite it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from rag.citations.numbers import Number, numbers_of_passage, stated_scales
from rag.text.sentences import sentence_spans
from rag.text.stop_words import STOP_STEMS
from rag.text.terms import terms
from rag.text.writing_systems import CJK
from rag.text.written import is_rule

# A longer "sentence", in characters, with lines of numbers is a table that has lost its bars.
LONGEST_SENTENCE = 300

# Chinese, Japanese and Korean are taken in runs of characters, since the ends of their words can't be told.
WORD = re.compile(rf"[^\W_{CJK}]+(?:['’&][^\W_{CJK}]+)*|[{CJK}]+")
is_cjk = re.compile(f"[{CJK}]").match

# A table's row ends in a number or a dash; a long name has several capitalised words.
_ROW_END = re.compile(r"[\d)%—–-][ \t]*\n[ \t]*")
_LONG_NAME = re.compile(r"[A-Z][\w’'-]*(?:\s+(?:(?:of|and|for|the|in|on)\s+)*[A-Z][\w’'-]*)+")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, or a table's row with the terms of the table's head: its half-open span in the passage, its terms and
    its numbers."""

    start: int
    end: int
    terms: frozenset[str]
    numbers: tuple[Number, ...]
    text: str


@dataclass(frozen=True, slots=True)
class AnalysedPassage:
    """The sentences of a passage, and its words and numbers as a whole.

    `vocabulary` has the terms of all sentences, and `by_beginning` groups them by their first four letters. `scales`
    are the scales that the passage or its context states for tables, `initials` the abbreviations of longer names.
    `context_numbers` are the numbers of the context, such as the years in a table's head. `text` is the passage itself.
    """

    sentences: tuple[Sentence, ...]
    vocabulary: frozenset[str]
    by_beginning: dict[str, tuple[str, ...]]
    numbers: tuple[Number, ...]
    scales: frozenset[float]
    initials: frozenset[str]
    context_numbers: tuple[Number, ...] = ()
    text: str = ""

    def related_to(self, term: str) -> set[str]:
        """The passage's terms that likely have the same origin as `term`."""
        return {other for other in self.by_beginning.get(term[:4], ()) if are_related(term, other)}


@lru_cache(maxsize=64)
def analyse(passage: str, context: str = "") -> AnalysedPassage:
    """Analyse a passage with this context. The last 64 passages are cached."""
    numbers = numbers_of_passage(passage)
    starts = [number.start for number in numbers]
    sentences: list[Sentence] = []
    # The head of a table speaks for each of its rows, and for itself only if there is no row.
    head = next((_terms(line) for line in reversed(context.split("\n")) if line.startswith("|")), frozenset())
    for start, end in _sentence_spans(passage):
        text = passage[start:end]
        if is_rule(text):
            # A passage may begin at the rule: its head is then the context's.
            head = sentences.pop().terms if sentences and sentences[-1].text.startswith("|") else head
            continue
        head = head if text.startswith("|") else frozenset()
        sentence_numbers = tuple(numbers[bisect_left(starts, start) : bisect_left(starts, end)])
        sentences.append(Sentence(start, end, _terms(text) | head, sentence_numbers, text))
    vocabulary = frozenset(term for sentence in sentences for term in sentence.terms)
    by_beginning: dict[str, list[str]] = {}
    for term in vocabulary:
        by_beginning.setdefault(term[:4], []).append(term)
    return AnalysedPassage(
        tuple(sentences),
        vocabulary,
        {beginning: tuple(group) for beginning, group in by_beginning.items()},
        tuple(numbers),
        stated_scales(passage) | stated_scales(context),
        frozenset(_initials(passage)),
        tuple(numbers_of_passage(context)),
        passage,
    )


def _terms(text: str) -> frozenset[str]:
    return frozenset(term for word in WORD.findall(text) for term in word_terms(word))


@lru_cache(maxsize=65_536)
def word_terms(word: str) -> tuple[str, ...]:
    """The terms of a word that carry meaning: no stop words, numbers, compounds or single letters.

    Each word is looked at alone, so it gives the same terms in every text.
    """
    return tuple(term for term in terms(word) if term not in STOP_STEMS and _carries_meaning(term))


def are_related(term: str, other: str) -> bool:
    """Whether two stems likely have the same origin: acquir and acquisit, found and founder."""
    if is_cjk(term):
        return False
    short, long = sorted((len(term), len(other)))
    common = next((i for i, (a, b) in enumerate(zip(term, other, strict=False)) if a != b), short)
    return (common >= 5 and common >= 0.6 * long) or (common == short >= 4 and long - short <= 3)


def _carries_meaning(term: str) -> bool:
    return bool(is_cjk(term)) or (len(term) > 1 and "_" not in term and not any(c.isdigit() for c in term))


def _sentence_spans(passage: str) -> Iterator[tuple[int, int]]:
    """The half-open spans of sentences. A table that has lost its bars is cut into its rows."""
    for start, end in sentence_spans(passage):
        if end - start > LONGEST_SENTENCE:
            for match in _ROW_END.finditer(passage, start, end):
                if match.end() < end:
                    yield start, start + len(passage[start : match.end()].rstrip())
                    start = match.end()
        yield start, end


def _initials(passage: str) -> Iterator[str]:
    """The initials of long names: "sec" for "Securities and Exchange Commission"."""
    for match in _LONG_NAME.finditer(passage):
        yield "".join(word[0] for word in match[0].split() if word[0].isupper()).casefold()
