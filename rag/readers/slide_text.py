"""The paragraphs of DrawingML text (slides): raised, lowered and struck runs, bullets, and numbers as printed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lxml import etree

from rag.readers.formulas import omml_text
from rag.readers.lines import Line, Place
from rag.readers.list_numbers import word_number
from rag.text.blocks import Block, Item, Paragraph

_LEVELS = 9
# The beginnings of DrawingML's names of numbers (ST_TextAutonumberScheme), with OOXML's names in other places.
_NUMBERS = {
    "arabic": "decimal",
    "alphaLc": "lowerLetter",
    "alphaUc": "upperLetter",
    "romanLc": "lowerRoman",
    "romanUc": "upperRoman",
    "circleNum": "decimalEnclosedCircle",
    "ea1Chs": "chineseCounting",
    "ea1Cht": "chineseCounting",
    "ea1Jpn": "japaneseCounting",
    "hebrew2": "hebrew2",
    "arabic1": "arabicAlpha",
    "arabic2": "arabicAlpha",
}
_SCHEME = re.compile(r"(arabic[12]|arabic|alpha[LU]c|roman[LU]c|circleNum|ea1(?:Chs|Cht|Jpn)|hebrew2)")


def paragraph_blocks(body: etree._Element, styles: Sequence[etree._Element] = ()) -> list[Block]:
    """The paragraphs of a text body. `styles` are the list styles that hold for it, the nearest first."""
    own = body.find("{*}lstStyle")
    levels = [*([] if own is None else [own]), *styles]
    counts: dict[int, tuple[str, int]] = {}  # level → the scheme and the last number
    blocks: list[Block] = []
    for paragraph in body.iterfind("{*}p"):
        text = paragraph_text(paragraph)
        if not text:
            continue
        properties = paragraph.find("{*}pPr")
        level = _number(None if properties is None else properties.get("lvl"), 0)
        level = min(level, _LEVELS - 1)
        bullet = _bullet(properties, level, levels)
        kind = "" if bullet is None else etree.QName(bullet).localname
        counts = {
            deep: count for deep, count in counts.items() if deep < level or (deep == level and kind == "buAutoNum")
        }
        if kind == "buAutoNum" and bullet is not None:
            scheme, start = bullet.get("type", "arabicPeriod"), _number(bullet.get("startAt"), 1)
            key = f"{scheme} {start}"
            number = counts[level][1] + 1 if counts.get(level, ("", 0))[0] == key else start
            counts[level] = (key, number)
            blocks.append(Item(text, _sign(scheme, number), level))
        elif kind in ("buChar", "buBlip") or (not kind and level):
            blocks.append(Item(text, "-", level))
        else:
            blocks.append(Paragraph(text))
    return _joined(blocks)


def paragraph_text(paragraph: etree._Element) -> str:
    """The text of a paragraph (`a:p`)."""
    line = Line()
    for child in paragraph:
        _read(child, line)
    return "\n".join(part.strip() for part in line.text().split("\n")).strip()


def _read(element: etree._Element, line: Line) -> None:
    if not isinstance(element.tag, str):
        return
    match etree.QName(element).localname:
        case "r":
            _run(element, line)
        case "br":
            line.add("\n")
        case "fld" if element.get("type", "") != "slidenum":
            _run(element, line)
        case "oMath":
            try:
                line.add(omml_text(element))
            except RecursionError:
                line.add("".join(element.itertext()))
        case "AlternateContent":
            choice = element.find("{*}Choice")
            for child in () if choice is None else choice:
                _read(child, line)
        case "m" | "oMathPara":
            for child in element:
                _read(child, line)


def _run(run: etree._Element, line: Line) -> None:
    text = "".join(part.text or "" for part in run.iterfind("{*}t")).replace("\v", "\n").replace("_x000B_", "\n")
    properties = run.find("{*}rPr")
    if properties is None:
        line.add(text)
        return
    shift = properties.get("baseline", "0").strip("%")
    place = Place.BASE if shift in ("0", "") else Place.LOWERED if shift.startswith("-") else Place.RAISED
    is_struck = properties.get("strike", "noStrike") != "noStrike"
    line.add(text.upper() if properties.get("cap") == "all" else text, place, is_struck)


def _bullet(properties: etree._Element | None, level: int, styles: Sequence[etree._Element]) -> etree._Element | None:
    """The bullet of a paragraph, by itself or by the nearest style that names one; None if nothing does."""
    sources = [properties, *(style.find(f"{{*}}lvl{level + 1}pPr") for style in styles)]
    for source in sources:
        for name in ("buNone", "buAutoNum", "buChar", "buBlip"):
            if source is not None and (bullet := source.find("{*}" + name)) is not None:
                return bullet
    return None


def _sign(scheme: str, number: int) -> str:
    match = _SCHEME.match(scheme)
    written = word_number(number, _NUMBERS[match[1]]) if match else str(number)
    if scheme.endswith("ParenBoth"):
        return f"({written})"
    return written + (")" if scheme.endswith("ParenR") else "" if scheme.endswith("Plain") else ".")


def _joined(blocks: Sequence[Block]) -> list[Block]:
    """The blocks, with paragraphs that follow each other as the lines of one."""
    joined: list[Block] = []
    lines: list[str] = []
    for block in [*blocks, None]:
        if isinstance(block, Paragraph):
            lines.append(block.text)
            continue
        if lines:
            joined.append(Paragraph("\n".join(lines)))
            lines = []
        if block is not None:
            joined.append(block)
    return joined


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and re.fullmatch(r"\d{1,5}", text) else otherwise
