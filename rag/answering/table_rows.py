"""Rows of tables as answers: which row is meant, which of its columns, and how they are said.

A table's lines have the form that `rag.text.blocks` writes. Rows within a table may be heads, too: of groups, and of
further columns.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rag.answering.asking import Asked, digits
from rag.text.terms import content_terms, terms
from rag.text.written import cells_of, is_rule, without_notes

_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_DIGIT = re.compile(r"\d")
_UNIT = re.compile(r"\(?([^()]*\b(?:in|thousands?|millions?|billions?|단위)\b[^()]*)\)?", re.IGNORECASE)
_UNIT_IN_TITLE = re.compile(r"\(([^()]*\b(?:in|thousands?|millions?|billions?|단위)\b[^()]*)\)", re.IGNORECASE)
_DATE = re.compile(r"(?:19|20)\d\d|\d{1,2}[.:/]\d{1,2}|\d{4}-\d\d|\d\s*[년월일年月日時시]|^\d{1,2} \w{3,} ")
_LETTERS = re.compile(r"[^\W\d_]{2,}")
# A line of a table that is written without bars: a label and its values; the values; the years or dates of its head.
_PLAIN_VALUE = re.compile(r"[$€£¥]? ?(?:\(?[-−]?\d[\d.,]*\)?|[—–-])(?: ?%)?")
_PLAIN_WORD = re.compile(r"[$€£¥]|%|[$€£¥]?(?:\(?[-−]?\d[\d.,]*\)?|[—–-])%?")
_PLAIN_HEAD = re.compile(r"(?:[A-Z][a-z]{2,8}\.? \d{1,2}, )?(?:19|20)\d\d(?!\d)")
# A longer text of a cell is a paragraph, not a value.
_LONGEST_LABEL = 200


@dataclass(slots=True)
class Row:
    """A row of a table with the heads of its columns. `group` is the row above that heads it, or empty; `title` has the
    table's title and unit. `label` is the column that names the rows."""

    cells: list[str]
    heads: list[str]
    group: str
    title: str
    label: int = 0

    def values(self) -> list[int]:
        """The columns of its values: all that aren't empty, beside the label."""
        return [index for index, cell in enumerate(self.cells) if cell and index != self.label]

    @property
    def name(self) -> str:
        """The text of its label, or its group's if it has none."""
        return self.cells[self.label] or self.group.rstrip(": ")


class RowReader:
    """Takes the lines of a table, one after the other, and gives its rows."""

    def __init__(self, context: str, title: str) -> None:
        lines = [line for line in context.split("\n")[1:] if line.strip()]
        heads = [line for line in lines if line.startswith("|")]
        self._heads = _clean(cells_of(heads[-1])) if heads else []
        self._title = title or " ".join(line for line in lines if not line.startswith("|"))
        self._group = ""
        self._after_head = False
        self.rows: list[Row] = []

    def read(self, line: str, following: str) -> None:
        """Read a line; `following` is the line after it."""
        if is_rule(line):
            return
        cells = _clean(cells_of(line))
        if is_rule(following):
            self._heads, self._group, self._after_head = cells, "", True
            return
        filled = [index for index, cell in enumerate(cells) if cell]
        if not self.rows and not any(self._heads) and len(filled) > 1 and not any(map(_DIGIT.search, cells)):
            self._heads, self._after_head = cells, True  # the first row of a table without a head reads like one
            return
        if _is_inner_head(cells, filled):
            head = _spread(cells[1:])
            before = self._heads[1:] if self._after_head else []
            self._heads = [cells[0], *(_joined(a, b) for a, b in _zipped(before, head))]
            if cells[0] and not _UNIT.fullmatch(cells[0]):
                self._title, self._group = cells[0], ""
            self._after_head = True
            return
        if filled == [0] and len(cells) > 1:
            self._group = cells[0]
            return
        self._after_head = False
        if filled:
            heads = [*self._heads, *[""] * len(cells)][: len(cells)]
            self.rows.append(Row(cells, heads, self._group, self._title))

    def finished(self) -> list[Row]:
        """The rows, with the column that names them chosen."""
        if self.rows:
            label = _label_column(self.rows)
            for row in self.rows:
                row.label = label if label < len(row.cells) else 0
        return self.rows


def plain_rows(text: str, title: str) -> list[Row]:
    """The rows of a table that is written as lines, "Revenue $ 693 $ 760", below a line with as many years or dates; or
    nothing if a text is no such table."""
    lines = [" ".join(line.split()) for line in text.split("\n") if line.strip()]
    rows, heads = [], [""]
    for line in lines:
        label, values = _plain_row(line)
        columns = _PLAIN_HEAD.findall(line)
        if len(columns) > 1 and (not values or all(map(_YEAR.fullmatch, values))):
            rest = line[line.rfind(columns[-1]) + len(columns[-1]) :].strip()
            heads = ["", *columns, *([rest] if rest else [])]
        elif len(values) > 1:
            cells = [label.strip(" .:"), *values]
            rows.append(Row(cells, [*heads, *[""] * len(cells)][: len(cells)], "", title))
    return rows if len(rows) > 1 or (rows and len(heads) > 1) else []


def _plain_row(line: str) -> tuple[str, list[str]]:
    """The label of a line and the values at its end, two at least; no values if the line is no such row.

    The words are looked at one by one: a pattern for all of them takes exponential time.
    """
    words = line.split(" ")
    first = len(words)
    while first and _PLAIN_WORD.fullmatch(words[first - 1]):
        first -= 1
    label = " ".join(words[:first])
    values = [" ".join(value.split()) for value in _PLAIN_VALUE.findall(" ".join(words[first:]))]
    is_row = len(values) > 1 and _LETTERS.search(label) and not re.search("[$€£¥]", label)
    return (label, values) if is_row else (label, [])


def _clean(cells: Sequence[str]) -> list[str]:
    return [" ".join(without_notes(cell).split()) for cell in cells]


def _is_inner_head(cells: Sequence[str], filled: Sequence[int]) -> bool:
    """Whether a row within a table heads the rows below it: it has no values but years or words, and no label but a
    unit or a title."""
    others = [cells[index] for index in filled if index]
    if not others or not (not cells[0] or _UNIT.fullmatch(cells[0]) or cells[0].endswith(":")):
        return False
    years = [bool(_YEAR.search(cell)) for cell in others]
    words = [not _DIGIT.search(cell) and bool(_LETTERS.search(cell)) for cell in others]
    return all(year or word for year, word in zip(years, words, strict=True)) and (
        any(years) or bool(cells[0]) or any("," in cell or "ended" in cell.casefold() for cell in others)
    )


def _spread(cells: Sequence[str]) -> list[str]:
    """The cells of a head, each text also over the empty cells beside it."""
    texts = [cell for cell in cells if cell]
    if len(texts) == 1:
        return [texts[0]] * len(cells)
    spread, last = [], ""
    for cell in cells:
        last = cell or last
        spread.append(last)
    return spread


def _zipped(before: Sequence[str], head: Sequence[str]) -> list[tuple[str, str]]:
    width = max(len(before), len(head))
    return list(zip([*before, *[""] * width][:width], [*head, *[""] * width][:width], strict=True))


def _joined(above: str, below: str) -> str:
    return " ".join(dict.fromkeys(filter(None, [above, below])))


def _label_column(rows: Sequence[Row]) -> int:
    """The column that names the rows: the first whose cells mostly are words, and mostly differ; else the first."""
    width = max(len(row.cells) for row in rows)
    for index in range(width):
        cells = [row.cells[index] for row in rows if index < len(row.cells)]
        texts = [cell for cell in cells if _LETTERS.search(cell) and len(cell) <= _LONGEST_LABEL]
        if len(texts) >= 0.6 * len(rows) and len(set(texts)) >= 0.7 * len(texts):
            return index
    return 0


@dataclass(frozen=True)
class Reading:
    """A row as an answer to a question: the columns that are said. `named` says that the question names them; `given`
    are the columns whose values the question gives."""

    row: Row
    columns: tuple[int, ...]
    named: bool
    given: tuple[int, ...]

    @cached_property
    def value(self) -> str:
        return " · ".join(self.row.cells[index] for index in self.columns)

    @cached_property
    def label_terms(self) -> frozenset[str]:
        return frozenset(content_terms(self.row.name) or terms(self.row.name))

    @cached_property
    def given_values(self) -> str:
        return " · ".join(self.row.cells[index] for index in self.given)

    def text(self) -> str:
        """The row in words: "label — column: value", with the table's unit."""
        row, columns = self.row, [*self.given, *self.columns]
        said = " · ".join(
            f"{row.heads[index]}: {row.cells[index]}" if row.heads[index] else row.cells[index] for index in columns
        )
        name = row.name
        if row.group and name != row.group.rstrip(": "):
            name = f"{row.group.rstrip(': ')}: {name}"
        has_heads = any(row.heads)
        text = (
            (f"{name} — {said}" if has_heads else f"{name}, {said}".replace(" · ", ", "))
            if name and said
            else said or name
        )
        unit = _UNIT_IN_TITLE.search(row.title) or _UNIT_IN_TITLE.search(row.heads[0] if row.heads else "")
        with_unit = unit and any(
            _DIGIT.search(row.cells[index]) and "%" not in row.cells[index] for index in self.columns
        )
        return f"{text} ({unit[1]})" if unit and with_unit else text


def read_row(asked: Asked, row: Row) -> Reading:
    """Choose the columns of a row that answer a question: those that it names, or else all."""
    values = row.values()
    wanted = asked.terms | asked.topic
    given = tuple(index for index in values if _is_given(asked, row.cells[index], row.heads[index]))
    open_values = [index for index in values if index not in given] or values
    if not open_values:
        return Reading(row, (), False, given)
    heads = {index: frozenset(terms(row.heads[index])) for index in open_values}
    common = frozenset.intersection(*heads.values()) if len(heads) > 1 else frozenset()
    label = frozenset(content_terms(row.name))
    scores = {
        index: _column_score(asked, wanted, heads[index] - common, label, row.cells[index]) for index in open_values
    }
    if several := _of_years(asked, row, open_values):
        return Reading(row, several, True, ())
    best = max(scores.values())
    chosen = tuple(index for index in open_values if scores[index] >= best - 0.01)
    named = best >= 0.4 and bool(any(heads[index] & (wanted | asked.implied) for index in chosen))
    if best < 0.2:
        chosen = tuple(open_values)
    fits = tuple(index for index in chosen if scores[index] > -0.2) or chosen
    return Reading(row, fits, named, given if not named else ())


def _of_years(asked: Asked, row: Row, columns: Sequence[int]) -> tuple[int, ...]:
    """The columns of the years of a question that names several, if each of them has a column of its own; with the
    change between them if the question asks for it."""
    years = {number for number in asked.numbers if _YEAR.fullmatch(number)}
    found = {index: set(_YEAR.findall(row.heads[index])) for index in columns}
    single = [index for index in columns if len(found[index]) == 1 and found[index] <= years]
    if len(years) < 2 or len(single) != len(years) or {year for index in single for year in found[index]} != years:
        return ()
    changes = [index for index in columns if len(found[index]) > 1 and asked.terms & _words(row.heads[index])]
    return () if "percent" in asked.kinds else (*single, *changes)


def _words(head: str) -> frozenset[str]:
    return frozenset(term for term in terms(head) if not term.isdigit())


def _is_given(asked: Asked, cell: str, head: str) -> bool:
    """Whether a cell's value stands in the question, so that another cell of its row is asked for."""
    if not cell or asked.kinds & {"list"}:
        return False
    held = frozenset(content_terms(cell))
    if _DIGIT.search(cell):
        return (len(digits(cell)) > 1 and digits(cell) in asked.numbers) or (
            bool(held) and held <= asked.terms and bool(_LETTERS.search(cell))
        )
    return bool(held) and held <= asked.terms and not held <= frozenset(content_terms(head))


def _column_score(
    asked: Asked, wanted: frozenset[str], head: frozenset[str], label: frozenset[str], cell: str
) -> float:
    """How well a column fits a question, by its head and by the kind of its value."""
    score = 0.0
    for term in head:
        weight = 1.0 if term.isdigit() else 0.7
        if term in asked.terms:
            score += weight * (0.5 if term in label else 1.0)
        elif term in asked.topic:
            score += 0.6 * weight
        elif term in asked.implied:
            score += 0.45
        elif term.isdigit() and len(term) == 4:
            score -= 0.3 if any(len(number) == 4 for number in asked.numbers) else 0.0
        else:
            score -= 0.04
    percent = "%" in cell or "%" in head or "percent" in head or "change" in head
    if "percent" in asked.kinds:
        score += 0.5 if percent else 0.0
    elif percent:
        score -= 0.5
    if "amount" in asked.kinds and not _DIGIT.search(cell):
        score -= 0.5
    if "time" in asked.kinds:
        score += 0.5 if _DATE.search(cell) else -1.0
    if "person" in asked.kinds or "place" in asked.kinds:
        score += 0.2 if _LETTERS.search(cell) and not _DATE.search(cell) else -0.2
    return score
