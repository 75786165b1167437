"""Patterns and tables for numbers, dates, scales and currencies as texts write them, above all in English and Korean.

The words are in data/numbers.toml.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_DATA = tomllib.loads((Path(__file__).parent / "data" / "numbers.toml").read_text("utf-8"))


def _digits_of_all_scripts() -> Iterator[tuple[str, int]]:
    for code in range(0x80, 0x1FBFA):
        digit = unicodedata.decimal(chr(code), None)
        if digit is not None:
            yield chr(code), digit


def _values(words: Mapping[str, Sequence[str]]) -> dict[str, float]:
    return {word: float(value) for value, synonyms in words.items() for word in synonyms}


# The digits of all scripts and full-width signs → ASCII, one character for each, so that spans stay.
ASCII_FORMS = {ord(sign): str(digit) for sign, digit in _digits_of_all_scripts()} | str.maketrans(
    "．，％－−–—～〜＄￥٫٬٪\u2009\u202f", ".,%----~~$¥.,%\u00a0\u00a0"
)

SCALES = _values(_DATA["scales"])
AMBIGUOUS_SCALES = frozenset(_DATA["ambiguous_scales"])
CURRENCIES: dict[str, str] = {sign: code for code, signs in _DATA["currencies"].items() for sign in signs}

# With thousands separators or without, with decimals or without: 1,234.5 or 1234.5 or .5; 12,34,567 in lakhs;
# 1.234.567,50, 1 234 567 and 2'345'678, as in much of Europe; 12,5 with a comma for the point.
_DIGITS = (
    r"\d{1,3}(?:\.\d{3})+,\d{1,2}(?!\d)|\d{1,3}(?:\.\d{3}){2,}(?![.,]?\d)"
    r"|\d{1,3}(?:[ \u00a0]\d{3})+(?:[.,]\d{1,2})?(?![ \u00a0.,]?\d)|\d{1,3}(?:['’]\d{3})+(?:\.\d+)?(?!\d)"
    r"|\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?(?!\d)|\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)"
    r"|\d+,\d{1,2}(?![,.]?\d)|\d+(?:\.\d+)?|(?<!\d)\.\d+"
)
# 120 110 is one number with a blank in it, or two numbers beside each other.
BLANK_GROUPS = re.compile(r"(?<!\d)\d{1,3}(?: \d{3})+(?!\d)")
# Digits that only a text with a comma for the point has, and digits that only the others have.
DECIMAL_COMMA = re.compile(
    r"(?<![\d.,])(?:\d{1,3}(?:\.\d{3})+,\d{1,2}|\d{1,3}(?:\.\d{3}){2,}|\d+,\d{1,2})(?![\d.,]\d|\d)"
)
DECIMAL_POINT = re.compile(r"(?<![\d.,])(?:\d{1,3}(?:,\d{3})+\.\d+|\d{1,3}(?:,\d{3}){2,}|\d+\.\d{1,2})(?![\d.,]\d|\d)")
COMMA_LANGUAGES = frozenset({"de", "fr", "es", "it", "pt"})
_POINTS = (
    r"percentage\ points?|%[ ]?points?|Prozentpunkte?n?|points?\ de\ pourcentage|puntos\ porcentuales"
    r"|%p\b|%포인트|퍼센트\s?포인트|パーセントポイント|百分点"
)
# Units by what they measure: the dimension and the factor to its base.
MEASURES: dict[str, tuple[str, float]] = {
    unit: (dimension, float(factor))
    for dimension, units in _DATA["measures"].items()
    for factor, names in units.items()
    for unit in names
}
_MEASURES = "|".join(sorted((re.escape(unit) for unit in MEASURES), key=len, reverse=True))
MEASURE = re.compile(rf"[\s-]?({_MEASURES})(?![A-Za-z/])")
_CJK_SCALE = "백만|천만|십억|백억|천억|조|억|만|천|백|万|萬|億|亿|兆|千"
# A currency's sign, the digits, their scale or ordinal ending, a percent sign, and a currency's name. Nothing that
# belongs to a code may touch it.
NUMBER = re.compile(
    rf"""(?<![A-Za-z0-9_]) (?<!\d[.,])
    (?P<currency>US\$|[$€£¥₩₹]|(?:USD|EUR|GBP|KRW|CHF|INR|Rs\.?)\ ?)? [ \t]? \(? (?P<digits>{_DIGITS})
    (?:
      (?P<cjk>(?:{_CJK_SCALE})) (?P<rest>(?:[ ]?(?:\d{{1,3}}(?:,\d{{3}})+|\d+(?:\.\d+)?)(?:{_CJK_SCALE}))*)
      | \s?(?P<word>(?:hundred|thousand|million|billion|trillion)s?|mn|bn|tn|mio|MM|mm)(?![A-Za-z])
      | (?P<letter>[kKmMbBtT])(?![A-Za-z0-9])
      | (?P<ordinal>st|nd|rd|th|s|'s|x)(?![A-Za-z0-9])
    )?
    (?P<points>\s?\)?\s?(?:{_POINTS}))?
    (?P<percent>\s?\)?\s?(?:%|percent(?:age)?\b|per\ cent\b|pct\b|Prozent\b|pour\ cent\b|por\ ciento\b|por\ cento\b
      |per\ cento\b|procent\b|퍼센트|프로(?!\w)|パーセント))?
    (?:(?=(?P<measure>[\s-]?(?:{_MEASURES})(?![A-Za-z/])))|)
    (?P<unit>\s?(?:dollars?|[Ee]uros?|yen|won|USD|EUR|GBP|KRW|CHF|INR|달러|유로|엔|원|円)(?![a-z]))?
    (?![A-Za-z0-9_])""",
    re.VERBOSE,
)
# The parts of 1조 2,345억: digits and their scale.
CJK_PART = re.compile(rf"(\d[\d,]*(?:\.\d+)?)({_CJK_SCALE})")

# Codes are tokens of letters and digits that name something: COVID-19, 10-K. A number with its unit is no code, nor is
# a compound such as 12-month and mid-2021: NO_CODE matches them, and NUMBER reads them.
CODE = re.compile(
    r"(?<![\w$€£.])(?=[A-Za-z\d./+_-]{0,40}[A-Za-z])(?=[A-Za-z./+_-]{0,40}\d)[A-Za-z\d]+(?:[-./+_][A-Za-z\d]+)*"
)
NO_CODE = re.compile(
    rf"(?:{_DIGITS})(?:[kKmMbBtTsx]|mn|bn|tn|mm|MM|st|nd|rd|th|USD|EUR)?"
    r"|\d[\d.]*(?:-[A-Za-z]{2,})+|[A-Za-z]{2,}(?:-[a-z]+)*-(?:19|20)\d\d|(?:USD|EUR|US|KRW)\d[\d.]*"
)
# FY2023, FY23, CY2022.
FISCAL_YEAR = re.compile(r"(?<![A-Za-z0-9])(?:FY|CY|fy)[ '’]?(\d{4}|\d{2})(?!\d)")
# The second year of 2020-21, and '24.
SHORT_YEAR = re.compile(r"(?:(?<=\d{4}[-/])|(?<=['’‘]))\d{2}(?![\d/-])")
# Numbers that name a place of the document and measure nothing: Table 47, Note 3, 표 2.
LABEL = re.compile(
    rf"(?:\b(?:{'|'.join(_DATA['labels']['words'])})|(?<!\w)(?:{'|'.join(_DATA['labels']['cjk'])}))"
    r"[ \t]?(?:#|No\.?\s|Nr\.?\s)?(?P<label>\d{1,4})(?![\d%]|[.,]\d{3}(?!\d)|\s?(?:percent|million|billion|thousand|%))"
)
# A year as the whole text of a number.
YEAR = re.compile(r"(?:FY|CY)?\W?(?:19|20)\d\ds?|(?:FY|CY)\W?\d\d", re.IGNORECASE)

MONTHS = {name.lower(): int(number) for number, names in _DATA["months"].items() for name in names}
_FOREIGN = "|".join(name for names in _DATA["foreign_months"].values() for name in names)
MONTHS |= {name.lower(): int(number) for number, names in _DATA["foreign_months"].items() for name in names}
# "March" and "May" are verbs, too, and abbreviations are other words, too: they are months only beside a number.
_VERBS = ("March", "May")
_LONG = "|".join(names[0] for names in _DATA["months"].values() if names[0] not in _VERBS)
_SHORT = "|".join([*_VERBS, *(name for names in _DATA["months"].values() for name in names[1:])])
MONTH = re.compile(
    rf"\b(?:(?<=\d )(?:{_FOREIGN})|(?<=\d\. )(?:{_FOREIGN})|(?<=\d de )(?:{_FOREIGN})"
    rf"|(?:{_FOREIGN})(?=\s(?:19|20)\d\d)|(?:{_LONG})|(?:{_SHORT})\b(?=\.?,?\s+\d)"
    rf"|(?<=\bin )(?:{'|'.join(_VERBS)})|(?<=\d\s)(?:{_SHORT}))\b"
)
KOREAN_MONTH = re.compile(r"(?<!\d)(1[0-2]|0?[1-9])\s?[월月](?!요)")
# Year, month and day (groups y, m, d), or day and month in either order (groups a, b) before the year.
DATE = re.compile(
    r"(?<!\d)(?:(?P<y>(?:19|20)\d\d)([-./])\s?(?P<m>1[0-2]|0?[1-9])\2\s?(?P<d>[12]\d|3[01]|0?[1-9])"
    r"|(?P<a>[12]\d|3[01]|0?[1-9])([-./])(?P<b>[12]\d|3[01]|0?[1-9])\6(?P<year>(?:19|20)\d\d))(?!\d)"
)
# Hour (group 1), minute (group 2), and "a" or "p" of a.m. and p.m. (group 3).
TIME = re.compile(r"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?![\d:])(?:\s?([ap])\.?m\b)?", re.IGNORECASE)

WORDS = _values(_DATA["words"])
LOOSE_WORDS = _values(_DATA["loose_words"])
NUMBER_WORD = re.compile(
    rf"\b(?:{'|'.join([*WORDS, *LOOSE_WORDS])})\b(?:[\s-](hundred|thousand|million|billion)\b)?", re.IGNORECASE
)
PERCENT_WORD = re.compile(
    r"\s?(?:percent|per cent|prozent|pour cent|por ciento|per cento|por cento)\b(?! points?)", re.IGNORECASE
)
HALF = re.compile(r"\bhalf\b|절반", re.IGNORECASE)

# A minus before the digits, which is no mark of a list at a line's beginning, and what may stand for a minus.
MINUS = re.compile(r"[\w:|=] -[$€£]?$|[|=]-[$€£]?$")
MAY_BE_NEGATIVE = re.compile(
    r"\b(?:minus|negative|loss|lost|deficit|declin|decreas|fall|fell|drop|down|below|lower|reduc|shr[aiu]nk|less|Verlust"
    r"|Rückgang|sank|gesunken|unter|perte|baisse|diminu|pérdida|perdita|bajo|outflow|used|charge|expense)|손실|감소|하락|영하|적자|마이너스"
    r"|損失|減|赤字|マイナス|氷点下|亏损|下降|零下|△|▲",
    re.IGNORECASE,
)
# Words before a number that say it is rounded (ABOUT), and words after it (AND_MORE).
ABOUT = re.compile(
    r"(?:\b(?:about|approximately|approx\.?|around|roughly|nearly|almost|over|above|under|below|exceed(?:s|ed|ing)?|some"
    r"|(?:more|less|fewer|greater) than|at least|at most|up to|close to|an estimated|rund|etwa|circa|ca\.?"
    r"|ungefähr|knapp|environ|près de|aproximadamente|cerca de)\s*(?:an?\s+)?|[~≈>]\s?"
    r"|(?:약|거의|대략|최대|최소)\s?)[($€£¥₩]*$",
    re.IGNORECASE,
)
AND_MORE = re.compile(r"\s?(?:\+|여(?=[\s개명건원])|\w{0,2}\s?(?:이상|이하|가량|정도|가까이|상회|넘))")
# Marks of a list, and numbers of passages. They aren't amounts.
LIST_MARK = re.compile(
    r"\(\d{1,2}\)|(?<!\S)\d{1,2}\)(?=\s)|^\s*\d{1,3}[.)]\s|(?i:\b(?:passage|source|context|document|citation)s? ?#?\d+)"
)
# The text that may follow a number that fills a table's cell.
CELL_END = re.compile(r"[ \t]*(?:$|[\n|$€£₩%()\d—–-])")
# The text between the two numbers of a range.
RANGE = re.compile(r"\s?(?:-|~|to|and|or|에서|부터)\s?[$€£₩]?\s?", re.IGNORECASE)
# A table's scale: "(in millions)", "$000", "단위: 백만원".
STATED_SCALE = re.compile(
    r"(?:\bin|[$€£%(])[^.\n]{0,40}?\b(thousands|millions|billions)\b|(?:US)?\$\s?(000|mm?|bn)s?\b"
    r"|(?:단위[^.\n]{0,10}?|[(（])(백만|십억|천|만|억|조)(?=\s?(?:원|달러|명|톤|円|엔|元)|[)）,])|[(（](千|百万|億|万|亿)(?=[円元人])"
    r"|단위[^.\n]{0,10}?(백만|십억|천|만|억|조)",
    re.IGNORECASE,
)
