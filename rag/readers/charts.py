"""Charts of Office (DrawingML) → a title and a table of their numbers, as they are drawn."""

from __future__ import annotations

import re

from lxml import etree

from rag.readers.archives import drawing_text
from rag.text.blocks import Block, Paragraph, Table

# Points of a chart. More can't be told apart, and only a hostile file has them.
_MOST_POINTS = 100_000


def chart_blocks(root: etree._Element) -> list[Block]:
    """The chart's title and its series: a column for each, with the categories before them."""
    title = " ".join(line for part in root.iter("{*}chart") for line in _title(part))
    blocks: list[Block] = []
    series = list(root.iter("{*}ser"))
    names = [_name(one, number) for number, one in enumerate(series, 1)]
    labels: dict[int, str] = {}
    columns: list[dict[int, str]] = []
    for one in series:
        for kind in ("cat", "xVal"):
            for index, text in _points(one.find("{*}" + kind)).items():
                labels.setdefault(index, text)
        columns.append(_points(next((v for k in ("val", "yVal") if (v := one.find("{*}" + k)) is not None), None)))
    places = sorted({*labels, *(index for column in columns for index in column)})
    if len(places) * (len(columns) + 1) > _MOST_POINTS:
        places = places[: _MOST_POINTS // (len(columns) + 1)]
    if places:
        rows = [[labels.get(place, ""), *(column.get(place, "") for column in columns)] for place in places]
        blocks.append(Table([["", *names], *rows], 1, title))
    elif title:
        blocks.append(Paragraph(title))
    axes = [" ".join(_title(axis)) for kind in ("catAx", "valAx", "dateAx") for axis in root.iter("{*}" + kind)]
    if any(axes):
        blocks.append(Paragraph("\n".join(filter(None, axes))))
    return blocks


def _title(element: etree._Element) -> list[str]:
    title = element.find("{*}title")
    return [] if title is None else list(drawing_text(title)) or list(_points(title).values())


def _name(series: etree._Element, number: int) -> str:
    name = series.find("{*}tx")
    text = "" if name is None else " ".join(_points(name).values()) or "".join(v.text or "" for v in name.iter("{*}v"))
    return text or f"Series {number}"


def _points(values: etree._Element | None) -> dict[int, str]:
    """The cached values by their places, in the number format that the chart names if it is a percentage."""
    points: dict[int, str] = {}
    if values is None:
        return points
    # Categories may have several levels, the innermost first.
    for point in values.iter("{*}pt"):
        index = point.get("idx", "")
        if not re.fullmatch(r"\d{1,7}", index) or len(points) > _MOST_POINTS:
            continue
        text = (point.findtext("{*}v") or "").strip()
        shown = _shown(text, point.get("formatCode") or values.findtext(".//{*}formatCode") or "")
        before = points.get(int(index))
        points[int(index)] = f"{shown} {before}" if before else shown
    return points


def _shown(text: str, number_format: str) -> str:
    if not re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", text):
        return text
    number = float(text)
    if match := re.fullmatch(r"0(?:\.(0+))?%", number_format):
        return f"{number * 100:.{len(match[1] or '')}f}%"
    return f"{number:.12g}" if abs(number) < 1e15 else text
