from __future__ import annotations

import re
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
import snowballstemmer
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.text.terms import _word_terms, content_terms, lexical_question, lexical_text, normalize, terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t…—!", []),
        ("Running runners run", ["run", "runner", "run"]),
        ("Uber's drivers’ pay", ["uber", "driver", "pay"]),
        ("Which CAFÉ résumé is naïve", ["which", "cafe", "resum", "is", "naiv"]),
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
def test_lexical_text_has_terms_between_single_blanks(text: str) -> None:
    assert lexical_text(text).split(" ") == (terms(text) or [""])


def test_plain_text_is_only_case_folded() -> None:
    assert normalize("Already PLAIN, ascii.") == "already plain, ascii."


@pytest.mark.parametrize(
    ("text", "also"),
    [("FY2023", "2023"), ("2020-2021", "2021"), ("2021-12-31", "2021"), ("covid-19", "19")],
)
def test_numbers_within_codes_and_ranges_are_found_too(text: str, also: str) -> None:
    assert also in terms(text)


def shared(text: str, question: str) -> set[str]:
    return set(lexical_text(text).split()) & set(lexical_question(question).split())


@pytest.mark.parametrize(
    ("text", "question", "stems"),
    [
        (
            "Der Mietvertrag kann mit einer Frist von drei Monaten gekündigt werden.",
            "Welche Fristen gelten in den Mietverträgen?",
            {"frist", "mietvertrag"},
        ),
        (
            "Les chercheurs ont découvert une nouvelle espèce de grenouille en Guyane.",
            "Quelles espèces de grenouilles le chercheur a-t-il découvertes ?",
            {"chercheur", "decouvert", "espec", "grenouill"},
        ),
        (
            "Las fábricas del norte cerraron y despidieron a trescientos trabajadores.",
            "¿Qué fábrica despidió al trabajador?",
            {"fabric", "despid", "trabaj"},
        ),
        (
            "As empresas brasileiras aumentaram as exportações de café no ano passado.",
            "Qual empresa brasileira aumentou a exportação?",
            {"empres", "brasileir", "aument", "export"},
        ),
        (
            "I lavoratori hanno firmato i nuovi contratti con le aziende di Torino.",
            "Quale azienda ha firmato il contratto del lavoratore?",
            {"azi", "contratt", "lavor"},
        ),
        (
            "De werknemers kregen van het bedrijf nieuwe contracten voor twee jaar.",
            "Welk contract kreeg de werknemer van de bedrijven?",
            {"contract", "werknemer", "bedrijf"},
        ),
        (
            "Forskarna upptäckte nya arter av fåglar i skogarna utanför Umeå.",
            "Vilken art av fågel upptäcktes i skogen?",
            {"art", "upptackt", "skog"},
        ),
        (
            "Kommunerne bygger nye skoler og børnehaver i de største byer.",
            "Hvilken kommune bygger en ny skole med børnehave?",
            {"kommun", "skol", "bornehav"},
        ),
        (
            "Tutkijat löysivät metsästä uuden sammakkolajin ja kuvasivat sen.",
            "Mitä tutkija löysi metsistä?",
            {"tutkij", "mets"},
        ),
        (
            "A kutatók új békafajokat fedeztek fel az erdőkben a folyó mellett.",
            "Milyen békafajt fedezett fel a kutató az erdőben?",
            {"kutato", "bekafaj", "erdo"},
        ),
        (
            "Companiile românești au semnat contracte noi cu muncitorii din fabrici.",
            "Ce contract a semnat compania cu un muncitor din fabrică?",
            {"contract", "muncit", "fabric"},
        ),
        (
            "Araştırmacılar ormanda yeni bir kurbağa türü keşfetti ve ışıkları söndürdü.",
            "Araştırmacı ormanlarda hangi kurbağaları keşfetmiş, IŞIK var mıydı?",
            {"arastirmaci", "kesfet", "isik"},
        ),
        (
            "Арендатор может расторгнуть договор аренды квартиры, предупредив за месяц.",
            "Как арендаторы расторгают договоры об аренде квартир?",
            {"арендатор", "договор", "аренд", "квартир"},
        ),
        (
            "Οι ερευνητές ανακάλυψαν νέα είδη πουλιών στα δάση της χώρας.",
            "Τι ανακάλυψε ο ερευνητής στο δάσος;",
            {"ερευνητ", "δασ"},
        ),
        (
            "فتحت المدارس الجديدة أبوابها للطلاب في المدينة.",
            "متى تفتح المدينة المدارس الجديدة للطالب؟",
            {"مدارس", "مدين"},
        ),
        ("पुस्तकालय में नई पुस्तकें और पत्रिकाएँ रखी गई हैं।", "पुस्तकालय की पुस्तक कहाँ है?", {normalize("पुस्तक")}),
        ("புத்தகங்கள் நூலகத்தில் வைக்கப்பட்டுள்ளன.", "புத்தகம் எங்கே உள்ளது?", {normalize("புத்தகம்")}),
        (
            "Perusahaan itu membangun jembatan baru di kota Bandung tahun lalu.",
            "Siapa pembangun jembatan itu?",
            {"bangun"},
        ),
        ("Naukowcy odkryli nowe gatunki ptaków w lasach nad rzeką.", "Jaki gatunek ptaka odkryto w lesie?", {"ptak"}),
    ],
)
def test_a_question_finds_words_in_other_forms(text: str, question: str, stems: set[str]) -> None:
    assert stems <= shared(text, question)


def test_a_name_is_found_in_texts_and_by_questions_of_any_language() -> None:
    text = "Der Vorstand von Hermes hat gestern in Paris die Zahlen des Jahres vorgestellt."
    assert {"herm", "pari"} <= shared(text, "What did Hermes announce in Paris?")
    text = "The board of Hermes has presented the figures of the year in Paris."
    assert {"herm", "pari"} <= shared(text, "Welche Zahlen hat der Vorstand von Hermes in Paris vorgestellt?")


@given(st.text(), st.sampled_from(["Was ist das für ein Wort? ", "Quel est ce mot ? ", "Что это за слово? "]))
@settings(deadline=None)
def test_another_language_adds_stems_and_takes_none_away(text: str, question: str) -> None:
    words = [*question.split(), *text.split()]
    assert {term for word in words for term in terms(f"the {word} of the day that it was")} <= {
        *terms(" ".join(words)),
        *terms("the of the day that it was"),
    }


@pytest.mark.parametrize(
    "text",
    [
        "What was the revenue of Deutsche Bank in 2021?",
        "Who wrote La Fanciulla del West?",
        "Dirk Nowitzki played for the Dallas Mavericks",
        "insulin and Alzheimer's?",
        "Tax rate for LLC",
        "Does Sint Maarten still have damage?",
        "Total assets 1,234 Total liabilities 987",
        "IBM Cloud Event Notifications",
        "The Siegesallee (Victory Avenue) was a broad boulevard in Berlin, finished by Kaiser Wilhelm II in 1901.",
        "In which state is Rancho Palos Verdes, a city of Los Angeles County?",
    ],
)
def test_english_gives_english_stems_only(text: str) -> None:
    stemmer = snowballstemmer.stemmer("english")
    words = re.findall(r"[a-z]+(?:,\d)?|\d[\d,]*", text.casefold().replace("'s", ""))
    assert terms(text) == [stemmer.stemWord(word) if word.isalpha() else word.replace(",", "") for word in words]


def test_words_in_latin_letters_within_another_script_are_english() -> None:
    assert {"galaxi", "phone"} <= set(terms("삼성전자의 새 Galaxy phones 는 오늘 출시되었습니다"))
    assert {"galaxi", "phone"} <= set(terms("Когда выйдут новые телефоны Galaxy phones компании?"))


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Herr Müller wohnt in einem Haus am Fluss", "Muller"),
        ("Die Straßen der Stadt wurden im Sommer gebaut", "Strassen"),
        ("Zakład w Łodzi zatrudnia nowych pracowników", "Lodzi"),
        ("Los niños de la región viajan en autobús", "region"),
        ("Istanbul'un IŞIKLARI gece boyunca yanıyor ve herkes bunu görüyor", "ışıkları"),
        ("Серёжа уехал в Москву на поезде", "Сережа"),
    ],
)
def test_a_question_may_leave_out_accents(text: str, question: str) -> None:
    assert shared(text, question)


@pytest.mark.parametrize(
    ("written", "also"),
    [
        ("كِتَابٌ", "كتاب"),
        ("كتـــاب", "كتاب"),
        ("תַּלְמִיד", "תלמיד"),
        ("हिन्दी", "हिंदी"),
        ("क़लम", "कलम"),
        ("२०२३", "2023"),
        ("٢٠٢٣", "2023"),
    ],
)
def test_spellings_that_look_the_same_give_the_same_terms(written: str, also: str) -> None:
    assert terms(written) == terms(also)


@pytest.mark.parametrize("words", [("दिन", "दीन"), ("की", "का"), ("ดี", "ดู"), ("កី", "កុ"), ("কলা", "কলি")])
def test_vowel_signs_tell_words_apart(words: tuple[str, str]) -> None:
    first, second = (terms(word) for word in words)
    assert set(first).isdisjoint(second)
    assert all(len(re.findall(r"\w+", term)) == 1 for term in [*first, *second])


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("ประเทศไทยมีประชากรมากกว่าหกสิบล้านคน", "ประชากร"),
        ("ປະເທດລາວມີແມ່ນ້ຳຂອງ", "ແມ່ນ້ຳ"),
        ("မြန်မာနိုင်ငံ၏မြို့တော်", "မြန်မာနိုင်ငံ"),
        ("រាជធានីភ្នំពេញនៃប្រទេសកម្ពុជា", "ភ្នំពេញ"),
    ],
)
def test_scripts_without_blanks_become_bigrams(text: str, question: str) -> None:
    assert len(terms(question)) > 1
    assert set(terms(question)) <= set(terms(text))


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Wann wurde der Vertrag von der Firma unterschrieben?", {"vertrag", "firma", "unterschrieben"}),
        ("Qu'est-ce que l'État a décidé ?", {"etat", "decid"}),
        ("¿Cuándo se firmó el contrato de la empresa?", {"firmo", "contrato", "empresa"}),
        ("Когда была построена эта крепость?", {"построена", "крепость"}),
    ],
)
def test_function_words_of_other_languages_are_not_searched_for(question: str, expected: set[str]) -> None:
    plain = {term for term in content_terms(question) if len(term) > 1}
    stems = {term for word in expected for term in terms(word)}
    assert expected <= plain
    assert {term[:4] for term in plain} == {term[:4] for term in stems | expected}


def test_a_question_of_function_words_is_searched_for_whole() -> None:
    assert lexical_question("Was ist das und warum ist es so?").split()[:2] == ["was", "ist"]


def test_many_threads_find_the_same_stems() -> None:
    texts = [
        "Die Forscher entdeckten in den Höhlen alte Zeichnungen von Pferden.",
        "Исследователи открыли в пещерах древние рисунки лошадей.",
        "Les chercheurs ont découvert des dessins de chevaux dans les grottes.",
        "The researchers discovered drawings of horses in the caves.",
    ]
    alone = [lexical_text(text) for text in texts]
    _word_terms.cache_clear()
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lexical_text, texts * 25)) == alone * 25


@pytest.mark.parametrize("question", ["In how many ports does it call?", "How much cargo was in port?"])
def test_how_many_and_how_much_say_nothing_of_a_texts_content(question: str) -> None:
    assert not {"mani", "much", "how"} & set(lexical_question(question).split())
    assert "port" in lexical_question(question).split()
