"""Reading whose a stay is, where hospitals share a FHIR server; `service.domain.claims` decides from it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from weakref import WeakKeyDictionary

from config.tenants import Tenant
from fhir_mappings.bundle import Search
from fhir_mappings.inbound.belonging import above, asked_of, locations_of, names_provider, provider_of
from fhir_mappings.inbound.encounter import part_of
from fhir_mappings.references import is_encounter, reference_of
from fhir_mappings.shared_server import neighbours_of
from service.clock import monotonic
from service.domain.claims import Belonging, Unclaimed, claims
from service.ehr.client import Ehr
from service.ehr.search import Lack
from service.errors import EhrUnavailable
from service.pipeline.ports import Deps

#: Hospital, region, group: more levels are a mistake in the EHR.
_LEVELS: Final = 6
#: Organizations and places change seldom; a stay is asked after again within the hour.
_KEPT_SECONDS: Final = 600.0
_KEPT: Final = frozenset({"Organization", "Location"})

#: What was read of organizations and places, for each client, with the time until which it is good.
_read_before: WeakKeyDictionary[Ehr, dict[str, tuple[float, dict[str, Any]]]] = WeakKeyDictionary()


def is_shared(tenant: Tenant) -> bool:
    """Whether not all stays of its server are this tenant's."""
    return tenant.stays is not None


def find_claim(
    encounter: str,
    order: str,
    tenant: Tenant,
    deps: Deps,
    *,
    seen: Iterable[Mapping[str, Any]] = (),
) -> str | Unclaimed:
    """The id of the tenant whose stay this is, or why it is nobody's; read with this tenant's client.

    order is "" where none is known; seen are resources that were read just now. EhrUnavailable when the EHR does not
    answer now: nothing follows from that.
    """
    filters = {
        hospital.id: hospital.stays
        for hospital in [tenant, *neighbours_of(tenant, deps.tenants.values())]
        if hospital.stays
    }
    by_order = any(its.order_performers for its in filters.values())
    known = {reference_of(resource): dict(resource) for resource in seen}
    reading = _Reading(deps.ehr(tenant.id), known)
    return claims(reading.belonging(encounter, order if by_order else ""), filters)


def find_hospital(
    encounter: str, order: str, tenant: Tenant, deps: Deps, *, seen: Iterable[Mapping[str, Any]] = ()
) -> Tenant | Unclaimed:
    """The hospital whose stay a caller of this tenant's server asks about: who plans it already, else whose it is."""
    if not is_shared(tenant):
        return tenant
    hospitals = [tenant, *neighbours_of(tenant, deps.tenants.values())]
    planning = [
        hospital
        for hospital in hospitals
        if (known := deps.store.discharges.of_stay(hospital.id, encounter)) and not known.is_called_off()
    ]
    if len(planning) == 1:
        return planning[0]
    claim = find_claim(encounter, order, tenant, deps, seen=seen)
    return claim if isinstance(claim, Unclaimed) else deps.tenants[claim]


class _Reading:
    """The resources that say whose one stay is, read level by level."""

    def __init__(self, ehr: Ehr, seen: Mapping[str, dict[str, Any]]) -> None:
        self._ehr = ehr
        self._seen = dict(seen)
        self._base = ehr.tenant.fhir_base_url
        self._complete = True

    def belonging(self, encounter: str, order: str) -> Belonging:
        stays = self._stays(encounter)
        naming = next((stay for stay in stays if names_provider(stay)), None)
        provider = provider_of(naming, self._base) if naming else ""
        self._complete &= not naming or bool(provider)
        located = next((found for stay in stays if (found := locations_of(stay, self._base))), ())
        places = self._with_all_above([*located, provider] if provider else located)
        locations = frozenset(place for place in places if place.startswith("Location/"))
        if naming:  # who manages a place says less than the stay itself
            organizations = self._with_all_above([provider]) if provider else frozenset()
        else:
            organizations = places - locations
        asked = self._with_all_above(self._asked(order)) if order else frozenset()
        return Belonging(
            organizations=organizations,
            locations=locations,
            order_performers=frozenset(who for who in asked if who.startswith("Organization/")),
            complete=self._complete,
        )

    def _stays(self, encounter: str) -> list[dict[str, Any]]:
        """The stay and what it is part of, the outermost first: a ward's contact is of the hospital of its stay."""
        found: list[dict[str, Any]] = []
        reference = encounter
        while is_encounter(reference) and len(found) < _LEVELS:
            read = self._read([reference]).get(reference)
            if read is None or read in found:
                break
            found.insert(0, read)
            reference = part_of(read)
        return found

    def _asked(self, order: str) -> Iterable[str]:
        read = self._read([order]).get(order)
        return asked_of(read, self._base) if read else ()

    def _with_all_above(self, references: Iterable[str]) -> frozenset[str]:
        """These and all that they are a part of. What cannot be read is named all the same."""
        found: set[str] = set()
        level = set(references)
        for _ in range(_LEVELS):
            found |= level
            read = self._read(sorted(level))
            level = {
                reference for resource in read.values() for reference in above(resource, self._base)
            } - found
            if not level:
                break
        return frozenset(found | level)

    def _read(self, references: Iterable[str]) -> dict[str, dict[str, Any]]:
        """What of these can be read; EhrUnavailable when the EHR does not answer for one of them."""
        now, kept = monotonic(), _read_before.setdefault(self._ehr, {})
        known = self._seen | {name: resource for name, (until, resource) in kept.items() if until > now}
        missing = [name for name in references if name not in known]
        searches = [Search(kind, id=number) for kind, _, number in (name.partition("/") for name in missing)]
        for name, result in zip(missing, self._ehr.batch(searches), strict=True):
            if result.resources:
                known[name] = result.resources[0]
                if name.partition("/")[0] in _KEPT:
                    kept[name] = now + _KEPT_SECONDS, result.resources[0]
            elif result.lack is Lack.PASSING:
                raise EhrUnavailable("Whose a stay is could not be read.")
            else:
                self._complete = False
        return {name: known[name] for name in references if name in known}
