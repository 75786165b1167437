"""Bytes → text, and the characters that belong in no text."""

from __future__ import annotations

import random

import pytest

from rag.readers.cleaning import clean
from rag.readers.decoding import decode
from rag.readers.faults import Fault, Kind

KOREAN = "회사 안내서: 휴가는 15일이며, 신청은 2주 전까지 합니다.\n문의는 인사팀으로 해 주세요.\n"
JAPANESE = "会社案内：休暇は15日です。申請は二週間前までに行ってください。\nソフトウェアの開発\n"
SIMPLIFIED = "公司年度报告：收入同比增长百分之十二，主要来自海外市场。\n员工手册规定每年有十五天假期。\n"
TRADITIONAL = "公司年度報告：收入較去年增長百分之十二，主要來自海外市場。\n員工手冊規定每年有十五天假期。\n"
WESTERN = "Le café de l’été – déjà “fermé”, 5 € la façade; Größe und Maß\n"
ENGLISH = "Plain English words to begin with, and then some more.\n" * 40


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (KOREAN, "cp949"),
        (KOREAN, "euc_kr"),
        (KOREAN, "johab"),
        (JAPANESE, "cp932"),
        (JAPANESE, "euc_jp"),
        (JAPANESE, "iso2022_jp"),
        (SIMPLIFIED, "gb18030"),
        (SIMPLIFIED, "gb2312"),
        (TRADITIONAL, "big5"),
        (WESTERN, "cp1252"),
        ("naïve", "cp1252"),
        ("이름,부서\n김철수,영업\n", "cp949"),
        ("Привет, как дела? Это обычный русский текст о погоде и о книгах.", "cp1251"),
    ],
)
def test_a_legacy_encoding_is_recognised(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize(
    ("text", "encodings"),
    [
        ("Termin dostawy wynosi czterdzieści dni od zapłaty.", "cp1250 iso8859_2 cp852"),
        ("Die Lieferzeit beträgt vierzig Tage für Bücher.", "cp1252 cp850"),
        ("Dobavni rok je štirideset dni po plačilu, če želite.", "cp1250 iso8859_2"),
        ("Termenul este de la plată şi se aplică în ţară.", "cp1250 iso8859_2"),
        ("A szállítási határidő negyven nap a fizetéstől.", "cp1250 iso8859_2"),
        ("Şirketin çalışanları yılda on beş gün izin alır.", "cp1254"),
        ("Pristatymo terminas yra keturiasdešimt dienų nuo apmokėjimo.", "cp1257 iso8859_13"),
        ("Tarneaeg on nelikümmend päeva pärast maksmist.", "cp1257 cp1252"),
        ("Гарантия действует два года.", "cp1251 koi8_r iso8859_5 cp866"),
        ("Термін поставки становить сорок днів.", "cp1251 koi8_u"),
        ("Η εγγύηση ισχύει για δύο χρόνια.", "cp1253 iso8859_7"),
        ("זמן האספקה הוא ארבעים יום.", "cp1255"),
        ("الضمان سنتان من تاريخ الدفع.", "cp1256 iso8859_6"),
        ("รับประกันสองปีหลังชำระเงิน", "cp874"),
        ("Málaga", "cp1252"),
        ("서울", "cp949"),
        ("會議記錄", "big5"),
        ("ソフトウェア開発", "cp932 euc_jp"),
        ("It’s 20°C ±2, 3 m², 50 µm and 5 €.", "cp1252"),
    ],
)
def test_a_short_text_of_any_language_is_recognised(text: str, encodings: str) -> None:
    for encoding in encodings.split():
        assert decode(text.encode(encoding)) == text, encoding


@pytest.mark.parametrize(("text", "encoding"), [(KOREAN, "cp949"), (JAPANESE, "cp932"), (WESTERN, "cp1252")])
def test_a_legacy_encoding_is_recognised_late_in_a_file(text: str, encoding: str) -> None:
    assert decode((ENGLISH * 100 + text).encode(encoding)).endswith(text)


@pytest.mark.parametrize("text", [KOREAN, JAPANESE, SIMPLIFIED, WESTERN, ENGLISH])
@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"],
)
def test_unicode_is_recognised_with_and_without_a_mark(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize("text", ["caf\ufffd", "na\ufffdve r\ufffdsum\ufffd", "한국 \ufffd\ufffd"])
def test_utf8_whose_characters_were_lost_before_stays_utf8(text: str) -> None:
    assert decode(text.encode()) == text


def test_one_bad_byte_in_utf8_becomes_a_replacement_character() -> None:
    data = KOREAN.encode()
    assert decode(data + b"\xff" + data) == f"{KOREAN}\ufffd{KOREAN}"


def test_one_bad_byte_in_a_legacy_encoding_doesnt_change_the_guess() -> None:
    data = (KOREAN * 5).encode("cp949")
    assert KOREAN in decode(data[:20] + b"\xff" + data[20:])


def test_the_declared_encoding_decides_if_the_bytes_dont() -> None:
    assert decode("żółć".encode("iso-8859-2"), "iso-8859-2") == "żółć"


def test_utf8_wins_over_a_wrong_declaration() -> None:
    assert decode(KOREAN.encode(), "iso-8859-1") == KOREAN


def test_an_unknown_declaration_is_passed_over() -> None:
    assert decode(KOREAN.encode("cp949"), "x-no-such-charset") == KOREAN


@pytest.mark.parametrize("seed", range(20))
def test_random_bytes_are_refused(seed: int) -> None:
    with pytest.raises(Fault) as caught:
        decode(random.Random(seed).randbytes(1024))
    assert caught.value.kind is Kind.DAMAGED


def test_characters_that_cant_be_stored_or_matched_go() -> None:
    dirty = "a\x00b\u00adc\u202ed\ud800e\ufefff\u200bg\ufffeh\x07i\u2066j"
    assert clean(dirty) == "abcdefghij"
    clean(dirty).encode("utf-8")


def test_surrogate_halves_that_belong_together_become_their_character() -> None:
    assert clean("\ud83d\ude00 and \udc00 alone") == "😀 and  alone"


def test_ligatures_line_ends_and_no_break_spaces_become_plain() -> None:
    assert clean("o\ufb03ce\u00a0one\r\ntwo\rthree\u2028four") == "office one\ntwo\nthree\nfour"


def test_joiners_that_carry_meaning_stay() -> None:
    assert clean("می\u200cخواهم 👩\u200d💻") == "می\u200cخواهم 👩\u200d💻"
