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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag.chunking import document_title, sentence_spans
from rag.figures import Figure, codes, figures_of_claim, figures_of_passage, is_stated, stated_scales
from rag.lexical import FUNCTION_WORDS, normalize, terms
from rag.polarity import contradicts
from rag.scripts import languages_differ, latin_language

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
# Longer "sentences", in characters, that have lines of figures are tables without bars.
LONGEST_SENTENCE = 300

_CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3"
_WORD = re.compile(rf"[^\W_{_CJK}]+(?:['’&][^\W_{_CJK}]+)*|[{_CJK}]+")
_IS_CJK = re.compile(f"[{_CJK}]").match
_ROW_END = re.compile(r"[\d)%—–-][ \t]*\n[ \t]*")
# Bigrams that Korean endings are made of.
_ENDINGS_OF_WORDS = """
니다 습니 입니 합니 됩니 었습 였습 했습 있습 없습 하였 하는 되는 있는 하고 되어 되었 하여 에서 으로 에는 에게
위해 대한 통해 이다 한다 된다 있다 했다 었다 였다 으며 하며 되며 이며 는데 지만 들이 들은 들을 것으 것이 것은
것을 경우 또한 그리 이는 이를 이런 이러 러한 그러 따라 따른 의해 관련 해서 되고 라고 이라 하지 이고 으나 면서
"""
_ENDINGS = frozenset(_ENDINGS_OF_WORDS.split())
# Who writes so has a name that the passage needn't say: the first one of a claim, which is its subject.
_SPEAKS_OF_ITSELF = re.compile(
    r"\b(?:[Ww]e|[Oo]ur|us|I|[Mm]y|me|[Tt]he (?:[Cc]ompany|[Gg]roup|[Bb]ank|[Aa]uthor|[Aa]gency|[Rr]egistrant))\b"
)
_PLAIN_NAME = re.compile(r"[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]+(?:['’][a-z]+)?")
_CAPITAL = re.compile(r"[A-ZÀ-ÖØ-Þ]")
_SENTENCE_START = re.compile(r"(?:^|[.!?:]\s|[\"“‘(*•-]\s?)[\"“‘(*\s-]*$")


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
    """A word, name or figure of a claim, and what it weighs. `term` is as `rag.lexical` gives it."""

    term: str
    weight: float
    figure: Figure | None = None
    is_name: bool = False
    is_bigram: bool = False


@dataclass(frozen=True, slots=True)
class _Sentence:
    start: int
    end: int
    terms: frozenset[str]
    figures: tuple[Figure, ...]
    text: str


@dataclass(frozen=True, slots=True)
class _Analysis:
    """What is worked out once for a passage, however many claims cite it."""

    sentences: tuple[_Sentence, ...]
    vocabulary: frozenset[str]
    related: dict[str, tuple[str, ...]]
    figures: tuple[Figure, ...]
    scales: frozenset[float]
    initials: frozenset[str]


def find_support(claim: str, passage: str, file_name: str = "") -> Support:
    """Check one claim against one passage. Names and years of the file's name needn't be in the passage."""
    quoted = _quoted(claim, passage)
    if quoted:
        return Support(True, *quoted, share=1.0)
    text = _analysed(passage)
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
        or _has_other_names(claim, window, text, title)
        or contradicts(claim, " ".join(sentence.text for sentence in window))
    )
    if missing or not parts or doubtful:
        return Support(False, missing=missing, share=share)
    return Support(True, text.sentences[best].start, text.sentences[best].end, share=share)


def _is_in_window(figure: Figure, window: Sequence[_Sentence], scales: frozenset[float]) -> bool:
    """A figure must be in the window too, but for years and months, which stand in the heads of tables, and for one and
    two, which are told in many ways."""
    if figure.is_year or figure.kind == "month" or figure.values[0] <= 2:
        return True
    return any(is_stated(figure, sentence.figures, scales) for sentence in window)


def _has_other_names(claim: str, window: Sequence[_Sentence], text: _Analysis, title: frozenset[str]) -> bool:
    """Whether the claim names somebody whom the passage doesn't, and the window somebody whom the claim doesn't.

    A passage that says "we" or "the company" for a name is no contradiction; one that names others instead is.
    """
    known = text.vocabulary | title | text.initials
    own = {term for match in _WORD.finditer(claim) for term in _content(match[0])}
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
    words = list(_WORD.finditer(text))
    found = []
    for match, after in zip(words, [*words, None][1:], strict=True):
        if _PLAIN_NAME.fullmatch(match[0]) and _is_name(text, match):
            following = _content(after[0])[:1] if after else ()
            found += [(term, following[0] if following else "") for term in _content(match[0])]
    return found


def _beginning(claim: str) -> tuple[str, str]:
    """The terms of a claim's first word, if it looks like a name, and of the word after it; else empty ones."""
    words = _WORD.findall(claim)[:2]
    found = [_content(word)[:1] for word in words]
    return (
        (found[0][0], found[1][0]) if len(words) == 2 and all(found) and _PLAIN_NAME.fullmatch(words[0]) else ("", "")
    )


def _is_known(term: str, known: frozenset[str], text: _Analysis) -> bool:
    return term in known or any(_are_related(term, other) for other in text.related.get(term[:4], ()))


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


@lru_cache(maxsize=64)
def _analysed(passage: str) -> _Analysis:
    figures = figures_of_passage(passage)
    sentences = []
    for start, end in _sentences(passage):
        text = passage[start:end]
        own = tuple(figure for figure in figures if start <= figure.start < end)
        sentences.append(
            _Sentence(start, end, frozenset(t for word in _WORD.findall(text) for t in _content(word)), own, text)
        )
    vocabulary = frozenset(term for sentence in sentences for term in sentence.terms)
    related: dict[str, list[str]] = {}
    for term in vocabulary:
        related.setdefault(term[:4], []).append(term)
    return _Analysis(
        tuple(sentences),
        vocabulary,
        {start: tuple(several) for start, several in related.items()},
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


@lru_cache(maxsize=65_536)
def _content(word: str) -> tuple[str, ...]:
    """The terms of a word that carry meaning: no numbers, nothing that is joined of others, no single letters.

    Word by word, so that the same word gives the same terms in a claim and in a passage.
    """
    return tuple(t for t in terms(word) if t not in FUNCTION_WORDS and _carries_meaning(t))


def _carries_meaning(term: str) -> bool:
    return bool(_IS_CJK(term)) or (len(term) > 1 and "_" not in term and not any(c.isdigit() for c in term))


def _parts(claim: str, figures: Sequence[Figure]) -> list[_Part]:
    parts = [_Part("", FIGURE_WEIGHT, figure) for figure in figures]
    taken = [(figure.start, figure.end) for figure in figures]
    for code in codes(claim):
        taken.append(code.span())
        parts.append(_Part(_squeezed(code[0]), NAME_WEIGHT, is_name=True))
    is_german = latin_language(claim) == "de"
    for match in _WORD.finditer(claim):
        if any(start < match.end() and match.start() < end for start, end in taken):
            continue
        is_name = not is_german and _is_name(claim, match)
        for term in _content(match[0]):
            if _IS_CJK(term):
                parts.append(_Part(term, ENDING_WEIGHT if term in _ENDINGS else BIGRAM_WEIGHT, is_bigram=True))
            else:
                parts.append(_Part(term, NAME_WEIGHT if is_name else _weight(term), is_name=is_name))
    return list(dict.fromkeys(parts))


def _weight(term: str) -> float:
    return min(max((len(term) - 1) / 5, 0.4), 1.4)


def _is_name(claim: str, match: re.Match[str]) -> bool:
    """Capitalised, and not only because it begins a sentence; a sentence's first word is one before another name."""
    word = match[0]
    if not _CAPITAL.match(word) or len(word) < 2:
        return False
    if any(_CAPITAL.match(letter) for letter in word[1:]) or _IS_CJK(claim[match.end() : match.end() + 1]):
        return True
    if not _SENTENCE_START.search(claim, max(match.start() - 12, 0), match.start()) and match.start() > 0:
        return True
    following = _WORD.match(claim, match.end() + 1)
    return bool(following and _CAPITAL.match(following[0]) and not FUNCTION_WORDS & set(terms(word)))


def _squeezed(text: str) -> str:
    return "".join(re.findall(r"[^\W_]+", normalize(text)))


def _initials(passage: str) -> Iterator[str]:
    """SEC for "Securities and Exchange Commission"."""
    for match in re.finditer(r"[A-Z][\w’'-]*(?:\s+(?:(?:of|and|for|the|in|on)\s+)*[A-Z][\w’'-]*)+", passage):
        yield "".join(word[0] for word in match[0].split() if word[0].isupper()).casefold()


def _in_title(figure: Figure, title: frozenset[str]) -> bool:
    return figure.is_year and str(int(figure.values[0])) in title


def _needed(parts: Sequence[_Part]) -> float:
    """The share that is needed, between that of words and that of bigrams, as there are of both."""
    total = sum(part.weight for part in parts) or 1.0
    bigrams = sum(part.weight for part in parts if part.is_bigram) / total
    return BIGRAMS_SHARE * bigrams + WORDS_SHARE * (1 - bigrams)


def _best_window(parts: Sequence[_Part], text: _Analysis, title: frozenset[str]) -> tuple[float, int, int, int]:
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


def _found_in(part: _Part, text: _Analysis) -> list[float]:
    """How much of a part each sentence holds, from 0 to 1."""
    if part.figure:
        return [float(is_stated(part.figure, sentence.figures, text.scales)) for sentence in text.sentences]
    if part.is_name and any(c.isdigit() for c in part.term):
        return [float(part.term in _squeezed(sentence.text)) for sentence in text.sentences]
    if part.term in text.vocabulary:
        return [float(part.term in sentence.terms) for sentence in text.sentences]
    related = {term for term in text.related.get(part.term[:4], ()) if _are_related(part.term, term)}
    return [RELATED * bool(related & sentence.terms) for sentence in text.sentences]


def _are_related(one: str, other: str) -> bool:
    """Whether two stems are likely of one origin: acquir and acquisit, found and founder."""
    if _IS_CJK(one):
        return False
    short, long = sorted((len(one), len(other)))
    common = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), short)
    return (common >= 5 and common >= 0.6 * long) or (common == short >= 4 and long - short <= 3)
