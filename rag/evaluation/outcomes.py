"""The outcomes of an evaluation: sums them up, saves them in a file, and compares two runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from rag.errors import RagError
from rag.evaluation.metrics import percentile


@dataclass(slots=True)
class Outcome:
    """The outcome of one question: scores (0 to 1) and milliseconds by name, and the passages, best first.

    A score that doesn't apply is left out. `gold` is the text of the first passage that holds the answer.
    """

    question_id: str
    question: str
    answerable: bool | None
    scores: dict[str, float] = field(default_factory=dict)
    milliseconds: dict[str, float] = field(default_factory=dict)
    passages: list[dict[str, Any]] = field(default_factory=list)
    answer: str = ""
    gold: str = ""


def summary(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """The mean of each score over the questions that have it, and the median and 95th percentile of milliseconds."""
    names = dict.fromkeys(name for outcome in outcomes for name in outcome.scores)
    means: dict[str, float] = {"questions": len(outcomes)}
    for name in names:
        values = [outcome.scores[name] for outcome in outcomes if name in outcome.scores]
        means[name] = sum(values) / len(values)
    for name in dict.fromkeys(name for outcome in outcomes for name in outcome.milliseconds):
        values = [outcome.milliseconds[name] for outcome in outcomes if name in outcome.milliseconds]
        means[f"{name} ms (median)"] = percentile(values, 0.5)
        means[f"{name} ms (p95)"] = percentile(values, 0.95)
    return means


def save_outcomes(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write one JSON line for each question. Raises RagError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps(asdict(outcome), ensure_ascii=False) for outcome in outcomes]
        path.write_text("\n".join(lines) + "\n", "utf-8")
    except OSError as error:
        raise RagError(f"{path} can't be written ({error.strerror}).") from error


def load_outcomes(path: Path) -> list[Outcome]:
    """Read a file that `save_outcomes` has written. Raises RagError for any other file."""
    try:
        return [Outcome(**json.loads(line)) for line in path.read_text("utf-8").split("\n") if line.strip()]
    except (OSError, ValueError, TypeError) as error:
        raise RagError(f"{path} isn't a file of evaluation details.") from error


class Change(NamedTuple):
    """One question's score in two runs; a list of three in JSON."""

    question_id: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Difference:
    """The means of one score in two runs, over the questions of both. `better` and `worse` count questions."""

    score: str
    before: float
    after: float
    better: int
    worse: int
    changed: list[Change]


def compare(before: Sequence[Outcome], after: Sequence[Outcome]) -> list[Difference]:
    """Compare each score of two runs, question by question. `changed` begins with the largest change."""
    after_by_id = {outcome.question_id: outcome for outcome in after}
    pairs = [(outcome, after_by_id[outcome.question_id]) for outcome in before if outcome.question_id in after_by_id]
    differences = []
    for name in dict.fromkeys(name for outcome, _ in pairs for name in outcome.scores):
        scores = [
            Change(old.question_id, old.scores[name], new.scores[name])
            for old, new in pairs
            if name in old.scores and name in new.scores
        ]
        if not scores:
            continue
        changed = sorted((c for c in scores if c.before != c.after), key=lambda c: -abs(c.after - c.before))
        differences.append(
            Difference(
                name,
                sum(c.before for c in scores) / len(scores),
                sum(c.after for c in scores) / len(scores),
                sum(c.after > c.before for c in scores),
                sum(c.after < c.before for c in scores),
                changed,
            )
        )
    return differences
