"""The fields of an HTML form as a browser shows them: entries, chosen options, ticks, and the words on buttons."""

from __future__ import annotations

from lxml import etree

from rag.readers.form_fields import Control

# Inputs whose value isn't words on the page, or is covered.
_WITHOUT_WORDS = frozenset(["hidden", "password", "image", "file", "color", "range"])
_BUTTONS = frozenset(["submit", "reset", "button"])
CONTROLS = frozenset(["input", "select", "textarea"])


def labelled_ids(root: etree._Element) -> set[str]:
    """The ids of the controls that a label elsewhere in the page may name."""
    controls = root.iter("input", "select", "textarea", "{*}input", "{*}select", "{*}textarea")
    return {control.get("id", "") for control in controls if _kind(control) not in _WITHOUT_WORDS | _BUTTONS} - {""}


def button_text(element: etree._Element, tag: str) -> str:
    """The words on an input that is a button."""
    return element.get("value", "") if tag == "input" and _kind(element) in _BUTTONS else ""


def control_of(element: etree._Element, tag: str) -> Control | None:
    """The control that an element shows; None if it shows none, or no words."""
    if tag == "select":
        return Control(_chosen(element))
    if tag == "textarea":
        return Control("".join(element.itertext()).strip())
    kind = _kind(element)
    if kind in _WITHOUT_WORDS or kind in _BUTTONS:
        return None
    if kind in ("checkbox", "radio"):
        return Control(ticked=element.get("checked") is not None)
    return Control(element.get("value", "").strip())


def _kind(element: etree._Element) -> str:
    return str(element.get("type") or "text").strip().lower()


def _chosen(select: etree._Element) -> str:
    """The options that are chosen. A list that drops down shows its first option if none is."""
    options = list(select.iter("option", "{*}option"))
    chosen = [option for option in options if option.get("selected") is not None]
    if select.get("multiple") is None:
        size = select.get("size", "1")
        chosen = chosen[-1:] or (options[:1] if size in ("0", "1", "") else [])
    return ", ".join(filter(None, (option.get("label") or _words(option) for option in chosen)))


def _words(element: etree._Element) -> str:
    return " ".join("".join(element.itertext()).split())
