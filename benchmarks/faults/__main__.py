"""`make faults [COUNT=500] [SEED=1]`: exit 1 when a promise is broken.

python -m benchmarks.faults --count 500 --seed 1 [--write] [EHR…]
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.faults.report import table, write
from benchmarks.faults.rounds import run
from benchmarks.faults.verdict import Verdict
from service.sandbox.mode import FULL, VENDORS, mode_of

RATE = 0.2
#: Enough for a p95 of what goes right.
_CALM_COUNT = 120


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rounds; 0 when all promises were kept."""
    asked = _parser().parse_args(arguments)
    console = Console(stderr=True)
    asked.log.parent.mkdir(parents=True, exist_ok=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        verdicts = [judged(words, asked.count, asked.seed, asked.log, progress) for words in asked.ehr]
    Console().print(table(verdicts))
    if asked.write:
        write(verdicts)
    broken = [(str(one.flaky.mode), sentence) for one in verdicts for sentence in one.broken()]
    for mode, sentence in broken:
        console.print(f"[bold red]{mode}[/]: {sentence}")
    return int(bool(broken))


def judged(words: str, count: int, seed: int, log: Path, progress: Progress) -> Verdict:
    """A round without faults and one with, in an EHR of this kind."""
    mode = mode_of(words)
    calm_bar = progress.add_task(f"{words}, no faults", total=min(count, _CALM_COUNT))
    flaky_bar = progress.add_task(f"{words}, {RATE:.0%} faults", total=count)
    calm = run(
        mode,
        min(count, _CALM_COUNT),
        killing=False,
        log=log,
        tick=lambda: progress.advance(calm_bar),
    )
    failing = mode.failing(rate=RATE, seed=seed)
    return Verdict(calm, run(failing, count, killing=True, log=log, tick=lambda: progress.advance(flaky_bar)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--count", type=int, default=500, help="discharges in each EHR")
    parser.add_argument("--seed", type=int, default=1, help="which faults")
    parser.add_argument(
        "--log", type=Path, default=Path(".state/faults/workers.log"), help="what the workers say"
    )
    parser.add_argument("--write", action="store_true", help="put the figures into docs/reliability.md")
    parser.add_argument("ehr", nargs="*", default=[FULL, *VENDORS], help="the kinds of EHR, by default all")
    return parser


if __name__ == "__main__":
    sys.exit(main())
