"""Makes true and false claims from questions with known answers, and measures how often the checks of citations err.

Claims are made by rule and with a seed, so that two runs measure the same. A true claim is one that an answer may make
of its passage: a sentence of the passage, whole, with clauses left out or reordered, or with rounded numbers; or the
question with its answer. A false claim differs from a true one in a single place (a number, its scale, a name, a
negation, an opposite), or is true of another passage.
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
    with_changed_number,
    with_changed_scale,
    with_number_of,
    with_opposite,
    with_swapped_name,
)
from rag.text.sentences import sentence_spans
from rag.text.terms import content_terms

# An answer with more words is a text, whose sentences are claims.
SHORT_ANSWER = 12
# The least share of such a sentence's words that its passage must hold, or of its Korean bigrams, many of which change
# with endings.
MOSTLY, MOSTLY_BIGRAMS = 0.6, 0.5
# A passage with a larger share of a sentence's words may say the same as the sentence.
SAME = 0.7
# The most characters of a sentence of which claims are made; longer "sentences" are tables.
LONGEST_SENTENCE = 400


@dataclass(frozen=True, slots=True)
class Example:
    """A question with the passage that answers it.

    `quote` has the words of the passage that give the answer. If it is empty, the sentence with most words of question
    and answer is taken for it. `document` is the name of the passage's file.
    """

    question: str
    passage: str
    answer: str = ""
    quote: str = ""
    document: str = ""


@dataclass(frozen=True, slots=True)
class LabelledClaim:
    """A claim, the passage that it cites, whether that passage bears it out, and the rule by which it was made."""

    claim: str
    passage: str
    supported: bool
    kind: str
    file_name: str = ""


@dataclass(frozen=True, slots=True)
class ErrorRates:
    """`kinds` maps each kind of claim to the count of its claims and the count of wrong verdicts. `false_alarms` is the
    share of true claims that weren't borne out, `misses` the share of false claims that were (0 to 1)."""

    kinds: Mapping[str, tuple[int, int]]
    false_alarms: float
    misses: float


def make_claims(examples: Sequence[Example], seed: int = 0) -> list[LabelledClaim]:
    """True and false claims of each example, in the examples' order. An example gives a claim of each kind for which it
    has material."""
    chance = random.Random(seed)
    names = [(name, example.document) for example in examples for name in names_in(_basis(example))]
    claims: list[LabelledClaim] = []
    for place, example in enumerate(examples):
        claims += _true_claims(example)
        claims += _false_claims(example, names, chance)
        claims += _claims_of_others(example, [*examples[place + 1 :], *examples[:place]])
    return claims


def error_rates(claims: Sequence[LabelledClaim]) -> ErrorRates:
    """Check the claims like an answer's, and count the wrong verdicts."""
    wrong = [c for c in claims if check_claim(c.claim, c.passage, c.file_name).borne_out != c.supported]
    counts, wrong_counts = (Counter(claim.kind for claim in counted) for counted in (claims, wrong))
    true = sum(claim.supported for claim in claims)
    alarms = sum(claim.supported for claim in wrong)
    return ErrorRates(
        {kind: (count, wrong_counts[kind]) for kind, count in counts.items()},
        alarms / true if true else 0.0,
        (len(wrong) - alarms) / (len(claims) - true) if len(claims) > true else 0.0,
    )


def _labelled(example: Example, kind: str, claim: str, supported: bool) -> LabelledClaim:
    return LabelledClaim(claim, example.passage, supported, kind, example.document)


def _true_claims(example: Example) -> list[LabelledClaim]:
    basis = _basis(example)
    texts = [
        ("quotation", basis),
        ("clause left out", shortened(basis)),
        ("clauses reordered", reordered(basis)),
        ("figure rounded", rounded(basis, example.passage)),
        ("question with its answer", _statement(example.question, example.answer)),
        *(("sentence of the answer", sentence) for sentence in _answer_sentences(example)),
    ]
    return [_labelled(example, kind, text, True) for kind, text in texts if text]


def _false_claims(example: Example, names: Sequence[tuple[str, str]], chance: random.Random) -> list[LabelledClaim]:
    """`names` has the names in all examples, each with its document."""
    others = [name for name, document in names if document != example.document and name not in example.passage]
    of_numbers: list[tuple[str, Callable[[str], str]]] = [
        ("figure changed", lambda text: with_changed_number(text, example.passage, chance)),
        ("scale changed", with_changed_scale),
        ("figure of another place", lambda text: with_number_of(text, example.passage, chance)),
    ]
    changes = [
        *of_numbers,
        ("name swapped", lambda text: with_swapped_name(text, others, chance)),
        ("negated", negated),
        ("opposite", with_opposite),
    ]
    sentences = [_basis(example), *_answer_sentences(example)]
    texts = [(text, changes) for text in sentences] + [(_statement(example.question, example.answer), of_numbers)]
    return [
        _labelled(example, kind, changed, False)
        for text, text_changes in texts
        for kind, change in text_changes
        if text and (changed := change(text)) and changed != text
    ]


def _claims_of_others(example: Example, others: Sequence[Example]) -> list[LabelledClaim]:
    """Claims that are true of another example: a sentence from the same document, a sentence from another document, and
    another question's answer. Each comes from the next example whose text this example's passage doesn't hold."""
    claims: list[LabelledClaim] = []
    for kind, is_same in (("same document", True), ("other document", False)):
        for other in others:
            basis = _basis(other)
            if (other.document == example.document) == is_same and basis and not _holds(example.passage, other, basis):
                claims.append(_labelled(example, kind, basis, False))
                break
    for other in others:
        if other.answer and _squeezed(other.answer) not in _squeezed(example.passage):
            text = _statement(example.question, other.answer)
            if text:
                claims.append(_labelled(example, "answer of another question", text, False))
                break
    return claims


def _holds(passage: str, other: Example, basis: str) -> bool:
    """Whether a passage may bear out another example's sentence: passages overlap, and documents repeat facts."""
    words = set(content_terms(basis))
    shared = words & set(content_terms(passage))
    return len(shared) > SAME * len(words) or other.passage == passage


@lru_cache(maxsize=4096)
def _basis(example: Example) -> str:
    """The passage's sentence of which claims are made: the sentence with the quote, or with most words of question and
    answer."""
    sentences = [" ".join(example.passage[start:end].split()) for start, end in sentence_spans(example.passage)]
    sentences = [sentence for sentence in sentences if len(sentence) <= LONGEST_SENTENCE]
    quote = _squeezed(example.quote)
    quoted = [sentence for sentence in sentences if quote in _squeezed(sentence)]
    if quote and quoted:
        return quoted[0]
    # A quote may have several sentences, or lines of a table: each is compared alone.
    sentences = [sentence for sentence in sentences if _squeezed(sentence) in quote] if quote else sentences
    asked = set(content_terms(f"{example.question} {example.answer}"))
    return max(sentences, key=lambda sentence: len(asked & set(content_terms(sentence))), default="")


def _squeezed(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()


# The words that begin a question and have no place in its answer.
_ASKING = re.compile(
    r"^(?:(?:in|on|at|to|for|from|of|with|by|during)\s+)?"
    r"(?:what|which|who|whom|whose|when|where|why|how(?:\s+(?:many|much))?)\b"
    r"(?:\s+(?:is|are|was|were|did|do|does|has|have|had|can|could|will|would)\b)?",
    re.IGNORECASE,
)


def _statement(question: str, answer: str) -> str:
    """A short answer with the words of its question: "Uber's revenue in 2021: $17.5 billion." Empty if the answer is
    long, or yes or no."""
    asked = _ASKING.sub("", question.strip().rstrip("?？ "), count=1).strip()
    if not answer or not asked or _is_text(answer) or re.match(r"(?:yes|no|none)\b", answer, re.IGNORECASE):
        return ""
    return f"{asked}: {answer.strip()}."


def _is_text(answer: str) -> bool:
    """Whether an answer is a text of sentences, rather than a name or a number."""
    return len(answer.split()) > SHORT_ANSWER or answer.rstrip().endswith((".", "?", "!"))


def _answer_sentences(example: Example) -> list[str]:
    """The sentences of a long answer that come from this passage: the passage holds most of their words."""
    if not _is_text(example.answer):
        return []
    passage_words = set(content_terms(example.passage))
    sentences = []
    for line in example.answer.splitlines():
        for sentence in (line[start:end] for start, end in sentence_spans(line)):
            words = set(content_terms(sentence))
            share = MOSTLY if sentence.isascii() else MOSTLY_BIGRAMS
            if len(words) > 3 and len(words & passage_words) >= share * len(words):
                sentences.append(sentence)
    return sentences
