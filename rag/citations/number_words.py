"""Numbers and times in words: "two hundred and fifty", "sechsunddreißig", "quatre-vingt-douze", "half past two"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from text_to_num import find_numbers

from rag.text.languages import latin_language, short_language

_WORD = re.compile(r"[^\W\d_]+|[^\w\s]")
# "Hundreds of" and "thousand" alone tell no number, and "cent" after "pour" is a percent sign.
_ALONE = re.compile(r"(?i)hundreds?|thousands?|millions?|billions?|cents?|mille|cien|ciento|cento|mil|hundert|tausend")
# Smaller numbers have too many wordings, and are articles in most languages.
_SMALLEST = 3
_HOURS = {
    word: number
    for number, word in enumerate(
        ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"), 1
    )
} | {str(number): number for number in range(1, 13)}
_MINUTES = {"half": 30, "quarter": 15, "five": 5, "ten": 10, "twenty": 20}
SPOKEN_TIME = re.compile(
    rf"\b(?:a\s)?(?P<part>{'|'.join(_MINUTES)})\s(?P<side>past|to)\s(?P<hour>{'|'.join(_HOURS)})\b"
    r"(?:\s(?:(?P<late>in the (?:afternoon|evening)|at night|p\.?m\b)|(?P<early>in the morning|a\.?m\b)))?",
    re.IGNORECASE,
)

# Times with a word for the hour: 14h30, 14 Uhr 30, 오후 2시 30분, 午後2時30分. A number of hours (3시간) is none.
CLOCK_TIME = re.compile(
    r"(?P<half>오전|오후|午前|午後|上午|下午)?\s?(?<![\d.,:])(?P<clock>[01]?\d|2[0-4])\s?"
    r"(?:h(?=\s?[0-5]\d\b)|Uhr(?=\s[0-5]\d\b)|시(?!간)(?=\s|[0-5]|에|부|까|$)|時(?!間)|点(?=[0-5]\d分|半))\s?(?:(?P<minute>[0-5]\d)(?!\d)\s?[분分]?)?"
)
_AFTERNOON = ("오후", "午後", "下午")


class _Token:
    """A word as text2num takes it."""

    def __init__(self, match: re.Match[str]) -> None:
        self.start, self.end = match.span()
        self._text = match[0].lower()

    def text(self) -> str:
        return self._text

    def nt_separated(self, _previous: object) -> bool:
        return False

    def not_a_number_part(self) -> bool:
        return False


def numbers_in_words(text: str) -> Iterator[tuple[int, int, float]]:
    """The half-open spans and values of whole numbers in words, from three on. They are read in the language of the
    text if it is clear, else in English."""
    tokens = [_Token(match) for match in _WORD.finditer(text)]
    for found in find_numbers(tokens, latin_language(text) or short_language(text) or "en", 0):
        start, end = tokens[found.start].start, tokens[found.end - 1].end
        if found.value >= _SMALLEST and not found.is_ordinal and not _ALONE.fullmatch(text[start:end]):
            yield start, end, found.value


def spoken_minutes(match: re.Match[str]) -> tuple[float, ...]:
    """The minute of the day that a match of SPOKEN_TIME or CLOCK_TIME may mean: two if the half isn't said."""
    if "clock" in match.groupdict():
        hour, half = int(match["clock"]), match["half"]
        hour = hour % 12 + 12 * (half in _AFTERNOON) if half else hour
        return (60.0 * hour + int(match["minute"] or 0),)
    hour, minute = _HOURS[match["hour"].lower()] % 12, _MINUTES[match["part"].lower()]
    place = 60.0 * hour + (minute if match["side"].lower() == "past" else -minute)
    return (place + 720,) if match["late"] else (place,) if match["early"] else (place, place + 720)
