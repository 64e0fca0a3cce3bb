"""The shadow report: what would have been written, as a table without PHI, or as a document with the resources."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from config.tenants import Tenant, WritePolicy
from service.pipeline.shadow import Withheld


def shadow_table(tenant: Tenant, found: Sequence[Withheld]) -> RenderableType:
    """One row for each discharge, and the sum."""
    total: Counter[str] = Counter()
    for one in found:
        total += one.kinds()
    kinds = sorted(total)
    table = Table(title=_title(tenant), box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for name in ("Discharge", "Encounter", "Changed", *kinds, "Withdrawn"):
        table.add_column(name, overflow="fold")
    for one in found:
        numbers = [str(one.kinds()[kind] or "") for kind in kinds]
        changed = f"{one.discharge.changed:%Y-%m-%d %H:%M}"
        taken_back = str(len(one.withdrawn) or "")
        table.add_row(str(one.discharge.id), one.discharge.encounter, changed, *numbers, taken_back)
    table.add_section()
    all_taken_back = str(sum(len(one.withdrawn) for one in found))
    table.add_row(f"{len(found)} discharges", "", "", *(str(total[kind]) for kind in kinds), all_taken_back)
    return Group(table, Text("The resources themselves: --format json (it holds PHI)."))


def shadow_document(tenant: Tenant, found: Sequence[Withheld]) -> dict[str, Any]:
    """tenant, write_policy, and discharges with their resources as they would have been sent.

    withdrawn are those that would have been taken back since, as they would then stand.
    """
    return {
        "tenant": tenant.id,
        "write_policy": tenant.write_policy.value,
        "discharges": [_discharge(one) for one in found],
    }


def _discharge(one: Withheld) -> dict[str, Any]:
    return {
        "discharge": str(one.discharge.id),
        "encounter": one.discharge.encounter,
        "state": one.discharge.state.value,
        "changed": one.discharge.changed.isoformat(),
        "resources": [{"key": draft.key, "resource": draft.body} for draft in one.drafts],
        "withdrawn": [{"key": draft.key, "resource": draft.body} for draft in one.withdrawn],
    }


def _title(tenant: Tenant) -> str:
    if tenant.write_policy.writes:
        return f"{tenant.id}: made ready and not (yet) written; the write policy is {tenant.write_policy}"
    if tenant.write_policy is WritePolicy.OFF:
        return f"{tenant.id}: the write policy is off, so nothing is made ready; with shadow it is, and stands here"
    return f"{tenant.id}: what would have been written; the write policy is {tenant.write_policy}"
