"""Whole processes: how soon the command line answers, how much memory a worker takes."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson

from benchmarks.figures import Figure
from benchmarks.records import TODAY
from benchmarks.wire import peak_memory_of_a_worker
from service.sandbox.inpatients import bundle_of, inpatients

_ROUNDS = 5


def figures() -> list[Figure]:
    """Start of the command line, one plan from a file, and a worker's peak memory."""
    homeward = str(Path(sys.executable).with_name("homeward"))
    bare = _seconds([sys.executable, "-c", "pass"])
    start = _seconds([homeward, "--help"])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "patient.json")
        file.write_bytes(orjson.dumps(bundle_of(inpatients()[0], TODAY)))
        plan = _seconds([homeward, "plan", str(file), "--today", TODAY.isoformat(), "--format", "json"])
    return [
        Figure("homeward --help, to the end", start, "s", 0.5),
        Figure("the same, against python -c pass", start / bare, "times"),
        Figure("homeward plan FILE --format json, to the end", plan, "s"),
        Figure(
            "a worker's peak memory after planning all inpatients", peak_memory_of_a_worker(), "MB", 250.0
        ),
    ]


def _seconds(command: list[str]) -> float:
    """Median wall time of a command, after one run that is not counted."""
    spent = []
    for _ in range(_ROUNDS + 1):
        begun = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        spent.append(time.perf_counter() - begun)
    return statistics.median(spent[1:])
