"""Checks that a passage says it in the place that the claim names: the row and the column of a table, or the section.

"280" is in the row of Elsing, but under "Target Q1", where the claim speaks of the actual Q2. "6.5 bar" stands in the
section "Plant Aurora", where the claim speaks of plant Borealis. Both are in the passage, and neither bears the claim
out. Where row, column or section can't be told, there is no objection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag.citations.check import NO_OBJECTION, Comparison, Verdict
from rag.citations.numbers import Number, numbers_of_passage
from rag.citations.passage import WORD
from rag.citations.stated_numbers import is_stated
from rag.text.stop_words import STOP_STEMS
from rag.text.terms import terms
from rag.text.written import cells_of, is_rule


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a table: its cells, their numbers, and the terms of each column's head."""

    cells: tuple[str, ...]
    numbers: tuple[tuple[Number, ...], ...]
    heads: tuple[frozenset[str], ...]

    @property
    def label(self) -> frozenset[str]:
        return frozenset(terms(self.cells[0]))


def stands_in_its_place(comparison: Comparison) -> Verdict:
    """Objects if the passage has a number of the claim in another row or column than the claim names, or if it stands
    in the section of somebody else."""
    rows = list(_rows(comparison.passage.text, comparison.context))
    claimed = frozenset(terms(comparison.claim))
    for number in comparison.numbers if rows else ():
        is_date = number.is_year or number.kind == "month"
        if not is_date and not _is_in_place(number, rows, claimed, comparison):
            return Verdict(False, f"{number.text} stands in another row or column")
    if name := _other_section(comparison):
        return Verdict(False, f"it stands in the section of {name}")
    return NO_OBJECTION


def _is_in_place(number: Number, rows: Sequence[_Row], claimed: frozenset[str], comparison: Comparison) -> bool:
    """Whether a number stands in running text, or in a cell against which row and column don't speak."""
    scales = comparison.passage.scales
    stating = [
        (row, [column for column, numbers in enumerate(row.numbers) if is_stated(number, numbers, scales)])
        for row in rows
    ]
    stating = [(row, columns) for row, columns in stating if columns]
    in_rows = sum(is_stated(number, [stated], scales) for row in rows for numbers in row.numbers for stated in numbers)
    everywhere = sum(is_stated(number, [stated], scales) for stated in comparison.passage.numbers)
    if not stating or everywhere > in_rows:
        return True
    named = [row for row in rows if row.label and row.label <= claimed]
    longest = max((len(row.label) for row in named), default=0)
    right = [row for row in named if len(row.label) == longest]
    return any((not right or row in right) and _fits(row, columns, claimed) for row, columns in stating)


def _fits(row: _Row, columns: Sequence[int], claimed: frozenset[str]) -> bool:
    """Whether no other filled column of the row has a head that says more of the claim than those of `columns`."""
    if 0 in columns:
        return True
    common = frozenset.intersection(*row.heads[1:]) if len(row.heads) > 1 else frozenset()
    shares = [len((head - common - row.label) & claimed) for head in row.heads]
    others = [
        shares[column]
        for column in range(1, min(len(row.heads), len(row.cells)))
        if column not in columns and row.cells[column]
    ]
    mine = [shares[column] for column in columns if column < len(shares)]
    return not mine or max(mine) >= max(others, default=0)


def _rows(passage: str, context: str) -> Iterator[_Row]:
    """The rows of the passage's tables. A table that begins before the passage has its head in the context."""
    head: list[str] | None = None
    for line in context.split("\n"):
        if line.startswith("|"):
            head = cells_of(line)
    before: list[str] | None = None  # the line before, which is a head if a rule follows
    in_table = head is not None
    for line in passage.split("\n"):
        if not line.lstrip().startswith("|"):
            in_table = in_table and not line.strip() and before is None
            head, before = (head, before) if in_table else (None, None)
            continue
        if is_rule(line):
            # A passage may begin at the rule: its head is then the context's.
            head = before or head
            continue
        cells = cells_of(line)
        before = cells
        if head:
            yield _Row(
                tuple(cells),
                tuple(tuple(numbers_of_passage(f"| {cell} |")) for cell in cells),
                tuple(frozenset(terms(text)) for text in head),
            )


def _other_section(comparison: Comparison) -> str:
    """The name in a heading that stands beside the same word as another name of the claim does; else empty.

    Headings are taken from the context's first line and from the passage before the window.
    """
    passage = comparison.passage.text
    begin = comparison.window[0].start if comparison.window else 0
    headings = [line for line in passage[:begin].split("\n") if re.match(r"#{1,6} ", line)]
    heading = headings[-1] if headings else comparison.context.split("\n")[0].rpartition(" > ")[2]
    claimed = _pairs(comparison.claim)
    claim_terms = frozenset(terms(comparison.claim))
    window = " ".join(sentence.text for sentence in comparison.window)
    seen = frozenset(terms(f"{window} {heading}"))
    for pair in _pairs(heading):
        for other in claimed:
            name = pair.name_beside(other, claim_terms, seen)
            if name:
                return name
    return ""


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two adjacent words, as they are written and as terms."""

    words: tuple[str, str]
    stems: tuple[str, str]

    def name_beside(self, other: _Pair, claim_terms: frozenset[str], seen: frozenset[str]) -> str:
        """The name of this pair if both pairs have the same word at the same place beside different names."""
        for same, differs in ((0, 1), (1, 0)):
            if self.stems[same] != other.stems[same] or self.stems[same] in STOP_STEMS:
                continue
            name, claimed = self.words[differs], other.words[differs]
            are_names = name[0].isupper() and claimed[0].isupper()
            if are_names and self.stems[differs] not in claim_terms and other.stems[differs] not in seen:
                return name
        return ""


def _pairs(text: str) -> list[_Pair]:
    words = [(match[0], stems[0]) for match in WORD.finditer(text) if (stems := terms(match[0]))]
    return [_Pair((first[0], second[0]), (first[1], second[1])) for first, second in pairwise(words)]
