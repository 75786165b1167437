"""The tutorial's tables as data, and as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Operation = Literal["add", "search"]
Way = Literal["synchronous", "asynchronous", "docent", "one_request"]

# In the order in which they are shown.
WAYS: dict[Way, str] = {
    "synchronous": "Tutorial, synchronous",
    "asynchronous": "Tutorial, asynchronous",
    "docent": "Docent",
    "one_request": "One request (the limit)",
}
OPERATIONS: dict[Operation, str] = {"add": "Adds", "search": "Searches"}


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds that all operations of a row took, over the rounds."""

    median: float
    min: float
    max: float


@dataclass(frozen=True, slots=True)
class Row:
    """`count` adds or searches in each way.

    `times_asynchronous` is Docent's speed as a multiple of the tutorial's asynchronous way. `times_one_request` is
    Docent's time as a multiple of the time of a single request for everything. Both are ratios of medians.
    """

    operation: Operation
    count: int
    synchronous: Timing
    asynchronous: Timing
    docent: Timing
    one_request: Timing
    times_asynchronous: float
    times_one_request: float

    def timings(self) -> Iterator[tuple[str, Timing]]:
        """The label and timing of each way."""
        for way, label in WAYS.items():
            yield label, getattr(self, way)


@dataclass(frozen=True, slots=True)
class Tables:
    """Both tables of one run. `lost` counts acknowledged rows that are missing, by way of adding.

    `milvus` is the address without a password, or "Milvus Lite". Searches ran over `searched_rows` rows.
    """

    milvus: str
    version: str
    dimension: int
    top_k: int
    searched_rows: int
    rounds: int
    rows: tuple[Row, ...]
    lost: dict[Way, int]

    def title(self) -> str:
        """The Milvus, its version, and the size of the vectors and the searched collection."""
        version = self.version.removeprefix("milvus_lite-")
        return f"{self.milvus} {version}, {self.dimension} dimensions, top {self.top_k} of {self.searched_rows:,} rows"

    def of(self, operation: Operation) -> list[Row]:
        """The rows of one table, by count."""
        return sorted((row for row in self.rows if row.operation == operation), key=lambda row: row.count)


def make_row(operation: Operation, count: int, timings: dict[Way, Timing]) -> Row:
    """A row with its ratios."""
    docent = timings["docent"].median
    return Row(
        operation,
        count,
        **timings,
        times_asynchronous=timings["asynchronous"].median / docent,
        times_one_request=docent / timings["one_request"].median,
    )


def sentence(row: Row) -> str:
    """A row of a table as a sentence about Docent."""
    plural, items = {"add": ("adds", "rows"), "search": ("searches", "vectors")}[row.operation]
    operations = row.operation if row.count == 1 else plural
    return (
        f"{row.count:,} {operations} took Docent {seconds(row.docent.median)}: {row.times_asynchronous:.1f} times as "
        f"fast as the tutorial's asynchronous way, and {row.times_one_request:.1f} times as long as one request with "
        f"all {items}."
    )


def warnings(tables: Tables) -> list[str]:
    """A sentence for each way that lost rows."""
    return [
        f"{WAYS[way]}: {lost:,} of the rows that Milvus acknowledged are not there."
        for way, lost in tables.lost.items()
        if lost
    ]


def seconds(value: float) -> str:
    """Seconds as text with three significant digits and a unit."""
    number, unit = (value, "s") if value >= 0.9995 else (1000 * value, "ms")
    digits = 0 if number >= 99.95 else 1 if number >= 9.995 else 2
    return f"{number:,.{digits}f} {unit}"
