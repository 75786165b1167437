"""The rankings of dense and lexical search → one ranking.

The better the embedding model's tokenizer knows the question's words, the more dense search counts, see
`dense_weight`. A model that spells a question out letter by letter doesn't know its language. Its cosines are noise,
and would ruin good lexical hits.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.embeddings.embedder import Embedder
from rag.text.chunking import document_title
from rag.text.terms import content_terms
from rag.vector_store.rows import Hit

# The share of dense search in the fused score: in a language that the model knows, and in a language that its tokenizer
# spells out.
DENSE_WEIGHT = 0.6
SPELT_WEIGHT = 0.25
# Tokens per character. The tokenizer knows a language that takes fewer than KNOWN_TOKENS_PER_CHARACTER (English 0.2 to
# 0.3, Korean in a multilingual model 0.5 to 0.7), and spells out a language that takes more than
# SPELT_TOKENS_PER_CHARACTER (Korean in the bundled model 1.3 to 2.2).
KNOWN_TOKENS_PER_CHARACTER = 0.6
SPELT_TOKENS_PER_CHARACTER = 1.0
# This share of the last candidate's cosine is subtracted from every cosine.
NOISE_SHARE = 0.8
# The weight of file names; the two searches together weigh 1. "Boeing's tax rate" is asked of Boeing_2022_10K.pdf.
NAMED_WEIGHT = 0.1


@dataclass(slots=True)
class Ranked:
    """A candidate with its rank (from 1) and score in each search; None if the search didn't find it.

    `score` is the fused score, 0 to 1. `left_out` says why the row is no passage; it is empty if the row is one.
    """

    hit: Hit
    score: float = 0.0
    dense_rank: int | None = None
    dense_score: float | None = None
    lexical_rank: int | None = None
    lexical_score: float | None = None
    rerank_score: float | None = None
    left_out: str = ""


def familiarity(question: str, embedder: Embedder) -> float:
    """How well the model's tokenizer knows the question's words: 1 if it has them whole, 0 if it spells them out."""
    characters = sum(1 for character in question if not character.isspace())
    if not characters:
        return 1.0
    spelling = embedder.count_tokens([question])[0] / characters
    share = (SPELT_TOKENS_PER_CHARACTER - spelling) / (SPELT_TOKENS_PER_CHARACTER - KNOWN_TOKENS_PER_CHARACTER)
    return min(max(share, 0.0), 1.0)


def dense_weight(question: str, embedder: Embedder) -> float:
    """The share of dense search in the fused score, SPELT_WEIGHT to DENSE_WEIGHT."""
    return SPELT_WEIGHT + (DENSE_WEIGHT - SPELT_WEIGHT) * familiarity(question, embedder)


def fuse(dense: Sequence[Hit], lexical: Sequence[Hit], weight: float) -> list[Ranked]:
    """One ranking of two, best first. `weight` is the share of dense search.

    Each score is divided by the best score of its search; the fused score is the convex combination of the two: Bruch
    et al., "An Analysis of Fusion Functions for Hybrid Retrieval", 2023, arXiv:2210.11934.
    """
    # A model gives some cosine to any text. If it doesn't know the language, it gives about the same to all texts.
    noise = NOISE_SHARE * max(min((hit.score for hit in dense), default=0.0), 0.0)
    candidates: dict[str, Ranked] = {}
    for rank, (hit, scaled) in enumerate(zip(dense, _shares([h.score for h in dense], noise), strict=True), 1):
        candidate = candidates.setdefault(hit.row_id, Ranked(hit))
        candidate.dense_rank, candidate.dense_score = rank, hit.score
        candidate.score += weight * scaled
    for rank, (hit, scaled) in enumerate(zip(lexical, _shares([h.score for h in lexical]), strict=True), 1):
        candidate = candidates.setdefault(hit.row_id, Ranked(hit))
        candidate.lexical_rank, candidate.lexical_score = rank, hit.score
        candidate.score += (1 - weight) * scaled
    return sorted(candidates.values(), key=_order)


def credit_named(ranked: list[Ranked], question: str, names: Mapping[str, str]) -> None:
    """Raise the scores of rows whose file name has names or numbers of the question, and sort again.

    A name counts more if few file names have it. `names` maps document ids to file names.
    """
    titles = {doc_id: set(content_terms(document_title(name))) for doc_id, name in names.items()}
    frequency = Counter(term for title in titles.values() for term in title)
    wanted = {term: math.log(1 + len(titles) / frequency[term]) for term in _name_terms(question) if term in frequency}
    if not wanted:
        return
    total = sum(wanted.values())
    for row in ranked:
        share = sum(wanted[term] for term in titles[row.hit.doc_id] & wanted.keys()) / total
        row.score = (row.score + NAMED_WEIGHT * share) / (1 + NAMED_WEIGHT)
    ranked.sort(key=_order)


def _name_terms(question: str) -> set[str]:
    """The terms of words that look like names: they begin with a capital, or have a digit."""
    words = [word for word in question.split() if re.match(r"\W*[^\W_]", word)]
    named = [word for word in words if word.lstrip("\"'“‘(«[")[:1].isupper() or any(c.isdigit() for c in word)]
    return {term for word in named for term in content_terms(word)}


def _order(row: Ranked) -> tuple[float, str, int, int]:
    return -row.score, row.hit.doc_id, row.hit.page or 0, row.hit.start


def _shares(scores: Sequence[float], floor: float = 0.0) -> list[float]:
    """The excess of each score over `floor`, as a share of the best score: 0 to 1."""
    best = max(scores, default=0.0)
    return [max(score - floor, 0.0) / best if best > 0 else 0.0 for score in scores]
