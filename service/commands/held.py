"""What `homeward brake` does."""

from collections.abc import Callable
from typing import Any

from service.bootstrap import Operations
from service.commands.deployment import opened_operations
from service.commands.tables import iso_time, json_or_table, local_time
from service.domain.discharge import Discharge
from service.pipeline.brake import release

Show = Callable[[], None]


def show_brakes(form: str) -> Show:
    """Read the brakes that are closed and what a person must look at; what comes back prints them."""
    with opened_operations() as deps:
        hospitals = [_document(tenant, deps) for tenant in deps.tenants]
    shown = [
        hospital for hospital in hospitals if hospital["closed"] or hospital["held"] or hospital["asked"]
    ]
    rows = [
        (
            hospital["tenant"],
            hospital["closed"] or "-",
            thing["discharge"] or "-",
            thing["reference"],
            thing["why"],
        )
        for hospital in shown
        for thing in (*hospital["held"], *hospital["asked"])
    ]
    headings = ("tenant", "closed since", "discharge", "not shown by the EHR", "why")
    foot = "Every brake is open, and nothing waits for a person." if not shown else _REMEDY
    return json_or_table(form, {"hospitals": shown}, headings, rows, [foot])


def release_brake(tenant: str, form: str) -> Show:
    """Release a hospital's brake; what comes back prints what was held. BadInput for an unknown hospital."""
    with opened_operations(tenant) as deps:
        held = release(tenant, deps)
    document = {"tenant": tenant, "released": [_held(discharge) for discharge in held]}
    rows = [(str(discharge.id), discharge.held, local_time(discharge.changed)) for discharge in held]
    foot = (
        f"Released: {len(held)} plans were held. Each is looked at once more; what the EHR still does not show is taken back "
        "within this hour."
    )
    return json_or_table(form, document, ("discharge", "not shown by the EHR", "changed"), rows, [foot])


_REMEDY = (
    "Is the EHR well, and may Homeward still read it? What it shows again goes on by itself. If what is held is truly gone: "
    "homeward brake release TENANT."
)


def _document(tenant: str, deps: Operations) -> dict[str, Any]:
    closed = {brake.tenant: brake.closed for brake in deps.store.brakes.closed()}
    asked = [doubt for doubt in deps.store.doubts.of(tenant) if doubt.asked]
    return {
        "tenant": tenant,
        "closed": iso_time(closed.get(tenant)),
        "held": [_held(discharge) for discharge in deps.store.discharges.held(tenant)],
        "asked": [
            {
                "discharge": str(doubt.discharge) if doubt.discharge else None,
                "reference": doubt.reference,
                "why": doubt.shown.value,
            }
            for doubt in asked
        ],
    }


def _held(discharge: Discharge) -> dict[str, str]:
    return {"discharge": str(discharge.id), "reference": discharge.held, "why": "held"}
