"""The types of a check: a function from a `Comparison` to a `Verdict`. `rag.citations.entailment` lists all checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rag.citations.numbers import Number
from rag.citations.passage import AnalysedPassage, Sentence


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a passage bears a claim out.

    If it does, `start` and `end` are the half-open span of the passage's sentence that holds most of the claim.
    If it doesn't, `reason` says why in a few words, and `missing` lists the numbers that the passage doesn't state, as
    the claim writes them.
    """

    borne_out: bool
    reason: str = ""
    start: int = 0
    end: int = 0
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """A claim beside its window: the adjacent sentences of the passage that hold most of the claim.

    `title` has the terms of the passage's file name and context, from which a claim may take names and years. `share`
    is the part of the claim's weight that the window holds (0 to 1), and `needed` the part that it must hold. `best` is
    the window's sentence that holds most. `context` says where the passage stands, see `rag.schema.Passage`.
    """

    claim: str
    numbers: tuple[Number, ...]
    passage: AnalysedPassage
    title: frozenset[str]
    window: tuple[Sentence, ...]
    best: Sentence
    share: float
    needed: float
    context: str = ""


class Check(Protocol):
    """Objects to a claim for one reason why a passage may not bear it out; has no objection to any other claim."""

    __name__: str

    def __call__(self, comparison: Comparison, /) -> Verdict: ...


NO_OBJECTION = Verdict(True)
