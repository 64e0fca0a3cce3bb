"""The figures as a table to look at and as the block of docs/reliability.md."""

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.table import Table

from benchmarks.faults.counting import Result
from benchmarks.faults.judgement import Count
from benchmarks.faults.verdict import verdict

PAGE: Final = Path(__file__).parents[2] / "docs" / "reliability.md"
_BEGIN, _END = "<!-- figures: begin -->", "<!-- figures: end -->"


def rows(results: Sequence[Result]) -> list[tuple[str, ...]]:
    """A heading row, then one row for each figure, one column for each EHR."""
    return [
        ("", *(result.mode.kind for result in results)),
        ("discharges", *(str(result.cases) for result in results)),
        ("requests of the EHR that went wrong", *(_share(result.faults) for result in results)),
        ("kinds of faults met", *(str(len(set(result.faults) - {"none"})) for result in results)),
        ("processes killed", *(str(result.killed) for result in results)),
        *((str(count), *(str(result.count(count)) for result in results)) for count in Count),
        ("asked a person whether the EHR has it", *(str(result.asked) for result in results)),
        ("landed in the EHR's own form", *(f"{result.landed} of {result.wanted}" for result in results)),
        ("seconds for a discharge", *(f"{result.took / result.cases:.1f}" for result in results)),
    ]


def table(results: Sequence[Result]) -> Table:
    """For the terminal."""
    heading, *others = rows(results)
    drawn = Table(title="Faults: counted by reading the EHR")
    for name in heading:
        drawn.add_column(name)
    for row in others:
        drawn.add_row(*row)
    return drawn


def write(results: Sequence[Result], seed: int) -> None:
    """Put the figures of this run into docs/reliability.md, with day, seed and machine."""
    heading, *others = rows(results)
    lines = [_row(heading), _row(("---", *("--:" for _ in results))), *map(_row, others)]
    block = "\n".join([_BEGIN, _where(results), "", *lines, "", f"`{verdict(results, seed)}`", _END])
    text = PAGE.read_text(encoding="utf-8")
    before, after = text.partition(_BEGIN)[0], text.partition(_END)[2]
    PAGE.write_text(f"{before}{block}{after}", encoding="utf-8")


def _where(results: Sequence[Result]) -> str:
    mode = results[0].mode
    minutes = sum(result.took for result in results) / 60
    return (
        f"Measured on {datetime.now(UTC).date()} with seed {mode.seed}, {mode.fault_rate:.0%} single faults beside those that "
        f"last, on a machine with {os.cpu_count()} cores ({platform.machine()}), {minutes:.0f} minutes in all."
    )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _share(faults: Mapping[str, int]) -> str:
    wrong = sum(faults.values()) - faults.get("none", 0)
    return f"{wrong} of {sum(faults.values())}"
