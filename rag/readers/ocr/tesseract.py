"""Recognition by Tesseract, if it is installed on this machine: its command, once a picture."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from collections.abc import Sequence
from functools import lru_cache

from PIL import Image

from rag.readers.ocr.words import Recognition, Word

NAME = "Tesseract"
# Seconds that a page may take.
PAGE_SECONDS = 50.0
# Words below this confidence are specks and lines of drawings.
_LEAST = 0.2
# Tesseract reads small type badly: a picture with fewer pixels on its longer side is enlarged.
_SMALL = 1200
# The first and last syllable, and the narrowest blank between two words, as a share of their height.
_HANGUL = "가힣"
_HANGUL_BLANK = 0.33
_LATIN = [
    "eng",
    "deu",
    "fra",
    "spa",
    "ita",
    "por",
    "nld",
    "swe",
    "dan",
    "nor",
    "fin",
    "pol",
    "ces",
    "tur",
    "ron",
    "hun",
    "cat",
]
# Beside Latin, the languages that are tried, in this order.
_OTHERS = ["kor", "jpn", "chi_sim", "chi_tra", "rus", "ukr", "ell", "ara", "heb", "hin", "tha", "vie"]
_MOST_LATIN = 4
# The first languages of groups that are tried before RapidOCR.
BEFORE_OTHERS = frozenset({*_LATIN, "kor"})


@lru_cache(maxsize=1)
def languages() -> frozenset[str]:
    """The languages that Tesseract has data for; empty without Tesseract."""
    if shutil.which("tesseract") is None:
        return frozenset()
    try:
        listed = subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return frozenset()
    return frozenset(listed.stdout.split("\n")[1:]) - {"", "osd", "equ"}


def language_groups(installed: frozenset[str] | None = None) -> list[str]:
    """What is tried: the installed Latin languages together, then each other one."""
    present = languages() if installed is None else installed
    latin = [language for language in _LATIN if language in present][:_MOST_LATIN]
    groups = ["+".join(latin)] if latin else []
    # Their data have Latin letters, too; a second language beside them makes mistakes in them.
    return groups + [language for language in _OTHERS if language in present]


def recognise(picture: Image.Image, language: str) -> Recognition | None:
    """The words of a picture in languages such as "eng+deu"; None if Tesseract fails or takes too long."""
    grey = picture.convert("L")
    factor = 2 if max(grey.size) < _SMALL else 1
    if factor > 1:
        grey = grey.resize((grey.width * factor, grey.height * factor), Image.Resampling.LANCZOS)
    given = io.BytesIO()
    grey.save(given, "PPM")
    # As one column of lines (4): the columns of a page and the cells of a table are told by the words' places.
    command = ["tesseract", "-", "-", "--dpi", "200", "--psm", "4", "-l", language, "tsv"]
    if shutil.which("env"):
        # Several threads on one page take more time together, not less.
        command = ["env", "OMP_THREAD_LIMIT=1", *command]
    if shutil.which("setpriv"):
        # It ends with this process, which is killed if the document is no longer wanted.
        command = ["setpriv", "--pdeathsig", "KILL", *command]
    try:
        done = subprocess.run(command, input=given.getvalue(), capture_output=True, timeout=PAGE_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return Recognition(_words(done.stdout.decode("utf-8", "replace"), factor), picture.size, NAME)


def _words(table: str, factor: int) -> Sequence[Word]:
    words: list[Word] = []
    line, line_top, line_bottom = "", 0.0, 0.0
    for row in csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE):
        text, confidence = (row["text"] or "").strip(), float(row["conf"] or -1) / 100
        left, top, width, height = (int(row[name] or 0) / factor for name in ("left", "top", "width", "height"))
        if row["level"] == "4":
            line_top, line_bottom = top, top + height
        if row["level"] != "5" or not text or confidence < _LEAST:
            continue
        # As high as its line: the boxes of "a", "b" and "-" differ.
        word = Word(text, (left, line_top, left + width, line_bottom), confidence)
        same_line = line == (line := f"{row['block_num']} {row['par_num']} {row['line_num']}")
        if same_line and words and _is_one_word(words[-1], word):
            words[-1] = _joined(words[-1], word)
        else:
            words.append(word)
    return words


def _is_one_word(left: Word, right: Word) -> bool:
    """Whether two pieces are one Korean word: Tesseract cuts many of them into syllables, and off figures and signs."""
    height = min(left.box[3] - left.box[1], right.box[3] - right.box[1])
    is_korean = any(_HANGUL[0] <= char <= _HANGUL[1] for char in (left.text[-1], right.text[0]))
    return is_korean and right.box[0] - left.box[2] < _HANGUL_BLANK * height


def _joined(left: Word, right: Word) -> Word:
    letters = len(left.text), len(right.text)
    confidence = (left.confidence * letters[0] + right.confidence * letters[1]) / sum(letters)
    box = (left.box[0], min(left.box[1], right.box[1]), right.box[2], max(left.box[3], right.box[3]))
    return Word(left.text + right.text, box, confidence)
