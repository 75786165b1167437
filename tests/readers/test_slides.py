"""Slides as they are shown: order, numbers, hidden slides, comments. Each deck is made here."""

from __future__ import annotations

import datetime
import io
import zipfile
from collections.abc import Callable

from lxml import etree
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from rag.readers.read import read

DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"


def deck(build: Callable[[Presentation], None]) -> bytes:
    presentation = Presentation()
    build(presentation)
    target = io.BytesIO()
    presentation.save(target)
    return target.getvalue()


def texts(build: Callable[[Presentation], None]) -> list[str]:
    return [page.text for page in read("a.pptx", deck(build))]


def blank(presentation: Presentation) -> object:
    return presentation.slides.add_slide(presentation.slide_layouts[6])


def box(slide: object, x: float, y: float, text: str) -> object:
    shape = slide.shapes.add_textbox(Inches(x), Inches(y), Inches(2), Inches(0.5))
    shape.text_frame.text = text
    return shape


def test_boxes_are_read_from_top_to_bottom() -> None:
    def build(presentation: Presentation) -> None:
        slide = blank(presentation)
        for y, word in ((5, "third"), (1, "first"), (3, "second")):
            box(slide, 1, y, word)

    assert texts(build) == ["first\n\nsecond\n\nthird"]


def test_columns_are_read_one_after_another_if_they_were_made_so() -> None:
    def build(presentation: Presentation) -> None:
        slide = blank(presentation)
        for x, word in ((1, "left"), (5, "right")):
            box(slide, x, 1, f"{word} head")
            box(slide, x, 2, f"{word} text")

    assert texts(build) == ["left head\n\nleft text\n\nright head\n\nright text"]


def test_boxes_side_by_side_are_read_before_the_box_below_them() -> None:
    def build(presentation: Presentation) -> None:
        slide = blank(presentation)
        for x, y, word in ((1, 4, "below"), (5, 1, "right"), (1, 1, "left")):
            box(slide, x, y, word)

    assert texts(build) == ["left\n\nright\n\nbelow"]


def test_hidden_slides_and_shapes_and_boxes_beside_the_slide_are_left_out() -> None:
    def build(presentation: Presentation) -> None:
        first = blank(presentation)
        box(first, 1, 1, "seen")
        box(first, -9, 1, "beside")
        box(first, 1, 2, "secret")._element.nvSpPr.cNvPr.set("hidden", "1")
        hidden = blank(presentation)
        box(hidden, 1, 1, "secret")
        hidden._element.set("show", "0")
        box(blank(presentation), 1, 1, "last")

    pages = read("a.pptx", deck(build))
    assert [(page.number, page.text) for page in pages] == [(1, "seen"), (3, "last")]


def test_numbered_paragraphs_have_their_numbers() -> None:
    def build(presentation: Presentation) -> None:
        frame = box(blank(presentation), 1, 1, "Fill").text_frame
        for text in ("Inner", "Prime", "Free", "Again"):
            frame.add_paragraph().text = text
        schemes = ("arabicPeriod", "alphaLcParenBoth", "arabicPeriod", "", "arabicPeriod")
        for paragraph, scheme in zip(frame.paragraphs, schemes, strict=True):
            properties = paragraph._p.get_or_add_pPr()
            if scheme:
                etree.SubElement(properties, f"{{{DRAWING}}}buAutoNum", type=scheme)
            properties.set("lvl", "1" if scheme.startswith("alpha") else "0")

    assert texts(build) == ["1. Fill\n  (a) Inner\n2. Prime\n\nFree\n\n1. Again"]


def test_bullets_come_from_the_layout_and_titles_are_headings() -> None:
    def build(presentation: Presentation) -> None:
        slide = presentation.slides.add_slide(presentation.slide_layouts[1])
        slide.placeholders[1].text_frame.text = "One"
        slide.shapes.title.text = "Steps"

    assert texts(build) == ["# Steps\n\n- One"]


def test_raised_lowered_and_struck_runs_keep_their_marks() -> None:
    def build(presentation: Presentation) -> None:
        paragraph = box(blank(presentation), 1, 1, "").text_frame.paragraphs[0]
        for text, name, value in (("10", "baseline", "0"), ("6", "baseline", "30000"), (" old", "strike", "sngStrike")):
            run = paragraph.add_run()
            run.text = text
            run._r.get_or_add_rPr().set(name, value)

    assert texts(build) == ["10^6 ~~old~~"]


def test_charts_show_dates_and_number_formats() -> None:
    def build(presentation: Presentation) -> None:
        numbers = CategoryChartData(number_format="0.0%")
        numbers.categories = [datetime.date(2024, 1, 31)]
        numbers.add_series("North", (0.25,))
        frame = Inches(1), Inches(1), Inches(4), Inches(3)
        blank(presentation).shapes.add_chart(XL_CHART_TYPE.LINE, *frame, numbers)

    assert texts(build) == ["|  | North |\n| --- | --- |\n| 2024-01-31 | 25.0% |"]


def test_merged_cells_of_a_table_fill_what_they_cover() -> None:
    def build(presentation: Presentation) -> None:
        table = blank(presentation).shapes.add_table(3, 3, 0, 0, Inches(6), Inches(2)).table
        for row, words in enumerate((("Site", "2023", ""), ("", "Plan", "Actual"), ("Bergen", "20", "18"))):
            for column, word in enumerate(words):
                table.cell(row, column).text = word
        table.cell(0, 0).merge(table.cell(1, 0))
        table.cell(0, 1).merge(table.cell(0, 2))

    assert texts(build) == ["| Site | 2023 Plan | 2023 Actual |\n| --- | --- | --- |\n| Bergen | 20 | 18 |"]


def test_comments_stand_with_their_authors_in_both_forms() -> None:
    data = deck(lambda presentation: box(blank(presentation), 1, 1, "Text"))
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    names = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
    newer = f'xmlns:n="http://schemas.microsoft.com/office/powerpoint/2018/8/main" xmlns:a="{DRAWING}"'
    extra = {
        "ppt/commentAuthors.xml": f'<p:cmAuthorLst {names}><p:cmAuthor id="0" name="Anna"/></p:cmAuthorLst>',
        "ppt/authors.xml": f'<n:authorLst {newer}><n:author id="{{B}}" name="Bo"/></n:authorLst>',
        "ppt/comments/c1.xml": f'<p:cmLst {names}><p:cm authorId="0"><p:text>Old way</p:text></p:cm></p:cmLst>',
        "ppt/comments/c2.xml": f'<n:cmLst {newer}><n:cm authorId="{{B}}"><n:txBody><a:p><a:r><a:t>New way</a:t></a:r>'
        "</a:p></n:txBody></n:cm></n:cmLst>",
    }
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            if name == "ppt/slides/_rels/slide1.xml.rels":
                added = "".join(
                    f'<Relationship Id="c{n}" Type="{office}/comments" Target="../comments/c{n}.xml"/>' for n in (1, 2)
                )
                part = part.replace(b"</Relationships>", f"{added}</Relationships>".encode())
            new.writestr(name, part)
        for name, text in extra.items():
            new.writestr(name, text)
    (page,) = read("a.pptx", target.getvalue())
    assert page.text == "Text\n\nComment (Anna): Old way\n\nComment (Bo): New way"
