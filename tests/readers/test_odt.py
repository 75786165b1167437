"""OpenDocument texts as they are printed: list numbers, notes, hidden and deleted text. All files are made here."""

from __future__ import annotations

import io
import zipfile

import pytest

from rag.readers.read import read

NAMES = " ".join(
    f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{full}:1.0"'
    for short, full in [
        *((name, name) for name in ("office", "text", "table", "style", "form")),
        ("draw", "drawing"),
        ("fo", "xsl-fo-compatible"),
    ]
)
NAMES += ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xlink="http://www.w3.org/1999/xlink"'
NAMES += ' xmlns:loext="urn:org:documentfoundation:names:experimental:office:xmlns:loext:1.0"'
STYLES = """
<style:style style:name="Free" style:family="paragraph" style:list-style-name=""/>
<style:style style:name="Up" style:family="text"><style:text-properties style:text-position="super 58%"/></style:style>
<style:style style:name="Down" style:family="text"><style:text-properties style:text-position="-33% 58%"/></style:style>
<style:style style:name="Struck" style:family="text">
  <style:text-properties style:text-line-through-style="solid"/></style:style>
<style:style style:name="Hidden" style:family="text"><style:text-properties text:display="none"/></style:style>
<style:style style:name="Quiet" style:family="paragraph"><style:text-properties text:display="none"/></style:style>
<text:list-style style:name="L1">
  <text:list-level-style-number text:level="1" style:num-format="1" style:num-suffix="."/>
  <text:list-level-style-number text:level="2" style:num-format="a" style:num-prefix="(" style:num-suffix=")"/>
</text:list-style>
<text:list-style style:name="L2"><text:list-level-style-bullet text:level="1" text:bullet-char="•"/></text:list-style>
"""
OUTLINE = """<office:styles><text:outline-style style:name="Outline">
<text:outline-level-style text:level="1" style:num-format="1"/>
<text:outline-level-style text:level="2" style:num-format="1" text:display-levels="2"/>
<text:outline-level-style text:level="3" style:num-format=""/></text:outline-style></office:styles>"""


def odt(body: str, *, common: str = "", parts: dict[str, str] | None = None) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        package.writestr("META-INF/manifest.xml", "<manifest/>")
        package.writestr("styles.xml", f"<office:document-styles {NAMES}>{common}</office:document-styles>")
        package.writestr(
            "content.xml",
            f"<office:document-content {NAMES}><office:automatic-styles>{STYLES}</office:automatic-styles><office:body>"
            f"<office:text>{body}</office:text></office:body></office:document-content>",
        )
        for name, part in (parts or {}).items():
            package.writestr(name, part)
    return target.getvalue()


def text_of(body: str, *, common: str = "", parts: dict[str, str] | None = None) -> str:
    (page,) = read("a.odt", odt(body, common=common, parts=parts))
    return page.text


def p(content: str, style: str = "") -> str:
    return f'<text:p text:style-name="{style}">{content}</text:p>'


def span(text: str, style: str) -> str:
    return f'<text:span text:style-name="{style}">{text}</text:span>'


def items(*texts: str, more: str = "", style: str = "L1") -> str:
    inner = "".join(f"<text:list-item>{text if text.startswith('<') else p(text)}</text:list-item>" for text in texts)
    return f'<text:list text:style-name="{style}" {more}>{inner}</text:list>'


def test_lists_have_their_numbers_and_may_go_on() -> None:
    inner = p("Third") + items("Deeper", "Too").replace(' text:style-name="L1" ', "")
    body = items("First", "Second", more='xml:id="a"') + p("A remark.") + items(inner, more='text:continue-list="a"')
    assert text_of(body) == "1. First\n2. Second\n\nA remark.\n\n3. Third\n  (a) Deeper\n  (b) Too"
    assert text_of(items("One") + p("Stop.") + items("One again")) == "1. One\n\nStop.\n\n1. One again"
    again = items("Two", more='text:continue-numbering="true"')
    assert text_of(items("One") + p("Stop.") + again) == "1. One\n\nStop.\n\n2. Two"
    assert text_of(items("Dot", style="L2")) == "- Dot"


def test_headings_have_the_numbers_of_the_outline() -> None:
    heading = '<text:h text:outline-level="{}">{}</text:h>'
    rows = [(1, "Scope"), (2, "Parties"), (1, "Terms"), (2, "Liability"), (3, "Plain")]
    text = text_of("".join(heading.format(*row) for row in rows), common=OUTLINE)
    assert text == "# 1 Scope\n\n## 1.1 Parties\n\n# 2 Terms\n\n## 2.1 Liability\n\n### Plain"
    free = '<text:h text:style-name="Free" text:outline-level="1">Preface</text:h>'
    assert text_of(free + heading.format(1, "Scope"), common=OUTLINE) == "# Preface\n\n# 1 Scope"


def test_deleted_text_is_left_out_and_notes_and_comments_stand_at_their_place() -> None:
    changes = "<text:tracked-changes><text:changed-region><text:deletion><text:p>610 crowns</text:p></text:deletion>"
    changes += "</text:changed-region></text:tracked-changes>"
    note = '<text:note text:note-class="footnote"><text:note-citation>1</text:note-citation><text:note-body>'
    note += f"{p('Without heating.')}</text:note-body></text:note>"
    comment = f"<office:annotation><dc:creator>Iga</dc:creator><dc:date>2024</dc:date>{p('Ask.')}</office:annotation>"
    text = text_of(changes + p(f"640 crowns{note} a month{comment}.") + p("Next."))
    assert text == "640 crowns[^1] a month.\n\n[^1]: Without heating.\n\nComment (Iga): Ask.\n\nNext."


@pytest.mark.parametrize(
    "hidden",
    [
        span("ghost", "Hidden"),
        '<text:hidden-text text:is-hidden="true" text:string-value="ghost">ghost</text:hidden-text>',
        '<text:hidden-text text:condition="ooow:true" text:string-value="ghost">ghost</text:hidden-text>',
        '<text:variable-set text:display="none">ghost</text:variable-set>',
    ],
)
def test_hidden_text_is_left_out(hidden: str) -> None:
    assert text_of(p(f"Seen {hidden}.")) == "Seen ."


def test_text_whose_condition_to_hide_it_fails_is_read() -> None:
    shown = '<text:hidden-text text:condition="ooow:false" text:string-value="seen">seen</text:hidden-text>'
    assert text_of(p(f"It is {shown}.")) == "It is seen."


def test_a_table_of_contents_is_one_block() -> None:
    entries = p("Scope<text:tab/>3") + p("Terms<text:tab/>5")
    source = "<text:table-of-content-source><text:index-title-template>Contents</text:index-title-template>"
    contents = f"{source}</text:table-of-content-source><text:index-body>{entries}</text:index-body>"
    text = text_of(f"<text:table-of-content>{contents}</text:table-of-content>" + p("Text."))
    assert text == "Scope\t3\nTerms\t5\n\nText."


def test_hidden_paragraphs_and_sections_are_left_out() -> None:
    section = f'<text:section text:display="none">{p("ghost")}</text:section>'
    shown = f"<text:section>{p('In a section.')}</text:section>"
    quiet = p('<text:hidden-paragraph text:is-hidden="true"/>ghost')
    assert text_of(section + quiet + p("ghost", "Quiet") + shown) == "In a section."


def test_raised_lowered_and_struck_text_is_marked_and_breaks_are_breaks() -> None:
    body = p(f"Area 10{span('6', 'Up')} of H{span('2', 'Down')}O, 45{span('1', 'Up')}")
    body += p(f"Fee {span('900', 'Struck')} 750") + p('C<text:line-break/>D<text:tab/>E<text:s text:c="2"/>F')
    assert text_of(body) == "Area 10^6 of H2O, 45[^1]\n\nFee ~~900~~ 750\n\nC\nD\tE  F"


def test_merged_cells_are_filled_in_and_rows_of_the_head_are_joined() -> None:
    def cell(text: str, more: str = "") -> str:
        return f"<table:table-cell {more}>{p(text)}</table:table-cell>"

    covered = "<table:covered-table-cell/>"
    two = 'table:number-columns-spanned="2"'
    head = f"<table:table-row>{cell('Ward')}{cell('2023', two)}{covered}</table:table-row>"
    head += f"<table:table-row>{cell('')}{cell('Q1')}{cell('Q2')}</table:table-row>"
    tall = 'table:number-rows-spanned="2"'
    body = f"<table:table-row>{cell('East', tall)}{cell('8 | 9')}{cell('2')}"
    body += f"</table:table-row><table:table-row>{covered}{cell('3')}{cell('4')}</table:table-row>"
    table = f"<table:table><table:table-header-rows>{head}</table:table-header-rows>{body}</table:table>"
    assert text_of(table).split("\n") == [
        "| Ward | 2023 Q1 | 2023 Q2 |",
        "| --- | --- | --- |",
        "| East | 8 \\| 9 | 2 |",
        "| East | 3 | 4 |",
    ]


def test_headers_and_footers_come_last_without_page_numbers() -> None:
    master = f"<style:header>{p('File L-22')}</style:header><style:footer>{p('Page 1')}{p('Norrby')}</style:footer>"
    master += f'<style:header-first style:display="false">{p("Unseen")}</style:header-first>'
    common = f"<office:master-styles><style:master-page>{master}</style:master-page></office:master-styles>"
    assert text_of(p("Body"), common=common) == "Body\n\nFile L-22\nNorrby"


def test_frames_forms_and_furigana_are_read() -> None:
    forms = '<office:forms><form:form><form:checkbox form:id="c1" form:label="Nuts" form:current-state="checked"/>'
    forms += '<form:text form:id="c2" form:current-value="Ada"/></form:form></office:forms>'
    body = forms + p('<draw:control draw:control="c1"/>') + p('Name: <draw:control draw:control="c2"/>')
    body += p("<draw:frame><draw:text-box>" + p("Keep dry.") + "</draw:text-box></draw:frame>")
    body += p('<loext:content-control loext:checkbox="true" loext:checked="false">☐</loext:content-control> Late')
    body += p("<text:ruby><text:ruby-base>東京</text:ruby-base><text:ruby-text>とうきょう</text:ruby-text></text:ruby>")
    assert text_of(body) == "[x] Nuts\n\nName: Ada\n\nKeep dry.\n\n[ ] Late\n\n東京(とうきょう)"


def test_a_chart_is_read_as_its_table() -> None:
    def row(*cells: str) -> str:
        inner = "".join(f"<table:table-cell>{p(cell)}</table:table-cell>" for cell in cells)
        return f"<table:table-row>{inner}</table:table-row>"

    part = (
        f'<office:document-content {NAMES} xmlns:chart="urn:oasis:names:tc:opendocument:xmlns:chart:1.0"><office:body>'
        f"<office:chart><chart:chart><chart:title>{p('Sales')}</chart:title><table:table><table:table-header-rows>"
        f"{row('', 'Tons')}</table:table-header-rows>{row('North', '3')}{row('South', '4')}</table:table></chart:chart>"
        "</office:chart></office:body></office:document-content>"
    )
    frame = '<draw:frame><draw:object xlink:href="./Object 1"/></draw:frame>'
    text = text_of(p(f"See {frame}"), parts={"Object 1/content.xml": part})
    assert text == "See\n\nSales\n\n|  | Tons |\n| --- | --- |\n| North | 3 |\n| South | 4 |"


def test_formulas_are_written_on_one_line() -> None:
    part = (
        '<math xmlns="http://www.w3.org/1998/Math/MathML"><semantics><mrow><mi>x</mi><mo>=</mo><mfrac><mn>1</mn>'
        "<mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow></mfrac><mo>+</mo><msup><mn>10</mn><mn>6</mn></msup><mo>+</mo>"
        "<msqrt><mn>27</mn></msqrt></mrow><annotation>x = 1 over a</annotation></semantics></math>"
    )
    frame = '<draw:frame><draw:object xlink:href="./Object 1"/></draw:frame>'
    text = text_of(p(f"So {frame}."), parts={"Object 1/content.xml": part})
    assert text == "So x = 1/(a+b)+10^6+√(27)."
