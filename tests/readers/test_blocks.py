"""What holds for every block, whatever is in it: nothing is lost, nothing runs together, no form is mistaken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.text.blocks import (
    Block,
    Code,
    Field,
    Footnote,
    Heading,
    Item,
    Paragraph,
    Remark,
    Table,
    Tick,
    joined_header,
    lowered,
    note_mark,
    page_text,
    raised,
    struck,
    table_lines,
    with_reading,
    written,
)
from rag.text.written import cells_of, is_rule, marks_in, notes_by_mark, without_marks

BOUNDED = settings(max_examples=80, deadline=None, database=None)

# Words without signs of Markdown, in a few writing systems.
WORDS = st.lists(st.text("abzÉ가見9.,", min_size=1, max_size=6), min_size=1, max_size=5).map(" ".join)
# Texts of any characters that stay in a document's text.
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t|\\"), max_size=30)
CELLS = st.one_of(st.just(""), TEXTS)
ROWS = st.lists(st.lists(CELLS, max_size=6), max_size=8)
FIGURES = st.integers(0, 999).map(str)
MARKS = st.one_of(FIGURES, st.sampled_from("abcdefghlmz"))


def one_line(text: str) -> str:
    return " ".join(text.split())


@st.composite
def blocks(draw: st.DrawFn) -> tuple[Block, list[str]]:
    """A block, and the texts that a reader of the page must find, in their order."""
    first, second = draw(WORDS), draw(WORDS)
    return draw(
        st.sampled_from(
            [
                (Heading(first, draw(st.integers(-1, 9))), [first]),
                (Paragraph(first), [first]),
                (Item(first, draw(st.sampled_from(["-", "3.", "(a)", "제1조"])), draw(st.integers(0, 4))), [first]),
                (Table([[first, "x"], [second, "y"]]), [first, second]),
                (Table([[first], [second]], 2, "in millions"), ["in millions", first]),
                (Code(f"{first}\n  {second}"), [first, second]),
                (Field(first.rstrip(":., "), second), [second]),
                (Tick(first, draw(st.booleans())), [first]),
                (Footnote("1", first), [first]),
                (Remark("Comment", first, "Anna"), ["Anna", first]),
            ]
        )
    )


# --- pages


@BOUNDED
@given(st.lists(blocks(), max_size=8))
def test_a_page_has_the_text_of_all_its_blocks_in_their_order(content: list[tuple[Block, list[str]]]) -> None:
    page = page_text(block for block, _ in content)
    place = 0
    for _, texts in content:
        for text in texts:
            place = page.find(text, place)
            assert place >= 0, text
            place += len(text)
    assert not page.startswith("\n") and not page.endswith("\n")
    assert "\n\n\n" not in page


@BOUNDED
@given(st.lists(blocks(), max_size=6))
def test_blocks_without_text_leave_no_gap(content: list[tuple[Block, list[str]]]) -> None:
    sound = [block for block, _ in content]
    empty = [Paragraph(" "), Heading("\n"), Table([["", " "], []]), Code("\n"), Field("", " ")]
    assert page_text([*empty, *(each for block in sound for each in (block, *empty))]) == page_text(sound)


@BOUNDED
@given(TEXTS, st.integers(-3, 20))
def test_a_heading_is_one_line_of_a_level_that_exists(text: str, level: int) -> None:
    line = written(Heading(text, level))
    assert line == "" if not text.strip() else re.fullmatch(r"#{1,6} \S.*", line)
    assert len(line.splitlines()) <= 1


def test_items_and_fields_stand_close_and_other_blocks_apart() -> None:
    page = page_text(
        [
            Paragraph("Bring:"),
            Item("rope", "1."),
            Item("two\nlines", "(a)", 1),
            Field("Name:", "Ada"),
            Tick("member", True),
            Tick("guest", False),
            Paragraph("Thanks."),
        ]
    )
    assert page == ("Bring:\n\n1. rope\n  (a) two\n    lines\n\nName: Ada\n[x] member\n[ ] guest\n\nThanks.")


@BOUNDED
@given(TEXTS, st.sampled_from(["", "python"]))
def test_code_comes_out_of_its_fence_as_it_went_in(text: str, language: str) -> None:
    lines = written(Code(text, language)).split("\n")
    if not text.strip():
        assert lines == [""]
        return
    fence = lines[-1]
    assert set(fence) == {"`"} and lines[0] == fence + language
    assert "\n".join(lines[1:-1]) == text.strip("\n")
    assert fence not in text


def test_forms_of_the_documentation_are_those_that_are_written() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "reading.md").read_text("utf-8")
    forms = [
        written(Heading("2.1 Liability", 2)),
        written(Item("three", "3.")),
        written(Item("rope", "(a)")),
        written(Item("boat")),
        next(table_lines([["", "2023", "2023"], ["Item", "Q1", "Q2"], ["Fees", "9", "10"]], 2)).replace("|", "\\|"),
        written(Field("Name:", "Ada")),
        written(Tick("member", True)),
        written(Tick("guest", False)),
        "45" + raised("45", "1"),
        written(Footnote("1", "unaudited")),
        "10" + raised("10", "6"),
        "m" + raised("m", "2"),
        "x" + lowered("x", "i"),
        "CO" + lowered("CO", "2"),
        struck("900 crowns"),
        with_reading("東京", "とうきょう"),
        written(Remark("Comment", "ask Legal", "Anna")),
        written(Remark("Notes", "say it slowly")),
    ]
    assert [form for form in forms if f"`{form}`" not in page] == []


# --- tables


@BOUNDED
@given(ROWS, st.integers(0, 3))
def test_all_lines_of_a_table_have_as_many_cells(rows: list[list[str]], header_rows: int) -> None:
    lines = list(table_lines(rows, header_rows))
    if not any(cell.strip() for row in rows for cell in row):
        assert lines == []
        return
    assert is_rule(lines[1]) and not is_rule(lines[0])
    assert len({len(cells_of(line)) for line in lines}) == 1
    assert all(line.startswith("|") and line.endswith("|") and "\n" not in line for line in lines)


@BOUNDED
@given(ROWS, st.integers(0, 3))
def test_each_cell_of_a_table_is_in_its_row_and_its_column(rows: list[list[str]], header_rows: int) -> None:
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    lines = list(table_lines(rows, header_rows))
    assert len(lines) == (2 + len(filled[header_rows:]) if filled else 0)
    for row, line in zip(filled[header_rows:], lines[2:], strict=True):
        cells = cells_of(line)
        expected = [one_line(cell).replace("\\|", "|") for cell in row]
        assert cells[: len(expected)] == expected[: len(cells)]
        assert not any(expected[len(cells) :]) and not any(cells[len(expected) :])


@BOUNDED
@given(st.lists(st.lists(WORDS | st.just(""), max_size=5), max_size=4))
def test_a_joined_head_has_each_text_of_a_column_once(rows: list[list[str]]) -> None:
    head = joined_header(rows)
    assert len(head) == max(map(len, rows), default=0)
    for index, joined in enumerate(head):
        texts = list(dict.fromkeys(row[index] for row in rows if index < len(row) and row[index]))
        assert joined == " ".join(texts)


def test_a_tall_head_becomes_one_line_and_the_title_stands_above() -> None:
    rows = [["", "2023", "2023"], ["Item", "Q1", "Q2"], ["Fees", "9", "10"]]
    assert written(Table(rows, 2, "Revenue (in millions)")) == (
        "Revenue (in millions)\n\n| Item | 2023 Q1 | 2023 Q2 |\n| --- | --- | --- |\n| Fees | 9 | 10 |"
    )


def test_a_table_without_a_head_has_an_empty_one() -> None:
    assert list(table_lines([["a", "1"]], 0)) == ["|  |  |", "| --- | --- |", "| a | 1 |"]


# --- figures that are raised and lowered


@BOUNDED
@given(WORDS, FIGURES, FIGURES)
def test_a_raised_figure_never_joins_the_number_before_it(words: str, number: str, mark: str) -> None:
    text = raised(f"{words} {number}", mark)
    assert text.startswith(("^", "[^"))
    assert mark in text


@BOUNDED
@given(WORDS, FIGURES, FIGURES)
def test_a_lowered_figure_never_joins_the_number_before_it(words: str, number: str, mark: str) -> None:
    assert lowered(f"{words} {number}", mark) == f"_{mark}"


@BOUNDED
@given(WORDS, st.lists(MARKS, min_size=1, max_size=3, unique=True))
def test_marks_of_notes_are_read_as_they_were_written(words: str, marks: list[str]) -> None:
    text = f"{words} revenue" + raised(f"{words} revenue", ", ".join(marks))
    assert marks_in(text) == marks
    assert without_marks(text) == f"{words} revenue"


@BOUNDED
@given(MARKS, WORDS)
def test_a_note_is_found_by_its_mark(mark: str, text: str) -> None:
    page = page_text([Paragraph(f"Revenue{note_mark(mark)} rose."), Footnote(mark, text)])
    assert notes_by_mark(page) == {mark: f"{note_mark(mark)}: {one_line(text)}"}


@pytest.mark.parametrize(
    ("before", "mark", "shown"),
    [
        ("about 10", "6", "^6"),
        ("10", "-3", "^-3"),
        ("5 m", "2", "^2"),
        ("20 km", "2", "^2"),
        ("y = x", "2", "^2"),
        ("x", "n", "^n"),
        ("Turnover 45", "1", "[^1]"),
        ("in 2010", "2", "[^2]"),
        ("1,810", "6", "[^6]"),
        ("the fee", "a", "[^a]"),
        ("the fee", "(1), (2)", "[^1][^2]"),
        ("the 1", "st", "st"),
        ("le 1", "er", "er"),
        ("Docent", "™", "™"),
        ("the fee", "*", "*"),
        ("", "1", "1"),
    ],
)
def test_exponents_notes_and_ordinals_are_told_apart(before: str, mark: str, shown: str) -> None:
    assert raised(before, mark) == shown


@pytest.mark.parametrize(
    ("before", "mark", "shown"),
    [("CO", "2", "2"), ("Fe", "3", "3"), ("(OH)", "2", "2"), ("x", "i", "_i"), ("log", "10", "_10"), ("x", " ", "")],
)
def test_formulas_of_chemistry_keep_their_figures(before: str, mark: str, shown: str) -> None:
    assert lowered(before, mark) == shown


# --- text that is struck through, and readings


@BOUNDED
@given(TEXTS)
def test_text_that_is_struck_through_is_marked_once(text: str) -> None:
    marked = struck(text)
    assert marked.count("~~") == (2 if text.strip().replace("~~", "") else text.count("~~"))
    assert struck(marked) == marked or not text.strip()
    assert marked[: len(marked) - len(marked.lstrip())] == text[: len(text) - len(text.lstrip())]


@BOUNDED
@given(WORDS, WORDS)
def test_text_that_is_struck_through_is_left_out_of_what_is_checked(before: str, text: str) -> None:
    assert without_marks(f"{before} {struck(text)}.") == f"{before}."


def test_a_reading_stands_in_brackets_and_an_empty_one_nowhere() -> None:
    assert with_reading("東京", " とうきょう ") == "東京(とうきょう)"
    assert with_reading("東京", " ") == "東京"
