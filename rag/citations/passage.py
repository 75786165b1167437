"""What the check of citations works out once for a passage, however many claims cite it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from rag.citations.claim_words import WORD, are_related, word_terms
from rag.citations.numbers import Figure, figures_of_passage, stated_scales
from rag.text.sentences import sentence_spans

# Longer "sentences", in characters, that have lines of figures are tables without bars.
LONGEST_SENTENCE = 300

_ROW_END = re.compile(r"[\d)%—–-][ \t]*\n[ \t]*")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, or a table's line: its half-open span in the passage, and what is compared of it."""

    start: int
    end: int
    terms: frozenset[str]
    figures: tuple[Figure, ...]
    text: str


@dataclass(frozen=True, slots=True)
class PassageAnalysis:
    """What claims are compared with. `vocabulary` are the terms of all sentences, `by_beginning` the same by their
    first letters, `scales` those that its tables say they are in, and `initials` those of longer names."""

    sentences: tuple[Sentence, ...]
    vocabulary: frozenset[str]
    by_beginning: dict[str, tuple[str, ...]]
    figures: tuple[Figure, ...]
    scales: frozenset[float]
    initials: frozenset[str]

    def related_to(self, term: str) -> set[str]:
        """The passage's terms that are likely of one origin with `term`."""
        return {other for other in self.by_beginning.get(term[:4], ()) if are_related(term, other)}


@lru_cache(maxsize=64)
def analysed(passage: str) -> PassageAnalysis:
    """The passage as it is compared."""
    figures = figures_of_passage(passage)
    sentences = []
    for start, end in _sentences(passage):
        text = passage[start:end]
        own = tuple(figure for figure in figures if start <= figure.start < end)
        sentences.append(
            Sentence(start, end, frozenset(t for word in WORD.findall(text) for t in word_terms(word)), own, text)
        )
    vocabulary = frozenset(term for sentence in sentences for term in sentence.terms)
    by_beginning: dict[str, list[str]] = {}
    for term in vocabulary:
        by_beginning.setdefault(term[:4], []).append(term)
    return PassageAnalysis(
        tuple(sentences),
        vocabulary,
        {start: tuple(several) for start, several in by_beginning.items()},
        tuple(figures),
        stated_scales(passage),
        frozenset(_initials(passage)),
    )


def _sentences(passage: str) -> Iterator[tuple[int, int]]:
    """The sentences, and the lines of tables that have lost their bars."""
    for start, end in sentence_spans(passage):
        if end - start > LONGEST_SENTENCE:
            for match in _ROW_END.finditer(passage, start, end):
                if match.end() < end:
                    yield start, start + len(passage[start : match.end()].rstrip())
                    start = match.end()
        yield start, end


def _initials(passage: str) -> Iterator[str]:
    """SEC for "Securities and Exchange Commission"."""
    for match in re.finditer(r"[A-Z][\w’'-]*(?:\s+(?:(?:of|and|for|the|in|on)\s+)*[A-Z][\w’'-]*)+", passage):
        yield "".join(word[0] for word in match[0].split() if word[0].isupper()).casefold()
