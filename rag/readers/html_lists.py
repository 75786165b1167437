"""The signs of an HTML list's items, as a browser prints them: 3., c., iii., or a bullet."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from lxml import etree

from rag.readers.list_numbers import counted, decimal, roman

_LATIN = counted("abcdefghijklmnopqrstuvwxyz")
_GREEK = counted("αβγδεζηθικλμνξοπρστυφχψω")
_FORMATS: dict[str, Callable[[int], str]] = {
    "1": decimal,
    "a": _LATIN,
    "A": lambda number: _LATIN(number).upper(),
    "i": roman,
    "I": lambda number: roman(number).upper(),
    "decimal": decimal,
    "decimal-leading-zero": lambda number: f"{number:02d}",
    "lower-alpha": _LATIN,
    "lower-latin": _LATIN,
    "upper-alpha": lambda number: _LATIN(number).upper(),
    "upper-latin": lambda number: _LATIN(number).upper(),
    "lower-roman": roman,
    "upper-roman": lambda number: roman(number).upper(),
    "lower-greek": _GREEK,
}
_NUMBER = re.compile(r"\s*([+-]?\d{1,9})\s*")


@dataclass(slots=True)
class OpenList:
    """A list: the next number, the step to the one after it, and how numbers are written (None for bullets)."""

    number: int
    step: int
    write: Callable[[int], str] | None

    def next_sign(self, item: etree._Element, style: dict[str, str]) -> str:
        """The sign of the next item."""
        if match := _NUMBER.fullmatch(item.get("value", "")):
            self.number = int(match[1])
        number, self.number = self.number, self.number + self.step
        write = _FORMATS.get(item.get("type", "")) or _by_style(style) or self.write
        return f"{write(number)}." if write else "-"


def begin_list(element: etree._Element, name: str, style: dict[str, str]) -> OpenList:
    """The list of an element. `style` are the element's properties."""
    if name != "ol":
        return OpenList(1, 1, _by_style(style))
    is_reversed = element.get("reversed") is not None
    start = _NUMBER.fullmatch(element.get("start", ""))
    first = int(start[1]) if start else len(element.findall("{*}li")) if is_reversed else 1
    write = _by_style(style)
    has_style = any("list-style" in key for key in style)
    if write is None and not (has_style and _has_no_numbers(style)):
        write = _FORMATS.get(element.get("type", "1").strip(), decimal)
    return OpenList(first, -1 if is_reversed else 1, write)


def _by_style(style: dict[str, str]) -> Callable[[int], str] | None:
    words = f"{style.get('list-style', '')} {style.get('list-style-type', '')}".split()
    return next((_FORMATS[word] for word in reversed(words) if word in _FORMATS), None)


def _has_no_numbers(style: dict[str, str]) -> bool:
    words = f"{style.get('list-style', '')} {style.get('list-style-type', '')}".split()
    return bool({"none", "disc", "circle", "square"} & set(words))
