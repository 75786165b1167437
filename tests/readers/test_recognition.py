"""Pictures and scans: what is read of them, where it stands, and what the user is told."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from rag.errors import ReadError
from rag.library.page_image import count_pages, draw_page, place_spans
from rag.readers import recognition
from rag.readers.notices import collecting
from rag.readers.ocr import engines, tesseract
from rag.readers.ocr.layout import laid_out
from rag.readers.ocr.words import Recognition, Word
from rag.readers.read import read
from rag.readers.recognition import Choice, recognising
from rag.schema import Page
from tests.readers.samples import picture, saved

FERRY = ("The ferry to Malmo leaves at 7:45", "and costs 12 crowns for each child.")
with_tesseract = pytest.mark.skipif("eng" not in tesseract.languages(), reason="Tesseract isn't installed")
with_korean = pytest.mark.skipif("kor" not in tesseract.languages(), reason="Tesseract has no Korean here")
each_engine = pytest.mark.parametrize(
    "engine", [pytest.param("rapidocr", marks=pytest.mark.slow), pytest.param("tesseract", marks=with_tesseract)]
)


def recognised(name: str, data: bytes, choice: Choice = "auto") -> tuple[list[Page], list[str], recognition.Recogniser]:
    """The pages of a file, the notices, and how it was recognised."""
    with collecting() as notices, recognising(choice, len(data)) as recogniser:
        pages = read(name, data)
    return pages, notices, recogniser


def words_of(pages: Sequence[Page]) -> list[str]:
    return " ".join(page.text for page in pages).split()


class Scripted:
    """An engine that gives the next of its outcomes at each call."""

    def __init__(self, *outcomes: Recognition | None) -> None:
        self.outcomes = list(outcomes)
        self.pictures: list[Image.Image] = []

    def __call__(self, page: Image.Image) -> Recognition | None:
        self.pictures.append(page)
        return self.outcomes.pop(0) if self.outcomes else None


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    engine = Scripted()
    monkeypatch.setattr(engines, "available", lambda choice: iter([("Reader", engine)]))
    yield engine


def outcome(*words: str, confidence: float = 0.95) -> Recognition:
    boxes = [(20.0 + 120 * at, 30.0, 110.0 + 120 * at, 60.0) for at in range(len(words))]
    placed = [Word(word, box, confidence) for word, box in zip(words, boxes, strict=True)]
    return Recognition(placed, (900, 184), "Reader")


# --- engines


@each_engine
def test_a_picture_is_read_word_by_word(engine: Choice) -> None:
    pages, notices, _ = recognised("ferry.png", saved(picture(*FERRY), "PNG"), engine)
    assert words_of(pages) == " ".join(FERRY).split()
    name = {"rapidocr": "RapidOCR", "tesseract": "Tesseract"}[engine]
    assert notices == [f"Page 1 was recognised from a picture by {name}."]


@each_engine
def test_words_stand_where_they_were_drawn(engine: Choice) -> None:
    drawn = picture(*FERRY)
    _, _, recogniser = recognised("ferry.png", saved(drawn, "PNG"), engine)
    word = next(word for word in recogniser.words[1].words if word.text == "crowns")
    left, top, right, bottom = map(round, word.box)
    grey = drawn.convert("L")
    assert grey.crop((left, top, right, bottom)).getextrema()[0] < 60
    # Nothing of the first line, and no more than the neighbours' edges.
    assert 90 < top < bottom < 150
    assert 200 < left < right < 420


@each_engine
def test_a_page_that_lies_upside_down_is_turned(engine: Choice) -> None:
    upright = picture(*FERRY, "The harbour is older than the town around it.")
    pages, _, recogniser = recognised("ferry.png", saved(upright.rotate(180), "PNG"), engine)
    assert "harbour" in words_of(pages)
    word = next(word for word in recogniser.words[1].words if word.text == "harbour")
    assert word.box[0] > 450 and word.box[1] < 130  # on the picture as it is in the file


@with_korean
def test_korean_is_read_with_its_blanks() -> None:
    font = korean_font()
    if font is None:
        pytest.skip("no Korean font on this machine")
    drawn = Image.new("L", (1300, 200), 255)
    sentence = "등대의 등불은 초록색이고 배는 정오에 떠납니다"
    ImageDraw.Draw(drawn).text((40, 60), sentence, 0, ImageFont.truetype(font, 30))
    pages, _, _ = recognised("등대.png", saved(drawn, "PNG"))
    # Tesseract by itself sets a blank after most syllables.
    assert SequenceMatcher(None, " ".join(words_of(pages)), sentence).ratio() > 0.9


def korean_font() -> str | None:
    places = ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts")
    files = (path for place in places for path in Path(place).rglob("*") if path.suffix in {".ttf", ".ttc", ".otf"})
    return next((str(path) for path in files if "cjk" in path.name.lower() or "nanum" in path.name.lower()), None)


def test_engines_are_asked_until_one_is_sure(monkeypatch: pytest.MonkeyPatch) -> None:
    unsure, sure = Scripted(outcome("habour", confidence=0.5)), Scripted(outcome("harbour"), outcome("harbour"))
    monkeypatch.setattr(engines, "available", lambda choice: iter([("first", unsure), ("second", sure)]))
    asked = engines.Engines("auto")
    for _ in range(2):
        best = asked.recognise(picture("x"), lambda: None)
        assert best is not None and best.words[0].text == "harbour"
    # The second page is shown to the engine that has read the first.
    assert (len(unsure.pictures), len(sure.pictures)) == (1, 2)


def test_latin_languages_are_read_together_and_others_each_by_itself() -> None:
    assert tesseract.language_groups(frozenset({"kor", "eng", "deu", "jpn"})) == ["eng+deu", "kor", "jpn"]
    assert tesseract.language_groups(frozenset()) == []


def test_what_is_missing_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tesseract, "languages", lambda: frozenset({"eng"}))
    assert "tesseract-ocr-kor" in engines.missing("auto")[0]
    assert engines.summary("auto") == "Tesseract (eng), RapidOCR"
    assert engines.missing("off") == [] and engines.summary("off") == "off"
    monkeypatch.setattr(tesseract, "languages", lambda: frozenset())
    assert "install it" in engines.missing("tesseract")[0]
    assert engines.summary("tesseract") == "none"


# --- files


def test_recognition_that_is_off_refuses_pictures() -> None:
    with pytest.raises(ReadError, match=r"ferry\.png is a picture, which is not supported; set OCR=auto"):
        recognised("ferry.png", saved(picture(*FERRY), "PNG"), "off")


def test_each_page_of_a_tiff_is_read_and_blank_pages_are_left_out(scripted: Scripted) -> None:
    scripted.outcomes = [outcome("First"), outcome("Third")]
    frames = [picture("a"), picture(), picture("c")]
    data = saved(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    pages, notices, _ = recognised("fax.tif", data)
    assert [(page.number, page.text) for page in pages] == [(1, "First"), (3, "Third")]
    assert notices == ["Pages 1 and 3 were recognised from pictures by Reader."]


def test_a_page_that_no_engine_reads_is_named(scripted: Scripted) -> None:
    scripted.outcomes = [outcome("First"), None]
    data = saved(picture("a"), "TIFF", save_all=True, append_images=[picture("b")])
    _, notices, _ = recognised("fax.tif", data)
    assert "Page 2 has no text that can be read." in notices


def test_a_photograph_is_turned_as_its_camera_says(scripted: Scripted) -> None:
    scripted.outcomes = [outcome("upright")]
    upright = picture(*FERRY)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise to be shown
    recognised("photo.jpg", saved(upright.rotate(90, expand=True), "JPEG", exif=exif))
    assert scripted.pictures[0].size == upright.size


def test_transparent_pictures_have_a_white_ground(scripted: Scripted) -> None:
    scripted.outcomes = [outcome("text")]
    drawn = picture("text").convert("RGBA")
    drawn.putalpha(drawn.convert("L").point(lambda value: 255 - value))
    recognised("logo.png", saved(drawn, "PNG"))
    assert scripted.pictures[0].getpixel((2, 2)) == (255, 255, 255)


@pytest.mark.parametrize("bits", ["1", "L", "P", "I;16", "CMYK", "LA"])
def test_pictures_of_each_kind_of_colour_are_shown_to_the_engine(scripted: Scripted, bits: str) -> None:
    scripted.outcomes = [outcome("text")]
    grey = picture("text").convert("L")
    drawn = grey.point(lambda value: value * 200).convert("I;16") if bits == "I;16" else grey.convert(bits)
    recognised("a.tif", saved(drawn, "TIFF"))
    low, high = scripted.pictures[0].convert("L").getextrema()
    assert low < 60 and high > 200


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_damaged_pictures_fail_in_a_sentence(scripted: Scripted, kind: str) -> None:
    whole = saved(picture(*FERRY), kind)
    with pytest.raises(ReadError) as refused:
        recognised(f"cut.{kind.lower()}", whole[:60])
    assert str(refused.value).startswith(f"cut.{kind.lower()} is damaged or not a")


def test_a_picture_with_too_many_pixels_is_refused_before_it_is_unpacked() -> None:
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in parts
    )
    with pytest.raises(ReadError, match="too large: a picture has more than"):
        read("bomb.png", data)


def test_no_more_pages_are_recognised_than_an_honest_file_has(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recognition, "_PAGES_OF_ANY_FILE", 2)
    monkeypatch.setattr(recognition, "_BYTES_OF_A_PAGE", 10**9)
    scripted.outcomes = [outcome("one"), outcome("two"), outcome("three"), outcome("four")]
    data = saved(picture("a"), "TIFF", save_all=True, append_images=[picture("b")] * 3)
    pages, notices, _ = recognised("long.tif", data)
    assert [page.number for page in pages] == [1, 2]
    assert any(notice.startswith("2 more pages") for notice in notices)


# --- scans in a PDF

NOTE = "This page has a text of its own, which needs no recognition."


def scans(*pages: str | Image.Image | None) -> bytes:
    """A PDF with pages of text, of a picture, or blank."""
    target = BytesIO()
    canvas = Canvas(target)
    for page in pages:
        if isinstance(page, str):
            canvas.drawString(72, 700, page)
        elif page:
            canvas.drawImage(ImageReader(page), 50, 300, 500, 500 * page.height / page.width)
        canvas.showPage()
    canvas.save()
    return target.getvalue()


def test_pages_of_a_pdf_that_are_pictures_are_recognised_and_others_are_not(scripted: Scripted) -> None:
    scripted.outcomes = [outcome("scanned"), outcome("too")]
    pages, notices, _ = recognised("mixed.pdf", scans(NOTE, picture(*FERRY), None, picture("A boat")))
    assert [(page.number, page.text) for page in pages] == [(1, NOTE), (2, "scanned"), (4, "too")]
    assert notices == ["Pages 2 and 4 were recognised from pictures by Reader."]


def test_a_scan_that_no_engine_reads_is_named(scripted: Scripted) -> None:
    pages, notices, _ = recognised("mixed.pdf", scans(NOTE, picture(*FERRY)))
    assert [page.number for page in pages] == [1]
    assert any(notice.startswith("Page 2 has no text that can be read") for notice in notices)


def test_without_recognition_a_scan_is_refused_as_before() -> None:
    with pytest.raises(ReadError, match=r"scan\.pdf has no text that could be read and may be a scan"):
        recognised("scan.pdf", scans(picture(*FERRY)), "off")
    _, notices, _ = recognised("mixed.pdf", scans(NOTE, picture(*FERRY)), "off")
    assert any(notice.startswith("Page 2 has no text that can be read") for notice in notices)


@each_engine
def test_a_scanned_page_is_read_and_highlighted_where_its_words_stand(engine: Choice) -> None:
    data = scans(picture(*FERRY))
    pages, _, recogniser = recognised("scan.pdf", data, engine)
    text = pages[0].text
    assert words_of(pages) == " ".join(FERRY).split()
    start = text.index("crowns")
    (box,) = place_spans(data, "scan.pdf", 1, text, [(start, start + 6)], recogniser.placed_words()[1])
    left, top, right, bottom = box
    # The picture lies 50 points from the left and 300 from below, on A4; its second line is in its lower half.
    assert 0.2 < left < right < 0.5
    assert 0.53 < top < bottom < 0.64


# --- text


def line(text: str, left: float, top: float, height: float = 20) -> list[Word]:
    """The words of a line, 10 pixels a character."""
    words = []
    for word in text.split(" "):
        words.append(Word(word, (left, top, left + 10 * len(word), top + height), 0.95))
        left += 10 * len(word) + 8
    return words


def text_of(*lines: list[Word]) -> str:
    return laid_out(Recognition([word for words in lines for word in words], (1000, 1000), "Reader"))[0]


def test_lines_are_joined_to_paragraphs_and_hyphens_at_their_ends_are_gone() -> None:
    text = text_of(
        line("The ferry leaves the old har-", 50, 100),
        line("bour of the town at noon each", 50, 128),
        line("day.", 50, 156),
        line("It costs twelve crowns.", 50, 230),
    )
    assert text == "The ferry leaves the old harbour of the town at noon each day.\n\nIt costs twelve crowns."


def test_columns_are_read_one_after_the_other() -> None:
    left = [line(f"left column line {at} of its text", 50, 100 + 30 * at) for at in range(6)]
    right = [line(f"right column line {at} of its text", 520, 104 + 30 * at) for at in range(6)]
    text = text_of(*(words for pair in zip(left, right, strict=True) for words in pair))
    assert text.index("left column line 5") < text.index("right column line 0")


def test_rows_of_a_table_stay_together() -> None:
    rows = [("Fare", "2023", "2024"), ("Adult", "12.50", "13.00"), ("Child", "6.25", "7.10")]
    places = (50, 400, 600)
    cells = [
        line(text, left, 100 + 40 * at) for at, row in enumerate(rows) for text, left in zip(row, places, strict=True)
    ]
    assert "| Child | 6.25 | 7.10 |" in text_of(*cells)
    assert text_of(*cells).startswith("| Fare | 2023 | 2024 |")


# --- on the picture


def test_a_highlight_falls_on_the_words_of_a_picture(scripted: Scripted) -> None:
    scripted.outcomes = [outcome("The", "ferry", "sails")]
    drawn = picture(*FERRY)
    data = saved(drawn, "PNG")
    pages, _, recogniser = recognised("ferry.png", data)
    text = pages[0].text
    span = (text.index("ferry"), len(text))
    words = recogniser.placed_words()[1]
    (box,) = place_spans(data, "ferry.png", 1, text, [span], words)
    assert box == pytest.approx((140 / 900, 30 / 184, 350 / 900, 60 / 184), abs=0.01)
    assert count_pages(data) == 1
    shown = Image.open(BytesIO(draw_page(data, "ferry.png", 1, text, [span], words)))
    blue = shown.convert("RGB").getchannel("B")
    assert blue.getpixel((344, 31)) < 150 < blue.getpixel((60, 45))


def test_readers_load_no_models_before_a_picture_needs_them() -> None:
    """Nor their libraries: a start, and a document without pictures, mustn't pay for them."""
    code = (
        "import sys; from rag.readers.formats import import_readers; from rag.readers.read import read;"
        "import_readers(); read('a.txt', b'The ferry leaves.');"
        "print({'rapidocr', 'cv2', 'openvino'} & set(sys.modules))"
    )
    listed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert listed.stdout.strip() == "set()"
