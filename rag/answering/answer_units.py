"""The parts of passages that may answer a question: sentences, items of lists, fields, and rows of tables.

Headings, rules and heads of tables answer nothing. A row is said with the heads of its columns, "Kettle — Price: 49":
of the columns that the question names, or of all if it names none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.answering.prompts import estimate_tokens
from rag.citations.markers import without_markers
from rag.schema import Passage
from rag.text.sentences import sentence_spans
from rag.text.terms import content_terms
from rag.text.written import cells_of, is_rule, without_notes

# A longer "sentence", in characters, is a table without full stops.
LONGEST = 600
# A shorter line is a fragment, unless it ends as a sentence does, or is an item of a list or a field. In estimated
# tokens: 9 are 25 Latin letters, or 9 Korean ones.
SHORTEST_TOKENS = 9

_HEADING = re.compile(r"#{1,6}[ \t]+[^\n]*(?:\n|$)")
_FENCE = re.compile(r"`{3,}[^\n]*")
_WHOLE = re.compile(
    r".*\w.*[.!。！]['\"”’)\]]*$|(?:[-*+•]|\d{1,3}[.)]|\([^\W_]{1,4}\))[ \t]+\S.*|[^:]{1,80}: \S.*", re.DOTALL
)
_UNIT = re.compile(r"\(([^()]*\b(?:in|thousands?|millions?|billions?|단위)\b[^()]*)\)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AnswerUnit:
    """A part of passage `number`, counted from 1. `text` is shown, and compared by meaning; `terms` are the terms that
    the part holds, with those of a table's heads."""

    number: int
    text: str
    terms: frozenset[str]


def answer_units(question: str, passages: Sequence[Passage]) -> list[AnswerUnit]:
    """The parts of the passages that may be shown for a question, in order, each once."""
    asked = frozenset(content_terms(question))
    units = [unit for number, passage in enumerate(passages, 1) for unit in _units(number, passage, asked)]
    # Overlapping passages share sentences; the first passage keeps them.
    return list({unit.text: unit for unit in reversed(units)}.values())[::-1]


def _units(number: int, passage: Passage, asked: frozenset[str]) -> Iterator[AnswerUnit]:
    head = next((cells_of(line) for line in reversed(passage.context.split("\n")) if line.startswith("|")), None)
    title = passage.context.partition("\n")[2]
    spans = sentence_spans(passage.text)
    for index, (start, end) in enumerate(spans):
        text = passage.text[start:end]
        if is_rule(text) or _FENCE.fullmatch(text):
            continue
        if text.startswith("|") and "\n" not in text:
            following = passage.text[slice(*spans[index + 1])] if index + 1 < len(spans) else ""
            if is_rule(following):
                head = cells_of(text)
            else:
                yield _row(number, cells_of(text), head or [], title, asked)
            continue
        head, title = None, text
        while heading := _HEADING.match(text):
            text = text[heading.end() :]
        flat = " ".join(without_notes(text).split())
        short = estimate_tokens(flat) < SHORTEST_TOKENS and not _WHOLE.fullmatch(flat)
        if len(flat) <= LONGEST and not short and re.search(r"\w", flat):
            yield AnswerUnit(number, without_markers(flat), frozenset(content_terms(flat)))


def _row(number: int, cells: Sequence[str], head: Sequence[str], title: str, asked: frozenset[str]) -> AnswerUnit:
    cells = [" ".join(without_notes(cell).split()) for cell in cells]
    heads = [" ".join(without_notes(cell).split()) for cell in [*head, *[""] * len(cells)][: len(cells)]]
    terms = frozenset(content_terms(" ".join([*cells, *heads])))
    values = [index for index in range(1, len(cells)) if cells[index]]
    if not any(heads) or not values:
        return AnswerUnit(number, without_markers(", ".join(filter(None, cells))), terms)
    named = [frozenset(content_terms(heads[index])) for index in range(len(cells))]
    common = frozenset.intersection(*(named[index] for index in values))
    shares = {index: len((named[index] - common) & asked) for index in values}
    best = max(shares.values())
    if best:
        values = [index for index in values if shares[index] == best]
    said = " · ".join(f"{heads[index]}: {cells[index]}" if heads[index] else cells[index] for index in values)
    unit = _UNIT.search(f"{title}\n{heads[0]}")
    label = cells[0] or heads[0]
    text = f"{label} — {said}" if label else said
    return AnswerUnit(number, without_markers(f"{text} ({unit[1]})" if unit else text), terms)
