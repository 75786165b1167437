"""Which engine reads a picture: the most confident of those that OCR allows and this machine has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal

from PIL import Image

from rag.readers.ocr import rapid, tesseract
from rag.readers.ocr.words import Recognition

Choice = Literal["auto", "off", "tesseract", "rapidocr", "llm"]
Engine = Callable[[Image.Image], Recognition | None]

# At this confidence no other engine is asked; below the second the text is no text.
_SURE = 0.88
_LEAST = 0.6


class Engines:
    """The engines for one document. The one that has read the last page is asked first for the next."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._last = ""

    def recognise(self, picture: Image.Image, begin: Callable[[], None]) -> Recognition | None:
        """The words of a picture; None if no engine reads it. `begin` is called before each attempt.

        A picture that lies on its side or upside down is turned.
        """
        best: Recognition | None = None
        for name, engine in self._in_order():
            begin()
            outcome = engine(picture)
            if outcome is not None and (best is None or outcome.confidence > best.confidence):
                best, self._last = outcome, name
            if best is not None and best.confidence >= _SURE:
                return best
        if best is not None and best.words:
            best = self._turned(picture, best, begin)
        return best if best is not None and best.confidence >= _LEAST else None

    def _in_order(self) -> list[tuple[str, Engine]]:
        engines = list(available(self._choice))
        return sorted(engines, key=lambda each: each[0] != self._last)

    def _turned(self, picture: Image.Image, best: Recognition, begin: Callable[[], None]) -> Recognition:
        engines = list(available(self._choice))
        likely = [each for each in engines if each is engines[0] or each[0] == self._last]
        for quarters in (2, 1, 3):
            turned = picture.rotate(90 * quarters, expand=True)
            for name, engine in likely:
                begin()
                outcome = engine(turned)
                if outcome is not None and outcome.confidence > best.confidence:
                    best, self._last = outcome.turned(quarters, picture.size), name
                if best.confidence >= _SURE:
                    return best
        return best


def available(choice: Choice) -> Iterator[tuple[str, Engine]]:
    """The engines that may be asked, in this order, each with a name.

    Tesseract is faster and takes less memory, and has more scripts. RapidOCR comes before the scripts that it has, too.
    """
    groups = tesseract.language_groups() if choice in ("auto", "tesseract") else []
    has_rapid = choice in ("auto", "rapidocr") and rapid.is_installed()
    early = [group for group in groups if group.partition("+")[0] in tesseract.BEFORE_OTHERS]
    for group in early:
        yield group, partial(tesseract.recognise, language=group)
    if has_rapid:
        yield rapid.NAME, rapid.recognise
    for group in groups:
        if group not in early:
            yield group, partial(tesseract.recognise, language=group)


def missing(choice: Choice) -> list[str]:
    """What recognition lacks on this machine, in sentences that say how to get it; for `doctor`."""
    languages = tesseract.languages()
    if choice == "off":
        return []
    sentences = []
    if choice == "rapidocr" and not rapid.is_installed():
        sentences.append("OCR=rapidocr needs the package rapidocr; install requirements.txt.")
    if choice == "tesseract" and not languages:
        sentences.append("OCR=tesseract needs Tesseract; install it (Debian: apt-get install tesseract-ocr).")
    if choice == "auto" and not languages:
        sentences.append(
            "Scans in Korean and other scripts aren't read without Tesseract; install it with its language data "
            "(Debian: apt-get install tesseract-ocr tesseract-ocr-kor)."
        )
    elif choice in ("auto", "tesseract") and "kor" not in languages:
        sentences.append(
            "Scans in Korean aren't read without Tesseract's Korean data; install it (Debian: apt-get install "
            "tesseract-ocr-kor)."
        )
    return sentences


def summary(choice: Choice) -> str:
    """The engines that read scans and pictures, for `doctor`: "Tesseract (eng, kor), RapidOCR"."""
    if choice == "off":
        return "off"
    if choice == "llm":
        return "the language model's server"
    languages = sorted(tesseract.languages()) if choice != "rapidocr" else []
    parts = [f"Tesseract ({', '.join(languages)})"] if languages else []
    parts += [rapid.NAME] if choice in ("auto", "rapidocr") and rapid.is_installed() else []
    return ", ".join(parts) or "none"
