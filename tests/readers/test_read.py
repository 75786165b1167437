"""Every format with its text, tables, notes and page numbers; every error; hostile files. All files are made here."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Callable

import pypdfium2
import pytest
import xlsxwriter
from lxml import etree
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.opc.package import Part
from pptx.opc.packuri import PackURI
from pptx.util import Inches
from reportlab.pdfgen import canvas

from rag.errors import ReadError
from rag.readers.pdf import is_garbage
from rag.readers.read import SUPPORTED, read

WORD = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"'
)
ODF = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "text", "table", "style")
)


def packed(parts: dict[str, str | bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        for name, part in parts.items():
            package.writestr(name, part)
    return target.getvalue()


def pdf(*pages: str | list[str], password: str | None = None) -> bytes:
    target = io.BytesIO()
    drawing = canvas.Canvas(target, encrypt=password)
    for page in pages:
        for row, line in enumerate([page] if isinstance(page, str) else page):
            drawing.drawString(72, 760 - 14 * row, line)
        drawing.showPage()
    drawing.save()
    return target.getvalue()


def paragraph(text: str, style: str = "") -> str:
    marked = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f'<w:p>{marked}<w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'


def docx(body: str, extra: dict[str, str | bytes] | None = None, before: str = "", namespaces: str = WORD) -> bytes:
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    return packed(
        {
            "[Content_Types].xml": f'<Types xmlns="{package}/content-types"/>',
            "_rels/.rels": f'<Relationships xmlns="{package}/relationships">'
            f'<Relationship Id="r1" Type="{office}/officeDocument" Target="word/document.xml"/></Relationships>',
            "word/document.xml": f"{before}<w:document {namespaces}><w:body>{body}</w:body></w:document>",
            **(extra or {}),
        }
    )


def odt(body: str, manifest: str = "<manifest/>") -> bytes:
    content = f"<office:document-content {ODF}><office:body><office:text>{body}</office:text></office:body>"
    return packed(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "META-INF/manifest.xml": manifest,
            "styles.xml": f"<office:document-styles {ODF}/>",
            "content.xml": f"{content}</office:document-content>",
        }
    )


def epub(chapters: dict[str, str], spine: list[str], extra: dict[str, str | bytes] | None = None) -> bytes:
    items = "".join(f'<item id="i{n}" href="{name}"/>' for n, name in enumerate(chapters))
    order = "".join(f'<itemref idref="i{list(chapters).index(name)}"/>' for name in spine)
    return packed(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container><rootfile full-path="OPS/book.opf"/></container>',
            "OPS/book.opf": '<package xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The Book</dc:title>'
            f"<manifest>{items}</manifest><spine>{order}</spine></package>",
            **{f"OPS/{name}": text for name, text in chapters.items()},
            **(extra or {}),
        }
    )


def pptx(build: Callable[[Presentation], None]) -> bytes:
    deck = Presentation()
    build(deck)
    target = io.BytesIO()
    deck.save(target)
    return target.getvalue()


def text_of(name: str, data: bytes) -> str:
    (page,) = read(name, data)
    assert page.number is None
    return page.text


def error_of(name: str, data: bytes) -> str:
    with pytest.raises(ReadError) as caught:
        read(name, data)
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence


# --- PDF


def test_pdf_pages_keep_their_numbers_and_blank_pages_are_left_out() -> None:
    pages = read("a.pdf", pdf("First page", "", "Third page"))
    assert [(page.number, page.text) for page in pages] == [(1, "First page"), (3, "Third page")]


def test_pdf_progress_counts_all_pages() -> None:
    seen: list[tuple[int, int]] = []
    read("a.pdf", pdf("One", "", "Three"), lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_an_error_of_progress_comes_out_unchanged() -> None:
    def stop(done: int, total: int) -> None:
        raise KeyError("stopped")

    with pytest.raises(KeyError, match="stopped"):
        read("a.pdf", pdf("One"), stop)


def test_pdf_words_split_at_a_line_end_are_joined_and_compounds_keep_their_hyphen() -> None:
    (page,) = read(
        "a.pdf", pdf(["The self-driving cars were a remark-", "able sight, and so were self-", "driving vans."])
    )
    assert "remarkable" in page.text
    assert page.text.count("self-driving") == 2


def test_pdf_is_known_by_its_content() -> None:
    data = pdf("Known anyway")
    assert read("no_extension", data)[0].text == "Known anyway"
    assert read("wrong.txt", data)[0].text == "Known anyway"
    assert read("late.pdf", b"wrapper " * 20 + data)[0].text == "Known anyway"


def test_the_entries_of_a_pdf_form_are_read() -> None:
    target = io.BytesIO()
    drawing = canvas.Canvas(target)
    drawing.drawString(72, 700, "Name:")
    drawing.acroForm.textfield(name="name", value="Ada Filled", x=120, y=690, width=200, height=20)
    drawing.showPage()
    drawing.save()
    assert "Ada Filled" in read("form.pdf", target.getvalue())[0].text


def test_a_text_layer_of_glyph_numbers_is_told_from_text() -> None:
    assert is_garbage("\ufffd\ufffd\x01 a \x02\x9c")
    assert is_garbage("ϸЇԔΰÎߙΨϣķgϙʆϢiੌඥഀဍೕϢiͳ")
    assert not is_garbage("Δx = ½ℏ∂ψ of the α-particle, in Москва and 서울")


def test_a_page_that_cant_be_read_doesnt_lose_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    load = pypdfium2.PdfDocument.get_page

    def load_all_but_the_second(document: pypdfium2.PdfDocument, index: int) -> pypdfium2.PdfPage:
        if index == 1:
            raise pypdfium2.PdfiumError("Failed to load page.")
        return load(document, index)

    monkeypatch.setattr(pypdfium2.PdfDocument, "__getitem__", load_all_but_the_second)
    pages = read("a.pdf", pdf("First", "Second", "Third"))
    assert [(page.number, page.text) for page in pages] == [(1, "First"), (3, "Third")]


def test_a_pdf_of_which_no_page_can_be_read_is_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(document: pypdfium2.PdfDocument, index: int) -> pypdfium2.PdfPage:
        raise pypdfium2.PdfiumError("Failed to load page.")

    monkeypatch.setattr(pypdfium2.PdfDocument, "__getitem__", fail)
    assert "damaged" in error_of("a.pdf", pdf("First", "Second"))


def test_two_pdfs_are_read_side_by_side() -> None:
    data = pdf(*(f"Page {number}" for number in range(1, 31)))
    results: list[list[str]] = []
    threads = [threading.Thread(target=lambda: results.append([p.text for p in read("a.pdf", data)])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[f"Page {number}" for number in range(1, 31)]] * 4


# --- Office


def test_docx_headings_tables_and_lists_become_light_markdown() -> None:
    rows = "".join(
        f"<w:tr><w:tc>{paragraph(a)}</w:tc><w:tc>{paragraph(b)}</w:tc></w:tr>"
        for a, b in [("City", "Staff"), ("Ulm", "42")]
    )
    styles = (
        f'<w:styles {WORD}><w:style w:type="paragraph" w:styleId="H"><w:name w:val="heading 2"/></w:style></w:styles>'
    )
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    relations = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    relations += f'<Relationship Id="r1" Type="{office}/styles" Target="styles.xml"/></Relationships>'
    data = docx(
        paragraph("Offices", "H") + f"<w:tbl>{rows}</w:tbl>",
        {"word/styles.xml": styles, "word/_rels/document.xml.rels": relations},
    )
    assert text_of("a.docx", data) == "## Offices\n\n| City | Staff |\n| --- | --- |\n| Ulm | 42 |"


def test_docx_content_controls_text_boxes_and_formulas_are_read() -> None:
    box = f"<w:drawing><wps:txbx><w:txbxContent>{paragraph('Boxed')}</w:txbxContent></wps:txbx></w:drawing>"
    data = docx(
        f"<w:sdt><w:sdtContent>{paragraph('Controlled')}</w:sdtContent></w:sdt>"
        f"<w:p><w:r>{box}</w:r></w:p>"
        f'<w:p><w:r><mc:AlternateContent><mc:Choice Requires="wps">{box.replace("Boxed", "Newer")}</mc:Choice>'
        "</mc:AlternateContent></w:r></w:p>"
        "<w:p><m:oMath><m:r><m:t>E=mc</m:t></m:r></m:oMath></w:p>"
    )
    assert text_of("a.docx", data).split() == ["Controlled", "Boxed", "Newer", "E=mc"]


def test_docx_headers_come_once_at_the_end_without_page_numbers() -> None:
    header = f"<w:hdr {WORD}>{paragraph('Acme Ltd.')}{paragraph('Page 3 of 9')}</w:hdr>"
    data = docx(paragraph("Body"), {"word/header1.xml": header, "word/header2.xml": header})
    assert text_of("a.docx", data) == "Body\n\nAcme Ltd."


def test_docx_in_strict_ooxml_or_under_another_name_is_read() -> None:
    strict = WORD.replace("schemas.openxmlformats.org/wordprocessingml/2006", "purl.oclc.org/ooxml/wordprocessingml")
    assert text_of("strict.docx", docx(paragraph("Strictly so"), namespaces=strict)) == "Strictly so"
    assert text_of("renamed.pdf", docx(paragraph("A Word file"))) == "A Word file"


def test_pptx_slides_keep_their_place_with_tables_groups_and_notes() -> None:
    def build(deck: Presentation) -> None:
        first = deck.slides.add_slide(deck.slide_layouts[5])
        first.shapes.title.text = "Results"
        cells = first.shapes.add_table(2, 2, 0, 0, Inches(4), Inches(1)).table
        for row, values in enumerate([("Year", "Profit"), ("2021", "7 %")]):
            for column, value in enumerate(values):
                cells.cell(row, column).text = value
        group = first.shapes.add_group_shape().shapes.add_group_shape()
        group.shapes.add_textbox(0, 0, Inches(1), Inches(1)).text_frame.text = "Grouped"
        deck.slides.add_slide(deck.slide_layouts[6])
        third = deck.slides.add_slide(deck.slide_layouts[6])
        third.notes_slide.notes_text_frame.text = "Say it slowly"

    seen: list[tuple[int, int]] = []
    pages = read("a.pptx", pptx(build), lambda done, total: seen.append((done, total)))
    assert [page.number for page in pages] == [1, 3]
    assert pages[0].text == "# Results\n\n| Year | Profit |\n| --- | --- |\n| 2021 | 7 % |\n\nGrouped"
    assert pages[1].text == "Notes: Say it slowly"
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_pptx_charts_smartart_and_alternative_content_are_read() -> None:
    def build(deck: Presentation) -> None:
        numbers = CategoryChartData()
        numbers.categories = ["North", "South"]
        numbers.add_series("Sales", (3, 4.5))
        numbers.add_series("Costs", (1, 2))
        first = deck.slides.add_slide(deck.slide_layouts[6]).shapes
        first.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, 0, Inches(4), Inches(3), numbers)
        second = deck.slides.add_slide(deck.slide_layouts[6]).shapes
        box = second.add_textbox(0, 0, Inches(1), Inches(1))
        box.text_frame.text = "Newer"
        markup = "http://schemas.openxmlformats.org/markup-compatibility/2006"
        alternatives = etree.SubElement(box._element.getparent(), f"{{{markup}}}AlternateContent")
        etree.SubElement(alternatives, f"{{{markup}}}Choice", Requires="a14").append(box._element)

        third = deck.slides.add_slide(deck.slide_layouts[6])
        drawing = "http://schemas.openxmlformats.org/drawingml/2006"
        model = f'<dgm:dataModel xmlns:dgm="{drawing}/diagram" xmlns:a="{drawing}/main">'
        blob = f"{model}<a:p><a:r><a:t>Chief</a:t></a:r></a:p></dgm:dataModel>".encode()
        office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
        part = Part(PackURI("/ppt/diagrams/data1.xml"), "application/xml", deck.part.package, blob)
        relation = third.part.relate_to(part, f"{office}/diagramData")
        frame = third.shapes.add_table(1, 1, 0, 0, Inches(1), Inches(1))._element
        data = frame.find(".//{*}graphicData")
        data.clear()
        data.set("uri", f"{drawing}/diagram")
        etree.SubElement(data, f"{{{drawing}/diagram}}relIds").set(f"{{{office}}}dm", relation)

    chart, alternative, smart_art = read("a.pptx", pptx(build))
    assert smart_art.text == "Chief"
    assert chart.text == "|  | Sales | Costs |\n| --- | --- | --- |\n| North | 3 | 1 |\n| South | 4.5 | 2 |"
    assert alternative.text == "Newer"


def test_an_odd_shape_doesnt_lose_the_slides() -> None:
    def build(deck: Presentation) -> None:
        shapes = deck.slides.add_slide(deck.slide_layouts[6]).shapes
        shapes.add_textbox(0, 0, Inches(1), Inches(1)).text_frame.text = "Sound"
        frame = shapes.add_table(1, 1, 0, 0, Inches(1), Inches(1))
        frame.table.cell(0, 0).text = "Odd"
        del frame._element.find(".//{*}graphicData").attrib["uri"]

    assert read("a.pptx", pptx(build))[0].text == "Sound\n\nOdd"


def test_xlsx_sheets_become_tables_with_their_names_and_notes() -> None:
    target = io.BytesIO()
    workbook = xlsxwriter.Workbook(target)
    staff = workbook.add_worksheet("Staff")
    staff.write_row(0, 0, ["Name", "Days"])
    staff.write_row(1, 0, ["Kim | Lee", 12.0])
    staff.write_row(2, 0, ["Park", 2.5])
    staff.write_comment("A2", "On leave")
    workbook.add_worksheet("Empty")
    workbook.add_worksheet("Notes").write(0, 0, "Just a line")
    workbook.close()
    pages = read("a.xlsx", target.getvalue())
    assert [page.number for page in pages] == [1, 3]
    table = "| Name | Days |\n| --- | --- |\n| Kim \\| Lee; Comment: On leave | 12 |\n| Park | 2.5 |"
    assert pages[0].text == f"# Staff\n\n{table}"
    assert pages[1].text == "# Notes\n\nJust a line"


def test_odt_headings_and_tables_are_read_as_written() -> None:
    cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
    rows = "".join(
        f"<table:table-row>{cell.format(a)}{cell.format(b)}</table:table-row>"
        for a, b in [("Month", "Rain"), ("May", "31 mm")]
    )
    data = odt(
        f'<text:h text:outline-level="1">Climate</text:h><text:p>a_b * c</text:p><table:table>{rows}</table:table>'
    )
    text = text_of("a.odt", data)
    assert text.startswith("# Climate\n\na_b * c\n\n| Month | Rain |\n|")
    assert text.endswith("|\n| May | 31 mm |")


def test_rtf_is_read_in_its_code_page() -> None:
    data = b"{\\rtf1\\ansi\\ansicpg949 " + "한국어 문서".encode("cp949") + b" \\u-10240? end}"
    assert text_of("a.rtf", data).split() == ["한국어", "문서", "end"]


# --- Markup and text


def test_html_loses_scripts_navigation_and_pictures_and_keeps_tables() -> None:
    html = (
        "<html><head><title>Prices</title><style>p{}</style></head><body><nav>Home</nav><script>evil()</script>"
        '<h2>List</h2><p>One <a href="http://elsewhere/">link</a> <img src="data:image/png;base64,AAAA" alt="x"></p>'
        "<!-- hidden --><table><tr><th>Item</th><th>Price</th></tr><tr><td>a|b</td><td>5</td></tr></table></body>"
    )
    expected = "# Prices\n\n## List\n\nOne link\n\n| Item | Price |\n| --- | --- |\n| a\\|b | 5 |"
    assert text_of("a.html", html.encode()) == expected


def test_html_charset_is_taken_from_the_page_or_guessed() -> None:
    declared = '<meta charset="iso-8859-2"><p>żółć</p>'.encode("iso-8859-2")
    assert text_of("a.html", declared) == "żółć"
    assert text_of("b.html", "<p>휴가는 매년 15일입니다.</p>".encode("cp949")) == "휴가는 매년 15일입니다."


def test_epub_chapters_come_in_the_order_of_the_spine() -> None:
    chapters = {"b.xhtml": "<h1>Two</h1><p>later</p>", "a.xhtml": "<h1>One</h1><p>sooner</p>"}
    text = text_of("a.epub", epub(chapters, ["a.xhtml", "b.xhtml"]))
    assert text == "# The Book\n\n# One\n\nsooner\n\n# Two\n\nlater"


def test_markdown_has_descriptions_in_place_of_pictures() -> None:
    data = (
        b"# Title\n\n![a duck](http://elsewhere/duck.png) and ![](data:image/png;base64,QUJD)\n\n| a | b |\n|---|---|\n"
    )
    assert text_of("a.md", data) == "# Title\n\na duck and\n\n| a | b |\n| --- | --- |"


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_csv_becomes_a_table_whatever_splits_its_cells(sign: str) -> None:
    data = f'Name{sign}Note\nKim{sign}"two\nlines{sign} one cell"\n'.encode()
    shown = f"two lines{sign} one cell".replace("|", "\\|").replace("\t", " ").replace("  ", " ")
    assert text_of("a.csv", data) == f"| Name | Note |\n| --- | --- |\n| Kim | {shown} |"


def test_json_is_laid_out_with_its_escapes_resolved() -> None:
    assert text_of("a.json", b'{"city":"\\uc11c\\uc6b8"}') == "city: 서울"
    assert text_of("a.jsonl", b'{"a":1}\n{"b":2}\n') == "a: 1\n\nb: 2"
    assert text_of("cut.json", b'{"a": 1, "b') == '{"a": 1, "b'


def test_notebook_cells_are_read_with_their_outputs() -> None:
    cells = (
        '[{"cell_type":"markdown","source":["# Hi"]},{"cell_type":"code","source":"1+1","outputs":[{"text":["2"]}]}]'
    )
    assert text_of("a.ipynb", f'{{"cells":{cells}}}'.encode()) == "# Hi\n\n```\n1+1\n```\n\n2"


def test_source_code_keeps_its_lines_in_a_fence() -> None:
    assert (
        text_of("a.py", b"# no heading\ndef f():\n    return 1\n") == "```\n# no heading\ndef f():\n    return 1\n```"
    )
    assert text_of("a.yaml", b"a: 1\n") == "```\na: 1\n```"


def test_files_made_for_secrets_are_no_format() -> None:
    assert not {".env", ".pem", ".key"} & set(SUPPORTED)


def test_text_without_an_extension_is_text() -> None:
    assert text_of("README", b"Read me") == "Read me"


def test_three_megabytes_on_one_line_are_whole() -> None:
    assert len(text_of("a.txt", b"word " * 600_000)) == 2_999_999


def test_every_supported_extension_has_a_dot_and_is_lower_case() -> None:
    assert {".pdf", ".docx", ".pptx", ".xlsx", ".odt", ".rtf", ".epub", ".html", ".md", ".txt", ".csv", ".json"} <= set(
        SUPPORTED
    )
    assert all(extension.startswith(".") and extension == extension.lower() for extension in SUPPORTED)


# --- Errors

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("old.doc", OLE + "WordDocument".encode("utf-16-le")),
        ("old.ppt", OLE + "PowerPoint Document".encode("utf-16-le")),
        ("옛글.hwp", b"HWP Document File V3.00 \x1a\1\2\3\4\5"),
        ("picture.gif", b"GIF89a"),
        ("files.zip", packed({"a.txt": "text"})),
    ],
)
def test_a_format_that_isnt_supported_is_named_so(name: str, data: bytes) -> None:
    sentence = error_of(name, data)
    assert sentence.startswith(f"{name} is a") and "not supported" in sentence


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.pdf", pdf("Secret", password="key")),
        ("a.docx", OLE + "EncryptedPackage".encode("utf-16-le")),
        ("a.odt", odt("", "<manifest><file-entry><encryption-data/></file-entry></manifest>")),
        ("a.epub", epub({"a.xhtml": "x"}, ["a.xhtml"], {"META-INF/encryption.xml": '<c URI="OPS/a.xhtml"/>'})),
    ],
)
def test_a_protected_file_asks_for_its_password_to_be_removed(name: str, data: bytes) -> None:
    assert "password" in error_of(name, data)


WHOLE = docx(paragraph("Whole"))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("html.pdf", b"<html><body>Not found</body></html>"),
        ("cut.pdf", b"%PDF-1.7\n1 0 obj\n<<"),
        ("cut.docx", WHOLE[: len(WHOLE) // 2]),
        ("other.docx", packed({"a.txt": "an ordinary zip"})),
        ("text.odt", b"This is not a zip file!"),
        ("ill-formed.docx", docx("<w:p>")),
        ("no-slides.pptx", packed({"[Content_Types].xml": "<Types/>", "ppt/presentation.xml": "<p/>"})),
        ("no-sheets.xlsx", packed({"[Content_Types].xml": "<Types/>", "xl/workbook.xml": "<x"})),
        ("noise.txt", bytes(range(256)) * 8),
        ("noise.html", bytes(range(256)) * 8),
    ],
)
def test_a_damaged_or_misnamed_file_is_named_so(name: str, data: bytes) -> None:
    sentence = error_of(name, data)
    assert sentence.startswith(name) and "damaged" in sentence


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("blank.pdf", pdf("", "")),
        ("empty.txt", b""),
        ("spaces.txt", b" \n\t\n"),
        ("blank.docx", docx("<w:p/>")),
        ("blank.pptx", pptx(lambda deck: deck.slides.add_slide(deck.slide_layouts[6]))),
        ("blank.json", b"{}"),
    ],
)
def test_a_file_without_text_says_so(name: str, data: bytes) -> None:
    assert f"{name} has no text" in error_of(name, data)


def test_the_sentence_names_the_file_without_its_folder_and_not_at_full_length() -> None:
    assert error_of("../../secret/empty.txt", b"").startswith("empty.txt has")
    assert len(error_of("x" * 240 + ".txt", b"")) < 200


# --- Hostile files


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    assert "too large" in error_of("bomb.docx", docx(paragraph("x"), {"word/media/a.bin": bytes(100 * 2**20)}))


def test_a_sheet_with_cells_in_far_corners_is_read_without_the_cells_between() -> None:
    target = io.BytesIO()
    workbook = xlsxwriter.Workbook(target)
    sheet = workbook.add_worksheet()
    sheet.write("A1", "near")
    sheet.write("XFD1048576", "far")
    workbook.close()
    assert read("vast.xlsx", target.getvalue())[0].text == "# Sheet1\n\nnear\n\nfar"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_xml_entities_are_refused(encoding: str) -> None:
    xml = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    xml += f"<w:document {WORD}><w:body>{paragraph('&x;')}</w:body></w:document>"
    assert "damaged" in error_of("entity.docx", docx("", {"word/document.xml": xml.encode(encoding)}))


@pytest.mark.slow
def test_deep_nesting_ends_in_text_or_an_error() -> None:
    assert text_of("deep.html", b"<div>" * 20_000 + b"at the bottom") == "at the bottom"
    deep = "<w:sdt><w:sdtContent>" * 20_000 + paragraph("x") + "</w:sdtContent></w:sdt>" * 20_000
    assert "damaged" in error_of("deep.docx", docx(deep))
    assert text_of("deep.json", b"[" * 50_000 + b"]" * 50_000).startswith("[[")


def test_links_in_a_document_are_never_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("a document made a connection")

    monkeypatch.setattr("socket.socket.connect", refuse)
    drawing = "http://schemas.openxmlformats.org/drawingml/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    picture = (
        f'<w:p><w:r><w:drawing><wp:inline xmlns:wp="{drawing}/wordprocessingDrawing">'
        f'<a:graphic xmlns:a="{drawing}/main"><a:graphicData><pic:pic xmlns:pic="{drawing}/picture"><pic:blipFill>'
        f'<a:blip xmlns:r="{office}" r:link="r9"/></pic:blipFill></pic:pic></a:graphicData></a:graphic>'
        "</wp:inline></w:drawing></w:r></w:p>"
    )
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r9" '
    )
    relations += f'Type="{office}/image" Target="http://192.0.2.1/x.png" TargetMode="External"/></Relationships>'
    data = docx(paragraph("Text") + picture, {"word/_rels/document.xml.rels": relations})
    assert text_of("a.docx", data) == "Text"
    assert text_of("a.html", b'<p>Text</p><img src="http://192.0.2.1/x.png">') == "Text"
