"""The tables as charts: seconds over operations, both logarithmic, with one line for each way.

One definition serves the page and the PNG. On a logarithmic scale a bar's length means nothing, so the charts have
points on lines. The colours can be read on white and on black.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import altair as alt

from rag.benchmarks.results import OPERATIONS, WAYS, Operation, Tables, Way
from rag.errors import RagError

COLOURS: dict[Way, str] = {
    "synchronous": "#8b95a5",
    "asynchronous": "#d97a2b",
    "docent": "#14a08f",
    "one_request": "#8a6fd1",
}
DASHES: dict[Way, list[int]] = {"synchronous": [1, 0], "asynchronous": [1, 0], "docent": [1, 0], "one_request": [4, 3]}
HEIGHT = 260
PNG_WIDTH = 340
PNG_SCALE = 2.0


def operation_chart(tables: Tables, operation: Operation) -> alt.Chart:
    """The chart of one operation's table, without size and theme."""
    points = [
        {"Count": row.count, "Seconds": timing.median, "Way": label}
        for row in tables.of(operation)
        for label, timing in row.timings()
    ]
    labels = list(WAYS.values())
    sizes = [row.count for row in tables.of(operation)]
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=points))
        .mark_line(point=alt.OverlayMarkDef(size=60, filled=True), strokeWidth=2)
        .encode(
            x=alt.X(
                "Count:Q",
                scale=alt.Scale(type="log"),
                axis=alt.Axis(values=sizes, format=",", grid=False),
                title=OPERATIONS[operation],
            ),
            y=alt.Y(
                "Seconds:Q",
                scale=alt.Scale(type="log"),
                axis=alt.Axis(format="~g", values=[10.0**power for power in range(-4, 4)]),
            ),
            color=alt.Color(
                "Way:N",
                scale=alt.Scale(domain=labels, range=list(COLOURS.values())),
                legend=alt.Legend(orient="bottom", columns=2, title=None, labelLimit=0, symbolStrokeWidth=0),
                sort=labels,
            ),
            strokeDash=alt.StrokeDash(
                "Way:N", scale=alt.Scale(domain=labels, range=list(DASHES.values())), legend=None, sort=labels
            ),
            tooltip=[
                alt.Tooltip("Way:N"),
                alt.Tooltip("Count:Q", title=OPERATIONS[operation], format=","),
                alt.Tooltip("Seconds:Q", format=".3~g"),
            ],
        )
    )
    return chart


def png(tables: Tables) -> bytes:
    """Both charts side by side, as a PNG."""
    charts = [operation_chart(tables, operation).properties(width=PNG_WIDTH, height=HEIGHT) for operation in OPERATIONS]
    title = f"{tables.title()}: seconds for all, less is better"
    both = alt.hconcat(*charts).properties(title=title).configure(background="white", font="sans-serif")
    picture = BytesIO()
    both.save(picture, format="png", scale_factor=PNG_SCALE)
    return picture.getvalue()


def save_png(tables: Tables, path: Path) -> None:
    """Write the PNG to `path`. Raises RagError if it can't be written."""
    try:
        path.write_bytes(png(tables))
    except OSError as error:
        raise RagError(f"The chart can't be written to {path} ({error.strerror}).") from error
