"""Opens zip packages (OOXML, ODF, EPUB) and their XML so that a hostile package does no harm.

Sizes are checked before anything is unpacked, and XML that declares entities is refused. Libraries get a new package,
made of the checked parts: pictures, macros and fonts never reach them. A *part* is a file in a package, as in OOXML.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator
from urllib.parse import unquote

from lxml import etree

from rag.readers.faults import Fault, Kind

# Bytes of all markup of a package.
MAX_UNPACKED = 512 * 1024 * 1024
# Deflate can shrink a file to 1/1032. Real documents of more than a few pages stay far below 200:1, so the ratio is
# limited for packages of more than _RATIO_FROM unpacked bytes.
_MAX_RATIO = 200
_RATIO_FROM = 64 * 1024 * 1024
_MAX_ENTRIES = 50_000
_ENCRYPTED_FLAG = 0x1
# Entities can expand to any size, or name files of this machine. XML may be in UTF-8 or in UTF-16.
_ENTITY = re.compile(b"<!ENTITY|" + b"|".join(re.escape("<!ENTITY".encode(e)) for e in ("utf-16-le", "utf-16-be")))
# The namespaces of strict OOXML, which libraries don't know.
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/")
_MARKUP = (".xml", ".rels", ".xhtml", ".html", ".htm", ".opf", ".ncx", ".vml", "mimetype")


class Package:
    """The parts of a zip package by name. `noun` names the file's format in a Fault, such as "a DOCX document". Raises
    Fault if the package is damaged, encrypted, or too large unpacked."""

    def __init__(self, data: bytes, noun: str) -> None:
        self.noun = noun
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise Fault(Kind.DAMAGED, noun) from error
        entries = self._zip.infolist()
        _check_sizes(entries, len(data))
        self.names = [entry.filename for entry in entries if not entry.is_dir()]
        self._distinct_names = set(self.names)
        self._changed: dict[str, bytes] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._distinct_names

    def matching(self, pattern: str) -> list[str]:
        """The names of parts that fully match the regular expression, in natural order (slide2 before slide10)."""
        names = [name for name in self.names if re.fullmatch(pattern, name)]
        return sorted(names, key=lambda name: [int(x) if x.isdigit() else x for x in re.split(r"(\d+)", name)])

    def read(self, name: str) -> bytes:
        """The part's bytes; b"" if there is no such part. Strict OOXML is returned as transitional OOXML.

        Raises Fault if the part is damaged or declares entities.
        """
        if name in self._changed:
            return self._changed[name]
        if name not in self:
            return b""
        try:
            part = unpacked(self._zip, name)
        except MemoryError:
            raise
        except Exception as error:  # zipfile raises errors of zlib, of struct and of its own, which have no common base
            raise Fault(Kind.DAMAGED, self.noun) from error
        if _ENTITY.search(part):
            raise Fault(Kind.DAMAGED, f"{self.noun} that can be read safely")
        return _STRICT.sub(rb"http://schemas.openxmlformats.org/\1/2006/", part)

    def xml(self, name: str) -> etree._Element | None:
        """The part's root element; None if there is no such part. Raises Fault if the part isn't well-formed."""
        part = self.read(name)
        return parse_xml(part, self.noun) if part else None

    def replace(self, name: str, root: etree._Element) -> None:
        """Replace the part's content by `root`."""
        self._changed[name] = etree.tostring(root, encoding="UTF-8", xml_declaration=True)

    def related(self, name: str) -> dict[str, tuple[str, str]]:
        """The internal relationships of a part: id → (last word of the type, name of the target part)."""
        folder, file = posixpath.split(name)
        root = self.xml(f"{folder}/_rels/{file}.rels".lstrip("/"))
        relations: dict[str, tuple[str, str]] = {}
        for relation in () if root is None else root.iter("{*}Relationship"):
            if relation.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/", folder, unquote(relation.get("Target", "")))).lstrip(
                    "/"
                )
                relations[relation.get("Id", "")] = (relation.get("Type", "").rpartition("/")[2], target)
        return relations

    def repack(self) -> io.BytesIO:
        """A new package for a library to read: it has the checked markup, and all other parts are empty."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as target:
            for name in dict.fromkeys(self.names):
                target.writestr(name, self.read(name) if name.lower().endswith(_MARKUP) else b"")
        packed.seek(0)
        return packed


def unpacked(package: zipfile.ZipFile, name: str) -> bytes:
    """The part's bytes, no more than the size that the package declares. A hostile part may unpack to more."""
    with package.open(name) as part:
        return part.read(package.getinfo(name).file_size)


def _check_sizes(entries: list[zipfile.ZipInfo], size: int) -> None:
    if any(entry.flag_bits & _ENCRYPTED_FLAG for entry in entries):
        raise Fault(Kind.PROTECTED)
    # Parts can share packed bytes, so the sum of their packed sizes may exceed the file's size.
    packed = max(1, min(size, sum(entry.compress_size for entry in entries)))
    unpacked = sum(entry.file_size for entry in entries)
    markup = sum(entry.file_size for entry in entries if entry.filename.lower().endswith(_MARKUP))
    if unpacked > _RATIO_FROM and unpacked / packed > _MAX_RATIO:
        raise Fault(Kind.TOO_LARGE, f"it unpacks to {unpacked // 2**20} MB, {unpacked // packed} times its size")
    # Pictures and films are never unpacked, and hardly shrink: they may exceed the limit if they are large packed, too.
    if markup > MAX_UNPACKED or (unpacked > MAX_UNPACKED and unpacked / packed > 10):
        raise Fault(
            Kind.TOO_LARGE, f"it unpacks to {unpacked // 2**20} MB, and {MAX_UNPACKED // 2**20} MB is the limit"
        )
    if len(entries) > _MAX_ENTRIES:
        raise Fault(Kind.TOO_LARGE, f"it holds {len(entries)} parts")


def parse_xml(data: bytes, noun: str) -> etree._Element:
    """The root of an XML document, which must have been checked for entities. Loads nothing from outside it. Raises
    Fault if it isn't well-formed."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True, recover=False)
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Fault(Kind.DAMAGED, noun) from error


def drawing_text(root: etree._Element) -> Iterator[str]:
    """The paragraphs of DrawingML text (SmartArt, shapes, chart titles) under `root`, in document order."""
    for paragraph in root.iter("{http://schemas.openxmlformats.org/drawingml/2006/main}p"):
        text = "".join(run.text or "" for run in paragraph.iter("{*}t")).strip()
        if text:
            yield text
