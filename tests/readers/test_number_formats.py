"""Number formats of spreadsheets: numbers, fractions, dates, durations, conditions."""

from __future__ import annotations

import pytest

from rag.readers.number_formats import BUILT_IN, shown, shown_text


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (0.075, "0.0%", "7.5%"),
        (1234.5, "#,##0.00 [$€-407]", "1,234.50 €"),
        (-120, "#,##0;(#,##0)", "(120)"),
        (56700, '"$"#,##0', "$56,700"),
        (-56700, '_("$"* #,##0_);_("$"* (#,##0);_("$"* "-"??_);_(@_)', "$ (56,700)"),
        (0, '_("$"* #,##0_);_("$"* (#,##0);_("$"* "-"??_);_(@_)', "$ -"),
        (1234567, '0.0,,"M"', "1.2M"),
        (420, "00000", "00420"),
        (5551234567, "(000) 000-0000", "(555) 123-4567"),
        (2.675, "0.00", "2.68"),
        (-0.3, "0", "0"),
        (0, "0;-0;;@", ""),
        (150, '[>=100]"high "0;[<50]"low "0;0', "high 150"),
        (10, '[>=100]"high "0;[<50]"low "0;0', "low 10"),
        (-5, '[Red][<0]"minus "0;0', "minus 5"),
        (1.5, "# ?/?", "1 1/2"),
        (0.125, "# ?/8", "1/8"),
        (12345, "0.00E+00", "1.23E+04"),
        (0.00012, "##0.0E+0", "120.0E-6"),
        (12, '0" pcs"', "12 pcs"),
        (3.14159, "0.0##", "3.142"),
        (1, '"Yes";;"No"', "Yes"),
        (1234567890123456, "General", "1234567890123456"),
        (0.1 + 0.2, "General", "0.3"),
        (1 / 3, "General", "0.333333333"),
        (1234.5678901, "General", "1234.56789"),
        (9.5e20, "General", "9.5E+20"),
        (125.5, 'General" kg"', "125.5 kg"),
        (1.260416666666667, "[h]:mm", "30:15"),
        (1.5, "[mm]:ss", "2160:00"),
        (0.6041666666666666, "hh:mm", "14:30"),
        (45356, "dd/mm/yyyy", "05/03/2024"),
        (45356, "[$-409]d-mmm-yyyy;@", "5-Mar-2024"),
        (45356, BUILT_IN[14], "2024-03-05"),
        (45962, "mmm-yy", "Nov-25"),
        (45351.37847222222, "dd.mm.yyyy hh:mm", "29.02.2024 09:05"),
        (45356.75, 'yyyy"년" m"월" d"일"', "2024년 3월 5일"),
        (0.75, "[$-412]AM/PM h:mm", "오후 6:00"),
        (0.75, "h:mm AM/PM", "6:00 PM"),
        (45356, "[$-407]dddd, d. mmmm yyyy", "Dienstag, 5. März 2024"),
        (45356, "[$-40C]mmm-yy", "mar-24"),
        (45356, "[$-411]m月d日(aaa)", "3月5日(火)"),
        (45356, "dddd d mmm", "Tuesday 5 Mar"),
        (-1, "yyyy-mm-dd", "-1"),
        (1e300, "0" * 600, "1E+300"),
    ],
)
def test_a_number_is_written_as_its_format_shows_it(value: float, code: str, text: str) -> None:
    assert shown(value, code) == text


def test_dates_count_from_1904_where_the_workbook_says_so() -> None:
    assert shown(43894, "yyyy-mm-dd", from_1904=True) == "2024-03-05"


def test_a_text_is_written_as_its_format_shows_it() -> None:
    assert [shown_text("x", code) for code in ('"Dept. "@', ";;;", "0.0", "0;0;0;@")] == ["Dept. x", "", "x", "x"]
