"""How numbers, dates, scales and currencies are written, in English and Korean above all: patterns and tables."""

from __future__ import annotations

import re

# Digits beyond ASCII's (full-width ones), and the signs that go with them; one character for one, so spans stay.
FOLDED = str.maketrans("０１２３４５６７８９．，％－−–—～〜＄￥", "0123456789.,%----~~$¥")

SCALES = {
    **dict.fromkeys(("hundred", "백", "百"), 1e2),
    **dict.fromkeys(("thousand", "thousands", "k", "천", "千"), 1e3),
    **dict.fromkeys(("만", "万", "萬"), 1e4),
    **dict.fromkeys(("million", "millions", "mn", "mm", "mio", "m", "백만"), 1e6),
    **dict.fromkeys(("천만",), 1e7),
    **dict.fromkeys(("억", "億", "亿"), 1e8),
    **dict.fromkeys(("billion", "billions", "bn", "b", "십억"), 1e9),
    **dict.fromkeys(("백억",), 1e10),
    **dict.fromkeys(("천억",), 1e11),
    **dict.fromkeys(("trillion", "trillions", "tn", "t", "조", "兆"), 1e12),
}
# A single letter may be another unit (5 m, 3 b), and 조 an article of a law: the number alone is accepted too.
AMBIGUOUS = frozenset({"k", "m", "b", "t", "mm", "조", "兆", "백", "천"})

CURRENCIES = {
    **dict.fromkeys(("$", "us$", "usd", "dollar", "dollars", "달러", "불"), "usd"),
    **dict.fromkeys(("€", "eur", "euro", "euros", "유로"), "eur"),
    **dict.fromkeys(("£", "gbp"), "gbp"),
    **dict.fromkeys(("¥", "yen", "엔", "円"), "jpy"),
    **dict.fromkeys(("₩", "krw", "won", "원"), "krw"),
}
DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?|(?<!\d)\.\d+"
CJK_SCALE = "백만|천만|십억|백억|천억|조|억|만|천|백|万|萬|億|亿|兆|千"
NUMBER = re.compile(
    rf"""(?<![A-Za-z0-9_]) (?<!\d[.,])
    (?P<currency>US\$|[$€£¥₩]|(?:USD|EUR|GBP|KRW)\ ?)? [ \t]? \(? (?P<digits>{DIGITS})
    (?:
      (?P<cjk>(?:{CJK_SCALE})) (?P<rest>(?:[ ]?(?:\d{{1,3}}(?:,\d{{3}})+|\d+(?:\.\d+)?)(?:{CJK_SCALE}))*)
      | \s?(?P<word>(?:hundred|thousand|million|billion|trillion)s?|mn|bn|tn|mio|MM|mm)(?![A-Za-z])
      | (?P<letter>[kKmMbBtT])(?![A-Za-z0-9])
      | (?P<ordinal>st|nd|rd|th|s|'s|x)(?![A-Za-z0-9])
    )?
    (?P<after>\s?\)?\s?(?:%|percent(?:age)?\b|per\ cent\b|pct\b|퍼센트|프로(?!\w)))?
    (?P<unit>\s?(?:dollars?|euros?|yen|won|USD|EUR|GBP|KRW|달러|유로|엔|원|円)(?![a-z]))?
    (?![A-Za-z0-9_])""",
    re.VERBOSE,
)
CJK_PART = re.compile(rf"(\d[\d,]*(?:\.\d+)?)({CJK_SCALE})")

# Tokens of letters and digits: names, not amounts. What is only a number with its unit, or a compound such as
# 12-month and mid-2021, is left to NUMBER.
CODE = re.compile(
    r"(?<![\w$€£.])(?=[A-Za-z\d./+_-]{0,40}[A-Za-z])(?=[A-Za-z./+_-]{0,40}\d)[A-Za-z\d]+(?:[-./+_][A-Za-z\d]+)*"
)
NO_CODE = re.compile(
    rf"(?:{DIGITS})(?:[kKmMbBtTsx]|mn|bn|tn|mm|MM|st|nd|rd|th|USD|EUR)?"
    r"|\d[\d.]*(?:-[A-Za-z]{2,})+|[A-Za-z]{2,}(?:-[a-z]+)*-(?:19|20)\d\d|(?:USD|EUR|US|KRW)\d[\d.]*"
)
# Fiscal years: FY2023, FY23, CY2022.
FISCAL = re.compile(r"(?<![A-Za-z0-9])(?:FY|CY|fy)[ '’]?(\d{4}|\d{2})(?!\d)")
# 2020-21, '24.
SHORT_YEAR = re.compile(r"(?:(?<=\d{4}[-/])|(?<=['’‘]))\d{2}(?![\d/-])")

MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
MONTH_NUMBERS = {name[:length]: n for n, name in enumerate(MONTHS, 1) for length in (3, 4, len(name))}
MONTH = re.compile(
    r"\b(?:(?P<long>January|February|April|June|July|August|September|October|November|December)"
    # "march" and "may" are verbs too, and the short forms other things: only beside a number.
    r"|(?P<short>March|May|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b(?=\.?,?\s+\d)"
    r"|(?<=\bin )(?P<month>March|May)"
    r"|(?<=\d\s)(?P<later>March|May|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec))\b"
)
KOREAN_MONTH = re.compile(r"(?<!\d)(1[0-2]|0?[1-9])\s?[월月](?!요)")
DATE = re.compile(
    r"(?<!\d)(?:(?P<y>(?:19|20)\d\d)([-./])\s?(?P<m>1[0-2]|0?[1-9])\2\s?(?P<d>[12]\d|3[01]|0?[1-9])"
    r"|(?P<a>[12]\d|3[01]|0?[1-9])([-./])(?P<b>[12]\d|3[01]|0?[1-9])\6(?P<year>(?:19|20)\d\d))(?!\d)"
)
TIME = re.compile(r"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?![\d:])(?:\s?([ap])\.?m\b)?", re.IGNORECASE)

WORDS = {
    word: float(n)
    for n, word in enumerate(
        [
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
        ],
        2,
    )
} | {"thirty": 30.0, "forty": 40.0, "fifty": 50.0, "sixty": 60.0, "seventy": 70.0, "eighty": 80.0, "ninety": 90.0}
# Words that a passage may have where a claim has the number; a claim's own aren't checked, they are too often figures
# of speech ("first of all", "both of them").
LOOSE_WORDS = {
    word: float(n)
    for n, word in enumerate(
        ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"], 1
    )
} | {
    "zero": 0.0,
    "one": 1.0,
    "single": 1.0,
    "once": 1.0,
    "both": 2.0,
    "twice": 2.0,
    "double": 2.0,
    "doubled": 2.0,
    "pair": 2.0,
    "couple": 2.0,
    "triple": 3.0,
    "tripled": 3.0,
    "dozen": 12.0,
    "decade": 10.0,
    "hundred": 100.0,
    "thousand": 1000.0,
}
WORD = re.compile(
    rf"\b(?:{'|'.join([*WORDS, *LOOSE_WORDS])})\b(?:[\s-](hundred|thousand|million|billion)\b)?", re.IGNORECASE
)
HALF = re.compile(r"\bhalf\b|절반", re.IGNORECASE)

ABOUT = re.compile(
    r"(?:\b(?:about|approximately|approx\.?|around|roughly|nearly|almost|over|above|under|below|exceed(?:s|ed|ing)?|some"
    r"|(?:more|less|fewer|greater) than|at least|at most|up to|close to|an estimated)\s*(?:an?\s+)?|[~≈>]\s?"
    r"|(?:약|거의|대략|최대|최소)\s?)[($€£¥₩]*$",
    re.IGNORECASE,
)
AND_MORE = re.compile(r"\s?(?:\+|여(?=[\s개명건원])|\w{0,2}\s?(?:이상|이하|가량|정도|가까이|상회|넘))")
# Marks of a list, and what numbers other things than amounts.
LIST_MARK = re.compile(
    r"\(\d{1,2}\)|(?<!\S)\d{1,2}\)(?=\s)|^\s*\d{1,3}[.)]\s|(?i:\b(?:passage|source|context|document|citation)s? ?#?\d+)"
)
CELL_END = re.compile(r"[ \t]*(?:$|[\n|$€£₩%()\d—–-])")
RANGE = re.compile(r"\s?(?:-|~|to|and|or|에서|부터)\s?[$€£₩]?\s?", re.IGNORECASE)

STATED = re.compile(
    r"(?:\bin|[$€£%(])[^.\n]{0,40}?\b(thousands|millions|billions)\b|(?:US)?\$\s?(000|mm?|bn)s?\b"
    r"|단위[^.\n]{0,10}?(백만|십억|천|만|억|조)",
    re.IGNORECASE,
)
