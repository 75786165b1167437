"""Number formats of spreadsheets and charts: a value and its format code → the text that is shown.

The codes are those of Office Open XML (ECMA-376, part 1, 18.8.31), such as `#,##0.00 [$€-407];[Red](#,##0)`. Decimal
and thousands signs are written as in the code, since the reader's country isn't known. So are dates, except that
the formats that follow the country ("14" and "22") give ISO dates.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from functools import lru_cache

from rag.readers.date_formats import date_text, is_date_code
from rag.readers.digit_places import Pieces, before_point, commas, filled, places_after_point

# The codes that a workbook names by number only.
BUILT_IN = {
    0: "General", 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 5: '"$"#,##0;("$"#,##0)', 6: '"$"#,##0;("$"#,##0)',
    7: '"$"#,##0.00;("$"#,##0.00)', 8: '"$"#,##0.00;("$"#,##0.00)', 9: "0%", 10: "0.00%", 11: "0.00E+00",
    12: "# ?/?", 13: "# ??/??", 14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 37: "#,##0;(#,##0)", 38: "#,##0;(#,##0)",
    39: "#,##0.00;(#,##0.00)", 40: "#,##0.00;(#,##0.00)", 41: '#,##0;(#,##0);"-"', 42: '"$"#,##0;("$"#,##0);"-"',
    43: '#,##0.00;(#,##0.00);"-"', 44: '"$"#,##0.00;("$"#,##0.00);"-"', 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0",
    48: "##0.0E+0", 49: "@",
    **dict.fromkeys((27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58), "yyyy-mm-dd"), 32: "h:mm", 33: "h:mm:ss",
    34: "h:mm", 35: "h:mm:ss", 55: "h:mm", 56: "h:mm:ss",
}  # fmt: skip

# Excel keeps this many digits of a number, and shows this many characters in the format General. Whole numbers that are
# longer stand in files of other programs, and keep their digits.
_DIGITS = 15
_LARGEST_WHOLE = 1e18
_GENERAL_WIDTH = 11
# Codes are far shorter; a longer one is hostile.
_LONGEST_CODE = 500
_EXACT = Context(prec=700, rounding=ROUND_HALF_UP)

# A piece of a code: quoted text, an escaped sign, a blank as wide as a sign, a filler, a bracket, or one sign.
_PIECE = re.compile(r'"[^"]*"?|\\.|_.|\*.|\[[^\]]*\]|General|[Ee][+-]|.', re.DOTALL)
# A plain code, in which texts are written as "~": the places of digits without a text between them.
_PLAIN = re.compile(r"([^0#?.,/*EeG@]*)((?:#,##)?0(?:\.0+)?)([^0#?.,/*EeG@]*)")
_CONDITION = re.compile(r"\[(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d+)?)\]")
_CURRENCY = re.compile(r"\[\$([^\]-]*)(?:-[^\]]*)?\]")

Shown = Callable[[float], str]


def shown(value: float, code: str, *, from_1904: bool = False) -> str:
    """The number as its format code shows it, without blanks around it. `from_1904`: dates count from that year."""
    return formatter(code, from_1904)(value)


@lru_cache(maxsize=2000)
def formatter(code: str, from_1904: bool = False) -> Shown:
    """The function that shows numbers in this format. A code that can't be understood is taken for General."""
    if code in ("", "General", "@") or len(code) > _LONGEST_CODE:
        return general
    sections = [_Section.of(part, from_1904) for part in _split(code)]

    def show(value: float) -> str:
        try:
            section, signed = _chosen(sections[:3], value)
            return " ".join(section.shown(value if signed else abs(value)).split())
        except (ArithmeticError, ValueError, IndexError):
            return general(value)

    return show


def shown_text(text: str, code: str) -> str:
    """A text in a cell with this format code: most codes leave it as it is."""
    if "@" not in code and code.count(";") < 3:
        return text
    parts = _split(code[:_LONGEST_CODE])
    part = parts[3] if len(parts) > 3 else next((each for each in parts if "@" in each), "@")
    return "".join(text if piece == "@" else _literal(piece) for piece in _PIECE.findall(part)).strip()


def general(value: float) -> str:
    """A number in the format General: up to 11 characters. Whole numbers keep all of their digits."""
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    if value == int(value) and abs(value) < _LARGEST_WHOLE:
        return str(int(value))
    size = abs(value)
    sign = "-" if value < 0 else ""
    fixed = f"{size:.12f}".rstrip("0").rstrip(".") if size < 1e15 else ""
    if 1e-4 <= size < 1:
        return sign + f"{size:.9f}".rstrip("0").rstrip(".")
    if 0 < len(fixed) <= _GENERAL_WIDTH:
        return sign + fixed
    if 1 <= size < 1e10:
        return sign + f"{size:.10g}"
    if size >= 1 and fixed:
        return sign + str(int(size + 0.5))
    digits, _, power = f"{size:.5E}".partition("E")
    return f"{sign}{digits.rstrip('0').rstrip('.')}E{power}"


def _split(code: str) -> list[str]:
    """The sections of a code, which are parted by semicolons."""
    parts = [""]
    for piece in _PIECE.findall(code):
        if piece == ";":
            parts.append("")
        else:
            parts[-1] += piece
    return parts[:4]


def _chosen(sections: list[_Section], value: float) -> tuple[_Section, bool]:
    """The section for a number, and whether it writes the number's sign."""
    if any(section.condition for section in sections):
        for section in sections:
            if section.condition is None or section.holds(value):
                return section, section.condition is None or not section.only_negative
        return sections[-1], True
    if len(sections) == 1:
        return sections[0], True
    if value < 0:
        return sections[1], False
    return sections[2 if value == 0 and len(sections) > 2 else 0], False


def _literal(piece: str) -> str:
    """The text that a piece of a code writes by itself."""
    if piece[0] == '"':
        return piece.strip('"')
    if piece[0] == "\\":
        return piece[1:]
    if piece[0] == "[" and len(piece) > 1:
        currency = _CURRENCY.fullmatch(piece)
        return currency[1] if currency else ""
    if piece[0] in "_*" and len(piece) == 2:
        return " "
    return piece


@dataclass(frozen=True, slots=True)
class _Section:
    """One section of a code: `pieces` are its signs, each with whether the sign is a text."""

    pieces: Pieces
    condition: tuple[str, float] | None
    dates: str
    from_1904: bool
    # Of a plain code such as #,##0.00" kg": the texts around the digits, the decimals, whether commas group digits, and
    # how many signs for percent there are.
    plain: tuple[str, str, int, bool, int] | None = None

    @classmethod
    def of(cls, part: str, from_1904: bool) -> _Section:
        condition = _CONDITION.search(part)
        if is_date_code(part):
            return cls((), _numbers(condition), part, from_1904)
        pieces = [(_literal(piece), _is_text(piece)) for piece in _PIECE.findall(part)]
        plain = _PLAIN.fullmatch("".join("~" if text else piece for piece, text in pieces if piece))
        around = None
        if plain:
            first, last = len(plain[1]), len(plain[1] + plain[2])
            signs = [piece for piece, _ in pieces if piece]
            places, percents = len(plain[2].partition(".")[2]), (plain[1] + plain[3]).count("%")
            around = ("".join(signs[:first]), "".join(signs[last:]), places, "," in plain[2], percents)
        return cls(tuple(piece for piece in pieces if piece[0]), _numbers(condition), "", from_1904, around)

    def holds(self, value: float) -> bool:
        sign, limit = self.condition or ("=", value)
        return {
            "<": value < limit, "<=": value <= limit, ">": value > limit, ">=": value >= limit, "=": value == limit,
            "<>": value != limit,
        }[sign]  # fmt: skip

    @property
    def only_negative(self) -> bool:
        """Whether it is for negative numbers only, so that it needn't write their sign."""
        return self.condition is not None and self.condition[0] in ("<", "<=") and self.condition[1] <= 0

    def shown(self, value: float) -> str:
        if self.plain:
            return self._plain(value, *self.plain)
        if self.dates:
            return date_text(value, self.dates, self.from_1904) or general(value)
        signs = "".join(piece for piece, is_text in self.pieces if not is_text)
        if "General" in signs or "@" in signs:
            return "".join(general(value) if piece in ("General", "@") else piece for piece, _ in self.pieces)
        if not re.search("[0#?]", signs):
            minus = "-" if value < 0 and self.pieces else ""
            return minus + "".join(piece for piece, _ in self.pieces)
        number = _exact(value) * 100 ** signs.count("%")
        if re.search("[0#?] */ *[0#?1-9]", signs):
            return self._fraction(number)
        if re.search("E[+-]", signs.upper()):
            return self._scientific(number)
        return self._decimal(number)

    def _plain(self, value: float, before: str, after: str, places: int, thousands: bool, percents: int) -> str:
        rounded = _EXACT.quantize(_exact(abs(value)) * 100**percents, Decimal(1).scaleb(-places))
        minus = "-" if value < 0 and rounded else ""
        return f"{minus}{before}{rounded:,f}{after}" if thousands else f"{minus}{before}{rounded:f}{after}"

    def _decimal(self, number: Decimal) -> str:
        places = places_after_point(self.pieces)
        thousands, divisors = commas(self.pieces)
        number = _EXACT.scaleb(number, -3 * divisors)
        rounded = _EXACT.quantize(abs(number), Decimal(1).scaleb(-places))
        whole, _, decimals = f"{rounded:f}".partition(".")
        minus = "-" if number < 0 and rounded else ""
        return minus + filled(self.pieces, whole.lstrip("0"), decimals, thousands)

    def _scientific(self, number: Decimal) -> str:
        at = next(i for i, (piece, text) in enumerate(self.pieces) if not text and re.fullmatch("[Ee][+-]", piece))
        mantissa, tail = self.pieces[:at], self.pieces[at + 1 :]
        step = max(sum(not text and piece in "0#?" for piece, text in before_point(mantissa)), 1)
        power = (number.adjusted() // step * step if step > 1 else number.adjusted()) if number else 0
        places = places_after_point(mantissa)
        scaled = _EXACT.quantize(abs(_EXACT.scaleb(number, -power)), Decimal(1).scaleb(-places))
        if scaled >= 10**step:
            power += step
            scaled = _EXACT.quantize(abs(_EXACT.scaleb(number, -power)), Decimal(1).scaleb(-places))
        whole, _, decimals = f"{scaled:f}".partition(".")
        exponent = filled(tail, str(abs(power)), "", False)
        sign = "-" if power < 0 else "+" if self.pieces[at][0][1] == "+" else ""
        return ("-" if number < 0 else "") + filled(mantissa, whole.lstrip("0"), decimals, False) + f"E{sign}{exponent}"

    def _fraction(self, number: Decimal) -> str:
        signs = "".join(" " if is_text and piece.isspace() else piece for piece, is_text in self.pieces)
        match = re.search(r"(?:([0#?]+)( +))?([0#?]+) */ *([0#?]+|\d+)", signs)
        if match is None:
            raise ValueError(signs)
        exact = Fraction(abs(number))
        whole = int(exact) if match[1] else 0
        fixed = int(match[4]) if match[4].isdigit() and int(match[4]) else 0
        most = 10 ** min(len(match[4]), 6) - 1
        part = exact - whole
        top, bottom = (round(part * fixed), fixed) if fixed else part.limit_denominator(most).as_integer_ratio()
        if match[1] and top == bottom:
            whole, top = whole + 1, 0
        written = f"{top}/{bottom}" if top or not match[1] else ""
        text = " ".join(filter(None, (str(whole) if match[1] and (whole or not top) else "", written)))
        return ("-" if number < 0 else "") + signs[: match.start()] + text + signs[match.end() :]


def _exact(value: float) -> Decimal:
    """The number with the digits that Excel keeps."""
    if value == int(value) and abs(value) < _LARGEST_WHOLE:
        return Decimal(int(value))
    return Decimal(f"{value:.{_DIGITS}g}")


def _numbers(condition: re.Match[str] | None) -> tuple[str, float] | None:
    return (condition[1], float(condition[2])) if condition else None


def _is_text(piece: str) -> bool:
    return piece[0] in '"\\_*[' and len(piece) > 1
