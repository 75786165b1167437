"""HTML pages as a browser shows them. Each page is made here."""

from __future__ import annotations

import pytest

from rag.readers.html import html_to_markdown, read_html


def body(markup: str) -> str:
    return html_to_markdown(f"<html><body>{markup}</body></html>")


@pytest.mark.parametrize(
    "hidden",
    [
        "<p hidden>secret</p>",
        '<p style="color: red; DISPLAY: none">secret</p>',
        '<div style="visibility:hidden"><p>secret</p></div>',
        "<style>.note .inner {display: none}</style><div class='note'><p class='inner big'>secret</p></div>",
        "<style>@media screen { #x { display: none } }</style><p id=x>secret</p>",
        "<style>h6 { display: none !important }</style><h6 style='display:block'>secret</h6>",
        '<span style="position:absolute; left:-9999px">secret</span>',
        '<p style="font-size:0">secret</p>',
        '<p style="color:#fff">secret</p>',
        "<template>secret</template>",
        "<!-- secret -->",
        "<dialog>secret</dialog>",
        '<input type="hidden" value="secret"><input type="password" value="secret">',
    ],
)
def test_a_hidden_block_is_left_out(hidden: str) -> None:
    assert body(f"<p>seen</p>{hidden}<p>after</p>") == "seen\n\nafter"


@pytest.mark.parametrize(
    "seen",
    [
        '<p aria-hidden="true">seen</p>',
        '<p hidden="until-found">seen</p>',
        "<style>@media print { p { display: none } }</style><p>seen</p>",
        "<style>.a {display: none} .a.b {display: block}</style><p class='a b'>seen</p>",
        '<div style="background: navy"><p style="color: white">seen</p></div>',
        '<div style="visibility:hidden">x<p style="visibility:visible">seen</p></div>',
        '<button aria-controls="p"></button><p id="p" style="display:none">seen</p>',
    ],
)
def test_a_block_that_a_browser_shows_stays(seen: str) -> None:
    assert body(seen) == "seen"


def test_words_on_buttons_and_summaries_are_text() -> None:
    text = body("<h2><button>When?</button></h2><p>Now.</p><details><summary>Why?</summary>So.</details>")
    assert text == "## When?\n\nNow.\n\nWhy?\n\nSo."


def test_fields_stand_with_their_labels_and_entries() -> None:
    form = (
        '<label>Name <input value="Ada"></label><p>Colour: <select><option>red<option selected>blue</select></p>'
        '<label for="c">Code</label> <input id="c" value="77"><p>Remarks:</p><textarea>none so far</textarea>'
    )
    assert body(form) == "Name: Ada\nColour: blue\nCode: 77\nRemarks: none so far"


@pytest.mark.parametrize(
    "boxes",
    [
        "<p>Tea <input type=checkbox checked> Milk <input type=checkbox></p>",
        "<p><input type=checkbox checked> Tea <input type=checkbox> Milk</p>",
        "<label><input type=radio checked> Tea</label><label><input type=radio> Milk</label>",
        '<p><input type=checkbox id=t checked><label for="t">Tea</label></p>'
        '<p><input type=checkbox id=m><label for="m">Milk</label></p>',
    ],
)
def test_a_box_is_ticked_or_not_before_its_label(boxes: str) -> None:
    assert body(boxes) == "[x] Tea\n[ ] Milk"


def test_the_rows_of_a_table_that_lays_out_a_form_are_fields() -> None:
    rows = "<tr><td>Name<td><input value=Ada><tr><td>Meal<td><input type=radio> Fish <input type=radio checked> Beef"
    rows += "<tr><td>News<td><input type=checkbox>"
    assert body(f"<table>{rows}</table>") == "Name: Ada\n\nMeal\n\n[ ] Fish\n[x] Beef\n[ ] News"


def test_entries_within_a_sentence_stay_there() -> None:
    assert body('<p>I, <input value="Ada">, live here.</p>') == "I, Ada , live here."


def test_cells_that_span_rows_and_columns_fill_what_they_cover() -> None:
    table = (
        "<table><caption>Fees</caption><thead><tr><th rowspan=2>Day<th colspan=2>Fee<tr><th>Old<th>New</thead>"
        "<tr><td rowspan=2>Mon<td>1<td>2<tr><td colspan=2>free</table>"
    )
    expected = "| Day | Fee Old | Fee New |\n| --- | --- | --- |\n| Mon | 1 | 2 |\n| Mon | free | free |"
    assert body(table) == f"Fees\n\n{expected}"


def test_a_table_within_a_table_has_rows_of_its_own() -> None:
    inner = "<table><tr><td>a<td>1<tr><td>b<td>2</table>"
    text = body(f"<table><tr><td>Left{inner}<td>Right</table>")
    assert "| a | 1 |\n| --- | --- |\n| b | 2 |" in text
    assert "\\|" not in text and text.startswith("Left") and text.endswith("Right")


def test_a_column_of_names_beside_one_of_values_is_fields() -> None:
    assert body("<table><tr><th>Born<td>1815<tr><th>Died<td>1852</table>") == "Born: 1815\nDied: 1852"


def test_the_last_row_over_all_columns_comes_after_the_table() -> None:
    text = body("<table><tr><th>a<th>b<tr><td>1<td>2<tfoot><tr><td colspan=2>As of May</tfoot></table>")
    assert text.endswith("| 1 | 2 |\n\nAs of May")


def test_raised_figures_arent_digits_of_the_number_before() -> None:
    text = body("<p>45<sup>1</sup> million, 10<sup>6</sup> m<sup>2</sup>, CO<sub>2</sub></p><p><sup>1</sup> Net.</p>")
    assert text == "45[^1] million, 10^6 m^2, CO2\n\n[^1]: Net."


def test_a_note_is_joined_to_its_mark_by_the_link() -> None:
    text = body('<p>Word<sup><a href="#n1">1</a></sup>.</p><ol><li id="n1"><a href="#r">^</a> The note.</li></ol>')
    assert text == "Word[^1].\n\n[^1]: The note."


def test_struck_text_is_marked() -> None:
    assert body("<p>Was <s>9 €</s> <b>7 €</b></p>") == "Was ~~9 €~~ 7 €"
    assert body("<style>.old{text-decoration:line-through}</style><p><i class=old>4 May</i> 5 May") == "~~4 May~~ 5 May"


def test_small_print_above_words_stands_in_brackets() -> None:
    assert body("<p><ruby>東<rp>(</rp><rt>とう</rt>京<rt>きょう</rt></ruby>へ</p>") == "東京(とうきょう)へ"


def test_a_formula_is_read_once() -> None:
    math = "<math><semantics><mi>v</mi><annotation>v</annotation></semantics></math>"
    assert body(f'<p>So {math}<span aria-hidden="true">v</span> is.</p>') == "So v is."


def test_boxes_beside_each_other_arent_glued() -> None:
    assert body("<ul><li><span>Weight</span><span>40 kg</span></li></ul>") == "- Weight 40 kg"
    assert body('<div style="display:flex"><b>Port</b><b>Lee</b></div>') == "Port\n\nLee"
    assert body("<div><span>89</span><span>.00</span></div>") == "89.00"
    assert body("<p><b>W</b>ord and <span>wo</span><span>rd</span></p>") == "Word and word"


def test_a_line_break_ends_the_line() -> None:
    assert body("<p>One<br>two</p>") == "One\ntwo"


@pytest.mark.parametrize(
    ("start", "signs"),
    [
        ("<ol>", "1. 2."),
        ('<ol start="7">', "7. 8."),
        ('<ol type="a">', "a. b."),
        ("<ol reversed>", "2. 1."),
        ('<ol style="list-style-type: upper-roman">', "I. II."),
        ("<ul>", "- -"),
    ],
)
def test_items_have_the_signs_that_are_printed(start: str, signs: str) -> None:
    first, second = signs.split()
    assert body(f"{start}<li>One<li>Two") == f"{first} One\n{second} Two"


def test_lists_within_lists_are_deeper() -> None:
    assert body("<ol><li>One<ul><li>Inner</ul><li value=5>Five</ol>") == "1. One\n  - Inner\n5. Five"


def test_terms_stand_before_their_definitions() -> None:
    assert body("<dl><dt>Weight<dd>4 kg<dt>Is it new?<dd>Yes.</dl>") == "Weight: 4 kg\n\nIs it new?\n\nYes."


def test_preformatted_lines_are_kept() -> None:
    assert body('<pre><code class="language-sh">a\n  b</code></pre>') == "```sh\na\n  b\n```"


def test_roles_name_the_parts_of_a_table() -> None:
    cells = '<div role="row"><div role="{0}">{1}</div><div role="{0}">{2}</div></div>'
    table = cells.format("columnheader", "City", "Staff") + cells.format("cell", "Ulm", "42")
    assert body(f'<div role="table">{table}</div>') == "| City | Staff |\n| --- | --- |\n| Ulm | 42 |"


def test_xhtml_with_empty_elements_and_named_entities_is_whole() -> None:
    head = '<html xmlns="http://www.w3.org/1999/xhtml"><head><title/><script src="x"/></head>'
    assert read_html(f"{head}<body>5&nbsp;&euro;</body></html>".encode()) == "5\u00a0€"


def test_a_page_deeper_than_the_parser_allows_keeps_its_words() -> None:
    assert read_html(b"<div>" * 5000 + b"deep" + b"</div>" * 5000 + b"<p>after") == "deep\n\nafter"
