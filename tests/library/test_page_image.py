"""Pages as pictures: the highlight lies where the sentence was drawn, and nowhere else."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from reportlab.lib.pagesizes import letter
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfgen.canvas import Canvas

from rag import DocumentIndex, NotFound, ReadError, Settings
from rag.library.page_image import HIGHLIGHT, MOST_PIXELS, SOFT_HIGHLIGHT, WIDTH, count_pages, draw_page
from rag.readers.read import read

pytestmark = pytest.mark.slow

LAMP = "The lamp of the tower is green."
FERRY = "The ferry sails twice a day."
KOREAN = "등대의 등불은 초록색이다."
# Left, top, right, bottom.
Box = tuple[float, float, float, float]


def pdf(draw: Callable[[Canvas], object], size: tuple[float, float] = letter, crop: Box | None = None) -> bytes:
    """A PDF of what `draw` does on a canvas; `crop` is its crop box, in points from the lower left."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=size, cropBox=crop)
    draw(canvas)
    canvas.save()
    return out.getvalue()


def text_of(data: bytes, number: int = 1) -> str:
    return next(page.text for page in read("a.pdf", data) if page.number == number)


def highlighted(data: bytes, sentence: str, number: int = 1) -> list[Box]:
    """The highlighted boxes of the page, from the top, in points of the page as it is shown; one for each line."""
    text = text_of(data, number)
    start = text.index(sentence)
    picture = Image.open(io.BytesIO(draw_page(data, "a.pdf", number, text, [(start, start + len(sentence))])))
    return yellow(picture, picture.width / shown_width(data))


def shown_width(data: bytes) -> float:
    import pypdfium2

    document = pypdfium2.PdfDocument(data)
    width = float(document[0].get_width())
    document.close()
    return width


def yellow(picture: Image.Image, scale: float = 1.0, colour: tuple[int, int, int] = HIGHLIGHT) -> list[Box]:
    """Boxes of the pixels in the colour, one for each run of picture rows that have some."""
    marked = (np.asarray(picture.convert("RGB")) == colour).all(axis=2)
    rows = np.flatnonzero(marked.any(axis=1))
    boxes = []
    for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
        if run.size:
            columns = np.flatnonzero(marked[run].any(axis=0))
            boxes.append(tuple(float(side) / scale for side in (columns[0], run[0], columns[-1] + 1, run[-1] + 1)))
    return boxes  # type: ignore[return-value]


def assert_covers(box: Box, wanted: Box, slack: float = 5.0) -> None:
    """`box` holds `wanted`, and on no side more than `slack` points besides."""
    for place, sign in enumerate((1, 1, -1, -1)):
        beyond = sign * (wanted[place] - box[place])
        assert -1.5 <= beyond <= slack, f"{box} isn't around {wanted}"


def line_box(text: str, x: float, baseline: float, size: float = 12, font: str = "Helvetica") -> Box:
    """The extent of a line of text from its descenders to its capitals, y counted from the page's bottom."""
    return x, baseline - 0.2 * size, x + stringWidth(text, font, size), baseline + 0.7 * size


def test_sentence_is_highlighted_where_it_stands_and_nothing_else() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 700, FERRY)
        canvas.drawString(72, 500, LAMP)
        canvas.drawString(72, 300, FERRY)

    (box,) = highlighted(pdf(draw), LAMP)
    left, bottom, right, top = line_box(LAMP, 72, 500)
    assert_covers(box, (left, 792 - top, right, 792 - bottom))


def test_repeated_sentence_is_highlighted_at_the_cited_place() -> None:
    def draw(canvas: Canvas) -> None:
        for baseline in (700, 600, 500):
            canvas.drawString(72, baseline, LAMP)

    data = pdf(draw)
    text = text_of(data)
    start = text.index(LAMP, text.index(LAMP) + 1)
    picture = Image.open(io.BytesIO(draw_page(data, "a.pdf", 1, text, [(start, start + len(LAMP))])))
    (box,) = yellow(picture, WIDTH / 612)
    assert box[1] < 792 - 600 < box[3]


def test_sentence_in_two_columns_is_highlighted_in_its_own_column_only() -> None:
    left = ["Harbours of the north are", "small. The lamp of the", "tower is green. Boats are", "painted each spring."]
    right = ["Ferries sail in summer", "only. The captain of the", "ferry is Edda Lund. She", "lives on the island."]

    def draw(canvas: Canvas) -> None:
        for x, lines in ((72, left), (330, right)):
            text = canvas.beginText(x, 700)
            text.setLeading(20)
            for line in lines:
                text.textLine(line)
            canvas.drawText(text)

    data = pdf(draw)
    first, second = highlighted(data, "The lamp of the\ntower is green.")
    before = stringWidth("small. ", "Helvetica", 12)
    end = 72 + stringWidth(left[1], "Helvetica", 12)
    assert_covers(first, (72 + before, 792 - 680 - 8, end, 792 - 680 + 2))
    assert_covers(second, (72, 792 - 660 - 8, 72 + stringWidth("tower is green.", "Helvetica", 12), 792 - 660 + 2))
    boxes = highlighted(data, "The captain of the\nferry is Edda Lund.")
    assert len(boxes) == 2
    assert all(box[0] > 325 for box in boxes)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_highlight_turns_with_the_page(rotation: int) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setPageRotation(rotation)
        canvas.drawString(100, 500, FERRY)
        canvas.drawString(100, 400, LAMP)

    data = pdf(draw)
    left, bottom, right, top = line_box(LAMP, 100, 400)
    # Where it is from the picture's upper left corner: /Rotate turns clockwise. For a quarter turn reportlab makes the
    # page itself 792 points wide and 612 high, so that it is shown upright.
    wanted = {
        0: (left, 792 - top, right, 792 - bottom),
        90: (bottom, left, top, right),
        180: (612 - right, bottom, 612 - left, top),
        270: (612 - top, 792 - right, 612 - bottom, 792 - left),
    }[rotation]
    (box,) = highlighted(data, LAMP)
    assert_covers(box, wanted)


def test_text_that_runs_up_the_page_is_highlighted_as_one_line() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 700, FERRY)
        canvas.translate(300, 200)
        canvas.rotate(90)
        canvas.drawString(0, 0, LAMP)

    (box,) = highlighted(pdf(draw), LAMP)
    length = stringWidth(LAMP, "Helvetica", 12)
    assert_covers(box, (300 - 8, 792 - 200 - length, 300 + 2, 792 - 200))


def test_korean_sentence_is_highlighted() -> None:
    registerFont(UnicodeCIDFont("HYSMyeongJo-Medium"))

    def draw(canvas: Canvas) -> None:
        canvas.setFont("HYSMyeongJo-Medium", 14)
        canvas.drawString(72, 700, "배는 하루에 두 번 다닌다.")
        canvas.drawString(72, 640, KOREAN)
        canvas.drawString(72, 580, "섬에는 시장이 있다.")

    (box,) = highlighted(pdf(draw), KOREAN)
    width = stringWidth(KOREAN, "HYSMyeongJo-Medium", 14)
    assert_covers(box, (72, 792 - 640 - 10, 72 + width, 792 - 640 + 1))


def test_highlight_heeds_the_crop_box() -> None:
    data = pdf(lambda canvas: canvas.drawString(200, 500, LAMP), crop=(150, 400, 550, 600))
    (box,) = highlighted(data, LAMP)
    left, bottom, right, top = line_box(LAMP, 200, 500)
    assert_covers(box, (left - 150, 600 - top, right - 150, 600 - bottom))


def test_what_lies_outside_of_the_crop_box_is_not_read() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(200, 500, LAMP)
        canvas.drawString(200, 100, FERRY)

    data = pdf(draw, crop=(150, 400, 550, 600))
    assert text_of(data) == LAMP
    assert highlighted(data, LAMP)


def test_whole_passage_can_be_highlighted_softly() -> None:
    data = pdf(lambda canvas: canvas.drawString(72, 700, LAMP))
    picture = Image.open(io.BytesIO(draw_page(data, "a.pdf", 1, text_of(data), [(0, len(LAMP))], soft=True)))
    assert yellow(picture, colour=SOFT_HIGHLIGHT)
    assert not yellow(picture)


def test_page_without_spans_is_drawn_as_it_is() -> None:
    data = pdf(lambda canvas: canvas.drawString(72, 700, LAMP))
    picture = Image.open(io.BytesIO(draw_page(data, "a.pdf", 1)))
    assert picture.format == "PNG"
    assert picture.width == WIDTH
    assert not yellow(picture)
    assert np.asarray(picture.convert("L")).min() < 100, "the text is drawn"


def test_highlighted_text_stays_readable_on_light_and_on_dark() -> None:
    def dark(canvas: Canvas) -> None:
        canvas.setFillColorRGB(0.05, 0.05, 0.2)
        canvas.rect(0, 0, 612, 792, fill=1)
        canvas.setFillColorRGB(1, 1, 1)
        canvas.drawString(72, 700, LAMP)

    for data in (pdf(lambda canvas: canvas.drawString(72, 700, LAMP)), pdf(dark)):
        plain = np.asarray(Image.open(io.BytesIO(draw_page(data, "a.pdf", 1))).convert("RGB")).astype(int)
        marked_png = draw_page(data, "a.pdf", 1, text_of(data), [(0, len(LAMP))])
        marked = np.asarray(Image.open(io.BytesIO(marked_png)).convert("RGB")).astype(int)
        changed = np.abs(plain - marked).sum(axis=2) > 40
        assert changed.any(), "the highlight can be seen"
        brightness = marked.mean(axis=2)[changed.any(axis=1)][:, changed.any(axis=0)]
        assert brightness.max() - brightness.min() > 80, "the text stands out from the highlight"


@pytest.mark.parametrize("size", [(14_400, 14_400), (14_400, 100), (100, 14_400), (3, 3)])
def test_odd_page_sizes_give_pictures_of_bounded_size(size: tuple[float, float]) -> None:
    data = pdf(lambda canvas: canvas.drawString(1, 1, LAMP), size)
    width, height = Image.open(io.BytesIO(draw_page(data, "a.pdf", 1))).size
    assert 1 <= width <= WIDTH
    assert 1 <= height <= 10_000
    assert width * height <= MOST_PIXELS * 1.05


def test_page_that_does_not_exist_and_file_that_is_no_pdf_are_sentences() -> None:
    data = pdf(lambda canvas: canvas.drawString(72, 700, LAMP))
    for number in (0, 2, -1):
        with pytest.raises(NotFound, match=r"lamp\.pdf has no page"):
            draw_page(data, "lamp.pdf", number)
    with pytest.raises(ReadError, match=r"lamp\.pdf is damaged or not a PDF"):
        draw_page(b"%PDF-1.4 nonsense", "lamp.pdf", 1)


def test_pages_are_counted_also_those_without_text() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 700, LAMP)
        canvas.showPage()
        canvas.rect(10, 10, 50, 50)
        canvas.showPage()

    assert count_pages(pdf(draw)) == 2
    assert count_pages(b"a text") == 0
    assert count_pages(b"%PDF-1.4 nonsense") == 0


def test_threads_draw_the_same_pages_side_by_side() -> None:
    def draw(canvas: Canvas) -> None:
        for number in range(6):
            canvas.drawString(72, 700 - 50 * number, LAMP)
            canvas.showPage()

    data = pdf(draw)
    numbers = [1, 2, 3, 4, 5, 6] * 4
    alone = {number: draw_page(data, "a.pdf", number, LAMP, [(0, len(LAMP))]) for number in range(1, 7)}
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda number: draw_page(data, "a.pdf", number, LAMP, [(0, len(LAMP))]), numbers))
    assert together == [alone[number] for number in numbers]


@pytest.fixture
def index(tmp_path: Path) -> DocumentIndex:
    return DocumentIndex(Settings(data_dir=tmp_path, embed_model="bundled"), background=False)


def test_index_gives_text_and_picture_of_a_cited_page(index: DocumentIndex) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 700, FERRY)
        canvas.showPage()
        canvas.drawString(72, 700, LAMP)
        canvas.showPage()
        canvas.rect(10, 10, 50, 50)
        canvas.showPage()

    with index:
        paged, plain = index.ingest([("lamp.pdf", pdf(draw)), ("ferry.txt", FERRY.encode())])
        assert paged.doc_id and plain.doc_id
        passage = next(found for found in index.search("What colour is the lamp?") if "lamp" in found.text)
        text = index.page_text(paged.doc_id, passage.page)
        assert text[passage.start : passage.end] == passage.text == LAMP
        assert passage.page
        picture = index.page_image(paged.doc_id, passage.page, [(passage.start, passage.end)])
        assert len(yellow(Image.open(io.BytesIO(picture)))) == 1
        assert not yellow(Image.open(io.BytesIO(index.page_image(paged.doc_id, 3, [(0, 5)])))), "it has no text"
        assert index.image_pages(paged.doc_id) == 3
        assert index.page_text(paged.doc_id, 3) == ""

        assert index.page_text(plain.doc_id) == FERRY
        assert index.image_pages(plain.doc_id) == 0
        with pytest.raises(ReadError):
            index.page_image(plain.doc_id, 1)
        for call in (index.page_text, index.page_image):
            with pytest.raises(NotFound):
                call(paged.doc_id, 4)
            for doc_id in ("../../etc/passwd", "0" * 64):
                with pytest.raises(NotFound):
                    call(doc_id, 1)
