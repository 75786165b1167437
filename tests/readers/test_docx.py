"""Word documents as they are printed: numbers, fields, boxes, notes, hidden and deleted text. All files are made."""

from __future__ import annotations

import io
import zipfile

import pytest

from rag.readers.notices import collecting
from rag.readers.read import read

OPEN = "http://schemas.openxmlformats.org"
NAMES = (
    f'xmlns:w="{OPEN}/wordprocessingml/2006/main" xmlns:m="{OPEN}/officeDocument/2006/math" '
    f'xmlns:r="{OPEN}/officeDocument/2006/relationships" xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml"'
)
STYLES = """
<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style>
<w:style w:type="paragraph" w:styleId="H1"><w:name w:val="heading 1"/></w:style>
<w:style w:type="paragraph" w:styleId="H2"><w:name w:val="heading 2"/></w:style>
<w:style w:type="paragraph" w:styleId="Clause"><w:name w:val="Clause"/><w:basedOn w:val="H2"/></w:style>
<w:style w:type="paragraph" w:styleId="Quiet"><w:name w:val="Quiet"/><w:rPr><w:vanish/></w:rPr></w:style>
<w:style w:type="character" w:styleId="Secret"><w:name w:val="Secret"/><w:rPr><w:vanish/></w:rPr></w:style>
<w:style w:type="character" w:styleId="Base"><w:name w:val="Base"/><w:rPr><w:strike/></w:rPr></w:style>
<w:style w:type="character" w:styleId="Old"><w:name w:val="Old"/><w:basedOn w:val="Base"/></w:style>
"""


def docx(body: str, **parts: str | bytes) -> bytes:
    """A document with the paragraphs `body`. A part is the inner XML of styles, numbering …, or a whole file by its
    name with `_` for the dot."""
    roots = {"footnotes": "footnotes", "endnotes": "endnotes", "header1": "hdr", "header2": "hdr"}
    written: dict[str, str | bytes] = {"styles": STYLES, **parts}
    relations = "".join(
        f'<Relationship Id="{name}" Type="{OPEN}/officeDocument/2006/relationships/{name.rstrip("12")}" '
        f'Target="{name.replace("_", ".") if "_" in name else name + ".xml"}"/>'
        for name in written
    )
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as package:
        package.writestr("[Content_Types].xml", f'<Types xmlns="{OPEN}/package/2006/content-types"/>')
        package.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{OPEN}/package/2006/relationships"><Relationship Id="r1" '
            f'Target="word/document.xml" Type="{OPEN}/officeDocument/2006/relationships/officeDocument"/>'
            "</Relationships>",
        )
        package.writestr("word/document.xml", f"<w:document {NAMES}><w:body>{body}</w:body></w:document>")
        package.writestr(
            "word/_rels/document.xml.rels",
            f'<Relationships xmlns="{OPEN}/package/2006/relationships">{relations}</Relationships>',
        )
        for name, part in written.items():
            if "_" in name:
                package.writestr(f"word/{name.replace('_', '.')}", part)
            else:
                root = roots.get(name, name)
                package.writestr(f"word/{name}.xml", f"<w:{root} {NAMES}>{part!s}</w:{root}>")
    return target.getvalue()


def text_of(body: str, **parts: str | bytes) -> str:
    (page,) = read("a.docx", docx(body, **parts))
    return page.text


def run(text: str, look: str = "") -> str:
    return f'<w:r><w:rPr>{look}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def para(content: str, properties: str = "") -> str:
    return (
        f"<w:p><w:pPr>{properties}</w:pPr>{content if content.startswith('<') or not content else run(content)}</w:p>"
    )


def in_list(text: str, list_id: int, level: int = 0, style: str = "") -> str:
    marked = f'<w:pStyle w:val="{style}"/>' if style else ""
    return para(text, f'{marked}<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{list_id}"/></w:numPr>')


def level(number: int, form: str, text: str, more: str = "") -> str:
    shown = f'<w:numFmt w:val="{form}"/>{more}<w:lvlText w:val="{text}"/>'
    return f'<w:lvl w:ilvl="{number}"><w:start w:val="1"/>{shown}</w:lvl>'


def numbering(*definitions: str, more: str = "") -> str:
    lists = "".join(f'<w:abstractNum w:abstractNumId="{n}">{d}</w:abstractNum>' for n, d in enumerate(definitions))
    uses = "".join(f'<w:num w:numId="{n + 1}"><w:abstractNumId w:val="{n}"/></w:num>' for n in range(len(definitions)))
    return lists + uses + more


# --- Lists and headings


def test_headings_have_the_numbers_that_are_printed() -> None:
    outline = level(0, "decimal", "%1") + level(1, "decimal", "%1.%2")
    body = in_list("Scope", 1, 0, "H1") + in_list("Parties", 1, 1, "H2") + in_list("Terms", 1, 0, "H1") + para("Text.")
    text = text_of(body + in_list("Liability", 1, 1, "Clause"), numbering=numbering(outline))
    assert text == "# 1 Scope\n\n## 1.1 Parties\n\n# 2 Terms\n\nText.\n\n## 2.1 Liability"


def test_a_style_gives_its_headings_their_numbers() -> None:
    styles = (
        '<w:style w:type="paragraph" w:styleId="A"><w:name w:val="heading 1"/><w:pPr><w:numPr><w:numId w:val="1"/>'
        '</w:numPr></w:pPr></w:style><w:style w:type="paragraph" w:styleId="B"><w:name w:val="heading 2"/>'
        '<w:basedOn w:val="A"/></w:style>'
    )
    outline = level(0, "upperRoman", "%1.", '<w:pStyle w:val="A"/>')
    outline += level(1, "decimal", "%1.%2", '<w:pStyle w:val="B"/><w:isLgl/>')
    body = "".join(
        para(text, f'<w:pStyle w:val="{style}"/>') for text, style in (("One", "A"), ("Two", "A"), ("In", "B"))
    )
    assert text_of(body, styles=styles, numbering=numbering(outline)) == "# I. One\n\n# II. Two\n\n## 2.1 In"


def test_a_list_goes_on_after_a_paragraph_and_another_begins_anew() -> None:
    again = '<w:num w:numId="9"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/>'
    again += "</w:lvlOverride></w:num>"
    defined = numbering(level(0, "decimal", "%1."), level(0, "lowerLetter", "(%1)"), more=again)
    body = in_list("Open.", 1) + in_list("Wait.", 1) + para("A minute.") + in_list("Pull.", 1)
    body += in_list("keep pets", 2) + in_list("sublet", 2) + in_list("Fifth", 9) + in_list("Sixth", 9)
    assert text_of(body, numbering=defined) == (
        "1. Open.\n2. Wait.\n\nA minute.\n\n3. Pull.\n(a) keep pets\n(b) sublet\n5. Fifth\n6. Sixth"
    )


def test_inner_lists_begin_anew_and_bullets_are_hyphens() -> None:
    defined = numbering(level(0, "lowerRoman", "%1)") + level(1, "bullet", "\uf0b7") + level(2, "ganada", "%3."))
    rows = [("One", 0), ("Dot", 1), ("Ga", 2), ("Na", 2), ("Two", 0), ("Dot", 1), ("Ga", 2)]
    body = "".join(in_list(text, 1, depth) for text, depth in rows)
    assert text_of(body, numbering=defined) == ("i) One\n  - Dot\n    가. Ga\n    나. Na\nii) Two\n  - Dot\n    가. Ga")


def test_a_table_of_contents_is_one_block() -> None:
    styles = STYLES + '<w:style w:type="paragraph" w:styleId="T"><w:name w:val="toc 1"/></w:style>'
    entry = '<w:p><w:pPr><w:pStyle w:val="T"/></w:pPr><w:r><w:t>{}</w:t><w:tab/><w:t>{}</w:t></w:r></w:p>'
    body = para("Contents") + entry.format("1 Scope", 3) + entry.format("2 Terms", 5) + para("Text.")
    assert text_of(body, styles=styles) == "Contents\n\n1 Scope\t3\n2 Terms\t5\n\nText."


# --- Fields and forms


def sign(kind: str, data: str = "") -> str:
    return f'<w:r><w:fldChar w:fldCharType="{kind}">{data}</w:fldChar></w:r>'


def instruction(text: str) -> str:
    return f'<w:r><w:instrText xml:space="preserve">{text}</w:instrText></w:r>'


def field(text: str, result: str = "", data: str = "") -> str:
    shown = sign("separate") + run(result) if result else ""
    return sign("begin", data) + instruction(text) + shown + sign("end")


def test_fields_show_their_results_and_not_their_instructions() -> None:
    simple = f'<w:fldSimple w:instr=" MERGEFIELD Name ">{run("Ms Okoro")}</w:fldSimple>'
    nested = sign("begin") + instruction(" IF ") + field("REF x", "7") + run("inner") + sign("separate") + run("yes")
    body = para(run("Dear ") + simple + run(", ") + field("REF total", "3,150") + run(" and ") + nested + sign("end"))
    assert text_of(body) == "Dear Ms Okoro, 3,150 and yes"


def test_a_field_without_its_end_hides_no_more_than_its_paragraph() -> None:
    body = para(run("See ") + sign("begin") + instruction(" REF x ")) + para("The next paragraph.")
    assert text_of(body) == "See\n\nThe next paragraph."
    over = para(sign("begin") + instruction(" TOC ") + sign("separate") + run("One")) + para(run("Two") + sign("end"))
    assert text_of(over) == "One\n\nTwo"


def test_boxes_are_ticked_or_not_whatever_draws_them() -> None:
    def control(state: int, shown: str) -> str:
        return (
            f'<w:sdt><w:sdtPr><w14:checkbox><w14:checked w14:val="{state}"/></w14:checkbox></w:sdtPr>'
            f"<w:sdtContent><w:r>{shown}</w:r></w:sdtContent></w:sdt>"
        )

    cross = '<w:sym w:font="Wingdings" w:char="F0FC"/>'
    legacy = "<w:ffData><w:checkBox><w:default w:val='0'/>{}</w:checkBox></w:ffData>"
    body = para(run("Smoker: ") + control(0, "<w:t>☐</w:t>") + run("yes ") + control(1, cross) + run("no"))
    body += para(field(" FORMCHECKBOX ", data=legacy.format("<w:checked/>")) + run(" nuts"))
    body += para(field(" FORMCHECKBOX ", data=legacy.format("")) + run(" latex"))
    body += para('<w:r><w:sym w:font="Wingdings" w:char="F0FE"/></w:r>' + run(" done ☐ open"))
    body += para(run("\u00fe", '<w:rFonts w:ascii="Wingdings"/>') + run(" typed"))
    assert text_of(body) == ("Smoker: [ ] yes [x] no\n\n[x] nuts\n[ ] latex\n\n[x] done [ ] open\n\n[x] typed")


def test_lists_of_choices_and_controls_show_what_is_chosen() -> None:
    choices = '<w:result w:val="1"/><w:listEntry w:val="A"/><w:listEntry w:val="B"/>'
    choices = f"<w:ffData><w:ddList>{choices}</w:ddList></w:ffData>"
    cell = f"<w:tc>{para('{}')}</w:tc>"
    row = f"<w:tr>{cell.format('Ward')}<w:sdt><w:sdtContent>{cell.format('East 3')}</w:sdtContent></w:sdt></w:tr>"
    more = f"<w:sdt><w:sdtContent><w:tr>{cell.format('Bed')}{cell.format('12')}</w:tr></w:sdtContent></w:sdt>"
    text = text_of(para(run("Group ") + field(" FORMDROPDOWN ", data=choices)) + f"<w:tbl>{row}{more}</w:tbl>")
    assert text == "Group B\n\n| Ward | East 3 |\n| --- | --- |\n| Bed | 12 |"


# --- Notes, comments, changes


def test_notes_stand_after_their_paragraph_with_their_marks() -> None:
    body = para(
        run("45 mg") + '<w:r><w:footnoteReference w:id="2"/></w:r>' + run(" in group A")
        + '<w:r><w:endnoteReference w:id="2"/></w:r>'
    ) + para("Next.")  # fmt: skip
    text = text_of(
        body,
        footnotes=f'<w:footnote w:id="2">{para("Fasting.")}</w:footnote>',
        endnotes=f'<w:endnote w:id="2">{para("Volunteers.")}</w:endnote>',
    )
    assert text == "45 mg[^1] in group A[^i]\n\n[^1]: Fasting.\n\n[^i]: Volunteers.\n\nNext."


def test_a_comment_stands_after_its_paragraph_with_its_author() -> None:
    comment = f'<w:comment w:id="0" w:author="Anna">{para("Ask Legal.")}</w:comment>'
    body = para(run("In autumn.") + '<w:r><w:commentReference w:id="0"/></w:r>') + para("Next.")
    assert text_of(body, comments=comment) == "In autumn.\n\nComment (Anna): Ask Legal.\n\nNext."


def test_deletions_are_left_out_and_insertions_are_kept() -> None:
    deleted = "<w:del><w:r><w:delText>30</w:delText></w:r></w:del>"
    body = para(run("Within ") + deleted + f"<w:ins>{run('45')}</w:ins>" + run(" days."))
    body += para(f"<w:moveFrom>{run('Moved.')}</w:moveFrom>") + para(f"<w:moveTo>{run('Moved.')}</w:moveTo>")
    body += f"<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr>{run('First ')}</w:p>" + para("half.")
    body += f"<w:tbl><w:tr><w:trPr><w:del/></w:trPr><w:tc>{para('Gone')}</w:tc></w:tr><w:tr><w:tc>{para('a')}</w:tc>"
    body += f"<w:tc>{para('b')}</w:tc></w:tr></w:tbl>"
    assert text_of(body) == "Within 45 days.\n\nMoved.\n\nFirst half.\n\n| a | b |\n| --- | --- |"


# --- Looks


@pytest.mark.parametrize(
    "hidden",
    [
        run(" secret", "<w:vanish/>"),
        run(" secret", '<w:rStyle w:val="Secret"/>'),
        '<w:r><w:rPr><w:vanish/></w:rPr><w:sym w:font="Symbol" w:char="F0B0"/></w:r>',
    ],
)
def test_hidden_runs_are_left_out(hidden: str) -> None:
    assert text_of(para(run("700 crowns") + hidden + run("."))) == "700 crowns."


def test_a_style_hides_its_paragraphs_and_a_run_may_show_itself() -> None:
    body = para(run("hidden ") + run("shown", '<w:vanish w:val="0"/>'), '<w:pStyle w:val="Quiet"/>')
    assert text_of(body) == "shown"


def test_struck_raised_and_lowered_runs_are_marked() -> None:
    up, down = '<w:vertAlign w:val="superscript"/>', '<w:vertAlign w:val="subscript"/>'
    body = para(run("Fee ") + run("900 ", "<w:strike/>") + run("crowns", '<w:rStyle w:val="Old"/>') + run(" 750"))
    body += para(
        run("3 × 10") + run("-", up) + run("6", up) + run(" of H") + run("2", down) + run("O, 45") + run("1", up)
    )
    assert text_of(body) == "Fee ~~900 crowns~~ 750\n\n3 × 10^-6 of H2O, 45[^1]"


def test_furigana_stands_after_its_word() -> None:
    ruby = (
        f"<w:r><w:ruby><w:rubyPr/><w:rt>{run('とうきょう')}</w:rt><w:rubyBase>{run('東京')}</w:rubyBase></w:ruby></w:r>"
    )
    older = field(r'EQ \* jc2 \* "Font:MS" \o\ad(\s\up 9(おおさか),大阪)')
    assert text_of(para(ruby + run("と") + older)) == "東京(とうきょう)と大阪(おおさか)"


def test_breaks_tabs_and_signs_keep_words_apart() -> None:
    body = "<w:p><w:r><w:t>one</w:t><w:br/><w:t>two</w:t><w:tab/><w:t>three</w:t><w:cr/><w:t>five</w:t>"
    body += '<w:br w:type="page"/><w:t>555</w:t><w:noBreakHyphen/><w:t>01 co</w:t><w:softHyphen/><w:t>op</w:t></w:r>'
    body += f'<w:bdo w:val="ltr">{run(" six")}</w:bdo><w:dir w:val="rtl">{run(" seven")}</w:dir></w:p>'
    assert text_of(body) == "one\ntwo\tthree\nfive\n555-01 coop six seven"


# --- Tables


def row(*cells: str, properties: str = "") -> str:
    """A row. A cell is its text, after `2>` if it covers two columns, `v>` if it begins and `^` if it goes on."""
    written = ""
    for cell in cells:
        mark, _, text = cell.rpartition(">")
        of_cell = {"": "", "2": '<w:gridSpan w:val="2"/>', "v": '<w:vMerge w:val="restart"/>'}[mark]
        if text == "^":
            of_cell, text = "<w:vMerge/>", ""
        written += f"<w:tc><w:tcPr>{of_cell}</w:tcPr>{para(text)}</w:tc>"
    return f"<w:tr><w:trPr>{properties}</w:trPr>{written}</w:tr>"


def test_merged_cells_are_filled_in() -> None:
    table = row("Ward", "Shift", "Nurse") + row("v>East", "Day", "Ek") + row("^", "Night", "Ann") + row("2>Any", "0")
    assert text_of(f"<w:tbl>{table}</w:tbl>").split("\n")[2:] == [
        "| East | Day | Ek |", "| East | Night | Ann |", "| Any | Any | 0 |",
    ]  # fmt: skip


def test_a_head_of_two_rows_is_joined() -> None:
    marked = '<w:tblHeader w:val="on"/>'
    head = row("Region", "2>2023", properties=marked) + row("", "Q1", "Q2", properties=marked)
    assert text_of(f"<w:tbl>{head}{row('North', '7', '8')}</w:tbl>").startswith("| Region | 2023 Q1 | 2023 Q2 |\n")
    merged = row("v>Region", "2>2023") + row("^", "Q1", "Q2") + row("North", "7", "8")
    assert text_of(f"<w:tbl>{merged}</w:tbl>").startswith(
        "| Region | 2023 Q1 | 2023 Q2 |\n| --- | --- | --- |\n| North"
    )


def test_tables_within_a_cell_come_after_the_table() -> None:
    inner = f"<w:tbl>{row('a', 'b')}{row('1', '2')}</w:tbl>"
    outer = f"<w:tbl><w:tr><w:tc>{para('Left')}</w:tc><w:tc>{inner}{para('Right')}</w:tc></w:tr></w:tbl>"
    assert text_of(outer) == "| Left | Right |\n| --- | --- |\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert text_of(f"<w:tbl>{row('A frame around text')}</w:tbl>") == "A frame around text"


# --- Formulas


def m(name: str, *parts: str) -> str:
    return f"<m:{name}>{''.join(parts)}</m:{name}>"


def mr(text: str) -> str:
    return m("r", m("t", text))


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (m("f", m("num", mr("1")), m("den", mr("2"))), "1/2"),
        (m("f", m("num", mr("a+b")), m("den", mr("2"))), "(a+b)/2"),
        (mr("E=m") + m("sSup", m("e", mr("c")), m("sup", mr("2"))), "E=mc^2"),
        (m("sSup", m("e", mr("10")), m("sup", mr("−6"))), "10^−6"),
        (m("sSub", m("e", mr("x")), m("sub", mr("i+1"))), "x_(i+1)"),
        (m("rad", m("deg"), m("e", mr("27"))), "√(27)"),
        (m("rad", m("deg", mr("3")), m("e", mr("27"))), "∛(27)"),
        (
            m("nary", m("naryPr", '<m:chr m:val="∑"/>'), m("sub", mr("i=1")), m("sup", mr("n")), m("e", mr("i"))),
            "∑_(i=1)^n i",
        ),
        (m("d", m("e", mr("a+b"))), "(a+b)"),
        (m("func", m("fName", mr("sin")), m("e", mr("x"))), "sin(x)"),
    ],
)  # fmt: skip
def test_formulas_are_written_on_one_line(formula: str, text: str) -> None:
    assert text_of(f"<w:p>{run('It is ')}<m:oMath>{formula}</m:oMath>{run('.')}</w:p>") == f"It is {text}."


# --- Drawings

CHART = """<c:chartSpace xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"
xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><c:chart>
<c:title><c:tx><c:rich><a:p><a:r><a:t>Sales</a:t></a:r></a:p></c:rich></c:tx></c:title><c:plotArea><c:barChart><c:ser>
<c:tx><c:strRef><c:strCache><c:pt idx="0"><c:v>Share</c:v></c:pt></c:strCache></c:strRef></c:tx>
<c:cat><c:strRef><c:strCache><c:pt idx="0"><c:v>North</c:v></c:pt><c:pt idx="1"><c:v>South</c:v></c:pt></c:strCache>
</c:strRef></c:cat><c:val><c:numRef><c:numCache><c:formatCode>0.0%</c:formatCode><c:pt idx="0"><c:v>0.075</c:v></c:pt>
<c:pt idx="1"><c:v>0.5</c:v></c:pt></c:numCache></c:numRef></c:val></c:ser></c:barChart></c:plotArea></c:chart>
</c:chartSpace>"""


def test_charts_and_diagrams_stand_at_their_place() -> None:
    chart = f'<w:r><w:drawing><c:chart xmlns:c="{OPEN}/drawingml/2006/chart" r:id="c_xml"/></w:drawing></w:r>'
    diagram = f'<w:r><w:drawing><d:relIds xmlns:d="{OPEN}/drawingml/2006/diagram" r:dm="d_xml"/></w:drawing></w:r>'
    boxes = f'<m xmlns:a="{OPEN}/drawingml/2006/main"><a:p><a:r><a:t>Chief</a:t></a:r></a:p></m>'
    text = text_of(para(run("See:") + chart) + para(diagram) + para("Next."), c_xml=CHART, d_xml=boxes)
    table = "Sales\n\n|  | Share |\n| --- | --- |\n| North | 7.5% |\n| South | 50.0% |"
    assert text == f"See:\n\n{table}\n\nChief\n\nNext."


def test_watermarks_are_read_and_hidden_drawings_are_not() -> None:
    vml = "urn:schemas-microsoft-com:vml"
    mark = f'<w:r><w:pict xmlns:v="{vml}"><v:shape><v:textpath string="DRAFT"/></v:shape></w:pict></w:r>'
    box = f"<w:txbxContent>{para('Unseen')}</w:txbxContent>"
    hidden = f'<v:shape style="visibility:hidden"><v:textbox>{box}</v:textbox></v:shape>'
    hidden = f'<w:r><w:pict xmlns:v="{vml}">{hidden}</w:pict></w:r>'
    assert text_of(para(mark + hidden + run("Text"))) == "Text\n\nDRAFT"


# --- Embedded parts, headers


def test_an_embedded_part_is_read_or_the_user_is_told() -> None:
    chunk = '<w:altChunk r:id="{}"/>'
    page = "<html><body><p>The board chose blue.</p></body></html>"
    assert text_of(para("Minutes") + chunk.format("c_htm"), c_htm=page) == "Minutes\n\nThe board chose blue."
    inner = docx(para("Inner document"))
    assert text_of(para("Minutes") + chunk.format("c_docx"), c_docx=inner) == "Minutes\n\nInner document"
    with collecting() as notices:
        assert text_of(para("Minutes") + chunk.format("c_bin"), c_bin="\x01") == "Minutes"
    assert len(notices) == 1 and "embedded" in notices[0]


def test_headers_that_no_page_shows_are_left_out() -> None:
    references = '<w:headerReference w:type="first" r:id="header1"/><w:headerReference r:id="header2"/>'
    parts = {"header1": para("Cover only"), "header2": para("Acme Ltd.") + para("Page 2 of 3")}
    text = text_of(para("Body") + f"<w:sectPr>{references}</w:sectPr>", **parts)
    assert text == "Body\n\nAcme Ltd."
    shown = text_of(para("Body") + f"<w:sectPr>{references}<w:titlePg/></w:sectPr>", **parts)
    assert shown == "Body\n\nCover only\nAcme Ltd."
