"""Writes the numbers of headings, lists and notes as a word processor prints them: 3, c, iii, ③, 다, 三."""

from __future__ import annotations

from collections.abc import Callable

# The most that is written in letters or Roman figures; larger numbers are written in digits.
_MOST_WRITTEN = 5000

_ROMAN = (
    (1000, "m"),
    (900, "cm"),
    (500, "d"),
    (400, "cd"),
    (100, "c"),
    (90, "xc"),
    (50, "l"),
    (40, "xl"),
    (10, "x"),
    (9, "ix"),
    (5, "v"),
    (4, "iv"),
    (1, "i"),
)
_LATIN = "abcdefghijklmnopqrstuvwxyz"
_RUSSIAN = "абвгдежзиклмнопрстуфхцчшщыэюя"
_GREEK = "αβγδεζηθικλμνξοπρστυφχψω"
_GANADA = "가나다라마바사아자차카타파하"
_CHOSUNG = "ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎ"
_AIUEO = "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン"
_IROHA = "イロハニホヘトチリヌルヲワカヨタレソツネナラムウヰノオクヤマケフコエテアサキユメミシヱヒモセス"
_STEMS = "甲乙丙丁戊己庚辛壬癸"
_BRANCHES = "子丑寅卯辰巳午未申酉戌亥"
_HEBREW = "אבגדהוזחטיכלמנסעפצקרשת"
_ARABIC = "أبتثجحخدذرزسشصضطظعغفقكلمنهوي"
_HAN_DIGITS = "〇一二三四五六七八九"
_HANGUL_DIGITS = "영일이삼사오육칠팔구"
_SMALL_NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_ONES = _SMALL_NUMBERS.split()
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth"}
_ORDINALS |= {"twelve": "twelfth"}


def decimal(number: int) -> str:
    """3"""
    return str(number)


def roman(number: int) -> str:
    """iii"""
    if not 0 < number < _MOST_WRITTEN:
        return str(number)
    text = ""
    for value, sign in _ROMAN:
        text += sign * (number // value)
        number %= value
    return text


def repeated(letters: str) -> Callable[[int], str]:
    """A format as in Word: … y, z, aa, bb, cc."""

    def write(number: int) -> str:
        if not 0 < number <= _MOST_WRITTEN:
            return str(number)
        return letters[(number - 1) % len(letters)] * ((number - 1) // len(letters) + 1)

    return write


def counted(letters: str) -> Callable[[int], str]:
    """A format as a spreadsheet's columns: … y, z, aa, ab, ac."""

    def write(number: int) -> str:
        if not 0 < number <= _MOST_WRITTEN:
            return str(number)
        text = ""
        while number:
            number, rest = divmod(number - 1, len(letters))
            text = letters[rest] + text
        return text

    return write


def ordinal(number: int) -> str:
    """3rd"""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def in_words(number: int) -> str:
    """Three"""
    return _words(number).capitalize()


def ordinal_in_words(number: int) -> str:
    """Third"""
    before, hyphen, last = _words(number).rpartition("-")
    last = _ORDINALS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th")
    return (before + hyphen + last).capitalize() if 0 < number < 100 else ordinal(number)


def _words(number: int) -> str:
    if not 0 <= number < 100:
        return str(number)
    if number < len(_ONES):
        return _ONES[number]
    return _TENS[number // 10 - 2] + (f"-{_ONES[number % 10]}" if number % 10 else "")


def circled(number: int) -> str:
    """③"""
    if 1 <= number <= 20:
        return chr(0x2460 + number - 1)
    return chr(0x3251 + number - 21) if 21 <= number <= 35 else f"({number})"


def east_asian(digits: str, ten: str) -> Callable[[int], str]:
    """A format with a sign for ten: 三, 十三, 二十三."""

    def write(number: int) -> str:
        if not 0 < number < 100:
            return "".join(digits[int(digit)] for digit in str(max(number, 0)))
        tens, ones = divmod(number, 10)
        return (digits[tens] if tens > 1 else "") + (ten if tens else "") + (digits[ones] if ones else "")

    return write


def _upper(write: Callable[[int], str]) -> Callable[[int], str]:
    return lambda number: write(number).upper()


_CHINESE = east_asian(_HAN_DIGITS, "十")
# OOXML's names of formats (ST_NumberFormat).
WORD_FORMATS: dict[str, Callable[[int], str]] = {
    "decimal": decimal,
    "decimalZero": lambda number: f"{number:02d}",
    "lowerLetter": repeated(_LATIN),
    "upperLetter": _upper(repeated(_LATIN)),
    "lowerRoman": roman,
    "upperRoman": _upper(roman),
    "ordinal": ordinal,
    "cardinalText": in_words,
    "ordinalText": ordinal_in_words,
    "hex": lambda number: f"{number:X}",
    "russianLower": repeated(_RUSSIAN),
    "russianUpper": _upper(repeated(_RUSSIAN)),
    "numberInDash": lambda number: f"- {number} -",
    "decimalEnclosedCircle": circled,
    "decimalEnclosedCircleChinese": circled,
    "decimalEnclosedParen": lambda number: f"({number})",
    "decimalEnclosedFullstop": lambda number: f"{number}.",
    "ganada": repeated(_GANADA),
    "chosung": repeated(_CHOSUNG),
    "koreanDigital": east_asian(_HANGUL_DIGITS, "십"),
    "koreanCounting": east_asian(_HANGUL_DIGITS, "십"),
    "aiueo": repeated(_AIUEO),
    "aiueoFullWidth": repeated(_AIUEO),
    "iroha": repeated(_IROHA),
    "irohaFullWidth": repeated(_IROHA),
    "hebrew1": repeated(_HEBREW),
    "hebrew2": repeated(_HEBREW),
    "arabicAlpha": repeated(_ARABIC),
    "ideographTraditional": repeated(_STEMS),
    "ideographZodiac": repeated(_BRANCHES),
    **dict.fromkeys(
        (
            "japaneseCounting",
            "japaneseLegal",
            "chineseCounting",
            "chineseCountingThousand",
            "taiwaneseCounting",
            "taiwaneseCountingThousand",
            "ideographDigital",
            "japaneseDigitalTenThousand",
            "koreanDigital2",
        ),
        _CHINESE,
    ),
    "none": lambda number: "",
}


def word_number(number: int, name: str) -> str:
    """A number in one of OOXML's formats; in digits if the format is unknown."""
    return WORD_FORMATS.get(name, decimal)(number)


def odf_number(number: int, name: str, repeats: bool = False) -> str:
    """A number in one of OpenDocument's formats: "1", "a", "A", "i", "I", or a list of letters; "" has no number."""
    if not name:
        return ""
    if name in ("i", "I"):
        return roman(number) if name == "i" else roman(number).upper()
    letters = {"a": _LATIN, "A": _LATIN.upper(), "α": _GREEK, "Α": _GREEK.upper(), "а": _RUSSIAN, "А": _RUSSIAN.upper()}
    letters |= {"가": _GANADA, "ㄱ": _CHOSUNG, "ア": _AIUEO, "イ": _IROHA, "甲": _STEMS, "子": _BRANCHES}
    if name[0] in letters:
        return (repeated if repeats else counted)(letters[name[0]])(number)
    if name[0] == "①":
        return circled(number)
    if name[0] == "一":
        return _CHINESE(number)
    return str(number)
