"""Whether a passage bears a claim out, and by which sentence: its words, names, numbers and polarity are compared.

The check is deterministic and needs no model. A claim is taken apart into words (stems, or bigrams for Chinese,
Japanese and Korean), names with codes, and figures. Up to WINDOW adjacent sentences must hold most of their weight,
the passage every figure, and the sentences mustn't say the opposite. Where claim and passage are in different
languages, words can't be compared: then all figures, names and codes must be in such a window, and there must be one.

It takes 4 % of true claims for not borne out and lets 9 % of false ones pass; docs/measurements.md has the rates of
each kind of claim, and how they were measured.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.citations.claim_words import WORD, is_cjk, word_terms
from rag.citations.named_entities import has_other_names, is_name
from rag.citations.negation import contradicts
from rag.citations.numbers import Figure, codes, figures_of_claim, is_stated
from rag.citations.passage import PassageAnalysis, Sentence, analysed
from rag.text.chunking import document_title
from rag.text.languages import languages_differ, latin_language
from rag.text.sentences import sentence_spans
from rag.text.terms import normalize, terms

# Evidence may be spread over this many adjacent sentences; each further one must be worth its price, in share.
WINDOW = 3
WINDOW_PRICE = 0.04
# The share of a claim's weight that such a window must hold: of words, and of bigrams, which endings change.
WORDS_SHARE = 0.5
BIGRAMS_SHARE = 0.4
# A word's weight grows with its length, since long words are rare ones; a name's doesn't.
NAME_WEIGHT = 1.6
FIGURE_WEIGHT = 1.2
BIGRAM_WEIGHT = 0.5
ENDING_WEIGHT = 0.1
# What counts of a word of the same origin (acquire, acquisition), and of one elsewhere in the passage.
RELATED = 0.8
ELSEWHERE = 0.35
# A quotation covers this share of its sentence at least, so that nothing that turns its meaning is left out.
QUOTED_SHARE = 0.6

# Bigrams that Korean endings are made of.
_ENDINGS_OF_WORDS = """
니다 습니 입니 합니 됩니 었습 였습 했습 있습 없습 하였 하는 되는 있는 하고 되어 되었 하여 에서 으로 에는 에게
위해 대한 통해 이다 한다 된다 있다 했다 었다 였다 으며 하며 되며 이며 는데 지만 들이 들은 들을 것으 것이 것은
것을 경우 또한 그리 이는 이를 이런 이러 러한 그러 따라 따른 의해 관련 해서 되고 라고 이라 하지 이고 으나 면서
"""
_ENDINGS = frozenset(_ENDINGS_OF_WORDS.split())


@dataclass(frozen=True, slots=True)
class Support:
    """Whether a claim is borne out: `start` and `end` are the sentence that carries most of it (0 and 0 if it isn't),
    `missing` the claim's figures that the passage doesn't hold, `share` the weight that was found (0 to 1)."""

    supported: bool
    start: int = 0
    end: int = 0
    missing: tuple[str, ...] = ()
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class _Part:
    """A word, name or figure of a claim, and what it weighs. `term` is as `rag.text.terms` gives it."""

    term: str
    weight: float
    figure: Figure | None = None
    is_name: bool = False
    is_bigram: bool = False


def find_support(claim: str, passage: str, file_name: str = "") -> Support:
    """Check one claim against one passage. Names and years of the file's name needn't be in the passage."""
    quoted = _quoted(claim, passage)
    if quoted:
        return Support(True, *quoted, share=1.0)
    text = analysed(passage)
    title = frozenset(terms(document_title(file_name)))
    figures = figures_of_claim(claim)
    missing = tuple(f.text for f in figures if not (is_stated(f, text.figures, text.scales) or _in_title(f, title)))
    parts = _parts(claim, figures)
    if not parts or not text.sentences:
        return Support(False, missing=missing)
    if languages_differ(claim, passage):
        parts = [part for part in parts if part.figure or part.is_name]
        needed = 0.999
    else:
        needed = _needed(parts)
    share, first, last, best = _best_window(parts, text, title)
    window = text.sentences[first:last]
    doubtful = (
        share < needed
        or not all(_is_in_window(figure, window, text.scales) for figure in figures)
        or has_other_names(claim, window, text, title)
        or contradicts(claim, " ".join(sentence.text for sentence in window))
    )
    if missing or not parts or doubtful:
        return Support(False, missing=missing, share=share)
    return Support(True, text.sentences[best].start, text.sentences[best].end, share=share)


def _is_in_window(figure: Figure, window: Sequence[Sentence], scales: frozenset[float]) -> bool:
    """A figure must be in the window too, but for years and months, which stand in the heads of tables, and for one and
    two, which are told in many ways."""
    if figure.is_year or figure.kind == "month" or figure.values[0] <= 2:
        return True
    return any(is_stated(figure, sentence.figures, scales) for sentence in window)


def _quoted(claim: str, passage: str) -> tuple[int, int] | None:
    """The sentence that the claim repeats word by word, or most of; rows may have lost their bars."""
    wanted = _wording(claim)
    if not wanted:
        return None
    for start, end in sentence_spans(passage):
        sentence = passage[start:end]
        words = _wording(sentence)
        most = f" {wanted} " in f" {words} " and len(wanted) >= QUOTED_SHARE * len(words)
        if most and (wanted == words or not contradicts(claim, sentence)):
            return start, end
    return None


def _wording(text: str) -> str:
    """Words, whole numbers and the signs that make them amounts."""
    return " ".join(re.findall(r"\d(?:[\d.,]*\d)?(?=[\W_]|$)|[^\W_]+|[%$€£¥₩]", normalize(text)))


def _parts(claim: str, figures: Sequence[Figure]) -> list[_Part]:
    parts = [_Part("", FIGURE_WEIGHT, figure) for figure in figures]
    taken = [(figure.start, figure.end) for figure in figures]
    for code in codes(claim):
        taken.append(code.span())
        parts.append(_Part(_squeezed(code[0]), NAME_WEIGHT, is_name=True))
    is_german = latin_language(claim) == "de"
    for match in WORD.finditer(claim):
        if any(start < match.end() and match.start() < end for start, end in taken):
            continue
        named = not is_german and is_name(claim, match)
        for term in word_terms(match[0]):
            if is_cjk(term):
                parts.append(_Part(term, ENDING_WEIGHT if term in _ENDINGS else BIGRAM_WEIGHT, is_bigram=True))
            else:
                parts.append(_Part(term, NAME_WEIGHT if named else _weight(term), is_name=named))
    return list(dict.fromkeys(parts))


def _weight(term: str) -> float:
    return min(max((len(term) - 1) / 5, 0.4), 1.4)


def _squeezed(text: str) -> str:
    return "".join(re.findall(r"[^\W_]+", normalize(text)))


def _in_title(figure: Figure, title: frozenset[str]) -> bool:
    return figure.is_year and str(int(figure.values[0])) in title


def _needed(parts: Sequence[_Part]) -> float:
    """The share that is needed, between that of words and that of bigrams, as there are of both."""
    total = sum(part.weight for part in parts) or 1.0
    bigrams = sum(part.weight for part in parts if part.is_bigram) / total
    return BIGRAMS_SHARE * bigrams + WORDS_SHARE * (1 - bigrams)


def _best_window(parts: Sequence[_Part], text: PassageAnalysis, title: frozenset[str]) -> tuple[float, int, int, int]:
    """The best window's share of the weight, its first sentence, the one after its last, and its best sentence."""
    total = sum(part.weight for part in parts) or 1.0
    found = [_found_in(part, text) for part in parts]
    # What isn't in the window may still be said elsewhere, in the text or in the file's name.
    elsewhere = [
        1.0 if part.term in title else ELSEWHERE * max(values, default=0.0)
        for part, values in zip(parts, found, strict=True)
    ]
    weights = [part.weight / total for part in parts]
    own = [sum(w * values[i] for w, values in zip(weights, found, strict=True)) for i in range(len(text.sentences))]
    best = (-1.0, 0, 1, 0)
    for first in range(len(text.sentences)):
        for last in range(first + 1, min(first + WINDOW, len(text.sentences)) + 1):
            share = sum(
                w * max(rest, *values[first:last]) for w, rest, values in zip(weights, elsewhere, found, strict=True)
            )
            share -= WINDOW_PRICE * (last - first - 1)
            if share > best[0] + 1e-9:
                best = (share, first, last, max(range(first, last), key=lambda i: own[i]))
    return best


def _found_in(part: _Part, text: PassageAnalysis) -> list[float]:
    """How much of a part each sentence holds, from 0 to 1."""
    if part.figure:
        return [float(is_stated(part.figure, sentence.figures, text.scales)) for sentence in text.sentences]
    if part.is_name and any(c.isdigit() for c in part.term):
        return [float(part.term in _squeezed(sentence.text)) for sentence in text.sentences]
    if part.term in text.vocabulary:
        return [float(part.term in sentence.terms) for sentence in text.sentences]
    related = text.related_to(part.term)
    return [RELATED * bool(related & sentence.terms) for sentence in text.sentences]
