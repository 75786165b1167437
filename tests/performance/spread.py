"""The median and the slow end of many measured times."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """Milliseconds: the median, and the 95th percentile."""

    median: float
    p95: float


def spread(times: Sequence[float]) -> Spread:
    """The spread of at least two times in milliseconds."""
    cuts = statistics.quantiles(times, n=20, method="inclusive")
    return Spread(cuts[9], cuts[18])
