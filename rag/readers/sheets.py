"""Rows of texts → a pipe table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rag.text.blocks import table_lines


def table(rows: Iterable[Sequence[str]]) -> str:
    """A pipe table with its first row as its head."""
    return "\n".join(table_lines(rows))
