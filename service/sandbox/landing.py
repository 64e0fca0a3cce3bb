"""Where a plan stands in an EHR, in lines for a person: what the chart shows, and why the rest is not in it."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from service.domain.publication import Landing
from service.sandbox.chart import WHOLE, Chart, ChartEntry, describe, render_lines

#: Of a text that is not shown whole, so many lines.
_BRIEF_LINES: Final = 10
#: Of the same kind and status, so many are named one by one.
_NAMED: Final = 4
_NOTHING: Final = "nothing: the plan stands on the card and on Homeward's page"


def show_chart(chart: Chart, *, whole: bool = True, known: Collection[str] = ()) -> Iterator[str]:
    """Yield the chart in lines as a clinician reads it: a line for each entry, and the words of what holds the plan.

    Without whole only how these begin; known are the texts of which no more is to be shown either.
    """
    if not chart.entries:
        yield f"In the chart: {_NOTHING}."
        return
    yield "In the chart:"
    for entry in chart.of(*WHOLE):
        yield f"  {describe(entry)} ({entry.reference})"
        yield from _show_text(entry, is_brief=not whole or entry.text in known or not entry.stands)
    others = Counter(_without_title(entry) for entry in chart.entries if entry.kind not in WHOLE)
    for entry in chart.entries:
        if entry.kind not in WHOLE and others[_without_title(entry)] <= _NAMED:
            yield f"  {describe(entry)}"
    yield from (f"  {count} of these: {told}" for told, count in others.items() if count > _NAMED)


def show_reasons(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield why items stand lower or not yet, by the rows of `landing` in a discharge's status document."""
    lower = [row for row in rows if row["rung"] != Landing.RESOURCE.value or row["problem"]]
    reasons = Counter(row["problem"] or row["reason"] for row in lower)
    yield from (f"{count} of the plan: {reason}" for reason, count in reasons.items() if reason)


def _show_text(entry: ChartEntry, *, is_brief: bool) -> Iterator[str]:
    lines = render_lines(entry.text)
    shown = lines[:_BRIEF_LINES] if is_brief else lines
    yield from (f"  │ {line}" for line in shown)
    if len(lines) > len(shown):
        yield f"  │ … {len(lines) - len(shown)} more lines"


def _without_title(entry: ChartEntry) -> str:
    return describe(entry).replace(f" “{entry.title}”", "")
