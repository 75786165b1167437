"""A small sound file of each format, made here. Each has the word "harbour" or "Harbour"."""

from __future__ import annotations

import zipfile
from email.message import EmailMessage
from io import BytesIO
from typing import Any

import xlsxwriter
import xlwt
from PIL import Image, ImageDraw, ImageFont
from pptx import Presentation
from reportlab.pdfgen.canvas import Canvas

from tests.readers.hwp_files import hwp, hwpx, paragraph, table
from tests.readers.ole import attachment, compressed_rtf, message_storage, ole


def picture(*lines: str, size: int = 36, width: int = 900) -> Image.Image:
    """Lines of type, black on white, as a scanner sees them."""
    drawn = Image.new("RGB", (width, 40 + 2 * size * len(lines)), "white")
    pen = ImageDraw.Draw(drawn)
    for number, line in enumerate(lines):
        pen.text((40, 20 + 2 * size * number), line, "black", ImageFont.load_default(size))
    return drawn


def saved(drawn: Image.Image, kind: str, **options: Any) -> bytes:
    """A picture as a file of this kind."""
    target = BytesIO()
    drawn.save(target, kind, **options)
    return target.getvalue()


def _pdf() -> bytes:
    target = BytesIO()
    canvas = Canvas(target, pageCompression=0)
    for page in range(3):
        canvas.drawString(72, 700, f"The harbour on page {page}")
        canvas.showPage()
    canvas.save()
    return target.getvalue()


def _xlsx() -> bytes:
    target = BytesIO()
    workbook = xlsxwriter.Workbook(target)
    sheet = workbook.add_worksheet()
    for row in range(5):
        sheet.write_row(row, 0, ["harbour", row, row / 3])
    sheet.write_comment("A1", "a note")
    workbook.close()
    return target.getvalue()


def _pptx() -> bytes:
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Harbour"
    slide.notes_slide.notes_text_frame.text = "a note"
    target = BytesIO()
    deck.save(target)
    return target.getvalue()


def _packed(parts: dict[str, str]) -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as package:
        for name, part in parts.items():
            package.writestr(name, part)
    return target.getvalue()


def _docx() -> bytes:
    office = "http://schemas.openxmlformats.org"
    return _packed(
        {
            "[Content_Types].xml": f'<Types xmlns="{office}/package/2006/content-types"/>',
            "_rels/.rels": f'<Relationships xmlns="{office}/package/2006/relationships"><Relationship Id="r1" '
            f'Type="{office}/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>'
            "</Relationships>",
            "word/document.xml": f'<w:document xmlns:w="{office}/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>'
            "Harbour</w:t></w:r></w:p><w:tbl><w:tr><w:tc><w:p><w:r><w:t>cell</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
            "</w:body></w:document>",
        }
    )


def _odt() -> bytes:
    names = " ".join(f'xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for n in ("office", "text", "table"))
    return _packed(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "META-INF/manifest.xml": "<manifest/>",
            "styles.xml": f"<office:document-styles {names}/>",
            "content.xml": f"<office:document-content {names}><office:body><office:text><text:h>Harbour</text:h>"
            "<text:p>A ferry</text:p></office:text></office:body></office:document-content>",
        }
    )


def _xls() -> bytes:
    workbook = xlwt.Workbook()
    sheet = workbook.add_sheet("Sheet1")
    for row in range(5):
        for column, value in enumerate(("harbour", row, row / 3)):
            sheet.write(row, column, value)
    target = BytesIO()
    workbook.save(target)
    return target.getvalue()


def _ods() -> bytes:
    names = " ".join(f'xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for n in ("office", "text", "table"))
    cells = "".join(f"<table:table-cell><text:p>{text}</text:p></table:table-cell>" for text in ("Harbour", "ferry"))
    return _packed(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": "<manifest/>",
            "styles.xml": f"<office:document-styles {names}/>",
            "content.xml": f"<office:document-content {names}><office:body><office:spreadsheet>"
            f'<table:table table:name="A"><table:table-row table:number-rows-repeated="3">{cells}</table:table-row>'
            "</table:table></office:spreadsheet></office:body></office:document-content>",
        }
    )


def odp(slides: str, styles: str = "") -> bytes:
    """A presentation of these slides (`draw:page`) and automatic styles."""
    names = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{full}:1.0"'
        for short, full in [
            *((name, name) for name in ("office", "text", "table", "style", "presentation")),
            ("draw", "drawing"),
            ("svg", "svg-compatible"),
        ]
    )
    return _packed(
        {
            "mimetype": "application/vnd.oasis.opendocument.presentation",
            "META-INF/manifest.xml": "<manifest/>",
            "content.xml": f'<office:document-content {names} xmlns:dc="http://purl.org/dc/elements/1.1/">'
            f"<office:automatic-styles>{styles}</office:automatic-styles><office:body><office:presentation>{slides}"
            "</office:presentation></office:body></office:document-content>",
        }
    )


def _epub() -> bytes:
    return _packed(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container><rootfile full-path="book.opf"/></container>',
            "book.opf": '<package><manifest><item id="a" href="a.xhtml"/></manifest><spine><itemref idref="a"/></spine>'
            "</package>",
            "a.xhtml": "<html><body><h1>Harbour</h1><p>A ferry</p></body></html>",
        }
    )


def _eml() -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Ute <ute@example.org>", "harbour@example.org", "Fähre"
    mail.set_content("The harbour is closed.\n")
    mail.add_alternative("<p>The <b>harbour</b> is closed.</p>", subtype="html")
    mail.add_attachment(b"boat,price\nferry,9\n", maintype="text", subtype="csv", filename="prices.csv")
    return bytes(mail)


# Suffix → a file of the format.
SAMPLES = {
    ".pdf": _pdf(),
    ".xlsx": _xlsx(),
    ".pptx": _pptx(),
    ".docx": _docx(),
    ".odt": _odt(),
    ".ods": _ods(),
    ".xls": _xls(),
    ".epub": _epub(),
    ".rtf": rb"{\rtf1\ansi\ansicpg1252{\fonttbl\f0 Arial;}\f0 Harbour \'e9\u8364?\par {\b ferry}\cell}",
    ".hwp": hwp(paragraph("Harbour 항구") + paragraph("\x0b", inner=table(1, [(0, 0, 1, 1, "a"), (0, 1, 1, 1, "b")]))),
    ".hwpx": hwpx("<hp:p><hp:run><hp:t>Harbour 항구</hp:t></hp:run></hp:p>"),
    ".html": "<html><head><title>Harbour</title></head><body><ol><li>a<li>b</ol><table><tr><td>Größe</table>".encode(),
    ".csv": '"harbour";1,5\n"fer""ry";2\n'.encode("utf-16"),
    ".json": b'{"harbour": [1, {"ferry": "\\ud83d\\udea2"}], "n": 1e5}',
    ".ipynb": b'{"cells": [{"cell_type": "code", "source": ["harbour = 1"], "outputs": [{"text": ["1"]}]}]}',
    ".eml": _eml(),
    ".mhtml": b"From: <Saved>\nSubject: Harbour\nMIME-Version: 1.0\nContent-Type: multipart/related; boundary=b\n\n"
    b"--b\nContent-Type: text/html\n\n<title>Harbour</title><p>A ferry</p>\n--b--\n",
    ".msg": ole(
        message_storage(
            {0x37: "Harbour", 0x1009: compressed_rtf(rb"{\rtf1\ansi A ferry}"), 0x1000: "A ferry"},
            [(1, "Ute", "ute@example.org")],
            [attachment("prices.csv", b"boat,price\nferry,9\n")],
        )
    ),
    ".odp": odp(
        '<draw:page><draw:frame svg:x="1cm" svg:y="2cm"><draw:text-box><text:p>Harbour</text:p></draw:text-box>'
        "</draw:frame></draw:page>"
    ),
    ".py": b"# The harbour\ndef ferry():\n    return 1\n",
    ".md": b"# Harbour\n\n![a ferry](data:image/png;base64,AAAA)\n\n| a | b |\n| - | - |\n| 1 | 2 |\n",
    **{
        ending: saved(picture("The harbour is old."), kind)
        for ending, kind in ((".png", "PNG"), (".jpg", "JPEG"), (".tif", "TIFF"), (".webp", "WEBP"))
    },
    ".txt": "The harbour of Malmö\n\nA ferry leaves at noon.\n".encode("utf-16"),
}
