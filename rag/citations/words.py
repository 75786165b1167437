"""Finds the sentences of a passage that hold most of a claim, and checks that they hold enough of it.

A claim is taken apart into elements: words (stems, or bigrams of Chinese, Japanese and Korean), names and codes, and
numbers. Each element has a weight. The window is up to WINDOW adjacent sentences with the largest share of this weight.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.citations.check import NO_OBJECTION, Comparison, Verdict
from rag.citations.named_entities import is_name
from rag.citations.numbers import Number, codes, numbers_of_claim
from rag.citations.passage import WORD, AnalysedPassage, Sentence, analyse, is_cjk, word_terms
from rag.citations.stated_numbers import is_stated
from rag.text.chunking import document_title
from rag.text.languages import languages_differ, latin_language
from rag.text.terms import normalize, terms
from rag.text.word_lists import read_words

# A claim may be spread over this many adjacent sentences. Each sentence after the first costs the price, as a share.
WINDOW = 3
WINDOW_PRICE = 0.04
# The share of a claim's weight that the window must hold: of words, and of bigrams, many of which change with endings.
WORDS_SHARE = 0.5
BIGRAMS_SHARE = 0.4
# The share for a claim in another language than the passage's, of which only names and numbers are compared: all, but
# for rounding.
ALL = 0.999
# A word's weight grows with its length, since long words are rare; a name's weight is fixed.
NAME_WEIGHT = 1.6
NUMBER_WEIGHT = 1.2
BIGRAM_WEIGHT = 0.5
ENDING_WEIGHT = 0.1
# The part of its weight that a word keeps if the sentence has only a word of the same origin (acquire, acquisition),
# and if the word is only elsewhere in the passage.
RELATED = 0.8
ELSEWHERE = 0.35

_KOREAN_ENDINGS = read_words(Path(__file__).parent / "data" / "korean_endings.txt")
_NO_SENTENCE = Sentence(0, 0, frozenset(), (), "")


@dataclass(frozen=True, slots=True)
class _Element:
    """A word, name, code or number of a claim, and its weight. `term` has the form that `rag.text.terms` gives."""

    term: str
    weight: float
    number: Number | None = None
    is_name: bool = False
    is_bigram: bool = False


@dataclass(frozen=True, slots=True)
class _Window:
    """Adjacent sentences by their places: `first` to before `last`. `best` is the sentence that holds most, `share` the
    part of the claim's weight that all hold together (0 to 1)."""

    share: float
    first: int
    last: int
    best: int


def compare(claim: str, passage: str, file_name: str, context: str = "") -> Comparison:
    """A claim beside the window of a passage with this context, see `Comparison`."""
    text = analyse(passage, context)
    title = frozenset(terms(f"{document_title(file_name)}\n{context}"))
    numbers = tuple(numbers_of_claim(claim))
    elements = _elements(claim, numbers)
    if languages_differ(claim, passage):
        elements = [element for element in elements if element.number or element.is_name]
        needed = ALL
    else:
        needed = _needed(elements)
    if not elements or not text.sentences:
        return Comparison(claim, numbers, text, title, (), _NO_SENTENCE, 0.0, needed, context)
    window = _best_window(elements, text, title)
    sentences = text.sentences[window.first : window.last]
    best = text.sentences[window.best]
    # All must be there in another language, so that there the price of a longer window can't count.
    price = WINDOW_PRICE * (window.last - window.first - 1) if needed == ALL else 0.0
    return Comparison(claim, numbers, text, title, sentences, best, window.share + price, needed, context)


def holds_the_words(comparison: Comparison) -> Verdict:
    """Objects if the window doesn't hold enough of the claim's words, names and numbers."""
    if comparison.share >= comparison.needed:
        return NO_OBJECTION
    return Verdict(False, f"{comparison.share:.0%} of the claim is there, and {comparison.needed:.0%} is needed")


def _elements(claim: str, numbers: Sequence[Number]) -> list[_Element]:
    elements = [_Element("", NUMBER_WEIGHT, number) for number in numbers]
    taken = [(number.start, number.end) for number in numbers]
    for code in codes(claim):
        taken.append(code.span())
        elements.append(_Element(_squeezed(code[0]), NAME_WEIGHT, is_name=True))
    # All German nouns have capitals, so there capitals tell no names.
    has_names = latin_language(claim) != "de"
    for match in WORD.finditer(claim):
        if any(start < match.end() and match.start() < end for start, end in taken):
            continue
        named = has_names and is_name(claim, match)
        for term in word_terms(match[0]):
            if is_cjk(term):
                weight = ENDING_WEIGHT if term in _KOREAN_ENDINGS else BIGRAM_WEIGHT
                elements.append(_Element(term, weight, is_bigram=True))
            else:
                elements.append(_Element(term, NAME_WEIGHT if named else _weight(term), is_name=named))
    return list(dict.fromkeys(elements))


def _weight(term: str) -> float:
    return min(max((len(term) - 1) / 5, 0.4), 1.4)


def _squeezed(text: str) -> str:
    return "".join(re.findall(r"[^\W_]+", normalize(text)))


def _needed(elements: Sequence[_Element]) -> float:
    """The share that is needed: WORDS_SHARE and BIGRAMS_SHARE, averaged by the weights of words and bigrams."""
    total = sum(element.weight for element in elements) or 1.0
    bigrams = sum(element.weight for element in elements if element.is_bigram) / total
    return BIGRAMS_SHARE * bigrams + WORDS_SHARE * (1 - bigrams)


def _best_window(elements: Sequence[_Element], text: AnalysedPassage, title: frozenset[str]) -> _Window:
    """The adjacent sentences with the largest share of the elements' weight, less the price of the sentences."""
    total = sum(element.weight for element in elements) or 1.0
    weights = [element.weight / total for element in elements]
    held = [_held_by_sentences(element, text) for element in elements]
    # An element that isn't in the window may still be elsewhere in the text, or in the file's name.
    elsewhere = [
        1.0 if element.term in title else ELSEWHERE * max(values, default=0.0)
        for element, values in zip(elements, held, strict=True)
    ]
    sentence_shares = [
        sum(weight * values[i] for weight, values in zip(weights, held, strict=True))
        for i in range(len(text.sentences))
    ]
    best = _Window(-1.0, 0, 1, 0)
    for first in range(len(text.sentences)):
        for last in range(first + 1, min(first + WINDOW, len(text.sentences)) + 1):
            share = sum(
                weight * max(outside, *values[first:last])
                for weight, outside, values in zip(weights, elsewhere, held, strict=True)
            )
            share -= WINDOW_PRICE * (last - first - 1)
            if share > best.share + 1e-9:
                best = _Window(share, first, last, max(range(first, last), key=lambda i: sentence_shares[i]))
    return best


def _held_by_sentences(element: _Element, text: AnalysedPassage) -> list[float]:
    """How much of an element each sentence holds (0 to 1)."""
    if element.number:
        return [float(is_stated(element.number, sentence.numbers, text.scales)) for sentence in text.sentences]
    if element.is_name and any(c.isdigit() for c in element.term):
        return [float(element.term in _squeezed(sentence.text)) for sentence in text.sentences]
    if element.term in text.vocabulary:
        return [float(element.term in sentence.terms) for sentence in text.sentences]
    related = text.related_to(element.term)
    return [RELATED * bool(related & sentence.terms) for sentence in text.sentences]
