"""Where sentences end. test_chunking has the properties of any text."""

from __future__ import annotations

import pytest

from rag.text.sentences import sentence_spans


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", []),
        (" \n ", []),
        ("No full stop", ["No full stop"]),
        ("One. Two! Three? Four…", ["One.", "Two!", "Three?", "Four…"]),
        ('He said "Never." Then he left.', ['He said "Never."', "Then he left."]),
        ("It grew 3.5 percent. Nothing else.", ["It grew 3.5 percent.", "Nothing else."]),
        ("Dr. Kim met Mr. Lee. They spoke.", ["Dr. Kim met Mr. Lee.", "They spoke."]),
        ("The U.S. Congress met. It rose.", ["The U.S. Congress met.", "It rose."]),
        ("See Fig. 3 and cf. No. 7. Done.", ["See Fig. 3 and cf. No. 7.", "Done."]),
        ("see www.example.org. it goes on", ["see www.example.org. it goes on"]),
        ("In 2021. 29,300 employees.", ["In 2021.", "29,300 employees."]),
        ("매출이 늘었다. 비용은 줄었다.", ["매출이 늘었다.", "비용은 줄었다."]),
        ("今日は晴れ。明日は雨！本当？", ["今日は晴れ。", "明日は雨！", "本当？"]),
        ("「行く。」と言った。", ["「行く。」", "と言った。"]),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(text: str, sentences: list[str]) -> None:
    assert [text[start:end] for start, end in sentence_spans(text)] == sentences


def test_sentences_of_a_part_keep_the_offsets_of_the_whole() -> None:
    text = "Left out. First one. Second one. Left out."
    start, end = text.index("First"), text.index(" Left out.", 12)
    assert [text[a:b] for a, b in sentence_spans(text, start, end)] == ["First one.", "Second one."]
