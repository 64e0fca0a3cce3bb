"""A preflight for ops: as a table for a terminal, as a document for a program."""

from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from service.pipeline.finding import Area, Finding, Preflight, Verdict

_STYLES: Final = {Verdict.READY: "green", Verdict.DEGRADED: "yellow", Verdict.UNUSABLE: "bold red"}


def preflight_document(preflight: Preflight) -> dict[str, Any]:
    """The stable JSON: about, verdict, clinician_sees, and findings with area, subject, verdict, rung and reason."""
    return {
        "about": preflight.about,
        "verdict": preflight.verdict.value,
        "clinician_sees": next((one.said for one in preflight.findings if one.area is Area.CLINICIAN), ""),
        "findings": [_finding(one) for one in preflight.findings],
    }


def preflight_table(preflight: Preflight) -> RenderableType:
    """One row for each finding, then what the clinician sees and the verdict."""
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
    return Group(table, *seen, Text(f"Verdict: {preflight.verdict}", style=_STYLES[preflight.verdict]))


def _finding(one: Finding) -> dict[str, str]:
    return {
        "area": one.area.value,
        "subject": one.subject,
        "verdict": one.verdict.value,
        "rung": one.rung,
        "reason": one.said,
    }
