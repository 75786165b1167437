"""The elements of HTML by what they do to text, and the elements that are read as a whole."""

from __future__ import annotations

import re

from lxml import etree

# Elements that aren't the text of a page: scripts, pictures, ways to other pages, and what stands in for them.
_DROPPED_NAMES = (
    "head script style noscript noframes template canvas iframe object embed audio video img picture map area nav "
    "datalist meter progress source track param colgroup col rp title"
)
DROPPED = frozenset(_DROPPED_NAMES.split())
_BLOCKS_NAMES = (
    "html body address article aside blockquote center dd details dialog dir div dl dt fieldset figcaption figure "
    "footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu ol optgroup p pre search section "
    "summary table tbody td tfoot th thead tr ul caption"
)
BLOCKS = frozenset(_BLOCKS_NAMES.split())
# Elements that are boxes within a line.
INLINE_BOXES = frozenset(["button", "label", "output"])
_ROLES = {
    "table": "table",
    "grid": "table",
    "treegrid": "table",
    "row": "tr",
    "rowgroup": "tbody",
    "cell": "td",
    "gridcell": "td",
    "columnheader": "th",
    "rowheader": "th",
    "list": "ul",
    "listitem": "li",
}
_LANGUAGE = re.compile(r"(?:^|\s)(?:language|lang|highlight-source)-([\w+#-]{1,20})")


def name_of(element: etree._Element) -> str:
    """The element's name in lower case, without a namespace. A `div` with a role has the name of the role's element."""
    name = str(element.tag).rpartition("}")[2].lower()
    if name in ("div", "span", "section", "p") and (role := element.get("role")):
        if role == "heading":
            level = element.get("aria-level", "2")
            return f"h{level}" if level in "123456" and len(level) == 1 else "h6"
        return _ROLES.get(role, name)
    return name


def preformatted(element: etree._Element) -> tuple[str, str]:
    """The lines of a `pre` element, and the language of the code in it, if its class names one."""
    parts: list[str] = []
    language = ""
    for event, inner in etree.iterwalk(element, events=("start", "end", "comment")):
        if event == "start":
            if name_of(inner) == "br":
                parts.append("\n")
            parts.append(inner.text or "")
            match = _LANGUAGE.search(inner.get("class") or "")
            language = language or (match[1] if match else "")
        elif inner is not element:
            parts.append(inner.tail or "")
    return "".join(parts).expandtabs(4).strip("\n"), language


def drawing_text(element: etree._Element) -> str:
    """The lines of text in a drawing (`svg`)."""
    lines = (" ".join("".join(text.itertext()).split()) for text in element.iter("text", "{*}text"))
    return "\n".join(filter(None, lines))
