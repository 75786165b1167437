"""The words of claims and of passages, as the check of citations compares them."""

from __future__ import annotations

import re
from functools import lru_cache

from rag.text.stop_words import STOP_STEMS
from rag.text.terms import terms
from rag.text.writing_systems import CJK

# Chinese, Japanese and Korean are taken in runs of characters: where words end there can't be told.
WORD = re.compile(rf"[^\W_{CJK}]+(?:['’&][^\W_{CJK}]+)*|[{CJK}]+")
is_cjk = re.compile(f"[{CJK}]").match


@lru_cache(maxsize=65_536)
def word_terms(word: str) -> tuple[str, ...]:
    """The terms of a word that carry meaning: no numbers, nothing that is joined of others, no single letters.

    Word by word, so that the same word gives the same terms in a claim and in a passage.
    """
    return tuple(t for t in terms(word) if t not in STOP_STEMS and _carries_meaning(t))


def _carries_meaning(term: str) -> bool:
    return bool(is_cjk(term)) or (len(term) > 1 and "_" not in term and not any(c.isdigit() for c in term))


def are_related(one: str, other: str) -> bool:
    """Whether two stems are likely of one origin: acquir and acquisit, found and founder."""
    if is_cjk(one):
        return False
    short, long = sorted((len(one), len(other)))
    common = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), short)
    return (common >= 5 and common >= 0.6 * long) or (common == short >= 4 and long - short <= 3)
