"""Cuts RTF into control words, bytes of text and the borders of groups, and knows its code pages and destinations."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,64})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|([^\\{}\r\n]+)|[\r\n]+|\\"
)

# The code pages of Windows' character sets (`\fcharset`).
_CHARSETS = {77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gb18030", 136: "big5hkscs"}
_CHARSETS |= {161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257"}
_CHARSETS |= {204: "cp1251", 222: "cp874", 238: "cp1250", 254: "cp437", 255: "cp850"}
SYMBOL_CHARSET = 2
_PAGES = {932: "cp932", 936: "gb18030", 949: "cp949", 950: "big5hkscs", 10000: "mac_roman", 65001: "utf-8"}

# Characters that have a control word or a control symbol.
SIGNS = {
    "tab": "\t", "line": "\n", "page": "\n", "column": "\n", "softline": "\n", "emdash": "—", "endash": "–",
    "bullet": "•", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”", "emspace": " ", "enspace": " ",
    "qmspace": " ", "~": " ", "_": "-", "-": "", "zwj": "\u200d", "zwnj": "\u200c",
}  # fmt: skip

_SKIPPED = (
    "colortbl info pict nonshppict shprslt nonesttables xe tc rxe private template bkmkstart bkmkend objdata objclass "
    "objname datafield falt ftnsep ftnsepc ftncn aftnsep aftnsepc aftncn sp mmathPr userprops listtable "
    "listoverridetable filetbl revtbl rsidtbl generator atnid atntime atnref atndate atnparent atrfstart atrfend "
    "mmathPict background pgdsctbl themedata colorschememapping latentstyles datastore xmlnstbl fldtype"
)
SKIPPED = frozenset(_SKIPPED.split())
# Destinations whose group may be marked as one that older programs skip.
_STARRED = (
    "annotation atnauthor footnote fldinst formfield shpinst do ud moMath nesttableprops listtext pntext shptxt "
    "dptxbxtext ffl mmath shppict cs moMathPara"
)
STARRED = frozenset(_STARRED.split())
# Formulas: the elements of Office's math, and the properties that have a value.
_MATH = (
    "f num den sSup sSub sSubSup sPre e sup sub rad deg nary d func fName limLow limUpp lim acc bar m mr eqArr r box "
    "borderBox groupChr phant fPr naryPr dPr accPr barPr"
)
MATH = frozenset(_MATH.split())
MATH_VALUES = frozenset({"chr", "begChr", "endChr", "sepChr", "type", "pos"})


# A control word or symbol, "{" or "}", or "" for text; a word's number; the bytes of text; where the token ends.
Token = tuple[str, int | None, bytes, int]


def tokens(data: bytes) -> Iterator[Token]:
    """The tokens of an RTF text. Binary data are left out."""
    position = 0
    while match := _TOKEN.match(data, position):
        position = match.end()
        word, number, code, symbol, border, text = match.groups()
        if word:
            name, value = word.decode("ascii"), None if number is None else int(number)
            if name == "bin":
                position += max(value or 0, 0)
            yield (name, value, b"", position)
        elif text:
            yield ("", None, text, position)
        elif code:
            yield ("", None, bytes([int(code, 16)]), position)
        elif border:
            yield (border.decode("ascii"), None, b"", position)
        elif symbol:
            if symbol in b"\\{}":
                yield ("", None, symbol, position)
            else:
                yield ("par" if symbol in b"\r\n" else symbol.decode("latin-1"), None, b"", position)


def encoding_of(charset: int | None, page: str) -> str:
    """The encoding of a font's character set; `page` is the document's encoding."""
    return _CHARSETS.get(-1 if charset is None else charset, page)


def encoding_of_page(number: int) -> str:
    """The encoding of a code page; cp1252 for an unknown one."""
    name = _PAGES.get(number, f"cp{number}")
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "cp1252"
