"""The contents of a trace: how long each stage took, and which of the first candidates became passages."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from rag.retrieval.fusion import Ranked
from rag.schema import Candidate

# A trace holds this many candidates, and this many characters of each.
TRACED = 30
TRACED_CHARACTERS = 120


class Stopwatch:
    """Times the stages of a question. `laps` has the name and the milliseconds of each, in the order of their ends."""

    def __init__(self, laps: list[tuple[str, float]] | None = None) -> None:
        """If a list is given as `laps`, new laps are appended to it."""
        self.laps = [] if laps is None else laps
        self._began = self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """End a stage. It began at the end of the stage before it, or at the start."""
        now = time.perf_counter()
        self.laps.append((stage, _milliseconds(now - self._last)))
        self._last = now

    @property
    def total(self) -> float:
        """Milliseconds since the start."""
        return _milliseconds(time.perf_counter() - self._began)


def traced_candidates(ranked: Sequence[Ranked], names: Mapping[str, str]) -> tuple[Candidate, ...]:
    """The first TRACED rows of a ranking. `names` has the file name of each row's document."""
    return tuple(_candidate(row, names[row.hit.doc_id]) for row in ranked[:TRACED])


def _candidate(row: Ranked, file_name: str) -> Candidate:
    return Candidate(
        file_name=file_name,
        doc_id=row.hit.doc_id,
        page=row.hit.page,
        beginning=" ".join(row.hit.text[: 2 * TRACED_CHARACTERS].split())[:TRACED_CHARACTERS],
        dense_rank=row.dense_rank,
        dense_score=row.dense_score,
        lexical_rank=row.lexical_rank,
        lexical_score=row.lexical_score,
        fused_score=row.score,
        rerank_score=row.rerank_score,
        left_out=row.left_out,
    )


def _milliseconds(seconds: float) -> float:
    return round(1000 * seconds, 1)
