"""Answers without a language model: the sentences and rows of the passages nearest to the question, each cited."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rag.answering.answer_units import LONGEST, AnswerUnit, answer_units
from rag.citations.markers import without_markers
from rag.embeddings.embedder import Embedder
from rag.retrieval.fusion import familiarity
from rag.schema import Passage
from rag.text.terms import content_terms

# The first PASSAGES passages are read, and at most SENTENCES of their sentences are shown.
PASSAGES = 5
SENTENCES = 3
# A sentence is shown beside the best one if its score is at least this share of the best score.
NEAR_BEST = 0.8
# The share of a score that is lost with each rank of the passage.
RANK_DISCOUNT = 0.05
NOT_FOUND = "Not in your documents: the passages nearest to the question don't answer it."


@dataclass(frozen=True, slots=True)
class Extract:
    """The text of an extractive answer, or, where `refused`, of a refusal."""

    text: str
    refused: bool = False


REFUSAL = Extract(NOT_FOUND, True)


def extract_answer(question: str, passages: Sequence[Passage], embedder: Embedder) -> Extract:
    """Up to SENTENCES sentences or rows of the first PASSAGES passages, one a paragraph, each with its marker [n].

    The score of each adds two measures: the share of the question's terms that it holds, rarer terms counting more,
    and the cosine of its vector and the question's, as far as the model knows the language. The score falls with the
    passage's rank. The result is a refusal if there are no passages, or if no sentence scores above 0.
    """
    units = answer_units(question, passages[:PASSAGES])
    if not units:
        return Extract(f"{without_markers(_shortened(passages[0].text))} [1]") if passages else REFUSAL
    scores = _scores(question, units, embedder)
    ranking = sorted(zip(units, scores, strict=True), key=lambda scored: -scored[1])
    best_score = ranking[0][1]
    if best_score <= 0:
        return REFUSAL
    best = [unit for unit, score in ranking if score >= NEAR_BEST * best_score][:SENTENCES]
    return Extract("\n\n".join(f"{unit.text} [{unit.number}]" for unit in best))


def _scores(question: str, units: Sequence[AnswerUnit], embedder: Embedder) -> list[float]:
    frequency = Counter(term for unit in units for term in unit.terms)
    question_terms = set(content_terms(question))
    weights = {term: math.log(1 + len(units) / (1 + frequency[term])) for term in question_terms}
    total = sum(weights.values()) or 1.0
    familiar = familiarity(question, embedder)
    texts = [unit.text for unit in units]
    cosines = _cosines(question, texts, embedder) if familiar > 0 else [0.0] * len(texts)
    return [
        (sum(weights[term] for term in question_terms & unit.terms) / total + familiar * cosine)
        * (1 - RANK_DISCOUNT * (unit.number - 1))
        for unit, cosine in zip(units, cosines, strict=True)
    ]


def _cosines(question: str, texts: list[str], embedder: Embedder) -> list[float]:
    question_vector = embedder.embed_query(question)
    return [sum(a * b for a, b in zip(question_vector, vector, strict=True)) for vector in embedder.embed_texts(texts)]


def _shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST else flat[: LONGEST - 1] + "…"
