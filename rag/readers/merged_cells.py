"""Merged cells of a sheet: their text is filled into each cell that they cover."""

from __future__ import annotations

from dataclasses import dataclass, field

from rag.readers.sheet_rows import COVERED, TEXT

# The columns of a sheet.
MOST_COLUMNS = 16_384
# The cells that merged cells may cover in all, and the steps that finding them may take. Only a hostile sheet has more.
_MOST_COVERED = 5_000_000


@dataclass(slots=True)
class Area:
    """A merged cell: the 0-based places of its corners, and its text once it is known."""

    top: int
    left: int
    bottom: int
    right: int
    text: str = ""
    kind: str = TEXT
    is_shown: bool = False


@dataclass(slots=True)
class Merges:
    """The merged cells of a sheet, for rows that come from top to bottom."""

    areas: list[Area] = field(default_factory=list)
    _active: list[Area] = field(default_factory=list)
    _room: int = _MOST_COVERED

    def __post_init__(self) -> None:
        self.areas.sort(key=lambda area: area.top, reverse=True)

    def open(self, area: Area) -> None:
        """Add a merged cell that begins in the next row to be filled, with its text."""
        self._active.append(area)

    def fill(self, place: int, cells: dict[int, tuple[str, str]], hidden: bytearray, is_hidden: bool) -> None:
        """Fill the text of merged cells into the cells of a row that they cover. `cells` has kind and text by place."""
        while self.areas and self.areas[-1].top <= place:
            area = self.areas.pop()
            if area.top == place:
                area.kind, area.text = cells.get(area.left, (TEXT, ""))
            self._active.append(area)
        if not self._active:
            return
        self._active = [area for area in self._active if area.bottom >= place]
        self._room -= len(self._active)
        for area in self._active:
            self._room -= area.right - area.left + 1
            if self._room < 0:
                self.areas, self._active = [], []
                return
            for column in range(area.left, min(area.right + 1, MOST_COLUMNS)):
                if is_hidden or hidden[column]:
                    continue
                kind = COVERED if area.is_shown else area.kind
                cells[column] = (kind, area.text)
                area.is_shown = True
