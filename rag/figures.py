"""Numbers in text by their value: "$17.5 billion", "17,455" in a table in millions and "174억" are compared as amounts.

A figure knows how precisely it is written, so that a rounded one is found in an exact one but not the reverse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["number", "percent", "month", "minute"]

# Longer runs of digits are no amounts, and too large for a float.
LONGEST_NUMBER = 300
# Digits beyond ASCII's (full-width ones), and the signs that go with them; one character for one, so spans stay.
_FOLDED = str.maketrans("０１２３４５６７８９．，％－−–—～〜＄￥", "0123456789.,%----~~$¥")

_SCALES = {
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
_AMBIGUOUS = frozenset({"k", "m", "b", "t", "mm", "조", "兆", "백", "천"})
# What tables without a stated scale are in, most often.
_TABLE_SCALES = frozenset({1e3, 1e6})

_CURRENCIES = {
    **dict.fromkeys(("$", "us$", "usd", "dollar", "dollars", "달러", "불"), "usd"),
    **dict.fromkeys(("€", "eur", "euro", "euros", "유로"), "eur"),
    **dict.fromkeys(("£", "gbp"), "gbp"),
    **dict.fromkeys(("¥", "yen", "엔", "円"), "jpy"),
    **dict.fromkeys(("₩", "krw", "won", "원"), "krw"),
}
_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?|(?<!\d)\.\d+"
_CJK_SCALE = "백만|천만|십억|백억|천억|조|억|만|천|백|万|萬|億|亿|兆|千"
_NUMBER = re.compile(
    rf"""(?<![A-Za-z0-9_]) (?<!\d[.,])
    (?P<currency>US\$|[$€£¥₩]|(?:USD|EUR|GBP|KRW)\ ?)? [ \t]? \(? (?P<digits>{_DIGITS})
    (?:
      (?P<cjk>(?:{_CJK_SCALE})) (?P<rest>(?:[ ]?(?:\d{{1,3}}(?:,\d{{3}})+|\d+(?:\.\d+)?)(?:{_CJK_SCALE}))*)
      | \s?(?P<word>(?:hundred|thousand|million|billion|trillion)s?|mn|bn|tn|mio|MM|mm)(?![A-Za-z])
      | (?P<letter>[kKmMbBtT])(?![A-Za-z0-9])
      | (?P<ordinal>st|nd|rd|th|s|'s|x)(?![A-Za-z0-9])
    )?
    (?P<after>\s?\)?\s?(?:%|percent(?:age)?\b|per\ cent\b|pct\b|퍼센트|프로(?!\w)))?
    (?P<unit>\s?(?:dollars?|euros?|yen|won|USD|EUR|GBP|KRW|달러|유로|엔|원|円)(?![a-z]))?
    (?![A-Za-z0-9_])""",
    re.VERBOSE,
)
_CJK_PART = re.compile(rf"(\d[\d,]*(?:\.\d+)?)({_CJK_SCALE})")

# Tokens of letters and digits: names, not amounts. What is only a number with its unit, or a compound such as
# 12-month and mid-2021, is left to _NUMBER.
_CODE = re.compile(
    r"(?<![\w$€£.])(?=[A-Za-z\d./+_-]{0,40}[A-Za-z])(?=[A-Za-z./+_-]{0,40}\d)[A-Za-z\d]+(?:[-./+_][A-Za-z\d]+)*"
)
_NO_CODE = re.compile(
    rf"(?:{_DIGITS})(?:[kKmMbBtTsx]|mn|bn|tn|mm|MM|st|nd|rd|th|USD|EUR)?"
    r"|\d[\d.]*(?:-[A-Za-z]{2,})+|[A-Za-z]{2,}(?:-[a-z]+)*-(?:19|20)\d\d|(?:USD|EUR|US|KRW)\d[\d.]*"
)
# Fiscal years: FY2023, FY23, CY2022.
_FISCAL = re.compile(r"(?<![A-Za-z0-9])(?:FY|CY|fy)[ '’]?(\d{4}|\d{2})(?!\d)")
# 2020-21, '24.
_SHORT_YEAR = re.compile(r"(?:(?<=\d{4}[-/])|(?<=['’‘]))\d{2}(?![\d/-])")

_MONTHS = [
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
_MONTH_NUMBERS = {name[:length]: n for n, name in enumerate(_MONTHS, 1) for length in (3, 4, len(name))}
_MONTH = re.compile(
    r"\b(?:(?P<long>January|February|April|June|July|August|September|October|November|December)"
    # "march" and "may" are verbs too, and the short forms other things: only beside a number.
    r"|(?P<short>March|May|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b(?=\.?,?\s+\d)"
    r"|(?<=\bin )(?P<month>March|May)"
    r"|(?<=\d\s)(?P<later>March|May|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec))\b"
)
_KOREAN_MONTH = re.compile(r"(?<!\d)(1[0-2]|0?[1-9])\s?[월月](?!요)")
_DATE = re.compile(
    r"(?<!\d)(?:(?P<y>(?:19|20)\d\d)([-./])\s?(?P<m>1[0-2]|0?[1-9])\2\s?(?P<d>[12]\d|3[01]|0?[1-9])"
    r"|(?P<a>[12]\d|3[01]|0?[1-9])([-./])(?P<b>[12]\d|3[01]|0?[1-9])\6(?P<year>(?:19|20)\d\d))(?!\d)"
)
_TIME = re.compile(r"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?![\d:])(?:\s?([ap])\.?m\b)?", re.IGNORECASE)

_WORDS = {
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
_LOOSE_WORDS = {
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
_WORD = re.compile(
    rf"\b(?:{'|'.join([*_WORDS, *_LOOSE_WORDS])})\b(?:[\s-](hundred|thousand|million|billion)\b)?", re.IGNORECASE
)
_HALF = re.compile(r"\bhalf\b|절반", re.IGNORECASE)

_ABOUT = re.compile(
    r"(?:\b(?:about|approximately|approx\.?|around|roughly|nearly|almost|over|above|under|below|exceed(?:s|ed|ing)?|some"
    r"|(?:more|less|fewer|greater) than|at least|at most|up to|close to|an estimated)\s*(?:an?\s+)?|[~≈>]\s?"
    r"|(?:약|거의|대략|최대|최소)\s?)[($€£¥₩]*$",
    re.IGNORECASE,
)
_AND_MORE = re.compile(r"\s?(?:\+|여(?=[\s개명건원])|\w{0,2}\s?(?:이상|이하|가량|정도|가까이|상회|넘))")
# Marks of a list, and what numbers other things than amounts.
_LIST_MARK = re.compile(
    r"\(\d{1,2}\)|(?<!\S)\d{1,2}\)(?=\s)|^\s*\d{1,3}[.)]\s|(?i:\b(?:passage|source|context|document|citation)s? ?#?\d+)"
)
_CELL_END = re.compile(r"[ \t]*(?:$|[\n|$€£₩%()\d—–-])")
_RANGE = re.compile(r"\s?(?:-|~|to|and|or|에서|부터)\s?[$€£₩]?\s?", re.IGNORECASE)

_STATED = re.compile(
    r"(?:\bin|[$€£%(])[^.\n]{0,40}?\b(thousands|millions|billions)\b|(?:US)?\$\s?(000|mm?|bn)s?\b"
    r"|단위[^.\n]{0,10}?(백만|십억|천|만|억|조)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number as `text[start:end]` writes it.

    `values` are the amounts that it may mean; `step` is the smallest difference that it states, relative to its scale
    of that value: half of it is how far an amount may be away. `currency` is a code or empty, `scale` the one
    written beside it (1 if none is). `cell` says that it stands alone, as in tables. Months are 1 to 12, times minutes.
    """

    text: str
    start: int
    end: int
    values: tuple[float, ...]
    steps: tuple[float, ...]
    kind: Kind = "number"
    currency: str = ""
    scale: float = 1.0
    cell: bool = False

    @property
    def scaled(self) -> bool:
        return self.scale > 1

    @property
    def is_year(self) -> bool:
        return self.kind == "number" and not self.scaled and not self.currency and bool(_YEAR.fullmatch(self.text))


_YEAR = re.compile(r"(?:FY|CY)?\W?(?:19|20)\d\ds?|(?:FY|CY)\W?\d\d", re.IGNORECASE)


def figures_of_claim(claim: str) -> list[Figure]:
    """The figures that a claim states, in order: not marks of lists, and no numbers that are part of a code."""
    blanked = _blanked(_LIST_MARK, claim.translate(_FOLDED))
    return sorted(_found(_blanked_codes(blanked), _WORDS), key=lambda figure: figure.start)


def figures_of_passage(passage: str) -> list[Figure]:
    """The figures that a passage may be quoted for, in order, those within codes and in words included."""
    text = passage.translate(_FOLDED)
    found = list(_found(_blanked_codes(text), _WORDS | _LOOSE_WORDS))
    for code in codes(text):
        found += [_bare(code, match) for match in re.finditer(r"\d+", code[0])]
    found += [Figure(m[0], *m.span(), (2000.0 + int(m[0]),), (1.0,)) for m in _SHORT_YEAR.finditer(text)]
    found += [Figure(m[0], *m.span(), (50.0,), (1.0,), "percent") for m in _HALF.finditer(text)]
    found += [
        _part(match, group, "month")
        for match in _DATE.finditer(text)
        for group in "ab"
        if int(match[group] or 99) <= 12
    ]
    return sorted(found, key=lambda figure: figure.start)


def codes(text: str) -> Iterator[re.Match[str]]:
    """Tokens of letters and digits that name something, such as COVID-19 and 10-K."""
    return (match for match in _CODE.finditer(text) if not _NO_CODE.fullmatch(match[0]) and not _FISCAL.match(match[0]))


def stated_scales(passage: str) -> frozenset[float]:
    """The scales that a passage says its tables are in: 1e6 for "(in millions)" or "단위: 백만원"."""
    found = set()
    for match in _STATED.finditer(passage):
        word = next(group for group in match.groups() if group).casefold()
        found.add(1e3 if word == "000" else _SCALES[word])
    return frozenset(found)


def is_stated(claimed: Figure, found: Sequence[Figure], scales: frozenset[float]) -> bool:
    """Whether one of the figures found equals the claimed one, to the precision that the claim states.

    `scales` are those that the passage states for its tables. Signs aren't compared: a loss of 5 is (5) in a table.
    """
    return any(_equal(claimed, figure, scales) for figure in found)


def _equal(claimed: Figure, found: Figure, scales: frozenset[float]) -> bool:
    # The sign of a column of percentages may be in its head, and a month is a number in other forms of a date.
    in_column = claimed.kind == "percent" and found.kind == "number" and found.cell and not found.currency
    if claimed.kind != found.kind and not in_column and (claimed.kind, found.kind) != ("number", "month"):
        return False
    if claimed.currency and found.currency and claimed.currency != found.currency:
        return False
    amounts = list(found.values)
    if claimed.scaled and claimed.kind == found.kind == "number" and not found.scaled and not found.is_year:
        # 17,455 in a table is 17.455 billion if the table is in millions. Where nothing is said of it, only a number
        # in a cell of its own may be meant so.
        amounts += [
            value * scale for value in found.values for scale in scales or (_TABLE_SCALES if found.cell else ())
        ]
    return any(
        abs(value - amount) <= step / 2 * (1 + 1e-9)
        for value, step in zip(claimed.values, claimed.steps, strict=True)
        for amount in amounts
    )


def _found(text: str, words: Mapping[str, float]) -> list[Figure]:
    """The figures of `text` in any order; `words` are the number words that count."""
    found = [_month(text, match, _MONTH_NUMBERS[match[0].lower()]) for match in _MONTH.finditer(text)]
    for pattern, figures_of in ((_DATE, _date), (_TIME, _time), (_KOREAN_MONTH, _korean_month), (_FISCAL, _fiscal)):
        for match in pattern.finditer(text):
            found += figures_of(text, match)
        text = _blanked(pattern, text)
    numbers = [_number(text, match) for match in _NUMBER.finditer(text)]
    for figure, after in zip(numbers, [*numbers, None][1:], strict=True):
        found.append(_as_in_range(figure, after, text) if after else figure)
    for match in _WORD.finditer(text):
        word = re.split(r"[\s-]", match[0].lower())[0]
        if word in words:
            scale = _SCALES[match[1].lower()] if match[1] else 1.0
            found.append(Figure(match[0], *match.span(), (words[word] * scale,), (scale,), scale=scale))
    return found


def _number(text: str, match: re.Match[str]) -> Figure:
    digits = match["digits"]
    value = float(digits.replace(",", ""))
    step = 10.0 ** -len(digits.partition(".")[2])
    if _ABOUT.search(text, max(match.start("digits") - 24, 0), match.start("digits")) or _AND_MORE.match(
        text, match.end()
    ):
        step = max(step, _roundness(digits))
    unit = (match["cjk"] or match["word"] or match["letter"] or "").casefold()
    unit = unit if unit in _SCALES else unit.removesuffix("s")
    main = _SCALES[unit] if unit else 1.0
    values, steps = [value * main], [step * main]
    for digit, scale in _CJK_PART.findall(match["rest"] or ""):  # 1조 2,345억: each part is finer than the one before
        values[0] += float(digit.replace(",", "")) * _SCALES[scale]
        steps[0] = _SCALES[scale]
    if unit in _AMBIGUOUS:
        values, steps = [*values, value], [*steps, step]
    currency = ((match["currency"] or "") + (match["unit"] or "")).strip(" )").casefold()
    if match["currency"] and match["unit"]:
        currency = match["currency"].strip().casefold()
    return Figure(
        match[0].strip(),
        match.start() + len(match[0]) - len(match[0].lstrip()),
        match.end(),
        tuple(values),
        tuple(steps),
        "percent" if match["after"] else "number",
        _CURRENCIES.get(currency, ""),
        main,
        bool(_CELL_END.match(text, match.end())),
    )


def _roundness(digits: str) -> float:
    """The unit of the last digit that isn't 0: 100 for 29,300."""
    whole = digits.replace(",", "").partition(".")[0]
    if len(whole) > LONGEST_NUMBER:
        return 0.0
    return 10.0 ** (len(whole) - len(whole.rstrip("0"))) if "." not in digits and whole.strip("0") else 0.0


def _as_in_range(figure: Figure, after: Figure, text: str) -> Figure:
    """In "76-85%" and "$1.5 to 2 million" the unit of the second number is the first one's too."""
    if not _RANGE.fullmatch(text, figure.end, after.start):
        return figure
    if after.kind == "percent" and figure.kind == "number" and not figure.scaled and not figure.currency:
        return replace(figure, kind="percent")
    if after.scaled and not figure.scaled and figure.kind == "number" and not figure.is_year:
        values = (*figure.values, figure.values[0] * after.scale)
        return replace(figure, values=values, steps=(*figure.steps, figure.steps[0] * after.scale))
    return figure


def _bare(code: re.Match[str], digits: re.Match[str]) -> Figure:
    start, end = code.start() + digits.start(), code.start() + digits.end()
    return Figure(digits[0], start, end, (float(digits[0]),), (1.0,))


def _date(text: str, match: re.Match[str]) -> list[Figure]:
    if match["y"]:
        return [_part(match, "y"), _part(match, "m", "month"), _part(match, "d")]
    return [_part(match, "year"), _part(match, "a"), _part(match, "b")]  # day and month come in either order


def _time(text: str, match: re.Match[str]) -> list[Figure]:
    hour, minute = int(match[1]), int(match[2])
    if match[3]:
        hour = hour % 12 + (12 if match[3].lower() == "p" else 0)
    return [Figure(match[0], *match.span(), (60.0 * hour + minute,), (1.0,), "minute")]


def _korean_month(text: str, match: re.Match[str]) -> list[Figure]:
    return [_month(text, match, int(match[1]))]


def _month(text: str, match: re.Match[str], number: int) -> Figure:
    return Figure(match[0], *match.span(), (float(number),), (1.0,), "month")


def _fiscal(text: str, match: re.Match[str]) -> list[Figure]:
    year = int(match[1])
    return [Figure(match[0], *match.span(), (float(year if year > 99 else 2000 + year),), (1.0,))]


def _part(match: re.Match[str], group: str, kind: Kind = "number") -> Figure:
    return Figure(match[group], *match.span(group), (float(match[group]),), (1.0,), kind)


def _blanked(pattern: re.Pattern[str], text: str) -> str:
    """`text` with blanks for what `pattern` matches, so that spans stay."""
    return pattern.sub(lambda match: " " * len(match[0]), text)


def _blanked_codes(text: str) -> str:
    pieces, done = [], 0
    for match in codes(text):
        pieces += [text[done : match.start()], " " * len(match[0])]
        done = match.end()
    return "".join((*pieces, text[done:]))
