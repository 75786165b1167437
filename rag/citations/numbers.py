"""Reads the numbers of a text, with their values: "$17.5 billion" and "174억" are amounts, "March" is the month 3.

Each number keeps how exactly it is written. A rounded claim agrees with an exact passage, but not the reverse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from rag.citations import number_patterns
from rag.citations.east_asian_numbers import numbers_in_characters
from rag.citations.number_words import CLOCK_TIME, SPOKEN_TIME, numbers_in_words, spoken_minutes
from rag.text.languages import latin_language

Kind = Literal["number", "percent", "month", "minute", "label", "points"]

# A longer run of digits is no amount, and too large for a float.
LONGEST_NUMBER = 300
# The characters before a number in which a word such as "about" is looked for.
_ABOUT_REACH = 24


@dataclass(frozen=True, slots=True)
class Number:
    """A number as `text[start:end]` writes it.

    `values` are the amounts that it may mean; a month is 1 to 12, a time is in minutes, a label numbers a table or a
    section. `steps` has, for each value,
    the smallest difference that its digits express. An amount agrees if it differs by at most half a step. `currency`
    is ISO's code or empty, `scale` the factor written beside the digits (1 if there is none). `in_cell` says that the
    number stands alone, as in a table's cell. `dimension` is what its unit measures, or empty, and `factor` the unit in
    the dimension's base unit. `sign` is "-" with a minus, "+" without one, and empty where words or
    brackets may say it.
    """

    text: str
    start: int
    end: int
    values: tuple[float, ...]
    steps: tuple[float, ...]
    kind: Kind = "number"
    currency: str = ""
    scale: float = 1.0
    in_cell: bool = False
    dimension: str = ""
    factor: float = 1.0
    sign: str = ""

    @property
    def is_scaled(self) -> bool:
        return self.scale > 1

    @property
    def is_year(self) -> bool:
        is_plain = self.kind == "number" and not self.is_scaled and not self.currency
        return is_plain and bool(number_patterns.YEAR.fullmatch(self.text))


def numbers_of_claim(claim: str) -> list[Number]:
    """The numbers that a claim states, in order. Marks of lists and numbers in codes don't count."""
    text = _blanked(number_patterns.LIST_MARK, claim.translate(number_patterns.ASCII_FORMS))
    return sorted(_read(_without_codes(text), number_patterns.WORDS), key=lambda number: number.start)


def numbers_of_passage(passage: str) -> list[Number]:
    """The numbers that a claim may take from a passage, in order. Numbers in codes and in words count, too."""
    text = passage.translate(number_patterns.ASCII_FORMS)
    numbers = _read(_without_codes(text), number_patterns.WORDS | number_patterns.LOOSE_WORDS)
    if groups := [match.span() for match in number_patterns.BLANK_GROUPS.finditer(text)]:
        apart = number_patterns.BLANK_GROUPS.sub(lambda match: match[0].replace(" ", "|"), text)
        inside = {place for start, end in groups for place in range(start, end)}
        numbers += [number for number in _read(apart, {}) if number.start in inside]
    for code in codes(text):
        numbers += [_within(code, digits) for digits in re.finditer(r"\d+", code[0])]
    numbers += [_plain(match, 2000.0 + int(match[0])) for match in number_patterns.SHORT_YEAR.finditer(text)]
    numbers += [_plain(match, 50.0, "percent") for match in number_patterns.HALF.finditer(text)]
    # In 3/4/2021 either part may be the month.
    numbers += [
        _part(match, group, "month")
        for match in number_patterns.DATE.finditer(text)
        for group in "ab"
        if int(match[group] or 99) <= 12
    ]
    return sorted(numbers, key=lambda number: number.start)


def codes(text: str) -> Iterator[re.Match[str]]:
    """The matches of codes: tokens of letters and digits that name something, such as COVID-19 and 10-K."""
    for match in number_patterns.CODE.finditer(text):
        is_number = number_patterns.NO_CODE.fullmatch(match[0]) or number_patterns.FISCAL_YEAR.match(match[0])
        if not is_number:
            yield match


def stated_scales(passage: str) -> frozenset[float]:
    """The scales that a passage states for its tables: 1e6 for "(in millions)" or "단위: 백만원"."""
    scales = set()
    for match in number_patterns.STATED_SCALE.finditer(passage):
        word = next(group for group in match.groups() if group).casefold()
        scales.add(1e3 if word == "000" else number_patterns.SCALES[word])
    return frozenset(scales)


def _read(text: str, words: Mapping[str, float]) -> list[Number]:
    """The numbers of `text` in any order. `words` maps the number words that count to their values."""
    numbers = [
        _plain(match, number_patterns.MONTHS[match[0].lower()], "month")
        for match in number_patterns.MONTH.finditer(text)
    ]
    # A date, a time or a year is blanked when it is read, so that its digits aren't read again as a number.
    for pattern, read in (
        (number_patterns.DATE, _date),
        (number_patterns.TIME, _time),
        (number_patterns.KOREAN_MONTH, _korean_month),
        (SPOKEN_TIME, _spoken_time),
        (CLOCK_TIME, _spoken_time),
        (number_patterns.FISCAL_YEAR, _fiscal_year),
        (number_patterns.LABEL, _label),
    ):
        for match in pattern.finditer(text):
            numbers += read(match)
        text = _blanked(pattern, text)
    numbers += [_plain(match, value) for match, value in numbers_in_characters(text)]
    comma = _has_decimal_comma(text)
    in_digits = [_in_digits(text, match, comma) for match in number_patterns.NUMBER.finditer(text)]
    for number, following in zip(in_digits, [*in_digits, None][1:], strict=True):
        numbers.append(_as_in_range(number, following, text) if following else number)
    written = list(numbers_in_words(text))
    numbers += [_in_words(text, *number, 1.0) for number in written]
    for match in number_patterns.NUMBER_WORD.finditer(text):
        word = re.split(r"[\s-]", match[0].lower())[0]
        if word in words and not any(start < match.end() and match.start() < end for start, end, _ in written):
            scale = number_patterns.SCALES[match[1].lower()] if match[1] else 1.0
            numbers.append(_in_words(text, *match.span(), words[word] * scale, scale))
    return numbers


def _has_decimal_comma(text: str) -> bool:
    """Whether a text writes decimals with a comma, by its clear numbers or else by its language."""
    commas, points = (
        sum(1 for _ in pattern.finditer(text))
        for pattern in (number_patterns.DECIMAL_COMMA, number_patterns.DECIMAL_POINT)
    )
    return commas > points if commas != points else latin_language(text) in number_patterns.COMMA_LANGUAGES


def _plain_digits(digits: str, comma: bool) -> str:
    """The digits without separators, with a point before the decimals. `comma` tells whether 1.234 is a thousand."""
    digits = re.sub(r"['’ \u00a0]", "", digits)
    last = max(digits.rfind(","), digits.rfind("."))
    separators = {sign for sign in digits if sign in ".,"}
    decimals = len(digits) - last - 1
    is_whole = len(separators) == 1 and (
        digits.count(digits[last]) > 1 or (decimals == 3 and digits[last] == ("." if comma and last < 4 else ","))
    )
    if last < 0:
        return digits
    whole = re.sub(r"[.,]", "", digits[:last])
    return f"{whole}{digits[last + 1 :]}" if is_whole else f"{whole}.{digits[last + 1 :]}"


def _in_words(text: str, start: int, end: int, value: float, scale: float) -> Number:
    percent = number_patterns.PERCENT_WORD.match(text, end)
    measure = number_patterns.MEASURE.match(text, end)
    dimension, factor = number_patterns.MEASURES[measure[1]] if measure else ("", 1.0)
    kind: Kind = "percent" if percent else "number"
    return Number(text[start:end], start, end, (value,), (scale,), kind, "", scale, False, dimension, factor)


def _spoken_time(match: re.Match[str]) -> list[Number]:
    return [Number(match[0], *match.span(), values := spoken_minutes(match), (1.0,) * len(values), "minute")]


def _in_digits(text: str, match: re.Match[str], comma: bool) -> Number:
    digits = _plain_digits(match["digits"], comma)
    value = float(digits)
    step = 10.0 ** -len(digits.partition(".")[2])
    if _is_about(text, match):
        step = max(step, _roundness(digits))
    word = (match["cjk"] or match["word"] or match["letter"] or "").casefold()
    word = word if word in number_patterns.SCALES else word.removesuffix("s")
    scale = number_patterns.SCALES[word] if word else 1.0
    values, steps = [value * scale], [step * scale]
    # 1조 2,345억 has parts, each finer than the part before.
    for part, part_scale in number_patterns.CJK_PART.findall(match["rest"] or ""):
        values[0] += float(part.replace(",", "")) * number_patterns.SCALES[part_scale]
        steps[0] = number_patterns.SCALES[part_scale]
    if word in number_patterns.AMBIGUOUS_SCALES:
        values, steps = [*values, value], [*steps, step]
    if re.fullmatch(r"[1-9]\d{0,2}\.\d{3}", match["digits"]) and not comma and latin_language(text) != "en":
        # 18.450 is eighteen thousand in German and its like; a short text doesn't tell its language.
        values, steps = [*values, 1000 * value * scale], [*steps, scale]
    return Number(
        match[0].strip(),
        match.start() + len(match[0]) - len(match[0].lstrip()),
        match.end(),
        tuple(values),
        tuple(steps),
        "points" if match["points"] else "percent" if match["percent"] else "number",
        _currency(match),
        scale,
        bool(number_patterns.CELL_END.match(text, match.end())),
        *number_patterns.MEASURES.get((match["measure"] or "").lstrip(" \t\n\u00a0-"), ("", 1.0)),
        _sign(text, match),
    )


def _sign(text: str, match: re.Match[str]) -> str:
    begin = match.start("digits")
    if number_patterns.MINUS.search(text, max(begin - 4, 0), begin):
        return "-"
    around = text[max(begin - 60, 0) : match.end() + 30]
    has_mark = any(mark in text[max(begin - 3, 0) : begin] for mark in "(-")
    return "" if has_mark or number_patterns.MAY_BE_NEGATIVE.search(around) else "+"


def _is_about(text: str, match: re.Match[str]) -> bool:
    """Whether the words around a number say that it is rounded."""
    start = match.start("digits")
    before = number_patterns.ABOUT.search(text, max(start - _ABOUT_REACH, 0), start)
    return bool(before or number_patterns.AND_MORE.match(text, match.end()))


def _roundness(digits: str) -> float:
    """The place value of the last digit that isn't 0: 100 for 29,300."""
    whole = digits.replace(",", "").partition(".")[0]
    if len(whole) > LONGEST_NUMBER:
        return 0.0
    return 10.0 ** (len(whole) - len(whole.rstrip("0"))) if "." not in digits and whole.strip("0") else 0.0


def _currency(match: re.Match[str]) -> str:
    """ISO's code of the sign before the digits, or else of the word after them."""
    if match["currency"] and match["unit"]:
        return number_patterns.CURRENCIES.get(match["currency"].strip().casefold(), "")
    sign = (match["currency"] or "") + (match["unit"] or "")
    return number_patterns.CURRENCIES.get(sign.strip(" )").casefold(), "")


def _as_in_range(number: Number, following: Number, text: str) -> Number:
    """The first number of a range, with the unit that only the second has: "76-85%", "$1.5 to 2 million"."""
    if not number_patterns.RANGE.fullmatch(text, number.end, following.start):
        return number
    is_plain = number.kind == "number" and not number.is_scaled
    if following.kind == "percent" and is_plain and not number.currency:
        return replace(number, kind="percent")
    if following.is_scaled and is_plain and not number.is_year:
        values = (*number.values, number.values[0] * following.scale)
        return replace(number, values=values, steps=(*number.steps, number.steps[0] * following.scale))
    return number


def _date(match: re.Match[str]) -> list[Number]:
    if match["y"]:
        return [_part(match, "y"), _part(match, "m", "month"), _part(match, "d")]
    return [_part(match, "year"), _part(match, "a"), _part(match, "b")]


def _time(match: re.Match[str]) -> list[Number]:
    hour, minute = int(match[1]), int(match[2])
    if match[3]:
        hour = hour % 12 + (12 if match[3].lower() == "p" else 0)
    return [_plain(match, 60.0 * hour + minute, "minute")]


def _korean_month(match: re.Match[str]) -> list[Number]:
    return [_plain(match, float(match[1]), "month")]


def _fiscal_year(match: re.Match[str]) -> list[Number]:
    year = int(match[1])
    return [_plain(match, float(year if year > 99 else 2000 + year))]


def _label(match: re.Match[str]) -> list[Number]:
    return [_part(match, "label", "label")]


def _plain(match: re.Match[str], value: float, kind: Kind = "number") -> Number:
    """A whole number, written by the whole match."""
    return Number(match[0], *match.span(), (float(value),), (1.0,), kind)


def _part(match: re.Match[str], group: str, kind: Kind = "number") -> Number:
    """A whole number, written by a group of the match."""
    return Number(match[group], *match.span(group), (float(match[group]),), (1.0,), kind)


def _within(code: re.Match[str], digits: re.Match[str]) -> Number:
    start, end = code.start() + digits.start(), code.start() + digits.end()
    return Number(digits[0], start, end, (float(digits[0]),), (1.0,))


def _blanked(pattern: re.Pattern[str], text: str) -> str:
    """`text` with blanks in place of the matches of `pattern`, so that spans stay."""
    return pattern.sub(lambda match: " " * len(match[0]), text)


def _without_codes(text: str) -> str:
    pieces, position = [], 0
    for match in codes(text):
        pieces += [text[position : match.start()], " " * len(match[0])]
        position = match.end()
    return "".join((*pieces, text[position:]))
