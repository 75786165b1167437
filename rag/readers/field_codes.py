"""Fields of Word that show something by their instruction alone, in DOCX and in RTF."""

from __future__ import annotations

import re

from rag.readers.formulas import fraction, root
from rag.readers.symbols import symbol
from rag.text.blocks import with_reading

# Furigana and fractions of older versions of Word: EQ \o\ad(\s\up 9(とうきょう),東京), EQ \f(1,2), EQ \r(3,27)
_READING = re.compile(r"\\o.{0,40}?\(\s*\\s\s*\\up\s*\d*\s*\(([^()]{1,200})\)\s*[,;]\s*([^()]{1,200})\)")
_FRACTION = re.compile(r"\\f\s*\(([^(),;]{1,200})[,;]([^(),;]{1,200})\)")
_ROOT = re.compile(r"\\r\s*\((?:([^(),;]{0,20})[,;])?([^(),;]{1,200})\)")
_CODE = re.compile(r"\d{1,6}|0[xX][0-9a-fA-F]{1,6}")
_FONT = re.compile(r'\\f\s+"?([^"\\]{1,60})')


def computed(instruction: str) -> str:
    """What a field shows by its instruction; "" for the fields that have a result of their own."""
    words = instruction.split(None, 2)
    match [words[0].upper(), *words[1:]] if words else []:
        case ["MACROBUTTON", _, shown]:
            return shown
        case ["SYMBOL", code, *_] if _CODE.fullmatch(code):
            font = _FONT.search(instruction)
            return symbol(font[1].strip() if font else "", int(code, 16 if code[1:2] in ("x", "X") else 10))
        case ["EQ", *_]:
            if match := _READING.search(instruction):
                return with_reading(match[2].strip(), match[1])
            if match := _FRACTION.search(instruction):
                return fraction(match[1].strip(), match[2].strip())
            if match := _ROOT.search(instruction):
                return root(match[2].strip(), (match[1] or "").strip())
    return ""
