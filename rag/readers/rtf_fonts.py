"""Destinations of an RTF document whose text isn't shown: its fonts, its styles and the instructions of its fields."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from rag.readers.rtf_tokens import SYMBOL_CHARSET, encoding_of, encoding_of_page
from rag.readers.symbols import symbols

_LONGEST_NAME = 200
# Ends of fonts' names, and the encodings that they stand for.
_NAMED = {" cyr": "cp1251", " ce": "cp1250", " greek": "cp1253", " tur": "cp1254", " baltic": "cp1257"}
_NAMED |= {" (hebrew)": "cp1255", " (arabic)": "cp1256", " (thai)": "cp874", " (vietnamese)": "cp1258"}


class Sink(Protocol):
    """Takes the words and the text of a destination."""

    def word(self, name: str, number: int | None) -> None:
        """Take a control word."""

    def text(self, data: bytes) -> None:
        """Take bytes of text."""


class Fonts:
    """The fonts with their character sets, in which the bytes of text are decoded."""

    def __init__(self) -> None:
        self.default = -1
        self._page = "cp1252"
        self._charsets: dict[int, int] = {}
        self._encodings: dict[int, str] = {}
        self._names: dict[int, str] = {}
        self._current = -1

    def word(self, name: str, number: int | None) -> None:
        """Take a control word of the table of fonts."""
        if name == "f" and number is not None:
            self._current = number
        elif name == "fcharset" and number is not None:
            self._charsets[self._current] = number
        elif name == "cpg" and number is not None:
            self._encodings[self._current] = encoding_of_page(number)

    def text(self, data: bytes) -> None:
        """Take a font's name."""
        self._names[self._current] = (self._names.get(self._current, "") + data.decode("latin-1"))[:100]

    def set_page(self, name: str, number: int | None) -> None:
        """Take the document's code page: `\\ansicpg`, `\\mac`, `\\pc` or `\\pca`."""
        if name == "ansicpg":
            self._page = encoding_of_page(number or 1252)
        else:
            self._page = {"mac": "mac_roman", "pc": "cp437", "pca": "cp850"}[name]

    def decoded(self, data: bytes, font: int) -> str:
        """The characters of bytes in a font; `font` is -1 for the default font."""
        font = self.default if font < 0 else font
        charset = self._charsets.get(font)
        name = self._names.get(font, "").rstrip("; ")
        if charset == SYMBOL_CHARSET:
            return symbols(name if name.lower() != "symbol" else "symbol", data.decode("latin-1"))
        encoding = self._encodings.get(font) or encoding_of(charset, self._page)
        if charset in (None, 0, 1):
            # Older programs name the script in the font's name.
            encoding = next((e for end, e in _NAMED.items() if name.lower().endswith(end)), encoding)
        return data.decode(encoding, "replace")


class Sheet:
    """The paragraph styles that are headings, and the styles whose text is hidden."""

    def __init__(self) -> None:
        self._levels: dict[int, int] = {}
        self._hidden: set[tuple[str, int]] = set()
        self._current = -1
        self._kind = ""
        self._name = ""

    def word(self, name: str, number: int | None) -> None:
        """Take a control word of the style sheet."""
        if name in ("s", "cs", "ts", "ds"):
            self._kind, self._current, self._name = name, -1 if number is None else number, ""
        elif name == "v" and number != 0:
            self._hidden.add((self._kind, self._current))
        elif self._kind != "s":
            return
        elif name == "outlinelevel" and number is not None and number < 9:
            self._levels.setdefault(self._current, number + 1)

    def text(self, data: bytes) -> None:
        """Take a style's name, which ends with a semicolon."""
        self._name = (self._name + data.decode("latin-1"))[-_LONGEST_NAME:]
        if self._kind != "s":
            return
        name = self._name.strip().rstrip(";").split(";")[-1].strip().lower()
        if match := re.fullmatch("heading ([1-9])", name):
            self._levels.setdefault(self._current, int(match[1]))
        elif name in ("title", "subtitle") and self._name.rstrip().endswith(";"):
            self._levels.setdefault(self._current, 1 if name == "title" else 2)
        if self._name.rstrip().endswith(";"):
            self._current, self._name = -1, ""

    def is_hidden(self, kind: str, number: int | None) -> bool:
        """Whether text of the style is hidden. `kind` is the style's control word, such as "cs"."""
        return (kind, number) in self._hidden

    def level(self, style: int) -> int:
        """The level of the style's headings, from 1; 0 for any other style."""
        return self._levels.get(style, 0) if style >= 0 else 0


class Instruction:
    """A text that isn't shown, such as a field's instruction, with the entry of a form's field."""

    def __init__(self, decode: Callable[[bytes], str]) -> None:
        self._decode = decode
        self.shown = ""
        self.choices: list[str] = []
        self._entries: dict[str, int] = {}
        self._in_choice = False

    def word(self, name: str, number: int | None) -> None:
        """Take a control word."""
        if name == "u" and number is not None:
            self._add(chr(number % 0x10000))
            return
        self._in_choice = name == "ffl"
        if name == "ffl":
            self.choices.append("")
        elif name in ("ffres", "ffdefres") and number is not None:
            self._entries[name] = number

    def text(self, data: bytes) -> None:
        """Take bytes of text."""
        self._add(self._decode(data))

    def _add(self, text: str) -> None:
        if self._in_choice:
            self.choices[-1] = (self.choices[-1] + text)[:_LONGEST_NAME]
        else:
            self.shown = (self.shown + text)[:2000]

    @property
    def entry(self) -> int:
        """The number that is entered. 25 stands for the default."""
        entry = self._entries.get("ffres", 25)
        return self._entries.get("ffdefres", 0) if entry == 25 else entry
