"""Claims whose numbers, units, names and bounds are written in other ways than the passage's."""

from __future__ import annotations

import pytest

from rag.citations.entailment import check_claim

IN_TABLE = "| Product | Margin |\n| --- | --- |\n| Oak stool | 0.045 |"


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("The trust holds 2,345,678.25 euros.", "The trust holds 2.345.678,25 euros."),
        ("La caisse contient 3 210 000 euros.", "La caisse contient 3.210.000 euros."),
        ("The bank holds CHF 3,456,789.", "The bank holds CHF 3'456'789."),
        ("The school holds Rs 4,567,890.", "The school holds Rs 45,67,890."),
        ("The well is 45 metres deep.", "The well is ٤٥ metres deep."),
        ("The margin of Oak stool is 4.5%.", IN_TABLE),
        ("The quota is 12.5 percent.", "Die Quote beträgt 12,5 Prozent."),
        ("The lease was signed on 7 May 2023.", "Le bail est signé le 7 mai 2023."),
        ("Seventy percent of guests answered.", "70% of guests answered."),
        ("The road is 3,500 metres long.", "The road is 3.5 km long."),
        ("The warranty is 24 months.", "The warranty is 2 years."),
        ("The temperature fell to 12 degrees below zero.", "The temperature fell to -12 degrees."),
        ("保証期間は24か月です。", "保証期間は二十四か月です。"),
        ("계약 기간은 25개월입니다.", "계약 기간은 이십오 개월입니다."),
        ("There were 110 rooms in 2023.", "Rooms in 2023\n120 110\n100"),
        ("It is 3.5 bar.", "The pressure is 3.5 bar."),
        ("Carla audits the team that Dora leads.", "Dora leads the team and Carla audits it."),
    ],
)
def test_the_same_fact_in_another_form_is_borne_out(claim: str, passage: str) -> None:
    assert check_claim(claim, passage).borne_out


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("Die Stiftung hält 2.345.999,25 Euro.", "Die Stiftung hält 2.345.678,25 Euro."),
        ("La caisse contient 3 999 000 euros.", "La caisse contient 3 210 000 euros."),
        ("The bank holds CHF 3'456'111.", "The bank holds CHF 3'456'789."),
        ("The school holds Rs 45,67,111.", "The school holds Rs 45,67,890."),
        ("Le taux est de 4,7 %.", "Le taux est de 4,2 %."),
        ("The well holds 9 litres.", "The well holds 9 gallons."),
        ("The pill has 8 mg.", "The pill has 8 µg."),
        ("The share rose by 4%.", "The share rose 4 percentage points."),
        ("The cellar is 12 degrees.", "The cellar is -12 degrees."),
        ("保証期間は25か月です。", "保証期間は二十四か月です。"),
        ("계약 기간은 26개월입니다.", "계약 기간은 이십오 개월입니다."),
        ("Q1 turnover was 8 million.", "Q4 turnover was 8 million."),
        ("Carla leads the team and Dora audits it.", "Dora leads the team and Carla audits it."),
    ],
)
def test_another_fact_in_the_same_form_is_not_borne_out(claim: str, passage: str) -> None:
    assert not check_claim(claim, passage).borne_out


@pytest.mark.parametrize(
    ("claim", "passage", "borne_out"),
    [
        ("The club has 250 members.", "The club has two hundred and fifty members.", True),
        ("The club has 260 members.", "The club has two hundred and fifty members.", False),
        (
            "Der Verein hat 36 Mitglieder und das ist gut.",
            "Der Verein hat sechsunddreißig Mitglieder und das ist gut.",
            True,
        ),
        ("Le club a 92 membres dans la ville.", "Le club a quatre-vingt-douze membres dans la ville.", True),
        ("Le club a 82 membres dans la ville.", "Le club a quatre-vingt-douze membres dans la ville.", False),
        ("The gate opens at half past two in the afternoon.", "The gate opens at 14:30.", True),
        ("The gate opens at a quarter to nine.", "The gate opens at 8:45.", True),
        ("The gate opens at a quarter past nine.", "The gate opens at 8:45.", False),
        ("회의는 15:20에 시작한다.", "회의는 오후 3시 20분에 시작한다.", True),
        ("회의는 15:40에 시작한다.", "회의는 오후 3시 20분에 시작한다.", False),
        (
            "Die Frist beträgt 6 Wochen und sie endet nicht.",
            "Die Frist beträgt sechs Wochen und sie endet nicht.",
            True,
        ),
        (
            "Die Frist beträgt 6 Monate und sie endet nicht.",
            "Die Frist beträgt sechs Wochen und sie endet nicht.",
            False,
        ),
        ("The bridge fund contains 4,321,000 euros.", "Le fonds du pont contient 4 321 000 euros.", True),
    ],
)
def test_numbers_and_times_in_words_are_compared(claim: str, passage: str, borne_out: bool) -> None:
    assert check_claim(claim, passage).borne_out == borne_out


@pytest.mark.parametrize(
    ("claim", "passage", "borne_out"),
    [
        ("COVID-19는 음식으로 전파되지 않는다.", "COVID-19가 음식으로 전파되지 않는다고 COVID-2 팀이 말한다.", True),
        ("The pressure is 240 kPa.", "The pressure is 2.4 bar.", True),
        ("The pressure is 2.4 psi.", "The pressure is 2.4 bar.", False),
        ("The path climbs 640 feet.", "The path climbs 640 m.", False),
        ("The path climbs 640 metres.", "The path climbs 640 m.", True),
        ("The room is kept at 21 °F.", "The room is kept at 21 °C.", False),
        ("The plant sold 450 kWh.", "The plant sold 450 MWh.", False),
        (
            "In 2022 the fleet had 41,000 vans.",
            "Fleet (in thousands)\n\n| Vehicle | 2022 |\n| --- | --- |\n| Vans | 41 |\n| Cars | 7 |",
            True,
        ),
        (
            "In 2022 the fleet had 47,000 vans.",
            "Fleet (in thousands)\n\n| Vehicle | 2022 |\n| --- | --- |\n| Vans | 41 |\n| Cars | 7 |",
            False,
        ),
        ("In July it was −21 degrees.", "In July it was 21 degrees, in January −7 degrees.", False),
    ],
)
def test_measures_scales_and_signs_are_compared(claim: str, passage: str, borne_out: bool) -> None:
    assert check_claim(claim, passage).borne_out == borne_out
