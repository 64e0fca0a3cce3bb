"""`make faults [COUNT=500] [SEED=1]`: exit 1 when a promise is broken; the last line is the verdict.

python -m benchmarks.faults --count 500 --seed 1 [--write] [EHR…]
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.faults.counting import Result
from benchmarks.faults.report import table, write
from benchmarks.faults.rounds import run
from benchmarks.faults.verdict import told, verdict
from service.sandbox.mode import KINDS, Mode, mode_of

#: Of the requests that no lasting fault meets.
RATE = 0.05


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rounds; 0 when all promises were kept."""
    asked = _parser().parse_args(arguments)
    console = Console(stderr=True)
    asked.log.parent.mkdir(parents=True, exist_ok=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        results = list(_results(asked.ehr, asked.count, asked.seed, asked.log, progress))
    shown = Console(soft_wrap=True)
    shown.print(table(results))
    for result in results:
        shown.print(*told(result), sep="\n", end="\n" if result.findings else "", highlight=False)
    if asked.write:
        write(results, asked.seed)
    shown.print(verdict(results, asked.seed), highlight=False)
    return int(any(result.is_bad() for result in results))


def troubled(words: str, seed: int) -> Mode:
    """An EHR of this kind with all its faults; a vendor's by its written rules."""
    mode = mode_of(words).failing(rate=RATE, seed=seed)
    return replace(mode, spellbound=True)


def _results(kinds: Sequence[str], count: int, seed: int, log: Path, progress: Progress) -> Iterator[Result]:
    """One round in each EHR, with its share of the discharges."""
    for place, words in enumerate(kinds):
        share = count // len(kinds) + (place < count % len(kinds))
        bar = progress.add_task(words, total=share)
        yield run(troubled(words, seed), share, log=log, tick=lambda bar=bar: progress.advance(bar))  # type: ignore[misc]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--count", type=int, default=500, help="discharges in all EHRs together")
    parser.add_argument("--seed", type=int, default=1, help="which faults")
    parser.add_argument(
        "--log", type=Path, default=Path(".state/faults/homeward.log"), help="what Homeward's processes say"
    )
    parser.add_argument("--write", action="store_true", help="put the figures into docs/reliability.md")
    parser.add_argument("ehr", nargs="*", default=list(KINDS), help="the kinds of EHR, by default all")
    return parser


if __name__ == "__main__":
    sys.exit(main())
