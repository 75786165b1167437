"""Jupyter notebooks → text: the cells with their outputs, as the notebook shows them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rag.readers.decoding import decode
from rag.readers.html import html_to_markdown
from rag.readers.json_records import parsed_json, read_json
from rag.readers.markdown import shown_markdown
from rag.text.blocks import Block, Code, Heading, Paragraph, page_text

# Colours and moves of the cursor in the output of a terminal.
_TERMINAL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-_]")
# What Python says about an object that the notebook shows in another way: <Figure size 640x480 with 1 Axes>.
_OBJECT = re.compile(r"\s*<(?:IPython\.|Figure size|[\w.]+ (?:object )?at 0x|[\w.]+ object)[^<>]*>\s*")
_PICTURES = ("image/png", "image/jpeg", "image/svg+xml", "image/gif")


def read_notebook(data: bytes) -> str:
    """A notebook as light Markdown: texts as they are, code in a fence, then its outputs.

    Hidden sources and outputs are left out. A file that is no notebook is read as JSON. Raises Fault if `data` isn't
    text.
    """
    try:
        notebook = parsed_json(decode(data))
        sheets = notebook.get("worksheets") or [notebook]
        information = notebook.get("metadata", {})
        language = _language(information)
        return page_text(block for sheet in sheets for cell in sheet["cells"] for block in _cell(cell, language))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return read_json(data)


def _language(metadata: Mapping[str, Any]) -> str:
    name = metadata.get("language_info", {}).get("name") or metadata.get("kernelspec", {}).get("language") or ""
    return str(name) if re.fullmatch(r"[\w+#-]{1,20}", str(name)) else ""


def _cell(cell: Mapping[str, Any], language: str) -> Iterator[Block]:
    metadata = cell.get("metadata") or {}
    hidden = metadata.get("jupyter") or {}
    source = _joined(cell.get("source") or cell.get("input"))
    kind = cell.get("cell_type")
    if source.strip() and not hidden.get("source_hidden"):
        if kind == "code":
            yield Code(source, language)
        elif kind == "heading":  # of notebooks before version 4
            yield Heading(source, int(cell.get("level", 1)))
        else:
            yield Paragraph(shown_markdown(source) if kind == "markdown" else source)
    if not hidden.get("outputs_hidden") and not metadata.get("collapsed"):
        for output in cell.get("outputs") or ():
            yield from _output(output)


def _output(output: Mapping[str, Any]) -> Iterator[Block]:
    """An output in the richest form that can be read, as the notebook chooses it."""
    if output.get("output_type") == "error" or "ename" in output:
        trace = _TERMINAL.sub("", "\n".join(output.get("traceback") or ()))
        yield Code(trace or f"{output.get('ename', 'Error')}: {output.get('evalue', '')}")
        return
    if "text" in output and "data" not in output:
        yield Paragraph(_printed(_joined(output["text"])))
        return
    data = output.get("data") or {}
    html = _joined(data.get("text/html"))
    if html and (text := html_to_markdown(html, titled=False)).strip():
        yield Paragraph(text)
        return
    if text := _joined(data.get("text/markdown")) or _joined(data.get("text/latex")):
        yield Paragraph(shown_markdown(text))
        return
    text = _joined(data.get("text/plain"))
    if not _OBJECT.fullmatch(text) and not any(picture in data for picture in _PICTURES):
        yield Paragraph(_printed(text))


def _printed(text: str) -> str:
    """What was printed, as it stands at the end: a carriage return begins a line anew."""
    lines = _TERMINAL.sub("", text).replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)


def _joined(lines: Any) -> str:
    return "".join(lines or "")
