"""The figures as a table to look at and as the block of docs/reliability.md."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.table import Table

from benchmarks.faults.verdict import P95_FACTOR, Verdict

PAGE: Final = Path(__file__).parents[2] / "docs" / "reliability.md"
_BEGIN, _END = "<!-- figures: begin -->", "<!-- figures: end -->"


def rows(verdicts: Sequence[Verdict]) -> list[tuple[str, ...]]:
    """A heading row, then one row for each figure, one column for each EHR."""
    flaky = [one.flaky for one in verdicts]
    return [
        ("", *(one.calm.mode.vendor or "full" for one in verdicts)),
        ("discharges", *(str(len(one.seconds)) for one in flaky)),
        ("requests of the EHR that went wrong", *(_share(one.faults) for one in flaky)),
        ("workers killed", *("2" for _ in flaky)),
        ("finished", *(str(one.finished) for one in flaky)),
        ("handed to a person as unknown", *(str(one.unknown) for one in flaky)),
        ("lost", *(str(len(one.lost)) for one in flaky)),
        ("resources of ours in the EHR", *(str(sum(one.resources.values())) for one in flaky)),
        ("of these twice", *(str(one.duplicates) for one in flaky)),
        ("edits by people", *(str(one.edits) for one in flaky)),
        ("of these overwritten", *(str(one.overwritten) for one in flaky)),
        ("plans with a gap because of a fault", *(str(one.thinner) for one in verdicts)),
        ("p95 without faults, s", *(f"{one.calm.p95:.1f}" for one in verdicts)),
        ("p95 with faults, s", *(f"{one.flaky.p95:.1f}" for one in verdicts)),
        (f"times longer (at most {P95_FACTOR:g})", *(f"{one.factor:.1f}" for one in verdicts)),
    ]


def table(verdicts: Sequence[Verdict]) -> Table:
    """For the terminal."""
    heading, *others = rows(verdicts)
    drawn = Table(title="Faults: counted by reading the EHR")
    for name in heading:
        drawn.add_column(name)
    for row in others:
        drawn.add_row(*row)
    return drawn


def write(verdicts: Sequence[Verdict]) -> None:
    """Put the figures of this run into docs/reliability.md, with day, seed and machine."""
    heading, *others = rows(verdicts)
    lines = [_row(heading), _row(("---", *("--:" for _ in verdicts))), *map(_row, others)]
    block = "\n".join([_BEGIN, _where(verdicts), "", *lines, _END])
    text = PAGE.read_text(encoding="utf-8")
    before, after = text.partition(_BEGIN)[0], text.partition(_END)[2]
    PAGE.write_text(f"{before}{block}{after}", encoding="utf-8")


def _where(verdicts: Sequence[Verdict]) -> str:
    mode = verdicts[0].flaky.mode
    minutes = sum(one.calm.took + one.flaky.took for one in verdicts) / 60
    return (
        f"Measured on {datetime.now(UTC).date()} with seed {mode.seed} and {mode.fault_rate:.0%} faults, on a machine with "
        f"{os.cpu_count()} cores ({platform.machine()}), {minutes:.0f} minutes in all."
    )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _share(faults: dict[str, int] | object) -> str:
    counts = dict(faults) if isinstance(faults, dict) else {}
    wrong = sum(counts.values()) - counts.get("none", 0)
    return f"{wrong} of {sum(counts.values())}"
