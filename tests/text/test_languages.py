from __future__ import annotations

import pytest
import snowballstemmer

from rag.text import languages
from rag.text.languages import identify, is_written_in
from rag.text.stop_words import stop_words


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("wie hoch war der umsatz im vergangenen jahr?", "german"),
        ("quel était le chiffre d'affaires de l'année ?", "french"),
        ("¿cuál fue la cifra de negocios del año pasado?", "spanish"),
        ("qual foi o lucro da empresa no ano passado?", "portuguese"),
        ("qual è stato il fatturato dell'anno scorso?", "italian"),
        ("hoe hoog was de omzet van het vorige jaar?", "dutch"),
        ("hur stor var omsättningen förra året?", "swedish"),
        ("kuinka suuri liikevaihto oli viime vuonna?", "finnish"),
        ("mekkora volt a cég árbevétele tavaly?", "hungarian"),
        ("jaki był przychód spółki w zeszłym roku?", "polish"),
        ("geçen yıl şirketin geliri ne kadardı?", "turkish"),
        ("berapa pendapatan perusahaan tahun lalu?", "indonesian"),
        ("какой была выручка компании в прошлом году?", "russian"),
        ("колики је био приход предузећа прошле године?", "serbian"),
        ("ποια ήταν τα έσοδα της εταιρείας πέρυσι;", "greek"),
        ("كم بلغت إيرادات الشركة في العام الماضي؟", "arabic"),
        ("درآمد شرکت در سال گذشته چقدر بود؟", "persian"),
        ("पिछले साल कंपनी की आय कितनी थी?", "hindi"),
        ("கடந்த ஆண்டு நிறுவனத்தின் வருவாய் என்ன?", "tamil"),
    ],
)
def test_a_question_tells_its_language(text: str, language: str) -> None:
    assert language in identify(text)
    assert len(identify(text)) <= 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12,345 67.8 %",
        "aquatic",
        "what was the revenue of deutsche bank?",
        "who wrote la fanciulla del west?",
        "smith, john; miller, anne; brown, bob",
        "doanh thu của công ty trong năm ngoái là bao nhiêu?",  # Vietnamese has no stemmer
        "якою була виручка компанії минулого року?",  # nor has Ukrainian
        "작년 매출은 얼마였나요?",
        "삼성전자의 새 galaxy 는 오늘 출시되었습니다",
    ],
)
def test_english_and_languages_without_a_stemmer_name_none(text: str) -> None:
    assert identify(text) == ()


def test_both_languages_of_a_text_in_two_scripts_are_named() -> None:
    text = "die verträge werden in beiden sprachen geschlossen. договоры заключаются на обоих языках."
    assert set(identify(text)) == {"german", "russian"}


def test_a_few_words_of_another_script_leave_english_alone() -> None:
    assert (
        identify("sergei roshchin (russian: сергей рощин) was born in moscow and played for the team of the city") == ()
    )


def test_every_language_has_its_stemmer() -> None:
    named = {name for names in languages._LANGUAGES.values() for name in names.values() if name}
    assert named <= set(snowballstemmer.algorithms())
    assert set(stop_words()) <= named


def test_plain_english_does_not_load_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise AssertionError("The model was asked.")

    monkeypatch.setattr(languages, "_identifier", refuse)
    assert identify("the revenue of the company was higher than in the years that came before") == ()


@pytest.mark.parametrize(
    ("word", "language", "expected"),
    [
        ("höhle", "german", True),
        ("книга", "russian", True),
        ("књига", "serbian", True),
        ("knjiga", "serbian", True),
        ("книга", "german", False),
        ("book", "russian", False),
        ("s24", "german", False),
    ],
)
def test_words_belong_to_languages_in_their_script(word: str, language: str, expected: bool) -> None:
    assert is_written_in(word, language) is expected


@pytest.mark.parametrize(("claim", "same", "other"), [("ẤẾỐỘỰỮ ẩẫ", "the city", "人口"), ("𠀋𠂢", "人口", "the city")])
def test_letters_of_all_blocks_of_a_script_count(claim: str, same: str, other: str) -> None:
    """Vietnamese letters are Latin, and rare ideographs are Han."""
    assert not languages.languages_differ(claim, same)
    assert languages.languages_differ(claim, other)
