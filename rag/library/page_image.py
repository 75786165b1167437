"""A page of a PDF or a picture file as a picture, with sentences of its text highlighted where they stand."""

from __future__ import annotations

import ctypes
import io
import itertools
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pypdfium2
from PIL import Image, ImageChops, ImageDraw, ImageStat
from pypdfium2 import raw

from rag.errors import NotFound, ReadError
from rag.library.alignment import Span, find_spans
from rag.readers.faults import Fault
from rag.readers.images import count_frames, draw_frame
from rag.readers.pdf import PDFIUM_LOCK, begin_forms, load_page, open_pdf
from rag.storage.files import PlacedWord

# Left, top, right, bottom in pixels of the picture.
Box = tuple[float, float, float, float]

# In pixels. Pages come in every size, up to posters and rolls of 5 metres, so the picture's size is bounded.
WIDTH = 1200
MOST_PIXELS = 4_000_000
LONGEST_SIDE = 10_000
HIGHLIGHT = (255, 226, 89)
SOFT_HIGHLIGHT = (255, 244, 184)
# The mean brightness (0 to 255) below which a page counts as light text on dark.
_DARK = 100


def count_pages(data: bytes) -> int:
    """The number of pages of a PDF or a picture; 0 if `data` is neither or can't be opened."""
    if b"%PDF-" not in data[:1024]:
        return count_frames(data)
    try:
        document = open_pdf(data)
    except Fault:
        return 0
    with PDFIUM_LOCK:
        try:
            return len(document)
        finally:
            document.close()


def draw_page(
    data: bytes,
    name: str,
    number: int,
    text: str = "",
    spans: Iterable[Span] = (),
    words: Sequence[PlacedWord] = (),
    *,
    soft: bool = False,
) -> bytes:
    """Page `number` (from 1) as a PNG, upright as a reader shows it, at most WIDTH pixels wide.

    `spans` of `text`, the page's stored text, are highlighted; `soft` uses a paler yellow, for much text. A span that
    isn't found on the page isn't highlighted. `words` are those of a page that was recognised. Raises NotFound if there
    is no such page, ReadError with `name` in it if the page can't be drawn.
    """
    if b"%PDF-" not in data[:1024]:
        picture = _drawn_frame(data, name, number)
        boxes = word_boxes(words, picture.size, text, spans)
    else:
        with _opened(data, name, number) as page:
            bitmap = page.render(scale=_scale(*page.get_size()))
            try:
                picture = bitmap.to_pil().convert("RGB").copy()
            finally:
                bitmap.close()
            given = list(spans)
            boxes = word_boxes(words, picture.size, text, given) or _boxes(page, picture.size, text, given)
    picture = _highlight(picture, boxes, SOFT_HIGHLIGHT if soft else HIGHLIGHT)
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=3)
    return out.getvalue()


def place_spans(
    data: bytes, name: str, number: int, text: str, spans: Iterable[Span], words: Sequence[PlacedWord] = ()
) -> list[Box]:
    """The boxes that `draw_page` highlights, one a line, in shares of the picture's width and height (0 to 1).

    Raises like `draw_page`.
    """
    if words:
        return word_boxes(words, (1, 1), text, spans)
    with _opened(data, name, number) as page:
        width, height = (math.ceil(side * _scale(*page.get_size())) for side in page.get_size())
        boxes = _boxes(page, (width, height), text, list(spans))
    shares = [(left / width, top / height, right / width, bottom / height) for left, top, right, bottom in boxes]
    return [box for box in shares if box[0] < 1 and box[1] < 1 and box[2] > 0 and box[3] > 0]


@contextmanager
def _opened(data: bytes, name: str, number: int) -> Iterator[Any]:
    """A page of a PDF, with pdfium's lock held."""
    try:
        document = open_pdf(data)
    except Fault as fault:
        raise ReadError(fault.sentence(name)) from fault
    with PDFIUM_LOCK:
        try:
            if not 1 <= number <= len(document):
                raise NotFound(f"{name} has no page {number}.")
            page = load_page(document, number - 1, begin_forms(document))
            try:
                yield page
            finally:
                page.close()
        except (pypdfium2.PdfiumError, ValueError, MemoryError) as error:
            raise ReadError(f"Page {number} of {name} can't be drawn; download the original to see it.") from error
        finally:
            document.close()


def _drawn_frame(data: bytes, name: str, number: int) -> Image.Image:
    try:
        picture = draw_frame(data, number)
    except Fault as fault:
        raise ReadError(fault.sentence(name)) from fault
    if picture is None:
        raise NotFound(f"{name} has no page {number} that can be drawn.")
    factor = min(1.0, _scale(*picture.size))
    size = max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
    return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def word_boxes(words: Sequence[PlacedWord], size: tuple[float, float], text: str, spans: Iterable[Span]) -> list[Box]:
    """The boxes to highlight in a picture of this size in which the words were recognised; one box a line."""
    drawn = " ".join(word for word, *_ in words)
    ends = list(itertools.accumulate((len(word) + 1 for word, *_ in words)))
    width, height = size
    boxes: list[Box] = []
    for start, end in find_spans(text, spans, drawn):
        first, last = bisect_right(ends, start), bisect_left(ends, end)
        placed = [
            ((left * width, top * height, right * width, bottom * height), True)
            for _, left, top, right, bottom in words[first : last + 1]
        ]
        boxes += _lines(placed)
    return boxes


def _scale(width: float, height: float) -> float:
    """The number of pixels for a point of a page of this size."""
    width, height = max(float(width), 1.0), max(float(height), 1.0)
    return min(WIDTH / width, LONGEST_SIDE / height, math.sqrt(MOST_PIXELS / (width * height)))


def _boxes(page: Any, size: tuple[int, int], text: str, spans: Sequence[Span]) -> list[Box]:
    """The boxes to highlight in a picture of the page, whose `size` is in pixels; one box a line."""
    if not spans:
        return []
    text_page = page.get_textpage()
    try:
        # One by one: the text as a whole leaves some characters out, which would shift the indices.
        codes = [raw.FPDFText_GetUnicode(text_page, index) for index in range(text_page.count_chars())]
        drawn = "".join(chr(code) if code <= 0x10FFFF else "\ufffd" for code in codes)
        turned = math.radians(page.get_rotation())
        boxes: list[Box] = []
        for start, end in find_spans(text, spans, drawn):
            placed: list[tuple[Box, bool]] = []
            for index in range(start, end):
                if drawn[index].isprintable() and not drawn[index].isspace():
                    box = _char_box(page, text_page, index, size)
                    # A page's rotation is clockwise, a character's angle is counterclockwise.
                    angle = raw.FPDFText_GetCharAngle(text_page, index) - turned
                    if box:
                        placed.append((box, abs(math.sin(angle)) < math.sqrt(0.5)))
            boxes += _lines(placed)
        return boxes
    finally:
        text_page.close()


def _char_box(page: Any, text_page: Any, index: int, size: tuple[int, int]) -> Box | None:
    """The box of a character in the picture; None if it has no extent."""
    loose = raw.FS_RECTF()  # as high as the font, so equally high for all characters of a line
    if not raw.FPDFText_GetLooseCharBox(text_page, index, loose):
        return None
    left, top = _pixel(page, size, loose.left, loose.top)
    right, bottom = _pixel(page, size, loose.right, loose.bottom)
    box = (min(left, right), min(top, bottom), max(left, right), max(top, bottom))
    return box if box[0] < box[2] and box[1] < box[3] else None


def _pixel(page: Any, size: tuple[int, int], x: float, y: float) -> tuple[float, float]:
    """A point of the page as a pixel of the picture, with the page's rotation and crop box applied."""
    across, down = ctypes.c_int(), ctypes.c_int()
    raw.FPDF_PageToDevice(page, 0, 0, *size, 0, x, y, across, down)
    return across.value, down.value


def _lines(placed: Iterable[tuple[Box, bool]]) -> list[Box]:
    """Boxes of lines, merged from boxes of characters in reading order, each given with whether its line is level."""
    lines: list[tuple[Box, bool]] = []
    for box, level in placed:
        if lines and lines[-1][1] == level and _continues(lines[-1][0], box, level):
            line = lines[-1][0]
            merged = (min(line[0], box[0]), min(line[1], box[1]), max(line[2], box[2]), max(line[3], box[3]))
            lines[-1] = (merged, level)
        else:
            lines.append((box, level))
    return [line for line, _ in lines]


def _continues(line: Box, box: Box, level: bool) -> bool:
    """Whether the character in `box` belongs to `line`: both are at the same height, with no gap as wide as between
    columns."""
    along, across = (0, 1) if level else (1, 0)
    height = min(line[across + 2] - line[across], box[across + 2] - box[across])
    shared = min(line[across + 2], box[across + 2]) - max(line[across], box[across])
    gap = max(box[along] - line[along + 2], line[along] - box[along + 2])
    return shared >= height / 2 and gap <= 2 * height


def _highlight(picture: Image.Image, boxes: Sequence[Box], colour: tuple[int, int, int]) -> Image.Image:
    """Colour the boxes as a marker pen does: dark text stays as dark as it is. Overlapping boxes are coloured once."""
    if not boxes:
        return picture
    mask = Image.new("L", picture.size)
    pen = ImageDraw.Draw(mask)
    for left, top, right, bottom in boxes:
        pen.rectangle((left - 2, top - 1, right + 2, bottom + 1), fill=255)
    if not mask.getbbox():
        return picture
    ink = Image.new("RGB", picture.size, colour)
    dark = ImageStat.Stat(picture.convert("L"), mask).mean[0] < _DARK
    marked = Image.blend(picture, ink, 0.5) if dark else ImageChops.multiply(picture, ink)
    return Image.composite(marked, picture, mask)
