"""How many of a table's first rows are its head, told by merged cells, types, bold print, frozen panes and filters.

In doubt the first row is the head.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rag.readers.sheet_rows import COVERED, NUMBER, Row

# The most rows of a head.
MOST_HEAD_ROWS = 4
# The rows below a head that tell whether it is one: the first of them may be labels.
_ROWS_BELOW = 3


@dataclass(frozen=True, slots=True)
class Hints:
    """What a sheet tells about its heads: 0-based places of rows that end a head (the row above a frozen pane's edge,
    the head row of a filter or of a named table)."""

    last_head_rows: frozenset[int] = frozenset()
    # Whether an empty row may end a table. In a CSV file it doesn't.
    gaps_part: bool = True
    # By column, whether it is hidden: an empty column between two tables is not.
    hidden: bytes | bytearray = b""


def head_rows(rows: Sequence[Row], hints: Hints) -> int:
    """The number of head rows of a table that begins with these rows."""
    first = rows[: MOST_HEAD_ROWS + _ROWS_BELOW]
    for count, row in enumerate(first[:MOST_HEAD_ROWS], 1):
        if looks_like_data(row):
            break
        if row.place in hints.last_head_rows:
            return count
    count = _merged_head_rows(first) or _told_head_rows(first)
    if 1 <= count < MOST_HEAD_ROWS and _are_units(first[count:], first[count - 1]):
        count += 1
    if count == 1 and _is_headless(first):
        return 0
    return min(count, max(len(rows) - 1, 1))


def _is_headless(rows: Sequence[Row]) -> bool:
    """Whether the first row is like the second, with an amount in it."""
    if len(rows) < 2 or looks_like_data(rows[0]) is False or any(kind.isupper() for kind in rows[0].kinds):
        return False
    return rows[0].columns == rows[1].columns and rows[0].kinds == rows[1].kinds


def _merged_head_rows(rows: Sequence[Row]) -> int:
    """The head rows that merged cells tell: a row with cells merged over columns stands over another head row. 0 if
    none tell it."""
    count = 0
    for index, row in enumerate(rows[: MOST_HEAD_ROWS - 1]):
        if index + 1 >= len(rows) or looks_like_data(row) or not _is_merged_across(row):
            break
        count = index + 2
    if count and looks_like_data(rows[count - 1]):
        count -= 1
    if count < 2:
        return 0
    first, last, below = rows[0], rows[count - 1], rows[count : count + _ROWS_BELOW]
    covered_from_above = last.kinds[0] == COVERED or any(
        kind == COVERED and column in first.own_columns for column, kind in zip(last.columns, last.kinds, strict=True)
    )
    told = (
        any(map(looks_like_data, below))
        or covered_from_above
        or min(first.columns) != min(last.columns)
        or min(row.columns[0] for row in rows) < min(first.columns[0], last.columns[0])
        or (last.kinds.isupper() and not any(row.kinds.isupper() for row in below))
    )
    return count if told else 0


def _is_merged_across(row: Row) -> bool:
    """Whether a cell of the row covers cells at its right, but not the whole row."""
    texts, kinds = row.texts, row.kinds
    across = any(kinds[i] == COVERED and texts[i] == texts[i - 1] for i in range(1, len(kinds)))
    return across and (len(row.filled) > 1 or is_group(row))


def _told_head_rows(rows: Sequence[Row]) -> int:
    """The head rows that types and bold print tell. Two, if a second row of labels stands over amounts."""
    if any(map(looks_like_data, rows[:2])) or not _stands_over_amounts(rows[1:]):
        return 1
    first, second, third = rows[:3]
    bold = first.kinds.isupper() and second.kinds.isupper() and not third.kinds.isupper()
    # The first row has groups with gaps between them.
    has_groups = first.columns[0] > third.columns[0] or len(first.columns) <= first.columns[-1] - first.columns[0]
    return 2 if bold or has_groups else 1


def _are_units(rows: Sequence[Row], above: Row) -> bool:
    """Whether the first of the rows has units or other labels that leave the first column to the row above."""
    if not rows or looks_like_data(rows[0]) or not _stands_over_amounts(rows):
        return False
    own = rows[0].own_columns
    return own[0] > rows[1].columns[0] and len(own) > 1 and set(own) <= set(above.columns)


def _stands_over_amounts(rows: Sequence[Row]) -> bool:
    """Whether the first of the rows has a label for at least half of the amounts in the rows below it."""
    below = next((row for row in rows[1 : 1 + _ROWS_BELOW] if looks_like_data(row)), None)
    if below is None:
        return False
    amounts = [c for c, kind in zip(below.columns, below.kinds, strict=True) if kind.lower() == NUMBER]
    return sum(column in rows[0].own_columns for column in amounts) >= max(len(amounts) / 2, 1)


def filled_right(head: list[list[str]]) -> list[list[str]]:
    """The head with groups filled over the columns at their right, where the row below repeats its labels: "2023" over
    Q1 and Q2, "2024" over Q1 and Q2."""
    width = max(map(len, head), default=0)
    for row in head:
        row.extend([""] * (width - len(row)))
    for upper, lower in itertools.pairwise(head):
        counts = Counter(filter(None, lower[1:]))
        for index in range(2, width):
            if not upper[index] and counts[lower[index]] > 1:
                upper[index] = upper[index - 1]
    return head


def is_group(row: Row) -> bool:
    """Whether a row with a single cell is a part of a head: merged over several columns, but not the first one."""
    return row.columns[0] > 0 and COVERED in row.kinds


def looks_like_data(row: Row) -> bool:
    """Whether a row has an amount in it."""
    return NUMBER in row.kinds.lower()
