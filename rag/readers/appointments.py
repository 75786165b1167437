"""Appointments in mails (iCalendar, RFC 5545) → the lines that a mail program shows of them: when and where."""

from __future__ import annotations

import re
from datetime import datetime

from rag.text.blocks import Block, Field

_FOLD = re.compile(r"\r?\n[ \t]")
_LINE = re.compile(r"([A-Z-]++)((?:;(?:[^:\"]|\"[^\"]*+\")*+)?):(.*)")
_TIME = re.compile(r"(\d{8})(?:T(\d{4})\d{2})?(Z?)")
_ZONE = re.compile(r";TZID=\"?([^\";:]+)")
_ESCAPED = re.compile(r"\\([\\,;nN])")
# Each with the words for it, when it happens every so often.
_REPEATS = {"DAILY": "daily", "WEEKLY": "weekly", "MONTHLY": "monthly", "YEARLY": "yearly"}
# Groups within groups.
_DEEPEST = 10
# Longer lines hold pictures and other data.
_MOST_CHARACTERS = 5000


def appointment_fields(text: str) -> list[Block]:
    """When and where each appointment takes place, and how often it does."""
    fields: list[Block] = []
    values: dict[str, str] = {}
    inside: list[str] = []
    for line in _FOLD.sub("", text).splitlines():
        match = _LINE.fullmatch(line[:_MOST_CHARACTERS])
        if match is None:
            continue
        name, parameters, value = match.groups()
        if name == "BEGIN":
            inside.append(value)
        elif name == "END":
            if inside[-1:] == ["VEVENT"]:
                fields += [Field(label, shown) for label, shown in _shown(values)]
                values = {}
            inside = inside[-_DEEPEST:-1]
        elif inside[-1:] == ["VEVENT"]:
            values[name] = _time(value, parameters) if name.startswith("DT") else value
    return fields


def moment(time: datetime, zone: str = "") -> str:
    """A time as it is written: 2026-03-03 10:00 (Asia/Seoul)."""
    return f"{time:%Y-%m-%d %H:%M}" + (f" ({zone})" if zone else "")


def _shown(values: dict[str, str]) -> list[tuple[str, str]]:
    when = " to ".join(filter(None, (values.get("DTSTART", ""), values.get("DTEND", ""))))
    where = _ESCAPED.sub(lambda sign: " " if sign[1] in "nN" else sign[1], values.get("LOCATION", ""))
    rule = values.get("RRULE", "")
    frequency = re.search(r"FREQ=(\w+)", rule)
    repeats = _REPEATS.get(frequency[1], "") if frequency and "INTERVAL" not in rule else ""
    return [
        (label, shown) for label, shown in (("When", when), ("Where", where), ("Repeats", repeats)) if shown.strip()
    ]


def _time(value: str, parameters: str) -> str:
    match = _TIME.fullmatch(value)
    if match is None:
        return ""
    day, clock, is_utc = match.groups()
    try:
        if not clock:
            return f"{datetime.strptime(day, '%Y%m%d'):%Y-%m-%d}"
        zone = _ZONE.search(parameters)
        return moment(datetime.strptime(day + clock, "%Y%m%d%H%M"), "UTC" if is_utc else zone[1] if zone else "")
    except ValueError:
        return ""
