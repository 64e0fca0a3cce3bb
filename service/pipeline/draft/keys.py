"""Stable keys: the same item has the same key on every planning of a stay, so that edits and receipts stay with it."""

from collections.abc import Iterable
from typing import Final

from fhir_mappings.outbound.service_request import SOCIAL_WORK_KEY
from service.domain.need import Need
from service.domain.sensitivity import Labels, PatientSheet, on_patient_sheet

#: Items for readers of different kinds are never one item, even for the same service.
_AUDIENCES: Final = {
    PatientSheet.AS_IT_IS: "",
    PatientSheet.NEUTRAL: ":private",
    PatientSheet.WITHHELD: ":protected",
}


def referral_key(service: str, labels: Labels) -> str:
    """One for each service and audience, whichever needs ask for it."""
    return f"referral:{service}{_AUDIENCES[on_patient_sheet(labels)]}"


def programme_key(programme: str, labels: Labels) -> str:
    """One for each programme and audience, as for referrals."""
    return f"programme:{programme}{_AUDIENCES[on_patient_sheet(labels)]}"


def item_key(kind: str, need: Need, name: str) -> str:
    """One for each template of a need: "goal:food-insecurity:enough-food"."""
    return f"{kind}:{need.code}:{name}"


def every_key(needs: Iterable[Need]) -> frozenset[str]:
    """The keys of all resources of ours that could stand in the EHR for these needs, present or not."""
    keys = {SOCIAL_WORK_KEY}
    for need in needs:
        keys |= {
            f"referral:{template.service}{audience}"
            for template in need.interventions.referrals
            for audience in _AUDIENCES.values()
        }
        keys |= {item_key("goal", need, template.key) for template in need.interventions.goals}
    return frozenset(keys)
