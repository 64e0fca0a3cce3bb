"""Approvals that clinicians give in the EHR's own screens, by signing a draft of ours there."""

from collections.abc import Mapping
from typing import Any, Final

from fhir_mappings.bundle import Search
from fhir_mappings.inbound.signed_request import signer_of
from service.domain.decision import Signer
from service.domain.discharge import Discharge
from service.domain.publication import SIGNED_THERE, Ledger, LedgerEntry, WriteState
from service.ehr.client import Ehr
from service.pipeline.ports import Deps
from service.pipeline.settle import CHANGED
from service.pipeline.sign import take_over

_ORDER: Final = "ServiceRequest"


def heed_signatures(discharge: Discharge, ledger: Ledger, ehr: Ehr, deps: Deps) -> None:
    """Approve in the plan what was signed in the EHR, by whom it was signed. Theirs stands there as it is.

    Run again it approves nothing twice. What was declined here and signed there stays a conflict, for a person.
    """
    for key in take_over(discharge.id, _signed(ledger, ehr), deps):
        ledger.mark(key, WriteState.CONFLICT, problem=SIGNED_THERE)


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
    theirs = entry.state is WriteState.CONFLICT and entry.problem == CHANGED
    return theirs and entry.wanted and bool(entry.reference) and entry.draft.resource_type == _ORDER


def _reading(entry: LedgerEntry) -> Search:
    kind, _, identity = entry.reference.partition("/")
    return Search(kind, id=identity)
