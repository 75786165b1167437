"""JSON and JSON Lines → records that stay whole: a paragraph each, with a line "key: value" for each plain value.

A record in a table would be shorter, but search and answers find a value more surely with its key beside it. Numbers
stand as they are written, since 19.90 is a price and 1e400 no infinity. A key that is repeated keeps all of its values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rag.readers.decoding import decode
from rag.readers.notices import note
from rag.readers.sheet_heads import Hints
from rag.readers.sheet_rows import rows_of_texts
from rag.readers.sheet_tables import sheet_text
from rag.text.blocks import Block, Heading, Item, Paragraph, page_text

# JSON laid out for reading may be this many times as long as it was written. Paths of keys can repeat without end.
_LONGER = 10
# Lines of keys and values in one paragraph, if they are no record.
_LINES_TOGETHER = 12
_ESCAPE = re.compile(r"(?<!\\)\\u([0-9a-fA-F]{4})")
_FIRST_PRINTED = 0xA0


class _Written(str):
    """A number or a constant as it is written."""

    __slots__ = ()


class _Object(list[tuple[str, Any]]):
    """The members of an object in order, repeated keys too."""


class _Room:
    """The characters that may still be written."""

    def __init__(self, written: int) -> None:
        self.left = _LONGER * written + 1_000_000

    def take(self, text: str) -> str:
        """The same text. Raises ValueError if it is too much: the values are nested too deeply to be read anyway."""
        self.left -= len(text) + 1
        if self.left < 0:
            raise ValueError("nested too deeply")
        return text


_DECODER = json.JSONDecoder(
    object_pairs_hook=_Object, parse_float=_Written, parse_int=_Written, parse_constant=_Written, strict=False
)


def read_json(data: bytes) -> str:
    """JSON or JSON Lines, laid out for reading. Lines that aren't valid, or a text that isn't, stay as they are, with
    their escapes resolved. Raises Fault if `data` isn't text."""
    text = decode(data)
    try:
        return _laid_out(_DECODER.decode(text.strip()), len(text))
    except (ValueError, RecursionError):
        pass
    try:
        return _lines(text)
    except (ValueError, RecursionError):
        return _readable(text)


def parsed_json(text: str) -> Any:
    """The value of a JSON text by plain types. Raises ValueError or RecursionError."""
    return json.loads(text, strict=False)


def _laid_out(value: Any, written: int) -> str:
    if value in (None, "", []):
        return ""
    return page_text(_blocks(value, "", 1, _Room(written)))


def _lines(text: str) -> str:
    """JSON Lines. Raises ValueError if no line is an object or an array."""
    parts: list[str] = []
    records: list[Any] = []
    found = False
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = _DECODER.decode(line.strip())
            found = found or isinstance(value, list)
            records.append(value)
        except (ValueError, RecursionError):
            parts += _together(records, len(text))
            parts.append(_readable(line.strip()))
            records = []
            note(f"Line {number} is no valid JSON: it is kept as it is written.")
    if not found:
        raise ValueError("no JSON Lines")
    return "\n\n".join(filter(None, [*parts, *_together(records, len(text))]))


def _together(records: list[Any], written: int) -> list[str]:
    if not records:
        return []
    return [_laid_out(records if len(records) > 1 else records[0], written)]


def _readable(text: str) -> str:
    """A text with the escapes of its letters resolved."""

    def letter(match: re.Match[str]) -> str:
        code = int(match[1], 16)
        return chr(code) if code >= _FIRST_PRINTED else match[0]

    return _ESCAPE.sub(letter, text)


def _blocks(value: Any, path: str, level: int, room: _Room) -> Iterator[Block]:
    """The blocks of a value, which stands under the keys `path`, and under a heading of the level above `level`."""
    if isinstance(value, _Object):
        yield from _object_blocks(value, path, level, room)
    elif isinstance(value, list):
        yield from _array_blocks(value, path, level, room)
    else:
        yield Paragraph(room.take(_text(value)))


def _object_blocks(value: _Object, path: str, level: int, room: _Room) -> Iterator[Block]:
    if len(value) > 1 and all(isinstance(member, _Object) and not _has_records(member) for _, member in value):
        for key, member in value:  # records by name
            yield Paragraph("\n".join(_pairs_as_lines(_flat(member, f"{path}.{key}" if path else key, room))))
        return
    # Records come last, since their heading would stand above the lines after them, too.
    lines = [
        line
        for key, member in value
        if not _has_records(member)
        for line in _pairs_as_lines(_flat(member, f"{path}.{key}" if path else key, room))
    ]
    yield from _paragraphs(lines)
    for key, member in value:
        if _has_records(member):
            yield Heading(room.take(key), level)
            yield from _blocks(member, "", level + 1, room)


def _has_records(value: Any) -> bool:
    """Whether a value has an array of objects or of arrays in it, which gets a heading of its own."""
    if isinstance(value, _Object):
        return any(_has_records(member) for _, member in value)
    return isinstance(value, list) and any(isinstance(item, list) for item in value)


def _array_blocks(items: list[Any], path: str, level: int, room: _Room) -> Iterator[Block]:
    if items and all(isinstance(item, _Object) for item in items):
        for item in items:
            yield Paragraph("\n".join(_pairs_as_lines(_flat(item, "", room))))
    elif len(items) > 1 and all(_is_plain_array(item) for item in items):
        rows = ([room.take(_text(cell)).strip() for cell in item] for item in items)
        yield Paragraph(sheet_text(rows_of_texts(rows), room.left, Hints(gaps_part=False)))
    elif not any(isinstance(item, list) for item in items):
        yield from _list_of_texts([room.take(_text(item)) for item in items], items)
    else:
        for item in items:
            if isinstance(item, _Object):
                yield Paragraph("\n".join(_pairs_as_lines(_flat(item, "", room))))
            else:
                yield from _blocks(item, path, level, room)


def _list_of_texts(texts: list[str], items: list[Any]) -> Iterator[Block]:
    if all(isinstance(item, _Written) for item in items):
        yield Paragraph(", ".join(texts))
    else:
        yield from (Item(text) for text in texts if text)


def _is_plain_array(value: Any) -> bool:
    return (
        isinstance(value, list)
        and not isinstance(value, _Object)
        and len(value) > 1
        and not any(isinstance(item, list) for item in value)
    )


def _flat(value: Any, path: str, room: _Room) -> list[tuple[str, str]]:
    """The plain values in a value, each with its path of keys. Objects in an array have a line each."""
    if isinstance(value, _Object) and value:
        pairs: list[tuple[str, str]] = []
        for key, member in value:
            pairs += _flat(member, f"{path}.{key}" if path else key, room)
        return pairs
    if isinstance(value, list) and not isinstance(value, _Object) and value:
        if not any(isinstance(item, list) for item in value):
            room.take(path)
            return [(path, room.take(", ".join(map(_text, value))))]
        return [(path, room.take(_on_one_line(item, room))) for item in value]
    room.take(path)
    return [(path, room.take(_text(value)))]


def _on_one_line(value: Any, room: _Room) -> str:
    pairs = _flat(value, "", room)
    return "; ".join(f"{key}: {text}" if key else text for key, text in pairs)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list):
        return "{}" if isinstance(value, _Object) else "[]"
    return {True: "true", False: "false"}.get(value, "null") if value is not None else "null"


def _pairs_as_lines(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Lines "key: value". A blank line would part a record."""
    lines: list[str] = []
    for key, text in pairs:
        first, *others = [line for line in text.split("\n") if line.strip()] or [""]
        lines += [f"{key}: {first}".rstrip() if key else first, *others]
    return lines


def _paragraphs(lines: Sequence[str]) -> Iterator[Block]:
    for begin in range(0, len(lines), _LINES_TOGETHER):
        yield Paragraph("\n".join(lines[begin : begin + _LINES_TOGETHER]))
