"""Which order in the EHR answers a suggestion, where it carries no identifier of ours. Pure but for the search it names."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Final

from fhir_mappings.bundle import Search, carries
from fhir_mappings.inbound.made_order import may_answer
from fhir_mappings.inbound.references import encounter_of, subject_of
from fhir_mappings.references import reference_of, version_of
from service.domain.preference_list import SuggestedOrder
from service.domain.publication import LedgerEntry
from service.ehr.capability import Capability
from service.ehr.search import SearchResult
from service.pipeline.publishing.actions import Observed, Sight

_ORDER: Final = "ServiceRequest"


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What was suggested to clinicians by the hospital's own orders, by key; zone is the hospital's."""

    by_key: Mapping[str, SuggestedOrder] = field(default_factory=dict)
    zone: tzinfo = UTC


NOTHING_SUGGESTED: Final = Suggestions()


def search_for_answer(entry: LedgerEntry, capability: Capability) -> tuple[Search, ...]:
    """The question for the orders of the patient's stay, whoever made them; () where the EHR cannot be asked so."""
    patient, stay = subject_of(entry.draft.body), encounter_of(entry.draft.body)
    asked = [("patient", patient.rpartition("/")[2]), ("encounter", stay.rpartition("/")[2])]
    taken = tuple((name, value) for name, value in asked if value and capability.searches(_ORDER, name))
    names = [name for name, _ in taken]
    if not taken or capability.left_out(_ORDER, names) or capability.is_doubtful(_ORDER, names):
        return ()
    return (Search(_ORDER, taken),)


def find_answer(
    entry: LedgerEntry, result: SearchResult, suggestions: Suggestions, taken: Collection[str]
) -> Observed | None:
    """What a search shows of an order that answers: our own by its identifier, else the one that may be it.

    taken are the references of orders that are known to be another item's. PERHAPS where several may be it, None where
    none is.
    """
    ours = [order for order in result.resources if carries(order, entry.draft.identifier)]
    if len(ours) > 1:
        return Observed(Sight.SEVERAL)
    suggestion = suggestions.by_key[entry.draft.key]
    patient, stay = subject_of(entry.draft.body), encounter_of(entry.draft.body)
    found = ours or [
        order
        for order in result.resources
        if reference_of(order) not in taken
        and may_answer(order, suggestion, patient=patient, stay=stay, zone=suggestions.zone)
    ]
    if not found:
        return None
    if len(found) > 1:
        return Observed(Sight.PERHAPS)
    return Observed(Sight.THERE, found[0], version_of(found[0]))


def name_nobody_twice(observed: Mapping[str, Observed], keys: Collection[str]) -> dict[str, Observed]:
    """The same, but for an order that may answer two suggestions: it is named for neither."""
    claims = Counter(
        reference_of(look.resource) for key in keys if (look := observed[key]).sight is Sight.THERE
    )
    return {
        key: Observed(Sight.PERHAPS)
        if key in keys and look.sight is Sight.THERE and claims[reference_of(look.resource)] > 1
        else look
        for key, look in observed.items()
    }
