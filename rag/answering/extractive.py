"""Answers without an LLM: the sentences of the passages that come nearest to the question, each with its citation."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rag.answering.prompts import estimate_tokens
from rag.citations.markers import without_markers
from rag.embeddings.embedder import Embedder
from rag.retrieval.fusion import familiarity
from rag.schema import Passage
from rag.text.sentences import sentence_spans
from rag.text.terms import content_terms

PASSAGES = 5
SENTENCES = 3
# Sentences that score below this share of the best one aren't shown beside it.
NEAR_BEST = 0.8
# Shorter ones are headings and fragments: 25 Latin letters, or 9 Korean ones.
SHORTEST_TOKENS = 9
# Longer ones, in characters, are tables that were never sentences.
LONGEST = 600
# A table's first row and the line under it say nothing by themselves.
_TABLE_HEAD = re.compile(r"(?:\|.*\n)?[ \t]*\|[ \t]*:?-{3}")
NOT_FOUND = "Not in your documents: the passages nearest to the question don't answer it."


@dataclass(frozen=True, slots=True)
class Extract:
    """An answer made of sentences, or, when `refused`, that there is none."""

    text: str
    refused: bool = False


@dataclass(frozen=True, slots=True)
class _Sentence:
    number: int
    text: str
    score: float


def extract_answer(question: str, passages: Sequence[Passage], embedder: Embedder) -> Extract:
    """Up to SENTENCES sentences of the first PASSAGES passages, one a paragraph, each with its marker [n].

    A sentence's score joins the share of the question's words that it holds, rarer ones counting more, and the
    cosine of its vector with the question's, as far as the model knows the language; and the rank of its passage.
    """
    candidates = [
        (number, " ".join(passage.text[start:end].split()))
        for number, passage in enumerate(passages[:PASSAGES], 1)
        for start, end in sentence_spans(passage.text)
        if end - start <= LONGEST
        and estimate_tokens(passage.text[start:end]) >= SHORTEST_TOKENS
        and not _TABLE_HEAD.match(passage.text, start)
    ]
    # Overlapping passages share sentences; the first one keeps them.
    candidates = list({text: (number, text) for number, text in reversed(candidates)}.values())[::-1]
    if not candidates:
        return Extract(f"{_shown(_shortened(passages[0].text))} [1]") if passages else Extract(NOT_FOUND, True)
    term_sets = [set(content_terms(text)) for _, text in candidates]
    frequency = Counter(term for terms in term_sets for term in terms)
    wanted = set(content_terms(question))
    weights = {term: math.log(1 + len(candidates) / (1 + frequency[term])) for term in wanted}
    total = sum(weights.values()) or 1.0
    share = familiarity(question, embedder)
    cosines = _cosines(question, [text for _, text in candidates], embedder) if share > 0 else [0.0] * len(candidates)
    scored = sorted(
        (
            _Sentence(
                number,
                text,
                (sum(weights[term] for term in wanted & terms) / total + share * cosine) * (1 - 0.05 * (number - 1)),
            )
            for (number, text), terms, cosine in zip(candidates, term_sets, cosines, strict=True)
        ),
        key=lambda sentence: -sentence.score,
    )
    if scored[0].score <= 0:
        return Extract(NOT_FOUND, True)
    best = [sentence for sentence in scored if sentence.score >= NEAR_BEST * scored[0].score][:SENTENCES]
    return Extract("\n\n".join(f"{_shown(sentence.text)} [{sentence.number}]" for sentence in best))


def _cosines(question: str, texts: list[str], embedder: Embedder) -> list[float]:
    asked = embedder.embed_query(question)
    return [sum(a * b for a, b in zip(asked, vector, strict=True)) for vector in embedder.embed_texts(texts)]


def _shown(text: str) -> str:
    """A table row reads as a list of its cells; the document's own [3] isn't to be taken for a marker of ours."""
    cells = [cell.strip() for cell in text.strip("| ").split("|")] if text.startswith("|") else [text]
    return without_markers(", ".join(cell for cell in cells if cell))


def _shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST else flat[: LONGEST - 1] + "…"
