"""Answers without a language model: the sentences of the passages that are nearest to the question, each cited."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from rag.answering.prompts import estimate_tokens
from rag.citations.markers import without_markers
from rag.embeddings.embedder import Embedder
from rag.retrieval.fusion import familiarity
from rag.schema import Passage
from rag.text.sentences import sentence_spans
from rag.text.terms import content_terms

# The first PASSAGES passages are read, and at most SENTENCES of their sentences are shown.
PASSAGES = 5
SENTENCES = 3
# A sentence is shown beside the best one if its score is at least this share of the best score.
NEAR_BEST = 0.8
# The share of a score that is lost with each rank of the passage.
RANK_DISCOUNT = 0.05
# A shorter sentence is a heading or a fragment. In estimated tokens: 9 are 25 Latin letters, or 9 Korean ones.
SHORTEST_TOKENS = 9
# A longer "sentence", in characters, is a table without full stops.
LONGEST = 600
# The first row of a table and the line under it say nothing by themselves.
_TABLE_HEAD = re.compile(r"(?:\|.*\n)?[ \t]*\|[ \t]*:?-{3}")
_HEADING = re.compile(r"#{1,6}[ \t]+[^\n]*(?:\n|$)")
NOT_FOUND = "Not in your documents: the passages nearest to the question don't answer it."


@dataclass(frozen=True, slots=True)
class Extract:
    """The text of an extractive answer, or, where `refused`, of a refusal."""

    text: str
    refused: bool = False


REFUSAL = Extract(NOT_FOUND, True)


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A sentence of passage `number`, counted from 1."""

    number: int
    text: str


def extract_answer(question: str, passages: Sequence[Passage], embedder: Embedder) -> Extract:
    """Up to SENTENCES sentences of the first PASSAGES passages, one a paragraph, each with its marker [n].

    A sentence's score adds two measures: the share of the question's terms that it holds, rarer terms counting more,
    and the cosine of its vector and the question's, as far as the model knows the language. The score falls with the
    passage's rank. The result is a refusal if there are no passages, or if no sentence scores above 0.
    """
    sentences = _sentences(passages)
    if not sentences:
        return Extract(f"{_shown(_shortened(passages[0].text))} [1]") if passages else REFUSAL
    scores = _scores(question, sentences, embedder)
    ranking = sorted(zip(sentences, scores, strict=True), key=lambda scored: -scored[1])
    best_score = ranking[0][1]
    if best_score <= 0:
        return REFUSAL
    best = [sentence for sentence, score in ranking if score >= NEAR_BEST * best_score][:SENTENCES]
    return Extract("\n\n".join(f"{_shown(sentence.text)} [{sentence.number}]" for sentence in best))


def _sentences(passages: Sequence[Passage]) -> list[_Sentence]:
    """The sentences that may be shown, in order, each once."""
    sentences = [
        _Sentence(number, " ".join(passage.text[start:end].split()))
        for number, passage in enumerate(passages[:PASSAGES], 1)
        for start, end in map(partial(_below_heading, passage.text), sentence_spans(passage.text))
        if end - start <= LONGEST
        and estimate_tokens(passage.text[start:end]) >= SHORTEST_TOKENS
        and not _TABLE_HEAD.match(passage.text, start)
    ]
    # Overlapping passages share sentences; the first passage keeps them.
    return list({sentence.text: sentence for sentence in reversed(sentences)}.values())[::-1]


def _below_heading(text: str, span: tuple[int, int]) -> tuple[int, int]:
    """A sentence's span without the headings with which it begins: they answer nothing."""
    start, end = span
    while start < end and (heading := _HEADING.match(text, start, end)):
        start = heading.end()
    return start, end


def _scores(question: str, sentences: Sequence[_Sentence], embedder: Embedder) -> list[float]:
    sentence_terms = [set(content_terms(sentence.text)) for sentence in sentences]
    frequency = Counter(term for terms in sentence_terms for term in terms)
    question_terms = set(content_terms(question))
    weights = {term: math.log(1 + len(sentences) / (1 + frequency[term])) for term in question_terms}
    total = sum(weights.values()) or 1.0
    familiar = familiarity(question, embedder)
    texts = [sentence.text for sentence in sentences]
    cosines = _cosines(question, texts, embedder) if familiar > 0 else [0.0] * len(texts)
    return [
        (sum(weights[term] for term in question_terms & terms) / total + familiar * cosine)
        * (1 - RANK_DISCOUNT * (sentence.number - 1))
        for sentence, terms, cosine in zip(sentences, sentence_terms, cosines, strict=True)
    ]


def _cosines(question: str, texts: list[str], embedder: Embedder) -> list[float]:
    question_vector = embedder.embed_query(question)
    return [sum(a * b for a, b in zip(question_vector, vector, strict=True)) for vector in embedder.embed_texts(texts)]


def _shown(text: str) -> str:
    """A sentence as it is quoted. A table row becomes a list of its cells. A document's [3] gets round brackets, so
    that nobody takes it for a marker."""
    cells = [cell.strip() for cell in text.strip("| ").split("|")] if text.startswith("|") else [text]
    return without_markers(", ".join(cell for cell in cells if cell))


def _shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST else flat[: LONGEST - 1] + "…"
