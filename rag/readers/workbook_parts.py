"""Parts that the sheets of a workbook share: its cell styles, its texts, and the comments on its cells."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from xml.parsers import expat

from rag.readers.archives import Package
from rag.readers.date_formats import is_date_code
from rag.readers.faults import Fault, Kind
from rag.readers.number_formats import BUILT_IN, Shown, formatter, general
from rag.text.blocks import lowered, raised, struck

# Bytes of XML that are parsed at a time.
_PIECE = 256 * 1024

# Without prefixes there is less to do for each element. Longer beginnings take the longer way.
_ROOT_WITHOUT_PREFIX = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,9}(?:<\?[^<>]{0,200}\?>)?\s{0,9}<[\w-]+[\s>]")

Attributes = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CellStyle:
    """How a cell is shown: its format code with the function that shows numbers in it, and its font."""

    code: str = "General"
    number: Shown = general
    is_date: bool = False
    is_bold: bool = False
    is_struck: bool = False


PLAIN = CellStyle()


def cell_styles(package: Package, part: str, from_1904: bool) -> list[CellStyle]:
    """The styles of cells by number. `part` is the name of the part with styles, "" if there is none."""
    root = package.xml(part) if part else None
    if root is None:
        return []
    codes = dict(BUILT_IN)
    for each in root.iterfind("{*}numFmts/{*}numFmt"):
        codes[int(each.get("numFmtId", "0"))] = each.get("formatCode", "General")
    fonts = [(_is_on(font.find("{*}b")), _is_on(font.find("{*}strike"))) for font in root.iterfind("{*}fonts/{*}font")]
    styles: list[CellStyle] = []
    for each in root.iterfind("{*}cellXfs/{*}xf"):
        code = codes.get(int(each.get("numFmtId", "0")), "General")
        font = int(each.get("fontId", "0"))
        bold, is_struck = fonts[font] if font < len(fonts) else (False, False)
        styles.append(CellStyle(code, formatter(code, from_1904), is_date_code(code.split(";")[0]), bold, is_struck))
    return styles


def _is_on(mark: object) -> bool:
    """Whether a mark such as <b/> is there and not switched off."""
    value = getattr(mark, "attrib", {}).get("val", "1") if mark is not None else "0"
    return value not in ("0", "false", "none")


def parse(data: bytes, start: Callable[[str, Attributes], None], end: Callable[[str], None],
          text: Callable[[str], None], noun: str) -> Iterator[None]:  # fmt: skip
    """Parse XML and call the functions with the names of elements, without their prefixes if the root has one. It stops
    after each piece, so that the caller can take over what was found. Raises Fault if the XML isn't well-formed."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    if not _ROOT_WITHOUT_PREFIX.match(data):
        parser.StartElementHandler = lambda name, attributes: start(name.rpartition(":")[2], attributes)
        parser.EndElementHandler = lambda name: end(name.rpartition(":")[2])
    parser.CharacterDataHandler = text
    try:
        for begin in range(0, len(data), _PIECE):
            parser.Parse(data[begin : begin + _PIECE], begin + _PIECE >= len(data))
            yield
    except expat.ExpatError as error:
        raise Fault(Kind.DAMAGED, noun) from error


class RichText:
    """Puts a text with formatted runs together, as its XML is parsed. The small print that tells how a word is read
    is left out."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._struck = False
        self._align = ""
        self._reading = False
        self._in_text = False

    def start(self, name: str, attributes: Attributes) -> None:
        """An element begins."""
        if name == "t":
            self._in_text = not self._reading
            if self._in_text:
                self._parts.append("")
        elif name == "rPh":
            self._reading = True
        elif name == "strike":
            self._struck = attributes.get("val", "1") not in ("0", "false")
        elif name == "vertAlign":
            self._align = attributes.get("val", "")

    def text(self, text: str) -> None:
        """Text within an element."""
        if self._in_text:
            self._parts[-1] += text

    def end(self, name: str) -> None:
        """An element ends."""
        if name == "t" and self._in_text:
            self._in_text = False
            if self._struck or self._align in ("superscript", "subscript"):
                self._parts[-1] = self._formatted(self._parts[-1])
        elif name == "rPh":
            self._reading = False
        elif name == "r":
            self._struck, self._align = False, ""

    def _formatted(self, text: str) -> str:
        before = "".join(self._parts[:-1])[-40:]
        if self._align == "superscript":
            text = raised(before, text)
        elif self._align == "subscript":
            text = lowered(before, text)
        return struck(text) if self._struck else text

    def take(self) -> str:
        """The whole text. The next one begins."""
        whole = "".join(self._parts)
        self.__init__()  # type: ignore[misc]
        return whole


def shared_strings(package: Package, part: str) -> list[str]:
    """The texts that cells name by number. `part` is the name of their part, "" if there is none."""
    strings: list[str] = []
    rich = RichText()

    def end(name: str) -> None:
        rich.end(name)
        if name == "si":
            strings.append(rich.take())

    for _ in parse(package.read(part) if part else b"", rich.start, end, rich.text, package.noun):
        pass
    return strings


def cell_comments(package: Package, parts: Mapping[str, str], persons: Mapping[str, str]) -> dict[str, list[str]]:
    """The comments and notes of a sheet by the cell's name ("B7"), as they are written. `parts` has the names of the
    parts "comments" and "threadedComment", `persons` the authors of threads by id."""
    comments: dict[str, list[str]] = {}
    threads = package.xml(parts["threadedComment"]) if "threadedComment" in parts else None
    for each in () if threads is None else threads.iter("{*}threadedComment"):
        text = "".join(t.text or "" for t in each.iter("{*}text"))
        _add_comment(comments, each.get("ref", ""), text, persons.get(each.get("personId", ""), ""))
    root = package.xml(parts["comments"]) if "comments" in parts else None
    authors = [] if root is None else [(author.text or "").strip() for author in root.iter("{*}author")]
    for each in () if root is None else root.iter("{*}comment"):
        number = int(each.get("authorId", "-1"))
        author = authors[number] if 0 <= number < len(authors) else ""
        readings = {t for reading in each.iter("{*}rPh") for t in reading.iter("{*}t")}
        text = "".join(t.text or "" for t in each.iter("{*}t") if t not in readings)
        if not text.startswith("[Threaded comment]"):
            _add_comment(comments, each.get("ref", ""), text.strip().removeprefix(f"{author}:"), author)
    return comments


def _add_comment(comments: dict[str, list[str]], ref: str, text: str, author: str) -> None:
    if text := " ".join(text.split()):
        # An author's id such as "tc={3F2A…}" stands for a thread.
        by = f" ({author})" if author and "{" not in author else ""
        comments.setdefault(ref.partition(":")[0], []).append(f"Comment{by}: {text}")


def comment_authors(package: Package) -> dict[str, str]:
    """The authors of threads of comments by id."""
    authors: dict[str, str] = {}
    for name in package.matching(r"xl/persons/[^/]+\.xml"):
        root = package.xml(name)
        for person in () if root is None else root.iter("{*}person"):
            authors[person.get("id", "")] = person.get("displayName", "")
    return authors
