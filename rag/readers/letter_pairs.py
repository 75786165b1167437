"""Guesses the encoding of a text of single bytes by the pairs of letters that are common in each language."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# Costs, in the unit of the data file: of a pair that the language hasn't, of a usual sign, of any other sign, of a
# capital after a small letter, and of a byte that means nothing.
_UNSEEN, _SIGN, _ODD_SIGN, _ODD_CAPITAL, _UNDEFINED = 22, 8, 24, 14, 40
# A text whose pairs cost more on average is in none of the languages, or not of single bytes. Fewer pairs show less.
_MOST_COST = 15.5
_USUAL_SIGNS = frozenset("’‘“”„‚–—…•€£§°«»·©®™¿¡ºª½²³±µ×№")
_SAMPLE = 16_384

_WESTERN = {"cp1252": 0.0, "mac_roman": 1.5, "cp850": 1.5}
_CENTRAL = {"cp1250": 0.0, "iso8859_2": 0.1, "cp852": 1.5}
_BALTIC = {"cp1257": 0.0, "iso8859_13": 0.1, "iso8859_4": 1.0}
_CYRILLIC = {"cp1251": 0.0, "koi8_r": 0.1, "koi8_u": 0.2, "iso8859_5": 0.3, "cp866": 0.3, "mac_cyrillic": 1.0}
_ARABIC = {"cp1256": 0.0, "iso8859_6": 0.5}
# The encodings of each language, each with a cost: the higher, the rarer.
_ENCODINGS = {
    **dict.fromkeys(["fr", "de", "es", "pt", "it", "sv", "da", "nb", "fi", "nl", "is", "ca"], _WESTERN),
    **dict.fromkeys(["cs", "sk", "pl", "hu", "ro", "sl", "sh"], _CENTRAL),
    **dict.fromkeys(["lt", "lv", "et"], _BALTIC),
    **dict.fromkeys(["ru", "uk", "bg", "mk", "sr"], _CYRILLIC),
    **dict.fromkeys(["ar", "fa", "ur"], _ARABIC),
    "tr": {"cp1254": 0.0},
    "el": {"cp1253": 0.0, "iso8859_7": 0.1},
    "he": {"cp1255": 0.0},
    "vi": {"cp1258": 0.0},
    "th": {"cp874": 0.0},
}


@dataclass(frozen=True, slots=True)
class Guess:
    """An encoding with its cost for each pair: below 12 in most texts of a few words."""

    encoding: str
    cost: float

    @property
    def is_likely(self) -> bool:
        """Whether the text may well be in this encoding."""
        return self.cost <= _MOST_COST


def guess(sample: bytes) -> Guess | None:
    """The likeliest encoding of single bytes; None if the sample has no bytes beyond ASCII."""
    sample = sample[:_SAMPLE]
    decoded = {name: _pairs(sample, name) for name in {name for names in _ENCODINGS.values() for name in names}}
    best: Guess | None = None
    for language, costs in _costs().items():
        for encoding, rareness in _ENCODINGS[language].items():
            pairs, signs, count = decoded[encoding]
            if not count:
                return None
            total = signs + sum(number * costs.get(pair, _UNSEEN) for pair, number in pairs.items())
            cost = total / count + rareness
            if best is None or cost < best.cost:
                best = Guess(encoding, cost)
    return best


def _pairs(sample: bytes, encoding: str) -> tuple[Counter[str], int, int]:
    """The pairs with a letter beyond ASCII, the cost of all other signs beyond ASCII, and the number of both."""
    text = unicodedata.normalize("NFC", sample.decode(encoding, "replace"))
    pairs: Counter[str] = Counter()
    signs = count = 0
    before = "_"
    for place, char in enumerate(f"{text} "):
        category = "L" if "a" <= char <= "z" or "A" <= char <= "Z" else unicodedata.category(char)
        is_letter = category[0] in "LM"
        if char == "µ":
            is_letter = False
        if not is_letter and char > "\x7f" and not char.isspace():
            # A letter is in two pairs, so a sign counts twice.
            count += 2
            if char == "\ufffd" or category in ("Cc", "Co"):
                signs += 2 * _UNDEFINED
            else:
                within = before != "_" and text[place + 1 : place + 2].isalpha() and char not in "’·–—"
                signs += 2 * (_ODD_SIGN if within or char not in _USUAL_SIGNS else _SIGN)
        here = char if is_letter else "_"
        if here > "\x7f" or before > "\x7f":
            pairs[(before + here).lower()] += 1
            count += 1
            if before.islower() and here.isupper():
                signs += _ODD_CAPITAL
        before = here
    return pairs, signs, count


@cache
def _costs() -> dict[str, dict[str, int]]:
    """For each language: pair → cost."""
    languages: dict[str, dict[str, int]] = {}
    costs: dict[str, int] = {}
    path = Path(__file__).with_name("data") / "letter_pairs.txt"
    for line in path.read_text(encoding="utf-8").splitlines():
        cost, _, pairs = line.partition(" ")
        if line.startswith("#"):
            continue
        if pairs:
            costs.update(dict.fromkeys(pairs.split(), int(cost)))
        else:
            languages[line] = costs = {}
    return languages
