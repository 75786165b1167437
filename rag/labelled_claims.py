"""Claims that are known to be true or false of a passage, made from questions with known answers, to measure with.

They are made by rule and with a seed, so that two runs measure the same. The true ones are what an answer may say of
its passage: its words, its answer, fewer or reordered clauses, rounded figures. The false ones differ in a single
place: a figure, its scale, a name, a negation, an opposite; or they are true of another passage.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag.chunking import sentence_spans
from rag.figures import Figure, figures_of_claim, figures_of_passage, is_stated, stated_scales
from rag.lexical import content_terms
from rag.support import find_support

# An answer of more words than this is a text of its own: its sentences are claims.
SHORT_ANSWER = 12
# Of such a sentence the passage must have this share of the words, or of Korean bigrams, which endings change.
MOSTLY, MOSTLY_BIGRAMS = 0.6, 0.5
# The most characters of a quote that a claim repeats; longer ones are tables.
LONGEST_QUOTE = 400


@dataclass(frozen=True, slots=True)
class Example:
    """A question with the passage that answers it. `quote` are words of that passage that hold the answer; where it is
    empty, the sentence with most words of question and answer is taken. `document` tells passages of one document
    from those of others."""

    question: str
    passage: str
    answer: str = ""
    quote: str = ""
    document: str = ""


@dataclass(frozen=True, slots=True)
class LabelledClaim:
    """A claim, the passage that it cites, and whether that passage bears it out."""

    claim: str
    passage: str
    supported: bool
    kind: str
    file_name: str = ""


@dataclass(frozen=True, slots=True)
class ErrorRates:
    """`kinds` maps each kind of claim to how many there were and how many were judged wrongly. `false_alarms` is the
    share of true claims that were marked as unsupported, `misses` that of false ones that weren't (0 to 1)."""

    kinds: Mapping[str, tuple[int, int]]
    false_alarms: float
    misses: float


def make_claims(examples: Sequence[Example], seed: int = 0) -> list[LabelledClaim]:
    """True and false claims for each example, in its order. Kinds that an example has no material for are left out."""
    chance = random.Random(seed)
    names = [(name, example.document) for example in examples for name in _names(_basis(example))]
    claims: list[LabelledClaim] = []
    for place, example in enumerate(examples):
        made = [*_true_claims(example), *_false_claims(example, names, chance)]
        made += _claims_of_others(example, [*examples[place + 1 :], *examples[:place]])
        claims += [
            LabelledClaim(text, example.passage, supported, kind, example.document) for kind, text, supported in made
        ]
    return claims


def error_rates(claims: Sequence[LabelledClaim]) -> ErrorRates:
    """Check the claims as those of an answer are checked, and count what was judged wrongly."""
    wrong = [c for c in claims if find_support(c.claim, c.passage, c.file_name).supported != c.supported]
    made, failed = (Counter(claim.kind for claim in several) for several in (claims, wrong))
    true = sum(claim.supported for claim in claims)
    alarms = sum(claim.supported for claim in wrong)
    return ErrorRates(
        {kind: (number, failed[kind]) for kind, number in made.items()},
        alarms / true if true else 0.0,
        (len(wrong) - alarms) / (len(claims) - true) if len(claims) > true else 0.0,
    )


_Made = tuple[str, str, bool]  # kind, claim, whether it is true


def _true_claims(example: Example) -> list[_Made]:
    basis = _basis(example)
    made = [
        ("quotation", basis),
        ("clause left out", _shortened(basis)),
        ("clauses reordered", _reordered(basis)),
        ("figure rounded", _rounded(basis, example.passage)),
        ("question with its answer", _statement(example.question, example.answer)),
        *(("sentence of the answer", sentence) for sentence in _answer_sentences(example)),
    ]
    return [(kind, text, True) for kind, text in made if text]


def _false_claims(example: Example, names: Sequence[tuple[str, str]], chance: random.Random) -> list[_Made]:
    basis = _basis(example)
    others = [name for name, document in names if document != example.document and name not in example.passage]
    makers: list[tuple[str, Callable[[str], str]]] = [
        ("figure changed", lambda text: _with_changed_figure(text, example.passage, chance)),
        ("scale changed", _with_changed_scale),
        ("figure of another place", lambda text: _with_figure_of(text, example.passage, chance)),
        ("name swapped", lambda text: _with_swapped_name(text, others, chance)),
        ("negated", _negated),
        ("opposite", _opposite),
    ]
    sentences = [basis, *_answer_sentences(example)]
    texts = [(text, makers) for text in sentences] + [(_statement(example.question, example.answer), makers[:3])]
    return [
        (kind, changed, False)
        for text, several in texts
        for kind, change in several
        if text and (changed := change(text)) and changed != text
    ]


def _claims_of_others(example: Example, others: Sequence[Example]) -> list[_Made]:
    """What the next example of the same document and of another one say, where this passage doesn't hold it."""
    made: list[_Made] = []
    for kind, same in (("same document", True), ("other document", False)):
        for other in others:
            basis = _basis(other)
            if (other.document == example.document) == same and basis and not _holds(example.passage, other, basis):
                made.append((kind, basis, False))
                break
    for other in others:
        if other.answer and _squeezed(other.answer) not in _squeezed(example.passage):
            text = _statement(example.question, other.answer)
            if text:
                made.append(("answer of another question", text, False))
                break
    return made


def _holds(passage: str, other: Example, basis: str) -> bool:
    """Passages overlap, and one fact may be told twice: then the other's claim is no false one."""
    words = set(content_terms(basis))
    shared = words & set(content_terms(passage))
    return len(shared) > 0.7 * len(words) or other.passage == passage


@lru_cache(maxsize=4096)
def _basis(example: Example) -> str:
    """The sentence of the passage that the claims are made of: the quote's, or the nearest to question and answer."""
    sentences = [" ".join(example.passage[start:end].split()) for start, end in sentence_spans(example.passage)]
    sentences = [sentence for sentence in sentences if len(sentence) <= LONGEST_QUOTE]
    quote = _squeezed(example.quote)
    around = [sentence for sentence in sentences if quote in _squeezed(sentence)]
    if quote and around:
        return around[0]
    # A quote of several sentences, or lines of a table, is taken one by one.
    sentences = [sentence for sentence in sentences if _squeezed(sentence) in quote] if quote else sentences
    wanted = set(content_terms(f"{example.question} {example.answer}"))
    return max(sentences, key=lambda sentence: len(wanted & set(content_terms(sentence))), default="")


def _squeezed(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()


_ASKING = re.compile(
    r"^(?:(?:in|on|at|to|for|from|of|with|by|during)\s+)?"
    r"(?:what|which|who|whom|whose|when|where|why|how(?:\s+(?:many|much))?)\b"
    r"(?:\s+(?:is|are|was|were|did|do|does|has|have|had|can|could|will|would)\b)?",
    re.IGNORECASE,
)


def _statement(question: str, answer: str) -> str:
    """A short answer with the words of its question, such as "Uber's revenue in 2021: $17.5 billion."; else empty."""
    asked = _ASKING.sub("", question.strip().rstrip("?？ "), count=1).strip()
    if not answer or not asked or _is_text(answer) or re.match(r"(?:yes|no|none)\b", answer, re.IGNORECASE):
        return ""
    return f"{asked}: {answer.strip()}."


def _is_text(answer: str) -> bool:
    """Whether an answer is sentences of its own, and not only what was asked for."""
    return len(answer.split()) > SHORT_ANSWER or answer.rstrip().endswith((".", "?", "!"))


def _answer_sentences(example: Example) -> list[str]:
    """The sentences of a long answer that the passage holds most words of; others are drawn from other passages."""
    if not _is_text(example.answer):
        return []
    known = set(content_terms(example.passage))
    found = []
    for line in example.answer.splitlines():
        for sentence in (line[start:end] for start, end in sentence_spans(line)):
            words = set(content_terms(sentence))
            if len(words) > 3 and len(words & known) >= (MOSTLY if sentence.isascii() else MOSTLY_BIGRAMS) * len(words):
                found.append(sentence)
    return found


def _shortened(text: str) -> str:
    """Without what is in parentheses, or the last clause; empty where there is neither."""
    without = re.sub(r"\s*\([^()]*[^\W\d][^()]*\)", "", text)
    if without != text:
        return without
    clauses = _clauses(text)
    return ", ".join(clauses[:-1]) + "." if len(clauses) > 2 else ""


def _reordered(text: str) -> str:
    clauses = _clauses(text)
    return ", ".join([*clauses[1:], clauses[0]]) + "." if len(clauses) > 1 else ""


def _clauses(text: str) -> list[str]:
    """The clauses between commas, if each has some words; those of tables are cells."""
    clauses = re.split(r", (?!\d)", text.rstrip(". "))
    return clauses if all(len(clause.split()) > 2 for clause in clauses) and "|" not in text else [text]


def _rounded(text: str, passage: str) -> str:
    """With one figure of many digits, or of decimals, said in fewer."""
    scales = stated_scales(passage)
    for figure in _amounts(text):
        value = figure.values[0]
        digits = _digits(figure)
        if not figure.scaled and value >= 1000 and len(digits.strip("0")) > 2 and "," in figure.text:
            if len(scales) == 1 and figure.cell:
                said = f"{value * max(scales) / 1e9:.1f} billion"
                return _replaced(text, figure, said) if value * max(scales) >= 1e9 else ""
            step = 10 ** (len(digits) - 2)
            return _replaced(text, figure, f"about {round(value / step) * step:,}")
        decimals = re.search(r"(?<![\d,])\d+\.(\d+)", figure.text)
        if decimals:
            fewer = f"{float(decimals[0]):.{len(decimals[1]) - 1}f}"
            return _replaced(text, figure, figure.text.replace(decimals[0], fewer))
    return ""


def _amounts(text: str) -> list[Figure]:
    return [
        figure
        for figure in figures_of_claim(text)
        if figure.kind in ("number", "percent") and re.search(r"\d", figure.text)
    ]


def _digits(figure: Figure) -> str:
    return "".join(re.findall(r"\d", figure.text))


def _replaced(text: str, figure: Figure, said: str) -> str:
    return f"{text[: figure.start]}{said}{text[figure.end :]}"


def _with_changed_figure(text: str, passage: str, chance: random.Random) -> str:
    """With one digit of one figure changed, to an amount that the passage doesn't have."""
    figures = _amounts(text)
    chance.shuffle(figures)
    known, scales = figures_of_passage(passage), stated_scales(passage)
    for figure in figures:
        places = [i for i in range(figure.start, figure.end) if text[i].isdigit()]
        for place in chance.sample(places, len(places)):
            digit = str((int(text[place]) + chance.randint(1, 8)) % 9 + 1)
            changed = f"{text[:place]}{digit}{text[place + 1 :]}"
            said = [other for other in figures_of_claim(changed) if other.start == figure.start]
            if digit != text[place] and said and not is_stated(said[0], known, scales):
                return changed
    return ""


_SCALE_SWAPS = {
    "million": "billion",
    "billion": "million",
    "thousand": "million",
    "trillion": "billion",
    "만": "억",
    "억": "만",
    "조": "억",
}


def _with_changed_scale(text: str) -> str:
    for figure in _amounts(text):
        for scale, other in _SCALE_SWAPS.items():
            if figure.scaled and scale in figure.text:
                return _replaced(text, figure, figure.text.replace(scale, other))
        plain = not figure.scaled and figure.kind == "number" and "," in figure.text
        if plain and not re.match(r"[\w-]", text[figure.end :]):
            return _replaced(text, figure, f"{figure.text} million")
    return ""


def _with_figure_of(text: str, passage: str, chance: random.Random) -> str:
    """With a figure from elsewhere in the passage in place of one of the text's."""
    figures = _amounts(text)
    amounts = {figure.values for figure in figures}
    others = [figure for figure in _amounts(passage) if figure.values not in amounts]
    pairs = [(a, b) for a in figures for b in others if (a.kind, a.scaled, a.is_year) == (b.kind, b.scaled, b.is_year)]
    if not pairs:
        return ""
    figure, other = chance.choice(pairs)
    return _replaced(text, figure, other.text)


_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{2,}(?: [A-Z][a-z]{2,})*")


def _names(text: str) -> list[str]:
    """Capitalised words within sentences."""
    return _NAME.findall(text)


def _with_swapped_name(text: str, others: Sequence[str], chance: random.Random) -> str:
    names = [name for name in _names(text) if name not in _CALENDAR]
    others = [name for name in others if name not in _CALENDAR]
    return text.replace(chance.choice(names), chance.choice(others)) if names and others else ""


_DAYS_AND_MONTHS = """
January February March April May June July August September October November December
Monday Tuesday Wednesday Thursday Friday Saturday Sunday
"""
_CALENDAR = frozenset(_DAYS_AND_MONTHS.split())
_AUXILIARY = re.compile(r"\b(?:is|are|was|were|will|can|could|would|should|may|must)\b(?! (?:not|only)\b)")
_KOREAN_VERB_ENDS = [
    ("있습니다", "없습니다"),
    ("입니다", "이 아닙니다"),
    ("되었습니다", "되지 않았습니다"),
    ("했습니다", "하지 않았습니다"),
    ("하였습니다", "하지 않았습니다"),
    ("됩니다", "되지 않습니다"),
    ("합니다", "하지 않습니다"),
    ("있다", "없다"),
    ("하였다", "하지 않았다"),
    ("했다", "하지 않았다"),
    ("되었다", "되지 않았다"),
    ("한다", "하지 않는다"),
    ("된다", "되지 않는다"),
    ("이다", "이 아니다"),
]


def _negated(text: str) -> str:
    """With a "not" after the first auxiliary verb, or with its last Korean verb negated; empty where there is none."""
    if re.search(r"\b(?:not|no|never)\b|n['’]t\b|않|없|아니", text):
        return ""
    changed = _AUXILIARY.sub(lambda match: f"{match[0]} not", text, count=1)
    if changed != text:
        return changed
    for end, negated in _KOREAN_VERB_ENDS:
        if re.search(rf"{end}\W*$", text):
            return re.sub(rf"{end}(\W*)$", rf"{negated}\1", text)
    return ""


_OPPOSITE_WORDS = """
increased/decreased increase/decrease decreased/increased decrease/increase rose/fell fell/rose higher/lower
lower/higher more/fewer less/more before/after after/before profit/loss loss/profit growth/decline
improved/worsened first/last largest/smallest highest/lowest bought/sold acquired/sold won/lost
accepted/rejected above/below early/late always/never all/none best/worst easy/difficult new/old good/bad
large/small long/short possible/impossible allowed/forbidden 증가/감소 감소/증가 상승/하락 하락/상승 확대/축소
축소/확대 높/낮 낮/높 개선/악화 흑자/적자 이상/이하 이전/이후 강화/약화 가능/불가능 매입/매각 찬성/반대
최대/최소
"""
_OPPOSITES = {pair.partition("/")[0]: pair.partition("/")[2] for pair in _OPPOSITE_WORDS.split()}
_OPPOSED = re.compile("|".join(rf"\b{word}\b" if word.isascii() else word for word in _OPPOSITES))


def _opposite(text: str) -> str:
    """With the first word that has a plain opposite turned into it."""
    return _OPPOSED.sub(lambda match: _OPPOSITES[match[0]], text, count=1)
