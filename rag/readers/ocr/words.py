"""The outcome of a recognition: words with their boxes in the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# Left, top, right, bottom in pixels of the picture.
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Word:
    """A word, its box, and how sure its engine is of it, from 0 to 1."""

    text: str
    box: Box
    confidence: float


@dataclass(frozen=True, slots=True)
class Recognition:
    """The words of a picture, whose `size` is its width and height in pixels. `engine` is a name for users."""

    words: Sequence[Word]
    size: tuple[int, int]
    engine: str
    # The share of the lines seen that could be read, by their length.
    share: float = 1.0

    @property
    def confidence(self) -> float:
        """The mean confidence of its letters times the share that could be read, 0 to 1; 0 without letters."""
        letters = [sum(map(str.isalnum, word.text)) for word in self.words]
        sure = sum(count * word.confidence for count, word in zip(letters, self.words, strict=True))
        return self.share * sure / sum(letters) if any(letters) else 0.0

    def turned(self, quarters: int, size: tuple[int, int]) -> Recognition:
        """The words in a picture of this `size`, of which the recognised picture is a copy that was turned by
        `quarters` of a turn counterclockwise."""
        words = [Word(word.text, _turned_back(word.box, quarters, self.size), word.confidence) for word in self.words]
        return Recognition(words, size, self.engine, self.share)


def _turned_back(box: Box, quarters: int, size: tuple[int, int]) -> Box:
    left, top, right, bottom = box
    width, height = size
    match quarters % 4:
        case 1:
            return height - bottom, left, height - top, right
        case 2:
            return width - right, height - bottom, width - left, height - top
        case 3:
            return top, width - right, bottom, width - left
    return box
