"""Files made to hang their reader or to fill the memory, each read by the real process: it ends, with text or with one
sentence that names the file, within seconds and below a gigabyte."""

from __future__ import annotations

import asyncio
import io
import struct
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import aclosing
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tokenizers import Tokenizer

from rag.embeddings.hub import bundled_folder
from rag.errors import ReadError
from rag.ingestion import reader_process
from rag.ingestion.messages import Chunked
from rag.ingestion.reader_process import ReaderProcess
from rag.readers.worksheets import column_name
from rag.runtime.event_loop import EventLoopThread
from rag.storage.files import FileStore, document_id
from tests.readers.hwp_files import hwp, paragraph, table

pytestmark = pytest.mark.slow

MEGABYTE = 2**20
SECONDS = 30.0
OOXML = "http://schemas.openxmlformats.org"
TOO_LARGE = "too large"
DAMAGED = "damaged"
STOPPED = "too large|broke down|too long"  # whichever limit is met first


def packed(parts: dict[str, str | bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", kind) as package:
        for name, part in parts.items():
            package.writestr(name, part)
    return target.getvalue()


def relations(*targets: tuple[str, str]) -> str:
    rows = "".join(
        f'<Relationship Id="r{n}" Type="{OOXML}/officeDocument/2006/relationships/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{OOXML}/package/2006/relationships">{rows}</Relationships>'


def docx(body: str | bytes, *, extra: dict[str, str | bytes] | None = None) -> bytes:
    word = f'xmlns:w="{OOXML}/wordprocessingml/2006/main"'
    whole = body if isinstance(body, bytes) else f"<w:document {word}><w:body>{body}</w:body></w:document>"
    return packed(
        {
            "[Content_Types].xml": f'<Types xmlns="{OOXML}/package/2006/content-types"/>',
            "_rels/.rels": relations(("officeDocument", "word/document.xml")),
            "word/document.xml": whole,
            **(extra or {}),
        }
    )


def xlsx(sheet: str, *, strings: str = "", sheets: int = 1) -> bytes:
    names = f'xmlns="{OOXML}/spreadsheetml/2006/main" xmlns:r="{OOXML}/officeDocument/2006/relationships"'
    listed = "".join(f'<sheet name="S{n}" sheetId="{n + 1}" r:id="r1"/>' for n in range(sheets))
    return packed(
        {
            "[Content_Types].xml": f'<Types xmlns="{OOXML}/package/2006/content-types"/>',
            "_rels/.rels": relations(("officeDocument", "xl/workbook.xml")),
            "xl/workbook.xml": f"<workbook {names}><sheets>{listed}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": relations(
                ("worksheet", "worksheets/sheet1.xml"), ("sharedStrings", "sharedStrings.xml")
            ),
            "xl/worksheets/sheet1.xml": f"<worksheet {names}>{sheet}</worksheet>",
            "xl/sharedStrings.xml": f"<sst {names}>{strings}</sst>",
        }
    )


def cells(*places: str, quote: str = '"') -> str:
    rows = "".join(
        f"<row r={quote}{place.lstrip('ABCDEFGHIJKLMNOPQRSTUVWXYZ')}{quote}>"
        f"<c r={quote}{place}{quote}><v>5</v></c></row>"
        for place in places
    )
    return f"<sheetData>{rows}</sheetData>"


def odt(content: str | bytes) -> bytes:
    mimetype = "application/vnd.oasis.opendocument.text"
    parts = {"mimetype": mimetype, "META-INF/manifest.xml": "<m/>", "styles.xml": "<s/>", "content.xml": content}
    return packed(parts)


def odt_body(body: str) -> bytes:
    names = " ".join(f'xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for n in ("office", "text", "table"))
    return odt(
        f"<office:document-content {names}><office:body><office:text>{body}</office:text></office:body>"
        "</office:document-content>"
    )


def ods_body(rows: str) -> bytes:
    content = f'<o:content xmlns:o="urn:o" xmlns:t="urn:t" xmlns:x="urn:x"><t:table>{rows}</t:table></o:content>'
    mimetype = "application/vnd.oasis.opendocument.spreadsheet"
    return packed({"mimetype": mimetype, "styles.xml": "<s/>", "content.xml": content})


def epub(chapters: int, text: str, repeated: int = 1) -> bytes:
    items = "".join(f'<item id="i{n}" href="c{n}.xhtml"/>' for n in range(chapters))
    spine = "".join(f'<itemref idref="i{n}"/>' for n in range(chapters)) * repeated
    return packed(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container><rootfile full-path="book.opf"/></container>',
            "book.opf": f"<package><manifest>{items}</manifest><spine>{spine}</spine></package>",
            **{f"c{n}.xhtml": f"<p>Chapter {n}. {text}</p>" for n in range(chapters)},
        }
    )


def pdf(*objects: bytes) -> bytes:
    """Its first object is the catalog, of the pages in the second."""
    whole, places = b"%PDF-1.7\n", []
    for number, content in enumerate((b"<</Type/Catalog/Pages 2 0 R>>", *objects), 1):
        places.append(len(whole))
        whole += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(places) + 1
    return whole + b"xref\n0 %d\n0000000000 65535 f \n%strailer <</Root 1 0 R/Size %d>>\nstartxref\n%d\n%%%%EOF" % (
        size,
        table,
        size,
        len(whole),
    )


def stream(content: bytes, entries: bytes = b"") -> bytes:
    deflated = zlib.compress(content, 9)
    return b"<</Length %d/Filter/FlateDecode%s>>stream\n%s\nendstream" % (len(deflated), entries, deflated)


FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Resources<</Font<</F 5 0 R>>>>/Contents 4 0 R>>"
LINE = b"BT /F 12 Tf 9 9 Td (A line of text that is shown again and again) Tj ET\n"


def pages(kids: bytes, count: int) -> bytes:
    return b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, count)


def nested_forms() -> bytes:
    """Ten forms, each of which shows the next form ten times."""
    forms = [
        stream(b"/X Do " * 10, b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X %d 0 R>>>>" % (n + 1))
        for n in range(5, 14)
    ]
    last = stream(LINE, b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</Font<</F 15 0 R>>>>")
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Resources<</XObject<</X 5 0 R>>>>/Contents 4 0 R>>"
    return pdf(pages(b"3 0 R", 1), page, stream(b"/X Do " * 10), *forms, last, FONT)


def entities(encoding: str) -> bytes:
    """A document whose text is a billion times three letters."""
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    return (
        f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE d [<!ENTITY e0 "lol">{levels}]>'
        f'<d a="&e9;"><t>&e9;</t></d>'
    ).encode(encoding)


def lying(data: bytes, name: bytes, size: int) -> bytes:
    """The package, with a false unpacked size for a part."""
    changed = bytearray(data)
    for mark, length_at, size_at, header in ((b"PK\x03\x04", 26, 22, 30), (b"PK\x01\x02", 28, 24, 46)):
        at = changed.find(mark)
        while at >= 0:
            (length,) = struct.unpack_from("<H", changed, at + length_at)
            if changed[at + header : at + header + length] == name:
                struct.pack_into("<I", changed, at + size_at, size)
            at = changed.find(mark, at + 4)
    return bytes(changed)


def overlapping(parts: int, size: int) -> bytes:
    """A package whose parts share the same packed bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    content = packer.compress(b" " * size) + packer.flush()
    crc = zlib.crc32(b" " * size)
    name = b"word/document.xml"
    whole = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 8, 0, 0, crc, len(content), size, len(name), 0)
    whole += name + content
    names = [name, *(b"word/document%d.xml" % n for n in range(1, parts))]
    directory = b"".join(
        struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 8, 0, 0, crc, len(content), size, len(n), *[0] * 6) + n
        for n in names
    )
    return whole + directory + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, parts, parts, len(directory), len(whole), 0)


def nested_zip() -> bytes:
    inner = packed({"a": bytes(20 * MEGABYTE)})
    for _ in range(5):
        inner = packed({f"{n}.zip": inner for n in range(10)})
    return inner


def ragged_rtf() -> bytes:
    """A table whose rows have no edge of a cell in common."""
    rows = [rb"\trowd" + b"".join(rb"\cellx%d" % (50 * (r + 3000 * c)) for c in range(20)) for r in range(3000)]
    return rb"{\rtf1 " + b"".join(row + rb"\pard\intbl" + rb" word\cell" * 20 + rb"\row " for row in rows) + b"}"


# Ten thousand rows under one merged cell with a long text.
TALL = f'<w:tr><w:tc><w:tcPr><w:vMerge w:val="restart"/></w:tcPr><w:p><w:r><w:t>{"word " * 20_000}</w:t></w:r></w:p>'
TALL += "</w:tc></w:tr>"
TALL += (
    "<w:tr><w:tc><w:tcPr><w:vMerge/></w:tcPr><w:p/></w:tc><w:tc><w:p><w:r><w:t>9</w:t></w:r></w:p></w:tc></w:tr>"
) * 10_000
RAISED = '<w:r><w:t>10</w:t></w:r><w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:t>6</w:t></w:r>'
REPEATED = (
    '<table:table><table:table-row table:number-rows-repeated="1000000">'
    '<table:table-cell table:number-columns-repeated="1000000">'
)
REPEATED_END = "</table:table-cell></table:table-row></table:table>"
FAR_CELLS = [(60_000 + n, 65_000, 1, 1, "x") for n in range(100)]


def png(width: int, height: int) -> bytes:
    """A white picture of one bit a pixel."""
    row = b"\0" + b"\xff" * -(-width // 8)
    packer = zlib.compressobj(9)
    packed_rows = b"".join(packer.compress(row * 1000) for _ in range(height // 1000)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part)) + kind + part + struct.pack(">I", zlib.crc32(kind + part))
        for kind, part in ((b"IHDR", header), (b"IDAT", packed_rows), (b"IEND", b""))
    )


def tiff(frames: int) -> bytes:
    """A picture of 16 × 16 pixels, named again and again; the last page leads to the first."""
    tags = ((256, 16), (257, 16), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 16), (279, 256))
    whole = b"II*\0" + struct.pack("<I", 264) + bytes(range(256))
    for frame in range(frames):
        size = 2 + 12 * len(tags) + 4
        entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
        following = len(whole) + size if frame + 1 < frames else 264
        whole += struct.pack("<H", len(tags)) + entries + struct.pack("<I", following)
    return whole


CORNERS = ("A1", "XFD1048576")
ROWS = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, 100_001))

WORD = "<si><t>word</t></si>"
CELL = "<t:table-cell><x:p>word</x:p></t:table-cell>"
WIDE = '<t:table-cell t:number-columns-repeated="16384"><x:p>word</x:p></t:table-cell>'
MERGED_CELL = (
    '<t:table-cell t:number-rows-spanned="1048576" t:number-columns-spanned="16384"><x:p>a</x:p></t:table-cell>'
)
DIAGONAL = "".join(
    f'<row r="{n}"><c r="A{n}"><v>5</v></c><c r="{column_name(n)}{n}"><v>5</v></c></row>' for n in range(1, 16_384)
)
MERGED = '<mergeCell ref="A1:XFD1048576"/>' * 20_000
HIDDEN = '<col min="2" max="16384" hidden="1"/>' * 50_000
PAIR = '<c r="A1"><v>5</v></c><c r="B1"><v>5</v></c>'

# The file's name, the function that makes it, and its sentence; None if it has text that can be read.
BOMBS: list[tuple[str, Callable[[], bytes], str | None]] = [
    ("zip.docx", lambda: docx(b" " * (80 * MEGABYTE)), TOO_LARGE),
    ("lying.docx", lambda: lying(docx(b" " * (100 * MEGABYTE)), b"word/document.xml", 1000), DAMAGED),
    ("mimetype.odt", lambda: lying(packed({"mimetype": b"a" * (100 * MEGABYTE)}), b"mimetype", 39), DAMAGED),
    ("overlapping.docx", lambda: overlapping(60, 8 * MEGABYTE), f"{TOO_LARGE}|{DAMAGED}"),
    ("bzip2.docx", lambda: packed({"word/document.xml": b" " * (80 * MEGABYTE)}, zipfile.ZIP_BZIP2), DAMAGED),
    ("nested.zip", nested_zip, "not supported"),
    ("parts.docx", lambda: docx("", extra={f"word/p{n}.xml": "" for n in range(60_000)}), TOO_LARGE),
    ("deep.docx", lambda: docx("<w:tbl><w:tr><w:tc>" * 100_000 + "</w:tc></w:tr></w:tbl>" * 100_000), DAMAGED),
    *((f"entities-{code}.docx", lambda code=code: docx(entities(code)), DAMAGED) for code in ("utf-8", "utf-16")),
    *((f"entities-{code}.odt", lambda code=code: odt(entities(code)), DAMAGED) for code in ("utf-8", "utf-32")),
    ("entities.html", lambda: entities("utf-8"), None),
    ("loop.pdf", lambda: pdf(pages(b"2 0 R 2 0 R", 2)), DAMAGED),
    ("loops.pdf", lambda: pdf(pages(b"3 0 R 3 0 R", 2_000_000), pages(b"2 0 R 2 0 R", 1_000_000)), DAMAGED),
    ("million.pdf", lambda: pdf(pages(b"3 0 R", 10**6), PAGE, stream(LINE), FONT), None),
    ("same.pdf", lambda: pdf(pages(b"3 0 R " * 5000, 5000), PAGE, stream(LINE * 500), FONT), STOPPED),
    ("content.pdf", lambda: pdf(pages(b"3 0 R", 1), PAGE, stream(LINE * 1_000_000), FONT), STOPPED),
    ("forms.pdf", nested_forms, STOPPED),
    ("brackets.pdf", lambda: b"%PDF-1.7\n1 0 obj\n" + b"[" * 10**6 + b"\nendobj\ntrailer<</Root 1 0 R>>", DAMAGED),
    ("pixels.png", lambda: png(60_000, 60_000), TOO_LARGE),
    ("white.png", lambda: png(9_000, 9_000), "no text"),
    ("frames.tif", lambda: tiff(20_000), "no text|" + STOPPED),
    ("dimension.xlsx", lambda: xlsx('<dimension ref="A1:XFD1048576"/>' + cells("A1")), None),
    ("corners.xlsx", lambda: xlsx(cells(*CORNERS)), None),
    ("quotes.xlsx", lambda: xlsx(cells(*CORNERS, quote="'")), None),
    ("sheets.xlsx", lambda: xlsx(cells("A1", "H1048576"), sheets=500), None),
    ("diagonal.xlsx", lambda: xlsx(f"<sheetData>{DIAGONAL}</sheetData>"), TOO_LARGE),
    ("merged.xlsx", lambda: xlsx(f"<sheetData>{ROWS}</sheetData>{MERGED}", strings=WORD), None),
    ("row.xlsx", lambda: xlsx(f'<sheetData><row r="1">{"<c><v>5</v></c>" * 16_000}</row></sheetData>'), None),
    ("columns.xlsx", lambda: xlsx(f'<cols>{HIDDEN}</cols><sheetData><row r="1">{PAIR}</row></sheetData>'), None),
    (
        "strings.xlsx",
        lambda: xlsx(f"<sheetData>{ROWS}</sheetData>", strings=f"<si><t>{'word ' * 400}</t></si>"),
        STOPPED,
    ),
    ("rows.ods", lambda: ods_body(f'<t:table-row t:number-rows-repeated="1048576">{CELL}</t:table-row>'), None),
    ("cells.ods", lambda: ods_body(f"<t:table-row>{CELL}{WIDE}</t:table-row>" * 1_000), TOO_LARGE),
    ("merged.ods", lambda: ods_body(f"<t:table-row>{MERGED_CELL}</t:table-row>" * 5_000), None),
    ("spaces.odt", lambda: odt_body('<text:p>a<text:s text:c="2000000000"/>b</text:p>'), None),
    ("spine.epub", lambda: epub(1, "word " * 20_000, repeated=100_000), None),
    ("chapters.epub", lambda: epub(3000, "It rained."), None),
    ("deep.html", lambda: b"<div>" * 50_000 + b"at the bottom", None),
    ("list.html", lambda: b"<ol>" + b"<li>item</li>" * 12_000, None),
    ("deep-table.html", lambda: b"<table><tr><td>cell" * 20_000, None),
    ("spans.html", lambda: b"<table>" + b"<tr><td colspan=1000 rowspan=65534>x" * 20_000, None),
    ("rules.html", lambda: b"<style>" + b".a .b .c{color:red}" * 5_000 + b"</style>" + b"<p class=c>x" * 5_000, None),
    ("braces.html", lambda: b"<style>" + b"/*{" * 300_000 + b"</style>x y", None),
    ("brackets.md", lambda: b"[a](<" * 20_000, None),
    ("punycode.html", lambda: b"<meta charset=punycode>\xff\xfe\x80" + b"abc-" * 100_000, None),
    ("picture.md", lambda: b"![](" + b" " * 300_000 + b"x y", None),
    ("line.csv", lambda: b"lorem ipsum dolor " * 60_000, None),
    ("cells.csv", lambda: b"1," * 60_000, None),
    ("ragged.csv", lambda: b"a," * 30_000 + b"\n" + b"b,c\n" * 30_000, None),
    ("column.csv", lambda: b"word\n" * 100_000, None),
    ("deep.json", lambda: b"[" * 10**5 + b"1" + b"]" * 10**5, None),
    ("indented.json", lambda: b"[" * 200 + b"1," * 200_000 + b"1" + b"]" * 200, None),
    ("spans.docx", lambda: docx(f"<w:tbl>{TALL}</w:tbl>"), None),
    ("raised.docx", lambda: docx(f"<w:p>{RAISED * 50_000}</w:p>"), None),
    ("repeated.odt", lambda: odt_body(REPEATED * 40 + "<text:p>deep</text:p>" + REPEATED_END * 40), None),
    ("stream.hwp", lambda: hwp(bytes(400 * MEGABYTE)), TOO_LARGE),
    ("records.hwp", lambda: hwp(bytes(16 * MEGABYTE)), TOO_LARGE),
    ("cells.hwp", lambda: hwp(paragraph("\x0b", inner=table(1, FAR_CELLS))), TOO_LARGE),
    ("columns.rtf", ragged_rtf, None),
    ("deep.rtf", lambda: rb"{\rtf1 " + b"{" * 300_000 + b"text" + b"}" * 300_000, None),
    (
        "deep.eml",
        lambda: mail(b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(900))),
        DAMAGED,
    ),
    ("within.eml", lambda: mail(b"Content-Type: message/rfc822\n\n" * 10_000 + b"\nat the bottom"), DAMAGED),
    ("parts.eml", lambda: mail(b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 30_000), None),
    ("flowed.eml", lambda: mail(b"Content-Type: text/plain; format=flowed\n\n" + b"word \n" * 100_000), None),
    ("comments.eml", lambda: mail(b"To: " + b"(" * 100_000 + b"\n\ntext"), None),
    ("names.eml", lambda: mail(b'Content-Type: text/plain; name="' + b";" * 10_000 + b'"\n\ntext'), None),
    ("sentence.txt", lambda: b"one sentence without an end, " * 60_000, None),
]


def mail(rest: bytes) -> bytes:
    return b"Subject: A mail\n" + rest


class Reading:
    """The outcome of reading a file: its text or the sentence, and the most memory that the process had, in bytes."""

    def __init__(self) -> None:
        self.text = ""
        self.sentence = ""
        self.memory = 0
        self.seconds = 0.0

    def note_memory(self, process: Any) -> None:
        if sys.platform == "linux" and process is not None:
            status = Path(f"/proc/{process.pid}/status")
            try:
                peak = next((line for line in status.read_text("ascii").splitlines() if "VmHWM" in line), None)
            except OSError:  # it is gone
                return
            self.memory = max(self.memory, int(peak.split()[1]) * 1024 if peak else 0)


@cache
def tokenizer() -> str:
    loaded = Tokenizer.from_file(str(bundled_folder() / "tokenizer.json"))
    loaded.no_truncation()
    loaded.no_padding()
    return str(loaded.to_str())


@pytest.fixture(scope="module")
def reader(loop: EventLoopThread) -> Iterator[ReaderProcess]:
    """One for all files, as in the app: its process goes on after a file that it has read or refused."""
    shared = ReaderProcess()
    yield shared
    loop.run(shared.close())


async def read(reader: ReaderProcess, folder: Path, name: str, data: bytes) -> Reading:
    embedder: Any = SimpleNamespace(tokenizer=tokenizer(), fingerprint="bundled", max_tokens=256)
    reading, doc_id = Reading(), document_id(data)
    FileStore(folder).write(doc_id, data)
    await reader.start()
    process = reader._process

    async def watch() -> None:
        while True:
            reading.note_memory(process)
            await asyncio.sleep(0.02)

    watching = asyncio.create_task(watch())
    begun = time.monotonic()
    try:
        async with aclosing(reader.read(folder, doc_id, name, len(data), embedder)) as messages:
            async for message in messages:
                if isinstance(message, Chunked):
                    reading.text += "\n".join(chunk.chunk.text for chunk in message.chunks)
                    if len(reading.text) > 100_000:  # read it is; indexing it all would only take its time
                        break
    except ReadError as error:
        reading.sentence = str(error)
    finally:
        reading.seconds = time.monotonic() - begun
        watching.cancel()
    return reading


@pytest.mark.parametrize(("name", "make", "said"), BOMBS, ids=[name for name, *_ in BOMBS])
def test_bomb_is_read_or_refused(
    loop: EventLoopThread,
    reader: ReaderProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    make: Callable[[], bytes],
    said: str | None,
) -> None:
    # The real limit is near half a minute. A short limit shows as well that the reader is stopped.
    monkeypatch.setattr(reader_process, "SILENT_SECONDS", 2.0 if said == STOPPED else SECONDS)
    reading = loop.run(read(reader, tmp_path, name, make()))
    assert reading.seconds < SECONDS
    assert reading.memory < 1_000_000_000
    if said is None:
        assert reading.text.strip() and not reading.sentence
    else:
        assert reading.sentence.startswith(f"{name} ") and reading.sentence.endswith(".")
        assert any(part in reading.sentence for part in said.split("|")), reading.sentence


def test_large_texts_are_no_bombs(loop: EventLoopThread, reader: ReaderProcess, tmp_path: Path) -> None:
    for name, data in (
        ("long.txt", b"The ferry leaves at noon. hello world, and so on. " * 20_000),
        ("rows.csv", b"abcdef,ghijkl,mnopqr\n" * 50_000),
    ):
        reading = loop.run(read(reader, tmp_path, name, data))
        assert reading.text and not reading.sentence
