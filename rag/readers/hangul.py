"""What the formats of Hangul (HWP, HWPX) share: the numbers of paragraphs, and their blocks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from rag.readers.list_numbers import word_number
from rag.text.blocks import Block, Heading, Item, Paragraph, Tick

# Kinds of numbers, in the order of HWP's codes, as HWPX names them and as they are called in OOXML.
NUMBER_KINDS = {
    "DIGIT": "decimal",
    "CIRCLED_DIGIT": "decimalEnclosedCircle",
    "ROMAN_CAPITAL": "upperRoman",
    "ROMAN_SMALL": "lowerRoman",
    "LATIN_CAPITAL": "upperLetter",
    "LATIN_SMALL": "lowerLetter",
    "CIRCLED_LATIN_CAPITAL": "upperLetter",
    "CIRCLED_LATIN_SMALL": "lowerLetter",
    "HANGUL_SYLLABLE": "ganada",
    "CIRCLED_HANGUL_SYLLABLE": "ganada",
    "HANGUL_JAMO": "chosung",
    "CIRCLED_HANGUL_JAMO": "chosung",
    "HANGUL_PHONETIC": "koreanDigital",
    "IDEOGRAPH": "chineseCounting",
    "CIRCLED_IDEOGRAPH": "chineseCounting",
}
KIND_NAMES = tuple(NUMBER_KINDS)
# Digits in boxes, which Hangul's fonts have in a private area.
_SHOWN_AS = {0xF02B1 + number: chr(0x2460 + number) for number in range(10)}
_LEVELS = 10
# A longer paragraph with an outline number is a clause, not a heading.
_LONGEST_HEADING = 100
_ONE_BOX = re.compile(r"\[([x ])\]([^\[\]]*)")


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a paragraph: "" or "OUTLINE", "NUMBER", "BULLET", the id of its numbering, its level from 0."""

    kind: str = ""
    numbering: int = 0
    level: int = 0


@dataclass(slots=True)
class Level:
    """A level of a numbering: the kind of its numbers, its text ("^1.^2)"), and its first number."""

    kind: str = "DIGIT"
    text: str = ""
    start: int = 1


@dataclass(slots=True)
class Numbers:
    """Counts the numbered paragraphs of a document. `levels` has the levels of each numbering, from 0."""

    levels: Mapping[int, list[Level]]
    _counts: dict[tuple[str, int], list[int | None]] = field(default_factory=dict)

    def sign(self, head: Head) -> str:
        """The sign of the next paragraph with this head. A bullet is "-"."""
        if head.kind == "BULLET":
            return "-"
        levels = self.levels.get(head.numbering, [])
        if not head.kind or not 0 <= head.level < len(levels):
            return ""
        counts = self._counts.setdefault((head.kind, head.numbering), [None] * _LEVELS)
        before = counts[head.level]
        counts[head.level] = levels[head.level].start if before is None else before + 1
        counts[head.level + 1 :] = [None] * (_LEVELS - head.level - 1)

        def number(match: re.Match[str]) -> str:
            of = int(match[1]) - 1
            if not 0 <= of < len(levels):
                return ""
            count = counts[of]
            return shown_number(levels[of].start if count is None else count, levels[of].kind)

        text = re.sub(
            r"\^[nN]", lambda _: ".".join(f"^{n + 1}" for n in range(head.level + 1)), levels[head.level].text
        )
        return " ".join(re.sub(r"\^(\d{1,2})", number, text).split())


def shown_number(number: int, kind: str) -> str:
    """A number as Hangul prints it."""
    return word_number(number, NUMBER_KINDS.get(kind, "decimal"))


def paragraph_block(text: str, head: Head, sign: str) -> Block:
    """The block of a paragraph with its head."""
    text = text.translate(_SHOWN_AS)
    if head.kind == "OUTLINE" and len(text) <= _LONGEST_HEADING and "\n" not in text:
        return Heading(f"{sign} {text}".strip(), head.level + 1)
    if sign:
        return Item(text, sign, min(head.level, _LEVELS))
    if box := _ONE_BOX.fullmatch(text):
        return Tick(box[2].strip(), box[1] == "x")
    return Paragraph(text)
