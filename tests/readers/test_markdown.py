"""Markdown as it is shown."""

from __future__ import annotations

from rag.readers.markdown import shown_markdown


def test_the_head_of_a_file_becomes_its_title_and_fields() -> None:
    text = shown_markdown('---\ntitle: "Guide"\nauthor: Ada\ntags:\n  - a\n  - b\n---\nText')
    assert text == "# Guide\n\nauthor: Ada\ntags: a, b\n\nText"
    assert shown_markdown('+++\nauthor = "Ada"\n+++\nText') == "author: Ada\n\nText"


def test_a_rule_at_the_beginning_is_no_head() -> None:
    assert shown_markdown("---\nJust text here\n---\nMore") != ""
    assert "Just text here" in shown_markdown("---\nJust text here\n---\nMore")


def test_comments_entities_and_tags_are_as_shown() -> None:
    source = "5&nbsp;bar &amp; 60&deg;C\n\n<!-- old -->\n\n"
    source += "<table><tr><th>a<th>b<tr><td>1<td>2</table>\n\nH<sub>2</sub>O \\$4"
    assert shown_markdown(source) == "5\u00a0bar & 60°C\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\nH2O $4"


def test_underlined_headings_become_headings_without_attributes() -> None:
    assert shown_markdown("Site\n====\n\nHall {#h}\n----\n\ntext") == "# Site\n\n## Hall\n\ntext"


def test_code_keeps_its_comments_in_a_fence() -> None:
    assert shown_markdown("```sh\n# no heading\n```") == "```sh\n# no heading\n```"


def test_links_become_their_texts_and_lines_stay() -> None:
    assert shown_markdown("See [the plan][p]\nand [b](http://x/).\n\n[p]: http://y/") == "See the plan\nand b."


def test_notes_tasks_and_struck_text_keep_their_marks() -> None:
    source = "A[^1] ~~b~~\n\n- [x] c\n- [ ] d\n\n[^1]: Note"
    assert shown_markdown(source) == "A[^1] ~~b~~\n\n- [x] c\n- [ ] d\n\n[^1]: Note"


def test_bars_in_cells_stay_escaped_and_numbers_are_counted() -> None:
    assert shown_markdown("| a | b |\n|-|-|\n| x \\| y | 2 |") == "| a | b |\n| --- | --- |\n| x \\| y | 2 |"
    assert shown_markdown("3. a\n3. b") == "3. a\n4. b"


def test_a_quoted_remark_names_its_kind_as_it_is_shown() -> None:
    assert shown_markdown("> [!WARNING]\n> Hot!") == "Warning\nHot!"
