"""JSON, JSON Lines and notebooks: whole records, numbers as they are written, outputs as they are shown."""

from __future__ import annotations

import json
from typing import Any

from rag.readers.json_records import read_json
from rag.readers.notebooks import read_notebook
from rag.readers.notices import collecting


def test_numbers_stand_as_they_are_written() -> None:
    numbers = ("9007199254740993", "19.90", "0.100000000000000005551", "1e400", "-0.00", "NaN")
    text = read_json(("{" + ", ".join(f'"n{i}": {number}' for i, number in enumerate(numbers)) + "}").encode())
    assert text.split("\n") == [f"n{i}: {number}" for i, number in enumerate(numbers)]


def test_a_repeated_key_keeps_all_of_its_values() -> None:
    assert read_json(b'{"note": "first", "note": "second"}') == "note: first\nnote: second"
    assert read_json(b'[{"a": 1, "a": 2, "b": 3}, {"a": 4, "b": 5}]') == "a: 1\na: 2\nb: 3\n\na: 4\nb: 5"


def test_each_record_is_a_paragraph_of_keys_and_values() -> None:
    staff = [{"name": name, "contact": {"phone": phone, "mail": None}} for name, phone in (("Ann", "1"), ("Bo", "2"))]
    records = [
        f"name: {name}\ncontact.phone: {phone}\ncontact.mail: null" for name, phone in (("Ann", "1"), ("Bo", "2"))
    ]
    text = read_json(json.dumps({"staff": staff, "updated": "May"}).encode())
    assert text.split("\n\n") == ["updated: May", "# staff", *records]


def test_records_by_name_have_their_names() -> None:
    text = read_json(b'{"A1": {"x": 1, "y": true}, "B1": {"x": 3, "y": false}}')
    assert text == "A1.x: 1\nA1.y: true\n\nB1.x: 3\nB1.y: false"


def test_a_record_has_no_blank_lines_and_a_line_for_each_record_in_it() -> None:
    orders = [{"id": 7, "text": "one\n\ntwo", "lines": [{"sku": "A", "n": 2}, {"sku": "B", "n": 1}]}, {"by": "Kim"}]
    text = read_json(json.dumps(orders).encode())
    assert text == "id: 7\ntext: one\ntwo\nlines: sku: A; n: 2\nlines: sku: B; n: 1\n\nby: Kim"


def test_rows_of_plain_values_are_a_table() -> None:
    assert read_json(b'[["Item", "Price"], ["Pen", 5.50]]') == "| Item | Price |\n| --- | --- |\n| Pen | 5.50 |"


def test_a_bad_line_keeps_the_other_records() -> None:
    lines = '{"time": 1, "message": "\\uc7ac\\uace0"}\n{"time": 2, "message": "b"}\n{"time": 3, "mess'
    with collecting() as notices:
        text = read_json(lines.encode())
    assert text == 'time: 1\nmessage: 재고\n\ntime: 2\nmessage: b\n\n{"time": 3, "mess'
    assert notices == ["Line 3 is no valid JSON: it is kept as it is written."]


def test_a_text_that_is_cut_off_keeps_its_letters() -> None:
    assert read_json(b'{"city": "\\uc11c\\uc6b8", "x') == '{"city": "서울", "x'


def notebook(*cells: dict[str, Any], **metadata: Any) -> str:
    return read_notebook(json.dumps({"cells": cells, "metadata": metadata}).encode())


def code(source: str, *outputs: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "outputs": outputs, "metadata": metadata}


def test_the_outputs_of_a_notebook_are_read_as_it_shows_them() -> None:
    text = notebook(
        code("print(1)", {"output_type": "stream", "text": ["10 %\r", "100 %\n", "\x1b[31mdone\x1b[0m"]}),
        code(
            "1/0", {"output_type": "error", "ename": "E", "evalue": "zero", "traceback": ["\x1b[0;31mE\x1b[0m: zero"]}
        ),
        code("t", {"data": {"text/html": "<table><tr><td>Barley</td><td>88</td></tr></table>", "text/plain": "raw"}}),
        code(
            "m", {"data": {"text/markdown": ["**Oats** 73"], "text/plain": ["<IPython.core.display.Markdown object>"]}}
        ),
        code("p", {"data": {"image/png": "iVBO", "text/plain": "<Figure size 640x480 with 1 Axes>"}}),
        code("o", {"data": {"text/plain": ["<IPython.core.display.HTML object>"]}}),
        code("v", {"data": {"text/plain": ["417"]}}),
        kernelspec={"language": "python"},
    )
    shown = ("100 %\ndone", "```\nE: zero\n```", "| Barley | 88 |\n| --- | --- |", "Oats 73", "", "", "417")
    sources = ("print(1)", "1/0", "t", "m", "p", "o", "v")
    cells = [f"```python\n{source}\n```\n\n{output}".strip() for source, output in zip(sources, shown, strict=True)]
    assert text == "\n\n".join(cells)


def test_hidden_sources_and_outputs_of_a_notebook_are_left_out() -> None:
    output = {"output_type": "stream", "text": "secret"}
    assert notebook(code("shown", output, jupyter={"outputs_hidden": True})) == "```\nshown\n```"
    assert notebook(code("secret", jupyter={"source_hidden": True})) == ""
    assert notebook(code("shown", output, collapsed=True)) == "```\nshown\n```"


def test_an_error_without_a_traceback_is_named() -> None:
    assert "ValueError: bad" in notebook(code("x", {"output_type": "error", "ename": "ValueError", "evalue": "bad"}))


def test_a_notebook_of_an_old_version_is_read() -> None:
    cells = [{"cell_type": "heading", "level": 2, "source": "Yield"}, {"cell_type": "code", "input": "1+1"}]
    assert read_notebook(json.dumps({"worksheets": [{"cells": cells}]}).encode()) == "## Yield\n\n```\n1+1\n```"
