"""EPUB books: authors, notes and the order of the chapters."""

from __future__ import annotations

import io
import zipfile

from rag.readers.epub import read_epub


def book(metadata: str, chapters: dict[str, str], spine: str) -> bytes:
    items = "".join(f'<item id="{name}" href="{name}.xhtml"/>' for name in chapters)
    parts = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container><rootfile full-path="O/b.opf"/></container>',
        "O/b.opf": f'<package xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>{metadata}</metadata>'
        f"<manifest>{items}</manifest><spine>{spine}</spine></package>",
        **{f"O/{name}.xhtml": f"<html><body>{text}</body></html>" for name, text in chapters.items()},
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as package:
        for name, part in parts.items():
            package.writestr(name, part)
    return target.getvalue()


def test_authors_and_translators_come_after_the_title() -> None:
    people = '<dc:creator id="a">Ada Byron</dc:creator><dc:creator>Max Roe</dc:creator>'
    people += '<dc:contributor id="t">Li Wu</dc:contributor>'
    people += '<meta refines="#a" property="role">aut</meta><meta refines="#t" property="role">trl</meta>'
    text = read_epub(book(f"<dc:title>Tides</dc:title>{people}", {"c": "<p>One.</p>"}, '<itemref idref="c"/>'))
    assert text == "# Tides\n\nAuthor: Ada Byron, Max Roe\nTranslator: Li Wu\n\nOne."


def test_notes_in_another_part_come_last_and_are_joined_to_their_marks() -> None:
    chapters = {
        "n": '<p id="x">1. Counted.</p>',
        "c": '<p>Ledgers.<a epub:type="noteref" href="n.xhtml#x">1</a></p>',
    }
    data = book("", chapters, '<itemref idref="n" linear="no"/><itemref idref="c"/>')
    assert read_epub(data) == "Ledgers.[^1]\n\n[^1]: Counted."
