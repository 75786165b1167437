"""Headers and footers: the lines that are kept."""

from __future__ import annotations

import re
from collections.abc import Iterable

_FOLIO = re.compile(
    r"(?i)(?:page|seite|p[áa]gina|pagina|страница|第)?\s*\d*(?:\s*(?:of|von|de|sur|di|из|/)\s*\d*)?\s*(?:页|頁)?"
)


def margin_lines(lines: Iterable[str]) -> list[str]:
    """The lines of headers and footers, each once, without page numbers and signs."""
    kept: dict[str, None] = {}
    for line in lines:
        line = " ".join(line.strip("| ").split())
        if re.search(r"[^\W\d_]", line) and not _FOLIO.fullmatch(line):
            kept.setdefault(line)
    return list(kept)
