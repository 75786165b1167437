"""OpenDocument presentations as they are shown. Each is made here."""

from __future__ import annotations

from rag.readers.read import read
from tests.readers.samples import odp


def frame(text: str, y: int, kind: str = "outline", x: int = 1) -> str:
    place = f'svg:x="{x}cm" svg:y="{y}cm" svg:width="5cm" svg:height="1cm" presentation:class="{kind}"'
    return f"<draw:frame {place}><draw:text-box>{text}</draw:text-box></draw:frame>"


def test_slides_are_read_from_top_to_bottom_with_title_notes_and_comments() -> None:
    slide = (
        frame("<text:p>second</text:p>", 5)
        + frame("<text:p>first</text:p>", 3)
        + frame("<text:p>The title</text:p>", 8, "title")
        + "<office:annotation><dc:creator>Anna</dc:creator><text:p>Check</text:p></office:annotation>"
        + f"<presentation:notes>{frame('<text:p>Slowly</text:p>', 1, 'notes')}</presentation:notes>"
    )
    (page,) = read("a.odp", odp(f"<draw:page>{slide}</draw:page>"))
    assert page.text == "# The title\n\nfirst\n\nsecond\n\nComment (Anna): Check\n\nNotes: Slowly"


def test_hidden_slides_count_and_are_left_out() -> None:
    styles = (
        '<style:style style:name="H" style:family="drawing-page">'
        '<style:drawing-page-properties presentation:visibility="hidden"/></style:style>'
    )
    hidden = f'<draw:page draw:style-name="H">{frame("<text:p>secret</text:p>", 1)}</draw:page>'
    pages = read("a.odp", odp(f"{hidden}<draw:page>{frame('<text:p>seen</text:p>', 1)}</draw:page>", styles))
    assert [(page.number, page.text) for page in pages] == [(2, "seen")]


def test_tables_and_numbered_lists_keep_their_form() -> None:
    styles = (
        '<text:list-style style:name="N"><text:list-level-style-number text:level="1" style:num-format="1" '
        'style:num-suffix="."/></text:list-style>'
    )
    listed = '<text:list text:style-name="N">' + "".join(
        f"<text:list-item><text:p>{word}</text:p></text:list-item>" for word in ("Fill", "Prime")
    )
    rows = "".join(
        "<table:table-row>"
        + "".join(f"<table:table-cell><text:p>{cell}</text:p></table:table-cell>" for cell in row)
        + "</table:table-row>"
        for row in (("Site", "Plan"), ("Bergen", "20"))
    )
    table = f'<draw:frame svg:x="1cm" svg:y="9cm"><table:table>{rows}</table:table></draw:frame>'
    (page,) = read("a.odp", odp(f"<draw:page>{frame(f'{listed}</text:list>', 1)}{table}</draw:page>", styles))
    assert page.text == "1. Fill\n2. Prime\n\n| Site | Plan |\n| --- | --- |\n| Bergen | 20 |"
