"""Makes true and false claims of passages from questions with known answers, and measures how often the check errs.

Claims are made by rule and with a seed, so that two runs measure the same. True claims are those that an answer may
make of its passage: a sentence of it, with clauses left out or reordered, with rounded numbers, or the question with
its answer.
False claims differ from true ones in a single place (a number, its scale, a name, a negation, an opposite), or are true
of another passage.
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

# An answer of more words than this is a text: its sentences are claims.
SHORT_ANSWER = 12
# A passage must hold this share of such a sentence's words, or of its Korean bigrams, which endings change.
MOSTLY, MOSTLY_BIGRAMS = 0.6, 0.5
# A passage that holds more than this share of a sentence's words may say the same.
SAME = 0.7
# The most characters of a sentence that a claim repeats; longer ones are tables.
LONGEST_SENTENCE = 400


@dataclass(frozen=True, slots=True)
class Example:
    """A question with the passage that answers it.

    `quote` has the passage's words that hold the answer; if it is empty, the sentence with most words of question and
    answer counts for it. `document` is the name of the passage's file.
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
    """True and false claims for each example, in the examples' order. An example without material for a kind has none
    of it."""
    chance = random.Random(seed)
    names = [(name, example.document) for example in examples for name in names_in(_basis(example))]
    claims: list[LabelledClaim] = []
    for place, example in enumerate(examples):
        claims += _true_claims(example)
        claims += _false_claims(example, names, chance)
        claims += _claims_of_others(example, [*examples[place + 1 :], *examples[:place]])
    return claims


def error_rates(claims: Sequence[LabelledClaim]) -> ErrorRates:
    """Check the claims as those of an answer are checked, and count the wrong verdicts."""
    wrong = [c for c in claims if check_claim(c.claim, c.passage, c.file_name).borne_out != c.supported]
    counts, wrong_counts = (Counter(claim.kind for claim in several) for several in (claims, wrong))
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
    """`names` are those of all examples, each with its document."""
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
        for text, several in texts
        for kind, change in several
        if text and (changed := change(text)) and changed != text
    ]


def _claims_of_others(example: Example, others: Sequence[Example]) -> list[LabelledClaim]:
    """A sentence of the next example of the same document, of one of another document, and the next other answer, if
    this example's passage doesn't hold them."""
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
    """Whether a passage may say what another example's sentence says: passages overlap, and documents repeat facts."""
    words = set(content_terms(basis))
    shared = words & set(content_terms(passage))
    return len(shared) > SAME * len(words) or other.passage == passage


@lru_cache(maxsize=4096)
def _basis(example: Example) -> str:
    """The sentence of the passage of which claims are made: the quote's, or the nearest to question and answer."""
    sentences = [" ".join(example.passage[start:end].split()) for start, end in sentence_spans(example.passage)]
    sentences = [sentence for sentence in sentences if len(sentence) <= LONGEST_SENTENCE]
    quote = _squeezed(example.quote)
    quoted = [sentence for sentence in sentences if quote in _squeezed(sentence)]
    if quote and quoted:
        return quoted[0]
    # A quote may be several sentences, or lines of a table: each is looked at alone.
    sentences = [sentence for sentence in sentences if _squeezed(sentence) in quote] if quote else sentences
    asked = set(content_terms(f"{example.question} {example.answer}"))
    return max(sentences, key=lambda sentence: len(asked & set(content_terms(sentence))), default="")


def _squeezed(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()


# The beginning of a question that isn't part of its answer.
_ASKING = re.compile(
    r"^(?:(?:in|on|at|to|for|from|of|with|by|during)\s+)?"
    r"(?:what|which|who|whom|whose|when|where|why|how(?:\s+(?:many|much))?)\b"
    r"(?:\s+(?:is|are|was|were|did|do|does|has|have|had|can|could|will|would)\b)?",
    re.IGNORECASE,
)


def _statement(question: str, answer: str) -> str:
    """A short answer with the words of its question: "Uber's revenue in 2021: $17.5 billion." Empty for a long one."""
    asked = _ASKING.sub("", question.strip().rstrip("?？ "), count=1).strip()
    if not answer or not asked or _is_text(answer) or re.match(r"(?:yes|no|none)\b", answer, re.IGNORECASE):
        return ""
    return f"{asked}: {answer.strip()}."


def _is_text(answer: str) -> bool:
    """Whether an answer is a text of sentences, rather than a name or a number."""
    return len(answer.split()) > SHORT_ANSWER or answer.rstrip().endswith((".", "?", "!"))


def _answer_sentences(example: Example) -> list[str]:
    """The sentences of a long answer of which the passage holds most words; the others come from other passages."""
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
