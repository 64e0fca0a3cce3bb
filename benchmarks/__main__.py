"""`make bench`: how fast this checkout is on this machine, as ratios within one run.

python -m benchmarks            all of them
python -m benchmarks cpu wire   only these
"""

import sys

from rich.console import Console
from rich.table import Table

from benchmarks import cpu, hooks, order, process, subscriptions, wire
from benchmarks.figures import Figure

_PARTS = {
    "cpu": cpu.figures,
    "wire": wire.figures,
    "hooks": hooks.figures,
    "subscriptions": subscriptions.figures,
    "order": order.figures,
    "process": process.figures,
}


def main() -> int:
    """Run the named parts, or all; 1 if a budget is missed, 2 for a name that is not a part."""
    chosen = sys.argv[1:] or list(_PARTS)
    if unknown := sorted(set(chosen) - set(_PARTS)):
        Console(stderr=True).print(
            f"There is no benchmark {', '.join(unknown)}; choose from {', '.join(_PARTS)}."
        )
        return 2
    measured: list[Figure] = []
    with Console(stderr=True).status("Measuring") as status:
        for part in chosen:
            status.update(f"Measuring {part}")
            measured += _PARTS[part]()
    Console().print(_table(measured))
    return int(any(not figure.held for figure in measured))


def _table(measured: list[Figure]) -> Table:
    table = Table(title="Benchmarks (medians; the ratios compare within this run)")
    for heading in ("what", "measured", "budget", "held"):
        table.add_column(heading, overflow="fold")
    for figure in measured:
        table.add_row(figure.what, figure.shown, figure.budget_shown, figure.verdict)
    return table


if __name__ == "__main__":
    sys.exit(main())
