"""Decides whether a passage bears a claim out, and by which sentence.

The decision is deterministic and needs no model. A sentence bears out a claim that repeats it. Any other claim is
compared with up to three adjacent sentences, and every check must have no objection.

docs/retrieval.md has the rates of error for each kind of claim, and how they were measured.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.citations.bounds import has_the_same_bounds
from rag.citations.check import Check, Verdict
from rag.citations.named_entities import names_nobody_else
from rag.citations.negation import contradicts, does_not_contradict
from rag.citations.periods import names_the_period
from rag.citations.place import stands_in_its_place
from rag.citations.stated_numbers import states_the_numbers
from rag.citations.words import compare, holds_the_words
from rag.text.sentences import sentence_spans
from rag.text.terms import normalize
from rag.text.written import span_with_marks, without_marks

# All checks, cheap ones first: the first objection is the verdict. The check of numbers comes before all others, since
# the pages show its missing numbers.
CHECKS: tuple[Check, ...] = (
    states_the_numbers,
    holds_the_words,
    names_nobody_else,
    stands_in_its_place,
    names_the_period,
    has_the_same_bounds,
    does_not_contradict,
)

# A quotation has at least this share of its sentence. A shorter one could leave out words that reverse its meaning.
QUOTED_SHARE = 0.6

# Words, whole numbers, and the signs of percent and currencies.
_WORDING = re.compile(r"(?:(?<![^\s|(])[-−](?=\d))?\d(?:[\d.,]*\d)?(?=[\W_]|$)|[^\W_]+|[%$€£¥₩]")


def check_claim(
    claim: str, passage: str, file_name: str = "", context: str = "", checks: Sequence[Check] = CHECKS
) -> Verdict:
    """Whether a passage bears a claim out.

    The claim may take names and years from the passage's file name, and words, numbers and scales from its `context`:
    the headings above it, and the title and head of its table. Text that is struck through bears nothing out.
    """
    claim, seen, context = without_marks(claim), without_marks(passage), without_marks(context)
    span = _quoted_span(claim, seen)
    if not span:
        comparison = compare(claim, seen, file_name, context)
        for check in checks:
            verdict = check(comparison)
            if not verdict.borne_out:
                return verdict
        span = comparison.best.start, comparison.best.end
    return Verdict(True, "", *span_with_marks(passage, *span))


def _quoted_span(claim: str, passage: str) -> tuple[int, int] | None:
    """The half-open span of the sentence that the claim repeats word by word, whole or for the most part, or None.
    Punctuation doesn't count, so that a table's row may have lost its bars."""
    quotation = _wording(claim)
    if not quotation:
        return None
    for start, end in sentence_spans(passage):
        sentence = passage[start:end]
        wording = _wording(sentence)
        is_most = f" {quotation} " in f" {wording} " and len(quotation) >= QUOTED_SHARE * len(wording)
        if is_most and (quotation == wording or not contradicts(claim, sentence)):
            return start, end
    return None


def _wording(text: str) -> str:
    return " ".join(_WORDING.findall(normalize(text)))
