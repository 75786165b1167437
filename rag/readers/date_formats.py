"""Date and time formats of spreadsheets: a day number and its format code → the text that is shown."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

# Signs of dates outside quotes, escapes and brackets. `e` is a year; after a digit it belongs to 0.00E+00.
_QUOTED = re.compile(r'"[^"]*"?|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]|General', re.IGNORECASE)
_DATE_SIGN = re.compile(r"[ymdhsag]|(?<![0#?.])e|\[[hms]+\]", re.IGNORECASE)
_TOKEN = re.compile(
    r'(?P<text>"[^"]*"?|\\.)|(?P<skip>_.|\*.)|\[(?P<passed>h+|m+|s+)\]|\[(?P<bracket>[^\]]*)\]'
    r"|(?P<half>AM/PM|A/P|上午/下午|오전/오후)|(?P<part>y+|e+|m+|d+|h+|s+|a{3,4}|g+|b+)|(?P<decimals>\.0+)|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# Months by the last two digits of the language in a code such as [$-407], and in East Asia by their numbers.
_MONTHS_OF = {
    "07": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "0C": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "0A": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "10": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "13": "januari februari maart april mei juni juli augustus september oktober november december",
    "16": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    **dict.fromkeys(("04", "11"), " ".join(f"{number}月" for number in range(1, 13))),
    "12": " ".join(f"{number}월" for number in range(1, 13)),
}
_DAYS_OF = {
    "07": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    "0C": "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "0A": "lunes martes miércoles jueves viernes sábado domingo",
    "10": "lunedì martedì mercoledì giovedì venerdì sabato domenica",
    "13": "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
    "16": "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
    "04": "星期一 星期二 星期三 星期四 星期五 星期六 星期日",
    "11": "月曜日 火曜日 水曜日 木曜日 金曜日 土曜日 日曜日",
    "12": "월요일 화요일 수요일 목요일 금요일 토요일 일요일",
}
# The halves of a day by the language in a code such as [$-412].
_HALVES = {"412": ("오전", "오후"), "411": ("午前", "午後"), "804": ("上午", "下午"), "404": ("上午", "下午")}
_DAY_SECONDS = 86_400
# The last day that Excel shows: 31 December 9999.
_LAST_DAY = 2_958_466


def is_date_code(section: str) -> bool:
    """Whether a section of a format code shows dates, times or durations."""
    if re.search(r"\[\$-F[48]00\]", section):
        return True
    signs = _QUOTED.sub("", section)
    return bool(_DATE_SIGN.search(signs)) and not re.search(r"[#?]", signs)


def date_text(value: float, section: str, from_1904: bool = False) -> str:
    """The day number `value` in the format of `section`; "" if no calendar has this day. A negative duration keeps its
    sign."""
    if "[$-F800]" in section:
        section = "d mmmm yyyy"
    elif "[$-F400]" in section:
        section = "h:mm:ss"
    tokens = [(match.lastgroup or "", match[match.lastgroup or 0]) for match in _TOKEN.finditer(section)]
    places = max((len(text) - 1 for kind, text in tokens if kind == "decimals"), default=0)
    is_duration = any(kind == "passed" for kind, _ in tokens)
    if not -_LAST_DAY < value < _LAST_DAY or (value < 0 and not is_duration):
        return ""
    seconds = round(abs(value) * _DAY_SECONDS, min(places, 3))
    moment = _moment(seconds, from_1904)
    halves = _halves(tokens)
    text = "".join(_written(tokens, index, moment, seconds, halves) for index in range(len(tokens)))
    return ("-" if value < 0 and seconds else "") + text.strip()


def _moment(seconds: float, from_1904: bool) -> datetime:
    """Days count from 1 January 1900, as 1; a day 29 February 1900 is counted that there never was."""
    days = int(seconds // _DAY_SECONDS)
    first = datetime(1904, 1, 1) if from_1904 else datetime(1899, 12, 30) if days > 60 else datetime(1899, 12, 31)
    return first + timedelta(days=days, seconds=seconds - days * _DAY_SECONDS)


def _language(tokens: list[tuple[str, str]]) -> str:
    """The language that a code names, such as "407" in [$-407]; "" if it names none."""
    return next((text.rpartition("-")[2].upper() for kind, text in tokens if kind == "bracket" and "-" in text), "")


def _names(tokens: list[tuple[str, str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of months and days in the language of a code."""
    language = _language(tokens)[-2:]
    months, days = _MONTHS_OF.get(language), _DAYS_OF.get(language)
    return tuple(months.split()) if months else _MONTHS, tuple(days.split()) if days else _DAYS


def _halves(tokens: list[tuple[str, str]]) -> tuple[str, str] | None:
    """The words for the halves of the day; None if hours are counted to 24."""
    half = next((text for kind, text in tokens if kind == "half"), "")
    language = _language(tokens)
    if not half:
        return None
    if half.upper() == "A/P":
        return "A", "P"
    first, _, second = half.partition("/")
    return _HALVES.get(language[-3:], ("AM", "PM") if half.isascii() else (first, second))


def _written(
    tokens: list[tuple[str, str]], index: int, moment: datetime, seconds: float, halves: tuple[str, str] | None
) -> str:
    kind, text = tokens[index]
    if kind == "text":
        return text.strip('"') if text[0] == '"' else text[1:]
    if kind == "skip":
        return " "
    if kind == "bracket":
        return text[1:].partition("-")[0] if text.startswith("$") else ""
    if kind == "half":
        return halves[moment.hour >= 12] if halves else ""
    if kind == "decimals":
        return f".{moment.microsecond:06d}"[: len(text)]
    if kind == "passed":
        each = {"h": 3600, "m": 60, "s": 1}[text[0].lower()]
        return str(int(seconds // each)).zfill(len(text))
    if kind != "part":
        return text
    if text[0].lower() in "mda" and len(text) > 2 and not _is_minute(tokens, index):
        return _named(text.lower(), moment, *_names(tokens))
    return _part(text.lower(), _is_minute(tokens, index), moment, halves is not None)


def _named(text: str, moment: datetime, months: tuple[str, ...], days: tuple[str, ...]) -> str:
    """The name of the month or day: short with three letters, whole with four, the month's first letter with five."""
    name = months[moment.month - 1] if text[0] == "m" else days[moment.weekday()]
    if len(text) == 3 and name[-1] not in "月월":
        # Of a day in East Asia, the one sign that isn't in all names.
        short = name[:3] if name.isascii() or name[0].isascii() else name[-1] if name.startswith("星期") else name[0]
        return short
    return name[0] if len(text) == 5 and text[0] == "m" else name


def _is_minute(tokens: list[tuple[str, str]], index: int) -> bool:
    """Whether an "m" stands for minutes: hours stand before it, or seconds after it."""
    parts = [(i, text[0].lower()) for i, (kind, text) in enumerate(tokens) if kind in ("part", "passed")]
    at = next((n for n, (i, _) in enumerate(parts) if i == index), 0)
    before = parts[at - 1][1] if at else ""
    after = parts[at + 1][1] if at + 1 < len(parts) else ""
    return before == "h" or after == "s"


def _part(text: str, is_minute: bool, moment: datetime, twelve_hours: bool) -> str:
    width = len(text)
    hour = (moment.hour % 12 or 12) if twelve_hours else moment.hour
    match text[0]:
        case "y" | "e":
            return f"{moment.year % 100:02d}" if text[0] == "y" and width <= 2 else str(moment.year)
        case "h":
            return str(hour).zfill(min(width, 2))
        case "s":
            return str(moment.second).zfill(min(width, 2))
        case "m" if is_minute:
            return str(moment.minute).zfill(min(width, 2))
        case "m":
            return str(moment.month).zfill(min(width, 2))
        case "d":
            return str(moment.day).zfill(min(width, 2))
    return ""
