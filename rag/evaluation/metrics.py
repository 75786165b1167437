"""Measures of a ranking. It is given as the grades of its results in order of rank, 0 for an irrelevant result."""

from __future__ import annotations

import math
from collections.abc import Sequence


def ndcg(grades: Sequence[float], ideal: Sequence[float], k: int = 10) -> float:
    """Normalised discounted cumulative gain of the first `k` results (0 to 1), with linear gains as in trec_eval and
    BEIR (Järvelin & Kekäläinen 2002). `ideal` has the grades of all relevant results, in any order."""
    best = _dcg(sorted(ideal, reverse=True)[:k])
    return _dcg(grades[:k]) / best if best else 0.0


def recall(grades: Sequence[float], relevant: int, k: int = 10) -> float:
    """The share of the `relevant` results that are among the first `k` (0 to 1)."""
    return sum(grade > 0 for grade in grades[:k]) / relevant if relevant else 0.0


def hit(grades: Sequence[float], k: int) -> float:
    """1 if a relevant result is among the first `k`, else 0."""
    return float(any(grade > 0 for grade in grades[:k]))


def reciprocal_rank(grades: Sequence[float]) -> float:
    """One over the rank of the first relevant result; 0 if there is none."""
    return next((1 / rank for rank, grade in enumerate(grades, 1) if grade > 0), 0.0)


def percentile(values: Sequence[float], share: float) -> float:
    """The percentile of `values` for a `share` of 0 to 1, by nearest rank; 0 if there are no values."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def _dcg(grades: Sequence[float]) -> float:
    return sum(grade / math.log2(rank + 1) for rank, grade in enumerate(grades, 1))
