"""Writes Hangul documents, HWP 5 and HWPX, with the parts that readers need."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence

from tests.readers.ole import ole

CHAR_SHAPE, NUMBERING, PARA_SHAPE = 0x15, 0x17, 0x19
PARA_HEADER, PARA_TEXT, PARA_CHAR_SHAPE, CTRL_HEADER, LIST_HEADER = 0x42, 0x43, 0x44, 0x47, 0x48
TABLE, EQUATION = 0x4D, 0x58
COMPRESSED, PASSWORD, DISTRIBUTION = 1, 2, 4


def record(tag: int, level: int, data: bytes = b"") -> bytes:
    """A record of a stream."""
    size = min(len(data), 0xFFF)
    head = struct.pack("<I", tag | level << 10 | size << 20)
    return head + (struct.pack("<I", len(data)) if size == 0xFFF else b"") + data


def counted(text: str) -> bytes:
    """A text with its length before it."""
    return struct.pack("<H", len(text)) + text.encode("utf-16-le")


def paragraph(
    text: str, level: int = 0, shape: int = 0, looks: Sequence[tuple[int, int]] = (), inner: bytes = b""
) -> bytes:
    """A paragraph. "\\x0b" stands for a table or an object and "\\x11" for a note, whose records are `inner`. `looks`
    has the places from which a shape of characters counts, in units of the written text."""
    written = b""
    for char in text + "\r":
        unit = char.encode("utf-16-le")
        written += unit + (b"\0" * 12 + unit if char < " " and char not in "\n\r\x1e\x1f" else b"")
    head = struct.pack("<IIHBBHHHI", len(written) // 2, 0, shape, 0, 0, 1, 0, 0, 0)
    shapes = b"".join(struct.pack("<II", *look) for look in looks or [(0, 0)])
    whole = record(PARA_HEADER, level, head) + record(PARA_TEXT, level + 1, written)
    return whole + record(PARA_CHAR_SHAPE, level + 1, shapes) + inner


def control(name: str, level: int, inner: bytes = b"", data: bytes = b"") -> bytes:
    """A control with its records."""
    return record(CTRL_HEADER, level, name.encode()[::-1] + data) + inner


def table(level: int, cells: Sequence[tuple[int, int, int, int, str]]) -> bytes:
    """A table's control. A cell is its row, its column, the rows and columns that it covers, and its text."""
    inner = record(TABLE, level + 1, struct.pack("<IHH", 0, 2, 2))
    for row, column, high, wide, text in cells:
        inner += record(LIST_HEADER, level + 1, struct.pack("<HHIHHHH", 1, 0, 0, column, row, wide, high) + bytes(18))
        inner += paragraph(text, level + 1)
    return control("tbl ", level, inner)


def listed(level: int, *paragraphs: bytes) -> bytes:
    """The list of paragraphs in a control."""
    return record(LIST_HEADER, level, struct.pack("<HHI", len(paragraphs), 0, 0)) + b"".join(paragraphs)


def shapes() -> bytes:
    """Characters: plain, raised, lowered, struck. Paragraphs: plain, of the outline's first two levels, numbered,
    bulleted."""
    info = b"".join(
        record(CHAR_SHAPE, 0, bytes(46) + struct.pack("<I", bits)) for bits in (0, 1 << 15, 1 << 16, 1 << 18)
    )
    for kind, level in ((0, 0), (1, 0), (1, 1), (2, 0), (3, 0)):
        info += record(PARA_SHAPE, 0, struct.pack("<I", kind << 23 | level << 25) + bytes(26) + struct.pack("<H", 1))
    levels = [(0, "제^1장"), (8, "^2."), *[(0, "^3)")] * 5]
    heads = b"".join(struct.pack("<IHHI", kind << 5, 0, 0, 0) + counted(text) for kind, text in levels)
    return info + record(NUMBERING, 0, heads + struct.pack("<H", 1) + struct.pack("<7I", *[1] * 7))


def hwp(*sections: bytes, flags: int = COMPRESSED, info: bytes | None = None) -> bytes:
    """An HWP document with these sections of records."""

    def packed(data: bytes) -> bytes:
        if not flags & COMPRESSED:
            return data
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return packer.compress(data) + packer.flush()

    header = b"HWP Document File".ljust(32, b"\0") + struct.pack("<II", 0x05010001, flags)
    streams = {f"Section{number}": packed(section) for number, section in enumerate(sections)}
    return ole(
        {
            "FileHeader": header.ljust(256, b"\0"),
            "DocInfo": packed(shapes() if info is None else info),
            "BodyText": streams,
            "\5HwpSummaryInformation": b"",
        }
    )


NAMES = " ".join(
    f'xmlns:{short}="http://www.hancom.co.kr/hwpml/2011/{full}"'
    for short, full in (("hp", "paragraph"), ("hs", "section"), ("hh", "head"))
)
HEAD = """
<hh:charPr id="0"/><hh:charPr id="1"><hh:supscript/></hh:charPr><hh:charPr id="2"><hh:subscript/></hh:charPr>
<hh:charPr id="3"><hh:strikeout shape="SOLID"/></hh:charPr><hh:charPr id="4"><hh:strikeout shape="NONE"/></hh:charPr>
<hh:numbering id="1"><hh:paraHead level="1" start="1" numFormat="DIGIT">제^1장</hh:paraHead>
<hh:paraHead level="2" start="1" numFormat="HANGUL_SYLLABLE">^2.</hh:paraHead></hh:numbering>
<hh:paraPr id="0"><hh:heading type="NONE" idRef="0" level="0"/></hh:paraPr>
<hh:paraPr id="1"><hh:heading type="OUTLINE" idRef="0" level="0"/></hh:paraPr>
<hh:paraPr id="2"><hh:heading type="OUTLINE" idRef="0" level="1"/></hh:paraPr>
<hh:paraPr id="3"><hh:heading type="NUMBER" idRef="1" level="1"/></hh:paraPr>
<hh:paraPr id="4"><hh:heading type="BULLET" idRef="1" level="0"/></hh:paraPr>
"""


def hwpx(*sections: str, manifest: str = "<manifest/>") -> bytes:
    """An HWPX document with these sections of paragraphs."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as package:
        package.writestr("mimetype", "application/hwp+zip")
        package.writestr("META-INF/manifest.xml", manifest)
        package.writestr("Contents/header.xml", f"<hh:head {NAMES}>{HEAD}</hh:head>")
        for number, section in enumerate(sections):
            settings = '<hp:p><hp:run><hp:secPr outlineShapeIDRef="1"/></hp:run></hp:p>'
            package.writestr(f"Contents/section{number}.xml", f"<hs:sec {NAMES}>{settings}{section}</hs:sec>")
    return target.getvalue()
