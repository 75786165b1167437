"""What the style sheets of an HTML page say about its elements, as far as it changes which text is seen and how."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lxml import etree

# The properties that are kept. Any other says nothing about the text.
_PROPERTIES_NAMES = (
    "display visibility opacity text-decoration text-decoration-line position left top text-indent clip clip-path "
    "font-size color background background-color background-image list-style list-style-type white-space "
    "transform transition animation"
)
_PROPERTIES = frozenset(_PROPERTIES_NAMES.split())
_MOST_CHARACTERS = 1_000_000
_MOST_RULES = 5_000
# Ancestors that are looked at for a selector such as `.menu .item`.
_MOST_ANCESTORS = 50
# Elements that are looked at for all selectors of a page. Only a hostile page needs more.
_MOST_EFFORT = 3_000_000
_COMMENT = re.compile(r"/\*[\s\S]*?(?:\*/|$)")
_BRACE = re.compile(r"([{}])")
_COMPOUND = re.compile(r"([a-zA-Z][\w-]*|\*)?((?:[.#][\w-]+|\[[\w-]+(?:=[^\]\[]*)?\])*)")
_SIMPLE = re.compile(r"([.#])([\w-]+)|\[([\w-]+)(?:=[\"']?([^\]\"']*)[\"']?)?\]")


@dataclass(frozen=True, slots=True)
class _Compound:
    """A part of a selector without blanks, such as `p.note`. `is_child` tells whether the part before it is the
    parent."""

    tag: str
    identity: str
    classes: frozenset[str]
    attributes: tuple[tuple[str, str | None], ...]
    is_child: bool

    def fits(self, element: etree._Element) -> bool:
        if self.tag and self.tag != str(element.tag).rpartition("}")[2].lower():
            return False
        if self.identity and element.get("id") != self.identity:
            return False
        if self.classes and not self.classes <= set((element.get("class") or "").split()):
            return False
        actual = [(element.get(name), value) for name, value in self.attributes]
        return all(given is not None and value in (None, given) for given, value in actual)


@dataclass(frozen=True, slots=True)
class _Rule:
    parts: tuple[_Compound, ...]
    weight: tuple[int, int, int, int]
    declarations: Mapping[str, tuple[str, bool]]

    def fits(self, element: etree._Element, effort: list[int]) -> bool:
        """Whether the selector names the element. Parts are sought from the element outwards, the nearest first.
        `effort` counts the elements that are looked at."""
        effort[0] += 1
        if effort[0] > _MOST_EFFORT or not self.parts[-1].fits(element):
            return False
        place, steps = element.getparent(), 0
        for number in range(len(self.parts) - 2, -1, -1):
            must_be_parent = self.parts[number + 1].is_child
            while place is not None and not self.parts[number].fits(place):
                steps += 1
                effort[0] += 1
                if must_be_parent or steps > _MOST_ANCESTORS:
                    return False
                place = place.getparent()
            if place is None:
                return False
            place = place.getparent()
        return True


class PageStyles:
    """The rules of a page's style sheets, given as texts."""

    def __init__(self, sheets: Iterable[str]) -> None:
        self._rules: dict[tuple[str, str], list[_Rule]] = {}
        self._effort = [0]
        count = 0
        for selectors, declared in _rules("\n".join(sheets)[:_MOST_CHARACTERS]):
            declarations = _declarations(declared)
            if not declarations:
                continue
            for selector in selectors.split(","):
                parts = _parts(selector)
                count += 1
                if parts and count <= _MOST_RULES:
                    self._add(parts, count, declarations)

    def _add(self, parts: tuple[_Compound, ...], order: int, declarations: dict[str, tuple[str, bool]]) -> None:
        weight = (
            sum(bool(part.identity) for part in parts),
            sum(len(part.classes) + len(part.attributes) for part in parts),
            sum(bool(part.tag) for part in parts),
            order,
        )
        last = parts[-1]
        key = ("tag", last.tag)
        if last.identity:
            key = ("id", last.identity)
        elif last.classes:
            key = ("class", min(last.classes))
        self._rules.setdefault(key, []).append(_Rule(parts, weight, declarations))

    def of(self, element: etree._Element, tag: str) -> dict[str, str]:
        """The properties of an element, by the sheets and by its attribute `style`."""
        inline = element.get("style")
        if not self._rules:
            return {name: value for name, (value, _) in _declarations(inline).items()} if inline else {}
        keys = [("tag", tag), ("tag", "")]
        keys += [("class", name) for name in (element.get("class") or "").split()]
        if identity := element.get("id"):
            keys.append(("id", identity))
        fitting = [rule for key in keys for rule in self._rules.get(key, ()) if rule.fits(element, self._effort)]
        if not fitting and not inline:
            return {}
        fitting.sort(key=lambda rule: rule.weight)
        layers = [rule.declarations for rule in fitting] + ([_declarations(inline)] if inline else [])
        properties: dict[str, str] = {}
        for wanted in (False, True):  # what is marked as important comes last, and so it counts
            for layer in layers:
                properties |= {name: value for name, (value, important) in layer.items() if important == wanted}
        return properties


def _rules(css: str) -> Iterator[tuple[str, str]]:
    """The selectors and the declarations of each rule that counts on a screen."""
    open_rules: list[tuple[str, bool]] = []
    parts = _BRACE.split(_COMMENT.sub("", css))
    for text, brace in zip(map(str.strip, parts[::2]), parts[1::2], strict=False):
        if brace == "{":
            head = text.rpartition(";")[2].strip()
            around = open_rules[-1][1] if open_rules else True
            open_rules.append((head, around and (not head.startswith("@") or _counts(head.lower()))))
        elif open_rules:
            head, counts = open_rules.pop()
            if counts and head and not head.startswith("@") and text:
                yield head, text


def _counts(head: str) -> bool:
    """Whether a rule such as `@media screen` counts for a page on a wide screen."""
    if head.startswith("@media"):
        other = re.search(r"max-width|prefers-|orientation|hover|pointer|not |speech", head)
        return not other and ("print" not in head or "screen" in head)
    return head.startswith(("@supports", "@layer"))


def _declarations(text: str) -> dict[str, tuple[str, bool]]:
    """The kept properties of `display: none; color: red !important`: name → value, and whether it is important."""
    declarations: dict[str, tuple[str, bool]] = {}
    for declaration in text.split(";"):
        name, colon, value = declaration.partition(":")
        name = name.strip().lower()
        if colon and name in _PROPERTIES:
            value, important, _ = value.strip().lower().partition("!important")
            declarations[name] = (value.strip(), bool(important))
    return declarations


def _parts(selector: str) -> tuple[_Compound, ...]:
    """The parts of a selector; none if it says more than tags, classes, ids and attributes."""
    parts: list[_Compound] = []
    is_child = False
    for word in selector.replace(">", " > ").split():
        if word == ">":
            is_child = True
            continue
        match = _COMPOUND.fullmatch(word)
        if not match or len(parts) > 8:
            return ()
        identity, classes, attributes = "", set(), []
        for sign, name, attribute, value in _SIMPLE.findall(match[2]):
            if sign == "#":
                identity = name
            elif sign:
                classes.add(name)
            else:
                attributes.append((attribute, value if "=" in match[2] else None))
        tag = "" if match[1] in (None, "*") else match[1].lower()
        parts.append(_Compound(tag, identity, frozenset(classes), tuple(attributes), is_child))
        is_child = False
    return tuple(parts)


_WHITE = re.compile(r"white|#fff(?:fff)?|rgb\(\s*255\s*,\s*255\s*,\s*255\s*\)|rgb\(255 255 255\)")
_FAR = re.compile(r"-\d{4,}(?:\.\d+)?(?:px|pt)?|-999(?:px|em|rem|pt)?|-\d{2,}(?:em|rem)|-[1-9]\d{2,}(?:%|vw|em|rem)")
_ZERO = re.compile(r"0(?:\.0+)?(?:px|pt|em|rem|%)?")
_CLIPPED = re.compile(r"rect\(\s*[01](?:px)?(?:[\s,]+[01](?:px)?){3}\s*\)|inset\(\s*(?:50|100)%.*\)")


def is_out_of_sight(style: Mapping[str, str]) -> bool:
    """Whether an element with these properties is hidden together with all that is in it."""
    if style.get("display") == "none":
        return True
    # A page that lets its parts appear one by one has them transparent, and moved, before its scripts run.
    moves = style.keys() & {"transform", "transition", "animation"}
    if _ZERO.fullmatch(style.get("opacity", "1")) and not moves:
        return True
    if style.get("position") in ("absolute", "fixed"):
        if any(_FAR.fullmatch(style.get(side, "")) for side in ("left", "top")):
            return True
        if _CLIPPED.fullmatch(style.get("clip", "")) or _CLIPPED.fullmatch(style.get("clip-path", "")):
            return True
    return bool(_FAR.fullmatch(style.get("text-indent", "")))


def is_white(color: str) -> bool:
    """Whether a color is white."""
    return bool(_WHITE.fullmatch(color))


def is_zero(length: str) -> bool:
    """Whether a length is 0."""
    return bool(_ZERO.fullmatch(length))
