"""Writes the tables of docs/speed.md from the figures of the benchmarks: `python -m tests.performance.figures`.

docs/figures/ has the JSON of one run of each benchmark (`--json`). A line `<!-- NAME.json -->` in docs/speed.md names
the file of a table. The table stands between this line and the next empty line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "speed.md"
FIGURES = REPOSITORY / "docs" / "figures"
WAYS = {
    "synchronous": "tutorial, sync",
    "asynchronous": "tutorial, async",
    "docent": "Docent",
    "one_request": "one request",
}
PLACE = re.compile(r"<!-- (\w[\w-]*\.json) -->\n(.*?)(?=\n\n|\Z)", re.DOTALL)


def written(page: str) -> str:
    """`page`, the text of docs/speed.md, with its tables made anew from docs/figures/."""
    return PLACE.sub(lambda place: f"<!-- {place[1]} -->\n{table(json.loads((FIGURES / place[1]).read_text()))}", page)


def table(figures: Any) -> str:
    """A Markdown table of one benchmark's JSON. Raises ValueError if no benchmark prints such JSON."""
    for key, make in MAKERS.items():
        if key in (figures[0] if isinstance(figures, list) else figures):
            return make(figures)
    raise ValueError("JSON of no benchmark")


def _tables(figures: Any) -> str:
    heads = ["", *WAYS.values(), "times as fast as async", "times one request"]
    rows = [
        [
            f"{row['operation']} {row['count']:,}",
            *(_seconds(row[way]["median"]) for way in WAYS),
            f"**{row['times_asynchronous']:.1f}**",
            f"{row['times_one_request']:.2f}",
        ]
        for row in figures["rows"]
    ]
    return _markdown(heads, rows)


def _ingest(figures: Any) -> str:
    names = {
        "tutorial": "tutorial, its defaults: 1,024-token chunks, of which the model sees 256",
        "tutorial_whole_text": "tutorial, 256-token chunks: all the text",
        "docent": "**Docent: all the text**",
        "limit": "limit: embedding alone",
    }
    docent = figures["docent"]
    rows = [[label, f"{figures[name]:.1f}", f"{figures[name] / docent:.2f}"] for name, label in names.items()]
    return _markdown(["", "seconds", "times Docent's"], rows)


def _latency(figures: Any) -> str:
    rows = []
    for people, ratio in figures["ratios"].items():
        spreads = (figures["idle"][people], figures["ingesting"][people])
        rows.append([people, *map(_spread, spreads), f"**{ratio:.1f}**"])
    rows.append(["an answer's first word, after the LLM's", _spread(figures["first_word"]), "", ""])
    return _markdown(["", "idle, ms (95th)", "during an ingest, ms (95th)", "times the idle 95th"], rows)


def _spread(spread: Any) -> str:
    return f"{spread['median']:.0f} ({spread['p95']:.0f})"


def _scale(figures: Any) -> str:
    kinds = list(figures["sizes"][0]["milliseconds"])
    searches = " / ".join(kinds) + ", ms"
    heads = ["chunks", searches, "rows a second", "memory, GB", "disk, MB", "open, s", "first search, s"]
    rows = [
        [
            f"{size['rows']:,}",
            " / ".join(f"{size['milliseconds'][kind]['median']:.0f}" for kind in kinds),
            f"{size['rows_per_second']:,.0f}",
            f"{size['memory_mb'] / 1000:.2f}",
            "" if size["disk_mb"] is None else f"{size['disk_mb']:.0f}",
            f"{size['open_seconds']:.1f}",
            f"{size['ready_seconds']:.1f}",
        ]
        for size in figures["sizes"]
    ]
    return _markdown(heads, rows)


def _memory(figures: Any) -> str:
    rows = []
    for step in figures:
        counts = (f"{step['chunks']:,}", f"{step['seconds']:.0f}", f"**{step['peak']:,.0f}**", f"{step['after']:,.0f}")
        rows.append([step["name"], *counts])
    return _markdown(["", "chunks", "seconds", "MB at most", "MB after"], rows)


MAKERS: dict[str, Callable[[Any], str]] = {
    "lost": _tables,
    "tutorial_whole_text": _ingest,
    "first_word": _latency,
    "sizes": _scale,
    "peak": _memory,
}


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.0f} ms"


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in lines)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
