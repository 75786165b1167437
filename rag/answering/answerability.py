"""Whether what was found can hold the answer at all: how near and how complete the best candidates are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from rag.embeddings.embedder import Embedder
from rag.retrieval.fusion import Ranked, familiarity
from rag.text.terms import content_terms, terms

# Below this the extractive answer is "not in your documents". It and the two weights were chosen on questions of five
# sets in two languages, with their documents and with these taken away: see docs/measurements.md.
ENOUGH = 0.51
COVERAGE_WEIGHT = 0.3
# What coverage counts instead of the cosine where the model doesn't know the question's language.
UNFAMILIAR_COVERAGE_WEIGHT = 3.4
# Candidates that are read to tell rare words from frequent ones, and those whose cosine counts.
READ = 100
NEAREST = 5


def evidence_strength(question: str, ranked: Sequence[Ranked], embedder: Embedder) -> float:
    """How strong the best candidates are as evidence, about 0 to 1.3; at least 1 where one of the first holds all of
    the question's words.

    It adds the best cosine among the first candidates, above what unrelated texts have with this model, and the share
    of the question's words, rarer ones counting more, that the first candidate holds. `question` is without history.
    """
    if not ranked:
        return 0.0
    share = familiarity(question, embedder)
    cosine = max((row.dense_score or 0.0 for row in ranked[:NEAREST]), default=0.0)
    nearness = (cosine - embedder.unrelated_cosine) / (1 - embedder.unrelated_cosine)
    wanted = set(content_terms(question) or terms(question))
    found = [wanted & set(terms(row.hit.text)) for row in ranked[:READ]]
    strength = share * nearness + (COVERAGE_WEIGHT + (1 - share) * UNFAMILIAR_COVERAGE_WEIGHT) * _coverage(
        found, wanted
    )
    return max(strength, 1.0) if wanted in found[:NEAREST] else strength


def _coverage(found: Sequence[set[str]], wanted: set[str]) -> float:
    """The share of the wanted terms that the first candidate holds, weighted by how rare they are among all."""
    frequency = Counter(term for held in found for term in held)
    weights = {term: math.log(1 + len(found) / (0.5 + frequency[term])) for term in wanted}
    return sum(weights[term] for term in found[0]) / (sum(weights.values()) or 1.0)
