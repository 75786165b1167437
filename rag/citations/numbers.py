"""Numbers in text by their value: "$17.5 billion", "17,455" in a table in millions and "174억" are compared as amounts.

A figure knows how precisely it is written, so that a rounded one is found in an exact one but not the reverse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rag.citations import number_patterns as written

Kind = Literal["number", "percent", "month", "minute"]

# Longer runs of digits are no amounts, and too large for a float.
LONGEST_NUMBER = 300
# What tables without a stated scale are in, most often.
_TABLE_SCALES = frozenset({1e3, 1e6})


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
    blanked = _blanked(written.LIST_MARK, claim.translate(written.FOLDED))
    return sorted(_found(_blanked_codes(blanked), written.WORDS), key=lambda figure: figure.start)


def figures_of_passage(passage: str) -> list[Figure]:
    """The figures that a passage may be quoted for, in order, those within codes and in words included."""
    text = passage.translate(written.FOLDED)
    found = list(_found(_blanked_codes(text), written.WORDS | written.LOOSE_WORDS))
    for code in codes(text):
        found += [_bare(code, match) for match in re.finditer(r"\d+", code[0])]
    found += [Figure(m[0], *m.span(), (2000.0 + int(m[0]),), (1.0,)) for m in written.SHORT_YEAR.finditer(text)]
    found += [Figure(m[0], *m.span(), (50.0,), (1.0,), "percent") for m in written.HALF.finditer(text)]
    found += [
        _part(match, group, "month")
        for match in written.DATE.finditer(text)
        for group in "ab"
        if int(match[group] or 99) <= 12
    ]
    return sorted(found, key=lambda figure: figure.start)


def codes(text: str) -> Iterator[re.Match[str]]:
    """Tokens of letters and digits that name something, such as COVID-19 and 10-K."""
    return (
        match
        for match in written.CODE.finditer(text)
        if not written.NO_CODE.fullmatch(match[0]) and not written.FISCAL.match(match[0])
    )


def stated_scales(passage: str) -> frozenset[float]:
    """The scales that a passage says its tables are in: 1e6 for "(in millions)" or "단위: 백만원"."""
    found = set()
    for match in written.STATED.finditer(passage):
        word = next(group for group in match.groups() if group).casefold()
        found.add(1e3 if word == "000" else written.SCALES[word])
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
    found = [_month(text, match, written.MONTH_NUMBERS[match[0].lower()]) for match in written.MONTH.finditer(text)]
    for pattern, figures_of in (
        (written.DATE, _date),
        (written.TIME, _time),
        (written.KOREAN_MONTH, _korean_month),
        (written.FISCAL, _fiscal),
    ):
        for match in pattern.finditer(text):
            found += figures_of(text, match)
        text = _blanked(pattern, text)
    numbers = [_number(text, match) for match in written.NUMBER.finditer(text)]
    for figure, after in zip(numbers, [*numbers, None][1:], strict=True):
        found.append(_as_in_range(figure, after, text) if after else figure)
    for match in written.WORD.finditer(text):
        word = re.split(r"[\s-]", match[0].lower())[0]
        if word in words:
            scale = written.SCALES[match[1].lower()] if match[1] else 1.0
            found.append(Figure(match[0], *match.span(), (words[word] * scale,), (scale,), scale=scale))
    return found


def _number(text: str, match: re.Match[str]) -> Figure:
    digits = match["digits"]
    value = float(digits.replace(",", ""))
    step = 10.0 ** -len(digits.partition(".")[2])
    if written.ABOUT.search(text, max(match.start("digits") - 24, 0), match.start("digits")) or written.AND_MORE.match(
        text, match.end()
    ):
        step = max(step, _roundness(digits))
    unit = (match["cjk"] or match["word"] or match["letter"] or "").casefold()
    unit = unit if unit in written.SCALES else unit.removesuffix("s")
    main = written.SCALES[unit] if unit else 1.0
    values, steps = [value * main], [step * main]
    for digit, scale in written.CJK_PART.findall(
        match["rest"] or ""
    ):  # 1조 2,345억: each part is finer than the one before
        values[0] += float(digit.replace(",", "")) * written.SCALES[scale]
        steps[0] = written.SCALES[scale]
    if unit in written.AMBIGUOUS:
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
        written.CURRENCIES.get(currency, ""),
        main,
        bool(written.CELL_END.match(text, match.end())),
    )


def _roundness(digits: str) -> float:
    """The unit of the last digit that isn't 0: 100 for 29,300."""
    whole = digits.replace(",", "").partition(".")[0]
    if len(whole) > LONGEST_NUMBER:
        return 0.0
    return 10.0 ** (len(whole) - len(whole.rstrip("0"))) if "." not in digits and whole.strip("0") else 0.0


def _as_in_range(figure: Figure, after: Figure, text: str) -> Figure:
    """In "76-85%" and "$1.5 to 2 million" the unit of the second number is the first one's too."""
    if not written.RANGE.fullmatch(text, figure.end, after.start):
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
