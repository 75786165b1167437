"""The characters of a PDF's page → runs: pieces of a line without wide gaps, with their place, size and weight.

pdfium gives characters one by one. Asking for each property of each character takes seconds for a long file, so the
boxes of all characters come in one array, and the rest is asked for once a run.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from pypdfium2 import raw

from rag.readers.pdfium import Box, Numbers, angles, characters, fonts, loose_boxes, origins, text_objects
from rag.text.blocks import Table, lowered, raised

# Shares of the type size. A gap above WIDE is no blank between words, and one above BLANK is. Between numbers a
# narrower gap parts the columns of a table.
WIDE = 0.9
BLANK = 0.13
_BETWEEN_NUMBERS = 0.32
_SAME_LINE = 0.15
# A mark is smaller than its line, raised by at least the first share of the line's size and at most the second.
_SMALLER = 0.85
_RAISED = (0.12, 0.8)
_LOWERED = (0.05, 0.45)
# pdfium's signs for a hyphen at a line's end.
_HYPHEN = re.compile("[\u0002\ufffe]")
_AS_HYPHEN = dict.fromkeys((0x02, 0xFFFE), "-")
_BOLD = re.compile(r"(?i)bold|black|heavy|demi")
_FORCED_BOLD = 1 << 18
_NUMERIC = "0123456789()%$€£¥₩—–"
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_MOST_MARKS = 200
_POWERS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_RAISED_SIGNS = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+")


@dataclass(slots=True)
class Run:
    """A piece of a line: its text, its extent and baseline in points (y counts downwards), its type size and weight.

    `mark` is the raised figure before it, as a note has at its beginning. `entry` is "value" or "tick" for an entry of
    a form. `handle` is the address of pdfium's text object. A run with a `table` stands for all of a ruled table, down
    to `bottom`.
    """

    text: str
    x0: float
    x1: float
    base: float
    size: float
    bold: bool = False
    mark: str = ""
    entry: str = ""
    handle: int = 0
    table: Table | None = None
    bottom: float = 0.0

    @property
    def right_to_left(self) -> bool:
        """Whether it is written in a script that runs from right to left."""
        return not self.text.isascii() and bool(_RIGHT_TO_LEFT.search(self.text))


@dataclass(slots=True)
class View:
    """The text of a page in one direction, turned upright: `width` and `height` are the page's in this direction, and
    `quarters` the quarter turns (counterclockwise) of its text on the unturned page."""

    runs: list[Run]
    width: float
    height: float
    quarters: int
    left: float
    top: float

    def place(self, x: float, y: float) -> tuple[float, float]:
        """A point of the unturned page in this view."""
        across, up = _turned(x, y, self.quarters)
        return float(across) - self.left, self.top - float(up)


def _classes() -> Numbers:
    """For each character's code: whether it is a letter, a blank, part of a number, written from right to left."""
    classes = np.zeros(0x10000, dtype=np.uint8)
    classes[[code for code in range(0x2E80) if chr(code).isalpha()]] = _ALPHABETIC
    classes[[0, 9, 10, 13, 32, 0xA0, 0x2007, 0x202F, 0x3000]] = _BLANK
    classes[[ord(char) for char in _NUMERIC]] = _OF_NUMBER
    classes[0x590:0x900] |= _LEFTWARDS
    classes[0xFB1D:0xFEFD] |= _LEFTWARDS
    return classes


_ALPHABETIC, _BLANK, _OF_NUMBER, _LEFTWARDS = 1, 2, 4, 8
_CLASSES = _classes()


def page_views(page: Any, text_page: Any) -> list[View]:
    """The runs of a page in the file's order, by direction; upright text comes first. Off-page text is left out."""
    upright = int(page.get_rotation()) // 90 % 4
    box = page.get_bbox()
    text, codes = characters(text_page)
    classes = _CLASSES[codes]
    letters = classes & _ALPHABETIC > 0
    # Within a word of letters only the first and the last letter are looked at, since each box takes time.
    within = np.zeros(codes.size, dtype=bool)
    within[1:-1] = letters[1:-1] & letters[:-2] & letters[2:]
    places = np.flatnonzero(~within & (classes & _BLANK == 0))
    boxes = loose_boxes(text_page, places)
    if (uneven := _uneven_words(places, boxes, within)).size:
        by_place = np.argsort(np.concatenate((places, uneven)))
        boxes = np.concatenate((boxes, loose_boxes(text_page, uneven)))[by_place]
        places = np.concatenate((places, uneven))[by_place]
    seen = (boxes[:, 3] - boxes[:, 1] > 0.05) & (boxes[:, 2] >= boxes[:, 0])
    places, boxes = places[seen], boxes[seen]
    quarters = np.zeros(places.size, dtype=np.int64)
    if upright or _stacked(boxes):
        turns = angles(text_page, places)
        quarters = np.where(
            turns < 0, 0, -np.rint(turns / (math.pi / 2)).astype(np.int64) % 4
        )  # pdfium's are clockwise
    views: dict[int, list[Run]] = {}
    for turn in np.unique(quarters).tolist():
        of_turn = quarters == turn
        chars = _chars(text, classes, places[of_turn], boxes[of_turn], turn)
        views[turn] = _runs(text_page, chars, _turned_box(box, turn), turn)
    order = sorted(views, key=lambda quarters: (quarters != upright, quarters))
    return [_view(views[quarters], box, quarters) for quarters in order] or [_view([], box, upright)]


def _uneven_words(places: Numbers, boxes: Numbers, within: Numbers) -> Numbers:
    """The inner letters of words whose last letter isn't level with the first, such as a word with a raised letter."""
    size = np.maximum(boxes[1:, 3] - boxes[1:, 1], 0.01)
    level = (np.abs(np.diff(boxes[:, 1])) < 0.06 * size) & (np.abs(np.diff(boxes[:, 3])) < 0.06 * size)
    words = [
        np.arange(first + 1, last)
        for first, last in zip(places[:-1][~level].tolist(), places[1:][~level].tolist(), strict=True)
        if last - first > 1 and within[first + 1 : last].all()
    ]
    inner: Numbers = np.concatenate(words) if words else np.zeros(0, dtype=places.dtype)
    return inner


def _stacked(boxes: Numbers) -> bool:
    """Whether some characters stand above each other, as they do in a line that isn't level."""
    left, bottom, right, top = boxes.T
    across = np.minimum(right[1:], right[:-1]) - np.maximum(left[1:], left[:-1])
    up = np.minimum(top[1:], top[:-1]) - np.maximum(bottom[1:], bottom[:-1])
    return bool(np.count_nonzero((across > 0.5 * (right - left)[1:]) & (up < 0.5 * (top - bottom)[1:])) > 2)


def _view(runs: list[Run], box: Box, quarters: int) -> View:
    left, bottom, right, top = _turned_box(box, quarters)
    return View(runs, right - left, top - bottom, quarters, left, top)


@dataclass(slots=True)
class _Chars:
    """Visible characters: their places in the text, their classes, and their boxes, upright (y counts upwards)."""

    text: str
    places: Numbers
    classes: Numbers
    left: Numbers
    right: Numbers
    bottom: Numbers
    top: Numbers


def _turned(x: Any, y: Any, quarters: int) -> tuple[Any, Any]:
    """Coordinates on a page that is turned so that text of this direction is level."""
    return ((x, y), (y, -x), (-x, -y), (-y, x))[quarters]


def _turned_box(box: Box, quarters: int) -> Box:
    (x0, y0), (x1, y1) = _turned(box[0], box[1], quarters), _turned(box[2], box[3], quarters)
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _chars(text: str, classes: Numbers, places: Numbers, boxes: Numbers, quarters: int) -> _Chars:
    first, second = _turned(boxes[:, 0], boxes[:, 1], quarters), _turned(boxes[:, 2], boxes[:, 3], quarters)
    (left, right), (bottom, top) = ((np.minimum(a, b), np.maximum(a, b)) for a, b in zip(first, second, strict=True))
    return _Chars(text, places, classes[places], left, right, bottom, top)


def _runs(text_page: Any, chars: _Chars, box: Box, quarters: int) -> list[Run]:
    """The runs of characters in one direction; a run's baseline counts from the page's upper edge."""
    page_left, page_bottom, page_right, page_top = box
    across, up = (chars.left + chars.right) / 2, (chars.bottom + chars.top) / 2
    inside = (across > page_left) & (across < page_right) & (up > page_bottom) & (up < page_top)
    if not inside.all():
        arrays = (chars.places, chars.classes, chars.left, chars.right, chars.bottom, chars.top)
        chars = _Chars(chars.text, *(each[inside] for each in arrays))
    if not chars.places.size:
        return []
    begins = np.concatenate(([0], np.flatnonzero(_breaks(chars)) + 1))
    ends = np.append(begins[1:], chars.places.size) - 1
    lefts = np.minimum.reduceat(chars.left, begins) - page_left
    rights = np.maximum.reduceat(chars.right, begins) - page_left
    firsts, lasts = chars.places[begins].tolist(), chars.places[ends].tolist()
    xs, ys = origins(text_page, firsts).T
    bases = page_top - _turned(xs, ys, quarters)[1]
    objects = text_objects(text_page, firsts)
    faces = fonts(objects)
    bold = {font: _is_bold(font) for font in set(faces)}
    sizes = (chars.top - chars.bottom)[begins]
    text = chars.text.translate(_AS_HYPHEN) if _HYPHEN.search(chars.text) else chars.text
    return [
        Run(" ".join(text[first : last + 1].split()), x0, x1, base, size, bold[font], handle=handle)
        for first, last, x0, x1, base, size, font, handle in zip(
            firsts, lasts, lefts.tolist(), rights.tolist(), bases.tolist(), sizes.tolist(), faces, objects, strict=True
        )
    ]


def _breaks(chars: _Chars) -> Numbers:
    """For each character but the last: whether the next one belongs to another run."""
    left, right = chars.left, chars.right
    size = np.maximum(chars.top - chars.bottom, 0.01)[1:]
    same = (np.abs(np.diff(chars.bottom)) < 0.06 * size) & (np.abs(np.diff(chars.top)) < 0.06 * size)
    of_number = chars.classes & _OF_NUMBER > 0
    most = np.where(of_number[1:] & of_number[:-1], _BETWEEN_NUMBERS, WIDE) * size
    letters = chars.classes & _ALPHABETIC > 0
    skipped = np.where(letters[1:] & letters[:-1], np.diff(chars.places) - 1, 0)
    near = np.maximum(left[1:] - right[:-1], left[:-1] - right[1:]) < most + 1.5 * size * skipped
    forward = (left[1:] > left[:-1] - 0.5 * size) | (chars.classes[1:] & _LEFTWARDS > 0)
    breaks: Numbers = ~(same & near & forward)
    return breaks


def _is_bold(font: int) -> bool:
    if not font:
        return False
    handle = ctypes.cast(font, raw.FPDF_FONT)
    if raw.FPDFFont_GetFlags(handle) & _FORCED_BOLD:
        return True
    name = ctypes.create_string_buffer(200)
    raw.FPDFFont_GetBaseFontName(handle, name, 200)
    return bool(_BOLD.search(name.value.decode("latin-1")))


def joined_runs(runs: Iterable[Run]) -> list[Run]:
    """Runs of one line joined where they adjoin in the order of the file, with raised and lowered marks told apart.
    Text that is drawn twice, to look bold, is kept once."""
    joined: list[Run] = []
    places: dict[str, list[tuple[float, float, float]]] = {}
    for run in runs:
        if not run.text:
            continue
        same = places.setdefault(run.text, [])
        if same and any(_covers(other, run) for other in same[-20:]):
            continue
        same.append((run.x0, run.x1, run.base))
        if not (joined and _join(joined[-1], run)):
            joined.append(run)
    joined = _with_marks(joined)
    for run in joined:
        if not run.text.isascii():
            run.text = _RAISED_SIGNS.sub(partial(_power, run.text), run.text)
    return joined


def between_numbers(left: str, right: str, gap: float, size: float) -> bool:
    """Whether two pieces of a line are numbers of two columns."""
    return gap > _BETWEEN_NUMBERS * size and left[-1:] in _NUMERIC and right[:1] in _NUMERIC


def _with_marks(runs: list[Run]) -> list[Run]:
    """The runs with raised marks at the run before or after them, also where the file draws the marks elsewhere."""
    usual = max((run.size for run in runs), default=0.0)
    small = [run for run in runs if run.size < _SMALLER * usual and len(run.text) <= 12][:_MOST_MARKS]
    if not small:
        return runs
    gone: set[int] = set()
    lines = [run for run in runs if len(run.text) > 1]
    for mark in small:
        around = [
            (abs(gap), after, run)
            for run in lines
            if run is not mark and mark.size < _SMALLER * run.size and id(run) not in gone
            if _RAISED[0] * run.size < run.base - mark.base < _RAISED[1] * run.size
            for gap, after in ((mark.x0 - run.x1, True), (run.x0 - mark.x1, False))
            if -0.35 * run.size < gap < (0.5 if after else 1.0) * run.size and (after or not run.mark)
        ]
        if around:
            _, after, run = min(around, key=lambda each: each[0])
            if after:
                run.text, run.x1 = run.text + raised(run.text, mark.text), max(run.x1, mark.x1)
            else:
                run.mark, run.x0 = mark.text, mark.x0
            gone.add(id(mark))
    return [run for run in runs if id(run) not in gone]


def _power(text: str, match: re.Match[str]) -> str:
    figures = match[0].translate(_POWERS)
    return raised(text[: match.start()], figures) if match.start() else match[0]


def _covers(other: tuple[float, float, float], run: Run) -> bool:
    slack = 0.15 * run.size
    x0, x1, base = other
    return abs(x0 - run.x0) < slack and abs(base - run.base) < slack and abs(x1 - run.x1) < 2 * slack


def _join(line: Run, run: Run) -> bool:
    """Append `run` to `line` if it goes on there."""
    gap = run.x0 - line.x1
    if run.right_to_left and line.right_to_left:
        gap = max(gap, line.x0 - run.x1)
    largest = max(line.size, run.size)
    if between_numbers(line.text, run.text, gap, largest) or not -0.35 * largest < gap < WIDE * largest:
        return False
    rise = line.base - run.base
    if abs(rise) <= _SAME_LINE * largest and (abs(rise) < 0.03 * largest or run.size > _SMALLER * line.size):
        blank = " " if gap > BLANK * run.size else ""
        line.text += blank + run.text
        if run.size > line.size:
            line.size = run.size
        line.bold = line.bold and run.bold
    elif _is_mark(run, line, gap) and _RAISED[0] * line.size < rise < _RAISED[1] * line.size:
        blank = " " if gap > 2 * BLANK * line.size else ""
        mark = raised(line.text, run.text)
        line.text += (blank if not mark.startswith(("^", "[^")) else "") + mark
    elif _is_mark(run, line, gap) and _LOWERED[0] * line.size < -rise < _LOWERED[1] * line.size:
        line.text += lowered(line.text, run.text)
    elif _is_mark(line, run, gap) and _RAISED[0] * run.size < -rise < _RAISED[1] * run.size and not line.mark:
        line.mark, line.text, line.base, line.size, line.bold = line.text, run.text, run.base, run.size, run.bold
    else:
        return False
    line.x0, line.x1 = min(line.x0, run.x0), max(line.x1, run.x1)
    return True


def _is_mark(mark: Run, line: Run, gap: float) -> bool:
    return mark.size < _SMALLER * line.size and len(mark.text) <= 12 and gap < 0.5 * line.size
