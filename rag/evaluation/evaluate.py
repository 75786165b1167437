"""Asks questions with known answers, and scores the passages and the answers.

Changes of chunking, retrieval and answering are decided by these scores.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator, Sequence

from rag.errors import RagError
from rag.evaluation.labelled_claims import Example, error_rates, make_claims
from rag.evaluation.metrics import hit, ndcg, recall, reciprocal_rank
from rag.evaluation.outcomes import Outcome
from rag.evaluation.question_sets import Question, QuestionSet
from rag.index import DocumentIndex
from rag.schema import Passage
from rag.storage.files import document_id

# The passages to search for: enough for ten documents or pages, even if several passages come from each.
DEPTH = 50
# The passages to keep with an outcome.
SHOWN = 10

# Document id → the file names that questions use for it. Files with the same bytes are one document.
Names = dict[str, set[str]]


def evaluate(
    index: DocumentIndex,
    questions: QuestionSet,
    *,
    answers: bool = True,
) -> Iterator[Outcome]:
    """Ask the questions of a set, one after the other. Without `answers` they are only searched, which is much faster.

    Raises RagError for a question about a file that isn't in the library, and the errors of searching and answering.
    """
    names: Names = {}
    for document in index.documents():
        if document.state == "ready":
            names.setdefault(document.doc_id, set()).add(document.file_name)
    for name, data in questions.documents:
        names.setdefault(document_id(data), set()).add(name)
    all_names = {name for document_names in names.values() for name in document_names}
    for question in questions.questions:
        if question.answerable is not False and (absent := set(question.relevant) - all_names):
            raise RagError(
                f"{min(absent)}, which question {question.question_id} is about, isn't in the library; add it."
            )
    for question in questions.questions:
        yield _ask(index, question, names, answers)


def check_errors(questions: QuestionSet, outcomes: Sequence[Outcome]) -> dict[str, float]:
    """How often the checks of citations err on claims that are made from these questions: the shares (0 to 1) of true
    claims that aren't borne out, and of false claims that are. Empty if no search found a passage with the answer."""
    by_id = {question.question_id: question for question in questions.questions}
    examples = []
    for outcome in outcomes:
        question = by_id[outcome.question_id]
        if outcome.gold:
            document = next(iter(question.relevant), outcome.question_id)
            examples.append(Example(question.text, outcome.gold, question.answer, question.quote, document))
    if not examples:
        return {}
    rates = error_rates(make_claims(examples))
    return {"true claims not borne out": rates.false_alarms, "false claims borne out": rates.misses}


def _ask(index: DocumentIndex, question: Question, names: Names, answers: bool) -> Outcome:
    outcome = Outcome(question.question_id, question.text, question.answerable)
    began = time.perf_counter()
    passages = index.search(question.text, top_k=DEPTH, history=question.history)
    outcome.milliseconds["search"] = 1000 * (time.perf_counter() - began)
    grades = [_grade(question, passage, names) for passage in passages]
    outcome.passages = [
        {
            "file": passage.file_name,
            "page": passage.page,
            "start": passage.start,
            "end": passage.end,
            "score": round(passage.score, 4),
            "dense_rank": passage.dense_rank,
            "lexical_rank": passage.lexical_rank,
            "relevant": grade,
        }
        for passage, grade in zip(passages[:SHOWN], grades, strict=False)
    ]
    if question.has_gold:
        outcome.scores.update(_scores(question, passages, grades, names))
        outcome.gold = next((p.text for p, grade in zip(passages, grades, strict=True) if grade > 0), "")
    if answers:
        _score_answer(index, question, names, outcome)
    return outcome


def _scores(question: Question, passages: Sequence[Passage], grades: Sequence[float], names: Names) -> dict[str, float]:
    """The measures of the ranking: of passages with the quote, else of relevant pages, else of relevant documents. Each
    counts once."""
    if question.quote:
        ranked, ideal = list(grades), [1.0]
        # Overlapping passages may hold the same quote; only the first counts.
        first = next((place for place, grade in enumerate(ranked) if grade > 0), len(ranked))
        ranked = [grade if place <= first else 0.0 for place, grade in enumerate(ranked)]
    elif question.pages:
        ranked, ideal = _distinct(_pages(passages, grades), grades), [1.0] * len(set(question.pages))
    else:
        ranked, ideal = _documents(question, passages, names)
    scores = {
        "nDCG@10": ndcg(ranked, ideal),
        "recall@10": recall(ranked, len(ideal)),
        "hit@1": hit(ranked, 1),
        "hit@5": hit(ranked, 5),
        "MRR": reciprocal_rank(ranked),
    }
    if question.pages:
        on_page = [_is_on_page(question, passage, names) for passage in passages]
        distinct = _distinct(_pages(passages, on_page), on_page)
        scores |= {f"page hit@{k}": hit(distinct, k) for k in (1, 5, 10)}
    return scores


def _score_answer(index: DocumentIndex, question: Question, names: Names, outcome: Outcome) -> None:
    began = time.perf_counter()
    answer = index.ask(question.text, history=question.history)
    outcome.answer = answer.text
    citations = answer.citations
    outcome.milliseconds["answer"] = 1000 * (time.perf_counter() - began)
    if answer.error:
        raise RagError(answer.error)
    if question.answerable is not None or question.has_gold:
        kind = "unanswerable refused" if question.answerable is False else "answerable refused"
        outcome.scores[kind] = float(answer.refused)
    if citations:
        outcome.scores["citations borne out"] = sum(c.supported for c in citations) / len(citations)
        if question.has_gold:
            cited = [_grade(question, answer.passages[c.number - 1], names) > 0 for c in citations]
            outcome.scores["citation precision"] = sum(cited) / len(cited)


def _grade(question: Question, passage: Passage, names: Names) -> float:
    grade = max((question.relevant.get(name, 0.0) for name in names.get(passage.doc_id, ())), default=0.0)
    if question.relevant and not grade:
        return 0.0
    if question.quote:
        return float(_flat(question.quote) in _flat(passage.text))
    return _is_on_page(question, passage, names) if question.pages else grade


def _is_on_page(question: Question, passage: Passage, names: Names) -> float:
    is_file = bool(names.get(passage.doc_id, set()) & set(question.relevant))
    return float(is_file and passage.page in question.pages)


def _documents(question: Question, passages: Sequence[Passage], names: Names) -> tuple[list[float], list[float]]:
    """The grades of the documents in the ranking, and the grades of all relevant documents. If several documents have
    the same name, the one with the best rank counts."""
    open_grades = dict(question.relevant)
    ranked = []
    for doc_id in dict.fromkeys(passage.doc_id for passage in passages):
        relevant_names = names.get(doc_id, set()) & open_grades.keys()
        ranked.append(max((open_grades.pop(name) for name in relevant_names), default=0.0))
    # A document with several names can be found only once.
    ideal: dict[Hashable, float] = {}
    relevant = {doc_id: doc_names for doc_id, doc_names in names.items() if doc_names & question.relevant.keys()}
    for name, grade in question.relevant.items():
        doc_ids = frozenset(doc_id for doc_id, doc_names in relevant.items() if name in doc_names)
        ideal[doc_ids] = max(grade, ideal.get(doc_ids, 0.0))
    return ranked, list(ideal.values())


def _pages(passages: Sequence[Passage], grades: Sequence[float]) -> list[Hashable]:
    """A key for the page of each passage. Documents of the same name share the keys of relevant pages."""
    return [p.page if grade else (p.doc_id, p.page) for p, grade in zip(passages, grades, strict=True)]


def _distinct(keys: Sequence[Hashable], grades: Sequence[float]) -> list[float]:
    """The grade at the first place of each key."""
    firsts: dict[Hashable, float] = {}
    for key, grade in zip(keys, grades, strict=True):
        firsts.setdefault(key, grade)
    return list(firsts.values())


def _flat(text: str) -> str:
    return " ".join(text.split())
