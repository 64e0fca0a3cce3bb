"""What `homeward tenant` does."""

from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from typing import Any

from config.settings import settings_of_this_process
from config.tenants import Tenant
from service.bootstrap import Deps, build_deps
from service.commands.deployment import opened_operations
from service.commands.options import progress
from service.commands.tables import iso_time, json_or_table
from service.domain.claims import SENTENCES
from service.domain.discharge import DischargeState
from service.errors import BadInput
from service.pipeline.leaving_tenant import Leaving, foresee_leaving, join, leave
from service.store.unclaimed import UnclaimedStay

Show = Callable[[], None]


def list_tenants(form: str) -> Show:
    """Every hospital of the tenants file, and those that the database knows besides."""
    with opened_operations() as deps:
        known = deps.store.hospitals.known()
        counts = deps.store.discharges.count()
        unclaimed = deps.store.unclaimed.count()
        names = sorted({*deps.tenants, *known, *(tenant for tenant, _ in counts)})
        rows = [_row(name, deps.tenants.get(name), known, counts) for name in names]
        stays = [stay for name in names for stay in deps.store.unclaimed.of(name)]
    for row in rows:
        row["unclaimed"] = {
            reason.value: number for (tenant, reason), number in unclaimed.items() if tenant == row["tenant"]
        }
    document = {"tenants": rows, "unclaimed_stays": [_stay(stay) for stay in stays]}
    headings = (
        "tenant",
        "organization",
        "state",
        "FHIR base",
        "stays",
        "discharges",
        "on their way",
        "unclaimed",
    )
    return json_or_table(form, document, headings, [_cells(row) for row in rows], list(_foot(rows, stays)))


def leave_tenant(name: str, *, dry_run: bool, form: str) -> tuple[Show, int]:
    """Withdraw its drafts and Subscriptions; 1 when something still stands, with the reason."""
    deps = build_deps(settings_of_this_process())
    with closing(deps.store):
        tenant = _tenant(name, deps)
        with closing(deps.ehr(name)):
            if dry_run:
                done = foresee_leaving(tenant, deps)
            else:
                done = leave(tenant, deps, lambda found: progress(found, "Withdrawing"))
    document = {
        "tenant": name,
        "dry_run": dry_run,
        "discharges": done.discharges,
        "withdrawn": done.drafts,
        "subscriptions": list(done.subscriptions),
        "approved": list(done.kept),
        "still_there": list(done.still_there),
        "problems": list(done.problems),
    }
    rows = [("approved, stays active", item) for item in done.kept]
    rows += [("still there", item) for item in done.still_there]
    show = json_or_table(form, document, ("what", "resource"), rows, list(_told(name, done, dry_run=dry_run)))
    return show, 1 if done.still_there or done.problems else 0


def join_tenant(name: str) -> str:
    """Serve it again; the sentence that says so."""
    deps = build_deps(settings_of_this_process())
    with closing(deps.store):
        had_left = join(_tenant(name, deps), deps)
    if not had_left:
        return f"{name} is served already."
    return (
        f"{name} is served again. Run `homeward subscribe {name}` so that its orders reach us; what was called off is "
        f"planned again with `homeward discharges replan --tenant {name} --state cancelled`."
    )


def _tenant(name: str, deps: Deps) -> Tenant:
    if name not in deps.tenants:
        raise BadInput(
            "There is no such hospital in HOMEWARD_TENANTS_FILE; it is needed to reach its EHR. Put its entry back first."
        )
    return deps.tenants[name]


def _row(
    name: str,
    tenant: Tenant | None,
    known: Mapping[str, datetime | None],
    counts: Mapping[tuple[str, DischargeState], int],
) -> dict[str, Any]:
    left = known.get(name)
    states = {state: number for (owner, state), number in counts.items() if owner == name}
    on_their_way = (DischargeState.RECEIVED, DischargeState.PLANNED, DischargeState.CANCELLING)
    return {
        "tenant": name,
        "organization": tenant.organization if tenant else None,
        "state": "left" if left else "served" if tenant else "not configured",
        "left": iso_time(left),
        "fhir_base_url": tenant.fhir_base_url if tenant else None,
        "stays": _filter(tenant),
        "discharges": sum(states.values()),
        "on_their_way": sum(states.get(state, 0) for state in on_their_way),
    }


def _filter(tenant: Tenant | None) -> dict[str, list[str]] | None:
    if tenant is None or tenant.stays is None:
        return None
    its = tenant.stays
    named = {
        "organizations": its.organizations,
        "locations": its.locations,
        "order_performers": its.order_performers,
    }
    return {kind: sorted(values) for kind, values in named.items() if values}


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    stays = row["stays"]
    named = ", ".join(reference for values in stays.values() for reference in values) if stays else "all"
    unclaimed = ", ".join(f"{number} {reason}" for reason, number in sorted(row["unclaimed"].items()))
    return (
        row["tenant"],
        row["organization"] or "-",
        row["state"],
        row["fhir_base_url"] or "-",
        named if row["fhir_base_url"] else "-",
        str(row["discharges"]),
        str(row["on_their_way"]),
        unclaimed or "-",
    )


def _stay(stay: UnclaimedStay) -> dict[str, Any]:
    return {
        "tenant": stay.tenant,
        "encounter": stay.encounter,
        "order": stay.order or None,
        "reason": stay.reason.value,
        "said": SENTENCES[stay.reason],
        "since": iso_time(stay.since),
    }


def _foot(rows: list[dict[str, Any]], stays: list[UnclaimedStay]) -> list[str]:
    lines = [
        f"{row['tenant']}: not in HOMEWARD_TENANTS_FILE; its {row['on_their_way']} discharges on their way wait until it is."
        for row in rows
        if row["state"] == "not configured"
    ]
    lines += [f"{stay.tenant} {stay.encounter}: {SENTENCES[stay.reason]}" for stay in stays]
    return lines or [f"{len(rows)} hospitals."]


def _told(name: str, done: Leaving, *, dry_run: bool) -> list[str]:
    would = "would be " if dry_run else ""
    drafts, subscriptions = f"{done.drafts} drafts", f"{len(done.subscriptions)} Subscriptions"
    lines = [
        f"{name}: {done.discharges} discharges; {drafts} {would}withdrawn, {subscriptions} {would}turned off."
    ]
    if done.kept:
        lines.append(
            f"{len(done.kept)} resources that people approved stay as they are; somebody must see to them."
        )
    lines += list(done.problems)
    if dry_run:
        return [*lines, "Nothing was done (dry run)."]
    if done.still_there or done.problems:
        return [
            *lines,
            "Not all is withdrawn; run this again. Do not take the entry out of the tenants file before.",
        ]
    over = (
        f"Nothing is planned for {name} any more; its entry may be taken out of the tenants file. "
        f"`homeward tenant join {name}` undoes it."
    )
    return [*lines, over]
