"""Damage of every kind: a file ends as pages of sound text or as one sentence, whatever is in it."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pptx import Presentation
from reportlab.pdfgen.canvas import Canvas

from rag.errors import ReadError
from rag.readers.read import SUPPORTED, read

# Random, so that each run tries something new; what fails is printed with what made it so.
BOUNDED = settings(max_examples=120, deadline=None, database=None, suppress_health_check=list(HealthCheck))


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


WHOLE = {
    ".pdf": _pdf(),
    ".xlsx": _xlsx(),
    ".pptx": _pptx(),
    ".docx": _docx(),
    ".odt": _odt(),
    ".epub": _epub(),
    ".rtf": rb"{\rtf1\ansi\ansicpg1252{\fonttbl\f0 Arial;}\f0 Harbour \'e9\u8364?\par {\b ferry}\cell}",
    ".html": "<html><head><title>T</title></head><body><ol><li>a<li>b</ol><table><tr><td>Größe</table>".encode(),
    ".csv": '"harbour";1,5\n"fer""ry";2\n'.encode("utf-16"),
    ".json": b'{"harbour": [1, {"ferry": "\\ud83d\\udea2"}], "n": 1e5}',
    ".ipynb": b'{"cells": [{"cell_type": "code", "source": ["x = 1"], "outputs": [{"text": ["1"]}]}]}',
    ".md": b"# Harbour\n\n![a ferry](data:image/png;base64,AAAA)\n\n| a | b |\n| - | - |\n| 1 | 2 |\n",
}


def is_read_or_refused(name: str, data: bytes) -> None:
    try:
        pages = read(name, data)
    except ReadError as error:
        sentence = str(error)
        assert sentence.startswith(name) and sentence.endswith(".") and "\n" not in sentence
        return
    assert pages
    for page in pages:
        assert page.text.strip() and "\0" not in page.text
        page.text.encode("utf-8")  # no halves of characters


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """A file in which bytes were changed, lost, doubled or moved."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 6))):
        if not data:
            break
        at = draw(st.integers(0, len(data) - 1))
        length = draw(st.integers(1, 64))
        match draw(st.sampled_from(("flip", "random", "cut", "drop", "double", "number"))):
            case "flip":
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "random":
                data[at : at + length] = draw(st.binary(min_size=1, max_size=length))
            case "cut":
                del data[at:]
            case "drop":
                del data[at : at + length]
            case "double":
                data[at:at] = data[at : at + length] * draw(st.integers(1, 20))
            case _:
                data[at : at + 4] = draw(
                    st.sampled_from((b"\xff\xff\xff\xff", b"\0\0\0\0", b"9999", b"\xff\xff\xff\x7f"))
                )
    return bytes(data)


@pytest.mark.parametrize("ending", WHOLE)
def test_damaged_file_is_read_or_refused(ending: str) -> None:
    @BOUNDED
    @given(damaged(WHOLE[ending]))
    def check(data: bytes) -> None:
        is_read_or_refused(f"harbour{ending}", data)

    is_read_or_refused(f"harbour{ending}", WHOLE[ending])
    check()


@pytest.mark.parametrize("ending", [".docx", ".odt", ".epub", ".xlsx", ".pptx"])
def test_package_with_damaged_parts_is_read_or_refused(ending: str) -> None:
    """Damage that the checksums of the package don't give away."""
    with zipfile.ZipFile(BytesIO(WHOLE[ending])) as package:
        parts = {name: package.read(name) for name in package.namelist() if not name.endswith((".jpeg", ".bin"))}
    marked = [name for name in parts if name.endswith((".xml", ".rels", ".opf", ".xhtml"))]

    @settings(BOUNDED, max_examples=50)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        changed = dict(parts)
        for name in data.draw(st.lists(st.sampled_from(marked), min_size=1, max_size=2, unique=True)):
            changed[name] = data.draw(damaged(parts[name]))
        target = BytesIO()
        with zipfile.ZipFile(target, "w") as package:
            for name, part in changed.items():
                package.writestr(name, part)
        is_read_or_refused(f"harbour{ending}", target.getvalue())

    check()


@settings(BOUNDED, max_examples=1000)
@given(st.sampled_from(SUPPORTED), st.binary(max_size=400))
def test_any_bytes_under_any_name_are_read_or_refused(ending: str, data: bytes) -> None:
    is_read_or_refused(f"noise{ending}", data)


@settings(BOUNDED, max_examples=200)
@given(
    st.sampled_from([".txt", ".md", ".html", ".csv", ".json", ".rtf"]),
    st.text(max_size=300),
    st.sampled_from(["utf-8", "utf-16", "utf-32", "cp949", "cp932", "gb18030", "big5hkscs", "cp1252"]),
)
def test_any_text_in_any_encoding_is_read_or_refused(ending: str, text: str, encoding: str) -> None:
    is_read_or_refused(f"text{ending}", text.encode(encoding, "replace"))
