"""Who stands as author and as chosen organization in what we write: resources of their own where the EHR takes them.

They are made before the first resource that names them, outside any discharge's ledger: all discharges of a hospital share
them, so two workers that made them with their plans would make two of each.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from config.tenants import Tenant
from fhir_mappings.outbound.author import Author, device_identifier, partner_identifier
from fhir_mappings.outbound.shared import device_draft, partner_draft
from service.domain.community_service import CommunityService
from service.domain.discharge import Discharge
from service.domain.plan import Plan
from service.domain.publication import Draft, SharedResource
from service.ehr.shared import find_or_create
from service.pipeline.ports import Deps
from service.store import Store, Unit

_DEVICE: Final = "Homeward"
#: An EHR that took none is asked again after this: scopes are granted and EHRs upgraded.
_ASKED_AGAIN: Final = timedelta(hours=1)


def author_of(tenant: Tenant) -> Author:
    """Who writes: Homeward, for this hospital."""
    return Author(
        _DEVICE,
        tenant.organization,
        tenant.organization_reference,
        tenant=tenant.id,
        social_work_reference=tenant.social_work_reference,
    )


def known_author(tenant: Tenant, plan: Plan | None, store: Store | Unit, *, page: str) -> Author:
    """The same with what of it stands in the EHR, the organizations that were chosen in this plan, and the plan's page."""
    known = store.shared_resources.of(tenant.id, tenant.fhir_base_url)
    chosen = {service.id: partner_identifier(tenant.id, service.id) for service in _chosen(plan)}
    partners = {service: known[name].reference for service, name in chosen.items() if name in known}
    device = known.get(device_identifier(tenant.id))
    return replace(
        author_of(tenant),
        device_reference=device.reference if device else "",
        partners=partners,
        page=page,
    )


def page_of(discharge: Discharge, deps: Deps) -> str:
    """The address of a discharge's page, as charts link to it; "" where the service has no public address."""
    base = deps.settings.linked_url
    return f"{base}/discharges/{discharge.id}" if base else ""


def establish_parties(discharge: Discharge, tenant: Tenant, deps: Deps) -> bool:
    """Make, or find, what a discharge's plan names and the EHR is not known to have; return whether to draft it again.

    A plan with chosen organizations always is: another discharge may have made them after this one was drafted.
    """
    version = deps.store.plans.latest(discharge.id)
    wanted = [device_draft(author_of(tenant)), *_partners(version.plan if version else None, tenant)]
    if not _missing(wanted, tenant, deps):
        return len(wanted) > 1
    with deps.store.alone(f"shared resources of {tenant.id}"):
        for draft in _missing(wanted, tenant, deps):
            _establish(draft, tenant, deps)
    return True


def _missing(wanted: Sequence[Draft], tenant: Tenant, deps: Deps) -> list[Draft]:
    known = deps.store.shared_resources.of(tenant.id, tenant.fhir_base_url)
    return [draft for draft in wanted if _is_to_be_asked(known.get(draft.identifier), deps)]


def _is_to_be_asked(known: SharedResource | None, deps: Deps) -> bool:
    return known is None or (not known.reference and deps.now() - known.looked >= _ASKED_AGAIN)


def _establish(draft: Draft, tenant: Tenant, deps: Deps) -> None:
    reference = find_or_create(deps.ehr(tenant.id), draft)
    if reference is not None:
        found = SharedResource(reference, deps.now())
        deps.store.shared_resources.keep(tenant.id, tenant.fhir_base_url, draft.identifier, found)


def _partners(plan: Plan | None, tenant: Tenant) -> Iterator[Draft]:
    services = {service.id: service for service in _chosen(plan)}
    return (partner_draft(service, tenant.id) for service in services.values())


def _chosen(plan: Plan | None) -> Iterator[CommunityService]:
    """Whom people chose. Not one with a label: where survivors of violence are safe, no directory of an EHR may tell."""
    for referral in plan.referrals if plan else ():
        if referral.chosen and not referral.chosen.labels | referral.labels:
            yield referral.chosen
