"""Approvals that clinicians give in the EHR's own screens, by signing a draft of ours there."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from config.tenants import Tenant
from fhir_mappings.bundle import Search, carries
from fhir_mappings.inbound.references import encounter_of
from fhir_mappings.inbound.signed_request import signer_of
from fhir_mappings.references import literal
from fhir_mappings.withdrawal import status_of
from service.domain.decision import Signer
from service.domain.discharge import Discharge, DischargeState
from service.domain.publication import Ledger, LedgerEntry, WriteState
from service.domain.write_reason import WriteReason
from service.ehr.client import Ehr
from service.jobs import Task
from service.pipeline.ports import Deps
from service.pipeline.sign import take_over

_ORDER: Final = "ServiceRequest"
_DRAFT: Final = "draft"
_ASKED: Final = ("encounter", "status")
#: A person has changed it in the EHR, or made it there of what a card suggested.
_PERHAPS_SIGNED: Final = frozenset({WriteReason.CHANGED_BY_PERSON, WriteReason.ORDERED_THERE})


def heed_signatures(discharge: Discharge, ledger: Ledger, ehr: Ehr, deps: Deps) -> None:
    """Approve in the plan what was signed in the EHR, by whom it was signed. Theirs stands there as it is.

    Run again it approves nothing twice. What was declined here and signed there stays a conflict, for a person.
    """
    taken = set(take_over(discharge.id, _signed(ledger, ehr), deps))
    entries = [entry for entry in ledger.entries() if entry.draft.key in taken]
    ledger.save([entry.moved_to(WriteState.THEIRS, WriteReason.SIGNED_THERE) for entry in entries])


def look_for_signatures(known: Sequence[Discharge], ehr: Ehr, deps: Deps) -> None:
    """Have those published again of whose referrals one has been made an order in the EHR since they were last.

    One search for each stay that waits for a decision; nothing where the EHR cannot be searched so.
    """
    capability = ehr.capability()
    if not all(capability.searches(_ORDER, name) for name in _ASKED) or capability.left_out(_ORDER, _ASKED):
        return
    waiting = [(one, drafts) for one in known if (drafts := _drafts_there(one, deps))]
    searches = [_standing_orders(one) for one, _ in waiting]
    results = ehr.batch(searches) if searches else []
    for (discharge, drafts), result in zip(waiting, results, strict=True):
        if any(carries(order, draft) for order in result.resources for draft in drafts):
            _publish_again(discharge.id, deps)


def heed_order(order: dict[str, Any], tenant: Tenant, deps: Deps) -> None:
    """An order changed in the EHR: if it is a draft of ours that somebody has signed, its plan is published again."""
    if order.get("resourceType") != _ORDER or signer_of(order, base=tenant.fhir_base_url) is None:
        return
    known = deps.store.discharges.of_stay(tenant.id, literal(encounter_of(order)))
    if known and any(carries(order, draft) for draft in _drafts_there(known, deps)):
        _publish_again(known.id, deps)


def _drafts_there(discharge: Discharge, deps: Deps) -> list[str]:
    """The identifiers of the referrals that stand in the EHR as drafts of ours."""
    if discharge.state is not DischargeState.PUBLISHED:
        return []
    return [
        entry.draft.identifier
        for entry in deps.store.publications.entries(discharge.id)
        if entry.draft.resource_type == _ORDER
        and entry.state is WriteState.LANDED
        and entry.wanted
        and status_of(entry.sent or entry.draft.body) == _DRAFT
    ]


def _standing_orders(discharge: Discharge) -> Search:
    asked = (discharge.encounter.partition("/")[2], "active,completed")
    return Search(_ORDER, tuple(zip(_ASKED, asked, strict=True)))


def _publish_again(discharge_id: UUID, deps: Deps) -> None:
    with deps.store.begin() as unit:
        discharge = unit.discharges.lock(discharge_id)
        if discharge.state is DischargeState.PUBLISHED:
            unit.discharges.save(discharge.move_to(DischargeState.PLANNED, deps.now()))
            deps.jobs.defer(Task.PUBLISH, discharge_id, unit)


def _signed(ledger: Ledger, ehr: Ehr) -> Mapping[str, Signer]:
    """Who signed what, by the key of its item. Only what publishing has just found changed is read, in one batch."""
    changed = [entry for entry in ledger.entries() if _may_be_signed(entry)]
    results = ehr.batch([_reading(entry) for entry in changed]) if changed else []
    found = zip(changed, results, strict=True)
    signers = {entry.draft.key: _signer(result.resources, ehr) for entry, result in found}
    return {key: signer for key, signer in signers.items() if signer is not None}


def _signer(resources: tuple[dict[str, Any], ...], ehr: Ehr) -> Signer | None:
    return signer_of(resources[0], base=ehr.tenant.fhir_base_url) if resources else None


def _may_be_signed(entry: LedgerEntry) -> bool:
    theirs = entry.state is WriteState.THEIRS and entry.reason in _PERHAPS_SIGNED
    return theirs and entry.wanted and bool(entry.reference) and entry.draft.resource_type == _ORDER


def _reading(entry: LedgerEntry) -> Search:
    kind, _, identity = entry.reference.partition("/")
    return Search(kind, id=identity)
