"""How fast Docent is, measured where it runs, by `python -m rag bench`. The page "Speed" shows the benchmark "tables".

`tables` compares Docent with the tutorial (`tutorial_store`) on the texts and vectors of `workload`, in `rounds`;
`results` has its figures, `chart` draws them, `background` runs it for the page. `ingest` compares ingestion with the
tutorial's (`tutorial_ingestion`). All work in scratch collections (`scratch`, `scratch_library`), which they delete.
`rag/cli/bench.py` says how to add one.
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

# Imported at their first use: a command that only reads the names of the benchmarks mustn't wait for charts.
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
