"""The list of formats: each has a reader, a sample, and a place in README. This must pass for a new format."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.readers.filetypes import detect
from rag.readers.formats import FORMATS, SUPPORTED, Format, format_names
from rag.readers.read import read
from tests.readers.samples import SAMPLES

README = Path(__file__).resolve().parents[2] / "README.md"

each_format = pytest.mark.parametrize("each", FORMATS, ids=lambda each: min(each.suffixes))


def sample_of(each: Format) -> tuple[str, bytes]:
    """A file of the format: its name and its bytes."""
    (suffix,) = set(SAMPLES) & set(each.suffixes)
    return f"sample{suffix}", SAMPLES[suffix]


@each_format
def test_a_sample_is_recognised_and_read(each: Format) -> None:
    name, data = sample_of(each)
    assert each.reader.startswith("rag.readers."), "the rooms are checked by what is imported in the code"
    assert detect(name, data) is each
    pages = read(name, data)
    assert "harbour" in pages[0].text.lower()
    assert [page.number for page in pages] == (list(range(1, len(pages) + 1)) if each.has_pages else [None])


@each_format
def test_a_binary_file_is_recognised_whatever_its_name(each: Format) -> None:
    _, data = sample_of(each)
    if not each.is_text:
        assert detect("sample.html", data) is each
        assert all(noun.startswith(("a ", "an ")) for noun in each.suffixes.values()), "for a sentence about damage"


@each_format
def test_its_name_is_in_the_readme(each: Format) -> None:
    assert each.name in README.read_text(encoding="utf-8")
    assert each.name in format_names()


def test_a_suffix_has_one_format() -> None:
    assert len(SUPPORTED) == len(set(SUPPORTED))
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in SUPPORTED)


def test_each_sample_has_a_format() -> None:
    assert set(SAMPLES) <= set(SUPPORTED)
