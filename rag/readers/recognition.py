"""Recognising pages without text, as readers ask for it: `recognise` for a page that is a picture.

The caller of the readers chooses the engine by `recognising`, and is told there of each attempt, since a page takes
seconds. Outside of it any engine of this machine may be asked, without a limit of pages.
"""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from rag.readers.notices import note, page_list

if TYPE_CHECKING:
    from PIL import Image

    from rag.readers.ocr.engines import Engines
    from rag.readers.ocr.words import Recognition

Choice = Literal["auto", "off", "tesseract", "rapidocr", "llm"]

# The size in which pages are drawn for recognition: pixels an inch, and the most pixels of a page.
DOTS_PER_INCH = 200
MOST_PIXELS = 12_000_000
# A tiny file may name the same page a million times. An honest file has some bytes for each page that is a picture.
_PAGES_OF_ANY_FILE = 50
_BYTES_OF_A_PAGE = 5_000
# Pixels of the smallest type that can be read.
_SMALLEST = 8
# A picture whose darkest and lightest pixels differ by less is blank.
_BLANK_CONTRAST = 24

# Pixels of the longer side of a picture for a language model; the servers make larger ones smaller.
_MODEL_SIDE = 2_000

# Reads a page's picture, a PNG, as text: light Markdown.
AskModel = Callable[[bytes], str]


@dataclass
class Recogniser:
    """How the pages of one document are recognised, and what came of it, by their numbers."""

    choice: Choice = "auto"
    most_pages: int = 10**9
    begin: Callable[[], None] = lambda: None
    end: Callable[[], None] = lambda: None
    ask_model: AskModel | None = None
    words: dict[int, Recognition] = field(default_factory=dict)
    by_engine: dict[str, list[int]] = field(default_factory=dict)
    unread: list[int] = field(default_factory=list)
    too_many: int = 0
    _engines: Engines | None = None
    _outcomes: dict[bytes, Recognition | None] = field(default_factory=dict)

    def page(self, number: int, picture: Image.Image) -> str | None:
        """See `recognise`."""
        try:
            if self.choice == "llm":
                return self._by_model(number, picture)
            outcome = self._by_engines(picture)
        finally:
            self.end()
        if outcome is None:
            return None
        from rag.readers.ocr.layout import laid_out

        text, words = laid_out(outcome)
        self._record(number, outcome.engine)
        self.words[number] = replace(outcome, words=words)
        return text

    def _by_engines(self, picture: Image.Image) -> Recognition | None:
        from rag.readers.ocr.engines import Engines

        # The same picture may be on many pages.
        key = hashlib.sha256(picture.tobytes() + repr(picture.size).encode()).digest()
        if key not in self._outcomes:
            self._engines = self._engines or Engines(self.choice)
            self._outcomes[key] = self._engines.recognise(picture, self.begin)
        return self._outcomes[key]

    def _by_model(self, number: int, picture: Image.Image) -> str | None:
        if self.ask_model is None:
            return None
        self.begin()
        target = io.BytesIO()
        small = picture.copy()
        small.thumbnail((_MODEL_SIDE, _MODEL_SIDE))
        small.save(target, "PNG")
        text = self.ask_model(target.getvalue()).strip()
        if text:
            self._record(number, "the language model")
        return text or None

    def _record(self, number: int, engine: str) -> None:
        self.by_engine.setdefault(engine, []).append(number)

    @property
    def pages(self) -> int:
        """The number of pages that an engine was asked for."""
        return sum(map(len, self.by_engine.values())) + len(self.unread)

    def placed_words(self) -> dict[int, list[tuple[str, float, float, float, float]]]:
        """The words of each page, with their left, top, right and bottom in shares of its picture, 0 to 1."""
        placed = {}
        for number, outcome in self.words.items():
            width, height = outcome.size
            placed[number] = [
                (
                    word.text,
                    round(word.box[0] / width, 4),
                    round(word.box[1] / height, 4),
                    round(word.box[2] / width, 4),
                    round(word.box[3] / height, 4),
                )
                for word in outcome.words
            ]
        return placed

    def report(self) -> None:
        """Tell the user which pages were recognised by what, and which couldn't be read."""
        for engine, numbers in self.by_engine.items():
            verb = "were" if len(numbers) > 1 else "was"
            pictures = "pictures" if len(numbers) > 1 else "a picture"
            note(f"{_capital(page_list(numbers))} {verb} recognised from {pictures} by {engine}.")
        if self.unread:
            verb = "have" if len(set(self.unread)) > 1 else "has"
            advice = "; set OCR=auto to have pictures recognised" if self.choice == "off" else ""
            note(f"{_capital(page_list(self.unread))} {verb} no text that can be read{advice}.")
        if self.too_many:
            note(f"{self.too_many:,} more pages that are pictures were not read, since the file is too small for them.")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


_current: ContextVar[Recogniser | None] = ContextVar("recogniser", default=None)


@contextmanager
def recognising(
    choice: Choice,
    size: int,
    begin: Callable[[], None] = lambda: None,
    end: Callable[[], None] = lambda: None,
    ask_model: AskModel | None = None,
) -> Iterator[Recogniser]:
    """Recognise the pages of a document of `size` bytes within by `choice`. `begin` is called before each attempt at
    a page, `end` after the last; their errors are passed on. Tells the user of the outcome when it ends."""
    recogniser = Recogniser(choice, _PAGES_OF_ANY_FILE + size // _BYTES_OF_A_PAGE, begin, end, ask_model)
    token = _current.set(recogniser)
    try:
        yield recogniser
        recogniser.report()
    finally:
        _current.reset(token)


def has_models() -> bool:
    """Whether models for recognition are loaded in this process."""
    rapid = sys.modules.get("rag.readers.ocr.rapid")
    return rapid is not None and rapid.is_loaded()


def is_on() -> bool:
    """Whether pictures are recognised at all."""
    recogniser = _current.get()
    return recogniser is None or recogniser.choice != "off"


def recognise(number: int, draw: Callable[[], Image.Image]) -> str | None:
    """The text of page `number`, light Markdown, recognised from the picture that `draw` makes of it; None if it can't
    be read, and "" if the picture is blank.

    The user is told of the page. Readers leave out a page for which it is None.
    """
    recogniser = _current.get()
    alone = recogniser is None
    recogniser = recogniser or Recogniser()
    if recogniser.pages >= recogniser.most_pages:
        recogniser.too_many += 1
        return None
    picture = draw()
    low, high = _contrast(picture)
    if high - low < _BLANK_CONTRAST or min(picture.size) < _SMALLEST:
        return ""
    text = recogniser.page(number, picture) if recogniser.choice != "off" else None
    if not text:
        recogniser.unread.append(number)
    if alone:
        recogniser.report()
    return text or None


def _contrast(picture: Image.Image) -> tuple[int, int]:
    low, high = picture.convert("L").getextrema()
    return int(low), int(high)  # type: ignore[arg-type]
