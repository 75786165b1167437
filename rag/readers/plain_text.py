"""Plain text, JSON and Jupyter notebooks → text."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from typing import Any

from rag.readers.decoding import decode, decode_pieces
from rag.readers.markup import html_to_markdown

# JSON laid out for reading may be this many times as long as it was written.
_LONGER = 10


def read_text(data: bytes) -> Iterable[str]:
    """Plain text in pieces. An HTML page that was saved as text is read as HTML. Raises Fault if `data` isn't text."""
    pieces = decode_pieces(data)
    first = next(pieces, "")
    if first[:200].lstrip().lower().startswith(("<!doctype html", "<html")):
        return [html_to_markdown(first + "".join(pieces))]
    return itertools.chain([first], pieces)


def read_json(data: bytes) -> str:
    """JSON or JSON Lines, laid out for reading and with escapes resolved. Invalid JSON stays as it is."""
    text = decode(data)
    try:
        return _laid_out(json.loads(text), len(text))
    except (ValueError, RecursionError):
        pass
    try:
        return "\n".join(_laid_out(json.loads(line), len(line)) for line in text.splitlines() if line.strip())
    except (ValueError, RecursionError):
        return text


def _laid_out(value: Any, written: int) -> str:
    """The value as indented JSON. Raises ValueError if this is much longer than the `written` characters: the value is
    nested too deeply to be read anyway."""
    if value in (None, "", [], {}):
        return ""
    parts: list[str] = []
    room = _LONGER * written + 1_000_000
    for part in json.JSONEncoder(ensure_ascii=False, indent=2).iterencode(value):
        parts.append(part)
        room -= len(part)
        if room < 0:
            raise ValueError("nested too deeply")
    return "".join(parts)


def read_notebook(data: bytes) -> str:
    """The cells of a Jupyter notebook: texts as they are, code in a fence, followed by the text that it printed."""
    text = decode(data)
    try:
        notebook = json.loads(text)
        return "\n\n".join(filter(None, (_cell(cell) for cell in notebook["cells"])))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return read_json(data)


def _cell(cell: dict[str, Any]) -> str:
    source = _joined(cell.get("source"))
    if cell.get("cell_type") != "code" or not source.strip():
        return source
    outputs = [o.get("text") or o.get("data", {}).get("text/plain") for o in cell.get("outputs", [])]
    return "\n\n".join([f"```\n{source}\n```", *filter(None, map(_joined, outputs))])


def _joined(lines: str | list[str] | None) -> str:
    return "".join(lines or "")
