"""Decides whether a passage bears a claim out, and by which sentence.

The decision is deterministic and needs no model. A claim that repeats a sentence is borne out by it. Any other claim is
compared with up to three adjacent sentences, and every check must have no objection.

It marks 4 % of true claims as not borne out and lets 9 % of false ones pass; docs/retrieval.md has the rates of each
kind of claim, and how they were measured.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.citations.check import Check, Verdict
from rag.citations.named_entities import names_nobody_else
from rag.citations.negation import contradicts, does_not_contradict
from rag.citations.stated_numbers import states_the_numbers
from rag.citations.words import compare, holds_the_words
from rag.text.sentences import sentence_spans
from rag.text.terms import normalize

# All checks, cheap ones first: the first objection is the verdict. Numbers come before all others, since the pages show
# the missing ones.
CHECKS: tuple[Check, ...] = (states_the_numbers, holds_the_words, names_nobody_else, does_not_contradict)

# A quotation repeats this share of its sentence at least, so that it leaves out nothing that turns its sense.
QUOTED_SHARE = 0.6

# Words, whole numbers, and the signs that make amounts of them.
_WORDING = re.compile(r"\d(?:[\d.,]*\d)?(?=[\W_]|$)|[^\W_]+|[%$€£¥₩]")


def check_claim(claim: str, passage: str, file_name: str = "", checks: Sequence[Check] = CHECKS) -> Verdict:
    """Whether a passage bears a claim out. A claim may take names and years from the name of the passage's file."""
    quoted = _quoted_span(claim, passage)
    if quoted:
        return Verdict(True, "", *quoted)
    comparison = compare(claim, passage, file_name)
    for check in checks:
        verdict = check(comparison)
        if not verdict.borne_out:
            return verdict
    return Verdict(True, "", comparison.best.start, comparison.best.end)


def _quoted_span(claim: str, passage: str) -> tuple[int, int] | None:
    """The span of the sentence that the claim repeats word by word, or most of it. Rows may have lost their bars."""
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
