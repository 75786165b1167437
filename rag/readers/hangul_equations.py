"""Hangul's script of equations → one line of text: `{1} over {2}` is 1/2, `sqrt {27}` is √(27)."""

from __future__ import annotations

import re

from rag.readers.formulas import fraction, index, power, root

_TOKEN = re.compile(r'"[^"]*"|->|[A-Za-z]+|\d+(?:[.,]\d+)*|\S')
_SIGNS = {
    "times": "×", "div": "÷", "pm": "±", "mp": "∓", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "ne": "≠", "neq": "≠",
    "inf": "∞", "infty": "∞", "sum": "∑", "prod": "∏", "int": "∫", "oint": "∮", "partial": "∂", "approx": "≈",
    "cdot": "·", "cdots": "⋯", "ldots": "…", "rarrow": "→", "larrow": "←", "in": "∈", "subset": "⊂", "cup": "∪",
    "cap": "∩", "forall": "∀", "exist": "∃", "deg": "°", "prime": "′", "triangle": "△", "angle": "∠", "therefore": "∴",
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "theta": "θ", "lambda": "λ", "mu": "μ",
    "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "omega": "ω", "eta": "η", "xi": "ξ", "chi": "χ",
    "->": "→", "psi": "ψ", "zeta": "ζ", "kappa": "κ", "nu": "ν",
}  # fmt: skip
_IGNORED = frozenset({"rm", "it", "bold", "left", "right", "box", "`", "~", "cases", "matrix", "pmatrix", "eqalign"})
# Names before the letters that they are about.
_NAMES = frozenset({"sin", "cos", "tan", "log", "ln", "exp", "max", "min", "vec", "bar", "hat", "dot", "tilde"})
_DEEPEST = 100
# Characters of a script that are read. Only a hostile file has more.
_LONGEST = 20_000


def equation_text(script: str) -> str:
    """The text of an equation's script."""
    return " ".join(_Script(_TOKEN.findall(script[:_LONGEST])).sequence(0).split())


class _Script:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def sequence(self, depth: int) -> str:
        """The text up to the end of the group."""
        parts: list[str] = []
        while self._at < len(self._tokens) and self._tokens[self._at] != "}":
            token = self._tokens[self._at]
            if token.lower() in ("over", "atop") and parts:
                self._at += 1
                parts[-1] = fraction(parts[-1], self._item(depth))
            elif token in "^_" and parts:
                self._at += 1
                parts[-1] = (power if token == "^" else index)(parts[-1], self._item(depth))
            elif token.lower() in ("sup", "sub") and parts:
                self._at += 1
                parts[-1] = (power if token.lower() == "sup" else index)(parts[-1], self._item(depth))
            elif token == "#" or token == "&":
                self._at += 1
                parts.append("; " if token == "#" else ", ")
            else:
                parts.append(self._item(depth))
        return "".join(parts)

    def _item(self, depth: int) -> str:
        if self._at >= len(self._tokens):
            return ""
        token = self._tokens[self._at]
        self._at += 1
        name = token.lower()
        if token == "{":
            inner = self.sequence(depth + 1) if depth < _DEEPEST else ""
            self._at += 1
            return inner
        if name in _IGNORED:
            return " " if token in "`~" else ""
        if name == "sqrt":
            return root(self._item(depth).strip())
        if name == "root":
            degree = self._item(depth).strip()
            if self._at < len(self._tokens) and self._tokens[self._at].lower() == "of":
                self._at += 1
            return root(self._item(depth).strip(), degree)
        if token in "=<>+" or name in _SIGNS:
            sign = _SIGNS.get(name, token)
            return f" {sign} " if token in "=<>" else sign
        return f"{token} " if name in _NAMES else token.strip('"')
