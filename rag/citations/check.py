"""What every check of a claim is given, and its verdict.

A check is a function from a comparison to a verdict. `rag.citations.entailment` has the list of all checks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rag.citations.numbers import Number
from rag.citations.passage import AnalysedPassage, Sentence


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a passage bears a claim out.

    If it does, `start` and `end` are the half-open span in the passage of the sentence that carries most of the claim.
    If it doesn't, `reason` says why in a few words, and `missing` has the claim's numbers that the passage doesn't
    state, as the claim writes them.
    """

    borne_out: bool
    reason: str = ""
    start: int = 0
    end: int = 0
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """A claim beside the adjacent sentences of a passage that hold most of it.

    `title` has the terms of the passage's file name: a claim may take names and years from there. `share` is how much
    of the claim's weight the window holds (0 to 1), `needed` how much it must hold, and `best` the window's sentence
    that holds most.
    """

    claim: str
    numbers: tuple[Number, ...]
    passage: AnalysedPassage
    title: frozenset[str]
    window: tuple[Sentence, ...]
    best: Sentence
    share: float
    needed: float


class Check(Protocol):
    """One way in which a passage may fail to bear a claim out; for every other claim it has no objection."""

    __name__: str

    def __call__(self, comparison: Comparison, /) -> Verdict: ...


NO_OBJECTION = Verdict(True)
