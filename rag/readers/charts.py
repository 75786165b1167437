"""Charts of Office (DrawingML) → a title and a table of their numbers, as they are drawn."""

from __future__ import annotations

import re

from lxml import etree

from rag.readers.archives import drawing_text
from rag.readers.number_formats import shown
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
    date_format, value_format = _axis_format(root, "dateAx"), _axis_format(root, "valAx")
    from_1904 = any(flag.get("val", "1") in ("1", "true") for flag in root.iterchildren("{*}date1904"))
    for one in series:
        for kind in ("cat", "xVal"):
            for index, text in _points(one.find("{*}" + kind), date_format, from_1904).items():
                labels.setdefault(index, text)
        values = next((v for k in ("val", "yVal") if (v := one.find("{*}" + k)) is not None), None)
        columns.append(_points(values, value_format, from_1904))
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


def _axis_format(root: etree._Element, kind: str) -> str:
    """The number format of the chart's only axis of a kind, if it isn't that of the values."""
    axes = list(root.iter("{*}" + kind))
    number_format = axes[0].find("{*}numFmt") if len(axes) == 1 else None
    if number_format is None or number_format.get("sourceLinked", "0") in ("1", "true"):
        return ""
    code = number_format.get("formatCode", "")
    return "" if code == "General" else code


def _title(element: etree._Element) -> list[str]:
    title = element.find("{*}title")
    return [] if title is None else list(drawing_text(title)) or list(_points(title).values())


def _name(series: etree._Element, number: int) -> str:
    name = series.find("{*}tx")
    text = "" if name is None else " ".join(_points(name).values()) or "".join(v.text or "" for v in name.iter("{*}v"))
    return text or f"Series {number}"


def _points(values: etree._Element | None, axis_format: str = "", from_1904: bool = False) -> dict[int, str]:
    """The cached values by their places, in their number format, or in that of their axis if it has another."""
    points: dict[int, str] = {}
    if values is None:
        return points
    # Categories may have several levels, the innermost first.
    for point in values.iter("{*}pt"):
        index = point.get("idx", "")
        if not re.fullmatch(r"\d{1,7}", index) or len(points) > _MOST_POINTS:
            continue
        text = (point.findtext("{*}v") or "").strip()
        code = axis_format or point.get("formatCode") or values.findtext(".//{*}formatCode") or ""
        written = _shown(text, code, from_1904)
        before = points.get(int(index))
        points[int(index)] = f"{written} {before}" if before else written
    return points


def _shown(text: str, number_format: str, from_1904: bool) -> str:
    if not re.fullmatch(r"-?\d{1,300}(\.\d{1,300})?([eE][+-]?\d{1,3})?", text):
        return text
    return shown(float(text), number_format or "General", from_1904=from_1904)
