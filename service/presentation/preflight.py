"""A preflight for ops: as a table for a terminal, as a document for a program."""

from collections.abc import Sequence
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from config.vendor_files import Topic, VendorNote
from service.pipeline.finding import Area, Finding, Preflight, Verdict

_STYLES: Final = {Verdict.READY: "green", Verdict.DEGRADED: "yellow", Verdict.UNUSABLE: "bold red"}


def preflight_document(preflight: Preflight) -> dict[str, Any]:
    """The stable JSON: about, verdict, clinician_sees, findings with area, subject, verdict, rung and reason, and notes.

    notes are what is publicly known of a product, by topic, each with its source; none where no product was named.
    """
    return {
        "about": preflight.about,
        "verdict": preflight.verdict.value,
        "clinician_sees": next((one.said for one in preflight.findings if one.area is Area.CLINICIAN), ""),
        "findings": [_finding(one) for one in preflight.findings],
        "notes": [
            {"topic": note.topic.value, "said": note.said, "source": note.source} for note in preflight.notes
        ],
    }


def preflight_table(preflight: Preflight) -> RenderableType:
    """One row for each finding, then what is known of the product, what the clinician sees and the verdict."""
    table = Table(
        title=f"Preflight of {preflight.about}", box=SIMPLE_HEAD, title_justify="left", pad_edge=False
    )
    for name in ("What", "", "Verdict", "Rung", "Why"):
        table.add_column(name, overflow="fold")
    for one in preflight.findings:
        if one.area is not Area.CLINICIAN:
            verdict = Text(one.verdict, style=_STYLES[one.verdict])
            table.add_row(one.area, Text(one.subject), verdict, one.rung, Text(one.said))
    seen = [
        Text(f"The clinician sees: {one.said}") for one in preflight.findings if one.area is Area.CLINICIAN
    ]
    notes = [_notes_table(preflight.notes)] if preflight.notes else []
    return Group(
        table, *notes, *seen, Text(f"Verdict: {preflight.verdict}", style=_STYLES[preflight.verdict])
    )


_TOPICS: Final = {
    Topic.TRIGGERS: "triggers",
    Topic.READS: "reading",
    Topic.SEES: "seeing",
    Topic.NOBODY: "nobody can",
    Topic.UNVERIFIED: "unverified",
}


def _notes_table(notes: Sequence[VendorNote]) -> Table:
    table = Table(title="Publicly known", box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for name in ("About", "", "Source"):
        table.add_column(name, overflow="fold")
    for note in notes:
        table.add_row(_TOPICS[note.topic], Text(note.said), Text(note.source))
    return table


def _finding(one: Finding) -> dict[str, str]:
    return {
        "area": one.area.value,
        "subject": one.subject,
        "verdict": one.verdict.value,
        "rung": one.rung,
        "reason": one.said,
    }
