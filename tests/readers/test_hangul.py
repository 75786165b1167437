"""Hangul documents, HWP 5 and HWPX, as they are printed. All files are made here; both formats give the same text."""

from __future__ import annotations

import struct

import pytest

from rag.errors import ReadError
from rag.readers.hangul_equations import equation_text
from rag.readers.read import read
from tests.readers import hwp_files
from tests.readers.hwp_files import control, counted, hwp, hwpx, listed, record


def hwp_text(*sections: bytes, flags: int = hwp_files.COMPRESSED) -> str:
    (page,) = read("문서.hwp", hwp(*sections, flags=flags))
    return page.text


def hwpx_text(*sections: str) -> str:
    (page,) = read("문서.hwpx", hwpx(*sections))
    return page.text


def p(content: str, shape: int = 0) -> str:
    inner = content if content.startswith("<") else t(content)
    return f'<hp:p paraPrIDRef="{shape}">{inner}</hp:p>'


def t(text: str, look: int = 0) -> str:
    return f'<hp:run charPrIDRef="{look}"><hp:t>{text}</hp:t></hp:run>'


def part(*paragraphs: str) -> str:
    return f"<hp:subList>{''.join(paragraphs)}</hp:subList>"


def test_a_document_without_shapes_or_with_lists_as_described_is_read() -> None:
    head = struct.pack("<HIHHHH", 1, 0, 0, 0, 1, 1) + bytes(18)  # six bytes, and the cell's place
    other = struct.pack("<HIHHHH", 1, 0, 1, 0, 1, 1) + bytes(18)
    inner = record(hwp_files.TABLE, 2) + record(hwp_files.LIST_HEADER, 2, head) + hwp_files.paragraph("가", 3)
    inner += record(hwp_files.LIST_HEADER, 2, other) + hwp_files.paragraph("나", 3)
    data = hwp(hwp_files.paragraph("\x0b", inner=control("tbl ", 1, inner)), info=b"")
    assert read("문서.hwp", data)[0].text == "| 가 | 나 |\n| --- | --- |"


HEADINGS = "# 제1장 총칙\n\n## 가. 목적\n\n본문\n\n# 제2장 벌칙\n\n## 가. 과태료"


def test_headings_have_their_numbers_and_sections_go_on() -> None:
    rows = [("총칙", 1), ("목적", 2), ("본문", 0)], [("벌칙", 1), ("과태료", 2)]
    first, second = (b"".join(hwp_files.paragraph(text, 0, shape) for text, shape in each) for each in rows)
    assert hwp_text(first, second) == HEADINGS
    assert hwp_text(first, second, flags=0) == HEADINGS
    assert hwpx_text(*("".join(p(text, shape) for text, shape in each) for each in rows)) == HEADINGS


def test_lists_have_their_numbers_and_bullets() -> None:
    assert hwpx_text(p("하나", 3) + p("둘", 3) + p("점", 4)) == "  가. 하나\n  나. 둘\n- 점"
    assert hwp_text(hwp_files.paragraph("하나", 0, 3) + hwp_files.paragraph("점", 0, 4)) == "제1장 하나\n- 점"


def test_digits_of_the_private_area_are_shown_as_circled() -> None:
    assert hwpx_text(p("\U000f02b1 도로, \U000f02b2 교량")) == "① 도로, ② 교량"


def test_raised_lowered_and_struck_text_is_marked() -> None:
    expected = "넓이 10^6 of H2O ~~900~~ 750원"
    text = "넓이 106 of H2O 900 750원"
    looks = [(0, 0), (5, 1), (6, 0), (11, 2), (12, 0), (14, 3), (17, 0)]
    assert hwp_text(hwp_files.paragraph(text, looks=looks)) == expected
    runs = [("넓이 10", 0), ("6", 1), (" of H", 4), ("2", 2), ("O ", 0), ("900", 3), (" 750원", 0)]
    assert hwpx_text(p("".join(t(*run) for run in runs))) == expected


MERGED = "| 부서 | 인원 |\n| --- | --- |\n| 총무 | 12 |\n| 총무 | 8 |"


def test_merged_cells_are_filled_in() -> None:
    cells = [(0, 0, 1, 1, "부서"), (0, 1, 1, 1, "인원"), (1, 0, 2, 1, "총무"), (1, 1, 1, 1, "12"), (2, 1, 1, 1, "8")]
    after = hwp_files.paragraph("다음")
    assert hwp_text(hwp_files.paragraph("\x0b", inner=hwp_files.table(1, cells)) + after) == f"{MERGED}\n\n다음"
    rows = ""
    for number in range(3):
        rows += "<hp:tr>"
        for row, column, high, wide, text in cells:
            if row == number:
                rows += f'<hp:tc>{part(p(text))}<hp:cellAddr colAddr="{column}" rowAddr="{row}"/>'
                rows += f'<hp:cellSpan colSpan="{wide}" rowSpan="{high}"/></hp:tc>'
        rows += "</hp:tr>"
    assert hwpx_text(p(f"<hp:run><hp:tbl>{rows}</hp:tbl></hp:run>") + p("다음")) == f"{MERGED}\n\n다음"


NOTES = "매출 45[^1] 억원[^e1]\n\n[^1]: 잠정치\n\n[^e1]: 세전\n\n다음"


def test_notes_stand_after_their_paragraph() -> None:
    inner = control("fn  ", 1, listed(2, hwp_files.paragraph("잠정치", 2)))
    inner += control("en  ", 1, listed(2, hwp_files.paragraph("세전", 2)))
    body = hwp_files.paragraph("매출 45\x11 억원\x11", inner=inner) + hwp_files.paragraph("다음")
    assert hwp_text(body) == NOTES
    foot = f"<hp:ctrl><hp:footNote>{part(p('잠정치'))}</hp:footNote></hp:ctrl>"
    end = f"<hp:ctrl><hp:endNote>{part(p('세전'))}</hp:endNote></hp:ctrl>"
    runs = f"<hp:run><hp:t>매출 45</hp:t>{foot}<hp:t> 억원</hp:t>{end}</hp:run>"
    assert hwpx_text(p(runs) + p("다음")) == NOTES


def test_headers_text_boxes_equations_and_readings_are_read_and_hidden_comments_are_not() -> None:
    text_box = record(0x4C, 2, b"\0" * 4) + listed(3, hwp_files.paragraph("글상자", 3))
    inner = control("head", 1, listed(2, hwp_files.paragraph("머리말", 2))) + control("gso ", 1, text_box)
    inner += control("tcmt", 1, listed(2, hwp_files.paragraph("숨은 설명", 2)))
    inner += control("eqed", 1, record(hwp_files.EQUATION, 2, bytes(4) + counted("{1} over {2}")))
    inner += control("tdut", 1, data=counted("東京") + counted("도쿄"))
    body = hwp_files.paragraph("\x10\x0b\x0f값 \x0b, \x17", inner=inner)
    expected = "값 1/2, 東京(도쿄)\n\n글상자\n\n머리말"
    assert hwp_text(body) == expected
    header = f"<hp:ctrl><hp:header>{part(p('머리말'))}</hp:header></hp:ctrl>"
    hidden = f"<hp:ctrl><hp:hiddenComment>{part(p('숨은 설명'))}</hp:hiddenComment></hp:ctrl>"
    box = f"<hp:rect><hp:drawText>{part(p('글상자'))}</hp:drawText></hp:rect>"
    equation = "<hp:equation><hp:script>{1} over {2}</hp:script></hp:equation>"
    reading = "<hp:dutmal><hp:mainText>東京</hp:mainText><hp:subText>도쿄</hp:subText></hp:dutmal>"
    runs = f"<hp:run>{header}{box}{hidden}<hp:t>값 </hp:t>{equation}<hp:t>, </hp:t>{reading}</hp:run>"
    assert hwpx_text(p(runs)) == expected


def test_deletions_are_left_out_and_memos_and_boxes_are_read() -> None:
    deleted = (
        "<hp:run><hp:t>기한 <hp:deleteBegin/>30<hp:deleteEnd/><hp:insertBegin/>45<hp:insertEnd/>일</hp:t></hp:run>"
    )
    memo = f'<hp:run><hp:ctrl><hp:fieldBegin type="MEMO">{part(p("확인"))}</hp:fieldBegin></hp:ctrl></hp:run>'
    boxes = (
        '<hp:run><hp:checkBtn value="CHECKED" caption="동의"/><hp:checkBtn value="UNCHECKED" caption="거부"/></hp:run>'
    )
    text = hwpx_text(p(deleted + memo) + p(boxes) + p("<hp:run><hp:t>가<hp:lineBreak/>나<hp:tab/>다</hp:t></hp:run>"))
    assert text == "기한 45일\n\nComment: 확인\n\n[x] 동의 [ ] 거부\n\n가\n나\t다"


def test_a_deletion_without_its_end_deletes_nothing() -> None:
    assert hwpx_text(p(t('가<hp:deleteBegin Id="1"/>나')) + p("다")) == "가나\n\n다"
    whole = p(t('가<hp:deleteBegin Id="1"/>나')) + p(t('다<hp:deleteEnd Id="1"/>라'))
    assert hwpx_text(whole) == "가\n\n라"


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("{a+b} over {2}", "(a+b)/2"),
        ("10^{6} times x_i", "10^6×x_i"),
        ("sqrt {27} = root {3} of {x}", "√(27) = ∛(x)"),
        ('"속도" ->0', "속도→0"),
    ],
)
def test_equations_are_written_on_one_line(script: str, text: str) -> None:
    assert equation_text(script) == text


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.hwp", hwp(hwp_files.paragraph("비밀"), flags=3), "password"),
        ("a.hwp", hwp(hwp_files.paragraph("배포"), flags=5), "for distribution"),
        ("a.hwpx", hwpx(p("비밀"), manifest="<manifest><encryption-data/></manifest>"), "password"),
        ("a.hwp", hwp(), "damaged"),
        ("a.hwpx", hwpx(), "damaged"),
        ("a.hwp", hwp(hwp_files.paragraph("")), "no text"),
        ("a.hwp", b"HWP Document File V3.00 \x1a\1\2\3\4\5", "not supported"),
    ],
)
def test_what_cant_be_read_is_said_in_a_sentence(name: str, data: bytes, said: str) -> None:
    with pytest.raises(ReadError, match=said) as caught:
        read(name, data)
    assert str(caught.value).startswith(name) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "section",
    [
        hwp_files.paragraph("끝")[:-3],
        struct.pack("<I", 0x42 | 1000 << 10 | 5 << 20) + b"short",
        hwp_files.paragraph("\x0b\x0b\x11", inner=control("tbl ", 1) + control("fn  ", 1)) + hwp_files.paragraph("끝"),
        b"".join(control("gso ", level) for level in range(1, 1000)),
    ],
)
def test_odd_records_do_no_harm(section: bytes) -> None:
    assert hwp_text(hwp_files.paragraph("처음"), section).startswith("처음")
