"""Whether a question's candidates can hold its answer, judged by how near and how complete the best candidates are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from rag.embeddings.embedder import Embedder
from rag.retrieval.fusion import Ranked, familiarity
from rag.text.terms import content_terms, terms

# Below this a question isn't answered without a language model. This limit and the two weights were chosen on
# questions of five sets in two languages, each asked with its document in the library and without: see
# docs/retrieval.md.
LEAST_ANSWERABILITY = 0.51
COVERAGE_WEIGHT = 0.3
# Where the model doesn't know the question's language, this is added to the weight of coverage, and nearness counts
# for nothing.
UNFAMILIAR_COVERAGE_WEIGHT = 3.4
# The first READ candidates tell rare terms from frequent ones; of the first NEAREST the best cosine counts.
READ = 100
NEAREST = 5


def is_answerable(question: str, ranked: Sequence[Ranked], embedder: Embedder) -> bool:
    """Whether a question gets an extractive answer; if not, it gets a refusal. `question` stands alone."""
    return answerability(question, ranked, embedder) >= LEAST_ANSWERABILITY


def answerability(question: str, ranked: Sequence[Ranked], embedder: Embedder) -> float:
    """How likely the best candidates hold the answer, about 0 to 1.3; at least 1 if one of the first NEAREST holds all
    terms of the question.

    It adds two measures. Nearness is the best cosine among the first NEAREST candidates, above the cosine that this
    model gives to unrelated texts. Coverage is the share of the question's terms that the first candidate holds, rarer
    terms counting more. `question` stands alone.
    """
    if not ranked:
        return 0.0
    familiar = familiarity(question, embedder)
    cosine = max((row.dense_score or 0.0 for row in ranked[:NEAREST]), default=0.0)
    nearness = (cosine - embedder.unrelated_cosine) / (1 - embedder.unrelated_cosine)
    question_terms = set(content_terms(question) or terms(question))
    held = [question_terms & set(terms(row.hit.text)) for row in ranked[:READ]]
    coverage_weight = COVERAGE_WEIGHT + (1 - familiar) * UNFAMILIAR_COVERAGE_WEIGHT
    measured = familiar * nearness + coverage_weight * _coverage(held, question_terms)
    return max(measured, 1.0) if question_terms in held[:NEAREST] else measured


def _coverage(held: Sequence[set[str]], question_terms: set[str]) -> float:
    """The share of the question's terms that the first candidate holds. A term weighs more if few candidates hold it.

    `held` has, for each candidate, the question's terms that it holds.
    """
    frequency = Counter(term for held_terms in held for term in held_terms)
    weights = {term: math.log(1 + len(held) / (0.5 + frequency[term])) for term in question_terms}
    return sum(weights[term] for term in held[0]) / (sum(weights.values()) or 1.0)
