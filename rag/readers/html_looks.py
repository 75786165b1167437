"""How the text of an element of an HTML page looks: whether it is seen, struck through, or kept in its lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lxml import etree

from rag.readers.html_styles import PageStyles, is_out_of_sight, is_white, is_zero

_BACKGROUNDS = ("background", "background-color", "background-image")
_NOTHING = ("none", "transparent", "inherit", "initial", "unset", "rgba(0,0,0,0)", "rgba(0, 0, 0, 0)")


@dataclass(frozen=True, slots=True)
class Look:
    """What the text of an element takes over from the elements around it."""

    is_invisible: bool = False
    is_struck: bool = False
    keeps_lines: bool = False
    color: str = ""
    background: str = ""
    is_tiny: bool = False

    @property
    def is_seen(self) -> bool:
        """Whether the text can be seen."""
        return not (self.is_invisible or self.is_tiny or self._is_hidden_by_color)

    @property
    def _is_hidden_by_color(self) -> bool:
        if self.color == "transparent" or (self.color and self.color == self.background):
            return True
        return not self.background and is_white(self.color)


class Looks:
    """The looks of a page's elements. `root` is the page."""

    def __init__(self, root: etree._Element) -> None:
        self._root = root
        sheets = ["".join(sheet.itertext()) for sheet in root.iter("{*}style", "style") if _is_for_screen(sheet)]
        self._styles = PageStyles(sheets)
        # With a sheet that isn't in the page, the color behind a text isn't known.
        links = (link.get("rel", "").lower() for link in root.iter("{*}link", "link"))
        self._first = Look(background="unknown" if any("stylesheet" in rel.split() for rel in links) else "")
        self._opened: set[str] | None = None

    @property
    def first(self) -> Look:
        """The look of the page's text where nothing else is said."""
        return self._first

    def style(self, element: etree._Element, tag: str) -> dict[str, str]:
        """The properties of an element by the page's style sheets and its own attributes."""
        return self._styles.of(element, tag)

    def is_hidden(self, element: etree._Element, tag: str, style: Mapping[str, str]) -> bool:
        """Whether an element is hidden with all that is in it. What a button of the page opens isn't hidden."""
        hidden = element.get("hidden")
        is_hidden = hidden is not None and hidden.lower() != "until-found" and "display" not in style
        is_hidden = is_hidden or (tag == "dialog" and element.get("open") is None)
        if not (is_hidden or (style and is_out_of_sight(style))):
            return False
        if next(element.iter("{*}math", "math"), None) is not None and _is_drawn(element):
            return False
        return element.get("id", "") not in self._opened_by_buttons() if element.get("id") else True

    def _opened_by_buttons(self) -> set[str]:
        if self._opened is None:
            self._opened = set()
            for button in self._root.iter("{*}button", "{*}a", "button", "a"):
                for name in ("aria-controls", "data-target", "data-bs-target"):
                    self._opened.update(part.lstrip("#") for part in (button.get(name) or "").split())
        return self._opened

    def look(self, element: etree._Element, tag: str, style: Mapping[str, str], outer: Look) -> Look:
        """The look of an element's text, within text that looks like `outer`."""
        look = outer
        if tag in ("s", "del", "strike"):
            look = replace(look, is_struck=True)
        elif tag in ("font", "body", "table", "td", "th", "tr"):
            color, background = element.get("color") or element.get("text"), element.get("bgcolor")
            if color:
                look = replace(look, color=color.lower())
            if background or element.get("background"):
                look = replace(look, background=(background or "picture").lower())
        if not style:
            return look
        if "visibility" in style:
            look = replace(look, is_invisible=style["visibility"] in ("hidden", "collapse"))
        if "line-through" in f"{style.get('text-decoration', '')} {style.get('text-decoration-line', '')}":
            look = replace(look, is_struck=True)
        if "white-space" in style:
            look = replace(look, keeps_lines=style["white-space"] in ("pre", "pre-wrap", "pre-line", "break-spaces"))
        if "font-size" in style:
            look = replace(look, is_tiny=is_zero(style["font-size"]))
        if "color" in style:
            look = replace(look, color=style["color"])
        behind = [style[name] for name in _BACKGROUNDS if style.get(name, "none") not in _NOTHING]
        return replace(look, background=behind[0]) if behind else look


def _is_for_screen(sheet: etree._Element) -> bool:
    media = sheet.get("media", "").lower()
    return not media or "all" in media or "screen" in media


def _is_drawn(formula: etree._Element) -> bool:
    """Whether a picture beside a hidden formula shows it."""
    parent = formula.getparent()
    return parent is not None and next(parent.iter("{*}img", "img", "{*}svg", "svg"), None) is not None


def is_copy_of_formula(element: etree._Element) -> bool:
    """Whether an element draws the formula that stands beside it for other programs."""
    if element.get("aria-hidden") != "true":
        return False
    parent = element.getparent()
    return parent is not None and any(
        next(other.iter("math", "{*}math"), None) is not None
        for other in parent
        if other is not element and isinstance(other.tag, str)
    )
