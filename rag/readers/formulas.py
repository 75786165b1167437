"""Formulas of Office (OMML) and of OpenDocument (MathML) → one line of text: 1/2, c^2, √(27), ∑_(i=1)^n."""

from __future__ import annotations

import re
import unicodedata

from lxml import etree

_ATOM = re.compile(r"[+−-]?(?:\d+(?:[.,]\d+)*|\w|[^\W\d_]+|[^\w\s])", re.UNICODE)
_BRACKETED = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_ROOTS = {"": "√", "2": "√", "3": "∛", "4": "∜"}
_FUNCTION = re.compile(r"[^\W\d_]{2,}")
# Letters that have their slant or weight as characters of their own: 𝑥 for x.
_STYLED_LETTER = re.compile("[\U0001d400-\U0001d7ff]+")
_LOW_LINE, _OVERLINE = "\u0332", "\u0305"


def omml_text(math: etree._Element) -> str:
    """The text of an element of Office's math (`m:oMath`)."""
    return _tidy(_omml(math))


def mathml_text(math: etree._Element) -> str:
    """The text of a MathML element (`math`)."""
    return _tidy(_mathml(math))


def fraction(above: str, below: str) -> str:
    """1/2, (a+b)/c"""
    return f"{_grouped(above)}/{_grouped(below)}" if above or below else ""


def power(base: str, exponent: str) -> str:
    """c^2, e^(x+1), f′"""
    if exponent and all(char in "′″‴'*°" for char in exponent):
        return base + exponent
    return f"{base}^{_grouped(exponent)}" if exponent else base


def index(base: str, lower: str) -> str:
    """x_i, x_(i+1)"""
    return f"{base}_{_grouped(lower)}" if lower else base


def root(inner: str, degree: str = "") -> str:
    """√(27), ∛(27), 5√(x) as √[5](x)"""
    return f"{_ROOTS.get(degree, f'√[{degree}]')}({inner})"


def _tidy(text: str) -> str:
    text = _STYLED_LETTER.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    text = re.sub("[\u2061-\u2064\u200b]", "", text)
    return " ".join(text.split())


def _grouped(text: str) -> str:
    text = text.strip()
    return text if not text or _ATOM.fullmatch(text) or _BRACKETED.fullmatch(text) else f"({text})"


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


# --- OMML


def _value(element: etree._Element, path: str, default: str) -> str:
    """The value of a property, such as `dPr/begChr`. A property without a value is empty."""
    for name in path.split("/"):
        found = element.find("{*}" + name)
        if found is None:
            return default
        element = found
    return next((value for key, value in element.items() if key.endswith("val")), "")


def _part(element: etree._Element, name: str) -> str:
    part = element.find("{*}" + name)
    return "" if part is None else _omml(part)


def _omml(element: etree._Element) -> str:
    """All children of an element, one after another."""
    return "".join(_omml_element(child) for child in element)


def _omml_element(element: etree._Element) -> str:
    name = _name(element)
    match name:
        case "t":
            return element.text or ""
        case "f":
            above, below = _part(element, "num"), _part(element, "den")
            return f"{above} ¦ {below}" if _value(element, "fPr/type", "") == "noBar" else fraction(above, below)
        case "sSup":
            return power(_part(element, "e"), _part(element, "sup"))
        case "sSub":
            return index(_part(element, "e"), _part(element, "sub"))
        case "sSubSup":
            return power(index(_part(element, "e"), _part(element, "sub")), _part(element, "sup"))
        case "sPre":
            return power(index("", _part(element, "sub")), _part(element, "sup")) + _part(element, "e")
        case "rad":
            return root(_part(element, "e"), _part(element, "deg").strip())
        case "nary":
            sign = _value(element, "naryPr/chr", "∫") or "∫"
            limits = power(index(sign, _part(element, "sub")), _part(element, "sup"))
            return f"{limits} {_part(element, 'e')}"
        case "d":
            begin, end = _value(element, "dPr/begChr", "("), _value(element, "dPr/endChr", ")")
            between = _value(element, "dPr/sepChr", "|") or " "
            return begin + between.join(_omml(part) for part in element.findall("{*}e")) + end
        case "func":
            function, inner = _part(element, "fName"), _part(element, "e")
            return f"{function}{inner}" if inner.startswith(("(", "[")) else f"{function}({inner})"
        case "limLow":
            return index(_part(element, "e"), _part(element, "lim"))
        case "limUpp":
            return power(_part(element, "e"), _part(element, "lim"))
        case "acc":
            return _part(element, "e") + (_value(element, "accPr/chr", "\u0302") or "")
        case "bar":
            line = _LOW_LINE if _value(element, "barPr/pos", "bot") == "bot" else _OVERLINE
            return "".join(char + line for char in _part(element, "e"))
        case "m":
            rows = [", ".join(_omml(cell) for cell in row.findall("{*}e")) for row in element.findall("{*}mr")]
            return "; ".join(rows)
        case "eqArr":
            return "; ".join(_omml(row) for row in element.findall("{*}e"))
        case "br" | "tab":
            return " "
        case "del" | "moveFrom":
            return ""
        case _:
            return "" if name.endswith("Pr") else _omml(element)


# --- MathML


def _mathml(element: etree._Element) -> str:
    parts = [child for child in element if _name(child)]
    texts: list[str] = []
    name = _name(element)
    if name in ("annotation", "annotation-xml"):
        return ""
    if name in ("mi", "mn", "mo", "mtext", "ms"):
        text = " ".join("".join(element.itertext()).split())
        if name == "mo" and text in ("=", "<", ">", "≤", "≥", "≠", "≈", "→"):
            return f" {text} "
        return text
    if name == "mspace":
        return " "
    texts = [_mathml(part) for part in parts]
    match name, texts:
        case "mfrac", [above, below]:
            return fraction(above, below)
        case "msup", [base, exponent]:
            return power(base, exponent)
        case "msub" | "munder", [base, lower]:
            return index(base, lower)
        case "msubsup" | "munderover", [base, lower, upper]:
            return power(index(base, lower), upper)
        case "mover", [base, upper]:
            return base + upper if upper in ("¯", "^", "~", "→", "˙", "¨") else power(base, upper)
        case "msqrt", _:
            return root("".join(texts))
        case "mroot", [inner, degree]:
            return root(inner, degree.strip())
        case "mfenced", _:
            separator = (element.get("separators", ",").strip() or " ")[0]
            return f"{element.get('open', '(')}{f'{separator} '.join(texts)}{element.get('close', ')')}"
        case "mtable", _:
            return "; ".join(texts)
        case "mtr" | "mlabeledtr", _:
            return ", ".join(texts)
        case "mphantom" | "none" | "mprescripts", _:
            return ""
        case "semantics", [first, *_]:
            return first
        case _:
            return _spaced(texts)


def _spaced(texts: list[str]) -> str:
    """Parts of a row. A name such as "sin" needs a blank before a letter that follows."""
    line = ""
    for text in texts:
        touches = line[-1:].isalnum() and text[:1].isalnum() and line[-1:].isalpha()
        last = re.search(r"[^\W\d_]*$", line)
        line += (" " if touches and last is not None and _FUNCTION.fullmatch(last[0]) else "") + text
    return line
