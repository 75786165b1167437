"""`streamlit run` that records how long each run of the script takes: `python app_under_measure.py RUNS run app.py …`.

The file RUNS gets one JSON line for each run: its `milliseconds`, its thread's milliseconds of processor time (`cpu`),
and whether only a `fragment` ran. On SIGUSR1 the process collects garbage, so that the memory that is left is in use.
"""

from __future__ import annotations

import gc
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.web.cli import main


def note_runs(runs: Path) -> None:
    run_script = ScriptRunner._run_script

    def timed(self: ScriptRunner, rerun_data: Any) -> None:
        began, computed = time.perf_counter(), time.thread_time()
        run_script(self, rerun_data)
        run = {
            "milliseconds": 1000 * (time.perf_counter() - began),
            "cpu": 1000 * (time.thread_time() - computed),
            "fragment": bool(rerun_data.fragment_id_queue),
        }
        with runs.open("a") as file:
            file.write(json.dumps(run) + "\n")

    ScriptRunner._run_script = timed  # type: ignore[method-assign]


if __name__ == "__main__":
    note_runs(Path(sys.argv[1]))
    signal.signal(signal.SIGUSR1, lambda *_: gc.collect())
    sys.argv[1:] = sys.argv[2:]
    main(prog_name="streamlit")
