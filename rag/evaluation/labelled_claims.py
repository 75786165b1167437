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

from rag.citations.entailment import check_claim
from rag.evaluation.changed_claims import (
    names_in,
    negated,
    reordered,
    rounded,
    shortened,
    with_changed_figure,
    with_changed_scale,
    with_figure_of,
    with_opposite,
    with_swapped_name,
)
from rag.text.sentences import sentence_spans
from rag.text.terms import content_terms

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
    names = [(name, example.document) for example in examples for name in names_in(_basis(example))]
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
    wrong = [c for c in claims if check_claim(c.claim, c.passage, c.file_name).borne_out != c.supported]
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
        ("clause left out", shortened(basis)),
        ("clauses reordered", reordered(basis)),
        ("figure rounded", rounded(basis, example.passage)),
        ("question with its answer", _statement(example.question, example.answer)),
        *(("sentence of the answer", sentence) for sentence in _answer_sentences(example)),
    ]
    return [(kind, text, True) for kind, text in made if text]


def _false_claims(example: Example, names: Sequence[tuple[str, str]], chance: random.Random) -> list[_Made]:
    basis = _basis(example)
    others = [name for name, document in names if document != example.document and name not in example.passage]
    makers: list[tuple[str, Callable[[str], str]]] = [
        ("figure changed", lambda text: with_changed_figure(text, example.passage, chance)),
        ("scale changed", with_changed_scale),
        ("figure of another place", lambda text: with_figure_of(text, example.passage, chance)),
        ("name swapped", lambda text: with_swapped_name(text, others, chance)),
        ("negated", negated),
        ("opposite", with_opposite),
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
