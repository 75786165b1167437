"""CSV and other tables in plain text → pipe tables. The dialect is told by the text."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from rag.readers.cleaning import clean
from rag.readers.decoding import decode
from rag.readers.sheet_heads import Hints
from rag.readers.sheet_rows import rows_of_texts
from rag.readers.sheet_tables import sheet_text

# The signs between cells; where two fit equally well, the first of them counts.
_DELIMITERS = "\t;,|"
# The rows and characters by which the sign is told.
_ROWS_LOOKED_AT = 50
_CHARACTERS_LOOKED_AT = 64_000
# A comma that isn't a decimal comma.
_PARTING_COMMA = re.compile(r"(?<!\d),|,(?!\d)")
# Excel's own line before the table.
_SEP_LINE = re.compile(r"\s*\"?sep=(\\t|.)\"?[ \t]*(?:\n|$)", re.IGNORECASE)


def read_csv(data: bytes) -> str:
    """A CSV or TSV file as pipe tables. Lines above a table are its title. Raises Fault if `data` isn't text."""
    text = clean(decode(data))
    delimiter = ""
    if told := _SEP_LINE.match(text):
        delimiter = told[1].replace("\\t", "\t")
        text = text[told.end() :]
    rows = csv_rows(text, delimiter or _delimiter(text))
    return sheet_text(rows_of_texts(rows), len(data), Hints(gaps_part=False))


def csv_rows(text: str, delimiter: str) -> Iterator[list[str]]:
    """The rows of a CSV text, with their cells stripped. A quote that isn't closed is a sign like any other."""
    csv.field_size_limit(2**31 - 1)
    lines: Iterable[list[str]]
    if _is_well_quoted(text, delimiter):
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    else:
        lines = (_line_cells(line, delimiter) for line in text.split("\n"))
    for row in lines:
        yield [cell.strip() for cell in row]


def _is_well_quoted(text: str, delimiter: str) -> bool:
    if '"' not in text:
        return True
    try:
        for _ in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            pass
    except csv.Error:
        return False
    return True


def _line_cells(line: str, delimiter: str) -> list[str]:
    """The cells of a line of a file with stray quotes."""
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return line.split(delimiter)


def _delimiter(text: str) -> str:
    """The sign that splits most of the first lines into the same number of cells.

    csv.Sniffer isn't used: it takes seconds for long lines, and may choose letters.
    """
    sample = text[:_CHARACTERS_LOOKED_AT]
    if len(text) > len(sample) and "\n" in sample:
        sample = sample[: sample.rindex("\n")]
    best, best_score = "", (0.0, 0)
    for delimiter in _DELIMITERS:
        if delimiter == "," and best_score[0] == 1 and not _PARTING_COMMA.search(sample):
            continue  # 1,5;2,5
        rows = (row for row in csv_rows(sample, delimiter) if any(row))
        counts = Counter(len(row) for _, row in zip(range(_ROWS_LOOKED_AT), rows, strict=False))
        cells, agreeing = max(
            ((cells, n) for cells, n in counts.items() if cells > 1), key=lambda each: each[1], default=(1, 0)
        )
        score = (agreeing / max(counts.total(), 1), cells)
        if score > best_score:
            best, best_score = delimiter, score
    return best or ","
