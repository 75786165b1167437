"""How fast Docent is, measured where it runs: `python -m rag bench`; the page "Speed" shows the first of them.

Benchmarks work in scratch collections (scratch.py), which they remove. command.py says how to add one.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag.benchmarks.background import BackgroundRun
    from rag.benchmarks.chart import operation_chart
    from rag.benchmarks.results import OPERATIONS, WAYS, Operation, Row, Tables, Timing, seconds, sentence, warnings
    from rag.benchmarks.rounds import Progress
    from rag.benchmarks.tables import SIZES, measure_tables

__all__ = [
    "OPERATIONS",
    "SIZES",
    "WAYS",
    "BackgroundRun",
    "Operation",
    "Progress",
    "Row",
    "Tables",
    "Timing",
    "measure_tables",
    "operation_chart",
    "seconds",
    "sentence",
    "warnings",
]

# Imported at their first use: other commands, which look at this package for the names of the benchmarks only,
# shouldn't wait for charts.
_LAZY = {
    "BackgroundRun": "background",
    "operation_chart": "chart",
    "SIZES": "tables",
    "measure_tables": "tables",
    "Progress": "rounds",
    **dict.fromkeys(
        ("OPERATIONS", "WAYS", "Operation", "Row", "Tables", "Timing", "seconds", "sentence", "warnings"), "results"
    ),
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"rag.benchmarks.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'rag.benchmarks' has no attribute {name!r}")
