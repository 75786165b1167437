"""Numbers of lists as word processors print them."""

from __future__ import annotations

import pytest

from rag.readers.list_numbers import odf_number, word_number


@pytest.mark.parametrize(
    ("number", "name", "text"),
    [
        (3, "decimal", "3"),
        (3, "decimalZero", "03"),
        (28, "lowerLetter", "bb"),
        (4, "upperRoman", "IV"),
        (1999, "lowerRoman", "mcmxcix"),
        (22, "ordinal", "22nd"),
        (13, "ordinal", "13th"),
        (21, "cardinalText", "Twenty-one"),
        (21, "ordinalText", "Twenty-first"),
        (20, "ordinalText", "Twentieth"),
        (3, "decimalEnclosedCircle", "③"),
        (3, "ganada", "다"),
        (3, "chosung", "ㄷ"),
        (23, "japaneseCounting", "二十三"),
        (10, "chineseCounting", "十"),
        (2, "ideographTraditional", "乙"),
        (7, "anything new", "7"),
        (-1, "lowerRoman", "-1"),
        (10**6, "upperLetter", "1000000"),
    ],
)
def test_numbers_of_word(number: int, name: str, text: str) -> None:
    assert word_number(number, name) == text


@pytest.mark.parametrize(
    ("number", "name", "text"),
    [(3, "1", "3"), (28, "a", "ab"), (4, "I", "IV"), (3, "", ""), (3, "가, 나, 다, ...", "다")],
)
def test_numbers_of_opendocument(number: int, name: str, text: str) -> None:
    assert odf_number(number, name) == text
