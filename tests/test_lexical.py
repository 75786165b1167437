from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.lexical import lexical_text, normalize, terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t…—!", []),
        ("Running runners run", ["run", "runner", "run"]),
        ("Uber's drivers’ pay", ["uber", "driver", "pay"]),
        ("Café RÉSUMÉ naïve", ["cafe", "resum", "naiv"]),
        ("Straße STRASSE", ["strass", "strass"]),
        ("İstanbul", ["istanbul"]),
        ("snake_case", ["snake", "case"]),
        ("ﬁnal ＡＢＣ ①", ["final", "abc", "1"]),
    ],
)
def test_words_are_folded_and_stemmed(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("17,455", ["17455"]),
        ("$1,234,567.89", ["1234567_89"]),
        ("23.6%", ["23_6"]),
        ("１７，４５５", ["17455"]),
        ("12,34", ["12_34"]),
        ("COVID-19", ["covid_19", "covid", "19"]),
        ("AS/400", ["as_400", "as", "400"]),
        ("10-K", ["10_k", "10", "k"]),
        ("AT&T", ["at_t", "at", "t"]),
        ("U.S. law", ["u_s", "u", "s", "law"]),
        ("M&S", ["m_s", "m", "s"]),
    ],
)
def test_numbers_and_codes_are_kept_whole(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


def test_number_is_found_with_and_without_thousands_separators() -> None:
    assert terms("17,455") == terms("17455") == terms("17455.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("한국어", ["한국", "국어"]),
        ("말", ["말"]),
        ("서울에서 만나", ["서울", "울에", "에서", "만나"]),
        ("日本語の文章。", ["日本", "本語", "語の", "の文", "文章"]),
        ("ｶﾞﾝﾀﾞﾑ", ["ガン", "ンダ", "ダム"]),
        ("データ・ベース", ["デー", "ータ", "ベー", "ース"]),
        ("갤럭시S24를", ["갤럭", "럭시", "s24", "24", "를"]),
        ("2021년 매출", ["2021", "년", "매출"]),
        ("𠀀𠀁", ["𠀀𠀁"]),
    ],
)
def test_chinese_japanese_and_korean_become_bigrams(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


def test_particles_do_not_hide_a_korean_word() -> None:
    assert set(terms("매출")) <= set(terms("매출은 늘었다"))


def test_text_from_a_mac_gives_the_same_terms() -> None:
    for text in ("한국어 문서", "Café", "ガンダム"):
        assert terms(unicodedata.normalize("NFD", text)) == terms(text)


def test_terms_keep_order_and_repetitions() -> None:
    assert lexical_text("to be or not to be") == "to be or not to be"


@given(st.text())
@settings(deadline=None)
def test_every_term_is_one_word_to_any_analyzer(text: str) -> None:
    assert all(re.fullmatch(r"[^\W_]\w*", term) for term in terms(text))


def test_no_east_asian_character_makes_a_term_that_an_analyzer_would_split() -> None:
    codes = [*range(0x3000, 0xD800), *range(0xF900, 0x10000), *range(0x20000, 0x31400)]
    between = [f"가{chr(code)}나" for code in codes]
    assert [text for text in between if not all(re.fullmatch(r"\w+", term) for term in terms(text))] == []


@given(st.text())
@settings(deadline=None)
def test_composed_and_decomposed_text_give_the_same_terms(text: str) -> None:
    assert terms(unicodedata.normalize("NFD", text)) == terms(unicodedata.normalize("NFC", text))


@given(st.text())
@settings(deadline=None)
def test_what_is_stored_has_terms_between_single_blanks(text: str) -> None:
    assert lexical_text(text).split(" ") == (terms(text) or [""])


def test_plain_text_is_only_case_folded() -> None:
    assert normalize("Already PLAIN, ascii.") == "already plain, ascii."


@pytest.mark.parametrize(
    ("text", "also"),
    [("FY2023", "2023"), ("2020-2021", "2021"), ("2021-12-31", "2021"), ("covid-19", "19")],
)
def test_numbers_within_codes_and_ranges_are_found_too(text: str, also: str) -> None:
    assert also in terms(text)
