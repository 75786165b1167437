"""Damaged files of every format: the result is pages of sound text, or one sentence."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.errors import ReadError
from rag.readers.ocr import engines
from rag.readers.ocr.words import Recognition, Word
from rag.readers.read import SUPPORTED, read
from tests.readers.samples import SAMPLES

# Random, so that each run tries other damage. A failure prints the damaged file's example.
BOUNDED = settings(max_examples=120, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True)
def quick_recognition(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are unpacked and laid out, but read by an engine that takes no time."""
    word = Word("harbour", (1, 1, 9, 9), 1.0)
    monkeypatch.setattr(
        engines, "available", lambda choice: [("Reader", lambda page: Recognition([word], page.size, "Reader"))]
    )


def is_read_or_refused(name: str, data: bytes) -> None:
    try:
        pages = read(name, data)
    except ReadError as error:
        sentence = str(error)
        assert sentence.startswith(name) and sentence.endswith(".") and "\n" not in sentence
        return
    assert pages
    for page in pages:
        assert page.text.strip() and "\0" not in page.text
        page.text.encode("utf-8")  # no halves of characters


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """A file in which bytes were changed, lost, doubled or moved."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 6))):
        if not data:
            break
        at = draw(st.integers(0, len(data) - 1))
        length = draw(st.integers(1, 64))
        match draw(st.sampled_from(("flip", "random", "cut", "drop", "double", "number"))):
            case "flip":
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "random":
                data[at : at + length] = draw(st.binary(min_size=1, max_size=length))
            case "cut":
                del data[at:]
            case "drop":
                del data[at : at + length]
            case "double":
                data[at:at] = data[at : at + length] * draw(st.integers(1, 20))
            case _:
                data[at : at + 4] = draw(
                    st.sampled_from((b"\xff\xff\xff\xff", b"\0\0\0\0", b"9999", b"\xff\xff\xff\x7f"))
                )
    return bytes(data)


@pytest.mark.parametrize("ending", SAMPLES)
def test_damaged_file_is_read_or_refused(ending: str) -> None:
    @BOUNDED
    @given(damaged(SAMPLES[ending]))
    def check(data: bytes) -> None:
        is_read_or_refused(f"harbour{ending}", data)

    is_read_or_refused(f"harbour{ending}", SAMPLES[ending])
    check()


@pytest.mark.parametrize("ending", [".docx", ".odt", ".ods", ".hwpx", ".epub", ".xlsx", ".pptx", ".odp"])
def test_package_with_damaged_parts_is_read_or_refused(ending: str) -> None:
    """Damage that the checksums of the package don't give away."""
    with zipfile.ZipFile(BytesIO(SAMPLES[ending])) as package:
        parts = {name: package.read(name) for name in package.namelist() if not name.endswith((".jpeg", ".bin"))}
    marked = [name for name in parts if name.endswith((".xml", ".rels", ".opf", ".xhtml"))]

    @settings(BOUNDED, max_examples=50)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        changed = dict(parts)
        for name in data.draw(st.lists(st.sampled_from(marked), min_size=1, max_size=2, unique=True)):
            changed[name] = data.draw(damaged(parts[name]))
        target = BytesIO()
        with zipfile.ZipFile(target, "w") as package:
            for name, part in changed.items():
                package.writestr(name, part)
        is_read_or_refused(f"harbour{ending}", target.getvalue())

    check()


@settings(BOUNDED, max_examples=1000)
@given(st.sampled_from(SUPPORTED), st.binary(max_size=400))
def test_any_bytes_under_any_name_are_read_or_refused(ending: str, data: bytes) -> None:
    is_read_or_refused(f"noise{ending}", data)


@settings(BOUNDED, max_examples=200)
@given(
    st.sampled_from([".txt", ".md", ".html", ".csv", ".json", ".rtf"]),
    st.text(max_size=300),
    st.sampled_from(["utf-8", "utf-16", "utf-32", "cp949", "cp932", "gb18030", "big5hkscs", "cp1252"]),
)
def test_any_text_in_any_encoding_is_read_or_refused(ending: str, text: str, encoding: str) -> None:
    is_read_or_refused(f"text{ending}", text.encode(encoding, "replace"))
