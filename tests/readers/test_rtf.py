"""RTF documents as they are printed: code pages, notes, tables, hidden and deleted text. All files are made here."""

from __future__ import annotations

import pytest

from rag.readers.read import read

FONTS = (
    rb"{\fonttbl{\f0\fcharset0 Times;}{\f1\fcharset204 Arial Cyr;}{\f2\fcharset2 Wingdings;}{\f3\fcharset129 Batang;}}"
)
STYLES = rb"{\stylesheet{\s0 Normal;}{\s1\outlinelevel0 Kop;}{\s2\b heading 2;}{\s3 Title;}{\*\cs4\v Secret;}}"


def text_of(body: bytes, head: bytes = rb"\ansi\ansicpg1252\deff0") -> str:
    (page,) = read("a.rtf", rb"{\rtf1" + head + FONTS + STYLES + body + b"}")
    return page.text


def test_each_font_has_its_code_page() -> None:
    body = rb"\f0 Caf\'e9 {\f1 \'cf\'f0\'e8\'e2\'e5\'f2} {\f3 \'c7\'d1\'b1\'db} \'80 \f1\'e0\plain\'e0"
    assert text_of(body) == "Café Привет 한글 € аà"
    named = rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Times;}{\f1\fnil Arial Cyr;}}\f1 \'cf\'f0\'e8\f0 \'e9}"
    assert read("a.rtf", named)[0].text == "Приé"


def test_a_character_stands_for_the_bytes_after_it() -> None:
    assert text_of(rb"\u54620?\u44544\'b1 12{\uc2\u48372\'ba\'b8} {\uc0\u49332}.") == "한글 12보 살."
    assert text_of(rb"\u-10179?\u-8704?\emdash\~x") == "\U0001f600— x"


def test_text_in_wide_code_pages_may_hold_signs_of_rtf() -> None:
    body = b"{\\rtf1\\ansi\\ansicpg932 \\'83\\\\ and \\'83]}"  # the second bytes are a backslash and a bracket
    assert read("a.rtf", body)[0].text == "ソ and ゾ"


def test_hidden_and_deleted_text_is_left_out() -> None:
    body = rb"Price 900{\v (real 700)} crowns. Term {\deleted thirty}{\revised forty} days.\par "
    body += rb"One {\deleted gone\par}line.\par {\*\unknown ghost}{\info{\title ghost}}\v ghost\plain  end"
    body += rb" {\cs4 ghost}"
    assert text_of(body) == "Price 900 crowns. Term forty days.\n\nOne line.\n\nend"


def test_notes_comments_and_headers_have_their_places() -> None:
    body = rb"{\header Registry 77-B\par Page {\field{\*\fldinst PAGE}{\fldrslt 1}}\par}{\headerf Unseen\par}"
    body += rb"340 m{\super\chftn}{\footnote\pard\plain{\super\chftn} No ramps.} long{\super\chftn}"
    body += rb"{\*\footnote\ftnalt{\super\chftn} Built 1901.}, wide{\super *}{\footnote {\super *} With rails.}"
    body += rb"{\*\atnid AB}{\*\atnauthor Anna B}\chatn{\*\annotation{\*\atndate 1}Check.}.\par Next."
    assert text_of(body) == (
        "340 m[^1] long[^i], wide[^*].\n\n[^1]: No ramps.\n\n[^i]: Built 1901.\n\n[^*]: With rails.\n\n"
        "Comment (Anna B): Check.\n\nNext.\n\nRegistry 77-B"
    )


def test_headings_and_items_have_their_signs() -> None:
    body = rb"{\pard\s3 A title\par}{\pard\s1{\listtext 2\tab}Terms\par}{\pard\s2 Liability\par}"
    body += rb"{\pard\outlinelevel2 Deeper\par}{\pard{\listtext\f2 \'b7\tab}Dot\par}"
    body += rb"{\pard\ilvl1{\pntext (a)\tab}Sub\par}"
    assert text_of(body) == "# A title\n\n# 2 Terms\n\n## Liability\n\n### Deeper\n\n- Dot\n  (a) Sub"


def test_raised_lowered_and_struck_text_is_marked() -> None:
    body = rb"10{\super 6} of H{\sub 2}O, 45{\up6 1} {\strike 900} 750{\striked1 x}{\striked0 y}"
    assert text_of(body) == "10^6 of H2O, 45[^1] ~~900~~ 750~~x~~y"


def test_fields_show_results_and_boxes() -> None:
    box = rb"{\field{\*\fldinst FORMCHECKBOX {\*\formfield{\fftype1\ffres%d\ffdefres%d}}}{\fldrslt}}"
    body = rb"See {\field{\*\fldinst HYPERLINK x}{\fldrslt the register}}. " + box % (1, 0) + b" nuts "
    body += box % (25, 1) + b" milk " + box % (25, 0) + rb" latex {\f2 \'fe} done"
    assert text_of(body) == "See the register. [x] nuts [x] milk [ ] latex [x] done"


def test_furigana_and_fractions_of_fields_are_read() -> None:
    code = rb"EQ \\* jc2 \\o\\ad(\\s\\up 9(\u12392?\u12358?),{\u26481?})"
    body = rb"{\field{\*\fldinst " + code + rb"}{\fldrslt}} and {\field{\*\fldinst EQ \\f(1,2)}{\fldrslt }}"
    assert text_of(body) == "東(とう) and 1/2"


def test_text_boxes_are_read_once() -> None:
    body = rb"A{\shp{\*\shpinst{\sp{\sn x}{\sv y}}{\shptxt Keep dry.\par}}"
    body += rb"{\shprslt{\*\do{\dptxbxtext Keep dry.}}}} note.\par"
    assert text_of(body) == "A note.\n\nKeep dry."


# --- Tables

ROW = rb"\trowd\cellx1000\cellx2000\cellx3000\pard\intbl %s\cell %s\cell %s\cell\row "


def test_rows_become_a_table_and_text_goes_on_after_it() -> None:
    body = rb"Before\par " + ROW % (b"Part", b"Shelf", b"Min") + ROW % (b"Bolt", rb"S1\par S2", b"14") + rb"\pard After"
    assert text_of(body) == "Before\n\n| Part | Shelf | Min |\n| --- | --- | --- |\n| Bolt | S1 S2 | 14 |\n\nAfter"


def test_merged_cells_are_filled_in() -> None:
    down = rb"\trowd\clvm%s\cellx1000\cellx2000\cellx3000\pard\intbl %s\cell %s\cell %s\cell\row "
    wide = rb"\trowd\cellx2010\cellx3000\pard\intbl Any\cell 0\cell\row "
    flat = rb"\trowd\clmgf\cellx1000\clmrg\cellx2000\cellx3000\pard\intbl All\cell\cell 5\cell\row "
    body = ROW % (b"Ward", b"Shift", b"Beds") + down % (b"gf", b"East", b"Day", b"12")
    body += down % (b"rg", b"", b"Night", b"8") + wide + flat
    assert text_of(body).split("\n")[2:] == [
        "| East | Day | 12 |",
        "| East | Night | 8 |",
        "| Any | Any | 0 |",
        "| All | All | 5 |",
    ]


def test_rows_of_the_head_are_joined() -> None:
    head = rb"\trowd\trhdr\cellx1000\cellx3000\pard\intbl Region\cell 2023\cell\row "
    head += rb"\trowd\trhdr\cellx1000\cellx2000\cellx3000\pard\intbl\cell Q1\cell Q2\cell\row "
    text = text_of(head + ROW % (b"North", b"7", b"8"))
    assert text == "| Region | 2023 Q1 | 2023 Q2 |\n| --- | --- | --- |\n| North | 7 | 8 |"


def test_a_table_within_a_cell_comes_after_the_table() -> None:
    inner = rb"\pard\intbl\itap2 a\nestcell b\nestcell"
    inner += rb"{\*\nesttableprops\trowd\cellx500\cellx900\nestrow}{\nonesttables\par}"
    body = rb"\trowd\cellx1000\cellx2000\pard\intbl Left\cell " + inner + rb"\pard\intbl\itap1 Right\cell\row"
    assert text_of(body) == "| Left | Right |\n| --- | --- |\n\n| a | b |\n| --- | --- |"


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (rb"{\mf{\mfPr}{\mnum{\mr 1}}{\mden{\mr 2}}}", "1/2"),
        (rb"{\mr E=m}{\msSup{\me{\mr c}}{\msup{\mr 2}}}", "E=mc^2"),
        (rb"{\mrad{\mdeg}{\me{\mr 27}}}", "√(27)"),
        (rb"{\md{\mdPr{\mbegChr [}{\mendChr ]}}{\me{\mr a+b}}}", "[a+b]"),
    ],
)
def test_formulas_are_written_on_one_line(formula: bytes, text: str) -> None:
    assert text_of(rb"It is {\mmath{\*\moMath" + formula + rb"}{\mmathPict{\pict 00}}}.") == f"It is {text}."
