"""Answers without a language model: the sentences and rows of the passages that answer best, each cited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.answering.answer_units import LONGEST, AnswerUnit, answer_units
from rag.answering.asking import Asked, ask, respelt
from rag.answering.comparisons import compare_rows
from rag.answering.scoring import YEAR, score_units, share_held
from rag.citations.markers import without_markers
from rag.embeddings.embedder import Embedder
from rag.retrieval.fusion import familiarity
from rag.schema import Passage
from rag.text.terms import terms

# The first PASSAGES passages are read, and at most SENTENCES of their sentences are shown.
PASSAGES = 5
SENTENCES = 3
# A sentence is shown beside the best one if its score is at least this share of the best score.
NEAR_BEST = 0.85
# A best part with a lower score answers nothing.
LEAST_SCORE = 0.45
# Where the candidates as a whole are too weak (see `answerability`), the best part must hold this share of the
# question's terms, and have this score.
CONVINCING_SHARE = 0.45
CONVINCING_SCORE = 0.75
NOT_FOUND = "Not in your documents: the passages nearest to the question don't answer it."


@dataclass(frozen=True, slots=True)
class Extract:
    """The text of an extractive answer, or, where `refused`, of a refusal."""

    text: str
    refused: bool = False


REFUSAL = Extract(NOT_FOUND, True)


def extract_answer(
    question: str, passages: Sequence[Passage], embedder: Embedder, earlier: str = "", answerable: bool = True
) -> Extract:
    """Up to SENTENCES sentences or rows of the first PASSAGES passages, one a paragraph, each with its marker [n].

    `earlier` is the question before a follow-up that doesn't stand alone. The result is a refusal if there are no
    passages, if a name or number of the question stands in none of them, or if no part of them scores enough (see
    `rag.answering.scoring`). It must score more if the passages' ranking doesn't make the question look `answerable`.
    """
    asked = ask(question, earlier)
    passages = passages[:PASSAGES]
    units = answer_units(asked, passages)
    if not units:
        return Extract(f"{without_markers(_shortened(passages[0].text))} [1]") if passages and answerable else REFUSAL
    asked, complete = _met(asked, units, passages)
    if not complete:
        return REFUSAL
    familiar = familiarity(question, embedder)

    def cosines(texts: Sequence[str]) -> list[float]:
        if familiar <= 0:
            return [0.0] * len(texts)
        query = embedder.embed_query(f"{earlier}\n{question}" if earlier else question)
        vectors = embedder.embed_texts(list(texts))
        return [familiar * sum(a * b for a, b in zip(query, vector, strict=True)) for vector in vectors]

    scores = score_units(asked, units, passages, cosines)
    ranking = sorted(zip(units, scores, strict=True), key=lambda scored: -scored[1])
    best, best_score = ranking[0]
    convincing = best_score >= CONVINCING_SCORE and share_held(asked, best, units) >= CONVINCING_SHARE
    if best_score < LEAST_SCORE or not (answerable or convincing):
        return REFUSAL
    if compared := compare_rows(asked, ranking):
        return Extract(compared)
    return Extract("\n\n".join(_said(unit) for unit in _chosen(ranking)))


def _met(asked: Asked, units: Sequence[AnswerUnit], passages: Sequence[Passage]) -> tuple[Asked, bool]:
    """The question in the spelling of the passages, and whether all its names and years stand in them."""
    vocabulary = {term for unit in units for term in unit.terms | unit.near | unit.about}
    vocabulary.update(term for passage in passages for term in terms(f"{passage.text}\n{passage.context}"))
    asked = respelt(asked, vocabulary)
    years = {term for term in asked.terms if YEAR.fullmatch(term)}
    return asked, (asked.names | years) <= vocabulary


def _chosen(ranking: Sequence[tuple[AnswerUnit, float]]) -> list[AnswerUnit]:
    """The best unit, and those after it that are nearly as good and add something."""
    best, best_score = ranking[0]
    chosen = [best]
    if best.lines:
        return chosen
    for unit, score in ranking[1:]:
        if len(chosen) == SENTENCES or score < NEAR_BEST * best_score:
            break
        if not unit.lines and not any(unit.text in other.text or other.text in unit.text for other in chosen):
            chosen.append(unit)
    return chosen


def _said(unit: AnswerUnit) -> str:
    if unit.lines:
        return "\n".join(f"{line} [{unit.number}]" for line in unit.lines)
    return f"{unit.text} [{unit.number}]"


def _shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST else flat[: LONGEST - 1] + "…"
