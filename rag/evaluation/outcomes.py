"""What became of the questions of an evaluation: summed up, kept in a file, and compared with another run's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rag.errors import RagError
from rag.evaluation.metrics import percentile


@dataclass(slots=True)
class Outcome:
    """What became of one question: scores by name (0 to 1; those that don't apply are missing), milliseconds, and
    what was found, best first."""

    question_id: str
    question: str
    answerable: bool | None
    scores: dict[str, float] = field(default_factory=dict)
    milliseconds: dict[str, float] = field(default_factory=dict)
    passages: list[dict[str, Any]] = field(default_factory=list)
    answer: str = ""
    gold: str = ""  # the text of the first passage that holds what was asked for


def summary(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """The mean of each score over the questions that it applies to, and milliseconds (median and 95th percentile)."""
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
    """Raises RagError for a file that `save_outcomes` hasn't written."""
    try:
        return [Outcome(**json.loads(line)) for line in path.read_text("utf-8").split("\n") if line.strip()]
    except (OSError, ValueError, TypeError) as error:
        raise RagError(f"{path} isn't a file of evaluation details.") from error


@dataclass(frozen=True, slots=True)
class Difference:
    """One score in two runs over the questions that both have; `changed` are (question id, before, after)."""

    score: str
    before: float
    after: float
    better: int
    worse: int
    changed: list[tuple[str, float, float]]


def compare(before: Sequence[Outcome], after: Sequence[Outcome]) -> list[Difference]:
    """Each score of two runs, question by question; the questions that changed most come first."""
    second = {outcome.question_id: outcome for outcome in after}
    pairs = [(outcome, second[outcome.question_id]) for outcome in before if outcome.question_id in second]
    differences = []
    for name in dict.fromkeys(name for outcome, _ in pairs for name in outcome.scores):
        both = [
            (a.question_id, a.scores[name], b.scores[name]) for a, b in pairs if name in b.scores and name in a.scores
        ]
        if not both:
            continue
        changed = sorted((c for c in both if c[1] != c[2]), key=lambda c: -abs(c[2] - c[1]))
        differences.append(
            Difference(
                name,
                sum(c[1] for c in both) / len(both),
                sum(c[2] for c in both) / len(both),
                sum(c[2] > c[1] for c in both),
                sum(c[2] < c[1] for c in both),
                changed,
            )
        )
    return differences
