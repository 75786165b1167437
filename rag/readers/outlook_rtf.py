"""Bodies of Outlook messages: compressed RTF → RTF ([MS-OXRTFCP]), and the HTML page that an RTF text was made from
([MS-OXRTFEX])."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, replace

# Both sides begin with this text in their window, so that it needn't be sent.
_WINDOW_START = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor "
    b"MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20"
    b"\\b\\i\\u\\tab\\tx"
)
_WINDOW = 4096
_HEADER = struct.Struct("<II4sI")

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|([^\\{}\r\n]+)|[\r\n]+|\\"
)
_FONT = re.compile(rb"\\f(\d{1,5})\b[^;]{0,200}?\\fcharset(\d{1,3})")
# Windows' character sets and their code pages.
_CODE_PAGES = {128: 932, 129: 949, 130: 1361, 134: 936, 136: 950, 161: 1253, 162: 1254, 163: 1258, 177: 1255}
_CODE_PAGES |= {178: 1256, 186: 1257, 204: 1251, 222: 874, 238: 1250}
_DESTINATIONS = frozenset({"fonttbl", "colortbl", "stylesheet", "info", "pict", "generator", "mhtmltag"})
_SIGNS = {"par": "\n", "line": "\n", "tab": "\t", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”"}
_SIGNS |= {"bullet": "•", "endash": "–", "emdash": "—"}


def decompressed(data: bytes) -> bytes:
    """The RTF text of a body. Raises ValueError for damage."""
    if len(data) < _HEADER.size:
        raise ValueError("no compressed RTF")
    _, raw_size, kind, _ = _HEADER.unpack_from(data)
    if kind == b"MELA":
        return data[_HEADER.size : _HEADER.size + raw_size]
    if kind != b"LZFu":
        raise ValueError("no compressed RTF")
    window = bytearray(_WINDOW_START.ljust(_WINDOW, b"\0"))
    write = len(_WINDOW_START)
    text = bytearray()
    place = _HEADER.size
    while place < len(data) and len(text) < raw_size:
        flags = data[place]
        place += 1
        for bit in range(8):
            if flags >> bit & 1:
                if place + 2 > len(data):
                    return bytes(text)
                reference = data[place] << 8 | data[place + 1]
                place += 2
                offset, length = reference >> 4, (reference & 15) + 2
                if offset == write:  # the end
                    return bytes(text)
                for step in range(length):
                    byte = window[(offset + step) % _WINDOW]
                    text.append(byte)
                    window[write] = byte
                    write = (write + 1) % _WINDOW
            elif place < len(data):
                text.append(data[place])
                window[write] = data[place]
                write = (write + 1) % _WINDOW
                place += 1
    return bytes(text)


def is_from_html(rtf: bytes) -> bool:
    """Whether the text was made from an HTML page, which is in it."""
    return b"\\fromhtml" in rtf[:10_000]


def is_from_text(rtf: bytes) -> bool:
    """Whether the text was made from a plain text."""
    return b"\\fromtext" in rtf[:10_000]


@dataclass(frozen=True, slots=True)
class _State:
    """What holds within a group in braces."""

    skipped: bool = False
    for_rtf: bool = False  # text that HTML has in another form
    code_page: int = 1252
    after_unicode: int = 1  # characters that repeat a Unicode character for old programs


def html_of(rtf: bytes) -> str:
    """The HTML page in an RTF text."""
    declared = re.search(rb"\\ansicpg(\d{1,5})", rtf[:10_000])
    default = int(declared[1]) if declared else 1252
    fonts = {int(font[1]): _CODE_PAGES.get(int(font[2]), default) for font in _FONT.finditer(rtf[:200_000])}
    state = _State(code_page=default)
    groups: list[_State] = []
    parts: list[str] = []
    pending = bytearray()  # bytes of the code page: a character may take several
    skip = 0  # characters that repeat a Unicode character
    starred = False

    def flush() -> None:
        parts.append(_in_code_page(bytes(pending), state.code_page))
        pending.clear()

    for token in _TOKEN.finditer(rtf):
        word, number, code, sign, brace, text = token.groups()
        is_shown = not state.skipped and not state.for_rtf
        if code or text:
            written = bytes([int(code, 16)]) if code else text
            written, skip = written[skip:], max(0, skip - len(written))
            if is_shown:
                pending += written
            continue
        if sign and sign in b"{}\\":
            pending += sign if is_shown else b""
            continue
        flush()
        if brace == b"{":
            groups.append(state)
            state = replace(state)
        elif brace:
            state = groups.pop() if groups else state
        elif sign == b"*":
            starred = True
            continue
        elif sign == b"~" and is_shown:
            parts.append("\u00a0")
        elif word:
            name = word.decode("ascii")
            value = int(number) if number else None
            if name != "htmltag" and (starred or name in _DESTINATIONS):
                state = replace(state, skipped=True)
            elif name == "htmlrtf":
                state = replace(state, for_rtf=value != 0)
            elif name == "f" and value is not None:
                state = replace(state, code_page=fonts.get(value, default))
            elif name == "uc":
                state = replace(state, after_unicode=value or 0)
            elif name == "u" and value is not None:
                skip = state.after_unicode
                parts.append(_unit(value) if is_shown else "")
            elif name in _SIGNS and is_shown:
                parts.append(_SIGNS[name])
        starred = False
    flush()
    return "".join(parts).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")  # joins halves


def _unit(value: int) -> str:
    return chr(value % 0x10000) if -0x8000 <= value <= 0xFFFF else ""


def _in_code_page(data: bytes, code_page: int) -> str:
    if not data:
        return ""
    try:
        return data.decode(f"cp{code_page}" if code_page != 65001 else "utf-8", "replace")
    except LookupError:
        return data.decode("cp1252", "replace")
